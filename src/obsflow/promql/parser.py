"""Tokens to a tree, by precedence climbing: one method for each construct of the grammar."""

from typing import Final

from obsflow.model.labels import quote
from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    NumberLiteral,
    Paren,
    StringLiteral,
    Unary,
    VectorMatching,
)
from obsflow.promql.cursor import Cursor
from obsflow.promql.dialect import Dialect
from obsflow.promql.durations import negate, parse_literal
from obsflow.promql.lexer import CALLED_KEYWORDS, Kind, Token
from obsflow.promql.literals import is_utf8
from obsflow.promql.modifiers import parse_modifiers
from obsflow.promql.selectors import parse_selector, starts_selector
from obsflow.promql.signatures import AGGREGATIONS, FUNCTIONS, SET_OPERATORS

PRECEDENCE: Final = {
    "or": 1,
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "</", ">/"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
"""How tightly each binary operator binds. All but `^` associate to the left."""
SIGN_PRECEDENCE: Final = 5

_GROUPING = "grouping opts"


class Parser:
    """Parses one query. Types are not looked at here: any tree that the grammar allows comes out."""

    def __init__(self, source: str, dialect: Dialect) -> None:
        self._cursor = Cursor(source, dialect)

    def parse(self) -> Expr:
        """The tree of the whole query. Raises QuerySyntaxError."""
        cursor = self._cursor
        if cursor.is_at_end():
            cursor.fail("no expression found in input", (0, 0))
        expr = self._expression(1)
        if not cursor.is_at_end():
            cursor.unexpected()
        return expr

    def _expression(self, least: int) -> Expr:
        """An operand, and the operators after it that bind at least as tightly as `least`."""
        with self._cursor.nested():
            left = self._operand()
            height = 1
            while (precedence := PRECEDENCE.get(self._cursor.token.word, 0)) >= least:
                left = self._binary(left, precedence)
                height += 1
                self._cursor.check_height(height)
        return left

    def _operand(self) -> Expr:
        if self._cursor.at("+", "-"):
            return self._signed()
        return parse_modifiers(self._cursor, self._primary())

    def _signed(self) -> Expr:
        """A sign binds less tightly than `^`; before a literal it is part of it."""
        sign = self._cursor.advance()
        operand = self._expression(SIGN_PRECEDENCE + 1)
        if isinstance(operand, NumberLiteral):
            return negate(operand, sign)
        return Unary(sign.word, operand, (sign.start, operand.span[1]))

    def _primary(self) -> Expr:
        token, following = self._cursor.token, self._cursor.following
        if token.kind in (Kind.NUMBER, Kind.DURATION):
            return parse_literal(self._cursor)
        if token.kind is Kind.STRING:
            self._cursor.advance()
            return StringLiteral(self._cursor.unquote(token), token.span)
        if token.word == "(":
            return self._paren()
        if token.word in AGGREGATIONS and following.word in ("(", "by", "without"):
            return self._aggregation()
        if following.word == "(" and (token.kind is Kind.IDENTIFIER or token.word in CALLED_KEYWORDS):
            return self._call()
        if not starts_selector(token):
            self._cursor.unexpected()
        return parse_selector(self._cursor)

    def _paren(self) -> Paren:
        opening = self._cursor.advance()
        inner = self._expression(1)
        self._cursor.expect(")")
        return Paren(inner, (opening.start, self._cursor.end))

    def _binary(self, left: Expr, precedence: int) -> Binary:
        operator = self._cursor.advance()
        returns_bool = self._cursor.accept("bool")
        matching = self._matching(operator)
        op_span = (operator.start, self._cursor.end)
        right = self._expression(precedence + (operator.word != "^"))
        span = (left.span[0], right.span[1])
        has_fill = matching.fill_left is not None or matching.fill_right is not None
        if has_fill and not self._cursor.dialect.binop_fill_modifiers:
            self._cursor.fail("binop fill modifiers are experimental and not enabled", span)
        return Binary(operator.word, left, right, span, op_span, returns_bool, matching)

    def _matching(self, operator: Token) -> VectorMatching:
        cursor = self._cursor
        cardinality = Cardinality.MANY_TO_MANY if operator.word in SET_OPERATORS else Cardinality.ONE_TO_ONE
        on = False
        labels: tuple[str, ...] = ()
        include: tuple[str, ...] = ()
        if cursor.at("on", "ignoring"):
            on = cursor.advance().word == "on"
            labels = self._grouping_labels()
            if cursor.at("group_left", "group_right"):
                is_left = cursor.advance().word == "group_left"
                cardinality = Cardinality.MANY_TO_ONE if is_left else Cardinality.ONE_TO_MANY
                include = self._grouping_labels() if cursor.at("(") else ()
        fills = self._fills()
        return VectorMatching(cardinality, on, labels, include, fills.get("fill_left"), fills.get("fill_right"))

    def _fills(self) -> dict[str, float]:
        """`fill(v)`, or `fill_left(v)` and `fill_right(v)` in either order."""
        if self._cursor.accept("fill"):
            value = self._fill_value()
            return {"fill_left": value, "fill_right": value}
        fills: dict[str, float] = {}
        while (word := self._cursor.token.word) in ("fill_left", "fill_right") and word not in fills:
            self._cursor.advance()
            fills[word] = self._fill_value()
        return fills

    def _fill_value(self) -> float:
        cursor = self._cursor
        cursor.expect("(")
        sign = cursor.advance() if cursor.at("+", "-") else None
        if cursor.token.kind not in (Kind.NUMBER, Kind.DURATION):
            cursor.unexpected()
        literal = parse_literal(cursor)
        cursor.expect(")")
        return (literal if sign is None else negate(literal, sign)).value

    def _grouping_labels(self) -> tuple[str, ...]:
        cursor = self._cursor
        cursor.expect("(", _GROUPING, '"("')
        labels: list[str] = []
        while not cursor.accept(")"):
            labels.append(self._grouping_label())
            if not cursor.accept(",") and not cursor.at(")"):
                cursor.unexpected(_GROUPING, '"," or ")"')
        return tuple(labels)

    def _grouping_label(self) -> str:
        cursor, token = self._cursor, self._cursor.token
        if token.kind is Kind.STRING:
            label = cursor.unquote(token)
        elif token.kind in (Kind.IDENTIFIER, Kind.METRIC_IDENTIFIER, Kind.KEYWORD) and token.word != "without":
            label = token.text
        else:
            cursor.unexpected(_GROUPING, "label")
        if not is_utf8(label) or not label:
            cursor.fail(f"invalid label name for grouping: {quote(label)}", token.span)
        cursor.advance()
        return label

    def _aggregation(self) -> Aggregation:
        """The clause may stand before the arguments or after them."""
        cursor = self._cursor
        operator = cursor.advance()
        clause = self._grouping_clause()
        with cursor.within("aggregation"):
            arguments = self._arguments()
        if clause is None:
            clause = self._grouping_clause()
        without, grouping = clause or (False, ())
        span = (operator.start, cursor.end)
        signature = AGGREGATIONS[operator.word]
        if not arguments:
            cursor.fail("no arguments for aggregate expression provided", span)
        if signature.experimental and not cursor.dialect.experimental_functions:
            cursor.fail(
                f"{operator.word}() is experimental and must be enabled with "
                "--enable-feature=promql-experimental-functions",
                span,
            )
        wanted = 1 if signature.parameter is None else 2
        if len(arguments) != wanted:
            cursor.fail(
                f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(arguments)}",
                span,
            )
        param = arguments[0] if wanted == 2 else None
        return Aggregation(operator.word, arguments[-1], span, param, grouping, without)

    def _grouping_clause(self) -> tuple[bool, tuple[str, ...]] | None:
        """Whether it is `without`, and its labels."""
        if not self._cursor.at("by", "without"):
            return None
        without = self._cursor.advance().word == "without"
        return without, self._grouping_labels()

    def _call(self) -> Call:
        cursor = self._cursor
        name = cursor.advance()
        arguments = self._arguments()
        function = FUNCTIONS.get(name.text)
        if function is None:
            cursor.fail(f'unknown function with name "{name.text}"', name.span)
        if function.experimental and not cursor.dialect.experimental_functions:
            cursor.fail(f'function "{name.text}" is not enabled', name.span)
        return Call(name.text, arguments, (name.start, cursor.end))

    def _arguments(self) -> tuple[Expr, ...]:
        cursor = self._cursor
        cursor.expect("(")
        arguments: list[Expr] = []
        if not cursor.at(")"):
            arguments.append(self._expression(1))
            while cursor.at(","):
                comma = cursor.advance()
                if cursor.at(")"):
                    cursor.fail("trailing commas not allowed in function call args", comma.span)
                arguments.append(self._expression(1))
        cursor.expect(")")
        return tuple(arguments)


def parse_syntax(source: str, dialect: Dialect) -> Expr:
    """The tree of a query, before its types are checked. Raises QuerySyntaxError."""
    return Parser(source, dialect).parse()
