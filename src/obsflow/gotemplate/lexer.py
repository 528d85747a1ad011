"""Template text into tokens."""

import enum
import re
from collections.abc import Generator, Iterator

import attrs

from obsflow.model.labels import quote


class TokenKind(enum.Enum):
    """What a token is."""

    TEXT = enum.auto()
    LEFT_DELIM = enum.auto()
    RIGHT_DELIM = enum.auto()
    SPACE = enum.auto()
    ASSIGN = enum.auto()
    DECLARE = enum.auto()
    PIPE = enum.auto()
    LEFT_PAREN = enum.auto()
    RIGHT_PAREN = enum.auto()
    COMMA = enum.auto()
    CHAR = enum.auto()
    STRING = enum.auto()
    NUMBER = enum.auto()
    FIELD = enum.auto()
    VARIABLE = enum.auto()
    DOT = enum.auto()
    NIL = enum.auto()
    BOOL = enum.auto()
    IDENTIFIER = enum.auto()
    KEYWORD = enum.auto()
    ERROR = enum.auto()
    EOF = enum.auto()


@attrs.frozen
class Token:
    """A token and the offset where it starts. The text of an error is its message."""

    kind: TokenKind
    text: str
    pos: int

    @property
    def end(self) -> int:
        """The offset behind the token."""
        return self.pos + (1 if self.kind is TokenKind.ERROR else len(self.text))

    def __str__(self) -> str:
        if self.kind is TokenKind.EOF:
            return "EOF"
        if self.kind is TokenKind.KEYWORD:
            return f"<{self.text}>"
        return f"{quote(self.text[:10])}..." if len(self.text) > 10 else quote(self.text)


_SPACES = " \t\r\n"
_SPACES_SET = frozenset(_SPACES)
_KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"),
)
_WORDS = {"true": TokenKind.BOOL, "false": TokenKind.BOOL, "nil": TokenKind.NIL}
_PUNCTUATION = {
    "=": TokenKind.ASSIGN,
    "|": TokenKind.PIPE,
    "(": TokenKind.LEFT_PAREN,
    ")": TokenKind.RIGHT_PAREN,
    ",": TokenKind.COMMA,
}

_TRIMMED_END = re.compile(r"[ \t\r\n]-}}")
_SPACE = re.compile(r"[ \t\r\n]+?(?=[ \t\r\n]-}}|[^ \t\r\n]|\Z)")
_WORD = re.compile(r"[.$]?\w+|\$")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?"
    r"|0[oO][0-7_]*|0[bB][01_]*|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)",
    re.ASCII,
)
_NUMBER_START = re.compile(r"[+-]|\.?\d", re.ASCII)
_STRING = re.compile(r'"(?:\\[^\n]|[^"\\\n])*"')
_CHAR = re.compile(r"'(?:\\[^\n]|[^'\\\n])+'")


def tokenize(source: str, start: int = 0) -> Iterator[Token]:
    """The tokens of a template from offset `start` on, of which the last is EOF or ERROR.

    Comments and trimmed space are not among them.
    """
    pos = start
    trim_next = False
    while True:
        start = source.find("{{", pos)
        stop = len(source) if start < 0 else start
        trims = start >= 0 and source.startswith("-", start + 2) and source[start + 3 : start + 4] in _SPACES_SET
        text = source[pos:stop]
        if trim_next:
            text = text.lstrip(_SPACES)
        text_pos = stop - len(text)
        if trims:
            text = text.rstrip(_SPACES)
        if text:
            yield Token(TokenKind.TEXT, text, text_pos)
        if start < 0:
            yield Token(TokenKind.EOF, "", stop)
            return
        inside = start + (4 if trims else 2)
        if source.startswith("/*", inside):
            end = _comment(source, inside)
        else:
            yield Token(TokenKind.LEFT_DELIM, "{{", start)
            end = yield from _action(source, inside)
        if isinstance(end, Token):
            yield end
            return
        pos, trim_next = end


def _comment(source: str, start: int) -> Token | tuple[int, bool]:
    """Where the text goes on behind a comment, and whether it is trimmed there."""
    close = source.find("*/", start + 2)
    if close < 0:
        return Token(TokenKind.ERROR, "unclosed comment", start)
    pos = close + 2
    if _TRIMMED_END.match(source, pos):
        return pos + 4, True
    if source.startswith("}}", pos):
        return pos + 2, False
    return Token(TokenKind.ERROR, "comment ends before closing delimiter", start)


def _action(source: str, start: int) -> Generator[Token, None, Token | tuple[int, bool]]:
    """The tokens of an action; returns what `_comment` does."""
    pos = start
    parens = 0
    while True:
        trims = _TRIMMED_END.match(source, pos) is not None
        if trims or source.startswith("}}", pos):
            if parens:
                return Token(TokenKind.ERROR, "unclosed left paren", pos)
            pos += 4 if trims else 2
            yield Token(TokenKind.RIGHT_DELIM, "}}", pos - 2)
            return pos, trims
        token = _token(source, pos)
        if token.kind is TokenKind.LEFT_PAREN:
            parens += 1
        elif token.kind is TokenKind.RIGHT_PAREN:
            parens -= 1
            if parens < 0:
                token = Token(TokenKind.ERROR, "unexpected right paren", pos)
        if token.kind is TokenKind.ERROR:
            return token
        yield token
        pos = token.end


def _token(source: str, pos: int) -> Token:
    """The token inside an action that starts at `pos`."""
    if pos >= len(source):
        return Token(TokenKind.ERROR, "unclosed action", pos)
    char = source[pos]
    if char in _SPACES_SET:
        match = _SPACE.match(source, pos)
        return Token(TokenKind.SPACE, match[0] if match else char, pos)
    if char in _PUNCTUATION:
        return Token(_PUNCTUATION[char], char, pos)
    if char == ":":
        declares = source.startswith("=", pos + 1)
        return Token(TokenKind.DECLARE, ":=", pos) if declares else Token(TokenKind.ERROR, "expected :=", pos)
    if char in "\"'`":
        return _quoted(source, pos)
    if _NUMBER_START.match(source, pos):
        return _number(source, pos)
    word = _WORD.match(source, pos)
    if word or char == ".":
        return _word(source, pos, word[0] if word else ".")
    if " " <= char <= "~":
        return Token(TokenKind.CHAR, char, pos)
    return Token(TokenKind.ERROR, f"unrecognized character in action: {_code_point(char)}", pos)


def _quoted(source: str, pos: int) -> Token:
    """A string, a raw string or a character."""
    char = source[pos]
    if char == "`":
        close = source.find("`", pos + 1)
        if close < 0:
            return Token(TokenKind.ERROR, "unterminated raw quoted string", pos)
        return Token(TokenKind.STRING, source[pos : close + 1], pos)
    match = (_STRING if char == '"' else _CHAR).match(source, pos)
    if match is None:
        what = "quoted string" if char == '"' else "character constant"
        return Token(TokenKind.ERROR, f"unterminated {what}", pos)
    return Token(TokenKind.STRING if char == '"' else TokenKind.NUMBER, match[0], pos)


def _number(source: str, pos: int) -> Token:
    match = _NUMBER.match(source, pos)
    end = match.end() if match else pos
    following = source[end : end + 1]
    if following and (following.isalnum() or following in "_+-"):
        return Token(TokenKind.ERROR, f"bad number syntax: {quote(source[pos : end + 1])}", pos)
    return Token(TokenKind.NUMBER, source[pos:end], pos)


def _word(source: str, pos: int, word: str) -> Token:
    """A field, a variable, a keyword, a constant or a function."""
    following = source[pos + len(word) : pos + len(word) + 1]
    if following and following not in " \t\r\n.,|:)(" and not source.startswith("}}", pos + len(word)):
        return Token(TokenKind.ERROR, f"bad character {_code_point(following)}", pos)
    if word == ".":
        kind = TokenKind.DOT
    elif word[0] == ".":
        kind = TokenKind.FIELD
    elif word[0] == "$":
        kind = TokenKind.VARIABLE
    else:
        kind = TokenKind.KEYWORD if word in _KEYWORDS else _WORDS.get(word, TokenKind.IDENTIFIER)
    return Token(kind, word, pos)


def _code_point(char: str) -> str:
    shown = f" '{char}'" if char.isprintable() else ""
    return f"U+{ord(char):04X}{shown}"
