"""Go's times and durations as templates see them."""

import datetime
import zoneinfo

import pytest

from obsflow.gotemplate.calendar import civil_from_days, days_from_civil
from obsflow.gotemplate.json import encode_json
from obsflow.gotemplate.times import HOUR, MINUTE, SECOND, Duration, Month, Time, Weekday, parse_time
from tests.gotemplate.shapes import sample

_INSTANT = Time(1_767_323_045_123_456_789)  # 2026-01-02 03:04:05.123456789 UTC


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("2006-01-02T15:04:05Z07:00", "2026-01-02T05:34:05+02:30"),
        ("Mon Jan _2 15:04:05 -0700 MST 2006", "Fri Jan  2 05:34:05 +0230 +0230 2026"),
        ("3:04PM .000 ,999", "5:34AM .123 ,123"),
        ("Z07 -07:00:00 Z070000", "+02 +02:30:00 +023000"),
    ],
)
def test_zones(layout, expected):
    """A time is formatted in its zone."""
    zone = datetime.timezone(datetime.timedelta(hours=2, minutes=30))
    assert _INSTANT.in_zone(zone).format(layout) == expected


def test_named_zone():
    """A zone with a name prints it."""
    zone = datetime.timezone(datetime.timedelta(hours=-8), "PST")
    assert _INSTANT.in_zone(zone).string() == "2026-01-01 19:04:05.123456789 -0800 PST"


@pytest.mark.parametrize(
    ("text", "days", "expected"),
    [
        ("2026-03-28T12:00:00", 1, "2026-03-29 12:00:00 +0200 CEST"),
        ("2026-10-24T12:00:00", 1, "2026-10-25 12:00:00 +0100 CET"),
        ("2026-03-28T02:30:00", 1, "2026-03-29 03:30:00 +0200 CEST"),  # half past two is left out
        ("2026-10-24T02:30:00", 1, "2026-10-25 02:30:00 +0100 CET"),  # and comes twice
        ("2026-01-31T12:00:00", 29, "2026-03-01 12:00:00 +0100 CET"),
    ],
)
def test_another_day_has_the_same_time_of_day(text, days, expected):
    """Days are counted by the calendar of the zone, whose clocks may have been changed meanwhile."""
    zone = zoneinfo.ZoneInfo("Europe/Paris")
    utc = datetime.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()
    assert Time(int(utc) * SECOND).in_zone(zone).add_date(0, 0, days).string() == expected


def test_years_beyond_the_calendar_of_python():
    """A zone has its first offset long ago, and the rules of now for ever."""
    zone = zoneinfo.ZoneInfo("America/New_York")
    assert Time(days_from_civil(-300, 6, 1) * 24 * HOUR).in_zone(zone).string() == "-0300-05-31 19:03:58 -0456 LMT"
    assert Time(days_from_civil(12_026, 7, 1) * 24 * HOUR).in_zone(zone).string() == "12026-06-30 20:00:00 -0400 EDT"
    assert Time().unix_nano() == -6795364578871345152  # as 64 bits overflow
    with pytest.raises(ValueError, match="year outside of range"):
        encode_json(Time(days_from_civil(10_000, 1, 1) * 24 * HOUR))


@pytest.mark.parametrize(
    ("layout", "text", "message"),
    [
        ("3:04PM", "13:04PM", 'parsing time "13:04PM": hour out of range'),
        ("2006", 'é"\n', r'''parsing time "\xc3\xa9\"\x0a" as "2006": cannot parse "\xc3\xa9\"\x0a" as "2006"'''),
    ],
)
def test_what_is_no_time(layout, text, message):
    """In the words of Go, which shows bytes."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        parse_time(layout, text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (4 * MINUTE + 5 * SECOND, "4m5s"),
        (4 * MINUTE + 5_001_000_000, "4m5.001s"),
        (5 * HOUR + 6 * MINUTE + 7_001_000_000, "5h6m7.001s"),
        (8 * MINUTE + 1, "8m0.000000001s"),
        (-(1 << 63), "-2562047h47m16.854775808s"),
    ],
)
def test_duration_text(nanoseconds, expected):
    """Durations print as Go prints them."""
    assert Duration(nanoseconds).string() == expected


def test_duration_arithmetic():
    """Rounding is half away from zero, truncation toward zero, and units have fractions."""
    duration = Duration(-90 * SECOND)
    assert duration.round_to(Duration(MINUTE)) == -2 * MINUTE
    assert duration.truncate_to(Duration(MINUTE)) == -MINUTE
    assert duration.minutes() == -1.5
    assert duration.hours() == -0.025
    assert duration.absolute().milliseconds() == 90_000
    assert Duration.from_ms(1500).seconds() == 1.5


def test_time_arithmetic():
    """Days and months run over; instants compare; a time is rounded from the year 1 on."""
    assert _INSTANT.add_date(0, 1, 30).string() == "2026-03-04 03:04:05.123456789 +0000 UTC"
    assert _INSTANT.truncate_to(Duration(HOUR)).string() == "2026-01-02 03:00:00 +0000 UTC"
    assert _INSTANT.round_to(Duration(SECOND)).string() == "2026-01-02 03:04:05 +0000 UTC"
    later = _INSTANT.add(Duration(1))
    assert later.sub(_INSTANT) == 1
    assert (later.after(_INSTANT), later.before(_INSTANT), later.compare(_INSTANT)) == (True, False, 1)
    assert Time().is_zero()
    assert Time().string() == "0001-01-01 00:00:00 +0000 UTC"
    assert (_INSTANT.month(), _INSTANT.weekday()) == (Month(1), Weekday(5))


def test_calendar_agrees_with_the_standard_library():
    """Days and dates lead to each other over all of datetime's years."""
    first = datetime.date(1, 1, 1).toordinal() - datetime.date(1970, 1, 1).toordinal()
    for days in range(first, first + 3_652_059, 997):
        date = datetime.date(1970, 1, 1) + datetime.timedelta(days=days)
        assert civil_from_days(days) == (date.year, date.month, date.day)
        assert days_from_civil(date.year, date.month, date.day) == days


@pytest.mark.parametrize(
    "layout",
    ["2006-01-02 15:04:05.999999999 -0700", "Mon, 02 Jan 2006 03:04:05.000000000 PM Z07:00", "06 002 15h4m5.000000000"],
)
def test_parse_reads_what_format_writes(layout):
    """A layout that has everything reads back the instant."""
    assert parse_time(layout, _INSTANT.format(layout)) == _INSTANT


def test_json():
    """JSON is Go's: sorted keys, HTML escaped, floats in Go's form, members in their order."""
    value = {"b": [1, 1.0, 1e21, 1e-7, 0.00001, None, True], "a": "<&>\u2028\x7f é"}
    assert encode_json(value) == ('{"a":"\\u003c\\u0026\\u003e\\u2028\x7f é","b":[1,1,1e+21,1e-7,0.00001,null,true]}')
    assert encode_json(sample().alerts[1]) == (
        '{"Status":"resolved","Labels":{"alertname":"B\\u003cb\\u003e"},"StartsAt":"0001-01-01T00:00:00Z",'
        '"URL":"javascript:alert(1)","Value":0.25,"Count":0,"For":0,"Any":"x"}'
    )
    with pytest.raises(ValueError, match="unsupported value: NaN"):
        encode_json(float("nan"))
