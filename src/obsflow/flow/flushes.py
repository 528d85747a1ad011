"""Why a group was told, or was not: one look of the router at it, rendered from the reasons that it left.

The router leaves a `Decision` for every look at an integration and a `Grouped` for every alert that comes into a group.
A walk through the tree (`obsflow.alertmanager.trace`) adds which routes an alert took and why it did not take others.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs

from obsflow.alertmanager import (
    Config,
    Decision,
    Grouped,
    MuteCause,
    Route,
    Silence,
    Silenced,
    Visit,
    VisitOutcome,
    trace,
)
from obsflow.alertmanager.routing import render_matcher
from obsflow.model.durations import render_duration
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.notifications import Notification

RenderTime = Callable[[int], str]
"""A time (ms) as it is to be shown."""


@attrs.frozen
class RoutedAlert:
    """An alert of the group: every route that was looked at for it, and what muted it if something did."""

    labels: Labels
    visits: tuple[Visit, ...]
    muted_by: MuteCause | None
    silenced_until: int | None  # ms, where silences mute it


@attrs.frozen
class FlushExplanation:
    """One look at a group for one integration. `route` is None if the tree no longer has it."""

    decision: Decision
    route: Route | None
    alerts: tuple[RoutedAlert, ...]


def find_decision(notification: Notification, decisions: Iterable[Decision]) -> Decision | None:
    """The decision that a notification follows from."""
    wanted = _look(notification)
    return next((each for each in decisions if each.reason.sends and _look(each) == wanted), None)


def _look(each: Notification | Decision) -> tuple[object, ...]:
    return each.time, each.group_key, each.receiver, each.integration, each.index


def explain_flush(decision: Decision, config: Config, silences: Sequence[Silence] = ()) -> FlushExplanation:
    """Why a group was told, or was not, under the configuration of that time; `silences` say until when they mute."""
    ends = {silence.id: silence.ends_at for silence in silences}
    causes = dict(decision.muted)
    alerts = [
        RoutedAlert(labels, trace(config.route, labels), causes.get(labels), _silenced_until(causes.get(labels), ends))
        for labels in (*decision.firing, *decision.resolved, *causes)
    ]
    taken = (visit.route for alert in alerts for visit in alert.visits if visit.outcome is VisitOutcome.TAKEN)
    return FlushExplanation(decision, next((each for each in taken if _is_of(each, decision)), None), tuple(alerts))


def _silenced_until(cause: MuteCause | None, ends: dict[str, int]) -> int | None:
    if not isinstance(cause, Silenced):
        return None
    return max((ends[each] for each in cause.silences if each in ends), default=None)


def _is_of(route: Route, decision: Decision) -> bool:
    return route.receiver == decision.receiver and route.group_key(decision.group_labels) == decision.group_key


def render_flush(explanation: FlushExplanation, render_time: RenderTime) -> Iterator[str]:
    """The lines of an explanation: the reason, what is muted by what, the routes, and what happens next and when."""
    decision = explanation.decision
    yield (
        f"{decision.receiver} ({decision.integration}) at {render_time(decision.time)}: "
        f"{decision.reason.value}, {len(decision.firing)} firing, {len(decision.resolved)} resolved"
    )
    for alert in explanation.alerts:
        if alert.muted_by is not None:
            until = "" if alert.silenced_until is None else f" until {render_time(alert.silenced_until)}"
            yield f"    {alert.labels} was {alert.muted_by.because}{until}"
    for visits, labels in _by_routes(explanation.alerts):
        yield f"    {', '.join(map(str, labels))}:"
        yield from (f"        {render_visit(visit, labels[0])}" for visit in visits)
    yield from (f"    {line}" for line in _render_next(explanation, render_time))


def _by_routes(alerts: Sequence[RoutedAlert]) -> Iterator[tuple[tuple[Visit, ...], list[Labels]]]:
    """Alerts that went the same way, together."""
    ways: dict[tuple[tuple[str, str, str], ...], list[RoutedAlert]] = {}
    for alert in alerts:
        way = tuple((each.route.id, each.outcome.value, str(each.mismatch)) for each in alert.visits)
        ways.setdefault(way, []).append(alert)
    for same in ways.values():
        yield same[0].visits, [each.labels for each in same]


def render_visit(visit: Visit, labels: Labels) -> str:
    """What became of an alert at a route, in a line."""
    route = visit.route
    match visit.outcome:
        case VisitOutcome.TAKEN:
            return f"{route.key} takes it, to {route.receiver}"
        case VisitOutcome.PASSED_DOWN:
            return f"{route.key} passes it down"
        case VisitOutcome.NOT_REACHED:
            return f"{route.key} is not reached: a route before it takes the alert and does not continue"
        case VisitOutcome.MISMATCH:
            mismatch = visit.mismatch
            value = labels.get(mismatch.name) if mismatch is not None else ""
            has = "it has no such label"
            if mismatch is not None and value:
                has = f"it has {render_matcher(Matcher(mismatch.name, MatchOp.EQUAL, value))}"
            wanted = "" if mismatch is None else render_matcher(mismatch)
            return f"{route.key} does not match: {wanted}, {has}"


def _render_next(explanation: FlushExplanation, render_time: RenderTime) -> Iterator[str]:
    decision, route = explanation.decision, explanation.route
    line = f"next look at {render_time(decision.next_flush_at)}"
    if decision.reason.sends and decision.firing and route is not None:
        line += f", told again without news {render_duration(route.repeat_interval_ms)} after this one at the earliest"
    elif not decision.reason.sends and decision.repeat_due_at is not None:
        line += f", told again without news from {render_time(decision.repeat_due_at)} on"
    yield line


def render_waiting(grouped: Grouped, render_time: RenderTime) -> str:
    """When the group that an alert came into is looked at, and why then."""
    return (
        f"{grouped.labels} came to {grouped.receiver} at {render_time(grouped.time)}, "
        f"looked at {render_time(grouped.flush_at)}: {grouped.reason.value}"
    )
