"""Windows that know their values at both ends: `anchored` and `smoothed` selectors.

                  (start                end]
    samples   x       |  x      x   x     |   x         `anchored`: the sample before `start` stands at it, and the
              ^ first                 last              last of the window at `end`
              ^ first                     last ^        `smoothed`: the values at both ends lie on the lines between
                                                        the samples around them

Samples are looked for one lookback before the window, and for `smoothed` after it too. Stale markers are not there. The
operations and their order are those of Prometheus' `extendedRate`.
"""

from collections.abc import Callable
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import QueryError
from obsflow.model.floats import is_stale
from obsflow.model.frames import BoolArray, FloatArray, Frame, LabelColumns, TimeArray
from obsflow.promql.ast import Call, MatrixSelector, RangeMode, VectorSelector
from obsflow.query.context import EvalContext
from obsflow.query.plan import unwrap

_Indices = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Series:
    """One series and its windows: `times` int64 ms and `values` float64 `[samples]`; the others are `[steps]`.

    Where `found`, `first` and `last` are the samples that the window reaches from and to; `left` and `right` are the
    indices of the samples from which the value at either end is interpolated, or -1.
    """

    times: TimeArray
    values: FloatArray
    starts: TimeArray
    ends: TimeArray
    found: BoolArray
    first: _Indices
    last: _Indices
    left: _Indices
    right: _Indices

    @classmethod
    def of(cls, times: TimeArray, values: FloatArray, ends: TimeArray, reach: "Reach") -> "Series":
        """Find the windows of `reach` that end at `ends` (int64 ms `[steps]`) in samples without stale markers."""
        smoothed = reach.mode is RangeMode.SMOOTHED
        starts = ends - reach.range_ms
        low = np.searchsorted(times, starts - reach.lookback_ms, "right")
        high = np.searchsorted(times, ends + reach.lookback_ms if smoothed else ends, "right")
        last = high - 1
        first = np.maximum(np.minimum(np.searchsorted(times, starts, "right"), last) - 1, low)
        if smoothed:
            last = np.minimum(np.maximum(np.searchsorted(times, ends, "left"), low), last)
        found = (high > low) & (times.take(last, mode="clip") > starts)
        if smoothed and not reach.extends:
            found &= times.take(first, mode="clip") <= ends
        first, last = np.where(found, first, 0), np.where(found, last, 0)
        nowhere = np.full(len(ends), -1)
        return cls(
            times, values, starts, ends, found, first, last,
            left=np.where(smoothed & found & (times[first] < starts), first, nowhere),
            right=np.where(smoothed & (last > low) & (times[last] > ends), last - 1, nowhere),
        )  # fmt: skip

    def edges(self, *, counter: bool) -> tuple[FloatArray, FloatArray]:
        """The values at the start and at the end of each window."""
        left = self._at(self.left, self.starts, self.values[self.first], counter=counter)
        return left, self._at(self.right, self.ends, self.values[self.last], counter=counter)

    def inside(self) -> tuple[_Indices, _Indices]:
        """The first and the last sample strictly between the ends; the last may come before the first."""
        return (
            self.first + (self.times[self.first] <= self.starts),
            self.last - (self.times[self.last] >= self.ends),
        )

    def _at(self, before: _Indices, time: TimeArray, otherwise: FloatArray, *, counter: bool) -> FloatArray:
        on_line = before >= 0
        i = np.where(on_line, before, 0)
        j = np.minimum(i + 1, len(self.times) - 1)
        return np.where(on_line, interpolate(self.times, self.values, i, j, time, counter=counter), otherwise)


@attrs.frozen
class Reach:
    """How far the windows of a selector go: a range and a lookback, in ms.

    A smoothed window that only `extends` back from a sample after its end has a value for a range vector, but not for a
    function.
    """

    mode: RangeMode
    range_ms: int
    lookback_ms: int
    extends: bool = False


def interpolate(
    times: TimeArray, values: FloatArray, i: _Indices, j: _Indices, time: TimeArray, *, counter: bool
) -> FloatArray:
    """The value at `time` on the line from sample `i` to sample `j`; a counter that falls starts anew from 0."""
    a, b = values[i], values[j]
    if counter:
        a = np.where(b < a, 0.0, a)
    value: FloatArray = a + (b - a) * (time - times[i]) / (times[j] - times[i])
    return value


def _delta(series: Series) -> FloatArray:
    left, right = series.edges(counter=False)
    return right - left


def _increase(series: Series) -> FloatArray:
    left, right = series.edges(counter=True)
    values = series.values
    low, high = series.inside()
    falls: _Indices = np.concatenate((np.zeros(1, np.int64), np.cumsum(values[1:] < values[:-1])))
    some = series.found & (low <= high)
    newest = np.where(some, values.take(high, mode="clip"), left)
    lost = np.where(some & (values.take(low, mode="clip") < left), left, 0.0)
    for step in np.flatnonzero(some & (falls.take(high, mode="clip") > falls.take(low, mode="clip"))).tolist():
        own = values[low[step] : high[step] + 1]
        for value in own[:-1][own[1:] < own[:-1]].tolist():  # one after the other, as a sum is made
            lost[step] += value
    lost += np.where(right < newest, newest, 0.0)
    return right - left + lost


def _count(marks: Callable[[FloatArray, FloatArray], BoolArray]) -> Callable[[Series], FloatArray]:
    """How many samples of a window differ from the one before in the way that `marks` finds."""

    def count(series: Series) -> FloatArray:
        marked = np.cumsum(marks(series.values[:-1], series.values[1:]))
        total: _Indices = np.concatenate((np.zeros(1, np.int64), marked))
        return (total[series.last] - total[series.first]).astype(np.float64)

    return count


_FUNCTIONS: Final[dict[str, Callable[[Series], FloatArray]]] = {
    "changes": _count(lambda a, b: (a != b) & ~(np.isnan(a) & np.isnan(b))),
    "delta": _delta,
    "increase": _increase,
    "rate": _increase,
    "resets": _count(lambda a, b: b < a),
}

_ALLOWED: Final = {
    RangeMode.ANCHORED: ("changes", "delta", "increase", "rate", "resets"),
    RangeMode.SMOOTHED: ("delta", "increase", "rate"),
}


def check_mode(call: Call) -> None:
    """Raise QueryError for a function that knows nothing of the ends of its window."""
    for argument in map(unwrap, call.args):
        if isinstance(argument, MatrixSelector):
            mode = argument.selector.mode
            if call.name not in _ALLOWED.get(mode, (call.name,)):
                allowed = ", ".join(_ALLOWED[mode])
                raise QueryError(f"{mode.value} modifier can only be used with: {allowed} - not with {call.name}")


def evaluate_boundaries(ctx: EvalContext, function: str, node: MatrixSelector) -> Frame:
    """`function` of an anchored or smoothed range vector."""
    labels, series = read_boundaries(ctx, node)
    values, present = np.zeros((len(labels), ctx.steps)), np.zeros((len(labels), ctx.steps), bool)
    for row, each in series:
        values[row], present[row] = _FUNCTIONS[function](each), each.found
    if function == "rate":
        range_ms = ctx.positive_duration(node.range)
        values /= range_ms // 1000 + range_ms % 1000 * 1_000_000 / 1e9
    return ctx.frame(labels, values, present).compact()


def read_boundaries(
    ctx: EvalContext, node: MatrixSelector, *, extends: bool = False
) -> tuple[LabelColumns, list[tuple[int, Series]]]:
    """The labels of a selector, and by row those of its series that have samples at all."""
    selector = node.selector
    reach = Reach(selector.mode, ctx.positive_duration(node.range), ctx.run.lookback_ms, extends)
    ends = ctx.shifted_times(selector.offset, selector.at)
    labels, samples = _read(ctx, selector, ends, reach.range_ms)
    return labels, [(row, Series.of(times, values, ends, reach)) for row, times, values in samples]


def evaluate_smoothed(ctx: EvalContext, node: VectorSelector) -> Frame:
    """A smoothed instant vector: on the line between the samples around the step; after the last, its value."""
    steps = ctx.shifted_times(node.offset, node.at)
    labels, samples = _read(ctx, node, steps, 0)
    values, present = np.zeros((len(labels), ctx.steps)), np.zeros((len(labels), ctx.steps), bool)
    lookback_ms = ctx.run.lookback_ms
    for row, times, own in samples:
        low = np.searchsorted(times, steps - lookback_ms, "right")
        high = np.searchsorted(times, steps + lookback_ms, "right")
        after = np.clip(np.searchsorted(times, steps, "left"), low, high)
        next_, before = np.minimum(after, len(times) - 1), np.maximum(after - 1, 0)
        exact = (after < high) & (times[next_] == steps)
        present[row] = exact | (after > low)
        line = interpolate(times, own, before, next_, steps, counter=False)
        values[row] = np.where(exact, own[next_], np.where(after < high, line, own[before]))
    return ctx.frame(labels, values, present).compact()


def _read(
    ctx: EvalContext, selector: VectorSelector, ends: TimeArray, range_ms: int
) -> tuple[LabelColumns, list[tuple[int, TimeArray, FloatArray]]]:
    """The labels of the series around the windows, and the samples of those that have any, without stale markers."""
    lookback_ms = ctx.run.lookback_ms
    after = lookback_ms if selector.mode is RangeMode.SMOOTHED else 0
    start, end = int(ends[0]) - range_ms - lookback_ms + 1, int(ends[-1]) + after
    selection = ctx.run.select(selector.matchers, start, end)
    ctx.run.limits.check("max_samples", len(selection.labels) * ctx.steps)
    ctx.run.load(selection.runs, start, end)
    times, values, offsets, bad = native.decode_runs(selection.runs, start, end)
    ctx.run.count_damage(bad)
    series = []
    for row, (first, last) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
        own = values[first:last]
        kept = ~is_stale(own)
        if kept.any():
            series.append((row, times[first:last][kept], own[kept]))
    return selection.labels, series
