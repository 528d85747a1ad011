"""Counters that say when they started: rates that begin there, and restarts that no fall of the value shows.

                  (window                 end]
    samples             s   x     s'    x
                        |---'     |-----'         each sample's start time

A first sample that started within the window began there from 0, so that nothing is extrapolated to the left and one
sample is enough. A start after the sample before it is a restart. The operations and their order are those of
Prometheus' `extrapolatedRate`.
"""

from collections.abc import Callable, Iterator
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.floats import is_stale
from obsflow.model.frames import BoolArray, FloatArray, Frame, TimeArray
from obsflow.model.labels import METRIC_NAME, quote
from obsflow.model.storage import WITH_STARTS, Runs, Selection
from obsflow.promql.ast import Call, Expr, VectorSelector
from obsflow.query.context import EvalContext
from obsflow.query.plan import unwrap
from obsflow.query.series import drop_name

_Indices = npt.NDArray[np.int64]
_Values = tuple[FloatArray, BoolArray]
_OVERLAP: Final = "sample has start time that overlaps with previous sample timestamp for metric"


@attrs.frozen(eq=False)
class Series:
    """One series without stale markers, and windows over it.

    `times` (ms), `values` and `starts` (ms, 0 for none) are `[samples]`. Window `i` is `(lows[i], ends[i]]` in ms, and
    holds the samples `first[i]:after[i]`.
    """

    times: TimeArray
    values: FloatArray
    starts: TimeArray
    lows: TimeArray
    ends: TimeArray
    first: _Indices
    after: _Indices

    @classmethod
    def of(cls, times: TimeArray, values: FloatArray, starts: TimeArray, ends: TimeArray, range_ms: int) -> "Series":
        """Windows of `range_ms` that end at `ends`, over at least one sample."""
        lows = ends - range_ms
        first, after = np.searchsorted(times, lows, "right"), np.searchsorted(times, ends, "right")
        return cls(times, values, starts, lows, ends, first, after)

    @property
    def counts(self) -> _Indices:
        """How many samples each window holds."""
        return self.after - self.first

    def restarts(self) -> _Indices:
        """The samples, by index, before which the counter started anew."""
        return 1 + np.flatnonzero((self.values[1:] < self.values[:-1]) | self._starts_anew())

    def overlaps(self) -> _Indices:
        """The samples, by index, that claim a start before the sample before them, and another than that."""
        before, start = self.starts[:-1], self.starts[1:]
        return 1 + np.flatnonzero((start != 0) & (start < self.times[:-1]) & (start != before))

    def inner(self, marks: _Indices) -> tuple[_Indices, _Indices]:
        """Which of the marked samples, which have one before them, each window holds together with that."""
        return np.searchsorted(marks, self.first, "right"), np.searchsorted(marks, self.after, "left")

    def _starts_anew(self) -> BoolArray:
        """Whether each sample but the first has a start time that makes it the first of a new counter.

        A start at the sample before is one only if that knew its own: the counter then is a delta. Otherwise it is one
        whose start is unknown.
        """
        before_start, before, start, time = self.starts[:-1], self.times[:-1], self.starts[1:], self.times[1:]
        is_delta = (start == before) & (before_start != 0) & (before_start < before)
        known: BoolArray = (start != 0) & (start < time) & ((start > before) | is_delta)
        return known


def _increase(series: Series) -> tuple[FloatArray, FloatArray, BoolArray]:
    """What the counter rose by in each window, by how much that is to be stretched, and where there is such a thing."""
    counts, last = series.counts, series.after - 1
    first_time, first_value = (
        series.times.take(series.first, mode="clip"),
        series.values.take(series.first, mode="clip"),
    )
    last_time, start = series.times.take(last, mode="clip"), series.starts.take(series.first, mode="clip")
    restarts = series.restarts()
    rise = _add_lost(series, restarts, series.values.take(last, mode="clip") - first_value)

    sampled = (last_time - first_time) / 1000
    average = np.where(counts > 1, sampled / np.maximum(counts - 1, 1), 0.0)
    to_start, to_end = (first_time - series.lows) / 1000, (series.ends - last_time) / 1000
    from_start = (start != 0) & (start > series.lows) & (start < first_time)
    to_start = np.where(to_start >= average * 1.1, average / 2, to_start)
    to_end = np.where(to_end >= average * 1.1, average / 2, to_end)
    to_zero = np.where((rise > 0) & (first_value >= 0), sampled * (first_value / rise), to_start)
    to_start = np.where(to_zero < to_start, to_zero, to_start)  # a counter is never extrapolated below zero

    sampled = np.where(from_start, (last_time - start) / 1000, sampled)
    to_start = np.where(from_start, 0.0, to_start)
    rise = np.where(from_start, rise + first_value, rise)
    factor = np.where(sampled != 0, (sampled + to_start + to_end) / sampled, 1.0)
    return rise, factor, (counts > 1) | ((counts == 1) & from_start)


def _add_lost(series: Series, restarts: _Indices, rise: FloatArray) -> FloatArray:
    """`rise` with the value before each restart in the window added: one after the other, as a sum is made."""
    low, high = series.inner(restarts)
    lost = series.values[restarts - 1]
    for k in range(int(np.max(high - low, initial=0))):
        some = low + k < high
        rise[some] += lost[low[some] + k]
    return rise


def _evaluate_increase(series: Series, _range_ms: int) -> _Values:
    rise, factor, found = _increase(series)
    return rise * factor, found


def _evaluate_rate(series: Series, range_ms: int) -> _Values:
    rise, factor, found = _increase(series)
    return rise * (factor / (range_ms // 1000 + range_ms % 1000 * 1_000_000 / 1e9)), found


def _evaluate_irate(series: Series, _range_ms: int) -> _Values:
    last, before = series.after - 1, series.after - 2
    restarted = np.zeros(len(series.times), np.bool_)
    restarted[series.restarts()] = True
    newest = series.values.take(last, mode="clip")
    rise = np.where(restarted.take(last, mode="clip"), newest, newest - series.values.take(before, mode="clip"))
    elapsed_ms = series.times.take(last, mode="clip") - series.times.take(before, mode="clip")
    return rise / (elapsed_ms / 1000), (series.counts > 1) & (elapsed_ms != 0)


def _evaluate_resets(series: Series, _range_ms: int) -> _Values:
    low, high = series.inner(series.restarts())
    return np.maximum(high - low, 0).astype(np.float64), series.counts > 0


_FUNCTIONS: Final[dict[str, Callable[[Series, int], _Values]]] = {
    "increase": _evaluate_increase,
    "irate": _evaluate_irate,
    "rate": _evaluate_rate,
    "resets": _evaluate_resets,
}
_WARNED: Final = ("increase", "rate")


def reads_start_times(ctx: EvalContext, function: str, runs: Runs) -> bool:
    """Whether the function is one that looks at start times, and there may be any."""
    if not ctx.run.uses_start_times or function not in _FUNCTIONS:
        return False
    return bool(np.isin(runs.encoding, WITH_STARTS).any())


def evaluate_counters(
    ctx: EvalContext, function: str, selection: Selection, times: TimeArray, range_ms: int, node: Expr
) -> Frame:
    """`function` of the windows `(times[i] - range_ms, times[i]]`, which `node` asked for."""
    shape = (len(selection), ctx.steps)
    values, present = np.zeros(shape), np.zeros(shape, np.bool_)
    overlapping = np.zeros(len(selection), np.bool_)
    for row, own_times, own_values, starts in _read(ctx, selection.runs, times, range_ms):
        series = Series.of(own_times, own_values, starts, times, range_ms)
        values[row], present[row] = _FUNCTIONS[function](series, range_ms)
        low, high = series.inner(series.overlaps())
        overlapping[row] = (low < high).any()
    if function in _WARNED:
        for symbol in np.unique(selection.labels.column(METRIC_NAME)[overlapping]).tolist():
            ctx.run.annotations.warn(f"{_OVERLAP} {quote(ctx.symbols[symbol])}", node)
    return ctx.frame(selection.labels, values, present).compact()


def evaluate_start_timestamp(ctx: EvalContext, call: Call) -> Frame:
    """`start_timestamp(v)`: seconds, 0 where unknown; of a selector alone, and only where start times are used."""
    node = unwrap(call.args[0])
    if not isinstance(node, VectorSelector) or not ctx.run.uses_start_times:
        frame = ctx.vector(node)
        return frame.take(np.zeros(len(frame), np.bool_))
    steps, lookback_ms = ctx.shifted_times(node.offset, node.at), ctx.run.lookback_ms
    selection = ctx.run.select(node.matchers, int(steps[0]) - lookback_ms + 1, int(steps[-1]))
    ctx.run.limits.check("max_samples", len(selection) * ctx.steps)
    shape = (len(selection), ctx.steps)
    values, present = np.zeros(shape), np.zeros(shape, np.bool_)
    for row, times, own, starts in _read(ctx, selection.runs, steps, lookback_ms, with_markers=True):
        newest = np.searchsorted(times, steps, "right") - 1
        found = (newest >= 0) & (times[newest] > steps - lookback_ms) & ~is_stale(own)[newest]
        values[row], present[row] = starts[newest] / 1000.0, found
    return drop_name(ctx, ctx.frame(selection.labels, values, present).compact())


def _read(
    ctx: EvalContext, runs: Runs, ends: TimeArray, range_ms: int, *, with_markers: bool = False
) -> Iterator[tuple[int, TimeArray, FloatArray, TimeArray]]:
    """Row, times, values and start times of each series that has samples around the windows, which end at `ends`."""
    first_ms, last_ms = int(ends[0]) - range_ms + 1, int(ends[-1])
    ctx.run.load(runs, first_ms, last_ms)
    times, values, starts, offsets, bad = native.decode_runs_and_starts(runs, first_ms, last_ms)
    ctx.run.count_damage(bad)
    kept = np.ones(len(values), np.bool_) if with_markers else ~is_stale(values)
    for row, (first, last) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        own = np.flatnonzero(kept[first:last]) + first
        if len(own):
            yield row, times[own], values[own], starts[own]
