"""An alerting rule over a history that is known in full: from one change to the next instead of tick by tick.

The lifecycle is the same table. It is asked at the ticks at which a condition begins or ends to be true, and at those
at which `for`, `keep_firing_for` or the memory of a resolved alert has run out; at all others it says that the alert
stays what it is.
"""

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.model.alerts import Alert
from obsflow.model.floats import STALE_NAN
from obsflow.model.frames import FloatArray, TimeArray
from obsflow.model.labels import Labels
from obsflow.rules.active import ActiveAlert
from obsflow.rules.alerting import SAME_LABELS
from obsflow.rules.config import AlertingRule
from obsflow.rules.context import RuleContext
from obsflow.rules.effects import Transition
from obsflow.rules.expansion import ALERTS_METRIC, Expansion
from obsflow.rules.lifecycle import RESOLVED_RETENTION_MS, AlertState, advance
from obsflow.rules.restoring import TICKS_BEFORE_RESTORE

StepArray = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Sightings:
    """The result of a rule's query at each of its ticks: where its condition was true, and with which values.

    `times` int64 ms are the ticks. Sample `i` was one of the series `labels[rows[i]]` at tick number `steps[i]`; int64,
    sorted by row, then step. `failures` says by its number why a tick has no result.
    """

    times: TimeArray
    labels: Sequence[Labels]
    rows: StepArray
    steps: StepArray
    values: FloatArray
    failures: Mapping[int, str] = attrs.field(factory=dict)


@attrs.frozen
class Stay:
    """An alert was in one state from tick `start` up to, and not including, `end`. Times are ms."""

    state: AlertState
    start: int
    end: int
    active_at: int
    fired_at: int | None
    resolved_at: int | None


@attrs.frozen(eq=False)
class PlayedAlert:
    """One alert over a history; it leaves with the labels `outgoing`.

    At tick `steps[i]` its condition was true for the series `rows[i]`, with the value `values[i]`. `stays` are the
    states that it was in, in order; it is not remembered in between. `entered` orders the alerts that a rule remembers
    at a tick: for each time that it began to remember this one, the tick and the series.
    """

    labels: Labels
    outgoing: Labels
    rows: StepArray
    steps: StepArray
    values: FloatArray
    stays: tuple[Stay, ...]
    entered: tuple[tuple[int, int], ...]

    def rank(self, tick: int) -> tuple[int, int]:
        """Where this alert stands among those that its rule remembers at a tick."""
        return self.entered[bisect.bisect_right(self.entered, (tick, 1 << 62)) - 1]


@attrs.frozen(eq=False)
class Telling:
    """The router is told at `ticks` (int64, ascending) that an alert fires, or that it ended at `ends_at` (ms)."""

    alert: PlayedAlert
    ticks: StepArray
    starts_at: int
    ends_at: int | None


@attrs.frozen(eq=False, slots=False)  # with slots there is no place for a cached property
class PlayedRule:
    """An alerting rule over a history.

    Ticks are counted among those at which it was evaluated: `times` int64 ms, less those in `failures`, which says at
    which time (ms) it was not, and why. What it wrote begins with tick `written_from`.
    """

    rule: AlertingRule
    times: TimeArray
    alerts: tuple[PlayedAlert, ...]
    transitions: tuple[Transition, ...]
    failures: Mapping[int, str]
    written_from: int
    context: RuleContext
    _samples: Sequence[Labels]
    _expansion: Expansion

    def annotations(self, alert: PlayedAlert, tick: int) -> Labels:
        """The annotations of an alert as of a tick: those of the last one at which its condition was true."""
        seen = int(np.searchsorted(alert.steps, tick, side="right")) - 1
        time = int(self.times[alert.steps[seen]])
        return self._expansion.annotations(self._samples[int(alert.rows[seen])], float(alert.values[seen]), time)

    def message(self, telling: Telling, tick: int) -> Alert:
        """What the router is told at a tick."""
        valid_until = int(self.times[tick]) + self.context.valid_ms
        return Alert(
            labels=telling.alert.outgoing,
            annotations=self.annotations(telling.alert, tick),
            starts_at=telling.starts_at,
            ends_at=valid_until if telling.ends_at is None else telling.ends_at,
            generator_url=self._expansion.generator_url,
        )

    def bare_message(self, telling: Telling, ends_at: int) -> Alert:
        """What the router is told, without annotations, of an alert that ended or that fires until `ends_at` (ms)."""
        return Alert(
            labels=telling.alert.outgoing,
            starts_at=telling.starts_at,
            ends_at=ends_at if telling.ends_at is None else telling.ends_at,
            generator_url=self._expansion.generator_url,
        )

    @cached_property
    def _regular_gap_ms(self) -> int | None:
        """The time between two ticks, if it is always the same."""
        gaps = np.diff(self.times)
        return int(gaps[0]) if gaps.size and gaps.min() == gaps.max() else None

    @cached_property
    def tellings(self) -> tuple[Telling, ...]:
        """What the router is told of every alert: when it fires and when it is over, and again after each delay."""
        return tuple(self._tellings())

    def _tellings(self) -> Iterator[Telling]:
        for alert in self.alerts:
            for first, last in _told(alert.stays):
                starts_at = first.fired_at
                assert starts_at is not None
                ends_at = first.resolved_at if first.state is AlertState.RESOLVED else None
                yield Telling(alert, self._again(first.start, last.end), starts_at, ends_at)

    def series(self, name: str) -> Iterator[tuple[Labels, TimeArray, FloatArray]]:
        """Stretches of the series of `ALERTS` or `ALERTS_FOR_STATE`: labels, times (int64 ms) and values.

        Those of one series ascend. A stale marker ends a series that the next evaluation does not write.
        """
        for alert in self.alerts:
            known = {id(stay): self._labels_in(alert, stay, name) for stay in alert.stays}
            for stay, following in zip(alert.stays, (*alert.stays[1:], None), strict=True):
                labels, start = known[id(stay)], max(stay.start, self.written_from)
                if labels is None or start >= stay.end:
                    continue
                goes_on = following is not None and following.start == stay.end and known[id(following)] == labels
                value = 1.0 if name == ALERTS_METRIC else float(stay.active_at // 1000)
                ends = not goes_on and stay.end < len(self.times)
                values = np.full(stay.end - start + ends, value)
                if ends:
                    values[-1] = STALE_NAN
                yield labels, self.times[start : stay.end + ends], values

    def _labels_in(self, alert: PlayedAlert, stay: Stay, name: str) -> Labels | None:
        """The series that an alert is in during a stay."""
        if not stay.state.is_active:
            return None
        if name == ALERTS_METRIC:
            return self._expansion.alerts_series(alert.labels, stay.state.series_value)
        return self._expansion.for_state_series(alert.labels)

    def _again(self, start: int, end: int) -> StepArray:
        """The ticks from `start` to before `end` at which an alert is told that was told of at `start`."""
        delay_ms, times = self.context.resend_delay_ms, self.times
        gap = self._regular_gap_ms
        if gap is None and end - start > 1:
            gaps = np.diff(times[start:end])
            gap = int(gaps[0]) if gaps.min() == gaps.max() else None
        if gap is not None or end - start <= 1:
            return np.arange(start, end, 1 if gap is None else delay_ms // gap + 1)
        ticks = []
        tick = start
        while tick < end:
            ticks.append(tick)
            tick = int(np.searchsorted(times, times[tick] + delay_ms, side="right"))
        return np.array(ticks, np.int64)


def _told(stays: Sequence[Stay]) -> Iterator[tuple[Stay, Stay]]:
    """First and last of the stays that follow each other and say the same to the router."""
    first = None
    for stay, following in zip(stays, (*stays[1:], None), strict=True):
        if stay.state is AlertState.PENDING:
            continue
        first = first or stay
        goes_on = (
            following is not None
            and following.start == stay.end
            and following.fired_at == stay.fired_at
            and (following.state is AlertState.RESOLVED) == (stay.state is AlertState.RESOLVED)
            and following.state is not AlertState.PENDING
        )
        if not goes_on:
            yield first, stay
            first = None


def play(
    rule: AlertingRule, context: RuleContext, sightings: Sightings, restored: Mapping[Labels, int] | None = None
) -> PlayedRule:
    """The rule over its history, as if it were evaluated at every tick.

    `restored` says for alerts of an earlier run since when (ms) they count as active, which is looked up after the
    second tick; nothing is written until then. The labels of the alerts must not depend on value or time, nor their
    number be limited.
    """
    expansion = Expansion(rule, context)
    own = [expansion.labels(labels, 0.0, 0) for labels in sightings.labels]
    groups = _group(own)
    failures = {**_collisions(groups, sightings), **sightings.failures}
    works = np.ones(len(sightings.times), bool)
    works[list(failures)] = False
    renumbered = np.cumsum(works) - 1
    times = sightings.times[works]
    stage = _Stage(rule, context.group, expansion, sightings.labels, times)
    restore_at = int(works[:TICKS_BEFORE_RESTORE].sum())
    bounds = np.searchsorted(sightings.rows, np.arange(len(own) + 1)).tolist()
    alerts, changes = [], []
    for labels, members in groups.items():
        at = np.concatenate([np.arange(bounds[row], bounds[row + 1]) for row in members])
        if len(members) > 1:
            at = at[np.argsort(sightings.steps[at], kind="stable")]
        at = at[works[sightings.steps[at]]]
        steps = renumbered[sightings.steps[at]]
        life = _Life(stage, labels, sightings.rows[at], steps, sightings.values[at])
        since = (restored or {}).get(labels)
        alerts.append(life.play(None if since is None else (restore_at, since)))
        changes += life.changes
    return PlayedRule(
        rule,
        times,
        tuple(alert for alert in alerts if alert.stays),
        tuple(transition for _, transition in sorted(changes, key=lambda change: change[0])),
        {int(sightings.times[tick]): text for tick, text in sorted(failures.items())},
        0 if restored is None else restore_at,
        context,
        sightings.labels,
        expansion,
    )


def _group(own: Sequence[Labels]) -> dict[Labels, list[int]]:
    """The series that are the same alert."""
    groups: dict[Labels, list[int]] = {}
    for row, labels in enumerate(own):
        groups.setdefault(labels, []).append(row)
    return groups


def _collisions(groups: Mapping[Labels, Sequence[int]], sightings: Sightings) -> dict[int, str]:
    """The ticks at which two samples are the same alert."""
    found: set[int] = set()
    for members in groups.values():
        if len(members) > 1:
            steps, counts = np.unique(sightings.steps[np.isin(sightings.rows, members)], return_counts=True)
            found.update(steps[counts > 1].tolist())
    return dict.fromkeys(found, SAME_LABELS)


@attrs.frozen(eq=False)
class _Stage:
    """What the alerts of a rule have in common."""

    rule: AlertingRule
    group: str
    expansion: Expansion
    samples: Sequence[Labels]
    times: TimeArray


class _Life:
    """One alert, led from one tick to the next at which something may happen to it.

    `changes` are its transitions under keys that order those of a rule: by tick, the alerts that are seen first, in the
    order of the samples; then the others, in the order in which they are remembered.
    """

    def __init__(self, stage: _Stage, labels: Labels, rows: StepArray, steps: StepArray, values: FloatArray) -> None:
        self._stage = stage
        self._alert = ActiveAlert(labels)
        self._rows, self._steps, self._values = rows, steps, values
        edges = np.flatnonzero(np.diff(steps) > 1) + 1
        self._starts = steps[np.r_[0, edges]].tolist() if steps.size else []
        self._ends = (steps[np.r_[edges - 1, -1]] + 1).tolist() if steps.size else []
        self._run = 0
        self._stays: list[Stay] = []
        self._since = 0
        self._entered: list[tuple[int, int]] = []
        self.changes: list[tuple[tuple[int, ...], Transition]] = []

    def play(self, restored: tuple[int, int] | None) -> PlayedAlert:
        """Live the whole life. `restored` is from which tick on it counts as active since when (ms)."""
        tick = self._starts[0] if self._starts else len(self._stage.times)
        while tick < len(self._stage.times):
            if restored is not None and tick >= restored[0]:
                if self._alert.state is not AlertState.INACTIVE:
                    self._alert.active_at = restored[1]
                restored = None
            self._visit(tick)
            following = self._next(tick)
            tick = following if restored is None else min(following, max(restored[0], tick + 1))
        self._close(len(self._stage.times))
        labels = self._alert.labels
        outgoing = self._stage.expansion.outgoing(labels)
        return PlayedAlert(
            labels, outgoing, self._rows, self._steps, self._values, tuple(self._stays), tuple(self._entered)
        )

    def _visit(self, tick: int) -> None:
        """Let the table say what the evaluation at a tick does to the alert."""
        alert, rule, time = self._alert, self._stage.rule, int(self._stage.times[tick])
        while self._run < len(self._ends) and self._ends[self._run] <= tick:
            self._run += 1
        seen = int(np.searchsorted(self._steps, tick, side="right")) - 1
        last, row = int(self._steps[seen]), int(self._rows[seen])
        alert.see(self._stage.samples[row], float(self._values[seen]), int(self._stage.times[last]))
        step = advance(alert.state, alert.observe(time, rule.for_ms, rule.keep_firing_for_ms))
        if step.next is alert.state:
            return
        if alert.state is AlertState.INACTIVE:
            self._entered.append((tick, row))
        self._close(tick)
        self._since = tick
        key = (tick, 0, row) if last == tick else (tick, 1, *self._entered[-1])
        self.changes.append((key, alert.take(step, time, rule, self._stage.group)))

    def _close(self, tick: int) -> None:
        """End the stay in the present state."""
        alert = self._alert
        if alert.state is not AlertState.INACTIVE:
            stay = Stay(alert.state, self._since, tick, alert.active_at, alert.fired_at, alert.resolved_at)
            self._stays.append(stay)

    def _next(self, tick: int) -> int:
        """The next tick at which the table may not say that the alert stays; the number of ticks if there is none."""
        return min(self._candidates(tick), default=len(self._stage.times))

    def _candidates(self, tick: int) -> Iterable[int]:
        alert, rule, times = self._alert, self._stage.rule, self._stage.times
        if self._run < len(self._starts):
            is_seen = self._starts[self._run] <= tick
            yield self._ends[self._run] if is_seen else self._starts[self._run]
        match alert.state:
            case AlertState.PENDING:
                yield max(tick + 1, int(np.searchsorted(times, alert.active_at + rule.for_ms)))
            case AlertState.KEPT:
                assert alert.kept_since is not None
                yield max(tick + 1, int(np.searchsorted(times, alert.kept_since + rule.keep_firing_for_ms)))
            case AlertState.RESOLVED:
                assert alert.resolved_at is not None
                forgotten = alert.resolved_at + RESOLVED_RETENTION_MS
                yield max(tick + 1, int(np.searchsorted(times, forgotten, side="right")))
