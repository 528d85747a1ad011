"""The syntax tree of PromQL. Every node knows its half-open range of character offsets in the query."""

import enum

import attrs

from obsflow.model.matchers import Matcher

Span = tuple[int, int]


class ValueType(enum.Enum):
    """The four types of an expression, under the names of the HTTP API and of error messages."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "instant vector"
    MATRIX = "range vector"


class Anchor(enum.Enum):
    """The times that `@` knows by name."""

    START = "start()"
    END = "end()"


class RangeMode(enum.Enum):
    """How a selector treats the samples around its window."""

    PLAIN = ""
    ANCHORED = "anchored"
    SMOOTHED = "smoothed"


class Cardinality(enum.Enum):
    """How many samples of either side may match."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


def _exact(value: float | None) -> str:
    """Compares numbers as they are written: NaN equals itself, and -0 is not 0."""
    return repr(value)


@attrs.frozen
class NumberLiteral:
    """A number, or a duration written where a number is meant (`is_duration`; the value is in seconds)."""

    value: float = attrs.field(eq=_exact)
    span: Span = attrs.field(eq=False)
    is_duration: bool = False


@attrs.frozen
class StringLiteral:
    """A string, unescaped."""

    value: str
    span: Span = attrs.field(eq=False)


@attrs.frozen
class DurationExpr:
    """A duration that is computed once per query: a tree over numbers, durations, `step()` and `range()`.

    `op` is one of `+ - * / % ^` (two operands, or one for a sign), `min_of`, `max_of` (two), `step`, `range` (none),
    or `()` (one). The operands are NumberLiteral or DurationExpr, in seconds.
    """

    op: str
    operands: "tuple[NumberLiteral | DurationExpr, ...]"
    span: Span = attrs.field(eq=False)


Duration = int | DurationExpr
"""Milliseconds, or an expression for them."""


@attrs.frozen
class VectorSelector:
    """`name{matchers} offset d @ t`, with `at` in ms.

    `name` is the metric name outside the braces, or empty; the matcher for it is the first of `matchers` all the same.
    """

    name: str
    matchers: tuple[Matcher, ...]
    span: Span = attrs.field(eq=False)
    offset: Duration = 0
    at: int | Anchor | None = None
    mode: RangeMode = RangeMode.PLAIN


@attrs.frozen
class MatrixSelector:
    """`selector[range]`; offset, `@` and mode are those of the selector."""

    selector: VectorSelector
    range: Duration
    span: Span = attrs.field(eq=False)


@attrs.frozen
class Subquery:
    """`expr[range:step] offset d @ t`. `step` None takes the engine's default."""

    expr: "Expr"
    range: Duration
    step: Duration | None
    span: Span = attrs.field(eq=False)
    offset: Duration = 0
    at: int | Anchor | None = None


@attrs.frozen
class Paren:
    """A parenthesised expression."""

    expr: "Expr"
    span: Span = attrs.field(eq=False)


@attrs.frozen
class Unary:
    """`+expr` or `-expr`."""

    op: str
    expr: "Expr"
    span: Span = attrs.field(eq=False)


@attrs.frozen
class VectorMatching:
    """How the sides of a binary operator between vectors are matched.

    `labels` are those of `on` (if `on`) or of `ignoring`; `include` those of `group_left` or `group_right`. `fill_left`
    and `fill_right` replace a missing sample of that side.
    """

    cardinality: Cardinality
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    fill_left: float | None = attrs.field(default=None, eq=_exact)
    fill_right: float | None = attrs.field(default=None, eq=_exact)


@attrs.frozen
class Binary:
    """`left op right`, with `op` in lower case. `matching` is None unless both sides are vectors."""

    op: str
    left: "Expr"
    right: "Expr"
    span: Span = attrs.field(eq=False)
    op_span: Span = attrs.field(eq=False)
    returns_bool: bool = False
    matching: VectorMatching | None = None


@attrs.frozen
class Aggregation:
    """`op by|without (grouping) (param, expr)`. `op` is lower case."""

    op: str
    expr: "Expr"
    span: Span = attrs.field(eq=False)
    param: "Expr | None" = None
    grouping: tuple[str, ...] = ()
    without: bool = False


@attrs.frozen
class Call:
    """`name(args)`."""

    name: str
    args: "tuple[Expr, ...]"
    span: Span = attrs.field(eq=False)


Expr = (
    NumberLiteral
    | StringLiteral
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Paren
    | Unary
    | Binary
    | Aggregation
    | Call
)


def children(node: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions, in order of evaluation."""
    match node:
        case MatrixSelector(selector=inner):
            return (inner,)
        case Subquery(expr=inner) | Paren(expr=inner) | Unary(expr=inner):
            return (inner,)
        case Binary(left=left, right=right):
            return (left, right)
        case Aggregation(expr=inner, param=param):
            return (inner,) if param is None else (param, inner)
        case Call(args=args):
            return args
        case _:
            return ()


def with_children(node: Expr, new: tuple[Expr, ...]) -> Expr:
    """The node over other sub-expressions: as many as `children` gives, in the same order."""
    match node:
        case MatrixSelector():
            (selector,) = new
            assert isinstance(selector, VectorSelector)
            return attrs.evolve(node, selector=selector)
        case Subquery() | Paren() | Unary():
            (inner,) = new
            return attrs.evolve(node, expr=inner)
        case Binary():
            left, right = new
            return attrs.evolve(node, left=left, right=right)
        case Aggregation():
            return attrs.evolve(node, expr=new[-1], param=None if node.param is None else new[0])
        case Call():
            return attrs.evolve(node, args=new)
        case _:
            assert not new
            return node
