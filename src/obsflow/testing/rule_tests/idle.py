"""Rules that a test gives nothing to read, and which therefore do nothing: most rules of a large file in most tests."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from obsflow.flow.dependencies import ALERT_SERIES
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import all_match
from obsflow.promql import Expr
from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
)
from obsflow.promql.inspect import selectors, value_type, walk
from obsflow.rules import RecordingRule, Rule, RuleGroup

_MAKE_SAMPLES: Final = frozenset(("absent", "absent_over_time"))
_MAY_FAIL: Final = frozenset(("count_values", "info", "label_join", "label_replace"))
"""What looks at more than the samples it is given, and may fail or find some where there are none."""


def without_idle(groups: Sequence[RuleGroup], series: Iterable[Labels]) -> tuple[list[RuleGroup], list[Rule]]:
    """The groups less the rules that can have no result over these series, and those rules."""
    by_name: dict[str, list[Labels]] = {}
    for labels in series:
        by_name.setdefault(labels.name, []).append(labels)
    live: set[str] = set()
    silent: list[Rule] = []
    for rule in (rule for group in groups for rule in group.rules):
        if is_silent(rule.expr) and not any(_finds(each, by_name) for each in selectors(rule.expr)):
            silent.append(rule)
        else:
            live |= _names(rule)
    while woken := [rule for rule in silent if any(_may_read(each, live) for each in selectors(rule.expr))]:
        for rule in woken:
            live |= _names(rule)
        ids = set(map(id, woken))
        silent = [rule for rule in silent if id(rule) not in ids]
    idle = set(map(id, silent))
    return [_without(group, idle) for group in groups], silent


def is_silent(expr: Expr) -> bool:
    """Whether a query gives nothing, and cannot fail, where none of its selectors finds anything."""
    return not any(_may_fail(node) for node, _ in walk(expr)) and _is_empty(expr)


def _may_fail(node: Expr) -> bool:
    match node:
        case Call(name=name):
            return name in _MAY_FAIL
        case Aggregation(op=op, param=param):
            return op in _MAY_FAIL or not (param is None or isinstance(param, NumberLiteral))
        case Binary(matching=matching):
            return matching is not None and not (matching.fill_left is None and matching.fill_right is None)
        case VectorSelector(offset=offset):
            return not isinstance(offset, int)
        case MatrixSelector(range=span):
            return not isinstance(span, int)
        case Subquery(range=span, step=step, offset=offset):
            return not all(isinstance(each, int | None) for each in (span, step, offset))
    return False


def _is_empty(expr: Expr) -> bool:
    """Whether a query gives no samples where its selectors find none."""
    match expr:
        case VectorSelector() | MatrixSelector():
            return True
        case Subquery(expr=inner) | Paren(expr=inner) | Unary(expr=inner) | Aggregation(expr=inner):
            return _is_empty(inner)
        case Call(name=name, args=args):
            given = [each for each in args if value_type(each) in (ValueType.VECTOR, ValueType.MATRIX)]
            return name not in _MAKE_SAMPLES and bool(given) and all(map(_is_empty, given))
        case Binary(op=op, left=left, right=right):
            empty = _is_empty(left), _is_empty(right)
            if op == "or":
                return all(empty)
            return empty[0] if op == "unless" else any(empty)
    return False


def _finds(selector: VectorSelector, by_name: Mapping[str, Sequence[Labels]]) -> bool:
    """Whether a selector matches any of the series."""
    listed = _listed(selector)
    candidates = by_name.values() if listed is None else (by_name.get(name, ()) for name in listed)
    return any(all_match(selector.matchers, labels) for some in candidates for labels in some)


def _may_read(selector: VectorSelector, names: set[str]) -> bool:
    """Whether a selector may match a series of one of these names."""
    listed = _listed(selector)
    if listed is not None:
        return not names.isdisjoint(listed)
    own = [matcher for matcher in selector.matchers if matcher.name == METRIC_NAME]
    return any(all(matcher.matches(name) for matcher in own) for name in names)


def _listed(selector: VectorSelector) -> frozenset[str] | None:
    """The names that a selector lists; None if it lists none."""
    listed = (matcher.literals for matcher in selector.matchers if matcher.name == METRIC_NAME)
    return next((names for names in listed if names is not None), None)


def _names(rule: Rule) -> frozenset[str]:
    return frozenset((rule.record,)) if isinstance(rule, RecordingRule) else ALERT_SERIES


def _without(group: RuleGroup, idle: set[int]) -> RuleGroup:
    rules = tuple(rule for rule in group.rules if id(rule) not in idle)
    return group if len(rules) == len(group.rules) else attrs.evolve(group, rules=rules)
