"""Durations as Go writes them."""

import pytest

from obsflow.notify.go_durations import parse_go_duration, parse_go_nanoseconds


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("1m", 60_000),
        ("1h30m", 5_400_000),
        ("1.5s", 1500),
        (".5s", 500),
        ("1.s", 1000),
        ("300ms", 300),
        ("0", 0),
        ("+0", 0),
        ("-1s", -1000),
        ("30s1m", 90_000),
        ("1500µs", 1),
    ],
)
def test_durations(text, duration):
    """Fractions and any order of units."""
    assert parse_go_duration(text) == duration


def test_nanoseconds():
    """Every part of a duration is exact, and as much as 64 bits hold is one."""
    assert parse_go_nanoseconds("1h0.1s0.3ns7us") == 3_600_100_007_000
    assert parse_go_nanoseconds("-9223372036854775808ns") == -(1 << 63)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("m", 'time: invalid duration "m"'),
        ("1m.", 'time: invalid duration "1m."'),
        ("٣m", r'time: invalid duration "\xd9\xa3m"'),
        ("9223372036855s", 'time: invalid duration "9223372036855s"'),
        ("1", 'time: missing unit in duration "1"'),
        ("1m2", 'time: missing unit in duration "1m2"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1m ", 'time: unknown unit "m " in duration "1m "'),
    ],
)
def test_what_is_no_duration(text, message):
    """It has no number, no unit, or an unknown one."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        parse_go_duration(text)
    assert str(caught.value) == message
