"""Everything that happened to an incident, in order: what the machine's effects left behind, told in a line each."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import attrs

from obsflow.incident.events import (
    AlertsReceived,
    Effect,
    Escalated,
    EscalationEnded,
    Ignored,
    IncidentMerged,
    IncidentOpened,
    IncidentResolved,
    NobodyReached,
    NoteAdded,
    NoteKind,
    Page,
    PagesHeld,
    PartlyAcknowledged,
    Reminder,
    Snoozed,
    StatusUpdate,
    Transition,
)
from obsflow.incident.evidence import EvidenceKind, Investigation
from obsflow.incident.schedule import ByLayer, OnCall
from obsflow.model.durations import render_duration
from obsflow.model.notifications import NotifiedAlert
from obsflow.model.times import render_rfc3339

_MAX_CAUSES: Final = 3


@attrs.frozen
class Entry:
    """A line of the timeline: when (ms), what kind of thing, in words, and the effect that says it all.

    What an investigation found out has no effect.
    """

    time: int
    kind: str
    text: str
    effect: Effect | None


def timeline(effects: Iterable[Effect], incident: int, investigation: Investigation | None = None) -> tuple[Entry, ...]:
    """The entries of one incident by time; a note stands where what it tells happened.

    With an investigation, when the trouble began, what was deployed, and the evidence for the likeliest causes stand
    where they happened, before what the machine did at that instant. Channel updates repeat what has an entry already,
    and have none. Entries of one instant stay in the order of the effects.
    """
    found_out = () if investigation is None else _found_out(investigation)
    entries = []
    for effect in effects:
        found = _ENTRIES.get(type(effect))
        if found is not None and effect.incident == incident:
            kind, render = found
            at, name = effect.time, kind
            if isinstance(effect, NoteAdded):
                at, name = effect.occurred_at, effect.kind.value
            entries.append(Entry(at, name, render(effect), effect))
    return tuple(sorted([*found_out, *entries], key=lambda entry: entry.time))


def _found_out(investigation: Investigation) -> Iterator[Entry]:
    """Evidence at the time at which it was first seen; alerts have an entry of their own."""
    diagnosis = investigation.diagnosis
    if diagnosis.onset is not None:
        yield Entry(diagnosis.onset, NoteKind.ONSET.value, "the trouble began, by the metrics", None)
    for deploy in investigation.deploys:
        yield Entry(deploy.time or 0, NoteKind.DEPLOYMENT.value, f"{deploy.name} was deployed", None)
    told = {
        weighed.evidence: None
        for hypothesis in diagnosis.hypotheses[:_MAX_CAUSES]
        for weighed in hypothesis.evidence
        if weighed.evidence.kind not in (EvidenceKind.DEPLOY_EVENT, EvidenceKind.ALERT)
    }
    for item in told:
        if item.time is not None:
            yield Entry(item.time, "evidence", f"{item.kind.value}: {item.statement}", None)


def first_note(entries: Iterable[Entry], kind: NoteKind) -> NoteAdded | None:
    """The first note of a kind."""
    notes = (entry.effect for entry in entries)
    return next((note for note in notes if isinstance(note, NoteAdded) and note.kind is kind), None)


def _opened(effect: IncidentOpened) -> str:
    return f"opened for {effect.service}, urgency {effect.urgency.value}: {effect.title}"


def _alerts(effect: AlertsReceived) -> str:
    said = ", ".join(_alert(alert) for alert in effect.alerts)
    return f"{effect.observation.value}: {said}" if said else effect.observation.value


def _alert(alert: NotifiedAlert) -> str:
    name = alert.labels.get("alertname") or alert.annotations.get("summary") or "alert"
    rest = ", ".join(f'{label}="{value}"' for label, value in alert.labels.items() if label != "alertname")
    return f"{name}{{{rest}}} {alert.status.value}"


def _transition(effect: Transition) -> str:
    by = f" by {effect.by}" if effect.by else ""
    return f"{effect.from_state.value} → {effect.to_state.value}: {effect.reason.value}{by}"


def _page(effect: Page) -> str:
    reason = effect.reason
    via = reason.target.kind.value + " " + reason.target.name if reason.on_call else "by name"
    why = f", {_on_call(reason.on_call)}" if reason.on_call else ""
    delay = f", {render_duration(reason.after_ms)} after the level was reached" if reason.after_ms else ""
    return (
        f"{effect.user} by {effect.method.kind} ({via}{why}), level {effect.position.level + 1}"
        f"{delay}: {reason.cause.value}"
    )


def _on_call(on_call: OnCall) -> str:
    cause = on_call.cause
    if isinstance(cause, ByLayer):
        return f"layer {cause.layer}, turn {cause.turn}"
    instead = f" instead of {', '.join(cause.instead_of)}" if cause.instead_of else ""
    return f"override {cause.override}{instead}"


def _escalated(effect: Escalated) -> str:
    position = effect.position
    policy = f" of {position.policy.name}" if position.policy.name else ""
    loop = f", round {position.loop + 1}" if position.loop else ""
    by = f" by {effect.by}" if effect.by else ""
    waited = f", waited {render_duration(effect.waited_ms)}" if effect.waited_ms else ""
    return f"level {position.level + 1}{policy}{loop}: {effect.cause.value}{by}{waited}"


def _nobody(effect: NobodyReached) -> str:
    after = "the next level is asked at once" if effect.is_skipped else "waiting"
    return f"nobody on call at level {effect.position.level + 1}, {after}"


def _ended(effect: EscalationEnded) -> str:
    return f"level {effect.position.level + 1} did not answer, and nobody comes after it"


def _snoozed(effect: Snoozed) -> str:
    return f"until {render_rfc3339(effect.until)} by {effect.by}"


def _held(effect: PagesHeld) -> str:
    return f"nobody is paged, the service is in maintenance until {render_rfc3339(effect.until)}"


def _partly(effect: PartlyAcknowledged) -> str:
    return f"acknowledged by {effect.by}, {effect.missing} more needed"


def _reminder(effect: Reminder) -> str:
    return f"{effect.user or 'nobody'} acknowledged {render_duration(effect.elapsed_ms)} ago, and it is still open"


def _resolved(effect: IncidentResolved) -> str:
    into = f" ({effect.into})" if effect.into is not None else ""
    return f"{effect.reason.value}{into} after {render_duration(effect.duration_ms)}"


def _merged(effect: IncidentMerged) -> str:
    return f"incident {effect.merged} became part of it by {effect.by}"


def _status(effect: StatusUpdate) -> str:
    return f"{effect.component}: {effect.status.value}"


def _note(effect: NoteAdded) -> str:
    return f"{effect.text} ({effect.by})" if effect.by else effect.text


def _ignored(effect: Ignored) -> str:
    return f"ignored, the incident is over: {effect.observation.value}"


_ENTRIES: dict[type, tuple[str, Callable[[Any], str]]] = {
    IncidentOpened: ("opened", _opened),
    AlertsReceived: ("alerts", _alerts),
    Transition: ("state", _transition),
    Snoozed: ("snooze", _snoozed),
    PagesHeld: ("maintenance", _held),
    PartlyAcknowledged: ("state", _partly),
    Reminder: ("reminder", _reminder),
    Page: ("page", _page),
    Escalated: ("escalation", _escalated),
    NobodyReached: ("escalation", _nobody),
    EscalationEnded: ("escalation", _ended),
    IncidentResolved: ("resolved", _resolved),
    IncidentMerged: ("merged", _merged),
    StatusUpdate: ("status page", _status),
    NoteAdded: ("note", _note),
    Ignored: ("alerts", _ignored),
}
