"""Aggregations in one pass with what they aggregate: chunks in, groups out, and no row of a series ever written."""

import numpy as np

from obsflow import native
from obsflow.model.frames import Frame, LabelColumns
from obsflow.model.labels import METRIC_NAME
from obsflow.promql.ast import Aggregation, Call, Expr, Paren, RangeMode, VectorSelector
from obsflow.query.context import EvalContext
from obsflow.query.selectors import selector_stage
from obsflow.query.series import METADATA_LABELS, NAME_MARK, drop_name_labels, keeps_apart
from obsflow.query.stages import Stage
from obsflow.query.start_times import reads_start_times
from obsflow.query.windows import KEEP_NAME, PLAIN_WINDOW_FUNCTIONS, inform_of_gauges, is_plain, window_source


def group_labels(node: Aggregation, labels: LabelColumns) -> LabelColumns:
    """The labels of the group of each series."""
    if node.without:
        return labels.without((*node.grouping, METRIC_NAME, NAME_MARK))
    return labels.only(node.grouping)


def label_groups(labels: LabelColumns, keys: LabelColumns) -> LabelColumns:
    """The labels of each group of equal `keys`, to which the series of `labels` belong."""
    if NAME_MARK not in labels.names or not any(name in keys.names for name in METADATA_LABELS):
        return keys.of_groups
    ids, first = keys.group()
    marks = np.zeros(len(first), np.int32)
    np.maximum.at(marks, ids, labels.column(NAME_MARK))
    return keys.of_groups.with_column(NAME_MARK, marks)


def reduce_in_one_pass(ctx: EvalContext, node: Aggregation) -> Frame | None:
    """An aggregation over a selector, or over a function of a range; None if that needs the rows of the series.

    So it is where another node needs them too, and where the order of rows matters that an instant would have: see
    `query.order`.
    """
    run = ctx.run
    if node.op not in native.FOLDING_OPERATORS or id(node) in run.plan.order_bound or ctx.is_instant:
        return None
    if run.deadline is not None:
        return None  # one call could not be ended in its midst
    inner = _only_here(ctx, node.expr)
    if inner is None:
        return None
    stage = _stage(ctx, inner)
    if stage is None:
        return None
    labels = stage.labels
    if isinstance(inner, Call) and inner.name not in KEEP_NAME:
        if not keeps_apart(ctx, labels):
            return None
        labels = drop_name_labels(ctx, labels)
    keys = group_labels(node, labels)
    run.limits.check("max_samples", keys.groups.count * ctx.steps)
    stage.load(ctx)
    rows = native.window_groups(stage.runs, stage.windows, node.op, keys.groups, run.threads)
    if run.plan.order_bound and rows.filled.min(initial=ctx.steps) < ctx.steps:
        return None  # an aggregation above asks for the order of the groups, which is then not the same at all steps
    run.count_damage(rows.bad)
    if isinstance(inner, Call):
        are_all = np.count_nonzero(rows.filled) == len(rows.filled)
        inform_of_gauges(ctx, inner, stage.labels if are_all else stage.labels.take(rows.filled > 0))
    return ctx.frame(label_groups(labels, keys), rows.values, rows.present).compact()


def _only_here(ctx: EvalContext, node: Expr) -> VectorSelector | Call | None:
    """The selector or function of a range that `node` is, unless its value is wanted elsewhere, or only once."""
    plan = ctx.run.plan
    invariant = plan.pinned if ctx.start is None else plan.invariant
    while id(node) not in plan.repeated and id(node) not in invariant:
        match node:
            case Paren(expr=inner):
                node = inner
            case VectorSelector(mode=RangeMode.PLAIN):
                return node
            case Call(name=name, args=(argument,)) if name in PLAIN_WINDOW_FUNCTIONS and is_plain(argument):
                return node
            case _:
                return None
    return None


def _stage(ctx: EvalContext, node: VectorSelector | Call) -> Stage | None:
    if isinstance(node, VectorSelector):
        return selector_stage(ctx, node)
    source = window_source(ctx, node.args[0])
    return None if reads_start_times(ctx, node.name, source.runs) else source.stage(node.name)
