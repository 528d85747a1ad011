"""Groups whose whole history is known: their effects, worked out before, come at their times.

While an alert fires, a rule tells the router of it again and again, and nothing follows from most of that. The router
is spared what it need not hear: it is told when an alert fires, for how long that will be said, and when it is over.
"""

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from obsflow.alertmanager.alerts import GC_INTERVAL_MS
from obsflow.errors import StateError
from obsflow.flow.dependencies import ScheduledGroup
from obsflow.flow.evaluators import BatchEvaluator
from obsflow.model.alerts import Alert
from obsflow.model.frames import FloatArray, LabelColumns, Symbols, TimeArray
from obsflow.model.labels import Labels
from obsflow.model.notifications import Notification, NotifiedAlert
from obsflow.model.storage import Runs, Selection
from obsflow.rules import AlertingRule, EvaluationFailed, RuleContext, SendAlerts
from obsflow.rules.history import PlayedRule, Telling, play


@attrs.frozen
class Hearing:
    """What the router has to hear.

    With `is_spared` it hears of an alert that goes on firing only where it can tell the difference: after a silence of
    the sender, and once in each of the intervals in which it forgets alerts, which it counts from `started_at` (ms).
    """

    started_at: int
    is_spared: bool


class PlayedGroup:
    """A machine that has nothing to decide any more. `effects` come at their times, int ms, ascending."""

    def __init__(self, effects: Sequence[tuple[int, Sequence[Any]]]) -> None:
        self._effects = effects
        self._next = 0

    def receive(self, event: Any, now: int) -> None:  # noqa: ARG002 - a machine's signature
        """There is nothing to tell it. Raises StateError."""
        raise StateError(f"the history of this rule group is known, it does not wait for {event!r}")

    def next_timer(self) -> int | None:
        """When the next effects come, or None."""
        return self._effects[self._next][0] if self._next < len(self._effects) else None

    def poll(self, now: int) -> list[Any]:
        """The effects that are due."""
        effects: list[Any] = []
        while (due := self.next_timer()) is not None and due <= now:
            effects += self._effects[self._next][1]
            self._next += 1
        return effects


def play_rules(
    group: ScheduledGroup,
    evaluator: BatchEvaluator,
    context: RuleContext,
    past: Callable[[int], Mapping[Labels, int] | None] = lambda _number: None,
) -> dict[int, PlayedRule]:
    """The alerting rules of a group, by their number, over their history.

    `past` says of a rule since when (ms) the alerts of an earlier run count as active, if the server had just started.
    """
    return {
        number: play(rule, context, evaluator.sightings(rule, group.times), past(number))
        for number, rule in enumerate(group.group.rules)
        if isinstance(rule, AlertingRule)
    }


def play_group(
    group: ScheduledGroup, evaluator: BatchEvaluator, played: Mapping[int, PlayedRule], hearing: Hearing | None
) -> PlayedGroup:
    """The group, whose alerting rules, by their number, were `played`. Without `hearing` nobody is told of alerts."""
    effects: list[tuple[int, int, int, Any]] = []
    for number, rule in enumerate(group.group.rules):
        if isinstance(rule, AlertingRule):
            each = played[number]
            failures = each.failures
            effects += [(transition.time, number, 0, transition) for transition in each.transitions]
            if hearing is not None:
                effects += [(time, number, 1, send) for time, send in _sends(each, hearing)]
        else:
            failures = {int(group.times[step]): text for step, text in evaluator.recorded(rule)[1].items()}
        name = group.group.name
        effects += [(time, number, 0, EvaluationFailed(time, name, rule.name, text)) for time, text in failures.items()]
    effects.sort(key=lambda effect: effect[:3])
    grouped: dict[int, list[Any]] = {}
    for time, _, _, effect in effects:
        grouped.setdefault(time, []).append(effect)
    return PlayedGroup(list(grouped.items()))


def _sends(played: PlayedRule, hearing: Hearing) -> Iterator[tuple[int, SendAlerts]]:
    """What the rule tells the router, and when (ms)."""
    words: dict[int, list[tuple[tuple[int, int], Alert]]] = {}
    for telling in played.tellings:
        heard = _heard(played, telling, hearing.started_at) if hearing.is_spared else _all(played, telling)
        for tick, alert in heard:
            words.setdefault(tick, []).append((telling.alert.rank(tick), alert))
    for tick, alerts in words.items():
        alerts.sort(key=lambda word: word[0])
        yield int(played.times[tick]), SendAlerts(tuple(alert for _, alert in alerts))


def _all(played: PlayedRule, telling: Telling) -> Iterator[tuple[int, Alert]]:
    return ((tick, played.message(telling, tick)) for tick in telling.ticks.tolist())


def _heard(played: PlayedRule, telling: Telling, started_at: int) -> Iterator[tuple[int, Alert]]:
    """What the router has to hear, by ticks; one that fires ends where it would not be said any more."""
    ticks = telling.ticks
    if telling.ends_at is not None:
        alert = played.bare_message(telling, telling.ends_at)
        yield from ((tick, alert) for tick in ticks.tolist())
        return
    times = played.times[ticks]
    if (
        times[-1] - times[0] < played.context.valid_ms
        and (times[0] - started_at) // GC_INTERVAL_MS == (times[-1] - started_at) // GC_INTERVAL_MS
    ):
        yield int(ticks[0]), played.bare_message(telling, int(times[-1]) + played.context.valid_ms)
        return
    is_first = np.ones(len(ticks), bool)
    is_first[1:] = np.diff(times) >= played.context.valid_ms
    is_heard = is_first.copy()
    is_heard[1:] |= np.diff((times - started_at) // GC_INTERVAL_MS) != 0
    last = np.append(np.flatnonzero(is_first)[1:] - 1, len(ticks) - 1)  # of each stretch without a silence
    ends = times[last][np.cumsum(is_first) - 1] + played.context.valid_ms
    for tick, ends_at in zip(ticks[is_heard].tolist(), ends[is_heard].tolist(), strict=True):
        yield tick, played.bare_message(telling, ends_at)


class AnnotationBook:
    """The annotations of alerts that the router was told of without: expanded only where somebody reads them."""

    def __init__(self, played: Iterable[PlayedRule]) -> None:
        self._tellings: dict[Labels, list[tuple[int, PlayedRule, Telling]]] = {}
        for rule in played:
            for telling in rule.tellings:
                begin = int(rule.times[telling.ticks[0]])
                self._tellings.setdefault(telling.alert.outgoing, []).append((begin, rule, telling))

    def annotate(self, notification: Notification) -> Notification:
        """The notification with the annotations that its alerts had when the router last heard of them."""
        alerts = tuple(self._annotate(alert, notification.time) for alert in notification.alerts)
        return attrs.evolve(notification, alerts=alerts)

    def _annotate(self, alert: NotifiedAlert, time: int) -> NotifiedAlert:
        tellings = self._tellings.get(alert.labels, ())
        last = bisect.bisect_right(tellings, time, key=lambda telling: telling[0]) - 1  # one follows the other
        if last < 0:
            return alert
        _, rule, telling = tellings[last]
        heard = int(np.searchsorted(rule.times[telling.ticks], time, side="right")) - 1
        return attrs.evolve(alert, annotations=rule.annotations(telling.alert, int(telling.ticks[heard])))


def select_alerts(played: Iterable[PlayedRule], name: str, query_offset_ms: int, symbols: Symbols) -> Selection:
    """The series of the metric `name`, `ALERTS` or `ALERTS_FOR_STATE`, that the rules of a group wrote."""
    columns: dict[Labels, list[tuple[TimeArray, FloatArray]]] = {}
    for rule in played:
        for labels, times, values in rule.series(name):
            columns.setdefault(labels, []).append((times - query_offset_ms, values))
    parts = [part for stretches in columns.values() for part in stretches]
    counts = [sum(len(times) for times, _ in stretches) for stretches in columns.values()]
    runs = Runs.from_arrays(
        np.concatenate((np.zeros(0, np.int64), *(times for times, _ in parts))),
        np.concatenate((np.zeros(0), *(values for _, values in parts))),
        np.concatenate((np.zeros(1, np.int64), np.cumsum(np.array(counts, np.int64)))),
    )
    return Selection(LabelColumns.from_labels(symbols, list(columns)), runs)
