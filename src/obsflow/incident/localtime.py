"""Wall clocks: local times as instants, across the hours that daylight saving skips and repeats."""

import datetime

from obsflow.model.times import to_datetime

_MS = datetime.timedelta(milliseconds=1)
_EPOCH = to_datetime(0)


def to_local(at: int, zone: datetime.tzinfo) -> datetime.datetime:
    """What the clock on the wall shows at an instant in ms, without its zone."""
    return to_datetime(at).astimezone(zone).replace(tzinfo=None)


def to_instant(local: datetime.datetime, zone: datetime.tzinfo) -> int:
    """When, in ms, the clock on the wall first shows a time or a later one.

    A time that is shown twice is the first of both; one that is skipped is the instant of the skip. So a later time
    never comes before an earlier one.
    """
    first, second = candidates(local, zone)
    return first if first <= second else transition(second, first, zone)


def candidates(local: datetime.datetime, zone: datetime.tzinfo) -> tuple[int, int]:
    """The instants of a local time by the offset before and after a change of the clock; equal where there is none."""
    first, second = (
        (local.replace(tzinfo=zone, fold=fold).astimezone(datetime.UTC) - _EPOCH) // _MS for fold in (0, 1)
    )
    return first, second


def transition(start: int, end: int, zone: datetime.tzinfo) -> int:
    """The first instant after `start` and until `end` at which the offset is another than at `start`; else `end`."""
    before = _offset(start, zone)
    low, high = start, end
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def has_changed(start: int, end: int, zone: datetime.tzinfo) -> bool:
    """Whether the offset at two instants differs."""
    return _offset(start, zone) != _offset(end, zone)


def _offset(at: int, zone: datetime.tzinfo) -> datetime.timedelta | None:
    return to_datetime(at).astimezone(zone).utcoffset()
