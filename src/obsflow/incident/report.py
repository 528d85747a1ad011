"""The post-incident report: times, what happened, why, and what is done about it. What nobody knows is "unknown"."""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from obsflow.errors import NotFoundError
from obsflow.incident.analysis import ActionItem, Analysis, Priority
from obsflow.incident.causes import Category, Cause, FollowUp
from obsflow.incident.events import (
    Effect,
    Escalated,
    IncidentMerged,
    IncidentOpened,
    NoteAdded,
    Page,
    Snoozed,
    Transition,
)
from obsflow.incident.evidence import Hypothesis, Investigation
from obsflow.incident.timeline import Entry, timeline
from obsflow.incident.times import INSTANTS, SPANS, Times, find_times
from obsflow.model.durations import HOUR_MS, render_duration
from obsflow.model.times import render_rfc3339

POST_MORTEM_WITHIN_MS: Final = 48 * HOUR_MS
UNKNOWN: Final = "unknown"

_PRIORITIES: Final = (*Priority, None)


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
    investigation: Investigation | None = None

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories of the causes, and those that were named, in the order of the list."""
        found = {cause.category for cause in self.analysis.causes} | set(self.analysis.categories)
        return tuple(category for category in Category if category in found)

    @property
    def actions(self) -> tuple[ActionItem, ...]:
        """What is to be done, the most urgent first; without a priority, last."""
        return tuple(sorted(self.analysis.actions, key=lambda action: _PRIORITIES.index(action.priority)))

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
        times = self.times
        points = [
            f"{each.name.lower()}: time {UNKNOWN}" for each in INSTANTS if each.is_asked and each.value(times) is None
        ]
        durations = ((each, each.value(times)) for each in SPANS)
        points += [f"{each.name} is negative: {each.explain(times)}" for each, length in durations if (length or 0) < 0]
        points += [f"not answered: {question}" for question, answer in _QUESTIONS if not answer(self.analysis)]
        if not self.categories:
            points.append("no category")
        if not self.actions:
            points.append("no action items")
        points += [f"no {what}: {action.text}" for action in self.actions for what in action.lacks]
        return tuple(points)

    def to_plain(self) -> dict[str, Any]:
        """The report as plain data: times in RFC 3339, durations in ms, null where unknown."""
        times, sources = self.times, self.times.sources
        return {
            "incident": self.incident,
            "title": self.title,
            "service": self.service,
            "urgency": self.urgency,
            "times": {each.key: _instant_or_null(each.value(times)) for each in INSTANTS},
            "time_sources": {each.key: sources[each.key].value for each in INSTANTS if each.key in sources},
            "durations_ms": {each.key: each.value(times) for each in SPANS},
            "investigation": None if self.investigation is None else self.investigation.to_plain(),
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
                    "priority": action.priority.value if action.priority else None,
                }
                for action in self.actions
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
            *_render_investigation(self.investigation),
            "## Analysis",
            "\n".join(f"* {question} {_line(answer(analysis)) or UNKNOWN}" for question, answer in _QUESTIONS),
            _render_categories(self.categories, analysis.causes),
            "## Action items",
            _render_actions(self.actions),
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


def write_report(
    effects: Iterable[Effect],
    incident: int,
    analysis: Analysis | None = None,
    investigation: Investigation | None = None,
) -> Report:
    """The report of an incident from the effects of its machine, and what an investigation found of its time.

    Raises NotFoundError if it was never opened.
    """
    analysis = analysis or Analysis()
    entries = timeline(effects, incident, investigation)
    opened = next((entry.effect for entry in entries if isinstance(entry.effect, IncidentOpened)), None)
    if opened is None:
        raise NotFoundError(f"no incident {incident}")
    return Report(
        incident=incident,
        title=opened.title,
        service=opened.service,
        urgency=opened.urgency.value,
        times=find_times(entries, opened, analysis.started_at, analysis.mitigated_at, investigation),
        entries=entries,
        analysis=analysis,
        investigation=investigation,
    )


_QUESTIONS: tuple[tuple[str, Callable[[Analysis], str]], ...] = (
    ("Why did it occur?", lambda analysis: analysis.why),
    ("Why was it not caught?", lambda analysis: analysis.why_not_caught),
    ("What can we learn?", lambda analysis: analysis.learned),
)


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
    rows = ["| | time | from |", "| --- | --- | --- |"]
    for each in INSTANTS:
        source = times.sources.get(each.key)
        rows.append(f"| {each.name} | {_instant(each.value(times))} | {source.value if source else ''} |")
    rows += [f"| {each.name} | {_duration(each.value(times))} | {each.explain(times)} |" for each in SPANS]
    return "\n".join(rows)


def _render_investigation(investigation: Investigation | None) -> tuple[str, ...]:
    """The ranked causes with their evidence."""
    if investigation is None:
        return ("## Causes", "Not investigated.")
    during, baseline, diagnosis = investigation.during, investigation.baseline, investigation.diagnosis
    looked_at = (
        f"From {_instant(during.start)} to {_instant(during.end)}, beside {_instant(baseline.start)} to "
        f"{_instant(baseline.end)}: {investigation.series} series, {investigation.logs} log records, "
        f"{investigation.traces} traces."
    )
    parts = ["## Causes", f"{_line(diagnosis.verdict)}\n{looked_at}"]
    if diagnosis.hypotheses:
        parts.append("\n".join(_render_cause(rank, each) for rank, each in enumerate(diagnosis.hypotheses, 1)))
    if investigation.slowest is not None:
        parts.append(_line(investigation.slowest.render()))
    if diagnosis.set_aside:
        said = (f"* {item.kind.value}: {_line(item.statement)}: {why.value}" for item, why in diagnosis.set_aside)
        parts.append("Set aside:\n\n" + "\n".join(said))
    return tuple(parts)


def _render_cause(rank: int, hypothesis: Hypothesis) -> str:
    lines = [f"{rank}. **{_line(hypothesis.subject)}** {hypothesis.score:.2f}"]
    for weighed in hypothesis.evidence:
        item = weighed.evidence
        at = f" at {_instant(item.time)}" if item.time is not None else ""
        lines.append(f"   * {weighed.weight:.2f} {item.kind.value}{at}: {_line(item.statement)}")
    return "\n".join(lines)


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
    rows = ["| action | owner | deadline | priority | ticket |", "| --- | --- | --- | --- | --- |"]
    for each in actions:
        priority = each.priority.value if each.priority else UNKNOWN
        who, until = _line(each.owner) or UNKNOWN, _instant(each.deadline)
        rows.append(f"| {_line(each.text)} | {who} | {until} | {priority} | {_line(each.ticket) or UNKNOWN} |")
    return "\n".join(rows)
