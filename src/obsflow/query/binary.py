"""Binary and unary operators."""

from typing import Final

import numpy as np

from obsflow.errors import QueryError
from obsflow.model.frames import BoolArray, FloatArray, Frame, LabelColumns
from obsflow.promql.ast import Binary, Cardinality, Unary, VectorMatching
from obsflow.query.arithmetic import ARITHMETIC, COMPARISONS
from obsflow.query.context import EvalContext, Value
from obsflow.query.matching import Signatures, fill_missing, partner_present, prepare_one_side, signatures
from obsflow.query.order import mark_steps
from obsflow.query.series import (
    METADATA_LABELS,
    NAME_MARK,
    any_row,
    concat_frames,
    drop_name,
    mark_names,
    merge_equal,
    overlaps,
)


def evaluate_unary(ctx: EvalContext, node: Unary) -> Value:
    """`+expr` leaves everything as it is; `-expr` drops the name."""
    value = ctx.evaluate(node.expr)
    assert not isinstance(value, str)
    if node.op == "+":
        return value
    if isinstance(value, np.ndarray):
        return np.negative(value)
    return drop_name(ctx, value.with_values(value.labels, np.negative(value.values)))


def evaluate_binary(ctx: EvalContext, node: Binary) -> Value:
    """Any binary operator, by what its sides are."""
    left, right = ctx.evaluate(node.left), ctx.evaluate(node.right)
    assert not isinstance(left, str)
    assert not isinstance(right, str)
    if isinstance(left, Frame) and isinstance(right, Frame):
        matching = node.matching or VectorMatching(Cardinality.ONE_TO_ONE)
        if node.op in _SETS:
            return _SETS[node.op](ctx, left, right, signatures(left.labels, right.labels, matching))
        return _match_vectors(ctx, node, left, right, matching)
    if isinstance(left, Frame) or isinstance(right, Frame):
        return _vector_and_scalar(ctx, node, left, right)
    if node.op in COMPARISONS:
        return COMPARISONS[node.op](left, right).astype(np.float64)
    return ARITHMETIC[node.op](left, right)


def _vector_and_scalar(ctx: EvalContext, node: Binary, left: Frame | FloatArray, right: Frame | FloatArray) -> Frame:
    vector = left if isinstance(left, Frame) else right
    assert isinstance(vector, Frame)
    a = left.values if isinstance(left, Frame) else left
    b = right.values if isinstance(right, Frame) else right
    if node.op in ARITHMETIC:
        values = ARITHMETIC[node.op](a, b)
        return drop_name(ctx, vector.with_values(vector.labels, values))
    passed = COMPARISONS[node.op](a, b)
    if node.returns_bool:
        return drop_name(ctx, vector.with_values(vector.labels, passed.astype(np.float64)))
    passed &= vector.present
    return Frame(vector.labels, vector.values, passed, vector.times).compact()


def _match_vectors(ctx: EvalContext, node: Binary, left: Frame, right: Frame, matching: VectorMatching) -> Frame:
    """Arithmetic and comparisons between vectors: pair the rows, compute, and put the labels of the result together."""
    swapped = matching.cardinality is Cardinality.ONE_TO_MANY
    many, one = (right, left) if swapped else (left, right)
    ids = signatures(many.labels, one.labels, matching)
    if matching.fill_left is not None or matching.fill_right is not None:
        # As in Prometheus the right value stands in on the "one" side, even where group_right has put that on the left.
        many, one, ids = fill_missing(many, one, ids, matching)
        mark_steps(ctx)
    one, ids = prepare_one_side(ctx, many, one, ids, matching)
    many_rows, one_rows = ids.pairs
    both = many.present[many_rows] & one.present[one_rows]
    labels = _result_labels(ctx, node, matching, many.labels, one.labels, ids)
    _check_many_side(ctx, labels, both, matching, ids)
    a, b = many.values[many_rows], one.values[one_rows]
    values, present = _compute(node, *((b, a) if swapped else (a, b)), both)
    result = Frame(labels, values, present, left.times)
    return merge_equal(ctx, result if present is both else result.compact())


def _compute(node: Binary, left: FloatArray, right: FloatArray, both: BoolArray) -> tuple[FloatArray, BoolArray]:
    if node.op in ARITHMETIC:
        return ARITHMETIC[node.op](left, right), both
    passed = COMPARISONS[node.op](left, right)
    if node.returns_bool:
        return passed.astype(np.float64), both
    passed &= both
    return left, passed


def _result_labels(
    ctx: EvalContext, node: Binary, matching: VectorMatching, many: LabelColumns, one: LabelColumns, ids: Signatures
) -> LabelColumns:
    """Those of the "many" side, as the matching says. A comparison forgets that a name was to go, as in Prometheus."""
    delays_name = node.returns_bool and ctx.run.delays_names
    drops_name = node.op in ARITHMETIC or (node.returns_bool and not delays_name)

    def make() -> LabelColumns:
        many_rows, one_rows = ids.pairs
        labels = many if isinstance(many_rows, slice) else many.take(many_rows)
        labels = labels.without((*METADATA_LABELS, NAME_MARK) if drops_name else (NAME_MARK,))
        if matching.cardinality is Cardinality.ONE_TO_ONE:
            labels = labels.only(matching.labels) if matching.on else labels.without(matching.labels)
        else:
            for name in matching.include:
                labels = labels.with_column(name, one.column(name)[one_rows])
        return mark_names(ctx, labels) if delays_name else labels

    return many.derive(("result", one, ids, matching, drops_name, delays_name), make)


def _check_many_side(
    ctx: EvalContext, labels: LabelColumns, both: BoolArray, matching: VectorMatching, pairs: Signatures
) -> None:
    """A step fails if one sample of the "one" side would give two results that cannot be told apart."""
    if pairs.is_each_left_once:
        return
    ids, count = pairs.left[pairs.pairs[0]], pairs.count
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        what = "many-to-one matching must be explicit (group_left/group_right)"
    else:
        what = "grouping labels must ensure unique matches"
        ids, first = labels.with_column("", ids.astype(np.int32)).group()
        count = len(first)
        if count == len(ids):
            return
    ctx.fail(any_row(overlaps(both, ids, count)), lambda _step: QueryError(f"multiple matches for labels: {what}"))


def _intersect(_ctx: EvalContext, left: Frame, right: Frame, ids: Signatures) -> Frame:
    if not len(right):
        return left.nothing()
    present = partner_present(left, right, ids.right, ids.left, ids.count, ids.right_of_left)
    present &= left.present
    return Frame(left.labels, left.values, present, left.times).compact()


def _subtract(_ctx: EvalContext, left: Frame, right: Frame, ids: Signatures) -> Frame:
    if not len(right):
        return left
    present = ~partner_present(left, right, ids.right, ids.left, ids.count, ids.right_of_left)
    present &= left.present
    return Frame(left.labels, left.values, present, left.times).compact()


def _unite(ctx: EvalContext, left: Frame, right: Frame, ids: Signatures) -> Frame:
    if not len(right):
        return left
    extra = ~partner_present(right, left, ids.left, ids.right, ids.count, ids.left_of_right)
    extra &= right.present
    more = Frame(right.labels, right.values, extra, right.times).compact()
    if not len(more):
        return left
    return merge_equal(ctx, concat_frames((left, more)))


_SETS = {"and": _intersect, "unless": _subtract, "or": _unite}

OPERATORS: Final = frozenset((*ARITHMETIC, *COMPARISONS, *_SETS))
"""The binary operators that can be evaluated."""
