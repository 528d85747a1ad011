"""Floats as Go reads and prints them, and the two NaNs that Prometheus tells apart by their bits."""

import math
import re
import struct
from typing import Final

import numpy as np
import numpy.typing as npt

STALE_NAN_BITS: Final = 0x7FF0000000000002
"""A signalling NaN that says "the series ended here". Compare bits, never values."""
NORMAL_NAN_BITS: Final = 0x7FF8000000000001
"""What a target's own NaN is stored as."""

STALE_NAN: Final[np.float64] = np.array([STALE_NAN_BITS], np.uint64).view(np.float64)[0]

_DIGITS, _HEX = r"\d(?:_?\d)*", r"[\da-fA-F](?:_?[\da-fA-F])*"  # an underscore stands between two digits
_GO_FLOAT = re.compile(
    rf"[+-]?(?:(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
    rf"|0[xX]_?(?:{_HEX}\.?(?:{_HEX})?|\.{_HEX})[pP][+-]?{_DIGITS}|(?i:inf(?:inity)?|nan))",
    re.ASCII,
)


def is_stale(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which of the values are stale markers."""
    stale: npt.NDArray[np.bool_] = np.ascontiguousarray(values).view(np.uint64) == np.uint64(STALE_NAN_BITS)
    return stale


def float_bits(value: float) -> int:
    """The 64 bits of a float."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def parse_go_float(text: str) -> float:
    """What Go's `strconv.ParseFloat` makes of the text. Raises ValueError."""
    if not _GO_FLOAT.fullmatch(text):
        raise ValueError(f'invalid syntax: "{text}" is not a number')
    if "x" in text.lower():
        return float.fromhex(text.replace("_", ""))
    return float(text.replace("_", ""))


def render_float(value: float) -> str:
    """Shortest decimal without an exponent, as the HTTP API writes sample values (Go's `'f', -1`)."""
    special = _render_special(value)
    if special is not None:
        return special
    text = repr(float(value))
    if "e" not in text:
        return text.removesuffix(".0")
    sign, digits, exponent = _digits(value)
    if exponent >= len(digits) - 1:
        return sign + digits + "0" * (exponent - len(digits) + 1)
    if exponent >= 0:
        return f"{sign}{digits[: exponent + 1]}.{digits[exponent + 1 :]}"
    return f"{sign}0.{'0' * (-exponent - 1)}{digits}"


def render_floats(values: list[float]) -> list[str]:
    """`render_float` of many."""
    return [
        text.removesuffix(".0") if text[-1].isdigit() and "e" not in text else render_float(value)
        for value, text in zip(values, map(repr, values), strict=True)
    ]


def render_float_g(value: float, exponent_from: int = 6) -> str:
    """Shortest form, with an exponent below 1e-4 and from 1e6: Go's `'g', -1` and `%v`, which templates print with.

    `exponent_from` is 21 where Go's encoding/json decides.
    """
    special = _render_special(value)
    if special is not None:
        return special
    sign, digits, exponent = _digits(value)
    if -4 <= exponent < exponent_from:
        return render_float(value)
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _render_special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return None


def _digits(value: float) -> tuple[str, str, int]:
    """Sign, shortest significant digits, decimal exponent of the first digit."""
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return sign, "0", 0
    lead = len(whole) - 1 if whole.strip("0") else -(len(fraction) - len(fraction.lstrip("0")) + 1)
    return sign, digits.rstrip("0"), lead + int(exponent or 0)
