"""Times of a scenario: offsets from its start, such as `2.3s`, `-1h` or `1m500ms`, in ms."""

import decimal
import re

from obsflow.model.durations import UNITS_MS, render_duration
from obsflow.model.labels import quote

_PART = r"(\d+(?:\.\d+)?)(ms|y|w|d|h|m|s)"
_OFFSET = re.compile(rf"(-?)((?:{_PART})+)", re.ASCII)
_SECONDS = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d", re.ASCII)
_PARTS = re.compile(_PART, re.ASCII)
_MAX_MS = 1 << 53  # what a start and an offset make is still exact wherever it is shown


def parse_offset(text: str) -> int:
    """The ms of a duration whose numbers may have fractions and that may be negative; a bare number is of seconds.

    Raises ValueError, also for what is finer than a millisecond.
    """
    match = _OFFSET.fullmatch(f"{text}s" if _SECONDS.fullmatch(text) else text)
    if match is None:
        if _DATE.match(text):
            raise ValueError(
                f'expected how long after the start, such as 2.3s, got {quote(text)}: a date is that of "start" alone'
            )
        raise ValueError(f"expected a duration such as 2.3s or 500ms, got {quote(text)}")
    total = sum(decimal.Decimal(number) * UNITS_MS[unit] for number, unit in _PARTS.findall(match[2]))
    if total != int(total):
        raise ValueError(f"{quote(text)} is finer than a millisecond")
    if total > _MAX_MS:
        raise ValueError(f"{quote(text)} is out of range")
    return -int(total) if match[1] else int(total)


def parse_length(text: str) -> int:
    """The ms of an offset that is not negative. Raises ValueError."""
    length = parse_offset(text)
    if length < 0:
        raise ValueError(f"expected a duration that is not negative, got {quote(text)}")
    return length


def render_offset(offset_ms: int) -> str:
    """An offset as it is shown: fractions of a second where there are only seconds, else all units."""
    if abs(offset_ms) < 60_000 and offset_ms % 1000 and abs(offset_ms) > 1000:
        return f"{decimal.Decimal(offset_ms) / 1000:f}".rstrip("0") + "s"
    return render_duration(offset_ms)
