"""Aggregation operators: from series to groups of series."""

import functools
import struct
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import QueryError
from obsflow.model.floats import render_float, render_floats
from obsflow.model.frames import FloatArray, Frame
from obsflow.model.labels import quote
from obsflow.promql.ast import Aggregation
from obsflow.query.context import EvalContext
from obsflow.query.fusion import group_labels, label_groups, reduce_in_one_pass
from obsflow.query.labelling import is_label_text
from obsflow.query.order import mark_groups, mark_steps, settle_order
from obsflow.query.ranking import evaluate_limit, evaluate_ranking, evaluate_ratio

_REMEMBERED_TEXTS: Final = 1 << 12


def evaluate_aggregation(ctx: EvalContext, node: Aggregation) -> Frame:
    """Any aggregation."""
    return AGGREGATIONS[node.op](ctx, node)


def _reduce(ctx: EvalContext, node: Aggregation) -> Frame:
    quantiles = None
    if node.op == "quantile":
        assert node.param is not None
        quantiles = ctx.scalar(node.param)
    fused = reduce_in_one_pass(ctx, node)
    if fused is not None:
        return fused
    frame = ctx.vector(node.expr)
    if quantiles is not None:
        _check_quantiles(ctx, node, quantiles)
    keys = group_labels(node, frame.labels)
    ids, first = keys.group()
    values, present = native.reduce_groups(
        node.op, frame.values, frame.present, keys.groups, quantiles, ctx.run.threads
    )
    result = settle_order(ctx, node, ctx.frame(label_groups(frame.labels, keys), values, present))
    mark_groups(ctx, frame.present, ids, len(first))  # this order is not the one that was just settled
    return result


def _select(ctx: EvalContext, node: Aggregation) -> Frame:
    assert node.param is not None
    parameter = ctx.scalar(node.param)
    frame = ctx.vector(node.expr)
    groups = group_labels(node, frame.labels).groups
    result = settle_order(ctx, node, _SELECTIONS[node.op](ctx, node, parameter, frame, groups))
    if node.op in ("topk", "bottomk"):
        mark_steps(ctx)
    return result


def _check_quantiles(ctx: EvalContext, node: Aggregation, quantiles: FloatArray) -> None:
    """Warn of NaN and of the extremes, once each for the whole range; where there is NaN, only infinity is more."""
    assert node.param is not None
    if np.isnan(quantiles).any():
        ctx.run.annotations.warn_quantile(np.nan, node.param)
    greatest = np.inf if np.isposinf(quantiles).any() else float(quantiles.max())
    least = -np.inf if np.isneginf(quantiles).any() else float(quantiles.min())
    for extreme in [greatest] * (greatest > 1) + [least] * (least < 0):
        ctx.run.annotations.warn_quantile(extreme, node.param)


def _count_values(ctx: EvalContext, node: Aggregation) -> Frame:
    """How many series of a group have each value; the value becomes a label."""
    assert node.param is not None
    name = ctx.string(node.param)
    if not is_label_text(name):
        raise QueryError(f"invalid label name {quote(name)}")
    frame = ctx.vector(node.expr)
    mark_steps(ctx)
    rows, steps = np.nonzero(frame.present)
    symbols, of_sample = _value_symbols(ctx, frame.values[rows, steps])
    # One row of labels for each pair of a series and a value that it takes.
    pairs, of_pair = np.unique(rows * np.int64(len(symbols) or 1) + of_sample, return_inverse=True)
    pair_rows, pair_values = np.divmod(pairs, len(symbols) or 1)
    valued = frame.labels.take(pair_rows).with_column(name, symbols[pair_values])
    kept = node if node.without else Aggregation(node.op, node.expr, node.span, grouping=(*node.grouping, name))
    labels = group_labels(kept, valued)
    ids, groups = labels.group()[0], labels.of_groups
    ctx.run.limits.check("max_samples", len(groups) * ctx.steps)
    if not ctx.is_instant:  # a range is sorted in the end, and there may be many rows
        groups, rank = groups.sort()
        ids = rank[ids]
    cells = ids[of_pair] * ctx.steps + steps
    counts: FloatArray = np.bincount(cells, np.ones(len(cells)), len(groups) * ctx.steps).astype(np.float64, copy=False)
    counts = counts.reshape(len(groups), ctx.steps)
    return ctx.frame(groups, counts, counts > 0)


def _value_symbols(ctx: EvalContext, values: FloatArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """The symbols of the values' texts, and for each value which of them it has."""
    bits = values.view(np.uint64)
    nan = np.isnan(values)
    if nan.any():
        bits = np.where(nan, np.float64(np.nan).view(np.uint64), bits)  # all of them have one text
    distinct, inverse = np.unique(bits, return_inverse=True)
    if len(distinct) <= _REMEMBERED_TEXTS:
        texts = [_render_bits(each) for each in distinct.tolist()]
    else:
        texts = render_floats(distinct.view(np.float64).tolist())
    return ctx.symbols.intern_all(texts), inverse


@functools.lru_cache(_REMEMBERED_TEXTS)
def _render_bits(bits: int) -> str:
    """The text of the float with these bits. Values that become labels are few, and the same again and again."""
    (value,) = struct.unpack("<d", bits.to_bytes(8, "little"))
    return render_float(value)


_SELECTIONS: Final = {
    "bottomk": evaluate_ranking,
    "limit_ratio": evaluate_ratio,
    "limitk": evaluate_limit,
    "topk": evaluate_ranking,
}

AGGREGATIONS: Final[dict[str, Callable[[EvalContext, Aggregation], Frame]]] = {
    **dict.fromkeys(("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile"), _reduce),
    **dict.fromkeys(_SELECTIONS, _select),
    "count_values": _count_values,
}
"""Operator to implementation: all of `promql.signatures`."""
