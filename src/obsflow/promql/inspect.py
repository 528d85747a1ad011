"""Questions about a tree: what type it has, what it selects."""

from collections.abc import Iterator
from typing import Final

from obsflow.model.labels import METRIC_NAME
from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
    children,
)
from obsflow.promql.signatures import FUNCTIONS

DEFAULT_INFO_METRIC: Final = "target_info"
"""What `info` reads where nothing else is asked for."""


def value_type(expr: Expr) -> ValueType:
    """The type of a checked expression."""
    match expr:
        case NumberLiteral():
            return ValueType.SCALAR
        case StringLiteral():
            return ValueType.STRING
        case VectorSelector() | Aggregation():
            return ValueType.VECTOR
        case MatrixSelector() | Subquery():
            return ValueType.MATRIX
        case Paren(expr=inner) | Unary(expr=inner):
            return value_type(inner)
        case Binary(left=left, right=right):
            is_scalar = value_type(left) is value_type(right) is ValueType.SCALAR
            return ValueType.SCALAR if is_scalar else ValueType.VECTOR
        case Call(name=name):
            return FUNCTIONS[name].returns


def walk(expr: Expr) -> Iterator[tuple[Expr, tuple[Expr, ...]]]:
    """Every node with the nodes above it, outermost first; parents before children, in the order of the text."""
    pending: list[tuple[Expr, tuple[Expr, ...]]] = [(expr, ())]
    while pending:
        node, ancestors = pending.pop()
        yield node, ancestors
        below = (*ancestors, node)
        pending += [(child, below) for child in reversed(children(node))]


def selectors(expr: Expr) -> tuple[VectorSelector, ...]:
    """All vector selectors, also those inside ranges, in the order of the text."""
    return tuple(node for node, _ in walk(expr) if isinstance(node, VectorSelector))


def metric_names(expr: Expr) -> frozenset[str] | None:
    """The names of all metrics that a query can touch; None if it may touch any."""
    names: set[str] = set()
    for node, ancestors in walk(expr):
        match node:
            case VectorSelector():
                is_info = bool(ancestors) and _info_matchers(ancestors[-1]) is node
                found = _info_names(node) if is_info else _selector_names(node)
                if found is None:
                    return None
                names |= found
            case Call(name="info") if _info_matchers(node) is None:
                names.add(DEFAULT_INFO_METRIC)
    return frozenset(names)


def _info_matchers(node: Expr) -> VectorSelector | None:
    """The second argument of `info`."""
    if isinstance(node, Call) and node.name == "info" and len(node.args) > 1:
        matchers = node.args[1]
        assert isinstance(matchers, VectorSelector)
        return matchers
    return None


def _info_names(selector: VectorSelector) -> frozenset[str] | None:
    if all(matcher.name != METRIC_NAME for matcher in selector.matchers):
        return frozenset((DEFAULT_INFO_METRIC,))
    return _selector_names(selector)


def _selector_names(selector: VectorSelector) -> frozenset[str] | None:
    """The names that some matcher lists and all of them accept."""
    matchers = [matcher for matcher in selector.matchers if matcher.name == METRIC_NAME]
    listed = next((matcher.literals for matcher in matchers if matcher.literals is not None), None)
    if listed is None:
        return None
    return frozenset(name for name in listed if name and all(matcher.matches(name) for matcher in matchers))
