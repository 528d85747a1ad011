"""Go's `time.Time`, `time.Duration`, `time.Month` and `time.Weekday`, as templates see them."""

import datetime
from collections.abc import Mapping
from typing import ClassVar, Final, Self

import attrs

from obsflow.gotemplate.calendar import MONTHS, WEEKDAYS, civil_from_days, days_from_civil
from obsflow.gotemplate.timeformat import Clock, render_time
from obsflow.gotemplate.timeparse import read_time

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_YEAR_ONE: Final = -62_135_596_800 * SECOND
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# Between these, which are days from the ends of what Python's dates hold, a zone can be asked for its offset.
_FIRST_ZONED_US = (datetime.datetime(1, 1, 3, tzinfo=datetime.UTC) - _EPOCH) // datetime.timedelta(microseconds=1)
_LAST_ZONED_US = (datetime.datetime(9999, 12, 29, tzinfo=datetime.UTC) - _EPOCH) // datetime.timedelta(microseconds=1)
_CYCLE_US = 146_097 * DAY // MICROSECOND


_SMALL_UNITS = ((MICROSECOND, NANOSECOND, "ns"), (MILLISECOND, MICROSECOND, "µs"), (SECOND, MILLISECOND, "ms"))


class Int64(int):
    """A whole number that Go keeps in 64 bits, and so tells from other whole numbers."""

    __gotype__: ClassVar[str] = "int64"


class Duration(int):
    """A span of time in nanoseconds."""

    __gotype__: ClassVar[str] = "time.Duration"
    __gomethods__: ClassVar[Mapping[str, str]] = {
        "Abs": "absolute",
        "Hours": "hours",
        "Microseconds": "microseconds",
        "Milliseconds": "milliseconds",
        "Minutes": "minutes",
        "Nanoseconds": "nanoseconds",
        "Round": "round_to",
        "Seconds": "seconds",
        "String": "string",
        "Truncate": "truncate_to",
    }

    @classmethod
    def from_ms(cls, milliseconds: int) -> Self:
        """The duration of that many milliseconds."""
        return cls(milliseconds * MILLISECOND)

    def _in(self, unit: int) -> float:
        whole, rest = divmod(abs(self), unit)
        value = whole + rest / unit
        return -value if self < 0 else value

    def hours(self) -> float:
        """Hours, with their fraction."""
        return self._in(HOUR)

    def minutes(self) -> float:
        """Minutes, with their fraction."""
        return self._in(MINUTE)

    def seconds(self) -> float:
        """Seconds, with their fraction."""
        return self._in(SECOND)

    def milliseconds(self) -> int:
        """Whole milliseconds."""
        return Int64(self.truncate_to(Duration(MILLISECOND)) // MILLISECOND)

    def microseconds(self) -> int:
        """Whole microseconds."""
        return Int64(self.truncate_to(Duration(MICROSECOND)) // MICROSECOND)

    def nanoseconds(self) -> int:
        """Nanoseconds."""
        return Int64(self)

    def absolute(self) -> "Duration":
        """Without the sign."""
        return Duration(abs(self))

    def truncate_to(self, unit: "Duration") -> "Duration":
        """Toward zero, to a multiple of the unit."""
        if unit <= 0:
            return self
        whole = abs(self) // unit * unit
        return Duration(-whole if self < 0 else whole)

    def round_to(self, unit: "Duration") -> "Duration":
        """To the nearest multiple of the unit, half away from zero."""
        if unit <= 0:
            return self
        whole = (2 * abs(self) + unit) // (2 * unit) * unit
        return Duration(-whole if self < 0 else whole)

    def string(self) -> str:
        """Such as `1h15m30.5s`; below a second in the unit that leaves no zero in front."""
        rest = abs(self)
        if rest == 0:
            return "0s"
        sign = "-" if self < 0 else ""
        for limit, unit, name in _SMALL_UNITS:
            if rest < limit:
                return f"{sign}{_decimal(rest, unit)}{name}"
        hours, rest = divmod(rest, HOUR)
        minutes, rest = divmod(rest, MINUTE)
        text = f"{_decimal(rest, SECOND)}s"
        if hours or minutes:
            text = f"{minutes}m{text}"
        if hours:
            text = f"{hours}h{text}"
        return sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    return f"{whole}.{rest:0{len(str(unit)) - 1}d}".rstrip("0").rstrip(".") if rest else str(whole)


class Month(int):
    """A month, from 1."""

    __gotype__: ClassVar[str] = "time.Month"
    __gomethods__: ClassVar[Mapping[str, str]] = {"String": "string"}

    def string(self) -> str:
        """Its English name."""
        return MONTHS[self - 1] if 1 <= self <= 12 else f"%!Month({int(self)})"


class Weekday(int):
    """A day of the week; Sunday is 0."""

    __gotype__: ClassVar[str] = "time.Weekday"
    __gomethods__: ClassVar[Mapping[str, str]] = {"String": "string"}

    def string(self) -> str:
        """Its English name."""
        return WEEKDAYS[self] if 0 <= self <= 6 else f"%!Weekday({int(self)})"


@attrs.frozen
class Time:
    """An instant, in nanoseconds since the epoch, and the zone that it is shown in; None is UTC."""

    unix_ns: int = _YEAR_ONE
    zone: datetime.tzinfo | None = attrs.field(default=None, eq=False)

    __gotype__: ClassVar[str] = "time.Time"
    __gomethods__: ClassVar[Mapping[str, str]] = {
        "Add": "add",
        "AddDate": "add_date",
        "After": "after",
        "Before": "before",
        "Compare": "compare",
        "Day": "day",
        "Equal": "equal",
        "Format": "format",
        "Hour": "hour",
        "IsZero": "is_zero",
        "Local": "utc",
        "Minute": "minute",
        "Month": "month",
        "Nanosecond": "nanosecond",
        "Round": "round_to",
        "Second": "second",
        "String": "string",
        "Sub": "sub",
        "Truncate": "truncate_to",
        "UTC": "utc",
        "Unix": "unix",
        "UnixMicro": "unix_micro",
        "UnixMilli": "unix_milli",
        "UnixNano": "unix_nano",
        "Weekday": "weekday",
        "Year": "year",
        "YearDay": "year_day",
    }

    @classmethod
    def from_ms(cls, time_ms: int) -> Self:
        """The instant of that many milliseconds since the epoch, in UTC."""
        return cls(time_ms * MILLISECOND)

    def in_zone(self, zone: datetime.tzinfo | None) -> "Time":
        """The same instant, shown in another zone."""
        return attrs.evolve(self, zone=zone)

    def clock(self) -> Clock:
        """What calendar and clock show in the zone."""
        offset, name = self._offset()
        seconds, nanosecond = divmod(self.unix_ns, SECOND)
        days, second = divmod(seconds + offset, 86_400)
        year, month, day = civil_from_days(days)
        return Clock(
            year=year,
            month=month,
            day=day,
            hour=second // 3600,
            minute=second // 60 % 60,
            second=second % 60,
            nanosecond=nanosecond,
            weekday=(days + 4) % 7,
            year_day=days - days_from_civil(year, 1, 1) + 1,
            offset=offset,
            zone=name,
        )

    def _offset(self) -> tuple[int, str]:
        """Seconds east of UTC, and the zone's abbreviation."""
        if self.zone is None:
            return 0, "UTC"
        microseconds = max(self.unix_ns // MICROSECOND, _FIRST_ZONED_US)
        if microseconds > _LAST_ZONED_US:  # the calendar, and with it the rules of zones, is the same every 400 years
            microseconds = _LAST_ZONED_US - (_LAST_ZONED_US - microseconds) % _CYCLE_US
        instant = (_EPOCH + datetime.timedelta(microseconds=microseconds)).astimezone(self.zone)
        offset = instant.utcoffset() or datetime.timedelta()
        name = instant.tzname() or ""
        return int(offset.total_seconds()), "" if name[:4] in ("UTC+", "UTC-") else name

    def format(self, layout: str) -> str:
        """The time as the layout writes Go's reference time, Mon Jan 2 15:04:05 MST 2006."""
        return render_time(self.clock(), layout)

    def string(self) -> str:
        """As Go prints a time."""
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def unix(self) -> int:
        """Seconds since the epoch."""
        return Int64(self.unix_ns // SECOND)

    def unix_milli(self) -> int:
        """Milliseconds since the epoch."""
        return Int64(self.unix_ns // MILLISECOND)

    def unix_micro(self) -> int:
        """Microseconds since the epoch."""
        return Int64(self.unix_ns // MICROSECOND)

    def unix_nano(self) -> int:
        """Nanoseconds since the epoch, which go around where 64 bits do not hold them, as Go's do."""
        return Int64((self.unix_ns + (1 << 63)) % (1 << 64) - (1 << 63))

    def add(self, duration: Duration) -> "Time":
        """The time so much later."""
        return attrs.evolve(self, unix_ns=self.unix_ns + duration)

    def add_date(self, years: int, months: int, days: int) -> "Time":
        """The same time of day on another day; a day that its month does not have runs on into the next."""
        shown = self.clock()
        year, month = divmod((shown.year + years) * 12 + shown.month - 1 + months, 12)
        moved = days_from_civil(year, month + 1, 1) + shown.day - 1 + days
        later = (moved - days_from_civil(shown.year, shown.month, shown.day)) * DAY
        if self.zone is None:
            return self.add(Duration(later))
        # As Go does: what the clock shows is taken for UTC, which finds the offset but for hours around its change.
        shown_ns = self.unix_ns + shown.offset * SECOND + later
        guessed = attrs.evolve(self, unix_ns=shown_ns).clock().offset
        offset = attrs.evolve(self, unix_ns=shown_ns - guessed * SECOND).clock().offset
        return attrs.evolve(self, unix_ns=shown_ns - offset * SECOND)

    def sub(self, other: "Time") -> Duration:
        """How much later than the other this is; at most what an int64 of nanoseconds holds."""
        return Duration(max(-(1 << 63), min(self.unix_ns - other.unix_ns, (1 << 63) - 1)))

    def before(self, other: "Time") -> bool:
        """Whether this is earlier."""
        return self.unix_ns < other.unix_ns

    def after(self, other: "Time") -> bool:
        """Whether this is later."""
        return self.unix_ns > other.unix_ns

    def equal(self, other: "Time") -> bool:
        """Whether both are the same instant."""
        return self.unix_ns == other.unix_ns

    def compare(self, other: "Time") -> int:
        """-1, 0 or 1 as this is before, at or after the other."""
        return (self.unix_ns > other.unix_ns) - (self.unix_ns < other.unix_ns)

    def is_zero(self) -> bool:
        """Whether this is the first instant of the year 1, which stands for no time."""
        return self.unix_ns == _YEAR_ONE

    def utc(self) -> "Time":
        """The same instant in UTC."""
        return self.in_zone(None)

    def truncate_to(self, unit: Duration) -> "Time":
        """Down to a multiple of the unit since the year 1."""
        return self if unit <= 0 else self.add(Duration(-((self.unix_ns - _YEAR_ONE) % unit)))

    def round_to(self, unit: Duration) -> "Time":
        """To the nearest multiple of the unit since the year 1, half up."""
        if unit <= 0:
            return self
        rest = (self.unix_ns - _YEAR_ONE) % unit
        return self.add(Duration(-rest if 2 * rest < unit else unit - rest))

    def year(self) -> int:
        """The year."""
        return self.clock().year

    def month(self) -> Month:
        """The month."""
        return Month(self.clock().month)

    def day(self) -> int:
        """The day of the month."""
        return self.clock().day

    def weekday(self) -> Weekday:
        """The day of the week."""
        return Weekday(self.clock().weekday)

    def year_day(self) -> int:
        """The day of the year, from 1."""
        return self.clock().year_day

    def hour(self) -> int:
        """The hour."""
        return self.clock().hour

    def minute(self) -> int:
        """The minute."""
        return self.clock().minute

    def second(self) -> int:
        """The second."""
        return self.clock().second

    def nanosecond(self) -> int:
        """The nanosecond of the second."""
        return self.clock().nanosecond


def parse_time(layout: str, text: str) -> Time:
    """The time that the layout reads from the text, in UTC unless the text names an offset. Raises ValueError."""
    unix_ns, offset, zone = read_time(layout, text)
    if not offset and zone in ("", "UTC"):
        return Time(unix_ns)
    shift = datetime.timedelta(seconds=offset)
    return Time(unix_ns, datetime.timezone(shift, zone) if zone else datetime.timezone(shift))
