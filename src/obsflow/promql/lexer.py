"""Text to tokens. What is a token depends on where it stands: inside braces, inside brackets, or outside of both."""

import enum
import re
from typing import Final

import attrs

from obsflow.model.labels import quote
from obsflow.promql.literals import EscapeError, check_escapes
from obsflow.promql.signatures import AGGREGATIONS


class Kind(enum.Enum):
    """The kinds of token, under the names that error messages give them."""

    IDENTIFIER = "identifier"
    METRIC_IDENTIFIER = "metric identifier"
    KEYWORD = "keyword"
    SYMBOL = "symbol"
    NUMBER = "number"
    DURATION = "duration"
    STRING = "string"
    END = "end of input"
    ERROR = "error"


@attrs.frozen
class Token:
    """A piece of the query.

    `word` is what the grammar compares: the text of a symbol, that of a keyword in lower case, else empty. The `text`
    of an ERROR is its message.
    """

    kind: Kind
    text: str
    start: int
    end: int
    word: str = ""

    @property
    def span(self) -> tuple[int, int]:
        """The half-open range of its characters."""
        return self.start, self.end

    def describe(self) -> str:
        """The token in the words of an error message."""
        if self.kind is Kind.END:
            return "end of input"
        if self.word in AGGREGATIONS:
            return f"<aggr:{self.text}>"
        if self.word in _PUNCTUATION or self.word in CALLED_KEYWORDS:
            return quote(self.text)
        if self.word in KEYWORDS and self.word not in OPERATOR_WORDS:
            return f"<{self.text}>"
        if self.word:
            return f"<op:{self.text}>"
        is_name = self.kind in (Kind.IDENTIFIER, Kind.METRIC_IDENTIFIER)
        text = quote(self.text) if is_name or len(self.text) <= 10 else f"{quote(self.text[:10])}..."
        return f"{self.kind.value} {text}"


OPERATOR_WORDS: Final = frozenset(("and", "or", "unless", "atan2"))
CALLED_KEYWORDS: Final = frozenset(("start", "end", "step", "range", "min_of", "max_of"))
_FILL_WORDS = frozenset(("fill", "fill_left", "fill_right"))
_MODIFIER_WORDS = frozenset(
    ("offset", "anchored", "smoothed", "by", "without", "on", "ignoring", "group_left", "group_right", "bool")
)
KEYWORDS: Final = OPERATOR_WORDS | CALLED_KEYWORDS | _FILL_WORDS | _MODIFIER_WORDS | AGGREGATIONS.keys()
_PUNCTUATION = frozenset("(){}[],:=")
_NUMBER_WORDS = frozenset(("inf", "nan"))
_DURATION_WORDS = frozenset(("step", "range", "min_of", "max_of"))

_SPACE = re.compile(r"[ \t\r\n]*")
_SKIP = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LETTERS = re.compile(r"[A-Za-z_]+")
_SYMBOL_OUTSIDE = re.compile(r"==|!=|<=|>=|</|>/|[-+*/%^=<>@(){}\[\],]")
_SYMBOL_IN_BRACES = re.compile(r"=~|!~|!=|[=,}]")
_SYMBOL_IN_DURATION = re.compile(r"[-+*/%^(),\]]")
_NUMERIC = re.compile(r"0[xX]\w*|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?)?[\w.]*", re.ASCII)
_DIGITS = r"\d+(?:_\d+)*"
_NUMBER = re.compile(
    rf"0[xX]_?[\da-fA-F]+(?:_[\da-fA-F]+)*|(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?",
    re.ASCII,
)
_DURATION = re.compile(rf"(?:{_NUMBER.pattern})[smhdwy]s?(?:\d+[smhdw]s?)*", re.ASCII)
"""What is meant as a duration; whether its units are such, and in order, is seen when it is read."""
_STRINGS = {
    '"': re.compile(r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'),
    "'": re.compile(r"'[^'\\\n]*(?:\\.[^'\\\n]*)*'"),
    "`": re.compile(r"`[^`]*`"),
}
_SURROGATE = re.compile("[\ud800-\udfff]")


class _LexError(Exception):
    """Ends the scan at `start` with a message."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


class Lexer:
    """One pass over a query, in time linear in its length."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._parens = 0
        self._in_braces = False
        self._in_brackets = False
        self._is_duration_open = False  # brackets that have not come to a number yet
        self._number_seen = False
        self._colon_seen = False
        self._tokens: list[Token] = []
        self._is_done = False

    def read(self, count: int) -> list[Token]:
        """All tokens so far: at least `count`, if there are as many.

        The last of all is END, or an ERROR where the text stops making sense: it counts only if the grammar has found
        nothing to object to before it.
        """
        try:
            while len(self._tokens) < count and not self._is_done:
                self._is_done = not self._scan_token()
        except _LexError as error:
            self._tokens.append(Token(Kind.ERROR, str(error), error.start, error.end))
            self._is_done = True
        return self._tokens

    def _scan_token(self) -> bool:
        is_duration = self._in_brackets and self._is_duration_open and not self._in_braces
        start = self._skip(self._position, _SPACE if is_duration else _SKIP)
        if start == len(self._source):
            self._scan_end(start)
            return False
        if self._in_braces:
            self._scan_in_braces(start)
        elif is_duration:
            self._scan_duration(start)
        else:
            self._scan_outside(start)
        return True

    def _scan_end(self, start: int) -> None:
        if self._in_braces:
            raise _LexError("unexpected end of input inside braces", start, start)
        if self._in_brackets and self._is_duration_open:
            raise _LexError("unexpected end of input in duration expression", start, start)
        if self._parens:
            raise _LexError("unclosed left parenthesis", start, start)
        if self._in_brackets:
            raise _LexError("unclosed left bracket", start, start)
        self._emit(Kind.END, start, start)

    def _scan_outside(self, start: int) -> None:
        char = self._source[start]
        if name := _NAME.match(self._source, start):
            if self._in_brackets:
                self._scan_word_in_brackets(start)
            else:
                self._emit_name(start, name.end())
        elif _starts_number(self._source, start):
            self._scan_number(start)
        elif char in _STRINGS:
            self._scan_string(start)
        elif char == "!" and not self._source.startswith("!=", start):
            following = self._source[start + 1 : start + 2]
            raise self._unexpected(f"character after '!': {_quote_rune(following)}", start)
        elif self._source.startswith("=~", start):
            raise self._unexpected("character after '=': '~'", start)
        elif symbol := _SYMBOL_OUTSIDE.match(self._source, start):
            self._open_or_close(symbol[0], start)
            self._emit(Kind.SYMBOL, start, symbol.end(), symbol[0])
        else:
            raise self._unexpected(f"character: {_quote_rune(char)}", start)

    def _open_or_close(self, symbol: str, start: int) -> None:
        match symbol:
            case "(":
                self._parens += 1
            case ")":
                self._parens -= 1
                if self._parens < 0:
                    raise self._unexpected("right parenthesis ')'", start)
            case "{":
                self._in_braces = True
            case "}":
                raise self._unexpected("character: '}'", start)
            case "[":
                if self._in_brackets:
                    raise self._unexpected("left bracket '['", start)
                self._in_brackets = self._is_duration_open = True
                self._colon_seen = False
            case "]":
                if not self._in_brackets:
                    raise self._unexpected("right bracket ']'", start)
                self._in_brackets = False

    def _scan_in_braces(self, start: int) -> None:
        char = self._source[start]
        if name := _IDENTIFIER.match(self._source, start):
            self._emit(Kind.IDENTIFIER, start, name.end())
        elif char in _STRINGS:
            self._scan_string(start)
        elif symbol := _SYMBOL_IN_BRACES.match(self._source, start):
            self._in_braces = char != "}"
            self._emit(Kind.SYMBOL, start, symbol.end(), symbol[0])
        elif char == "!":
            following = self._source[start + 1 : start + 2]
            raise self._unexpected(f"character after '!' inside braces: {_quote_rune(following)}", start)
        elif char == "{":
            raise self._unexpected("left brace '{'", start)
        else:
            raise self._unexpected(f"character inside braces: {_quote_rune(char)}", start)

    def _scan_duration(self, start: int) -> None:
        """Inside brackets, up to the first number: nothing but what a duration is made of, and no comments."""
        char = self._source[start]
        if _starts_number(self._source, start):
            self._is_duration_open = False
            self._number_seen = True
            self._scan_number(start)
        elif char == ":":
            # A number anywhere before is enough: `a[5m] + b[step():1m]` is read, `b[step():1m]` is not.
            if not self._number_seen:
                raise self._unexpected("colon before duration in duration expression", start)
            self._scan_colon(start)
        elif symbol := _SYMBOL_IN_DURATION.match(self._source, start):
            self._open_or_close(char, start)
            self._emit(Kind.SYMBOL, start, symbol.end(), symbol[0])
        elif not self._scan_duration_word(start):
            raise self._unexpected(f"character in duration expression: {_quote_rune(char)}", start)

    def _scan_word_in_brackets(self, start: int) -> None:
        char = self._source[start]
        if char == ":":
            self._scan_colon(start)
        elif not self._scan_duration_word(start):
            raise self._unexpected(f"character: {_quote_rune(char)}, expected ':'", start)

    def _scan_duration_word(self, start: int) -> bool:
        word = _LETTERS.match(self._source, start)
        if word is None or word[0].lower() not in _DURATION_WORDS:
            return False
        self._emit(Kind.KEYWORD, start, word.end(), word[0].lower())
        return True

    def _scan_colon(self, start: int) -> None:
        if self._colon_seen:
            raise self._unexpected("colon ':'", start)
        self._colon_seen = True
        self._emit(Kind.SYMBOL, start, start + 1, ":")

    def _emit(self, kind: Kind, start: int, end: int, word: str = "") -> None:
        self._tokens.append(Token(kind, self._source[start:end], start, end, word))
        self._position = end

    def _emit_name(self, start: int, end: int) -> None:
        name = self._source[start:end]
        word = name.lower()
        if word in _NUMBER_WORDS:
            self._emit(Kind.NUMBER, start, end)
        elif word in KEYWORDS and (word not in _FILL_WORDS or self._is_before_paren(end)):
            self._emit(Kind.KEYWORD, start, end, word)
        else:
            self._emit(Kind.METRIC_IDENTIFIER if ":" in name else Kind.IDENTIFIER, start, end)

    def _is_before_paren(self, end: int) -> bool:
        """`fill` is a metric like any other unless a parenthesis follows."""
        return self._source.startswith("(", self._skip(end, _SPACE))

    def _skip(self, start: int, what: re.Pattern[str] = _SKIP) -> int:
        """Where the next token begins: behind space and comments."""
        skipped = what.match(self._source, start)
        assert skipped is not None
        return skipped.end()

    def _scan_number(self, start: int) -> None:
        numeric = _NUMERIC.match(self._source, start)
        assert numeric is not None
        text = numeric[0]
        if _NUMBER.fullmatch(text):
            self._emit(Kind.NUMBER, start, numeric.end())
        elif _DURATION.fullmatch(text):
            self._emit(Kind.DURATION, start, numeric.end())
        else:
            raise _LexError(f"bad number or duration syntax: {quote(text[:100])}", start, numeric.end())

    def _scan_string(self, start: int) -> None:
        delimiter = self._source[start]
        match = _STRINGS[delimiter].match(self._source, start)
        if delimiter != "`":
            self._check_escapes(start, match.end() if match else -1)
        if match is None:
            what = "raw" if delimiter == "`" else "quoted"
            raise _LexError(f"unterminated {what} string", start, len(self._source))
        if _SURROGATE.search(match[0]):
            raise _LexError("invalid UTF-8 rune", start, match.end())
        self._emit(Kind.STRING, start, match.end())

    def _check_escapes(self, start: int, end: int) -> None:
        if end < 0:
            line = self._source.find("\n", start)
            end = len(self._source) if line < 0 else line + 1
        try:
            check_escapes(self._source, start, end)
        except EscapeError as error:
            raise _LexError(str(error), error.offset, error.offset + 2) from None

    def _unexpected(self, what: str, start: int) -> _LexError:
        return _LexError(f"unexpected {what}", start, start + 1)


def tokenize(source: str) -> list[Token]:
    """The tokens of a query; see `Lexer.read`."""
    return Lexer(source).read(len(source) + 1)


def _starts_number(source: str, start: int) -> bool:
    first = source[start]
    return "0" <= first <= "9" or (first == "." and "0" <= source[start + 1 : start + 2] <= "9")


def _quote_rune(char: str) -> str:
    if not char:
        return "end of input"
    return "'\\''" if char == "'" else f"'{quote(char)[1:-1]}'" if char != '"' else "'\"'"
