"""Rotations, whose turn it is, and the hours to which a layer is restricted; all by the clock on the wall."""

import calendar
import datetime

import attrs

from obsflow.incident.localtime import to_instant, to_local
from obsflow.model.durations import DAY_MS, WEEK_MS

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
FIRST_MONDAY = datetime.date(1970, 1, 5)
"""From where turns are counted unless a start is given."""
FIRST_DAY = datetime.date(1970, 1, 1)
"""The same for turns of months."""


@attrs.frozen
class Turn:
    """A stretch between two hand-offs: its number, counted from the rotation's first, and its ends in ms."""

    index: int
    start: int
    end: int


@attrs.frozen
class Rotation:
    """Turns of equal length on the wall clock; the one of number 0 begins at `anchor`, local time.

    A turn of a day is handed off at the same hour all year, and lasts 23 or 25 hours when the clocks change. With
    `months`, turns last so many months and not `length_ms`; a day that a month does not have is its last.
    """

    length_ms: int
    anchor: datetime.datetime
    months: int = 0

    @classmethod
    def daily(cls, hand_off: int = 0, start: datetime.date = FIRST_MONDAY) -> "Rotation":
        """Turns of a day from `hand_off`, in minutes since midnight."""
        return cls.every(DAY_MS, hand_off, start)

    @classmethod
    def weekly(cls, hand_off: int = 0, weekday: int = 0, start: datetime.date = FIRST_MONDAY) -> "Rotation":
        """Turns of a week from a weekday, Monday 0; the first of them on or after `start`."""
        first = start + datetime.timedelta(days=(weekday - start.weekday()) % 7)
        return cls.every(WEEK_MS, hand_off, first)

    @classmethod
    def monthly(cls, hand_off: int = 0, start: datetime.date = FIRST_DAY) -> "Rotation":
        """Turns of a month from `hand_off` on the day of the month of `start`."""
        return attrs.evolve(cls.every(DAY_MS, hand_off, start), length_ms=0, months=1)

    @classmethod
    def every(cls, length_ms: int, hand_off: int = 0, start: datetime.date = FIRST_MONDAY) -> "Rotation":
        """Turns of any length, the first one on `start` at `hand_off`."""
        return cls(length_ms, datetime.datetime.combine(start, datetime.time()) + datetime.timedelta(minutes=hand_off))

    def turn(self, at: int, zone: datetime.tzinfo) -> Turn:
        """The turn that an instant is in."""
        index = self._guess(to_local(at, zone))
        while self._begin(index + 1, zone) <= at:
            index += 1
        while (start := self._begin(index, zone)) > at:
            index -= 1
        return Turn(index, start, self._begin(index + 1, zone))

    def _guess(self, local: datetime.datetime) -> int:
        """The turn of a local time if no clock ever changed."""
        if self.months:
            return ((local.year - self.anchor.year) * 12 + local.month - self.anchor.month) // self.months
        return (local - self.anchor) // datetime.timedelta(milliseconds=self.length_ms)

    def _begin(self, index: int, zone: datetime.tzinfo) -> int:
        if not self.months:
            return to_instant(self.anchor + index * datetime.timedelta(milliseconds=self.length_ms), zone)
        year, month = divmod(self.anchor.year * 12 + self.anchor.month - 1 + index * self.months, 12)
        day = min(self.anchor.day, calendar.monthrange(year, month + 1)[1])
        return to_instant(self.anchor.replace(year=year, month=month + 1, day=day), zone)


@attrs.frozen
class Restriction:
    """A window of the local week in minutes since Monday 00:00, the end exclusive; it may run over the week's end."""

    start: int
    end: int

    def contains(self, minute: int) -> bool:
        """Whether a minute of the week is within."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def restrict_days(start: int, end: int, weekdays: tuple[int, ...] = tuple(range(7))) -> tuple[Restriction, ...]:
    """A window of every one of those days (Monday 0), in minutes since midnight.

    One that ends no later than it starts ends on the next day.
    """
    length = (end - start) % DAY_MINUTES or DAY_MINUTES
    begins = (day * DAY_MINUTES + start for day in weekdays)
    return tuple(Restriction(begin, (begin + length) % WEEK_MINUTES) for begin in begins)


def minute_of_week(local: datetime.datetime) -> int:
    """Minutes since Monday 00:00."""
    return local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute
