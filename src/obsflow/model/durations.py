"""Durations as Prometheus writes them: `1h30m`, in milliseconds."""

import re

from obsflow.model.labels import quote

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
YEAR_MS = 365 * DAY_MS

UNITS_MS = {"y": YEAR_MS, "w": WEEK_MS, "d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS, "s": SECOND_MS, "ms": 1}

_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_PARTS = re.compile(r"\D+", re.ASCII)
_MAX_MS = (1 << 63) // 1_000_000  # Go holds nanoseconds in an int64


def parse_duration(text: str) -> int:
    """Milliseconds of a duration such as `1d12h`: units in descending order, each at most once; `0` needs none.

    Raises ValueError, in the words of Prometheus.
    """
    if text == "0":
        return 0
    if not text:
        raise ValueError("empty duration string")
    match = _DURATION.fullmatch(text)
    if match is None:
        unknown = next((unit for unit in _PARTS.findall(text) if unit not in UNITS_MS), None)
        if unknown is not None and text[0] in "0123456789":
            raise ValueError(f"unknown unit {quote(unknown)} in duration {quote(text)}")
        raise ValueError(f"not a valid duration string: {quote(text)}")
    total = sum(int(n) * unit for n, unit in zip(match.groups(), UNITS_MS.values(), strict=True) if n)
    if total > _MAX_MS:
        raise ValueError("duration out of range")
    return total


def render_duration(duration_ms: int) -> str:
    """The shortest text of a duration; weeks and years only where nothing is left over."""
    if duration_ms == 0:
        return "0s"
    rest = abs(duration_ms)
    out = ["-"] if duration_ms < 0 else []
    for name, unit in UNITS_MS.items():
        if name in ("y", "w") and rest % unit:
            continue
        if count := rest // unit:
            out.append(f"{count}{name}")
            rest -= count * unit
    return "".join(out)
