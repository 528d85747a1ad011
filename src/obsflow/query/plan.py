"""What is known about an expression before it is evaluated: what repeats, and what is the same at every step."""

from collections import Counter
from collections.abc import Iterator

import attrs

from obsflow.promql.ast import (
    Aggregation,
    Anchor,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    ValueType,
    VectorMatching,
    VectorSelector,
    children,
)
from obsflow.promql.inspect import value_type
from obsflow.query.limits import Limits

STEP_BOUND_FUNCTIONS = frozenset(
    {
        "days_in_month",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "end",
        "hour",
        "info",
        "minute",
        "month",
        "predict_linear",
        "range",
        "start",
        "step",
        "time",
        "timestamp",
        "year",
    }
)
"""Functions whose value depends on the step even where no argument does."""


_ORDER_BOUND = frozenset({"avg", "bottomk", "limitk", "max", "min", "stddev", "stdvar", "sum", "topk"})
"""Aggregations to which the order of the rows matters."""


@attrs.frozen(eq=False)
class Plan:
    """An expression and what was found out about it. Nodes are known by their identity, which the plan keeps alive.

    `repeated` numbers the nodes that occur more than once, equal ones alike. `invariant` holds the nodes that a range
    query evaluates once; `pinned` those that are the same at all steps of a batch, where `start()` and `end()` are the
    step's own time. `range_bound` says that a subquery looks at the bounds of the range it is evaluated over, so that
    the steps of a batch cannot share it. `order_bound` holds the aggregations whose value depends on the order of rows
    that something below them makes.
    """

    expr: Expr
    text: str | None
    type: ValueType
    repeated: dict[int, int]
    invariant: frozenset[int]
    pinned: frozenset[int]
    range_bound: bool
    order_bound: frozenset[int]

    @classmethod
    def of(cls, expr: Expr, text: str | None, limits: Limits) -> "Plan":
        """Analyse `expr`; `text` is what the spans of its nodes refer to. Raises LimitExceededError."""
        nodes = _by_depth(expr, limits)
        return cls(
            expr,
            text,
            value_type(expr),
            repeated=_number_repeated(nodes),
            invariant=_invariant_nodes(nodes, anchored=True),
            pinned=_invariant_nodes(nodes, anchored=False),
            range_bound=any(
                _is_range_bound(inner) for node in nodes if isinstance(node, Subquery) for inner in _walk(node.expr)
            ),
            order_bound=frozenset(
                id(node)
                for node in nodes
                if isinstance(node, Aggregation) and node.op in _ORDER_BOUND and may_reorder(node.expr)
            ),
        )


def may_reorder(expr: Expr) -> bool:
    """Whether rows of `expr` may come in an order that is not the same at all steps."""
    return any(_makes_order(node) for node in _walk(expr))


def unwrap(node: Expr) -> Expr:
    """The expression inside any parentheses."""
    while isinstance(node, Paren):
        node = node.expr
    return node


def _walk(expr: Expr) -> Iterator[Expr]:
    pending = [expr]
    while pending:
        node = pending.pop()
        yield node
        pending += children(node)


def _by_depth(expr: Expr, limits: Limits) -> list[Expr]:
    """All nodes, parents before their children."""
    nodes: list[Expr] = []
    level: list[Expr] = [expr]
    depth = 0
    while level:
        depth += 1
        limits.check("max_depth", depth)
        nodes += level
        level = [child for node in level for child in children(node)]
    return nodes


def _number_repeated(nodes: list[Expr]) -> dict[int, int]:
    worth = [node for node in nodes if not isinstance(node, NumberLiteral | StringLiteral | MatrixSelector)]
    counts = Counter(worth)
    numbers: dict[Expr, int] = {}
    return {id(node): numbers.setdefault(node, len(numbers)) for node in worth if counts[node] > 1}


def _invariant_nodes(nodes: list[Expr], *, anchored: bool) -> frozenset[int]:
    """Nodes that have one value for all steps; `anchored` if `start()` and `end()` are those of the query."""
    invariant: set[int] = set()
    for node in reversed(nodes):
        if _is_invariant(node, invariant, anchored=anchored):
            invariant.add(id(node))
    return frozenset(invariant)


def _is_invariant(node: Expr, invariant: set[int], *, anchored: bool) -> bool:
    match node:
        case VectorSelector(at=at) | Subquery(at=at):
            return at is not None and (anchored or not isinstance(at, Anchor))
        case Aggregation(expr=inner, param=param):
            # A range query takes the parameter of a pinned vector at its first step, as Prometheus does.
            return id(inner) in invariant and (anchored or param is None or id(param) in invariant)
        case Call(name="timestamp", args=(argument,)) if isinstance(unwrap(argument), VectorSelector):
            return id(unwrap(argument)) in invariant
        case Call(name="start" | "end" | "range" | "step"):
            return anchored
        case Call(name=name) if name in STEP_BOUND_FUNCTIONS:
            return False
        case _:
            return all(id(child) in invariant for child in children(node))


def _makes_order(node: Expr) -> bool:
    match node:
        case Aggregation() | Binary(matching=VectorMatching()):
            return True
        case Call(name=name):
            return name.startswith(("sort", "label_", "histogram_", "info"))
        case VectorSelector(name=name):
            return not name  # series of several names may become one
        case _:
            return False


def _is_range_bound(node: Expr) -> bool:
    match node:
        case VectorSelector(at=at) | Subquery(at=at):
            return isinstance(at, Anchor)
        case Aggregation(param=param):
            return param is not None and not isinstance(unwrap(param), NumberLiteral | StringLiteral)
        case Call(name=name):
            return name in ("start", "end", "range", "step")
        case Binary() | _:
            return False
