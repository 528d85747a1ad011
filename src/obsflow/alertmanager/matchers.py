"""Matchers as text: the classic grammar, the UTF-8 grammar, and the choice between them.

The classic grammar is lenient and knows classic label names only. The UTF-8 grammar allows any name, quoted or not.
Where both read a text the classic reading stands, so that no configuration changes its meaning.
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from obsflow.errors import MatcherSyntaxError
from obsflow.model.matchers import Matcher, MatchOp

T = TypeVar("T")

_OPERATORS = {op.value: op for op in MatchOp}
_SPACE = " \t\n\f\r"
_CLASSIC = re.compile(
    rf"[{_SPACE}]*([a-zA-Z_:][a-zA-Z0-9_:]*)[{_SPACE}]*(=~|=|!=|!~)[{_SPACE}]*(.*?)[{_SPACE}]*", re.DOTALL
)
_CLASSIC_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def parse_matchers(text: str, *, classic: bool = False) -> tuple[Matcher, ...]:
    """The matchers of a list such as `{foo="bar", baz!~"x.*"}`; the braces may be left out.

    Raises MatcherSyntaxError.
    """
    return _with_fallback(text, _parse_classic_list, _parse_utf8_list, classic)


def parse_matcher(text: str, *, classic: bool = False) -> Matcher:
    """The one matcher of a text without braces, as filters and command lines have it. Raises MatcherSyntaxError."""
    if text.startswith("{") or text.endswith("}"):
        raise MatcherSyntaxError(f"unexpected open or close brace: {text}", text, (0, len(text)))
    return _with_fallback(text, lambda each: _parse_classic(each, each, 0), _parse_utf8_one, classic)


def _with_fallback(text: str, old: Callable[[str], T], new: Callable[[str], T], classic: bool) -> T:
    try:
        return old(text)
    except MatcherSyntaxError as classic_error:
        if classic:
            raise
        try:
            return new(text)
        except MatcherSyntaxError:
            raise classic_error from None


def _make(name: str, operator: str, value: str, text: str, span: tuple[int, int]) -> Matcher:
    try:
        return Matcher(name, _OPERATORS[operator], value)
    except ValueError as error:
        raise MatcherSyntaxError(str(error), text, span) from None


# -- the classic grammar


def _parse_classic_list(text: str) -> tuple[Matcher, ...]:
    return tuple(_parse_classic(token, text, offset) for token, offset in _split_classic(text))


def _split_classic(text: str) -> Iterator[tuple[str, int]]:
    """The parts between commas outside quotes, each with its offset; one brace at either end is dropped."""
    start = i = int(text.startswith("{"))
    end = len(text) - (text.endswith("}") and len(text) > start)
    quoted = escaped = False
    while i < end:
        c = text[i]
        if c == "," and not quoted:
            yield text[start:i], start
            start = i + 1
        elif c == '"' and not escaped:
            quoted = not quoted
        if c == "\\":
            escaped = not escaped
        elif c != ",":  # the reference lets a backslash before a comma reach the next character
            escaped = False
        i += 1
    if text[start:end].strip():
        yield text[start:end], start


def _parse_classic(token: str, text: str, offset: int) -> Matcher:
    span = (offset, offset + len(token))
    match = _CLASSIC.fullmatch(token)
    if match is None:
        raise MatcherSyntaxError(f"bad matcher format: {token}", text, span)
    name, operator, raw = match.groups()
    return _make(name, operator, _unescape_classic(raw, text, span), text, span)


def _unescape_classic(raw: str, text: str, span: tuple[int, int]) -> str:
    """The value without quotes, and with quote, newline and backslash unescaped; other backslashes are literal."""
    opened = raw.startswith('"')
    body = raw[1:] if opened else raw
    out: list[str] = []
    closed = False
    i = 0
    while i < len(body):
        c = body[i]
        last = i == len(body) - 1
        if c == "\\" and not last:
            i += 1
            out.append(_CLASSIC_ESCAPES.get(body[i], "\\" + body[i]))
        elif c == '"':
            if not opened or not last:
                break
            closed = True
        else:
            out.append(c)
        i += 1
    if i < len(body) or opened != closed:
        raise MatcherSyntaxError(f"matcher value contains unescaped double quote: {raw}", text, span)
    return "".join(out)


# -- the UTF-8 grammar

_TOKEN = re.compile(
    r"""(?P<space>\s+) | (?P<open>\{) | (?P<close>\}) | (?P<comma>,) | (?P<operator>=~|!=|!~|=)
    | (?P<quoted>"(?:[^"\\\n]|\\.)*") | (?P<unquoted>[^\s{}!=~,\\"'`]+)""",
    re.VERBOSE,
)
_GO_PIECE = re.compile(
    r"""([^\\]+) | \\(?:([abfnrtv\\"]) | x([0-9a-fA-F]{2}) | ([0-7]{3}) | u([0-9a-fA-F]{4}) | U([0-9a-fA-F]{8}))""",
    re.VERBOSE,
)
_GO_SHORT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_WORDS = ("quoted", "unquoted")


@attrs.frozen
class _Token:
    kind: str
    text: str
    span: tuple[int, int]


class _Utf8Parser:
    """Recursive descent over the tokens of one text, one token of lookahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> _Token:
        """The next token, of kind `end` after the last."""
        while self.at < len(self.text):
            match = _TOKEN.match(self.text, self.at)
            if match is None:
                return _Token("bad", self.text[self.at], (self.at, self.at + 1))
            if match.lastgroup != "space":
                assert match.lastgroup is not None
                return _Token(match.lastgroup, match.group(), match.span())
            self.at = match.end()
        return _Token("end", "", (0, len(self.text)))

    def expect(self, kinds: tuple[str, ...], wanted: str) -> _Token:
        token = self.peek()
        if token.kind not in kinds:
            raise self.error(token, wanted)
        self.at = token.span[1]
        return token

    def error(self, token: _Token, wanted: str) -> MatcherSyntaxError:
        found = {"end": "end of input", "bad": f"{token.text}: invalid input"}.get(
            token.kind, f"unexpected {token.text}"
        )
        return MatcherSyntaxError(f"{found}: expected {wanted}", self.text, token.span)

    def parse_list(self) -> tuple[Matcher, ...]:
        braced = self.peek().kind == "open"
        if braced:
            self.at = self.peek().span[1]
        matchers: list[Matcher] = []
        while self.peek().kind not in ("close", "end"):
            matchers.append(self.parse_matcher())
            if self.peek().kind not in ("close", "end"):
                self.expect(("comma",), "a comma or close brace")
        self.finish(braced)
        return tuple(matchers)

    def finish(self, braced: bool) -> None:
        token = self.peek()
        if braced:
            self.expect(("close",), "close brace")
        elif token.kind == "close":
            raise MatcherSyntaxError("}: expected opening brace", self.text, (0, token.span[1]))
        if (token := self.peek()).kind != "end":
            raise self.error(token, "end of input")

    def parse_matcher(self) -> Matcher:
        name = self.expect(_WORDS, "label name")
        operator = self.expect(("operator",), "an operator such as '=', '!=', '=~' or '!~'")
        value = self.expect(_WORDS, "label value")
        span = (name.span[0], value.span[1])
        return _make(self.word(name), operator.text, self.word(value), self.text, span)

    def word(self, token: _Token) -> str:
        return token.text if token.kind == "unquoted" else self.unquote(token)

    def unquote(self, token: _Token) -> str:
        """The value of a Go string literal; hexadecimal and octal escapes are bytes, and the whole must be UTF-8."""
        body = token.text[1:-1]
        out = bytearray()
        end = 0
        try:
            while match := _GO_PIECE.match(body, end):
                out += _piece_bytes(match)
                end = match.end()
            value = out.decode()
        except (ValueError, OverflowError):
            end = -1
        if end != len(body):
            raise MatcherSyntaxError(f"{token.text}: invalid input", self.text, token.span)
        return value


def _piece_bytes(match: re.Match[str]) -> bytes:
    plain, short, hexadecimal, octal, small, large = match.groups()
    if plain:
        return plain.encode()
    if short:
        return _GO_SHORT[short].encode()
    if hexadecimal:
        return bytes((int(hexadecimal, 16),))
    if octal:
        return bytes((int(octal, 8),))
    return chr(int(small or large, 16)).encode()


def _parse_utf8_list(text: str) -> tuple[Matcher, ...]:
    return _Utf8Parser(text).parse_list()


def _parse_utf8_one(text: str) -> Matcher:
    matchers = _parse_utf8_list(text)
    if len(matchers) != 1:
        message = f"expected 1 matcher, found {len(matchers)}" if matchers else "no matchers"
        raise MatcherSyntaxError(message, text, (0, len(text)))
    return matchers[0]
