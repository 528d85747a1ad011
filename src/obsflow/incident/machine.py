"""Incidents as a machine: what sources, people and timers say goes in; pages, updates and reasons come out."""

import heapq
from collections.abc import Callable
from typing import Any

import attrs

from obsflow.errors import NotFoundError, StateError
from obsflow.incident.config import Config, Service
from obsflow.incident.contacts import Urgency
from obsflow.incident.escalation import Policy, Position
from obsflow.incident.events import (
    Acknowledge,
    AddNote,
    AlertsReceived,
    Effect,
    Escalate,
    Event,
    Ignored,
    IgnoredReason,
    IncidentMerged,
    IncidentOpened,
    MaintenanceChanged,
    Merge,
    NoteAdded,
    NoteKind,
    Reassign,
    Reloaded,
    Resolve,
    Snooze,
    SourceAcknowledge,
    SourceResolve,
    Trigger,
    Unacknowledge,
    Unsnooze,
    UpdateKind,
)
from obsflow.incident.heartbeats import Pulse
from obsflow.incident.lifecycle import IncidentState, Observation, advance
from obsflow.incident.maintenance import Window
from obsflow.incident.operations import Beat, Change, EndMaintenance, Reload, StartMaintenance
from obsflow.incident.reload import readjust
from obsflow.incident.sources import from_notification
from obsflow.incident.state import Incident, Key, Snapshot
from obsflow.incident.steps import STATUS_OF_NOTE, Cause, Steps
from obsflow.model.notifications import Notification

_PRIVATE_NOTES = frozenset({NoteKind.NOTE, NoteKind.ONSET})
_MAX_CHANGES = 50  # of a service; what is older is forgotten


class Incidents:
    """Opens, pages, escalates and closes incidents. Times are ms; nothing is performed here.

    Give events with `receive` and collect effects with `poll`, after events and at `next_timer`; events of an instant
    come before its timers. Incidents are numbered from 1 as they are opened.
    """

    def __init__(self, config: Config) -> None:
        self._state = Snapshot(config, dict(config.services))

    # -- the machine

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._state.config

    def receive(self, event: Event, now: int) -> None:
        """Take in an event, after the timers before `now`.

        Raises StateError for what the table of the lifecycle does not allow, NotFoundError for an incident, service,
        policy, user or heartbeat that does not exist; the event then changes nothing.
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
        due, missed = self._state.next_timer(), self._state.next_missed()
        return min((each for each in (due and due[1].at, missed and missed[0]) if each is not None), default=None)

    def snapshot(self) -> Snapshot:
        """A copy of everything remembered, with the configuration."""
        return self._state.copy()

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot, by its configuration; if there is another since then, let a Reload follow."""
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
        key, incident = (event.service, event.key), self.find(event.service, event.key)
        is_open = incident is not None and incident.state.is_open
        service = self._state.services[event.service] if is_open else self._service(event.service)
        if incident is None or not is_open:
            incident = self._group(service, now)
            if incident is None:
                self._open(service, key, event, now)
                return
            incident = attrs.evolve(incident, keys=(*incident.keys, key))
            self._state.keys[key] = incident.number
        if event.is_whole:
            incident = incident.without_reports(key)
        incident = incident.with_reports((key, alert) for alert in event.alerts)
        incident = attrs.evolve(incident, open_keys=incident.open_keys | {key})
        by_day = service.hours is not None and service.hours.raises
        urgency = service.urgency_at(now if by_day else incident.opened_at, event.urgency)
        observation, incident = self._more(incident, urgency)
        self._state.effects.append(AlertsReceived(now, incident.number, event.key, observation, event.alerts))
        self._steps.apply(incident, Cause(observation, now))

    def _group(self, service: Service, now: int) -> Incident | None:
        """The open incident of the service that a new key is part of, if it groups what comes together."""
        if service.group_ms is None:
            return None
        for incident in reversed(self._state.incidents.values()):  # the last that was opened first
            if incident.opened_at < now - service.group_ms:
                return None
            if incident.service == service.name and incident.state.is_open:
                return incident
        return None

    def _open(self, service: Service, key: Key, event: Trigger, now: int) -> None:
        """A fresh incident, also where the key had one that is resolved."""
        number, urgency = len(self._state.incidents) + 1, service.urgency_at(now, event.urgency)
        incident = Incident(
            number=number,
            service=service.name,
            title=event.title,
            urgency=urgency,
            state=IncidentState.NONE,
            opened_at=now,
            since=now,
            position=Position(self.config.policies[service.policy]),
            level_since=now,
            keys=(key,),
            open_keys=frozenset((key,)),
        )
        self._state.keys[key] = number
        opened = IncidentOpened(now, number, service.name, event.key, event.title, urgency)
        self._state.effects += (opened, AlertsReceived(now, number, event.key, Observation.TRIGGER, event.alerts))
        incident = incident.with_reports((key, alert) for alert in event.alerts)
        self._steps.apply(incident, Cause(Observation.TRIGGER, now))
        for change in self._state.changes.get(service.name, ()):
            if service.changes_ms is not None and change.occurred_at >= now - service.changes_ms:
                self._note_change(self._state.incidents[number], change, now)

    def _more(self, incident: Incident, urgency: Urgency) -> tuple[Observation, Incident]:
        """What more of an open incident is to it: nothing starts anew, but its urgency may rise."""
        if urgency is Urgency.HIGH and incident.urgency is Urgency.LOW:
            return Observation.WORSEN, attrs.evolve(incident, urgency=urgency).without_timers(Observation.WORSEN)
        return Observation.TRIGGER, incident

    def _source_acknowledge(self, event: SourceAcknowledge, now: int) -> None:
        if (incident := self._of_source(event, Observation.SOURCE_ACKNOWLEDGE, now)) is not None:
            self._steps.apply(incident, Cause(Observation.SOURCE_ACKNOWLEDGE, now))

    def _source_resolve(self, event: SourceResolve, now: int) -> None:
        incident = self._of_source(event, Observation.SOURCE_RESOLVE, now)
        if incident is None:
            return
        key = (event.service, event.key)
        incident = incident.with_reports((key, alert) for alert in event.alerts)
        ended = incident.ended_reports(key, now)
        incident = incident.with_reports((key, alert) for alert in ended)
        left = incident.open_keys - {key}
        observation = Observation.PART_RESOLVE if left else Observation.SOURCE_RESOLVE
        alerts = (*event.alerts, *ended)
        self._state.effects.append(AlertsReceived(now, incident.number, event.key, observation, alerts))
        self._steps.apply(attrs.evolve(incident, open_keys=left), Cause(observation, now))

    def _of_source(
        self, event: SourceAcknowledge | SourceResolve, observation: Observation, now: int
    ) -> Incident | None:
        """The open incident of a key; without one the word is ignored, and that is said."""
        incident = self.find(event.service, event.key)
        if incident is not None and incident.state.is_open:
            return incident
        self._service(event.service)
        advance(IncidentState.NONE if incident is None else incident.state, observation)
        number, reason = (0, IgnoredReason.UNKNOWN) if incident is None else (incident.number, IgnoredReason.OVER)
        self._state.effects.append(Ignored(now, number, event.service, event.key, observation, reason))
        return None

    # -- people

    def _acknowledge(self, event: Acknowledge, now: int) -> None:
        incident = self.incident(event.incident)
        if incident.state is IncidentState.ACKNOWLEDGED or event.by in incident.acknowledgers:
            advance(incident.state, Observation.ACKNOWLEDGE)  # which is no news
            return
        is_part = incident.state is IncidentState.TRIGGERED and incident.missing_acknowledgements > 1
        observation = Observation.PART_ACKNOWLEDGE if is_part else Observation.ACKNOWLEDGE
        by = "" if is_part else event.by
        people = (*incident.acknowledgers, event.by)
        self._steps.apply(incident, Cause(observation, now, event.by), acknowledged_by=by, acknowledgers=people)

    def _unacknowledge(self, event: Unacknowledge, now: int) -> None:
        self._steps.apply(self.incident(event.incident), Cause(Observation.UNACKNOWLEDGE, now, event.by))

    def _snooze(self, event: Snooze, now: int) -> None:
        if event.until <= now:
            raise StateError("a snooze must end after now")
        incident = self.incident(event.incident)
        self._steps.apply(incident, Cause(Observation.SNOOZE, now, event.by), snoozed_until=event.until)

    def _unsnooze(self, event: Unsnooze, now: int) -> None:
        self._steps.apply(self.incident(event.incident), Cause(Observation.UNSNOOZE, now, event.by))

    def _reassign(self, event: Reassign, now: int) -> None:
        incident = self.incident(event.incident)
        if bool(event.policy) == bool(event.users):
            raise StateError("an incident is reassigned to a policy or to users")
        unknown = [user for user in event.users if user not in self.config.users]
        if unknown or (event.policy and event.policy not in self.config.policies):
            raise NotFoundError(f'no user "{unknown[0]}"' if unknown else f'no policy "{event.policy}"')
        policy = self.config.policies[event.policy] if event.policy else Policy.of_users(event.users)
        cause = Cause(Observation.REASSIGN, now, event.by)
        self._steps.apply(incident, cause, position=Position(policy), is_assigned=True)

    def _escalate(self, event: Escalate, now: int) -> None:
        self._steps.apply(self.incident(event.incident), Cause(Observation.ESCALATE, now, event.by))

    def _merge(self, event: Merge, now: int) -> None:
        incident, into = self.incident(event.incident), self.incident(event.into)
        advance(incident.state, Observation.MERGE)
        if incident is into or not into.state.is_open:
            raise StateError(f"incident {incident.number} cannot be merged into {into.number}: not another open one")
        self._steps.apply(incident, Cause(Observation.MERGE, now, event.by), merged_into=into.number)
        self._state.keys.update(dict.fromkeys(incident.keys, into.number))
        into = attrs.evolve(
            into.with_reports(incident.reports),
            keys=(*into.keys, *incident.keys),
            open_keys=into.open_keys | incident.open_keys,
        )
        observation, into = self._more(into, incident.urgency)
        self._state.effects.append(IncidentMerged(now, into.number, incident.number, event.by))
        self._steps.apply(into, Cause(observation, now, event.by))

    def _note(self, event: AddNote, now: int) -> None:
        incident, steps = self.incident(event.incident), self._steps
        advance(incident.state, Observation.NOTE)
        at = now if event.occurred_at is None else event.occurred_at
        self._state.effects.append(NoteAdded(now, incident.number, event.by, event.text, event.kind, at))
        if event.kind not in _PRIVATE_NOTES:
            steps.tell(incident, UpdateKind.NOTE, f"{event.kind.value}: {event.text}", now)
        if incident.state.is_open:
            steps.publish(incident, STATUS_OF_NOTE.get(event.kind), UpdateKind.NOTE, now)

    def _resolve(self, event: Resolve, now: int) -> None:
        self._steps.apply(self.incident(event.incident), Cause(Observation.RESOLVE, now, event.by))

    # -- operations

    def _reload(self, event: Reload, now: int) -> None:
        before = self._state.services
        self._state.config = event.config
        in_use = {incident.service for incident in self._state.incidents.values() if incident.state.is_open}
        kept = {name: service for name, service in before.items() if name in in_use}
        self._state.services = {**kept, **event.config.services}
        self._state.effects.append(Reloaded(now))
        for incident in self.incidents:
            if incident.state.is_open:
                readjust(self._steps, incident, before, now)
        for key, pulse in list(self._state.pulses.items()):
            heartbeat = self._state.heartbeat(key) if key[0] in event.config.services else None
            if heartbeat is None:
                del self._state.pulses[key]
            elif pulse.due is not None:
                self._state.pulses[key] = Pulse(pulse.last, max(now, pulse.last + heartbeat.timeout_ms))

    def _start_maintenance(self, event: StartMaintenance, now: int) -> None:
        if event.until <= now:
            raise StateError("a maintenance must end after now")
        self._service(event.service)
        self._set_maintenance(event.service, event.by, now, event.until)

    def _end_maintenance(self, event: EndMaintenance, now: int) -> None:
        windows = self._state.windows.get(event.service, ())
        self._service(event.service)
        if not any(window.covers(now) for window in windows):
            raise StateError(f'service "{event.service}" is in no maintenance that could be ended')
        self._set_maintenance(event.service, event.by, now, now)

    def _set_maintenance(self, service: str, by: str, now: int, until: int) -> None:
        """Until then nobody is paged, whatever was said before; what waits for the end is told of it."""
        windows = [
            Window(each.start, min(each.end, now)) for each in self._state.windows.get(service, ()) if each.end >= now
        ]
        windows = [each for each in windows if each.start < each.end]
        self._state.windows[service] = (*windows, *([Window(now, until)] if until > now else []))
        self._state.effects.append(MaintenanceChanged(now, 0, service, by, until))
        for incident in self.incidents:
            if incident.service == service and incident.state.is_open:
                wanted = [(timer.due, timer.observation, timer.page) for timer in incident.timers]
                self._state.incidents[incident.number] = self._state.rearm(incident, wanted)

    def _beat(self, event: Beat, now: int) -> None:
        service, key = self._service(event.service), (event.service, event.name)
        heartbeat = self._state.heartbeat(key)
        if heartbeat is None:
            raise NotFoundError(f'service "{service.name}" has no heartbeat "{event.name}"')
        self._state.pulses[key] = Pulse(now, now + heartbeat.timeout_ms)
        incident = self.find(event.service, heartbeat.key)
        if incident is not None and incident.state.is_open:
            self._source_resolve(SourceResolve(event.service, heartbeat.key), now)

    def _change(self, event: Change, now: int) -> None:
        self._service(event.service)
        self._state.changes[event.service] = (*self._state.changes.get(event.service, ()), event)[-_MAX_CHANGES:]
        for incident in self.incidents:
            if incident.service == event.service and incident.state.is_open:
                self._note_change(incident, event, now)

    def _note_change(self, incident: Incident, change: Change, now: int) -> None:
        note = AddNote(incident.number, change.source, change.summary, NoteKind.DEPLOYMENT, change.occurred_at)
        self._note(note, now)

    # -- steps

    @property
    def _steps(self) -> Steps:
        return Steps(self._state)

    def _run_until(self, end: int) -> None:
        """Let what is due before `end` happen, each at its own time; of an instant first what heartbeats are missed."""
        while True:
            due, missed = self._state.next_timer(), self._state.next_missed()
            if missed is not None and missed[0] < end and (due is None or missed[0] <= due[1].at):
                self._miss(missed[1], missed[0])
            elif due is not None and due[1].at < end:
                heapq.heappop(self._state.timers)
                incident, timer = due
                left = tuple(each for each in incident.timers if each is not timer)
                incident = attrs.evolve(incident, timers=left)
                if timer.observation is Observation.WORSEN:  # with the support hours
                    incident = attrs.evolve(incident, urgency=Urgency.HIGH)
                self._steps.apply(incident, Cause(timer.observation, timer.at, timer=timer))
            else:
                return

    def _miss(self, key: Key, now: int) -> None:
        """Trigger the incident of a heartbeat that is missed."""
        heartbeat, last = self._state.heartbeat(key), self._state.pulses[key].last
        assert heartbeat is not None
        self._state.pulses[key] = Pulse(last, None)
        urgency = Urgency.of_severity(heartbeat.severity)
        self._trigger(Trigger(key[0], heartbeat.key, heartbeat.title, urgency, (heartbeat.absence(last),)), now)

    def _service(self, name: str) -> Service:
        service = self.config.services.get(name)
        if service is None:
            raise NotFoundError(f'no service "{name}"')
        return service


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
    Reload: Incidents._reload,  # noqa: SLF001
    StartMaintenance: Incidents._start_maintenance,  # noqa: SLF001
    EndMaintenance: Incidents._end_maintenance,  # noqa: SLF001
    Beat: Incidents._beat,  # noqa: SLF001
    Change: Incidents._change,  # noqa: SLF001
}
