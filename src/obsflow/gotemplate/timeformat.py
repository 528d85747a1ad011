"""Go's time layouts: the reference time, Mon Jan 2 15:04:05 MST 2006, written as a time is to be written."""

import functools
import re
from collections.abc import Callable, Iterator

import attrs

from obsflow.gotemplate.calendar import MONTHS, WEEKDAYS


@attrs.frozen
class Clock:
    """What calendar and clock show. `offset` is in seconds east of UTC; `weekday` counts from Sunday, 0."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanosecond: int
    weekday: int
    year_day: int
    offset: int
    zone: str


_ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST"
    r"|002|0[1-6]|2006|_2006|__2|_2|15|[1-5]"
    r"|PM|pm|[-Z]07(?:0000|:00:00|00|:00)?|[.,](?:0+|9+)(?!\d)",
    re.ASCII,
)


@functools.lru_cache(maxsize=256)
def split_layout(layout: str) -> tuple[tuple[str, bool], ...]:
    """The layout as literal texts and elements; the flag says which."""
    return tuple(_split(layout))


def _split(layout: str) -> Iterator[tuple[str, bool]]:
    pos = 0
    for match in _ELEMENT.finditer(layout):
        start = match.start() + (match[0] == "_2006")
        if start > pos:
            yield layout[pos:start], False
        yield layout[start : match.end()], True
        pos = match.end()
    if pos < len(layout):
        yield layout[pos:], False


def render_time(clock: Clock, layout: str) -> str:
    """The time in the layout."""
    return "".join(_element(clock, part) if is_element else part for part, is_element in split_layout(layout))


def _element(clock: Clock, element: str) -> str:
    if element[0] in ".,":
        return _fraction(clock.nanosecond, element)
    if element[0] in "-Z":
        return _offset(clock.offset, element)
    return _ELEMENTS[element](clock)


def _fraction(nanosecond: int, element: str) -> str:
    """Nines drop trailing zeros, and the point if nothing is left."""
    digits = f"{nanosecond:09d}"[: len(element) - 1].ljust(len(element) - 1, "0")
    if element[1] == "9":
        digits = digits.rstrip("0")
    return element[0] + digits if digits else ""


def _offset(offset: int, element: str) -> str:
    if element[0] == "Z" and offset == 0:
        return "Z"
    minutes, seconds = divmod(abs(offset), 60)
    hours, minutes = divmod(minutes, 60)
    colon = ":" if ":" in element else ""
    digits = len(element.replace(":", "")) - 1
    parts = (f"{hours:02d}", f"{minutes:02d}", f"{seconds:02d}")[: digits // 2]
    return ("-" if offset < 0 else "+") + colon.join(parts)


def _zone(clock: Clock) -> str:
    if clock.zone:
        return clock.zone
    return _offset(clock.offset, "-0700")


def _year(clock: Clock) -> str:
    return f"-{-clock.year:04d}" if clock.year < 0 else f"{clock.year:04d}"


_ELEMENTS: dict[str, Callable[[Clock], str]] = {
    "January": lambda clock: MONTHS[clock.month - 1],
    "Jan": lambda clock: MONTHS[clock.month - 1][:3],
    "1": lambda clock: str(clock.month),
    "01": lambda clock: f"{clock.month:02d}",
    "Monday": lambda clock: WEEKDAYS[clock.weekday],
    "Mon": lambda clock: WEEKDAYS[clock.weekday][:3],
    "2": lambda clock: str(clock.day),
    "_2": lambda clock: f"{clock.day:2d}",
    "02": lambda clock: f"{clock.day:02d}",
    "__2": lambda clock: f"{clock.year_day:3d}",
    "002": lambda clock: f"{clock.year_day:03d}",
    "15": lambda clock: f"{clock.hour:02d}",
    "3": lambda clock: str(clock.hour % 12 or 12),
    "03": lambda clock: f"{clock.hour % 12 or 12:02d}",
    "4": lambda clock: str(clock.minute),
    "04": lambda clock: f"{clock.minute:02d}",
    "5": lambda clock: str(clock.second),
    "05": lambda clock: f"{clock.second:02d}",
    "2006": _year,
    "06": lambda clock: f"{clock.year % 100:02d}",
    "PM": lambda clock: "PM" if clock.hour >= 12 else "AM",
    "pm": lambda clock: "pm" if clock.hour >= 12 else "am",
    "MST": _zone,
}
