"""Numbers for people, exactly as Prometheus' templates print them."""

import math
from typing import Final

from obsflow.gotemplate.times import Time
from obsflow.model.floats import render_float_g

_LARGE: Final = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_LARGE_BINARY: Final = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_INT64: Final = float(1 << 63)
_SMALL: Final = ("m", "u", "n", "p", "f", "a", "z", "y")


def render_significant(value: float, digits: int = 4) -> str:
    """Go's `%.4g`."""
    if not math.isfinite(value):
        return render_float_g(value)
    return f"{value:.{digits}g}"


def humanize(value: float) -> str:
    """With a metric prefix: 1234567 is `1.235M`."""
    if value == 0 or not math.isfinite(value):
        return render_significant(value)
    return _scale(value, _LARGE, 1000.0) if abs(value) >= 1 else _scale_up(value)


def humanize_1024(value: float) -> str:
    """With a binary prefix: 2048 is `2ki`."""
    if abs(value) <= 1 or not math.isfinite(value):
        return render_significant(value)
    return _scale(value, _LARGE_BINARY, 1024.0)


def humanize_percentage(value: float) -> str:
    """A ratio in percent: 0.1234 is `12.34%`."""
    return f"{render_significant(value * 100)}%"


def humanize_duration(seconds: float) -> str:
    """Days, hours, minutes and seconds: 90061 is `1d 1h 1m 1s`."""
    if not math.isfinite(seconds):
        return render_significant(seconds)
    if seconds == 0:
        return f"{render_significant(seconds)}s"
    if abs(seconds) < 1:
        return f"{_scale_up(seconds)}s"
    sign = "-" if seconds < 0 else ""
    whole = int(abs(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    if day:
        return f"{sign}{day}d {hour}h {minute}m {second}s"
    if hour:
        return f"{sign}{hour}h {minute}m {second}s"
    if minute:
        return f"{sign}{minute}m {second}s"
    return f"{sign}{render_significant(abs(seconds))}s"


def humanize_timestamp(seconds: float) -> str:
    """An instant as Go prints it: 1435065584.128 is `2015-06-23 13:19:44.128 +0000 UTC`. Raises ValueError."""
    if not math.isfinite(seconds):
        return render_significant(seconds)
    return Time.from_ms(to_milliseconds(seconds)).string()


def to_milliseconds(seconds: float) -> int:
    """The instant that a template means by a number. Raises ValueError where Go has no nanoseconds for it."""
    if not math.isfinite(seconds):
        raise ValueError("value is NaN or Inf")
    nanoseconds = seconds * 1e9
    if not -_INT64 <= nanoseconds <= _INT64:
        text = render_float_g(seconds)
        raise ValueError(f"{text} cannot be represented as a nanoseconds timestamp since it overflows int64")
    return -(int(-nanoseconds) // 1_000_000) if nanoseconds < 0 else int(nanoseconds) // 1_000_000


def _scale(value: float, prefixes: tuple[str, ...], base: float) -> str:
    used = ""
    for prefix in prefixes:
        if abs(value) < base:
            break
        used = prefix
        value /= base
    return render_significant(value) + used


def _scale_up(value: float) -> str:
    used = ""
    for prefix in _SMALL:
        if abs(value) >= 1:
            break
        used = prefix
        value *= 1000
    return render_significant(value) + used
