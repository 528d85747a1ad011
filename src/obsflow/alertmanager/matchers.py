"""Matchers as text: the classic grammar, the UTF-8 grammar, and the choice between them.

The classic grammar is lenient and knows classic label names only. The UTF-8 grammar allows any name, quoted or not.
Where both read a text the classic reading stands, so that no configuration changes its meaning.
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from obsflow.errors import MatcherSyntaxError
from obsflow.model.labels import quote
from obsflow.model.matchers import Matcher, MatchOp

T = TypeVar("T")

_OPERATORS = {op.value: op for op in MatchOp}
_SPACE = " \t\n\f\r"
_BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_CLASSIC = re.compile(
    rf"[{_SPACE}]*([a-zA-Z_:][a-zA-Z0-9_:]*)[{_SPACE}]*(=~|=|!=|!~)[{_SPACE}]*(.*?)[{_SPACE}]*", re.DOTALL
)
_WHOLE = ("missing )", "unexpected )", "trailing \\")
"""Mistakes that are shown in the whole pattern."""
_GO_WORDS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "invalid repetition size": "invalid repeat count",
    "trailing \\": "missing closing )",  # because it escapes the parenthesis of the anchors
}
"""What RE2 and Go call the same mistake."""
_CLASSIC_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def parse_matchers(text: str, *, classic: bool = False, utf8: bool = False) -> tuple[Matcher, ...]:
    """The matchers of a list such as `{foo="bar", baz!~"x.*"}`; the braces may be left out.

    `classic` or `utf8` allow one grammar only. Raises MatcherSyntaxError, in the words of the classic grammar where
    both refuse a text.
    """
    return _with_fallback(text, _parse_classic_list, _parse_utf8_list, (classic, utf8))


def parse_matcher(text: str, *, classic: bool = False, utf8: bool = False) -> Matcher:
    """The one matcher of a text without braces, as filters and command lines have it. Raises as `parse_matchers`."""
    if text.startswith("{") or text.endswith("}"):
        raise MatcherSyntaxError(f"unexpected open or close brace: {text}", text, (0, len(text)))
    return _with_fallback(text, lambda each: _parse_classic(each, each, 0), _parse_utf8_one, (classic, utf8))


def classic_reading(text: str) -> str:
    """Why a list has its meaning by the classic grammar only, if so: the other refuses it, or reads it otherwise."""
    try:
        classic = _parse_classic_list(text)
    except MatcherSyntaxError:
        return ""
    try:
        utf8 = _parse_utf8_list(text)
    except MatcherSyntaxError as error:
        return error.message
    return "" if utf8 == classic else "both grammars read it, but not as the same"


def _with_fallback(text: str, old: Callable[[str], T], new: Callable[[str], T], only: tuple[bool, bool]) -> T:
    only_classic, only_utf8 = only
    if only_utf8:
        return new(text)
    try:
        return old(text)
    except MatcherSyntaxError as classic_error:
        if only_classic:
            raise
        try:
            return new(text)
        except MatcherSyntaxError:
            raise classic_error from None


def make_matcher(name: str, op: MatchOp, value: str, *, anchored: bool = False) -> Matcher:
    """A matcher; `anchored` writes the anchors of a pattern into its value. Raises ValueError, in the words of Go."""
    whole = f"^(?:{value})$"
    pattern = whole if anchored else value
    try:
        return Matcher(name, op, pattern, dot_all=False)
    except ValueError as error:
        what = str(error).partition(f"{quote(pattern)}: ")[2]
        kind, _, piece = what.partition(": ")
        shown = whole if kind in _WHOLE else f"{piece})$" if kind == "missing ]" else piece
        raise ValueError(f"error parsing regexp: {_GO_WORDS.get(kind, kind)}: `{shown}`") from None


def _make(name: str, operator: str, value: str, text: str, span: tuple[int, int], prefix: str = "") -> Matcher:
    try:
        return make_matcher(name, _OPERATORS[operator], value)
    except ValueError as error:
        raise MatcherSyntaxError(f"{prefix}{error}", text, span) from None


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
    if last := text[start:end].strip(_BLANK):
        yield last, text.index(last, start)


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
    rf"""(?P<space>[{_BLANK}]+) | (?P<open>\{{) | (?P<close>\}}) | (?P<comma>,) | (?P<operator>=~|!=|!~|=)
    | (?P<quoted>"(?:[^"\\]|\\.)*") | (?P<unquoted>[^{_BLANK}{{}}!=~,\\"'`]+)""",
    re.VERBOSE | re.DOTALL,
)
_GO_PIECE = re.compile(
    r"""([^\\\n]+) | \\(?:([abfnrtv\\"]) | x([0-9a-fA-F]{2}) | ([0-7]{3}) | u([0-9a-fA-F]{4}) | U([0-9a-fA-F]{8}))""",
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
    """Recursive descent over the tokens of one text, one token of lookahead. Errors begin with the columns."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0  # after the last token that was taken

    def peek(self) -> _Token:
        """The next token, of kind `end` after the last."""
        at = self.at
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if match is None:
                return _Token("bad", *self.bad(at))
            if match.lastgroup != "space":
                assert match.lastgroup is not None
                return _Token(match.lastgroup, match.group(), match.span())
            at = match.end()
        return _Token("end", "", (at, at))

    def bad(self, at: int) -> tuple[str, tuple[int, int]]:
        """What is wrong where no token begins, and its place."""
        end = at + 1
        problem = f"{self.text[at]}: invalid input"
        if self.text[at] == "!":
            problem = (
                "!: expected one of '=~'" if end < len(self.text) else "unexpected end of input, expected one of '=~'"
            )
        elif self.text[at] == '"':
            end = len(self.text)
            problem = f'{self.text[at:]}: missing end "'
        return problem, (at, end)

    def take(self, kinds: tuple[str, ...], wanted: str) -> _Token:
        """The next token, which must be of one of these kinds."""
        token = self.expect(kinds, wanted)
        self.at = token.span[1]
        return token

    def expect(self, kinds: tuple[str, ...], wanted: str) -> _Token:
        """Like `take`, but the token stays."""
        token = self.peek()
        if token.kind not in kinds:
            raise self.error(token, wanted)
        return token

    def error(self, token: _Token, wanted: str) -> MatcherSyntaxError:
        start, end = token.span
        found = {"end": "end of input", "bad": f"{start}:{end}: {token.text}"}.get(token.kind)
        found = found or f"{start}:{end}: unexpected {token.text}"
        return MatcherSyntaxError(f"{found}: expected {wanted}" if wanted else found, self.text, token.span)

    def parse_list(self) -> tuple[Matcher, ...]:
        self.check_readable()
        braced = self.peek().kind == "open"
        if braced:
            self.at = self.peek().span[1]
            self.check_readable()
        matchers: list[Matcher] = []
        while self.peek().kind not in ("close", "end"):
            matchers.append(self.parse_matcher())
            if self.peek().kind == "end":
                break
            if self.expect(("comma", "close"), "a comma or close brace").kind == "comma":
                self.at = self.peek().span[1]
                self.expect(("close", "end", *_WORDS), "a matcher or close brace after comma")
        self.finish(braced)
        return tuple(matchers)

    def check_readable(self) -> None:
        """At the beginning nothing in particular is expected."""
        if (token := self.peek()).kind == "bad":
            raise self.error(token, "")

    def finish(self, braced: bool) -> None:
        token = self.peek()
        if token.kind == "close":
            self.at = token.span[1]
        if braced and token.kind == "end":
            message = f"0:{self.at}: end of input: expected close brace"
            raise MatcherSyntaxError(message, self.text, token.span)
        if token.kind == "close" and not braced:
            raise MatcherSyntaxError(f"0:{self.at}: }}: expected opening brace", self.text, token.span)
        token = self.peek()
        if token.kind == "bad":
            raise self.error(token, "end of input")
        if token.kind != "end":
            start, end = token.span
            raise MatcherSyntaxError(f"{start}:{end}: {token.text}: expected end of input", self.text, token.span)

    def parse_matcher(self) -> Matcher:
        name = self.take(_WORDS, "label name")
        label = self.word(name)
        operator = self.take(("operator",), "an operator such as '=', '!=', '=~' or '!~'")
        value = self.take(_WORDS, "label value")
        span = (name.span[0], value.span[1])
        return _make(label, operator.text, self.word(value), self.text, span, "failed to create matcher: ")

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
            raise self.error(attrs.evolve(token, kind="bad", text=f"{token.text}: invalid input"), "")
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
