"""Takes the steps of the table: the state that follows, what is done, and who is told."""

from typing import Any, Final

import attrs

from obsflow.incident.contacts import Urgency
from obsflow.incident.escalation import Move, PageCause, resumed
from obsflow.incident.events import (
    ChannelUpdate,
    IncidentResolved,
    NoteKind,
    PartlyAcknowledged,
    PublicStatus,
    Reminder,
    Snoozed,
    StatusUpdate,
    Transition,
    UpdateKind,
)
from obsflow.incident.lifecycle import Action, IncidentReason, IncidentState, Observation, Step, advance
from obsflow.incident.paging import Paging
from obsflow.incident.state import Incident, Snapshot, Timer
from obsflow.model.durations import render_duration

# What a status page is told of a note, and of a state.
STATUS_OF_NOTE: Final = {NoteKind.CAUSE: PublicStatus.IDENTIFIED, NoteKind.MITIGATION: PublicStatus.MONITORING}
_STATUS_OF_STATE: Final = {
    (IncidentState.NONE, IncidentState.TRIGGERED): PublicStatus.INVESTIGATING,
    **{(state, IncidentState.RESOLVED): PublicStatus.RESOLVED for state in IncidentState if state.is_open},
}
_PAGING: Final = frozenset({Action.START, Action.RESUME, Action.TURN, Action.NEXT, Action.AGAIN})
_BY_HAND: Final = frozenset({Observation.ESCALATE, Observation.REASSIGN})
_CAUSES: Final = {
    IncidentReason.OPENED: PageCause.OPENED,
    IncidentReason.ESCALATED: PageCause.ESCALATED,
    IncidentReason.REASSIGNED: PageCause.REASSIGNED,
}


_CAUSES_OF_OBSERVATIONS: Final = {
    Observation.LEVEL_DUE: PageCause.NOT_ACKNOWLEDGED,
    Observation.ESCALATE: PageCause.ESCALATED,
    Observation.REASSIGN: PageCause.REASSIGNED,
    Observation.WORSEN: PageCause.WORSENED,
    Observation.QUIET_END: PageCause.QUIET_ENDED,
    Observation.POLICY_CHANGED: PageCause.POLICY_CHANGED,
    Observation.LEVEL_GONE: PageCause.LEVEL_GONE,
}


@attrs.frozen
class Cause:
    """What makes a step: `timer` is the one that ran out, `by` the person."""

    observation: Observation
    now: int
    by: str = ""
    timer: Timer | None = None


@attrs.frozen
class Steps:
    """Works on one state."""

    state: Snapshot

    def apply(self, incident: Incident, cause: Cause, **changes: Any) -> None:
        """Take the step of the table: state, effects, reason. Raises StateError before anything is changed."""
        step = advance(incident.state, cause.observation)
        after = attrs.evolve(incident, **changes)
        if step.next is not incident.state:
            after = self._enter(after, step, cause)
        for action in step.actions:
            after = self._act(after, action, step, cause)
        self.state.incidents[after.number] = after

    def tell(self, incident: Incident, kind: UpdateKind, text: str, now: int) -> None:
        """Tell the channel of the service, or of the incident."""
        channel = self.state.services[incident.service].channel or f"#incident-{incident.number}"
        self.state.effects.append(ChannelUpdate(now, incident.number, channel, kind, text))

    def publish(self, incident: Incident, status: PublicStatus | None, kind: UpdateKind, now: int) -> None:
        """Tell the status page, if there is something to tell and somewhere to tell it."""
        component = self.state.services[incident.service].status_page
        if component and status is not None:
            self.state.effects.append(StatusUpdate(now, incident.number, component, status, kind))

    def _enter(self, incident: Incident, step: Step, cause: Cause) -> Incident:
        """The incident in its next state, with every timer stopped; those who listen are told."""
        assert step.reason is not None
        before, state, now = incident.state, step.next, cause.now
        elapsed_ms = now - incident.since
        self.state.effects.append(Transition(now, incident.number, before, state, step.reason, cause.by, elapsed_ms))
        text = f"{incident.title}: {state.value}, {step.reason.value}"
        if state is IncidentState.RESOLVED:
            text += f", after {render_duration(now - incident.opened_at)}"
        self.tell(incident, UpdateKind.STATE, text, now)
        if step.reason is not IncidentReason.MERGED:  # it goes on, as another
            self.publish(incident, _STATUS_OF_STATE.get((before, state)), UpdateKind.STATE, now)
        return attrs.evolve(
            incident,
            state=state,
            since=now,
            timers=(),
            cycle=None,
            acknowledged_by=incident.acknowledged_by if state is IncidentState.ACKNOWLEDGED else "",
            acknowledgers=incident.acknowledgers if state is IncidentState.ACKNOWLEDGED else (),
            snoozed_until=incident.snoozed_until if state is IncidentState.SNOOZED else None,
        )

    def _act(self, incident: Incident, action: Action, step: Step, cause: Cause) -> Incident:
        now, paging = cause.now, Paging(self.state, cause.now, cause.by)
        if action in _PAGING:
            return self._page(incident, action, step, cause)
        match action:
            case Action.SEND:
                assert cause.timer is not None
                assert cause.timer.page is not None
                paging.send(incident, cause.timer.page)
            case Action.SPARE:
                return self._spare(incident, cause)
            case Action.AWAIT:
                return self._await(incident, now)
            case Action.REMIND:
                self.state.effects.append(
                    Reminder(now, incident.number, incident.acknowledged_by, now - incident.since)
                )
                return self._await_reminder(incident, now)
            case Action.SLEEP:
                assert incident.snoozed_until is not None
                self.state.effects.append(Snoozed(now, incident.number, cause.by, incident.snoozed_until))
                awake = incident.without_timers(Observation.SNOOZE_END)
                return self.state.arm(awake, incident.snoozed_until, Observation.SNOOZE_END)
            case Action.EXPIRE:
                return self._expire(incident, now)
            case Action.CLOSE:
                assert step.reason is not None
                duration_ms, into = now - incident.opened_at, incident.merged_into
                resolved = IncidentResolved(now, incident.number, step.reason, cause.by, duration_ms, into)
                self.state.effects.append(resolved)
        return incident

    def _page(self, incident: Incident, action: Action, step: Step, cause: Cause) -> Incident:
        """Turn to a level, unless the service is in maintenance and nobody asked for it by hand."""
        paging, why = Paging(self.state, cause.now, cause.by), _page_cause(cause.observation, step.reason)
        position = resumed(incident.position) if action is Action.RESUME else incident.position
        if cause.observation not in _BY_HAND and self.state.free_at(incident.service, cause.now) > cause.now:
            return paging.hold(incident, position, is_started=incident.is_started and action is not Action.START)
        match action:
            case Action.START:
                return paging.turn_to(incident, Move.START, position, why)
            case Action.NEXT:
                return paging.move_on(incident, why)
            case Action.AGAIN if not incident.has_timer(Observation.QUIET_END):
                return paging.page_again(incident, why)
        return paging.turn_to(incident, Move.AGAIN if incident.is_started else Move.START, position, why)

    def _spare(self, incident: Incident, cause: Cause) -> Incident:
        missing = incident.missing_acknowledgements
        self.state.effects.append(PartlyAcknowledged(cause.now, incident.number, cause.by, missing))
        self.tell(incident, UpdateKind.STATE, f"{incident.title}: acknowledged, {missing} more needed", cause.now)
        left = tuple(
            timer for timer in incident.timers if timer.page is None or timer.page.reached.user.name != cause.by
        )
        return attrs.evolve(incident, timers=left)

    def _await(self, incident: Incident, now: int) -> Incident:
        timeout_ms = self.state.services[incident.service].acknowledge_timeout_ms
        if timeout_ms is not None:
            incident = self.state.arm(incident, now + timeout_ms, Observation.ACKNOWLEDGE_TIMEOUT)
        return self._await_reminder(incident, now)

    def _await_reminder(self, incident: Incident, now: int) -> Incident:
        interval_ms = self.state.services[incident.service].acknowledge_reminder_ms
        return (
            incident if interval_ms is None else self.state.arm(incident, now + interval_ms, Observation.REMINDER_DUE)
        )

    def _expire(self, incident: Incident, now: int) -> Incident:
        """Run the times of the state that have nothing to do with paging; the urgency may rise with the hours."""
        service = self.state.services[incident.service]
        is_waiting = incident.state is IncidentState.TRIGGERED
        if service.auto_resolve_ms is not None and (is_waiting or service.auto_resolves_acknowledged):
            incident = self.state.arm(incident, now + service.auto_resolve_ms, Observation.AUTO_RESOLVE)
        if not is_waiting or incident.urgency is Urgency.HIGH or service.hours is None:
            return incident
        at = service.hours.raised_at(now)
        if at is not None and at <= now:
            return attrs.evolve(incident, urgency=Urgency.HIGH)
        return incident if at is None else self.state.arm(incident, at, Observation.WORSEN)


def _page_cause(observation: Observation, reason: IncidentReason | None) -> PageCause:
    """Why a step of the lifecycle pages."""
    if observation in _CAUSES_OF_OBSERVATIONS:
        return _CAUSES_OF_OBSERVATIONS[observation]
    return PageCause.RESUMED if reason is None else _CAUSES.get(reason, PageCause.RESUMED)
