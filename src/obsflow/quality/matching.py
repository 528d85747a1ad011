"""X102: operators whose sides can have no partner."""

from collections.abc import Iterator
from typing import Final

import attrs

from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
    children,
)
from obsflow.promql.inspect import walk
from obsflow.promql.label_sets import LabelSet, Matched
from obsflow.quality.findings import Finding
from obsflow.quality.rulefiles import ReviewedRule

_TARGET_LABELS: Final = ("instance", "job")
"""What every scraped series has."""
_SYNTHETIC: Final = ("ALERTS", "ALERTS_FOR_STATE")


def check_sides(rule: ReviewedRule) -> Iterator[Finding]:
    """The operators between vectors, whose labels are compared."""
    said: list[Expr] = []
    for node, _ in reversed(tuple(walk(rule.rule.expr))):
        if any(child in said for child in children(node)):  # the same labels would be found missing further up
            said.append(node)
        elif isinstance(node, Binary) and (found := _find_mismatch(rule, node)) is not None:
            said.append(node)
            yield rule.find("X102", node, *_describe(node, *found))


def _find_mismatch(rule: ReviewedRule, node: Binary) -> tuple[str, str] | None:
    """A label that keeps the sides of an operator apart, and the side that lacks it."""
    matching = node.matching
    if matching is None or node.op == "or" or matching.fill_left is not None or matching.fill_right is not None:
        return None
    left, right = _expecting(rule, node.left), _expecting(rule, node.right)
    has_choice = any(isinstance(each, Binary) and each.op == "or" for each, _ in walk(node))
    return _mismatch(left, right, Matched.of(matching), is_listed_there=matching.on and not has_choice)


def _expecting(rule: ReviewedRule, expr: Expr) -> LabelSet:
    """The labels of one side; what is scraped has those of its target."""
    labels = rule.labels_of(expr)
    if labels.is_open and _is_scraped(rule, expr):
        present = frozenset(filter(labels.may_have, _TARGET_LABELS))
        return attrs.evolve(labels, expected=labels.expected | present)
    return labels


def _is_scraped(rule: ReviewedRule, expr: Expr) -> bool:
    """Whether the result has all labels of a series that a target exposes."""
    match expr:
        case VectorSelector(name=name):
            return bool(name) and ":" not in name and name not in _SYNTHETIC and name not in rule.recorded.by_name
        case MatrixSelector(selector=inner):
            return _is_scraped(rule, inner)
        case Paren(expr=inner) | Unary(expr=inner) | Subquery(expr=inner):
            return _is_scraped(rule, inner)
        case Aggregation(op="topk" | "bottomk", expr=inner) | Aggregation(without=True, expr=inner):
            return _is_scraped(rule, inner)
        case Call(name="label_replace" | "label_join" | "info" | "absent" | "absent_over_time"):
            return False
        case Call(args=args):
            return any(_is_scraped(rule, inner) for inner in args)
        case Binary(matching=None, left=left, right=right):
            return _is_scraped(rule, left) or _is_scraped(rule, right)
        case Binary(op="and" | "unless", left=left):
            return _is_scraped(rule, left)
    return False


def _mismatch(left: LabelSet, right: LabelSet, matched: Matched, *, is_listed_there: bool) -> tuple[str, str] | None:
    """A label that must be equal and cannot be, and the side that lacks it; none lacks it where the values differ."""
    for side, other, where in ((left, right, "right"), (right, left, "left")):
        listed = filter(side.may_have, matched.labels if is_listed_there else ())
        for name in sorted(side.expected.union(listed)):
            if matched.covers(name) and not other.may_have(name):
                return name, where
    for name in sorted(left.values.keys() & right.values.keys()):
        if matched.covers(name) and not left.values[name] & right.values[name]:
            return name, ""
    return None


def _describe(node: Binary, name: str, where: str) -> tuple[str, str]:
    effect = "`unless` leaves out nothing" if node.op == "unless" else "the result is always empty"
    if not where:
        message = f"The sides of `{node.op}` have no value of the label {name} in common, so {effect}."
        return message, f"Leave {name} out of the matching, with `ignoring ({name})` or `on (...)`."
    other = "left" if where == "right" else "right"
    message = f"The {where} side of `{node.op}` cannot have the label {name}, the {other} side has it: {effect}."
    if node.matching is not None and node.matching.on:
        return message, f"Keep {name} in the aggregation of the {where} side, or take it out of `on`."
    group = "group_left" if where == "right" else "group_right"
    return message, f"Aggregate both sides by the same labels, or name those that they share: `on (...) {group} ()`."
