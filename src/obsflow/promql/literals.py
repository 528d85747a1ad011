"""The values of literals, as Go reads them."""

import math
import re

from obsflow.model.durations import parse_duration

_INT64_MAX = (1 << 63) - 1
_INTEGER = re.compile(r"0[xX]_?(?P<hex>[\da-fA-F_]+)|0_?(?P<octal>[0-7_]+)|(?P<decimal>0|[1-9][\d_]*)", re.ASCII)
_ESCAPE = re.compile(
    r"""\\(?:(?P<octal>[0-7]{3})|x(?P<byte>[\da-fA-F]{2})|u(?P<short>[\da-fA-F]{4})|U(?P<long>[\da-fA-F]{8})
    |(?P<single>[abfnrtv\\'"])|(?P<bad>.))""",
    re.ASCII | re.VERBOSE | re.DOTALL,
)
_SINGLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class EscapeError(ValueError):
    """A backslash that begins nothing; `offset` counts characters from the start of the literal."""

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
    delimiter, body = literal[0], literal[1:-1]
    if delimiter == "`" or "\\" not in body:
        return body
    out: list[bytes] = []
    position = 0
    for escape in _ESCAPE.finditer(body):
        out += (body[position : escape.start()].encode(), _unescape(escape, delimiter))
        position = escape.end()
    out.append(body[position:].encode())
    return b"".join(out).decode("utf-8", "surrogateescape")


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
            raise EscapeError("escape sequence is an invalid Unicode code point", escape.start() + 1)
    if digits in "01234567xuU":
        raise EscapeError("illegal character in escape sequence", escape.start() + 1)
    raise EscapeError(f"unknown escape sequence U+{ord(digits):04X} {digits!r}", escape.start() + 1)
