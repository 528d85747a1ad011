"""Durations as Go writes them, which some integrations take instead of Prometheus's."""

import re
from typing import Final

from obsflow.model.labels import quote

_UNITS_MS: Final = {
    "h": 3_600_000.0,
    "m": 60_000.0,
    "s": 1000.0,
    "ms": 1.0,
    "us": 1e-3,
    "µs": 1e-3,
    "μs": 1e-3,
    "ns": 1e-6,
}
_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([^.0-9]*)")


def parse_go_duration(text: str) -> int:
    """Milliseconds of a duration such as `1h30m` or `1.5s`, cut off. Raises ValueError, in the words of Go."""
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total = 0.0
    position = 0
    while position < len(rest) or not rest:
        part = _PART.match(rest, position)
        if part is None:
            raise ValueError(f"time: invalid duration {quote(text)}")
        number, unit = part.groups()
        if not unit:
            raise ValueError(f"time: missing unit in duration {quote(text)}")
        if unit not in _UNITS_MS:
            raise ValueError(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
        total += float(number) * _UNITS_MS[unit]
        position = part.end()
    return int(-total if text.startswith("-") else total)
