"""A place in a query that is being parsed: what the methods of the grammar share."""

import contextlib
from collections.abc import Iterator
from typing import Final, NoReturn

from obsflow.errors import QuerySyntaxError
from obsflow.promql.ast import Span
from obsflow.promql.dialect import Dialect
from obsflow.promql.lexer import Kind, Lexer, Token
from obsflow.promql.literals import unquote

MAX_NESTING: Final = 100
"""How deep parentheses, calls, signs and right operands may lie in one another."""
MAX_DEPTH: Final = 200
"""How many nodes of a tree may lie above one another. A chain of operators is as deep as it is long."""

_AHEAD: Final = 64  # tokens; what is refused early is not read to its end


class Cursor:
    """The tokens of one query, and how far they are read."""

    def __init__(self, source: str, dialect: Dialect) -> None:
        self.source = source
        self.dialect = dialect
        self._lexer = Lexer(source)
        self._tokens = self._lexer.read(_AHEAD)
        self._index = 0
        self._depth = 0
        self._context = ""

    @property
    def token(self) -> Token:
        """The next token to be read."""
        return self._tokens[self._index]

    @property
    def following(self) -> Token:
        """The token after the next."""
        return self._tokens[min(self._index + 1, len(self._tokens) - 1)]

    @property
    def end(self) -> int:
        """Where the last token that was read ends."""
        return self._tokens[self._index - 1].end if self._index else 0

    def is_at_end(self) -> bool:
        """Whether nothing is left to be read."""
        return self.token.kind is Kind.END

    def at(self, *words: str) -> bool:
        """Whether the next token is one of these symbols or keywords."""
        return self.token.word in words

    def advance(self) -> Token:
        """Read a token. The last one is never passed."""
        token = self.token
        if token.kind not in (Kind.END, Kind.ERROR):
            self._index += 1
            if self._index + 2 > len(self._tokens):
                self._lexer.read(self._index + _AHEAD)
        return token

    def accept(self, word: str) -> bool:
        """Read the next token if it is this symbol or keyword."""
        if self.token.word != word:
            return False
        self.advance()
        return True

    def expect(self, word: str, context: str = "", expected: str = "") -> Token:
        """Read this symbol or keyword, or fail."""
        if self.token.word != word:
            self.unexpected(context, expected)
        return self.advance()

    def unexpected(self, context: str = "", expected: str = "") -> NoReturn:
        """Fail at the next token; a place where the text itself makes no sense says so instead."""
        token = self.token
        if token.kind is Kind.ERROR:
            self.fail(token.text, token.span)
        context = context or self._context
        message = f"unexpected {token.describe()}"
        message += f" in {context}" if context else ""
        message += f", expected {expected}" if expected else ""
        self.fail(message, token.span)

    def fail(self, message: str, span: Span) -> NoReturn:
        """Raise QuerySyntaxError."""
        raise QuerySyntaxError(message, self.source, span)

    def unquote(self, token: Token) -> str:
        """The value of a STRING, whose escapes the lexer has looked at."""
        return unquote(token.text)

    @contextlib.contextmanager
    def within(self, context: str) -> Iterator[None]:
        """For the time of the block, what is unexpected is so in this construct, unless a narrower one is named."""
        outer, self._context = self._context, context
        yield
        self._context = outer

    def check_height(self, height: int, what: str = "expression") -> None:
        """Fail at the next token if so many nodes lie above one another."""
        if height > MAX_DEPTH:
            self.fail(f"{what} is more than {MAX_DEPTH} levels deep", self.token.span)

    @contextlib.contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper for the time of the block."""
        if self._depth == MAX_NESTING:
            self.fail(f"expression is nested more than {MAX_NESTING} levels deep", self.token.span)
        self._depth += 1
        yield
        self._depth -= 1
