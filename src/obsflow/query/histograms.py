"""Functions of classic histograms: series that count observations up to a bound, the label `le`."""

import math

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.floats import parse_go_float, render_float_g
from obsflow.model.frames import BoolArray, FloatArray, Frame, LabelColumns
from obsflow.model.labels import BUCKET_LABEL, METRIC_NAME, quote
from obsflow.promql.ast import Call, Expr
from obsflow.query.annotations import FORCED_MONOTONICITY, Forcing, of_metric
from obsflow.query.context import EvalContext
from obsflow.query.labelling import check_label_name
from obsflow.query.order import mark_groups
from obsflow.query.series import concat_frames, drop_name, merge_equal


@attrs.frozen(eq=False)
class Buckets:
    """The bucket series of a vector, by histogram and then by bound.

    Histogram `g`, of `labels`, owns the series `rows[offsets[g] : offsets[g + 1]]`; `le` is float64 `[rows]`, `values`
    and `present` are `[series, steps]`.
    """

    labels: LabelColumns
    offsets: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    le: FloatArray
    values: FloatArray
    present: BoolArray

    @classmethod
    def of(cls, ctx: EvalContext, frame: Frame, node: Expr) -> "Buckets":
        """Sort the series of a vector into histograms; warn of those that have no bound and leave them out."""
        bounds = _parse_bounds(frame.labels)
        bad = np.isnan(bounds)
        if bad.any():
            _warn_of_bounds(ctx, frame.labels.take(bad), node)
            frame = frame.take(~bad)
        labels = frame.labels.without((BUCKET_LABEL,))
        ids, first = labels.group()
        mark_groups(ctx, frame.present, ids, len(first))
        offsets, order, le = frame.labels.derive("buckets", lambda: _sort_buckets(frame.labels))
        return cls(labels.of_groups, offsets, order, le, frame.values, frame.present)

    def nowhere(self) -> BoolArray:
        """Bool `[histograms, steps]`, all False."""
        return np.zeros((len(self.labels), self.values.shape[1]), bool)


def evaluate_histogram_quantile(ctx: EvalContext, call: Call) -> Frame:
    """`histogram_quantile(q, buckets)`."""
    node, argument = call.args
    quantiles = ctx.scalar(node)
    _warn_of_quantiles(ctx, quantiles, node)
    buckets = Buckets.of(ctx, ctx.vector(argument), argument)
    return drop_name(ctx, _bucket_quantiles(ctx, buckets, quantiles, argument, buckets.nowhere()).compact())


def evaluate_histogram_quantiles(ctx: EvalContext, call: Call) -> Frame:
    """`histogram_quantiles(buckets, label, q...)`: several quantiles at once, told apart by a label."""
    argument, name, *nodes = call.args
    target = ctx.string(name)
    check_label_name("histogram_quantiles", "label name", target)
    buckets = Buckets.of(ctx, ctx.vector(argument), argument)
    frames, known = [], buckets.nowhere()
    for node in nodes:
        quantiles = ctx.scalar(node)
        _warn_of_quantiles(ctx, quantiles, node)
        frame = _bucket_quantiles(ctx, buckets, quantiles, argument, known)
        texts = np.array([_render_quantile(quantile) for quantile in quantiles.tolist()])
        distinct = np.unique(texts).tolist()  # one, but for a quantile that moves with the step
        ctx.run.limits.check("max_samples", len(distinct) * frame.values.size)
        for text in distinct:
            column = np.full(len(frame), ctx.symbols.intern(text), np.int32)
            present = frame.present & (texts == text)
            frames.append(ctx.frame(frame.labels.with_column(target, column), frame.values, present))
    return merge_equal(ctx, drop_name(ctx, concat_frames(frames).compact()))


def _bucket_quantiles(
    ctx: EvalContext, buckets: Buckets, quantiles: FloatArray, argument: Expr, known: BoolArray
) -> Frame:
    """The quantile of each histogram; what had to be put right is noted, unless it is `known` (per step)."""
    values, present, forced, extents = native.histogram_quantile(
        quantiles, buckets.le, buckets.rows, buckets.values, buckets.present, buckets.offsets, ctx.run.threads
    )
    forced[known] = 0
    for row in np.flatnonzero(forced.any(axis=1)).tolist():
        times = ctx.times[forced[row] != 0].tolist()
        low, high, difference = extents[row].tolist()
        ctx.run.annotations.inform(
            FORCED_MONOTONICITY + of_metric(_name(ctx, buckets.labels, row)),
            argument,
            Forcing(low, high, difference, len(times), times[0], times[-1]),
        )
    known |= forced != 0
    return ctx.frame(buckets.labels, values, present)


def _warn_of_quantiles(ctx: EvalContext, quantiles: FloatArray, node: Expr) -> None:
    for quantile in np.unique(quantiles[~((quantiles >= 0) & (quantiles <= 1))]).tolist():
        ctx.run.annotations.warn_quantile(quantile, node)


def _render_quantile(quantile: float) -> str:
    """As OpenMetrics writes the values of labels: never without a point or an exponent."""
    text = render_float_g(quantile + 0.0)
    return text + ".0" if text.lstrip("-").isdigit() else text


def evaluate_histogram_fraction(ctx: EvalContext, call: Call) -> Frame:
    """`histogram_fraction(lower, upper, buckets)`: the share of the observations in `(lower, upper]`."""
    lower, upper = ctx.scalar(call.args[0]), ctx.scalar(call.args[1])
    argument = call.args[2]
    buckets = Buckets.of(ctx, ctx.vector(argument), argument)
    shape = (len(buckets.labels), ctx.steps)
    values, present = np.empty(shape), np.empty(shape, bool)
    for row, (start, end) in enumerate(zip(buckets.offsets[:-1], buckets.offsets[1:], strict=True)):
        rows = buckets.rows[start:end]
        le, counts, there = buckets.le[start:end], buckets.values[rows], buckets.present[rows]
        present[row] = there.any(axis=0)
        for step in np.flatnonzero(present[row]).tolist():
            some = there[:, step]
            values[row, step] = bucket_fraction(
                float(lower[step]), float(upper[step]), le[some].tolist(), counts[some, step].tolist()
            )
    return drop_name(ctx, ctx.frame(buckets.labels, values, present).compact())


def evaluate_native_only(ctx: EvalContext, call: Call) -> Frame:
    """A function that native histograms alone have a value for: floats are left out without a word."""
    frame = ctx.vector(call.args[0])
    return frame.take(np.zeros(len(frame), bool))


def bucket_fraction(lower: float, upper: float, le: list[float], counts: list[float]) -> float:
    """The share of observations between two values, by linear interpolation within buckets.

    `le` ascends, `counts` are cumulative. NaN without a bucket for everything, without observations, or for a bound
    that is NaN. The steps are those of Prometheus' `BucketFraction`.
    """
    le, counts = _coalesce(le, counts)
    if le[-1] != math.inf or counts[-1] == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    if lower >= upper:
        return 0.0
    return (_rank(upper, le, counts) - _rank(lower, le, counts)) / counts[-1]


def _rank(value: float, le: list[float], counts: list[float]) -> float:
    """How many observations are not above `value`, and never more than all."""
    rank, start = 0.0, 0.0 if le[0] > 0 else -math.inf
    for bound, count in zip(le, counts, strict=True):
        if value <= start:
            break
        if value < bound:
            # A bucket without a lower end cannot be interpolated in, and counts as a whole.
            rank = count if start == -math.inf else rank + (count - rank) * (value - start) / (bound - start)
            break
        rank, start = count, bound
    return min(rank, counts[-1]) if not math.isnan(rank) else rank


def _coalesce(le: list[float], counts: list[float]) -> tuple[list[float], list[float]]:
    """Buckets of equal bounds as one."""
    merged: dict[float, float] = {}
    for bound, count in zip(le, counts, strict=True):
        merged[bound] = merged[bound] + count if bound in merged else count
    return list(merged), list(merged.values())


def _parse_bounds(labels: LabelColumns) -> FloatArray:
    """float64 `[series]`: the bounds; NaN where the label is missing or is not a number."""

    def make() -> FloatArray:
        distinct, inverse = np.unique(labels.column(BUCKET_LABEL), return_inverse=True)
        return np.array([_parse_bound(labels.symbols[symbol]) for symbol in distinct.tolist()], np.float64)[inverse]

    return labels.derive("bounds", make)


def _sort_buckets(labels: LabelColumns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray]:
    """Offsets, rows and bounds of `Buckets`; every series has a bound."""
    bounds = _parse_bounds(labels)
    ids, first = labels.without((BUCKET_LABEL,)).group()
    order = np.lexsort((bounds, ids))
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(np.bincount(ids, minlength=len(first)))))
    return offsets, order, bounds[order]


def _parse_bound(text: str) -> float:
    try:
        return parse_go_float(text)
    except ValueError:
        return float("nan")


def _warn_of_bounds(ctx: EvalContext, labels: LabelColumns, node: Expr) -> None:
    for row in range(len(labels)):
        bound = quote(ctx.symbols[int(labels.column(BUCKET_LABEL)[row])])
        ctx.run.annotations.warn(
            f'bucket label "le" is missing or has a malformed value of {bound}{of_metric(_name(ctx, labels, row))}',
            node,
        )


def _name(ctx: EvalContext, labels: LabelColumns, row: int) -> str:
    """The metric, where names are kept to the end; else messages do not name it."""
    if not ctx.run.delays_names:
        return ""
    return labels.symbols[int(labels.column(METRIC_NAME)[row])]
