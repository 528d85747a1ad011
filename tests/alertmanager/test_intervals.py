"""Time intervals: what contains which instant, and what is refused."""

import datetime
import zoneinfo

import pytest

from obsflow.alertmanager import ALERTMANAGER, ALERTMANAGER_0_25, ALERTMANAGER_0_34, OBSFLOW
from obsflow.alertmanager.intervals import NamedIntervals, Span, TimeInterval, utc_only
from obsflow.errors import ConfigError
from obsflow.model.durations import DAY_MS
from obsflow.model.times import parse_time
from obsflow.schema import decode
from tests.alertmanager.loop import load

WORK = "{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['monday:friday']"
MIXED = (
    "{weekdays: ['monday:friday', sunday], months: ['january:march'], days_of_month: ['-7:-1'], "
    "years: ['2020:2025', '2030:2035'], times: [{start_time: '09:00', end_time: '17:00'}]}"
)
CONTAINS = {
    "{}": (["2020-05-04T15:04:00Z", "1970-01-01T00:00:00Z"], []),
    WORK + "}": (
        ["2020-05-04T15:04:00Z", "2020-05-05T10:04:00Z", "2020-06-09T09:04:00Z", "2020-06-09T09:00:00Z"],
        ["2020-05-03T15:04:00Z", "2020-05-04T08:59:59Z", "2020-05-05T05:00:00Z", "2020-05-05T17:00:00Z"],
    ),
    "{days_of_month: ['4:6'], months: ['4'], years: ['2020']}": (
        ["2020-04-04T15:04:00Z", "2020-04-05T00:00:00Z", "2020-04-06T23:05:00Z"],
        [
            "2018-05-03T18:00:00Z",
            "2020-04-03T23:59:59Z",
            "2020-06-04T00:00:00Z",
            "2019-04-06T00:00:00Z",
            "2020-04-07T00:00:00Z",
        ],
    ),
    "{days_of_month: ['-3:-1']}": (
        [
            "2020-01-31T15:04:00Z",
            "2020-01-30T15:04:00Z",
            "2020-01-29T15:04:00Z",
            "2020-06-30T00:00:00Z",
            "2020-02-29T23:05:00Z",
        ],
        ["2020-01-27T18:00:00Z", "2020-04-03T00:00:00Z", "2020-04-07T00:00:00Z", "2020-03-01T00:00:00Z"],
    ),
    "{months: [june], days_of_month: ['1:31']}": (
        ["2020-06-01T00:00:00Z", "2020-06-30T23:59:00Z"],
        ["2020-05-31T00:00:00Z", "2020-07-01T00:00:00Z"],
    ),
    WORK + ", location: 'Australia/Sydney'}": (["2021-04-06T13:00:00+10:00"], ["2021-04-06T13:00:00Z"]),
    "{months: [november], times: [{start_time: '09:00', end_time: '17:00'}], location: 'Australia/Sydney'}": (
        ["2021-11-01T09:00:00+11:00", "2021-10-31T22:00:00Z"],
        ["2021-10-31T21:00:00Z"],
    ),
    "{days_of_month: ['-1'], location: 'America/New_York'}": (
        ["2021-03-31T12:00:00-04:00"],
        ["2021-03-30T12:00:00-04:00"],
    ),
    MIXED: (
        [
            "2021-01-27T09:00:00Z",
            "2021-01-28T16:59:00Z",
            "2021-01-29T13:00:00Z",
            "2025-03-31T13:00:00Z",
            "2035-01-31T13:00:00Z",
        ],
        ["2021-01-30T13:00:00Z", "2021-04-01T13:00:00Z", "2026-01-30T13:00:00Z", "2035-01-31T17:01:00Z"],
    ),
    "{months: [february], days_of_month: ['30:31']}": ([], ["2020-02-28T00:00:00Z", "2020-02-29T00:00:00Z"]),
    "{times: []}": ([], ["2020-02-28T00:00:00Z"]),
    "{times: [{start_time: '00:00', end_time: '24:00'}]}": (["2020-01-01T00:00:00Z", "2020-01-01T23:59:59Z"], []),
    "{weekdays: [Sunday]}": (["2020-05-03T00:00:00Z"], ["2020-05-04T00:00:00Z"]),
}


def interval(text):
    return decode(TimeInterval, text, "interval.yml")


def contains(text, time):
    parsed = interval(text)
    return NamedIntervals("n", ((parsed, zoneinfo.ZoneInfo(parsed.location)),)).contains(parse_time(time))


@pytest.mark.parametrize("text", CONTAINS)
def test_an_interval_contains_an_instant(text):
    """Every field that is given must contain it, in the interval's own place."""
    inside, outside = CONTAINS[text]
    assert [contains(text, time) for time in inside] == [True] * len(inside)
    assert [contains(text, time) for time in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (("00:00", "24:00"), (0, 1440)),
        (("01:35", "17:39"), (95, 1059)),
        (("09:35", "09:39"), (575, 579)),
        (("09:35", "09:35"), "start time cannot be equal or greater than end time"),
        (("09:35", "24:01"), "couldn't parse timestamp 24:01, invalid format"),
        (("01:99", "02:00"), "couldn't parse timestamp 01:99, invalid format"),
        (("14:00", "09:00"), "start time cannot be equal or greater than end time"),
        (("24:00", "24:00"), "start time cannot be equal or greater than end time"),
        (("09:00", None), "both start and end times must be provided"),
    ],
)
def test_times_of_day(times, expected):
    """The end is exclusive and may be midnight; a range does not run over midnight."""
    fields = ", ".join(
        f"{key}: '{value}'" for key, value in zip(("start_time", "end_time"), times, strict=True) if value
    )
    if isinstance(expected, tuple):
        (parsed,) = interval(f"times: [{{{fields}}}]").times
        assert (parsed.start, parsed.end) == expected
    else:
        with pytest.raises(ConfigError, match=expected):
            interval(f"times: [{{{fields}}}]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weekdays: [blurgsday]", "blurgsday is not a valid weekday"),
        ("days_of_month: ['0']", "0 is not a valid day of the month: out of range"),
        ("days_of_month: ['1:32']", "32 is not a valid day of the month: out of range"),
        ("days_of_month: ['x']", "x is not a valid day of the month"),
        ("days_of_month: ['-5:5']", "end day must be negative if start day is negative"),
        ("days_of_month: ['10:-25']", "end day -25 is always before start day 10"),
        ("months: [martius]", "martius is not a valid month"),
        ("months: ['december:january']", "end month january is before start month december"),
        ("months: ['13']", "13 is not a valid month"),
        ("years: ['2022:2020']", "end year 2020 is before start year 2022"),
        ("years: [soon]", "soon is not a valid year"),
        ("hours: [1]", 'unknown field "hours"'),
    ],
)
def test_what_is_no_interval(text, message):
    """An error says which part is wrong."""
    with pytest.raises(ConfigError, match=message):
        interval(text)


def test_days_are_cut_to_the_month():
    """Days before the first and after the last of a month do not run over into another."""
    assert [Span(-31, 31).contains_day(day, 30) for day in (1, 30)] == [True, True]
    assert [Span(30, 31).contains_day(day, 30) for day in (1, 29, 30)] == [False, False, True]


def test_only_utc_without_a_database():
    """Other zones are the caller's to supply."""
    assert utc_only("UTC") is datetime.UTC
    with pytest.raises(KeyError):
        utc_only("Europe/Paris")


def test_weeks_that_run_on():
    """Alertmanager 0.35 reads a range of weekdays over the end of the week; others refuse it."""
    text = """
route: {receiver: a}
receivers: [{name: a}]
time_intervals: [{name: w, time_intervals: [{weekdays: ['friday:monday']}]}]"""
    weekend = load(text, ALERTMANAGER).time_intervals["w"]
    monday = 1_700_438_400_000
    days = [weekend.contains(monday + i * DAY_MS) for i in range(7)]
    assert days == [True, False, False, False, True, True, True]
    for compat in (OBSFLOW, ALERTMANAGER_0_34, ALERTMANAGER_0_25):
        with pytest.raises(ConfigError, match=r"alertmanager.yml:4:.*start day cannot be before end day"):
            load(text, compat)
