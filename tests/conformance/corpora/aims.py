"""What the values of a selector should be about, so that the expression around it has a result about half the time.

A threshold is carried down the tree: for `a / b * 100 > 80` the product should be about 80, so the quotient about 0.8,
so, if `b` is about 100, `a` about 80.
"""

import enum
import math
from collections.abc import Iterator

import attrs

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
    VectorSelector,
    children,
)
from obsflow.promql.inspect import selectors

COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
SET_OPERATORS = ("and", "or", "unless")
COUNTER_SUFFIXES = ("_total", "_count", "_sum")
DENOMINATOR = 100.0
ORDINARY = 10.0
COUNTED = 3.0


@attrs.frozen
class Target:
    """A value, plus `of_time` times the time in seconds. `exact` asks for the very value now and then."""

    value: float
    of_time: float = 0.0
    exact: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether the expression only asks for more than nothing."""
        return self.value == self.of_time == 0

    def scaled(self, factor: float) -> "Target":
        """The target of an operand that is multiplied by the inverse of `factor`."""
        return attrs.evolve(self, value=self.value * factor, of_time=self.of_time * factor)

    def shifted(self, by: "Target", sign: int = 1) -> "Target":
        """The target of an operand from which `by` is taken (or to which it is added)."""
        return attrs.evolve(self, value=self.value + sign * by.value, of_time=self.of_time + sign * by.of_time)

    def about(self, value: float) -> "Target":
        """Another value."""
        return attrs.evolve(self, value=value, of_time=0.0)


class Kind(enum.Enum):
    """How a series moves."""

    GAUGE = "about the target"
    COUNTER = "up by the target per second"
    BUCKET = "a histogram of observations about the target"
    DRIFT = "up or down by the target per second"
    FLAPPING = "another value as often as the target per second"


@attrs.frozen
class Aim:
    """How the series of one selector move, and whether they are often absent."""

    kind: Kind
    target: Target
    sparse: bool = False


def aims(expr: Expr) -> Iterator[tuple[VectorSelector, Aim]]:
    """Every selector of an expression with its aim."""
    return _aims(expr, Target(ORDINARY), sparse=False)


def _aims(node: Expr, target: Target, *, sparse: bool) -> Iterator[tuple[VectorSelector, Aim]]:
    match node:
        case VectorSelector():
            kind = Kind.GAUGE
            if node.name.endswith(COUNTER_SUFFIXES) and target.value in (0, ORDINARY):
                kind, target = Kind.COUNTER, target.about(0.1)
            yield node, Aim(Kind.BUCKET if node.name.endswith("_bucket") else kind, target, sparse)
        case MatrixSelector(selector=inner) | Subquery(expr=inner) | Paren(expr=inner) | Unary(op="+", expr=inner):
            yield from _aims(inner, target, sparse=sparse)
        case Unary(expr=inner):
            yield from _aims(inner, target.scaled(-1), sparse=sparse)
        case Aggregation(op=op, expr=inner):
            members = {"sum": target.scaled(0.4 if node.grouping else 0.16), "count": target.about(0)}
            few = op == "count" and target.value <= COUNTED
            yield from _aims(inner, members.get(op, target), sparse=sparse or few)
        case Binary():
            left, right = _operands(node, target)
            yield from _aims(node.left, left, sparse=sparse)
            yield from _aims(node.right, right, sparse=sparse or node.op == "unless")
        case Call():
            yield from _call(node, target, sparse=sparse)


def constant(node: Expr) -> Target | None:
    """The value of an expression without selectors."""
    match node:
        case NumberLiteral(value=value):
            return Target(value)
        case Paren(expr=inner) | Unary(op="+", expr=inner):
            return constant(inner)
        case Unary(expr=inner):
            found = constant(inner)
            return None if found is None else found.scaled(-1)
        case Call(name="time"):
            return Target(0.0, 1.0)
        case Call(name="vector", args=(inner,)):
            return constant(inner)
        case Binary(op=op, left=left, right=right):
            a, b = constant(left), constant(right)
            if a is None or b is None:
                return None
            match op:
                case "+" | "-":
                    return a.shifted(b, 1 if op == "+" else -1)
                case "*":
                    return b.scaled(a.value) if not a.of_time else a.scaled(b.value)
                case "/" if b.value:
                    return a.scaled(1 / b.value)
                case "^":
                    return Target(math.pow(a.value, b.value))
    return None


def _counted(node: Expr) -> Target | None:
    """The value of a count, which is what it is."""
    return Target(COUNTED) if isinstance(node, Aggregation) and node.op == "count" else None


def _operands(node: Binary, target: Target) -> tuple[Target, Target]:
    """The targets of both sides."""
    left, right = constant(node.left) or _counted(node.left), constant(node.right) or _counted(node.right)
    if node.op in COMPARISONS:
        other = right or left or Target(DENOMINATOR / 2)
        if other.is_nothing and node.op in (">", ">=", "!=") and target != Target(ORDINARY):
            return target, target  # what lies around asks for more than nothing
        found = attrs.evolve(other, exact=node.op in ("==", "!="))
        return found, found
    if node.op in SET_OPERATORS:
        return target, target
    if right is not None:
        return _left_of(node.op, target, right), right
    if left is not None:
        return left, _right_of(node.op, target, left)
    match node.op:
        case "/":
            return target.scaled(DENOMINATOR), target.about(DENOMINATOR)
        case "*":
            return target.scaled(1 / ORDINARY), target.about(ORDINARY)
        case "-":
            base = target.about(DENOMINATOR + abs(target.value))
            return target.shifted(base), base
        case _:
            return target.scaled(0.5), target.scaled(0.5)


def _left_of(op: str, target: Target, right: Target) -> Target:
    match op:
        case "+" | "-":
            return target.shifted(right, -1 if op == "+" else 1)
        case "*" if right.value:
            return target.scaled(1 / right.value)
        case "/":
            return target.scaled(right.value)
        case _:
            return target


def _right_of(op: str, target: Target, left: Target) -> Target:
    match op:
        case "+":
            return target.shifted(left, -1)
        case "-":
            return target.scaled(-1).shifted(left)
        case "*" if left.value:
            return target.scaled(1 / left.value)
        case "/" if target.value:
            return target.about(left.value / target.value)
        case _:
            return target


def _call(node: Call, target: Target, *, sparse: bool) -> Iterator[tuple[VectorSelector, Aim]]:
    range_s = next((a.range / 1000 for a in node.args if isinstance(a, MatrixSelector | Subquery)), 1.0)
    moves = {
        "rate": Aim(Kind.COUNTER, target),
        "irate": Aim(Kind.COUNTER, target),
        "increase": Aim(Kind.COUNTER, target.scaled(1 / range_s)),
        "delta": Aim(Kind.DRIFT, target.scaled(1 / range_s)),
        "deriv": Aim(Kind.DRIFT, target),
        "changes": Aim(Kind.FLAPPING, target.scaled(1 / range_s)),
        "histogram_quantile": Aim(Kind.BUCKET, target),
    }
    if node.name == "predict_linear":
        seconds = constant(node.args[1])
        moves[node.name] = Aim(Kind.DRIFT, target.about(-1000.0 / (seconds.value if seconds else 3600.0)))
    if node.name in moves:
        for selector in selectors(node):
            found = attrs.evolve(moves[node.name], sparse=sparse)
            is_bucket = selector.name.endswith("_bucket")
            yield selector, attrs.evolve(found, kind=Kind.BUCKET) if is_bucket else found
        return
    for child in children(node):
        yield from _aims(child, target, sparse=sparse or node.name.startswith("absent"))
