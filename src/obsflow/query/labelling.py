"""Functions of labels: rewriting them, and making them up for what is absent."""

import numpy as np

from obsflow.errors import QueryError
from obsflow.model.frames import BoolArray, Frame, IdArray, LabelColumns
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import MatchOp
from obsflow.model.regex import LabelRegex, RegexError
from obsflow.promql.ast import Call, Expr, MatrixSelector, VectorSelector
from obsflow.query.context import EvalContext
from obsflow.query.plan import unwrap
from obsflow.query.series import NAME_MARK, any_row, merge_equal
from obsflow.query.windows import window_presence


def evaluate_label_replace(ctx: EvalContext, call: Call) -> Frame:
    """`label_replace(v, dst, replacement, src, regex)`. Raises QueryError for a bad regex or label name."""
    target, replacement, source, pattern = (ctx.string(argument) for argument in call.args[1:])
    try:
        regex = LabelRegex(pattern)
    except RegexError:
        raise QueryError(f"invalid regular expression in label_replace(): {pattern}") from None
    check_label_name("label_replace", "destination label name", target)
    frame = ctx.vector(call.args[0])
    labels, symbols = frame.labels, ctx.symbols

    def make() -> LabelColumns:
        distinct, inverse = np.unique(labels.column(source), return_inverse=True)
        filled = [regex.expand(replacement, symbols[symbol]) for symbol in distinct.tolist()]
        changed = np.array([symbols.intern(text) if text is not None else -1 for text in filled], np.int32)[inverse]
        column = np.where(changed < 0, labels.column(target), changed)
        return _set_label(labels, target, column.astype(np.int32), changed >= 0)

    made = labels.derive(("label_replace", target, replacement, source, pattern), make)
    return merge_equal(ctx, frame.with_values(made, frame.values))


def evaluate_label_join(ctx: EvalContext, call: Call) -> Frame:
    """`label_join(v, dst, separator, src...)`. Raises QueryError for a bad label name."""
    target, separator, *sources = (ctx.string(argument) for argument in call.args[1:])
    for source in sources:
        check_label_name("label_join", "source label name", source)
    check_label_name("label_join", "destination label name", target)
    frame = ctx.vector(call.args[0])
    labels, symbols = frame.labels, ctx.symbols

    def make() -> LabelColumns:
        rows = np.stack([labels.column(source) for source in sources]) if sources else np.zeros((0, len(labels)))
        joined = [symbols.intern(separator.join(symbols[int(i)] for i in ids)) for ids in rows.T.tolist()]
        return _set_label(labels, target, np.array(joined, np.int32), np.ones(len(labels), bool))

    made = labels.derive(("label_join", target, separator, *sources), make)
    return merge_equal(ctx, frame.with_values(made, frame.values))


def evaluate_absent(ctx: EvalContext, call: Call) -> Frame:
    """`absent(v)`: 1 where the vector is empty."""
    argument = call.args[0]
    return _one_where(ctx, argument, ~any_row(ctx.vector(argument).present))


def evaluate_absent_over_time(ctx: EvalContext, call: Call) -> Frame:
    """`absent_over_time(m)`: 1 where the windows of all series are empty."""
    argument = call.args[0]
    return _one_where(ctx, argument, ~any_row(window_presence(ctx, argument)))


def absent_labels(node: Expr) -> Labels:
    """The labels that a selector promises of what it selects: its equality matchers, each label named once."""
    node = unwrap(node)
    if isinstance(node, MatrixSelector):
        node = node.selector
    if not isinstance(node, VectorSelector):
        return Labels()
    labels: dict[str, str] = {}
    refused: set[str] = set()
    for matcher in node.matchers:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.op is MatchOp.EQUAL and matcher.name not in labels and matcher.name not in refused:
            labels[matcher.name] = matcher.value
        else:
            labels.pop(matcher.name, None)
            refused.add(matcher.name)
    return Labels(labels)


def _one_where(ctx: EvalContext, argument: Expr, absent: BoolArray) -> Frame:
    labels = LabelColumns.from_labels(ctx.symbols, [absent_labels(argument)])
    return ctx.frame(labels, np.ones((1, ctx.steps)), absent[np.newaxis]).compact()


def _set_label(labels: LabelColumns, name: str, column: IdArray, given: BoolArray) -> LabelColumns:
    """The labels with one set; a series that is `given` a metric name keeps it."""
    changed = labels.with_column(name, column)
    if name == METRIC_NAME and NAME_MARK in labels.names:
        changed = changed.with_column(NAME_MARK, np.where(given, np.int32(0), labels.column(NAME_MARK)))
    return changed


def check_label_name(function: str, what: str, name: str) -> None:
    """Raise QueryError for what cannot name a label."""
    if not is_label_text(name):
        raise QueryError(f"invalid {what} in {function}(): {name}")


def is_label_text(name: str) -> bool:
    """Whether a text can name a label: it is something, and UTF-8."""
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False
