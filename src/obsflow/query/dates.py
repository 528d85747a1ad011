"""Parts of dates: seconds since the epoch, as columns, to years, months and days in UTC."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from obsflow.model.frames import FloatArray

_Days = npt.NDArray[np.int64]

# Go counts from a year so far back that every int64 of seconds is after it; sums wrap around, and so do these.
_ZERO_YEAR: Final = -292277022400
_SECONDS_FROM_ZERO: Final = np.uint64(9223372028715321600)
_DAYS_FROM_MARCH: Final = 306
_DAY: Final = np.uint64(86400)


def _split(seconds: FloatArray) -> tuple[_Days, _Days]:
    """Days and seconds of the day, counted from the first of January of the year after the zero year."""
    whole = seconds.astype(np.int64).view(np.uint64) + _SECONDS_FROM_ZERO
    return (whole // _DAY).astype(np.int64), (whole % _DAY).astype(np.int64)


def _civil(seconds: FloatArray) -> tuple[_Days, _Days, _Days]:
    """Year, month from 1, day from 1. Years are taken to begin in March, so that the leap day is their last."""
    days = _split(seconds)[0] + _DAYS_FROM_MARCH
    era, of_era = days // 146_097, days % 146_097
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = np.where(shifted < 10, shifted + 3, shifted - 9)
    return era * 400 + year_of_era + _ZERO_YEAR + (month <= 2), month, day


def _is_leap(year: _Days) -> npt.NDArray[np.bool_]:
    leap: npt.NDArray[np.bool_] = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return leap


_MONTH_DAYS: Final = np.array((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), np.int64)
_DAYS_BEFORE: Final = np.concatenate((np.zeros(1, np.int64), np.cumsum(_MONTH_DAYS)[:-1]))


def _days_in_month(seconds: FloatArray) -> _Days:
    year, month, _ = _civil(seconds)
    days: _Days = _MONTH_DAYS[month - 1] + ((month == 2) & _is_leap(year))
    return days


def _day_of_year(seconds: FloatArray) -> _Days:
    year, month, day = _civil(seconds)
    days: _Days = _DAYS_BEFORE[month - 1] + day + ((month > 2) & _is_leap(year))
    return days


DATE_PARTS: Final[dict[str, Callable[[FloatArray], _Days]]] = {
    "minute": lambda seconds: _split(seconds)[1] // 60 % 60,
    "hour": lambda seconds: _split(seconds)[1] // 3600,
    "day_of_week": lambda seconds: (_split(seconds)[0] + 1) % 7,  # that first of January was a Monday
    "day_of_month": lambda seconds: _civil(seconds)[2],
    "day_of_year": _day_of_year,
    "days_in_month": _days_in_month,
    "month": lambda seconds: _civil(seconds)[1],
    "year": lambda seconds: _civil(seconds)[0],
}
"""Function name to what it makes of seconds since the epoch, of which the fraction is cut off."""
