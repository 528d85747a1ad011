"""Times and values as places on a drawing, and where the ticks of an axis are."""

import math
from typing import Final

import attrs

from obsflow.flow.report.figures import render_moment, render_number
from obsflow.model.durations import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

LEFT: Final = 176.0
RIGHT: Final = 1030.0
WIDTH: Final = 1040
"""The plot reaches from LEFT to RIGHT on every drawing, which is WIDTH wide."""

_STEPS_MS: Final = (
    *(count * SECOND_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * MINUTE_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * HOUR_MS for count in (1, 2, 3, 6, 12)),
    *(count * DAY_MS for count in (1, 2, 5, 10, 30, 60, 180, 365)),
)
_MAX_TICKS: Final = 12
_LABEL_ROOM: Final = 45.0


@attrs.frozen
class TimeAxis:
    """The time from `start` to `end` (ms), which all drawings of a page share."""

    start: int
    end: int

    def x(self, time: float) -> float:
        """Where a time is; one that is not within stands at the edge."""
        share = (time - self.start) / max(1, self.end - self.start)
        return LEFT + min(1.0, max(0.0, share)) * (RIGHT - LEFT)

    def ticks(self) -> list[tuple[int, str]]:
        """Round times with their labels; the start and each midnight have the date."""
        length = self.end - self.start
        step = next((each for each in _STEPS_MS if length / each <= _MAX_TICKS), 0)
        if not step:
            step = math.ceil(length / _MAX_TICKS / DAY_MS) * DAY_MS
        pattern = "%H:%M:%S" if step < MINUTE_MS else "%H:%M"
        first = -(-self.start // step) * step
        times = range(first, self.end + 1, step)
        ticks = [(time, _date(time) if time % DAY_MS == 0 else render_moment(time, pattern)) for time in times]
        has_room = not ticks or self.x(first) - LEFT > _LABEL_ROOM
        return [(self.start, _date(self.start)), *ticks] if has_room else ticks


def _date(time: int) -> str:
    return render_moment(time, "%b %d").replace(" 0", " ")


@attrs.frozen
class ValueAxis:
    """The values from `low` to `high`, from `bottom` up to `top` of a drawing."""

    low: float
    high: float
    top: float
    bottom: float

    @classmethod
    def around(cls, values: list[float], top: float, bottom: float) -> "ValueAxis":
        """An axis with room for these finite values; it begins at zero where that is not far off."""
        low = max(-_GREATEST, min(values, default=0.0))
        high = min(_GREATEST, max(values, default=1.0))
        if 0 < low < high * _NEAR:
            low = 0.0
        elif low * _NEAR > high and high < 0:
            high = 0.0
        size = max(abs(low), abs(high))
        margin = (high - low) / 8
        if margin <= size * _ALIKE or size < _LEAST:
            margin = size / 2 if size >= _LEAST else 0.5
        return cls(low - margin if low or high <= 0 else 0.0, high + margin, top, bottom)

    def y(self, value: float) -> float:
        """Where a finite value is; one that is not within stands at the edge."""
        share = (max(self.low, min(self.high, value)) - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)

    def ticks(self) -> list[tuple[float, str]]:
        """Some round values with their labels, which have as many digits as it takes to tell them apart."""
        rough = (self.high - self.low) / 4
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(each * power for each in (1, 2, 2.5, 5, 10, 20) if each * power >= rough)
        first = math.ceil(self.low / step)
        values = [count * step for count in range(first, first + 6) if count * step <= self.high]
        size = max(map(abs, values))
        if size < 1000 * step:
            return [(each, render_number(each)) for each in values]
        digits = math.ceil(math.log10(size / step)) + 2
        return [(each, f"{each:.{digits}g}") for each in values]


_GREATEST: Final = 1e300
_LEAST: Final = 1e-300
_ALIKE: Final = 1e-12
_NEAR: Final = 0.6
