"""The threshold of a rule: what is compared with which number, and the same rule with another."""

from typing import Final

import attrs

from obsflow.promql.ast import Binary, Expr, NumberLiteral, Paren, Unary, ValueType
from obsflow.promql.inspect import value_type
from obsflow.promql.signatures import COMPARISONS

_MIRRORED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


@attrs.frozen
class Threshold:
    """An expression that is a vector `expr` compared with `value` by `op`, the vector on the left."""

    expr: Expr
    op: str
    value: float


def find_threshold(expr: Expr) -> Threshold | None:
    """The threshold of an expression that is nothing but a comparison with a number; None for any other."""
    while isinstance(expr, Paren):
        expr = expr.expr
    if not isinstance(expr, Binary) or expr.op not in COMPARISONS or expr.returns_bool:
        return None
    left, right = constant(expr.left), constant(expr.right)
    if right is not None and value_type(expr.left) is ValueType.VECTOR:
        return Threshold(expr.left, expr.op, right)
    if left is not None and value_type(expr.right) is ValueType.VECTOR:
        return Threshold(expr.right, _MIRRORED[expr.op], left)
    return None


def with_threshold(expr: Expr, value: float) -> Expr | None:
    """The expression compared with another number; None where it has no threshold.

    Where `and` or `unless` narrow a comparison down, it is the one on their left.
    """
    match expr:
        case Paren(expr=inner):
            changed = with_threshold(inner, value)
            return None if changed is None else attrs.evolve(expr, expr=changed)
        case Binary(op="and" | "unless", left=left):
            changed = with_threshold(left, value)
            return None if changed is None else attrs.evolve(expr, left=changed)
        case Binary(right=right, left=left) if find_threshold(expr) is not None:
            if constant(right) is not None:
                return attrs.evolve(expr, right=_number(value, right))
            return attrs.evolve(expr, left=_number(value, left))
    return None


def leading_threshold(expr: Expr) -> Threshold | None:
    """The threshold that `with_threshold` changes."""
    match expr:
        case Paren(expr=inner) | Binary(op="and" | "unless", left=inner):
            return leading_threshold(inner)
    return find_threshold(expr)


def constant(expr: Expr) -> float | None:
    """The value of an expression of numbers alone, by `+`, `-` and `*`; None for any other."""
    match expr:
        case NumberLiteral(value=value):
            return value
        case Paren(expr=inner):
            return constant(inner)
        case Unary(op=op, expr=inner):
            value_ = constant(inner)
            return value_ if value_ is None or op == "+" else -value_
        case Binary(op="+" | "-" | "*" | "/" as op, left=left, right=right):
            one, other = constant(left), constant(right)
            if one is None or other is None or (op == "/" and other == 0):
                return None
            return {"+": one + other, "-": one - other, "*": one * other, "/": one / (other or 1.0)}[op]
    return None


def _number(value: float, old: Expr) -> NumberLiteral:
    return NumberLiteral(value, old.span)
