"""What may follow an operand: `[range]`, `[range:step]`, `offset`, `@`, `anchored` and `smoothed`."""

from typing import Any

import attrs

from obsflow.promql.ast import (
    Anchor,
    Duration,
    Expr,
    MatrixSelector,
    RangeMode,
    Span,
    Subquery,
    VectorSelector,
)
from obsflow.promql.cursor import Cursor
from obsflow.promql.durations import negate, parse_literal, parse_offset, parse_positive
from obsflow.promql.lexer import Kind, Token
from obsflow.promql.literals import round_half_away

_Selection = VectorSelector | MatrixSelector | Subquery

_MUST_FOLLOW = "must be preceded by an instant vector selector or range vector selector or a subquery"
_INT64_LIMIT = float(1 << 63)


def parse_modifiers(cursor: Cursor, expr: Expr) -> Expr:
    """Read all that binds to an operand that is already read."""
    height = 0
    while True:
        height += 1
        cursor.check_height(height)
        match cursor.token.word:
            case "[":
                expr = _parse_brackets(cursor, expr)
            case "offset":
                expr = _parse_offset(cursor, expr)
            case "@":
                expr = _parse_at(cursor, expr)
            case "anchored" | "smoothed":
                expr = _parse_mode(cursor, expr)
            case _:
                return expr


def _parse_brackets(cursor: Cursor, expr: Expr) -> Expr:
    opening = cursor.advance()
    with cursor.within("subquery or range selector"):
        duration = parse_positive(cursor)
    if cursor.accept("]"):
        return _to_matrix(cursor, expr, duration, (opening.start, cursor.end))
    cursor.expect(":", "subquery or range", '":" or "]"')
    step: Duration | None = None
    if not cursor.at("]"):
        with cursor.within("subquery selector"):
            step = parse_positive(cursor)
    cursor.expect("]", "subquery selector", '"]"')
    return Subquery(expr, duration, step, (expr.span[0], cursor.end))


def _to_matrix(cursor: Cursor, expr: Expr, duration: Duration, brackets: Span) -> MatrixSelector:
    if not isinstance(expr, VectorSelector):
        cursor.fail("ranges only allowed for vector selectors", brackets)
    if expr.offset != 0:
        cursor.fail("no offset modifiers allowed before range", brackets)
    if expr.at is not None:
        cursor.fail("no @ modifiers allowed before range", brackets)
    return MatrixSelector(expr, duration, (expr.span[0], brackets[1]))


def _parse_offset(cursor: Cursor, expr: Expr) -> Expr:
    cursor.advance()
    with cursor.within("offset"):
        offset = parse_offset(cursor)
    selection = _require_selection(cursor, expr, "offset modifier")
    if _modified(selection).offset != 0:
        cursor.fail("offset may not be set multiple times", expr.span)
    return _modify(selection, cursor.end, offset=offset)


def _parse_at(cursor: Cursor, expr: Expr) -> Expr:
    cursor.advance()
    at: int | Anchor
    if cursor.at("start", "end"):
        at = Anchor.START if cursor.advance().word == "start" else Anchor.END
        cursor.expect("(", "@", "timestamp")
        cursor.expect(")", "@", "timestamp")
    else:
        at = _parse_timestamp(cursor, expr.span)
    selection = _require_selection(cursor, expr, "@ modifier")
    if _modified(selection).at is not None:
        cursor.fail("@ <timestamp> may not be set multiple times", expr.span)
    return _modify(selection, cursor.end, at=at)


def _parse_timestamp(cursor: Cursor, span: Span) -> int:
    start = cursor.token.start
    sign: Token | None = cursor.advance() if cursor.at("+", "-") else None
    if cursor.token.kind not in (Kind.NUMBER, Kind.DURATION):
        cursor.unexpected("@", "timestamp")
    literal = parse_literal(cursor)
    milliseconds = (literal if sign is None else negate(literal, sign)).value * 1000
    if not abs(milliseconds) < _INT64_LIMIT:
        cursor.fail(f"timestamp out of bounds for @ modifier: {cursor.source[start : cursor.end]}", span)
    return round_half_away(milliseconds)


def _parse_mode(cursor: Cursor, expr: Expr) -> Expr:
    mode = RangeMode(cursor.advance().word)
    if not cursor.dialect.extended_range_selectors:
        cursor.fail(f"{mode.value} modifier is experimental and not enabled", expr.span)
    if isinstance(expr, Subquery):
        cursor.fail(f"{mode.value} modifier is not supported for subqueries", expr.span)
    if not isinstance(expr, VectorSelector | MatrixSelector):
        cursor.fail(f"{mode.value} modifier is only supported for selectors", expr.span)
    if (expr.selector if isinstance(expr, MatrixSelector) else expr).mode not in (RangeMode.PLAIN, mode):
        cursor.fail("anchored and smoothed modifiers cannot be used together", expr.span)
    return _modify(expr, cursor.end, mode=mode)


def _require_selection(cursor: Cursor, expr: Expr, modifier: str) -> _Selection:
    if not isinstance(expr, VectorSelector | MatrixSelector | Subquery):
        cursor.fail(f"{modifier} {_MUST_FOLLOW}", expr.span)
    return expr


def _modified(selection: _Selection) -> VectorSelector | Subquery:
    """Where the modifiers of a selection are kept."""
    return selection.selector if isinstance(selection, MatrixSelector) else selection


def _modify(
    selection: _Selection,
    end: int,
    **changes: Any,
) -> _Selection:
    """The selection with a modifier, reaching to `end`."""
    span = (selection.span[0], end)
    if isinstance(selection, MatrixSelector):
        return attrs.evolve(selection, selector=attrs.evolve(selection.selector, **changes), span=span)
    return attrs.evolve(selection, **changes, span=span)
