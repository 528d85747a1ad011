"""Constants of the language: strings and characters as Go unquotes them, numbers as Go types them."""

import math
import re

from obsflow.model.floats import parse_go_float

_SIMPLE_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))")
_INTEGER = re.compile(r"([+-]?)(0[xX]_?[\da-fA-F]|0[oO]_?[0-7]|0[bB]_?[01]|\d)(?:_?[\da-fA-F])*", re.ASCII)
_INT64 = 1 << 63


def unquote(text: str) -> str:
    """The value of a quoted, raw or character literal. Raises ValueError.

    Bytes that are not UTF-8 come out as surrogate escapes.
    """
    mark, inner = text[0], text[1:-1]
    if mark == "`":
        return inner.replace("\r", "")
    if "\\" not in inner:
        return inner
    out = bytearray()
    pos = 0
    while (start := inner.find("\\", pos)) >= 0:
        out += inner[pos:start].encode("utf-8", "surrogatepass")
        match = _ESCAPE.match(inner, start)
        if match is None or (match[1] in ("'", '"') and match[1] != mark):
            raise ValueError("invalid syntax")
        out += _unescape(match)
        pos = match.end()
    out += inner[pos:].encode("utf-8", "surrogatepass")
    return out.decode("utf-8", "surrogateescape")


def _unescape(match: re.Match[str]) -> bytes:
    simple, octal, byte, short, long = match.groups()
    if simple:
        return bytes((_SIMPLE_ESCAPES[simple],))
    if octal or byte:
        value = int(octal, 8) if octal else int(byte, 16)
        if value > 0xFF:
            raise ValueError("invalid syntax")
        return bytes((value,))
    point = int(short or long, 16)
    if point > 0x10FFFF or 0xD800 <= point < 0xE000:
        raise ValueError("invalid syntax")
    return chr(point).encode()


def parse_number(text: str) -> tuple[int | None, float | None, int | float]:
    """The integer and the float that a constant may stand for, and which of them it is by its looks.

    Raises ValueError. `1e3` can be an integer, `1` can be a float; a character is an integer.
    """
    if text[0] == "'":
        char = unquote(text)
        if len(char) != 1:
            raise ValueError(f"malformed character constant: {text}")
        return ord(char), float(ord(char)), ord(char)
    integer = _parse_integer(text)
    if integer is not None:
        if not -_INT64 <= integer < 2 * _INT64:
            raise ValueError(f'integer overflow: "{text}"')
        return integer, float(integer), integer
    try:
        number = parse_go_float(text)
    except (ValueError, OverflowError):
        raise ValueError(f'illegal number syntax: "{text}"') from None
    if not math.isfinite(number):
        raise ValueError(f'illegal number syntax: "{text}"')
    if not any(c in text for c in ".eEpP"):
        raise ValueError(f'integer overflow: "{text}"')
    whole = int(number) if number.is_integer() and -_INT64 <= number < _INT64 else None
    return whole, number, number


def _parse_integer(text: str) -> int | None:
    """Go's integer of base 0: a leading zero means octal."""
    match = _INTEGER.fullmatch(text)
    if match is None or (match[2][-1:] and "." in text):
        return None
    sign, digits = match[1], text[len(match[1]) :].lower()
    base, start = {"0x": (16, 2), "0o": (8, 2), "0b": (2, 2)}.get(digits[:2], (8 if digits[0] == "0" else 10, 0))
    try:
        value = int(digits[start:].lstrip("_") or "0", base)
    except ValueError:
        return None
    return -value if sign == "-" else value
