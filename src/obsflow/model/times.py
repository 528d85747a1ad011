"""Instants: milliseconds since the epoch inside, RFC 3339 and seconds outside."""

import datetime
import re

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_SECONDS = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def parse_time(text: str) -> int:
    """Milliseconds of an RFC 3339 time or of decimal seconds since the epoch. Raises ValueError."""
    if _SECONDS.fullmatch(text):
        return round(float(text) * 1000)
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f'cannot parse "{text}" as a time: expected RFC 3339 or seconds since the epoch')
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, _, sign, zone_hours, zone_minutes = match.groups()[6:]
    try:
        instant = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError as error:
        raise ValueError(f'cannot parse "{text}" as a time: {error}') from None
    milliseconds = int((fraction or "0")[:3].ljust(3, "0"))
    offset = (int(zone_hours) * 60 + int(zone_minutes)) * 60_000 if sign else 0
    whole = (instant - _EPOCH) // datetime.timedelta(milliseconds=1)
    return whole + milliseconds - (offset if sign != "-" else -offset)


def to_datetime(time_ms: int) -> datetime.datetime:
    """The instant in UTC."""
    return _EPOCH + datetime.timedelta(milliseconds=time_ms)


def render_rfc3339(time_ms: int) -> str:
    """As Go's RFC3339Nano prints it in UTC: trailing zeros of the fraction dropped, `Z` last."""
    instant = to_datetime(time_ms)
    text = instant.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    fraction = f".{time_ms % 1000:03d}".rstrip("0").rstrip(".")
    return f"{text}{fraction}Z"
