"""Durations in a query: the little language of ranges, steps and offsets, and what it comes to in milliseconds."""

import math
import operator
from collections.abc import Callable
from typing import Final

from obsflow.errors import QueryError
from obsflow.promql.ast import Duration, DurationExpr, NumberLiteral
from obsflow.promql.cursor import MAX_DEPTH, Cursor
from obsflow.promql.lexer import Kind, Token
from obsflow.promql.literals import parse_duration_seconds, parse_number

_Operand = NumberLiteral | DurationExpr

_MAX_SECONDS = (1 << 63) / 1e9  # Go holds nanoseconds in an int64
_PRECEDENCE: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_SIGN_PRECEDENCE: Final = 2


def parse_literal(cursor: Cursor) -> NumberLiteral:
    """Read a number or a duration."""
    token = cursor.advance()
    is_duration = token.kind is Kind.DURATION
    try:
        value = parse_duration_seconds(token.text) if is_duration else parse_number(token.text)
    except ValueError as error:
        cursor.fail(str(error), token.span)
    return NumberLiteral(value, token.span, is_duration)


def negate(literal: NumberLiteral, sign: Token) -> NumberLiteral:
    """A literal with the sign before it."""
    value = -literal.value if sign.word == "-" else literal.value
    if literal.is_duration:
        value += 0.0  # there is no negative zero among durations
    return NumberLiteral(value, (sign.start, literal.span[1]), literal.is_duration)


def parse_positive(cursor: Cursor) -> Duration:
    """Read a range or a step: an expression that, as far as it is known now, is more than 0."""
    operand = _parse_binary(cursor, 1)
    duration = _to_duration(cursor, operand)
    if isinstance(duration, int) and duration <= 0:
        cursor.fail("duration must be greater than 0", operand.span)
    return duration


def parse_offset(cursor: Cursor) -> Duration:
    """Read what follows `offset`: one literal or call, maybe with a sign, or an expression that begins with `(`."""
    return _to_duration(cursor, _parse_offset_operand(cursor))


def _parse_offset_operand(cursor: Cursor) -> _Operand:
    is_signed = cursor.at("+", "-")
    if cursor.at("(") or (is_signed and cursor.following.word in ("+", "-")):
        # After a parenthesis or two signs Prometheus reads on: `a offset (5m) * 2` looks back ten minutes.
        operand = _parse_binary(cursor, 1)
        is_binary = isinstance(operand, DurationExpr) and operand.op in _PRECEDENCE and len(operand.operands) == 2
        return DurationExpr("()", (operand,), operand.span) if is_binary else operand
    if is_signed:
        return _apply_sign(cursor, cursor.advance(), _parse_primary(cursor))
    return _parse_primary(cursor)


def _parse_binary(cursor: Cursor, least: int) -> _Operand:
    with cursor.nested():
        left = _parse_signed(cursor)
        height = 1
        while (precedence := _PRECEDENCE.get(cursor.token.word, 0)) >= least:
            token = cursor.advance()
            right = _parse_binary(cursor, precedence + (token.word != "^"))
            _require_expressions(cursor, left)
            if token.word in "/%" and isinstance(right, NumberLiteral) and right.value == 0:
                cursor.fail("division by zero" if token.word == "/" else "modulo by zero", token.span)
            left = DurationExpr(token.word, (left, right), (left.span[0], right.span[1]))
            height += 1
            cursor.check_height(height, "duration expression")
    return left


def _parse_signed(cursor: Cursor) -> _Operand:
    if cursor.at("+", "-"):
        return _apply_sign(cursor, cursor.advance(), _parse_binary(cursor, _SIGN_PRECEDENCE + 1))
    return _parse_primary(cursor)


def _apply_sign(cursor: Cursor, sign: Token, operand: _Operand) -> _Operand:
    if isinstance(operand, NumberLiteral):
        return _check_range(cursor, negate(operand, sign))
    if sign.word == "+":
        return operand
    return DurationExpr("-", (operand,), (sign.start, operand.span[1]))


def _parse_primary(cursor: Cursor) -> _Operand:
    token = cursor.token
    if token.kind in (Kind.NUMBER, Kind.DURATION):
        return _check_range(cursor, parse_literal(cursor))
    match token.word:
        case "step" | "range":
            cursor.advance()
            cursor.expect("(")
            cursor.expect(")")
            operands: tuple[_Operand, ...] = ()
        case "min_of" | "max_of":
            cursor.advance()
            cursor.expect("(")
            first = _parse_binary(cursor, 1)
            cursor.expect(",")
            operands = (first, _parse_binary(cursor, 1))
            cursor.expect(")")
        case "(":
            return _parse_parenthesised(cursor)
        case _:
            cursor.unexpected(expected="number, duration, step(), or range()")
    expression = DurationExpr(token.word, operands, (token.start, cursor.end))
    _require_expressions(cursor, expression)
    return expression


def _parse_parenthesised(cursor: Cursor) -> _Operand:
    """Parentheses stay in the tree only where they hold something together."""
    opening = cursor.advance()
    inner = _parse_binary(cursor, 1)
    cursor.expect(")")
    _require_expressions(cursor, inner)
    if isinstance(inner, NumberLiteral) or inner.op == "()":
        return inner
    return DurationExpr("()", (inner,), (opening.start, cursor.end))


def _require_expressions(cursor: Cursor, operand: _Operand) -> None:
    if not cursor.dialect.duration_expressions:
        cursor.fail("experimental duration expression is not enabled", operand.span)


def _check_range(cursor: Cursor, literal: NumberLiteral) -> NumberLiteral:
    if abs(literal.value) > _MAX_SECONDS:
        cursor.fail("duration out of range", literal.span)
    return literal


def _to_duration(cursor: Cursor, operand: _Operand) -> Duration:
    if isinstance(operand, NumberLiteral):
        if math.isnan(operand.value):
            cursor.fail("duration is NaN", operand.span)
        return _to_ms(operand.value)
    level: list[_Operand] = [operand]
    for _ in range(MAX_DEPTH):
        level = [inner for node in level if isinstance(node, DurationExpr) for inner in node.operands]
        if not level:
            break
    else:
        cursor.fail(f"duration expression is more than {MAX_DEPTH} levels deep", level[0].span)
    return operand


def _to_ms(seconds: float) -> int:
    """Whole milliseconds, the rest cut off; what is within half a nanosecond of a whole one is that one."""
    milliseconds = seconds * 1000
    nearest = round(milliseconds)
    return nearest if math.isclose(milliseconds, nearest, rel_tol=1e-15, abs_tol=5e-7) else int(milliseconds)


def resolve_duration(duration: Duration, step_ms: int, range_ms: int, *, positive: bool = False) -> int:
    """What a duration comes to in a query with this step and this time from start to end: whole ms, the rest cut off.

    Instant queries have 0 for both. Ranges and steps ask for a `positive` one. Raises QueryError for a division by
    zero, and for a result that is not positive where it has to be, not finite, or too long to be held.
    """
    if isinstance(duration, int):
        return duration
    seconds = _evaluate(duration, step_ms, range_ms)
    if not math.isfinite(seconds):
        raise QueryError("duration is NaN or infinite")
    milliseconds = int(seconds * 1000)
    if positive and milliseconds <= 0:
        raise QueryError("duration must be greater than 0")
    if abs(seconds) > _MAX_SECONDS:
        raise QueryError("duration is out of range")
    return milliseconds


def _evaluate(operand: _Operand, step_ms: int, range_ms: int) -> float:
    if isinstance(operand, NumberLiteral):
        return operand.value
    match operand.op:
        case "step":
            return step_ms / 1000
        case "range":
            return range_ms / 1000
    values = [_evaluate(inner, step_ms, range_ms) for inner in operand.operands]
    if len(values) == 1:
        return -values[0] if operand.op == "-" else values[0]
    return _BINARY[operand.op](*values)


def _divide(left: float, right: float) -> float:
    if right == 0:
        raise QueryError("division by zero in duration expression")
    return left / right


def _modulo(left: float, right: float) -> float:
    if right == 0:
        raise QueryError("modulo by zero in duration expression")
    return math.fmod(left, right) if math.isfinite(left) else math.nan


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.inf if left == 0 else math.nan


_BINARY: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _modulo,
    "^": _power,
    "min_of": lambda left, right: math.nan if math.isnan(left + right) else min(left, right),
    "max_of": lambda left, right: math.nan if math.isnan(left + right) else max(left, right),
}
