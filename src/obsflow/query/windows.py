"""Functions of range vectors: a window of samples before each step, from a store or from a subquery."""

import math
from collections.abc import Iterator

import attrs
import numpy as np

from obsflow import native
from obsflow.errors import QueryError
from obsflow.model.floats import render_float
from obsflow.model.frames import BoolArray, FloatArray, Frame, LabelColumns, TimeArray
from obsflow.model.labels import METRIC_NAME, quote
from obsflow.model.storage import Runs, Selection
from obsflow.promql.ast import Call, Expr, MatrixSelector, RangeMode, Subquery
from obsflow.query.boundaries import evaluate_boundaries
from obsflow.query.context import EvalContext
from obsflow.query.limits import Limits
from obsflow.query.order import mark_steps
from obsflow.query.plan import may_reorder, unwrap
from obsflow.query.series import any_row, drop_name
from obsflow.query.stages import Stage, run_stage
from obsflow.query.start_times import evaluate_counters, reads_start_times

_COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")
_TYPE = "__type__"
KEEP_NAME = frozenset({"last_over_time", "first_over_time"})
"""Functions whose value is a sample as it was taken, and which so stays that of its metric."""

PLAIN_WINDOW_FUNCTIONS = (
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "first_over_time",
    "idelta",
    "increase",
    "irate",
    "last_over_time",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "rate",
    "resets",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
)
"""Functions of one range vector and nothing else."""


@attrs.frozen(eq=False)
class WindowSource:
    """The samples that the windows of a range vector are cut from.

    The window of step `i` is `(times[i] - range_ms, times[i]]`.
    """

    labels: LabelColumns
    runs: Runs
    times: TimeArray
    range_ms: int

    def stage(self, function: str, params: FloatArray | None = None) -> Stage:
        """`function` of these windows; `params` is float64 `[k, steps]`."""
        return Stage(self.labels, self.runs, native.Windows(function, self.times, self.range_ms, params))


def window_source(ctx: EvalContext, node: Expr) -> WindowSource:
    """The samples and windows of a range vector. Raises QueryError."""
    node = unwrap(node)
    if isinstance(node, Subquery):
        return _subquery_source(ctx, node)
    assert isinstance(node, MatrixSelector)
    selector = node.selector
    range_ms = ctx.positive_duration(node.range)
    times = ctx.shifted_times(selector.offset, selector.at)
    selection = ctx.run.select(selector.matchers, int(times[0]) - range_ms + 1, int(times[-1]))
    return WindowSource(selection.labels, selection.runs, times, range_ms)


def _subquery_source(ctx: EvalContext, node: Subquery) -> WindowSource:
    range_ms = ctx.positive_duration(node.range)
    step_ms = ctx.run.default_step_ms if node.step is None else ctx.positive_duration(node.step)
    times = ctx.shifted_times(node.offset, node.at)
    grid = subquery_grid(times, range_ms, step_ms, ctx.run.limits)
    if not len(grid):
        return WindowSource(LabelColumns.unlabelled(ctx.symbols, 0), to_runs(empty_frame(ctx, grid)), times, range_ms)
    if may_reorder(node.expr):
        mark_steps(ctx)  # what its rows are ordered by is seen through one window at an instant, and here through all
    inner = ctx.subquery(grid).vector(node.expr)
    return WindowSource(inner.labels, to_runs(inner), times, range_ms)


def subquery_grid(times: TimeArray, range_ms: int, step_ms: int, limits: Limits) -> TimeArray:
    """The multiples of `step_ms` that lie in the window `(t - range_ms, t]` of some step; int64 ms, ascending."""
    first, last = (times - range_ms) // step_ms + 1, times // step_ms
    counts = np.maximum(last - first + 1, 0)
    base, total = int(first[0]), sum(counts.tolist())
    span = int(last[-1]) - base + 1
    limits.check("max_steps", min(total, max(span, 0)))
    if total <= span:  # windows apart from one another
        starts = np.repeat(first - np.cumsum(counts) + counts, counts)
        return np.unique(starts + np.arange(total)) * step_ms
    edges = np.zeros(span + 1, np.int64)
    some = counts > 0
    np.add.at(edges, first[some] - base, 1)
    np.subtract.at(edges, last[some] - base + 1, 1)
    grid: TimeArray = (np.flatnonzero(np.cumsum(edges)) + base) * step_ms
    return grid


def to_runs(frame: Frame) -> Runs:
    """The samples of a frame as the samples of series."""
    counts = frame.present.sum(axis=1)
    steps = np.nonzero(frame.present)[1]
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    return Runs.from_arrays(frame.times[steps], frame.values[frame.present], offsets)


def empty_frame(ctx: EvalContext, times: TimeArray) -> Frame:
    """A frame without series."""
    shape = (0, len(times))
    return Frame(LabelColumns.unlabelled(ctx.symbols, 0), np.zeros(shape), np.zeros(shape, bool), times)


def is_plain(node: Expr) -> bool:
    """Whether the windows of the range vector `node` hold its samples and nothing else."""
    argument = unwrap(node)
    return not isinstance(argument, MatrixSelector) or argument.selector.mode is RangeMode.PLAIN


def _window(ctx: EvalContext, function: str, node: Expr, params: FloatArray | None = None) -> Frame:
    """`function` of the windows of the range vector `node`; `params` is float64 `[k, steps]`."""
    argument = unwrap(node)
    if isinstance(argument, MatrixSelector) and argument.selector.mode is not RangeMode.PLAIN:
        return evaluate_boundaries(ctx, function, argument)
    source = window_source(ctx, node)
    if reads_start_times(ctx, function, source.runs):
        selection = Selection(source.labels, source.runs)
        return evaluate_counters(ctx, function, selection, source.times, source.range_ms, node)
    return run_stage(ctx, source.stage(function, params))


def window_presence(ctx: EvalContext, node: Expr) -> BoolArray:
    """Bool `[series, steps]`: where the window of a series of the range vector `node` holds a sample."""
    return _window(ctx, "present_over_time", node).present


def evaluate_window(ctx: EvalContext, call: Call) -> Frame:
    """A function of one range vector."""
    frame = _window(ctx, call.name, call.args[0])
    inform_of_gauges(ctx, call, frame.labels)
    return _finish(ctx, call, frame)


def evaluate_quantile_over_time(ctx: EvalContext, call: Call) -> Frame:
    """`quantile_over_time(q, m)`."""
    quantiles = ctx.scalar(call.args[0])
    frame = _window(ctx, call.name, call.args[1], quantiles[np.newaxis])
    wrong = ~((quantiles >= 0) & (quantiles <= 1))
    for quantile in np.unique(quantiles[wrong & any_row(frame.present)]).tolist():
        ctx.run.annotations.warn_quantile(quantile, call.args[0])
    return _finish(ctx, call, frame)


def evaluate_predict_linear(ctx: EvalContext, call: Call) -> Frame:
    """`predict_linear(m, seconds)`: the line through the window, at the step and that many seconds on."""
    params = np.stack((ctx.scalar(call.args[1]), ctx.times / 1000.0))
    return _finish(ctx, call, _window(ctx, call.name, call.args[0], params))


def evaluate_smoothing(ctx: EvalContext, call: Call) -> Frame:
    """`double_exponential_smoothing(m, sf, tf)`. Raises QueryError for a factor that is not between 0 and 1."""
    factors = np.stack([ctx.scalar(argument) for argument in call.args[1:3]])
    wrong = (factors <= 0) | (factors >= 1)
    if wrong.any():  # which is an error where there is something to smooth
        ctx.fail(any_row(window_presence(ctx, call.args[0])) & any_row(wrong), lambda step: _bad_factor(factors, step))
    frame = _window(ctx, call.name, call.args[0], factors)
    return _finish(ctx, call, frame)


def _bad_factor(factors: FloatArray, step: int) -> QueryError:
    smoothing, trend = factors[:, step].tolist()
    name, factor = ("trend", trend) if 0 < smoothing < 1 or math.isnan(smoothing) else ("smoothing", smoothing)
    shown = f"{factor:f}" if math.isfinite(factor) else render_float(factor)
    return QueryError(f"invalid {name} factor. Expected: 0 < {name[0]}f < 1, got: {shown}")


def _finish(ctx: EvalContext, call: Call, frame: Frame) -> Frame:
    if call.name in KEEP_NAME:
        return frame
    return drop_name(ctx, frame, whole_range=True)


def inform_of_gauges(ctx: EvalContext, call: Call, labels: LabelColumns) -> None:
    """Say of each metric that a function of counters reads and that is none by its name, or by the type it may have."""
    if call.name in ("rate", "increase"):
        has_types = ctx.run.has_type_labels
        for message in labels.derive(("gauges", has_types), lambda: tuple(_find_gauges(labels, has_types=has_types))):
            ctx.run.annotations.inform(message, call.args[0])


def _find_gauges(labels: LabelColumns, *, has_types: bool) -> Iterator[str]:
    columns = [labels.column(METRIC_NAME)] + ([labels.column(_TYPE)] if has_types else [])
    for name, *types in np.unique(np.stack(columns), axis=1).T.tolist():
        metric = labels.symbols[name]
        if not metric:
            continue
        if not types and not metric.endswith(_COUNTER_SUFFIXES):
            why = "name does not end in _total/_sum/_count/_bucket"
        elif types and labels.symbols[types[0]] not in ("counter", "histogram"):
            why = f'{_TYPE} label is not set to "counter" or "histogram", got {quote(labels.symbols[types[0]])}'
        else:
            continue
        yield f"metric might not be a counter, {why}: {quote(metric)}"
