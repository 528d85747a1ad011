"""Time intervals: whether an instant lies within times of day, weekdays, days of month, months and years."""

import calendar
import datetime
import re
from collections.abc import Callable, Mapping

import attrs

from obsflow.model.times import to_datetime
from obsflow.schema import field

Zones = Callable[[str], datetime.tzinfo]  # a zone by its IANA name; raises KeyError for one that it does not know

_WEEKDAYS = {name.lower(): i for i, name in enumerate(("Sunday", *calendar.day_name[:6]))}
_MONTHS = {name.lower(): i for i, name in enumerate(calendar.month_name) if name}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,4}", re.ASCII)
_SHORTEST_MONTH = 28


def utc_only(name: str) -> datetime.tzinfo:
    """The zones that need no database. Raises KeyError for any other."""
    if name in ("", "UTC"):
        return datetime.UTC
    raise KeyError(name)


def _parse_clock(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f"couldn't parse timestamp {text}, invalid format")
    hours, minutes = (int(part) for part in match.groups() if part is not None)
    return hours * 60 + minutes


@attrs.frozen
class TimeRange:
    """Times of day in minutes since midnight, the end exclusive."""

    start: int = field(key="start_time", parse=_parse_clock, default=-1)
    end: int = field(key="end_time", parse=_parse_clock, default=-1)

    def __attrs_post_init__(self) -> None:
        if min(self.start, self.end) < 0:
            raise ValueError("both start and end times must be provided")
        if self.start >= self.end:
            raise ValueError("start time cannot be equal or greater than end time")

    def contains(self, minute: int) -> bool:
        """Whether a minute of the day is within."""
        return self.start <= minute < self.end


@attrs.frozen
class Span:
    """Whole numbers from `begin` to `end`, both inclusive. In days of a month -1 is the last day."""

    begin: int
    end: int

    def contains(self, value: int) -> bool:
        """Whether a number is within."""
        return self.begin <= value <= self.end

    @property
    def wraps(self) -> bool:
        """Whether it runs on from the last number to the first, as weekdays may."""
        return self.begin > self.end

    def contains_weekday(self, day: int) -> bool:
        """Whether a day of the week is within, 0 for Sunday."""
        return self.begin <= day or day <= self.end if self.wraps else self.contains(day)

    def contains_day(self, day: int, days_in_month: int) -> bool:
        """Whether a day is within, the span counted in a month of that many days and cut to it."""
        begin = self.begin if self.begin > 0 else max(days_in_month + self.begin + 1, 1)
        end = self.end if self.end > 0 else days_in_month + self.end + 1
        return begin <= days_in_month and begin <= day <= end


def _parse_span(text: str, value: Callable[[str], int]) -> tuple[str, str, Span]:
    begin, colon, end = text.partition(":")
    if not colon:
        end = begin
    return begin, end, Span(value(begin), value(end))


def _parse_weekdays(text: str) -> Span:
    return _parse_span(text, lambda each: _named(each, _WEEKDAYS, "weekday"))[2]


def _parse_months(text: str) -> Span:
    begin, end, span = _parse_span(text, _parse_month)
    if span.begin > span.end:
        raise ValueError(f"end month {end} is before start month {begin}")
    return span


def _parse_month(text: str) -> int:
    if _NUMBER.fullmatch(text) and 1 <= int(text) <= 12:
        return int(text)
    return _named(text, _MONTHS, "month")


def _parse_number(text: str, what: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text} is not a valid {what}")
    return int(text)


def _named(text: str, names: Mapping[str, int], what: str) -> int:
    if text.lower() not in names:
        raise ValueError(f"{text} is not a valid {what}")
    return names[text.lower()]


def _parse_years(text: str) -> Span:
    _, _, span = _parse_span(text, lambda each: _parse_number(each, "year"))
    if span.begin > span.end:
        raise ValueError(f"end year {span.end} is before start year {span.begin}")
    return span


def _parse_days_of_month(text: str) -> Span:
    _, _, span = _parse_span(text, lambda each: _parse_number(each, "day of the month"))
    for day in (span.begin, span.end):
        if not 1 <= abs(day) <= 31:
            raise ValueError(f"{day} is not a valid day of the month: out of range")
    if span.begin < 0 < span.end:
        raise ValueError("end day must be negative if start day is negative")
    begin, end = (day if day > 0 else _SHORTEST_MONTH + day for day in (span.begin, span.end))
    if begin > end:
        raise ValueError(f"end day {span.end} is always before start day {span.begin}")
    return span


@attrs.frozen
class TimeInterval:
    """All of the fields that are given must contain the instant; a field that is an empty list contains none."""

    times: tuple[TimeRange, ...] | None = None
    weekdays: tuple[Span, ...] | None = field(parse=_parse_weekdays, default=None)
    days_of_month: tuple[Span, ...] | None = field(parse=_parse_days_of_month, default=None)
    months: tuple[Span, ...] | None = field(parse=_parse_months, default=None)
    years: tuple[Span, ...] | None = field(parse=_parse_years, default=None)
    location: str = "UTC"

    def contains(self, local: datetime.datetime) -> bool:
        """Whether a local time is within."""
        month_length = calendar.monthrange(local.year, local.month)[1]
        minute = local.hour * 60 + local.minute
        return (
            (self.times is None or any(each.contains(minute) for each in self.times))
            and (self.weekdays is None or any(each.contains_weekday(local.isoweekday() % 7) for each in self.weekdays))
            and (
                self.days_of_month is None
                or any(each.contains_day(local.day, month_length) for each in self.days_of_month)
            )
            and (self.months is None or any(each.contains(local.month) for each in self.months))
            and (self.years is None or any(each.contains(local.year) for each in self.years))
        )


@attrs.frozen
class NamedIntervals:
    """The intervals that a route may name, any of which may contain an instant; each with the zone of its location."""

    name: str
    intervals: tuple[tuple[TimeInterval, datetime.tzinfo], ...]

    def contains(self, now: int) -> bool:
        """Whether an instant, in ms, is within one of them."""
        utc = to_datetime(now)
        return any(interval.contains(utc.astimezone(zone)) for interval, zone in self.intervals)
