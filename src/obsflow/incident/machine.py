"""Incidents as a machine: what sources, people and timers say goes in; pages, updates and reasons come out."""

import heapq
from collections.abc import Callable
from typing import Any

import attrs

from obsflow.errors import NotFoundError, StateError
from obsflow.incident.config import Config, Service
from obsflow.incident.contacts import Urgency
from obsflow.incident.escalation import Move, Policy, Position, resumed
from obsflow.incident.events import (
    Acknowledge,
    AddNote,
    AlertsReceived,
    ChannelUpdate,
    Effect,
    Escalate,
    Event,
    Ignored,
    IncidentMerged,
    IncidentOpened,
    IncidentResolved,
    Merge,
    NoteAdded,
    NoteKind,
    PublicStatus,
    Reassign,
    Resolve,
    Snooze,
    Snoozed,
    SourceAcknowledge,
    SourceResolve,
    StatusUpdate,
    Transition,
    Trigger,
    Unacknowledge,
    Unsnooze,
    UpdateKind,
    page_cause,
)
from obsflow.incident.lifecycle import Action, IncidentReason, IncidentState, Observation, Step, advance
from obsflow.incident.paging import Paging
from obsflow.incident.sources import from_notification
from obsflow.incident.state import Incident, Key, Snapshot, Timer
from obsflow.model.notifications import Notification


@attrs.frozen
class _Cause:
    """What makes a step: `timer` is the one that ran out, `by` the person."""

    observation: Observation
    now: int
    by: str = ""
    timer: Timer | None = None


# What a status page is told of a note, and of a state.
_STATUS_OF_NOTE = {NoteKind.CAUSE: PublicStatus.IDENTIFIED, NoteKind.MITIGATION: PublicStatus.MONITORING}
_STATUS_OF_STATE = {
    (IncidentState.NONE, IncidentState.TRIGGERED): PublicStatus.INVESTIGATING,
    **{(state, IncidentState.RESOLVED): PublicStatus.RESOLVED for state in IncidentState if state.is_open},
}
_PRIVATE_NOTES = frozenset({NoteKind.NOTE, NoteKind.ONSET})


class Incidents:
    """Opens, pages, escalates and closes incidents. Times are ms; nothing is performed here.

    Give events with `receive` and collect effects with `poll`, after events and at `next_timer`; events of an instant
    come before its timers. Incidents are numbered from 1 as they are opened.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._state = Snapshot()

    # -- the machine

    def receive(self, event: Event, now: int) -> None:
        """Take in an event, after the timers before `now`.

        Raises StateError for what the table of the lifecycle does not allow, NotFoundError for an incident, service,
        policy or user that does not exist; the event then changes nothing.
        """
        if self._state.now is not None and now < self._state.now:
            raise StateError(f"time went back, from {self._state.now} to {now}")
        self._run_until(now)
        self._state.now = now
        _HANDLERS[type(event)](self, event, now)

    def poll(self, now: int) -> list[Effect]:
        """Do what is due until `now`, each at its own time; the effects in order, those of events first."""
        self._run_until(now + 1)
        self._state.now = now if self._state.now is None else max(now, self._state.now)
        effects, self._state.effects = self._state.effects, []
        return effects

    def next_timer(self) -> int | None:
        """When `poll` has something to do even if nothing happens before; None if never."""
        due = self._state.next_timer()
        return None if due is None else due[1].at

    def snapshot(self) -> Snapshot:
        """A copy of everything remembered."""
        return self._state.copy()

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot of a machine with the same configuration."""
        self._state = snapshot.copy()

    # -- questions

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Every incident, in the order in which they were opened."""
        return tuple(self._state.incidents.values())

    def incident(self, number: int) -> Incident:
        """An incident by its number. Raises NotFoundError."""
        incident = self._state.incidents.get(number)
        if incident is None:
            raise NotFoundError(f"no incident {number}")
        return incident

    def find(self, service: str, key: str) -> Incident | None:
        """The last incident of a source's key."""
        return self._state.incidents.get(self._state.keys.get((service, key), 0))

    # -- sources

    def _notification(self, event: Notification, now: int) -> None:
        source_event = from_notification(event)
        _HANDLERS[type(source_event)](self, source_event, now)

    def _trigger(self, event: Trigger, now: int) -> None:
        service = self._service(event.service)
        key, incident = (event.service, event.key), self.find(event.service, event.key)
        if incident is None or not incident.state.is_open:
            self._open(service, key, event, now)
            return
        incident = attrs.evolve(incident.with_alerts(event.alerts), open_keys=incident.open_keys | {key})
        observation, incident = self._more(incident, service.urgency or event.urgency)
        self._state.effects.append(AlertsReceived(now, incident.number, event.key, observation, event.alerts))
        self._apply(incident, _Cause(observation, now))

    def _open(self, service: Service, key: Key, event: Trigger, now: int) -> None:
        """A fresh incident, also where the key had one that is resolved."""
        policy = self.config.policies[service.policy]
        number = len(self._state.incidents) + 1
        urgency = service.urgency or event.urgency
        incident = Incident(
            number=number,
            service=service.name,
            title=event.title,
            urgency=urgency,
            state=IncidentState.NONE,
            opened_at=now,
            since=now,
            position=Position(policy),
            level_since=now,
            keys=(key,),
            open_keys=frozenset((key,)),
        )
        self._state.keys[key] = number
        opened = IncidentOpened(now, number, service.name, event.key, event.title, urgency)
        self._state.effects += (opened, AlertsReceived(now, number, event.key, Observation.TRIGGER, event.alerts))
        self._apply(incident.with_alerts(event.alerts), _Cause(Observation.TRIGGER, now))

    def _more(self, incident: Incident, urgency: Urgency) -> tuple[Observation, Incident]:
        """What more of an open incident is to it: nothing starts anew, but its urgency may rise."""
        if urgency is Urgency.HIGH and incident.urgency is Urgency.LOW:
            return Observation.WORSEN, attrs.evolve(incident, urgency=urgency)
        return Observation.TRIGGER, incident

    def _source_acknowledge(self, event: SourceAcknowledge, now: int) -> None:
        if (incident := self._of_source(event, Observation.SOURCE_ACKNOWLEDGE, now)) is not None:
            self._apply(incident, _Cause(Observation.SOURCE_ACKNOWLEDGE, now))

    def _source_resolve(self, event: SourceResolve, now: int) -> None:
        incident = self._of_source(event, Observation.SOURCE_RESOLVE, now)
        if incident is None:
            return
        left = incident.open_keys - {(event.service, event.key)}
        observation = Observation.PART_RESOLVE if left else Observation.SOURCE_RESOLVE
        self._state.effects.append(AlertsReceived(now, incident.number, event.key, observation, event.alerts))
        self._apply(attrs.evolve(incident.with_alerts(event.alerts), open_keys=left), _Cause(observation, now))

    def _of_source(
        self, event: SourceAcknowledge | SourceResolve, observation: Observation, now: int
    ) -> Incident | None:
        """The open incident of a key; without one the word is ignored, and that is said."""
        self._service(event.service)
        incident = self.find(event.service, event.key)
        if incident is not None and incident.state.is_open:
            return incident
        advance(IncidentState.NONE if incident is None else incident.state, observation)
        number = 0 if incident is None else incident.number
        self._state.effects.append(Ignored(now, number, event.service, event.key, observation))
        return None

    # -- people

    def _acknowledge(self, event: Acknowledge, now: int) -> None:
        incident = self.incident(event.incident)
        by = incident.acknowledged_by if incident.state is IncidentState.ACKNOWLEDGED else event.by
        self._apply(incident, _Cause(Observation.ACKNOWLEDGE, now, event.by), acknowledged_by=by)

    def _unacknowledge(self, event: Unacknowledge, now: int) -> None:
        self._apply(self.incident(event.incident), _Cause(Observation.UNACKNOWLEDGE, now, event.by))

    def _snooze(self, event: Snooze, now: int) -> None:
        if event.until <= now:
            raise StateError("a snooze must end after now")
        self._apply(self.incident(event.incident), _Cause(Observation.SNOOZE, now, event.by), snoozed_until=event.until)

    def _unsnooze(self, event: Unsnooze, now: int) -> None:
        self._apply(self.incident(event.incident), _Cause(Observation.UNSNOOZE, now, event.by))

    def _reassign(self, event: Reassign, now: int) -> None:
        incident = self.incident(event.incident)
        if bool(event.policy) == bool(event.users):
            raise StateError("an incident is reassigned to a policy or to users")
        unknown = [user for user in event.users if user not in self.config.users]
        if unknown or (event.policy and event.policy not in self.config.policies):
            raise NotFoundError(f'no user "{unknown[0]}"' if unknown else f'no policy "{event.policy}"')
        policy = self.config.policies[event.policy] if event.policy else Policy.of_users(event.users)
        self._apply(incident, _Cause(Observation.REASSIGN, now, event.by), position=Position(policy))

    def _escalate(self, event: Escalate, now: int) -> None:
        incident = self.incident(event.incident)
        advance(incident.state, Observation.ESCALATE)
        self._paging(now).check_moves(incident)
        self._apply(incident, _Cause(Observation.ESCALATE, now, event.by))

    def _merge(self, event: Merge, now: int) -> None:
        incident, into = self.incident(event.incident), self.incident(event.into)
        advance(incident.state, Observation.MERGE)
        if incident is into or not into.state.is_open:
            raise StateError(f"incident {incident.number} cannot be merged into {into.number}: not another open one")
        self._apply(incident, _Cause(Observation.MERGE, now, event.by), merged_into=into.number)
        self._state.keys.update(dict.fromkeys(incident.keys, into.number))
        into = attrs.evolve(
            into.with_alerts(incident.alerts),
            keys=(*into.keys, *incident.keys),
            open_keys=into.open_keys | incident.open_keys,
        )
        observation, into = self._more(into, incident.urgency)
        self._state.effects.append(IncidentMerged(now, into.number, incident.number, event.by))
        self._apply(into, _Cause(observation, now, event.by))

    def _note(self, event: AddNote, now: int) -> None:
        incident = self.incident(event.incident)
        advance(incident.state, Observation.NOTE)
        at = now if event.occurred_at is None else event.occurred_at
        self._state.effects.append(NoteAdded(now, incident.number, event.by, event.text, event.kind, at))
        if event.kind not in _PRIVATE_NOTES:
            self._tell(incident, UpdateKind.NOTE, f"{event.kind.value}: {event.text}", now)
        if incident.state.is_open:
            self._publish(incident, _STATUS_OF_NOTE.get(event.kind), UpdateKind.NOTE, now)

    def _resolve(self, event: Resolve, now: int) -> None:
        self._apply(self.incident(event.incident), _Cause(Observation.RESOLVE, now, event.by))

    # -- steps

    def _run_until(self, end: int) -> None:
        """Let the timers before `end` happen, each at its own time."""
        while (due := self._state.next_timer()) is not None and due[1].at < end:
            heapq.heappop(self._state.timers)
            incident, timer = due
            left = tuple(each for each in incident.timers if each is not timer)
            self._apply(attrs.evolve(incident, timers=left), _Cause(timer.observation, timer.at, timer=timer))

    def _apply(self, incident: Incident, cause: _Cause, **changes: Any) -> None:
        """Take the step of the table: state, effects, reason. Raises StateError before anything is changed."""
        step = advance(incident.state, cause.observation)
        after = attrs.evolve(incident, **changes)
        if step.next is not incident.state:
            after = self._enter(after, step, cause)
        for action in step.actions:
            after = self._act(after, action, step, cause)
        self._state.incidents[after.number] = after

    def _enter(self, incident: Incident, step: Step, cause: _Cause) -> Incident:
        """The incident in its next state, with every timer stopped; those who listen are told."""
        assert step.reason is not None
        before, state, now = incident.state, step.next, cause.now
        elapsed_ms = now - incident.since
        self._state.effects.append(Transition(now, incident.number, before, state, step.reason, cause.by, elapsed_ms))
        self._tell(incident, UpdateKind.STATE, f"{incident.title}: {state.value}, {step.reason.value}", now)
        if step.reason is not IncidentReason.MERGED:  # it goes on, as another
            self._publish(incident, _STATUS_OF_STATE.get((before, state)), UpdateKind.STATE, now)
        return attrs.evolve(
            incident,
            state=state,
            since=now,
            timers=(),
            acknowledged_by=incident.acknowledged_by if state is IncidentState.ACKNOWLEDGED else "",
            snoozed_until=incident.snoozed_until if state is IncidentState.SNOOZED else None,
        )

    def _act(self, incident: Incident, action: Action, step: Step, cause: _Cause) -> Incident:
        now, service, paging = cause.now, self.config.services[incident.service], self._paging(cause.now, cause.by)
        why = page_cause(cause.observation, step.reason)
        match action:
            case Action.START:
                return paging.turn_to(incident, Move.START, incident.position, why)
            case Action.RESUME:
                return paging.turn_to(incident, Move.AGAIN, resumed(incident.position), why)
            case Action.NEXT:
                return paging.move_on(incident, why)
            case Action.AGAIN:
                return paging.page_again(incident, why)
            case Action.SEND:
                assert cause.timer is not None
                assert cause.timer.page is not None
                paging.send(incident, cause.timer.page)
            case Action.AWAIT if service.acknowledge_timeout_ms is not None:
                at = now + service.acknowledge_timeout_ms
                return self._state.arm(incident, at, Observation.ACKNOWLEDGE_TIMEOUT)
            case Action.SLEEP:
                assert incident.snoozed_until is not None
                self._state.effects.append(Snoozed(now, incident.number, cause.by, incident.snoozed_until))
                awake = incident.without_timers(Observation.SNOOZE_END)
                return self._state.arm(awake, incident.snoozed_until, Observation.SNOOZE_END)
            case Action.EXPIRE if service.auto_resolve_ms is not None:
                if incident.state is IncidentState.TRIGGERED or service.auto_resolves_acknowledged:
                    return self._state.arm(incident, now + service.auto_resolve_ms, Observation.AUTO_RESOLVE)
            case Action.CLOSE:
                assert step.reason is not None
                duration_ms, into = now - incident.opened_at, incident.merged_into
                resolved = IncidentResolved(now, incident.number, step.reason, cause.by, duration_ms, into)
                self._state.effects.append(resolved)
        return incident

    def _paging(self, now: int, by: str = "") -> Paging:
        return Paging(self.config, self._state, now, by)

    def _service(self, name: str) -> Service:
        service = self.config.services.get(name)
        if service is None:
            raise NotFoundError(f'no service "{name}"')
        return service

    def _tell(self, incident: Incident, kind: UpdateKind, text: str, now: int) -> None:
        channel = self.config.services[incident.service].channel or f"#incident-{incident.number}"
        self._state.effects.append(ChannelUpdate(now, incident.number, channel, kind, text))

    def _publish(self, incident: Incident, status: PublicStatus | None, kind: UpdateKind, now: int) -> None:
        component = self.config.services[incident.service].status_page
        if component and status is not None:
            self._state.effects.append(StatusUpdate(now, incident.number, component, status, kind))


_HANDLERS: dict[type, Callable[[Incidents, Any, int], None]] = {
    Notification: Incidents._notification,  # noqa: SLF001 - the machine's own table
    Trigger: Incidents._trigger,  # noqa: SLF001
    SourceAcknowledge: Incidents._source_acknowledge,  # noqa: SLF001
    SourceResolve: Incidents._source_resolve,  # noqa: SLF001
    Acknowledge: Incidents._acknowledge,  # noqa: SLF001
    Unacknowledge: Incidents._unacknowledge,  # noqa: SLF001
    Snooze: Incidents._snooze,  # noqa: SLF001
    Unsnooze: Incidents._unsnooze,  # noqa: SLF001
    Reassign: Incidents._reassign,  # noqa: SLF001
    Escalate: Incidents._escalate,  # noqa: SLF001
    Merge: Incidents._merge,  # noqa: SLF001
    AddNote: Incidents._note,  # noqa: SLF001
    Resolve: Incidents._resolve,  # noqa: SLF001
}
