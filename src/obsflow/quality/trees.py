"""Small questions about expressions that several checks ask."""

from collections.abc import Callable, Iterator
from typing import Final

from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Subquery,
    Unary,
    ValueType,
    VectorSelector,
    children,
    with_children,
)
from obsflow.promql.inspect import value_type, walk
from obsflow.promql.signatures import COMPARISONS

COUNTER_FUNCTIONS: Final = frozenset(("rate", "increase", "irate"))
GAUGE_FUNCTIONS: Final = frozenset(("delta", "idelta", "deriv", "predict_linear"))


def bare(expr: Expr) -> Expr:
    """The expression without the parentheses around it."""
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr


def number_of(expr: Expr) -> float | None:
    """The value of a number, or of a product or quotient of numbers."""
    match bare(expr):
        case NumberLiteral(value=value):
            return value
        case Unary(op="-", expr=inner):
            positive = number_of(inner)
            return None if positive is None else -positive
        case Binary(op="*" | "/" as op, left=left, right=right):
            a, b = number_of(left), number_of(right)
            if a is not None and b is not None and (op == "*" or b):
                return a * b if op == "*" else a / b
    return None


def calls(expr: Expr, names: frozenset[str]) -> Iterator[tuple[Call, tuple[Expr, ...]]]:
    """The calls of functions by name, each with the nodes above it."""
    for node, ancestors in walk(expr):
        if isinstance(node, Call) and node.name in names:
            yield node, ancestors


def selector_of(expr: Expr) -> VectorSelector | None:
    """The selector behind a range or parentheses, if there is nothing else."""
    match bare(expr):
        case MatrixSelector(selector=selector) | (VectorSelector() as selector):
            return selector
    return None


def comparisons(expr: Expr) -> Iterator[tuple[Binary, tuple[Expr, ...]]]:
    """The comparisons, each with the nodes above it."""
    for node, ancestors in walk(expr):
        if isinstance(node, Binary) and node.op in COMPARISONS:
            yield node, ancestors


def is_filter(node: Expr) -> bool:
    """Whether a node leaves samples out: a comparison without `bool`, `and`, `unless`."""
    return isinstance(node, Binary) and (
        (node.op in COMPARISONS and not node.returns_bool) or node.op in ("and", "unless")
    )


def looks_back(expr: Expr) -> bool:
    """Whether the expression looks at more than a moment."""
    return any(isinstance(node, MatrixSelector | Subquery) for node, _ in walk(expr))


def threshold_of(expr: Expr) -> tuple[str, float, Expr] | None:
    """How the outermost comparison of the result compares with a number: `x op number`, and `x`.

    None where there is none, or there are several.
    """
    match bare(expr):
        case Binary(op="and" | "unless", left=left):
            return threshold_of(left)
        case Binary(op=op, left=left, right=right, matching=None) if op in COMPARISONS:
            if (value := number_of(right)) is not None:
                return op, value, left
            if (value := number_of(left)) is not None:
                return MIRRORED[op], value, right
    return None


MIRRORED: Final = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


def value_operand(node: Binary) -> Expr | None:
    """The vector of an operator whose other side is a scalar."""
    if node.matching is not None:
        return None
    return node.left if value_type(node.left) is ValueType.VECTOR else node.right


def replace(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The tree with nodes exchanged, outermost first: where `change` gives a node, that stands for the old one."""
    new = change(expr)
    if new is not None:
        return new
    below = children(expr)
    return with_children(expr, tuple(replace(child, change) for child in below)) if below else expr


def sum_by(labels: tuple[str, ...], expr: Expr) -> Aggregation:
    """`sum by (labels) (expr)`."""
    return Aggregation("sum", bare(expr), expr.span, grouping=labels)
