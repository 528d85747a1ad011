"""What values an expression can have: bounds that are read off the tree, and whether it can have a result at all."""

import math
from collections.abc import Callable, Mapping
from typing import Final

import attrs

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
)
from obsflow.promql.inspect import value_type
from obsflow.promql.signatures import COMPARISONS
from obsflow.quality.trees import COUNTER_FUNCTIONS, MIRRORED

_INF: Final = math.inf


@attrs.frozen
class Bounds:
    """All values are NaN or within `[low, high]`."""

    low: float = -_INF
    high: float = _INF

    def hull(self, other: "Bounds") -> "Bounds":
        """The bounds of either."""
        return Bounds(min(self.low, other.low), max(self.high, other.high))

    def cut(self, other: "Bounds") -> "Bounds":
        """The bounds of both; these, where they have nothing in common."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Bounds(low, high) if low <= high else self

    @property
    def is_positive(self) -> bool:
        """Whether nothing is below zero."""
        return self.low >= 0


ANY: Final = Bounds()
NOT_NEGATIVE: Final = Bounds(0)
ONE: Final = Bounds(1, 1)
SHARE: Final = Bounds(0, 1)

_FUNCTIONS: Final = {
    **dict.fromkeys(("resets", "changes"), NOT_NEGATIVE),
    **dict.fromkeys(("stddev_over_time", "stdvar_over_time", "mad_over_time", "abs", "sqrt", "exp"), NOT_NEGATIVE),
    **dict.fromkeys(("time", "timestamp", "histogram_count", "histogram_stddev", "histogram_stdvar"), NOT_NEGATIVE),
    **dict.fromkeys(("absent", "absent_over_time", "present_over_time"), ONE),
    **dict.fromkeys(("sin", "cos", "tanh", "sgn"), Bounds(-1, 1)),
    "count_over_time": Bounds(1),
    "histogram_fraction": SHARE,
    "minute": Bounds(0, 59),
    "hour": Bounds(0, 23),
    "day_of_week": Bounds(0, 6),
    "day_of_month": Bounds(1, 31),
    "day_of_year": Bounds(1, 366),
    "days_in_month": Bounds(28, 31),
    "month": Bounds(1, 12),
}
_SAME: Final = frozenset(
    (
        "avg_over_time", "min_over_time", "max_over_time", "first_over_time", "last_over_time", "sort", "sort_desc",
        "sort_by_label", "sort_by_label_desc", "label_replace", "label_join", "scalar", "vector",
    )
)  # fmt: skip
_AGGREGATIONS: Final = {"group": ONE, "count": Bounds(1), "count_values": Bounds(1)}
_SAME_AGGREGATIONS: Final = frozenset(("avg", "min", "max", "topk", "bottomk", "limitk", "limit_ratio"))
_KNOWN_SERIES: Final = {"up": SHARE, "ALERTS": ONE, "ALERTS_FOR_STATE": NOT_NEGATIVE}


def bounds_of(expr: Expr) -> Bounds:
    """The bounds of the result's values. A series called `up` is 0 or 1, and no counter is below 0."""
    match expr:
        case NumberLiteral(value=value):
            return ANY if math.isnan(value) else Bounds(value, value)
        case VectorSelector(name=name):
            return _KNOWN_SERIES.get(name, ANY)
        case MatrixSelector(selector=inner):
            return bounds_of(inner)
        case Subquery(expr=inner) | Paren(expr=inner) | Unary(op="+", expr=inner):
            return bounds_of(inner)
        case Unary(expr=inner):
            within = bounds_of(inner)
            return Bounds(-within.high, -within.low)
        case Aggregation():
            return _of_aggregation(expr)
        case Call():
            return _of_call(expr)
        case Binary():
            return _of_binary(expr)
        case StringLiteral():
            return ANY


def _of_aggregation(node: Aggregation) -> Bounds:
    if node.op in _AGGREGATIONS:
        return _AGGREGATIONS[node.op]
    inner = bounds_of(node.expr)
    if node.op in _SAME_AGGREGATIONS:
        return inner
    if node.op in ("stddev", "stdvar"):
        return NOT_NEGATIVE
    if node.op == "sum":  # of one sample at least
        return Bounds(inner.low if inner.low >= 0 else -_INF, inner.high if inner.high <= 0 else _INF)
    return ANY


def _of_call(node: Call) -> Bounds:
    if node.name in _FUNCTIONS:
        return _FUNCTIONS[node.name]
    if node.name in COUNTER_FUNCTIONS:  # a counter is not negative; what a subquery gives may be anything
        return NOT_NEGATIVE if isinstance(node.args[0], MatrixSelector) else ANY
    if node.name == "sum_over_time" and bounds_of(node.args[0]).is_positive:
        return NOT_NEGATIVE
    match node:
        case Call(name="clamp", args=(_, NumberLiteral(value=low), NumberLiteral(value=high))) if low <= high:
            return Bounds(low, high)
        case Call(name="clamp_min", args=(_, NumberLiteral(value=low))) if not math.isnan(low):
            return Bounds(low)
        case Call(name="clamp_max", args=(_, NumberLiteral(value=high))) if not math.isnan(high):
            return Bounds(high=high)
    return bounds_of(node.args[0]) if node.name in _SAME and node.args else ANY


def _of_binary(node: Binary) -> Bounds:
    left, right = bounds_of(node.left), bounds_of(node.right)
    if node.op in COMPARISONS:
        if node.returns_bool:
            return SHARE
        is_number_first = value_type(node.left) is ValueType.SCALAR
        kept, other, op = (right, left, MIRRORED[node.op]) if is_number_first else (left, right, node.op)
        return kept.cut(_PASSING[op](other))
    matching = node.matching
    if matching is not None:
        left = left if matching.fill_left is None else left.hull(Bounds(matching.fill_left, matching.fill_left))
        right = right if matching.fill_right is None else right.hull(Bounds(matching.fill_right, matching.fill_right))
    match node.op:
        case "or":
            return left.hull(right)
        case "and" | "unless":
            return left
        case "+":
            return _bounds(left.low + right.low, left.high + right.high)
        case "-":
            return _bounds(left.low - right.high, left.high - right.low)
        case "*" if left.is_positive and right.is_positive:
            within = _bounds(left.low * right.low, left.high * right.high)
            return within.cut(NOT_NEGATIVE)
        case "/" if left.is_positive and right.is_positive:
            return NOT_NEGATIVE
    return ANY


def _bounds(low: float, high: float) -> Bounds:
    """Bounds from a computation whose ends may be NaN."""
    return Bounds(-_INF if math.isnan(low) else low, _INF if math.isnan(high) else high)


_PASSING: Final[Mapping[str, Callable[[Bounds], Bounds]]] = {
    ">": lambda other: Bounds(low=other.low),
    ">=": lambda other: Bounds(low=other.low),
    "<": lambda other: Bounds(high=other.high),
    "<=": lambda other: Bounds(high=other.high),
    "==": lambda other: other,
    "!=": lambda _: ANY,
}


def is_never_true(op: str, left: Bounds, right: Bounds) -> bool:
    """Whether no two values within the bounds compare so."""
    match op:
        case ">":
            return left.high <= right.low
        case ">=":
            return left.high < right.low
        case "<":
            return left.low >= right.high
        case "<=":
            return left.low > right.high
        case "==":
            return left.high < right.low or left.low > right.high
    return False


def is_always_true(op: str, left: Bounds, right: Bounds) -> bool:
    """Whether all values within the bounds compare so, but for NaN."""
    match op:
        case ">":
            return left.low > right.high
        case ">=":
            return left.low >= right.high
        case "<":
            return left.high < right.low
        case "<=":
            return left.high <= right.low
        case "==":
            return left.low == left.high == right.low == right.high
        case "!=":
            return left.high < right.low or left.low > right.high
    return False
