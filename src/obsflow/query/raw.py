"""Range vectors as the answer to a query: samples as they were taken."""

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import QueryError
from obsflow.model.floats import is_stale
from obsflow.model.frames import FloatArray, LabelColumns, TimeArray
from obsflow.promql.ast import MatrixSelector, RangeMode, Subquery
from obsflow.query.boundaries import read_boundaries
from obsflow.query.context import EvalContext
from obsflow.query.result import RawSeries
from obsflow.query.series import SAME_LABELSET, settle_labels
from obsflow.query.windows import window_source


def read_range_vector(ctx: EvalContext, node: MatrixSelector | Subquery) -> RawSeries:
    """The samples of a range vector at an instant but for stale markers; series sorted by labels. Raises QueryError."""
    is_plain = isinstance(node, Subquery) or node.selector.mode is RangeMode.PLAIN
    labels, times, values, counts = _read_window(ctx, node) if is_plain else _read_with_ends(ctx, node)
    some = counts > 0
    bounds = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts[some])))
    ctx.run.limits.check("max_result_samples", int(bounds[-1]))
    labels = settle_labels(labels.take(some))
    if len(labels.group()[1]) < len(labels):
        raise QueryError(SAME_LABELSET)
    return _reorder(RawSeries(labels, times, values, bounds), labels.sort_order)


_Samples = tuple[LabelColumns, TimeArray, FloatArray, npt.NDArray[np.int64]]


def _read_window(ctx: EvalContext, node: MatrixSelector | Subquery) -> _Samples:
    """Labels, times and values of all series one after the other, and how many samples each has."""
    source = window_source(ctx, node)
    end = int(source.times[0])
    ctx.run.load(source.runs, end - source.range_ms, end)
    times, values, offsets, bad = native.decode_runs(source.runs, end - source.range_ms + 1, end)
    ctx.run.count_damage(bad)
    kept = (times > end - source.range_ms) & (times <= end) & ~is_stale(values)
    counts = np.add.reduceat(np.append(kept, False), offsets[:-1]) * (np.diff(offsets) > 0)
    return source.labels, times[kept], values[kept], counts


def _read_with_ends(ctx: EvalContext, node: MatrixSelector | Subquery) -> _Samples:
    """As `_read_window`, of an anchored or smoothed selector: with a sample at either end of the window."""
    assert isinstance(node, MatrixSelector)
    labels, found = read_boundaries(ctx, node, extends=True)
    counts = np.zeros(len(labels), np.int64)
    times, values = [np.zeros(0, np.int64)], [np.zeros(0)]
    for row, series in found:
        if series.found[0]:
            left, right = series.edges(counter=False)
            low, high = (int(index[0]) for index in series.inside())
            counts[row] = max(high + 1 - low, 0) + 2
            times += [series.starts, series.times[low : high + 1], series.ends]
            values += [left, series.values[low : high + 1], right]
    return labels, np.concatenate(times), np.concatenate(values), counts


def _reorder(series: RawSeries, order: npt.NDArray[np.int64]) -> RawSeries:
    counts = np.diff(series.offsets)[order]
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    at = np.repeat(series.offsets[:-1][order] - offsets[:-1], counts) + np.arange(offsets[-1])
    return RawSeries(series.labels.take(order), series.times[at], series.values[at], offsets)
