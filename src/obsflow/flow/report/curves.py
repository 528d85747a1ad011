"""The graph of a rule's expression: evaluated at every evaluation of the rule, then reduced to what a page can show.

Where there are more evaluations than COLUMNS, each column of the drawing shows the least and the greatest value in it,
so that no excursion is lost, however short. What is lost is a gap that is shorter than a column.

What is evaluated has all series before it that the backtest wrote, where a rule that reads `ALERTS`, itself or a later
rule saw those of one evaluation before.
"""

import math
from collections.abc import Sequence
from typing import Final

import attrs
import numpy as np

from obsflow.errors import ObsflowError
from obsflow.flow.report.activity import RuleActivity
from obsflow.flow.report.axes import TimeAxis, ValueAxis
from obsflow.flow.thresholds import Threshold, leading_threshold
from obsflow.model.frames import BoolArray, FloatArray, Frame, TimeArray
from obsflow.model.labels import Labels
from obsflow.promql.ast import Expr
from obsflow.query.engine import Engine

MAX_CURVES: Final = 6
COLUMNS: Final = 427
"""Two units of the drawing wide."""


@attrs.frozen(eq=False)
class Curve:
    """A series at `times` (int64 ms): from `low` to `high` (float64; NaN where there is nothing to show)."""

    labels: Labels
    times: FloatArray
    low: FloatArray
    high: FloatArray


@attrs.frozen(eq=False)
class Graph:
    """The curves of an expression, of `series` in all.

    `problem` says why there are none; `failures` counts the steps at which it could not be evaluated. `column_ms` is
    how much time a column stands for, 0 where each evaluation is shown.
    """

    expr: Expr
    threshold: Threshold | None
    curves: tuple[Curve, ...]
    series: int
    problem: str = ""
    failures: int = 0
    column_ms: int = 0

    def values(self) -> list[float]:
        """The extremes of all that is shown, the threshold among it."""
        ends = [float(end) for each in self.curves for end in _extremes(each)]
        return ends if self.limit is None else [*ends, self.limit]

    @property
    def limit(self) -> float | None:
        """The number that is compared with, if it can be drawn."""
        return self.threshold.value if self.threshold is not None and math.isfinite(self.threshold.value) else None


def evaluation_times(activity: RuleActivity, interval_ms: int, start: int, end: int) -> TimeArray:
    """When a rule was evaluated that had an alert: int64 ms. Its alerts only ever change at one of these."""
    seen = activity.histories[0].bands[0].start if activity.histories[0].bands else start
    return np.arange(start + (seen - start) % interval_ms, end + 1, interval_ms, dtype=np.int64)


def draw_graph(engine: Engine, activity: RuleActivity, times: TimeArray, query_offset_ms: int, axis: TimeAxis) -> Graph:
    """The graph of what a rule compares with its threshold, or of its whole expression, at the rule's evaluations."""
    threshold = leading_threshold(activity.rule.expr)
    expr = activity.rule.expr if threshold is None else threshold.expr
    try:
        batch = engine.query_batch(expr, times - query_offset_ms)
    except ObsflowError as error:
        return Graph(expr, threshold, (), 0, str(error))
    frame = batch.frame
    shown = frame.present & np.isfinite(frame.values)
    rows = _most_telling(frame, shown, activity, threshold)
    curves = tuple(_reduce(frame.labels.labels(row), times, frame.values[row], shown[row], axis) for row in rows)
    problem = "" if len(frame) or not batch.failures else str(next(iter(batch.failures.values())))
    column_ms = max(1, axis.end - axis.start) // COLUMNS if times.size > COLUMNS else 0
    return Graph(expr, threshold, curves, len(frame), problem, len(batch.failures), column_ms)


def _most_telling(frame: Frame, shown: BoolArray, activity: RuleActivity, threshold: Threshold | None) -> Sequence[int]:
    """Rows of the series that alerts came of, in order of the alerts; then those that came closest to it."""
    order = {activity.series_key(history.labels): i for i, history in reversed(list(enumerate(activity.histories)))}
    falls = threshold is not None and threshold.op.startswith("<")
    keys = []
    for row, labels in enumerate(frame.labels.decode()):
        values = frame.values[row][shown[row]]
        if values.size:
            nearest = float(values.min()) if falls else -float(values.max())
            keys.append((order.get(activity.series_key(labels), len(order)), nearest, labels, row))
    return [key[-1] for key in sorted(keys)[:MAX_CURVES]]


def _reduce(labels: Labels, times: TimeArray, values: FloatArray, shown: BoolArray, axis: TimeAxis) -> Curve:
    values = np.where(shown, values, np.nan)
    if times.size <= COLUMNS:
        return Curve(labels, times.astype(np.float64), values, values)
    length = max(1, axis.end - axis.start)
    column = np.minimum((times - axis.start) * COLUMNS // length, COLUMNS - 1)
    first = np.flatnonzero(np.diff(column, prepend=-1))
    low = np.fmin.reduceat(values, first)
    high = np.fmax.reduceat(values, first)
    return Curve(labels, axis.start + (column[first] + 0.5) * length / COLUMNS, low, high)


def _extremes(curve: Curve) -> tuple[float, ...]:
    shown = np.isfinite(curve.low)
    return (float(curve.low[shown].min()), float(curve.high[shown].max())) if shown.any() else ()


def path(curve: Curve, axis: TimeAxis, values: ValueAxis) -> str:
    """The curve as the `d` of a path, in tenths of a unit; runs of equal values are one line, gaps stay open."""
    out: list[str] = []
    at: tuple[int, int] | None = None
    run = 0  # how far the last level stretch has come that is not written yet
    shown = np.isfinite(curve.low)
    for time, low, high, is_shown in zip(curve.times.tolist(), curve.low, curve.high, shown.tolist(), strict=True):
        if not is_shown:
            out += _level(run, at)
            at, run = None, 0
            continue
        x = round(axis.x(time) * 10)
        ends = [round(values.y(float(each)) * 10) for each in ((low,) if low == high else (low, high))]
        if at is None:
            out.append(f"M{_tenths(x)} {_tenths(ends[0])}")
            at = (x, ends[0])
            ends = [*ends[1:]]
            if not ends:
                out.append("h0")  # a lone point shows as a dot
        elif len(ends) == 2 and abs(at[1] - ends[1]) < abs(at[1] - ends[0]):
            ends.reverse()
        for y in ends:
            if y == at[1]:
                run += x - at[0]
            else:
                out += _level(run, at)
                run = 0
                out.append(_move(x - at[0], y - at[1]))
            at = (x, y)
    out += _level(run, at)
    return "".join(out)


def _level(run: int, at: tuple[int, int] | None) -> list[str]:
    return [f"h{_tenths(run)}"] if run and at is not None else []


def _move(dx: int, dy: int) -> str:
    if not dx:
        return f"v{_tenths(dy)}"
    gap = "" if dy < 0 else " "
    return f"l{_tenths(dx)}{gap}{_tenths(dy)}"


def _tenths(count: int) -> str:
    whole, rest = divmod(abs(count), 10)
    sign = "-" if count < 0 else ""
    return f"{sign}{whole or (0 if not rest else '')}{f'.{rest}' if rest else ''}"
