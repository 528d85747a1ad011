"""X101: a part of a metric divided by all of it series by series, where sums were meant."""

from collections.abc import Iterator

import attrs

from obsflow.promql import render
from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    Paren,
    VectorSelector,
)
from obsflow.promql.inspect import walk
from obsflow.promql.label_sets import Matched
from obsflow.quality.findings import Finding
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.templates import labels_read, texts_of
from obsflow.quality.trees import bare, number_of, replace, sum_by


def check_ratio(rule: ReviewedRule) -> Iterator[Finding]:
    """The divisions whose sides are the same but for narrower matchers on one side, and are matched on those labels."""
    for node, _ in walk(rule.rule.expr):
        if not (isinstance(node, Binary) and node.op == "/" and node.matching is not None):
            continue
        if node.matching.cardinality is not Cardinality.ONE_TO_ONE:
            continue
        differing = _narrowed(_unscaled(node.left), _unscaled(node.right))
        if differing is None:
            differing = _narrowed(_unscaled(node.right), _unscaled(node.left))
        if not differing or not all(Matched.of(node.matching).covers(name) for name in differing):
            continue
        names = " and ".join(sorted(differing))
        message = (
            f"Both sides keep the label {names}, so every series is divided by itself: "
            "the ratio is 1 for each series of the narrower side."
        )
        yield rule.find("X101", node, message, _mend(rule, node, differing))


def _unscaled(expr: Expr) -> Expr:
    """The side without the numbers that it is multiplied with."""
    match bare(expr):
        case Binary(op="*" | "/", left=left, right=right) if number_of(right) is not None:
            return _unscaled(left)
        case Binary(op="*", left=left, right=right) if number_of(left) is not None:
            return _unscaled(right)
    return bare(expr)


def _narrowed(narrow: Expr, wide: Expr) -> frozenset[str] | None:
    """The labels on which `narrow` has matchers that `wide` lacks, if they differ in nothing else and keep them."""
    narrow, wide = bare(narrow), bare(wide)
    match narrow, wide:
        case VectorSelector(), VectorSelector():
            if attrs.evolve(narrow, matchers=()) != attrs.evolve(wide, matchers=()):
                return None
            few, many = frozenset(wide.matchers), frozenset(narrow.matchers)
            return frozenset(matcher.name for matcher in many - few) if few < many else None
        case MatrixSelector(), MatrixSelector() if narrow.range == wide.range:
            return _narrowed(narrow.selector, wide.selector)
        case Call(), Call() if narrow.name == wide.name and narrow.args[:-1] == wide.args[:-1] and narrow.args:
            return _narrowed(narrow.args[-1], wide.args[-1]) if len(narrow.args) == len(wide.args) else None
        case Aggregation(param=None), Aggregation(param=None):
            head = (narrow.op, frozenset(narrow.grouping), narrow.without)
            if head != (wide.op, frozenset(wide.grouping), wide.without):
                return None
            labels = _narrowed(narrow.expr, wide.expr)
            kept = labels is not None and all((name in narrow.grouping) is not narrow.without for name in labels)
            return labels if kept else None
    return None


def _mend(rule: ReviewedRule, division: Binary, differing: frozenset[str]) -> str:
    """The whole expression with both sides summed by the labels that the templates read."""
    read = dict.fromkeys(label for text in texts_of(rule) for label, _ in labels_read(text))
    there = rule.labels_of(rule.rule.expr)
    grouping = tuple(label for label in read if label not in differing and there.may_have(label))

    def aggregate(side: Expr) -> Expr:
        inner = _unscaled(side)
        if isinstance(inner, Aggregation):
            kept = tuple(name for name in inner.grouping if name not in differing)
            new: Expr = attrs.evolve(inner, grouping=(*inner.grouping, *sorted(differing)) if inner.without else kept)
        else:
            new = sum_by(grouping, inner)
        return replace(side, lambda node: new if node is inner else None)

    assert division.matching is not None
    mended = attrs.evolve(
        division,
        left=aggregate(division.left),
        right=aggregate(division.right),
        matching=attrs.evolve(division.matching, on=False, labels=()),
    )
    whole = replace(rule.rule.expr, lambda node: mended if node is division else None)
    while isinstance(whole, Paren):
        whole = whole.expr
    return f"Aggregate both sides: {render(whole)}"
