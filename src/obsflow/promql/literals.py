"""The values of literals, as Go reads them."""

import math
import re

from obsflow.model.durations import parse_duration

_INT64_MAX = (1 << 63) - 1
_INTEGER = re.compile(r"0[xX]_?(?P<hex>[\da-fA-F_]+)|0_?(?P<octal>[0-7_]+)|(?P<decimal>0|[1-9][\d_]*)", re.ASCII)
_ESCAPE = re.compile(
    r"""\\(?:(?P<octal>[0-7]{3})|x(?P<byte>[\da-fA-F]{2})|u(?P<short>[\da-fA-F]{4})|U(?P<long>[\da-fA-F]{8})
    |(?P<single>[abfnrtv\\'"])|(?P<bad>.?))""",
    re.ASCII | re.VERBOSE | re.DOTALL,
)
_DIGITS = re.compile("[0-7]*"), re.compile(r"[\da-fA-F]*", re.ASCII)
_SINGLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class EscapeError(ValueError):
    """A backslash that begins nothing; `offset` is where it stands in the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def parse_number(text: str) -> float:
    """The value of a number literal: an integer of base 8, 10 or 16 if it is one that fits 64 bits, else a decimal.

    The lexer has seen to it that underscores stand between digits. Raises ValueError.
    """
    integer = _INTEGER.fullmatch(text)
    if integer is not None and len(text) <= 64:
        group = str(integer.lastgroup)
        value = int(integer[group].replace("_", ""), {"hex": 16, "octal": 8, "decimal": 10}[group])
        if value <= _INT64_MAX:
            return float(value)
    word = text.lower()
    if word in ("inf", "nan"):
        return float(word)
    if word.startswith("0x"):
        raise ValueError(f'error parsing number: "{text}" is not an integer of 64 bits')
    number = float(text.replace("_", ""))
    if math.isinf(number):
        raise ValueError(f'error parsing number: "{text}" is out of range')
    return number


def round_half_away(value: float) -> int:
    """The nearest integer, halves away from zero: Go's `math.Round`."""
    whole = math.floor(abs(value))
    nearest = whole + (abs(value) - whole >= 0.5)
    return nearest if value >= 0 else -nearest


def parse_duration_seconds(text: str) -> float:
    """Seconds of a duration literal. Raises ValueError."""
    if len(text) > 100:
        raise ValueError("duration out of range")
    return parse_duration(text) / 1000


def unquote(literal: str) -> str:
    """The string that a literal stands for.

    Bytes that hexadecimal and octal escapes put together to something else than UTF-8 are carried as surrogates.
    Raises EscapeError.
    """
    if literal[0] == "`" or "\\" not in literal:
        return literal[1:-1]
    end = len(literal) - 1
    out: list[bytes] = []
    position = 1
    for escape in _ESCAPE.finditer(literal, 1, end):
        out += (literal[position : escape.start()].encode(), _unescape(escape, literal[0]))
        position = escape.end()
    out.append(literal[position:end].encode())
    return b"".join(out).decode("utf-8", "surrogateescape")


def check_escapes(text: str, start: int, end: int) -> None:
    """Look at the backslashes of a literal that begins at `start` and may lack its end. Raises EscapeError."""
    for escape in _ESCAPE.finditer(text, start + 1, end):
        _unescape(escape, text[start])


def is_utf8(text: str) -> bool:
    """Whether the text holds none of the surrogates that stand for stray bytes."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _unescape(escape: re.Match[str], delimiter: str) -> bytes:
    digits = escape[str(escape.lastgroup)]
    match escape.lastgroup:
        case "single" if digits == delimiter or digits not in "'\"":
            return _SINGLE.get(digits, digits).encode()
        case "octal" if int(digits, 8) <= 0xFF:
            return bytes((int(digits, 8),))
        case "byte":
            return bytes((int(digits, 16),))
        case "short" | "long" if (code := int(digits, 16)) <= 0x10FFFF and not 0xD800 <= code < 0xE000:
            return chr(code).encode()
        case "octal" | "short" | "long":
            raise EscapeError("escape sequence is an invalid Unicode code point", escape.start())
    if digits in "01234567xuU":
        illegal = _DIGITS[digits in "xuU"].match(escape.string, escape.end())
        assert illegal is not None
        if illegal.end() == len(escape.string):
            raise EscapeError("escape sequence not terminated", escape.start())
        rune = _show_rune(escape.string[illegal.end()])
        raise EscapeError(f"illegal character {rune} in escape sequence", escape.start())
    raise EscapeError(f"unknown escape sequence {_show_rune(digits)}", escape.start())


def _show_rune(char: str) -> str:
    """A character by its number and, if it can be printed, as it is."""
    return f"U+{ord(char):04X}" + (f" '{char}'" if char.isprintable() else "")
