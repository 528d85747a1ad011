"""The post-incident report: times, what happened, why, and what is done about it. What nobody knows is "unknown"."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from obsflow.errors import NotFoundError
from obsflow.incident.causes import Category, Cause, FollowUp
from obsflow.incident.events import (
    Effect,
    Escalated,
    IncidentMerged,
    IncidentOpened,
    IncidentResolved,
    NoteAdded,
    NoteKind,
    Page,
    Snoozed,
    Transition,
)
from obsflow.incident.lifecycle import IncidentState
from obsflow.incident.timeline import Entry, first_note, timeline
from obsflow.model.durations import HOUR_MS, render_duration
from obsflow.model.times import render_rfc3339

POST_MORTEM_WITHIN_MS = 48 * HOUR_MS
UNKNOWN = "unknown"

_ACTS = Escalated | IncidentMerged | NoteAdded | Snoozed | Transition


@attrs.frozen
class ActionItem:
    """Something to do; `deadline` in ms. Without owner or deadline it is an open point of the report."""

    text: str
    owner: str = ""
    deadline: int | None = None
    ticket: str = ""


@attrs.frozen
class Analysis:
    """What people found out. Times, ms, go before those that the timeline knows."""

    started_at: int | None = None
    mitigated_at: int | None = None
    impact: str = ""
    why: str = ""
    why_not_caught: str = ""
    learned: str = ""
    causes: tuple[Cause, ...] = ()
    categories: tuple[Category, ...] = ()  # besides those of the causes
    actions: tuple[ActionItem, ...] = ()
    done: tuple[FollowUp, ...] = ()


@attrs.frozen
class Times:
    """The instants of an incident in ms, and the durations between them; None is unknown.

    Detection counts from the start; acknowledgement, mitigation and resolution from detection; `total_ms` is from the
    start to the end. `deployed_at` and `decided_at` are the last deployment noted before detection, and the first
    decision.
    """

    started_at: int | None
    detected_at: int
    acknowledged_at: int | None
    mitigated_at: int | None
    resolved_at: int | None
    deployed_at: int | None = None
    decided_at: int | None = None

    @property
    def detect_ms(self) -> int | None:
        """Time to detect."""
        return _between(self.started_at, self.detected_at)

    @property
    def acknowledge_ms(self) -> int | None:
        """Time to acknowledge."""
        return _between(self.detected_at, self.acknowledged_at)

    @property
    def mitigate_ms(self) -> int | None:
        """Time to mitigate."""
        return _between(self.detected_at, self.mitigated_at)

    @property
    def resolve_ms(self) -> int | None:
        """Time to resolve."""
        return _between(self.detected_at, self.resolved_at)

    @property
    def total_ms(self) -> int | None:
        """How long it lasted."""
        return _between(self.started_at, self.resolved_at)


@attrs.frozen
class Report:
    """A post-incident report. `open_points` are what it still lacks."""

    incident: int
    title: str
    service: str
    urgency: str
    times: Times
    entries: tuple[Entry, ...]
    analysis: Analysis

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories of the causes, and those that were named, in the order of the list."""
        found = {cause.category for cause in self.analysis.causes} | set(self.analysis.categories)
        return tuple(category for category in Category if category in found)

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who was paged or did something, by name; the post-mortem is theirs."""
        effects = [entry.effect for entry in self.entries]
        paged = {effect.user for effect in effects if isinstance(effect, Page)}
        acted = {
            effect.by
            for effect in effects
            if isinstance(effect, Escalated | IncidentMerged | NoteAdded | Snoozed | Transition)
        }
        return tuple(sorted((paged | acted) - {""}))

    @property
    def post_mortem_due_at(self) -> int | None:
        """Until when, ms, the post-mortem is held: 48 hours after the end."""
        resolved_at = self.times.resolved_at
        return None if resolved_at is None else resolved_at + POST_MORTEM_WITHIN_MS

    @property
    def open_points(self) -> tuple[str, ...]:
        """What is still to be found out or agreed."""
        missing = [name for name, _, value in _TIMES if value(self.times) is None]
        points = [f"{name.lower()}: time {UNKNOWN}" for name in missing]
        points += [f"not answered: {question}" for question, answer in _QUESTIONS if not answer(self.analysis)]
        if not self.categories:
            points.append("no category")
        if not self.analysis.actions:
            points.append("no action items")
        for action in self.analysis.actions:
            points += [f"no owner: {action.text}"] if not action.owner else []
            points += [f"no deadline: {action.text}"] if action.deadline is None else []
        return tuple(points)

    def to_plain(self) -> dict[str, Any]:
        """The report as plain data: times in RFC 3339, durations in ms, null where unknown."""
        times = {key: _instant_or_null(value(self.times)) for _, key, value in _ALL_TIMES}
        return {
            "incident": self.incident,
            "title": self.title,
            "service": self.service,
            "urgency": self.urgency,
            "times": times,
            "durations_ms": {key: value(self.times) for _, key, value in _DURATIONS},
            "impact": self.analysis.impact or None,
            "analysis": {
                "why": self.analysis.why or None,
                "why_not_caught": self.analysis.why_not_caught or None,
                "learned": self.analysis.learned or None,
            },
            "categories": [category.value for category in self.categories],
            "causes": [cause.value for cause in self.analysis.causes],
            "actions": [
                {
                    "text": action.text,
                    "owner": action.owner or None,
                    "deadline": _instant_or_null(action.deadline),
                    "ticket": action.ticket or None,
                }
                for action in self.analysis.actions
            ],
            "follow_up": {each.value: each in self.analysis.done for each in FollowUp},
            "people": list(self.people),
            "post_mortem_due": _instant_or_null(self.post_mortem_due_at),
            "open_points": list(self.open_points),
            "timeline": [
                {"time": _instant(entry.time), "kind": entry.kind, "text": entry.text} for entry in self.entries
            ],
        }

    def render_json(self) -> str:
        """The report as JSON, two spaces to a level."""
        return json.dumps(self.to_plain(), indent=2, ensure_ascii=False) + "\n"

    def render_markdown(self) -> str:
        """The report as a Markdown document."""
        analysis = self.analysis
        parts = [
            f"# Incident {self.incident}: {_line(self.title)}",
            f"Service {_line(self.service)}, urgency {self.urgency}. Impact: {_line(analysis.impact) or UNKNOWN}.",
            "## Times",
            _render_times(self.times),
            "## Timeline",
            "\n".join(f"* {_instant(each.time)} **{each.kind}** {_line(each.text)}" for each in self.entries),
            "## Analysis",
            "\n".join(f"* {question} {_line(answer(analysis)) or UNKNOWN}" for question, answer in _QUESTIONS),
            _render_categories(self.categories, analysis.causes),
            "## Action items",
            _render_actions(analysis.actions),
            "## Follow-up",
            "\n".join(f"- [{'x' if each in analysis.done else ' '}] {each.value}" for each in FollowUp),
            "## Open points",
            "\n".join(f"* {_line(point)}" for point in self.open_points) or "None.",
            self._render_invitation(),
        ]
        return "\n\n".join(parts) + "\n"

    def _render_invitation(self) -> str:
        people = _line(", ".join(self.people)) or UNKNOWN
        due = _instant(self.post_mortem_due_at)
        return f"The post-mortem is held until {due}, blameless, with all who took part: {people}."


def write_report(effects: Iterable[Effect], incident: int, analysis: Analysis | None = None) -> Report:
    """The report of an incident from the effects of its machine. Raises NotFoundError if it was never opened."""
    analysis = analysis or Analysis()
    entries = timeline(effects, incident)
    opened = next((entry.effect for entry in entries if isinstance(entry.effect, IncidentOpened)), None)
    if opened is None:
        raise NotFoundError(f"no incident {incident}")
    return Report(
        incident=incident,
        title=opened.title,
        service=opened.service,
        urgency=opened.urgency.value,
        times=_times(entries, opened, analysis),
        entries=entries,
        analysis=analysis,
    )


def _times(entries: tuple[Entry, ...], opened: IncidentOpened, analysis: Analysis) -> Times:
    onset, mitigation, decision = (
        first_note(entries, kind) for kind in (NoteKind.ONSET, NoteKind.MITIGATION, NoteKind.DECISION)
    )
    deployments = [
        entry.time
        for entry in entries
        if isinstance(entry.effect, NoteAdded)
        and entry.effect.kind is NoteKind.DEPLOYMENT
        and entry.time <= opened.time
    ]
    started_at, mitigated_at = analysis.started_at, analysis.mitigated_at
    if started_at is None and onset is not None:
        started_at = onset.occurred_at
    if mitigated_at is None and mitigation is not None:
        mitigated_at = mitigation.occurred_at
    effects = [entry.effect for entry in entries]
    acknowledged = [
        each.time for each in effects if isinstance(each, Transition) and each.to_state is IncidentState.ACKNOWLEDGED
    ]
    resolved = [each.time for each in effects if isinstance(each, IncidentResolved)]
    return Times(
        started_at=started_at,
        detected_at=opened.time,
        acknowledged_at=acknowledged[0] if acknowledged else None,
        mitigated_at=mitigated_at,
        resolved_at=resolved[0] if resolved else None,
        deployed_at=deployments[-1] if deployments else None,
        decided_at=None if decision is None else decision.occurred_at,
    )


# Name, key in JSON, and the instant: the five that every report has, and with them those of a deployment.
_TIMES: tuple[tuple[str, str, Callable[[Times], int | None]], ...] = (
    ("Start", "started", lambda times: times.started_at),
    ("Detected", "detected", lambda times: times.detected_at),
    ("Acknowledged", "acknowledged", lambda times: times.acknowledged_at),
    ("Mitigated", "mitigated", lambda times: times.mitigated_at),
    ("Resolved", "resolved", lambda times: times.resolved_at),
)
_ALL_TIMES: tuple[tuple[str, str, Callable[[Times], int | None]], ...] = (
    ("Deployment", "deployed", lambda times: times.deployed_at),
    *_TIMES[:3],
    ("Decision", "decided", lambda times: times.decided_at),
    *_TIMES[3:],
)
_DURATIONS: tuple[tuple[str, str, Callable[[Times], int | None]], ...] = (
    ("TTD", "ttd", lambda times: times.detect_ms),
    ("TTA", "tta", lambda times: times.acknowledge_ms),
    ("TTM", "ttm", lambda times: times.mitigate_ms),
    ("TTR", "ttr", lambda times: times.resolve_ms),
    ("Total", "total", lambda times: times.total_ms),
)
_QUESTIONS: tuple[tuple[str, Callable[[Analysis], str]], ...] = (
    ("Why did it occur?", lambda analysis: analysis.why),
    ("Why was it not caught?", lambda analysis: analysis.why_not_caught),
    ("What can we learn?", lambda analysis: analysis.learned),
)


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start


def _instant(time: int | None) -> str:
    return UNKNOWN if time is None else render_rfc3339(time)


def _instant_or_null(time: int | None) -> str | None:
    return None if time is None else render_rfc3339(time)


def _duration(duration_ms: int | None) -> str:
    return UNKNOWN if duration_ms is None else render_duration(duration_ms)


def _line(text: str) -> str:
    """A text that stays in its line and its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _render_times(times: Times) -> str:
    rows = ["| | time |", "| --- | --- |"]
    rows += [f"| {name} | {_instant(value(times))} |" for name, _, value in _ALL_TIMES]
    rows += [f"| {name} | {_duration(value(times))} |" for name, _, value in _DURATIONS]
    return "\n".join(rows)


def _render_categories(categories: tuple[Category, ...], causes: tuple[Cause, ...]) -> str:
    if not categories:
        return f"Category: {UNKNOWN}."
    lines = []
    for category in categories:
        own = ", ".join(cause.value for cause in causes if cause.category is category) or UNKNOWN
        helps = ", ".join(category.suggestions)
        lines.append(f"* {category.value}: {own}. What usually helps: {helps}.")
    return "\n".join(lines)


def _render_actions(actions: tuple[ActionItem, ...]) -> str:
    if not actions:
        return f"None agreed: {UNKNOWN}."
    rows = ["| action | owner | deadline | ticket |", "| --- | --- | --- | --- |"]
    rows += [
        f"| {_line(each.text)} | {_line(each.owner) or UNKNOWN} | {_instant(each.deadline)} | {_line(each.ticket)} |"
        for each in actions
    ]
    return "\n".join(rows)
