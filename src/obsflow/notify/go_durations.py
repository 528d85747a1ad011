"""Durations as Go writes them, which some integrations take instead of Prometheus's."""

import re
from typing import Final

from obsflow.gotemplate.timeparse import quote_time_text

_UNITS_NS: Final = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ns": 1,
}
_PART: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^.0-9]*)")
_MAX_NS: Final = (1 << 63) - 1


def parse_go_duration(text: str) -> int:
    """Milliseconds of a duration such as `1h30m` or `1.5s`, cut off. Raises ValueError, in the words of Go."""
    nanoseconds = parse_go_nanoseconds(text)
    return nanoseconds // 1_000_000 if nanoseconds >= 0 else -(-nanoseconds // 1_000_000)


def parse_go_nanoseconds(text: str) -> int:
    """Nanoseconds of a duration, each part of it cut off. Raises ValueError, in the words of Go."""
    sign, rest = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if rest == "0":
        return 0
    total = position = 0
    while position < len(rest) or not rest:
        part = _PART.match(rest, position)
        assert part is not None
        whole, fraction, unit = part.groups()
        if not whole and not fraction:
            raise ValueError(f"time: invalid duration {quote_time_text(text)}")
        if not unit:
            raise ValueError(f"time: missing unit in duration {quote_time_text(text)}")
        if unit not in _UNITS_NS:
            raise ValueError(f"time: unknown unit {quote_time_text(unit)} in duration {quote_time_text(text)}")
        total += int(whole or "0") * _UNITS_NS[unit]
        if fraction:
            total += int(fraction) * _UNITS_NS[unit] // 10 ** len(fraction)
        if total > _MAX_NS + (sign == "-"):
            raise ValueError(f"time: invalid duration {quote_time_text(text)}")
        position = part.end()
    return -total if sign == "-" else total
