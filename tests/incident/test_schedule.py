"""Who is on call: turns, hand-offs, restrictions, overrides, and the days when the clocks change."""

import datetime
import itertools
import zoneinfo

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from obsflow.incident import ByLayer, ByOverride, Layer, Override, Restriction, Rotation, Schedule, restrict_days
from obsflow.incident.localtime import to_instant, to_local
from tests.incident.samples import HOUR, MINUTE, instant
from tests.oracles import on_call as oracle

DAY = 24 * HOUR
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
LORD_HOWE = zoneinfo.ZoneInfo("Australia/Lord_Howe")
DATE = datetime.date.fromisoformat


def schedule(*layers, zone=datetime.UTC, overrides=()):
    return Schedule("s", zone, layers, tuple(overrides))


def who(each, at):
    return [on_call.user for on_call in each.on_call(at)]


@pytest.mark.parametrize(
    ("rotation", "at", "user", "turn"),
    [
        (Rotation.daily(9 * 60, DATE("2026-01-05")), "2026-01-05T09:00", "a", 0),
        (Rotation.daily(9 * 60, DATE("2026-01-05")), "2026-01-06T08:59:59.999", "a", 0),
        (Rotation.daily(9 * 60, DATE("2026-01-05")), "2026-01-06T09:00", "b", 1),
        (Rotation.daily(9 * 60, DATE("2026-01-05")), "2026-01-05T08:59", "c", -1),
        (Rotation.daily(9 * 60, DATE("2026-01-05")), "2026-01-08T09:00", "a", 3),
        (Rotation.weekly(10 * 60, 2, DATE("2026-01-05")), "2026-01-07T10:00", "a", 0),
        (Rotation.weekly(10 * 60, 2, DATE("2026-01-05")), "2026-01-14T09:59", "a", 0),
        (Rotation.weekly(10 * 60, 2, DATE("2026-01-05")), "2026-01-14T10:00", "b", 1),
        (Rotation.every(12 * HOUR, 8 * 60, DATE("2026-01-05")), "2026-01-05T20:00", "b", 1),
        (Rotation.every(3 * DAY, 0, DATE("2026-01-05")), "2026-01-11T00:00", "c", 2),
    ],
)
def test_turns(rotation, at, user, turn):
    """A turn begins at its hand-off and ends before the next; turns are counted from the first, and back."""
    (on_call,) = schedule(Layer("l", ("a", "b", "c"), rotation)).on_call(instant(at))

    assert (on_call.user, on_call.cause.layer, on_call.cause.turn) == (user, "l", turn)


@pytest.mark.parametrize(
    ("zone", "start", "hours"),
    [
        (NEW_YORK, "2026-03-07", (24, 23, 24)),  # the clocks go forward on the 8th
        (NEW_YORK, "2026-10-31", (24, 25, 24)),  # and back on the 1st
        (LORD_HOWE, "2026-10-03", (24, 23.5, 24)),  # by half an hour
        (LORD_HOWE, "2026-04-04", (24, 24.5, 24)),
    ],
)
def test_turns_are_handed_off_at_the_same_hour_when_the_clocks_change(zone, start, hours):
    """The day of the change is longer or shorter; the hand-off stays at midnight of the wall clock."""
    layer = Layer("l", ("a", "b"), Rotation.daily())
    begin = to_instant(datetime.datetime.fromisoformat(start), zone)
    end = to_instant(datetime.datetime.fromisoformat(start) + datetime.timedelta(days=3), zone)
    shifts = schedule(layer, zone=zone).shifts(begin, end)

    assert tuple((shift.end - shift.start) / HOUR for shift in shifts) == hours


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-03-08T01:59", "2026-03-08T06:59"),
        ("2026-03-08T02:30", "2026-03-08T07:00"),  # skipped: the instant of the skip
        ("2026-03-08T03:00", "2026-03-08T07:00"),
        ("2026-11-01T01:30", "2026-11-01T05:30"),  # shown twice: the first
        ("2026-11-01T02:00", "2026-11-01T07:00"),
    ],
)
def test_local_times_as_instants(local, expected):
    """A time that is skipped or shown twice has one instant, and later times have no earlier ones."""
    assert to_instant(datetime.datetime.fromisoformat(local), NEW_YORK) == instant(expected)


def test_a_hand_off_in_the_skipped_hour_happens_at_the_skip():
    """A daily hand-off at 02:30 is at 03:00 on the day without a 02:30, and nobody is on call twice or not at all."""
    each = schedule(Layer("l", ("a", "b"), Rotation.daily(150)), zone=NEW_YORK)
    shifts = each.shifts(instant("2026-03-07T12:00"), instant("2026-03-09T12:00"))

    assert [shift.start for shift in shifts[1:]] == [instant("2026-03-08T07:00"), instant("2026-03-09T06:30")]


def test_restrictions_that_meet_the_repeated_hour_hold_in_both():
    """Until 01:30 on the day when 01:00 comes twice: the window closes, opens again and closes again."""
    each = schedule(
        Layer("l", ("a",), Rotation.every(1000 * DAY), restrict_days(0, 90)),
        zone=NEW_YORK,
    )
    day = instant("2026-11-01", "America/New_York")
    shifts = each.shifts(day, day + 4 * HOUR)

    assert [(shift.end - shift.start, bool(shift.on_call)) for shift in shifts] == [
        (90 * MINUTE, True),
        (30 * MINUTE, False),
        (30 * MINUTE, True),
        (90 * MINUTE, False),
    ]


@pytest.mark.parametrize(
    ("restrictions", "at", "is_on_call"),
    [
        (restrict_days(540, 1020), "2026-01-05T09:00", True),
        (restrict_days(540, 1020), "2026-01-05T17:00", False),
        (restrict_days(1320, 360), "2026-01-05T23:00", True),
        (restrict_days(1320, 360), "2026-01-06T05:59", True),
        (restrict_days(1320, 360), "2026-01-06T06:00", False),
        (restrict_days(1320, 360, (6,)), "2026-01-05T05:00", True),  # Sunday night, on Monday
        (restrict_days(0, 1440, (0,)), "2026-01-05T23:59", True),
        (restrict_days(0, 1440, (0,)), "2026-01-06T00:00", False),
        ((Restriction(4 * 1440 + 1080, 480),), "2026-01-11T12:00", True),  # Friday 18:00 to Monday 08:00
        ((Restriction(4 * 1440 + 1080, 480),), "2026-01-12T08:00", False),
    ],
)
def test_restrictions(restrictions, at, is_on_call):
    """Windows of days and of the week, over midnight and over the end of the week."""
    each = schedule(Layer("l", ("a",), Rotation.daily(), restrictions))

    assert bool(each.on_call(instant(at))) is is_on_call


def test_a_later_layer_goes_before_an_earlier_one():
    """Where the upper layer has nobody, the lower one shows through."""
    each = schedule(
        Layer("all day", ("a",), Rotation.weekly()),
        Layer("hours", ("b",), Rotation.weekly(), restrict_days(540, 1020)),
        Layer("in march", ("c",), Rotation.weekly(), (), instant("2026-03-01"), instant("2026-04-01")),
    )

    assert who(each, instant("2026-01-05T12:00")) == ["b"]
    assert who(each, instant("2026-01-05T18:00")) == ["a"]
    assert who(each, instant("2026-03-01T12:00")) == ["c"]
    assert who(each, instant("2026-04-01T00:00")) == ["a"]


@pytest.mark.parametrize(
    ("override", "users", "instead_of"),
    [
        (Override("z", 0, DAY), ["z"], ("a",)),
        (Override("z", 0, DAY, replaces="a"), ["z"], ("a",)),
        (Override("z", 0, DAY, replaces="b"), ["a"], None),
        (Override("z", 0, DAY, adds=True), ["a", "z"], ()),
        (Override("a", 0, DAY, adds=True), ["a"], None),
        (Override("z", HOUR + 1, DAY), ["a"], None),
        (Override("z", 0, HOUR), ["a"], None),
    ],
)
def test_overrides(override, users, instead_of):
    """An override replaces everybody, or one, or adds somebody, from its start until before its end."""
    each = schedule(Layer("l", ("a",), Rotation.daily()), overrides=(override,))
    found = each.on_call(HOUR)

    assert [on_call.user for on_call in found] == users
    expected = [] if instead_of is None else [ByOverride(0, instead_of)]
    assert [on_call.cause for on_call in found if isinstance(on_call.cause, ByOverride)] == expected


def test_shifts_have_reasons():
    """A shift says which layer, which turn, and from when until when the turn is, also where the shift is cut."""
    each = schedule(Layer("l", ("a",), Rotation.daily()))
    (shift,) = each.shifts(HOUR, 2 * HOUR)

    assert (shift.start, shift.end) == (HOUR, 2 * HOUR)
    assert shift.on_call[0].cause == ByLayer("l", -4, 0, DAY)


ZONES = st.sampled_from([datetime.UTC, NEW_YORK, LORD_HOWE, zoneinfo.ZoneInfo("Africa/Casablanca")])
ROTATIONS = st.one_of(
    st.builds(Rotation.daily, st.integers(0, 1439)),
    st.builds(Rotation.weekly, st.integers(0, 1439), st.integers(0, 6)),
    st.builds(Rotation.every, st.integers(1, 80).map(lambda half_hours: half_hours * 30 * MINUTE)),
)
QUARTER = 15
WINDOWS = st.builds(
    restrict_days,
    st.integers(0, 95).map(lambda quarter: quarter * QUARTER),
    st.integers(0, 95).map(lambda quarter: quarter * QUARTER),
    st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True).map(tuple),
)
TIMES = st.sampled_from(["2026-03-07", "2026-10-31", "2026-04-04", "2026-10-03", "2026-02-14", "2026-06-30"]).map(
    instant
)
USERS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)


@given(zone=ZONES, rotation=ROTATIONS, users=USERS, windows=WINDOWS, start=TIMES, minute=st.integers(0, 2880))
@settings(deadline=None)
def test_a_layer_without_restrictions_leaves_no_gap(zone, rotation, users, windows, start, minute):
    """At any time somebody is on call, whatever is laid over it."""
    each = schedule(Layer("l", users, rotation), Layer("m", users, rotation, windows), zone=zone)

    assert len(each.on_call(start + minute * MINUTE)) == 1


@given(
    zone=ZONES,
    layers=st.lists(st.tuples(ROTATIONS, USERS, st.one_of(st.just(()), WINDOWS)), min_size=1, max_size=2),
    override=st.builds(Override, st.just("z"), TIMES, TIMES.map(lambda at: at + 5 * HOUR), st.sampled_from(["", "a"])),
    start=TIMES,
)
@settings(max_examples=40, deadline=None)
def test_shifts_are_what_every_quarter_hour_says(zone, layers, override, start):
    """Shifts cover the time without gap or overlap, differ from their neighbours, and agree with `on_call`."""
    built = (Layer(str(i), users, rotation, windows) for i, (rotation, users, windows) in enumerate(layers))
    each = schedule(*built, zone=zone, overrides=(override,))
    end = start + 2 * DAY + 7
    shifts = each.shifts(start, end)

    assert (shifts[0].start, shifts[-1].end) == (start, end)
    for one, other in itertools.pairwise(shifts):
        assert one.end == other.start
        assert one.on_call != other.on_call
    for at in (*range(start, end, QUARTER * MINUTE), *range(start - 1 + HOUR, end, 3 * HOUR)):
        (shift,) = (shift for shift in shifts if shift.start <= at < shift.end)
        assert shift.on_call == each.on_call(at)


@given(zone=ZONES, rotation=ROTATIONS, start=TIMES, minute=st.integers(0, 2880))
@settings(deadline=None)
def test_turns_meet(zone, rotation, start, minute):
    """An instant lies in its turn, and the turn before ends where it begins."""
    at = start + minute * MINUTE
    turn = rotation.turn(at, zone)
    before = rotation.turn(turn.start - 1, zone)

    assert turn.start <= at < turn.end
    assert before.end == turn.start
    assert before.index < turn.index


@given(zone=ZONES, start=TIMES, minutes=st.lists(st.integers(0, 4000), min_size=2, max_size=2).map(sorted))
@settings(deadline=None)
def test_later_wall_clocks_are_not_earlier_instants(zone, start, minutes):
    """The order of local times is that of their instants; what the wall shows then is the time, or a later one."""
    base = to_local(start, zone)
    one, other = (base + datetime.timedelta(minutes=minute) for minute in minutes)

    assert to_instant(one, zone) <= to_instant(other, zone)
    assert to_local(to_instant(one, zone), zone) >= one


PLAIN_ROTATIONS = st.one_of(
    st.tuples(st.just("every"), st.sampled_from([1, 7, 30, 12 * 60, 1440, 3 * 1440, 10080])),
    st.tuples(st.just("months"), st.just(0)),
)
PLAIN_WINDOWS = st.tuples(
    st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(tuple),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
PLAIN_LAYERS = st.lists(
    st.tuples(
        USERS,
        PLAIN_ROTATIONS,
        st.integers(0, 1439),
        st.none() | st.lists(PLAIN_WINDOWS, min_size=1, max_size=2),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)
PLAIN_OVERRIDES = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "replace", "everybody"]),
        st.sampled_from("abz"),
        st.sampled_from("abc"),
        st.integers(0, 1800),
        st.integers(1, 1800),
    ),
    max_size=3,
)


def built(layers, overrides, zone, start):
    """The schedule, and the same for the oracle."""
    real_layers, plain_layers = [], []
    for i, (users, (kind, minutes), hand_off, windows, adds) in enumerate(layers):
        anchor = datetime.datetime.fromisoformat("2026-01-31") + datetime.timedelta(minutes=hand_off)
        rotation = (
            Rotation.monthly(hand_off, anchor.date())
            if kind == "months"
            else Rotation.every(minutes * MINUTE, hand_off, anchor.date())
        )
        restrictions = tuple(each for days, begin, end in windows or () for each in restrict_days(begin, end, days))
        real_layers.append(Layer(str(i), users, rotation, restrictions, adds=adds))
        length = datetime.timedelta(minutes=minutes)
        plain_layers.append((users, (kind, length, anchor), windows, adds))
    real, plain = [], []
    for kind, user, other, begin, length in overrides:
        since, until = start + begin * MINUTE, start + (begin + length) * MINUTE
        plain.append((kind, user, other, since, until))
        replaces = other if kind in ("remove", "replace") else ""
        real.append(Override("" if kind == "remove" else user, since, until, replaces, adds=kind == "add"))
    return schedule(*real_layers, zone=zone, overrides=real), (plain_layers, plain)


CHANGES = st.sampled_from(
    [
        (NEW_YORK, "2026-03-07T12:00"),
        (NEW_YORK, "2026-10-31T12:00"),
        (LORD_HOWE, "2026-04-04T00:00"),
        (LORD_HOWE, "2026-10-03T00:00"),
        (zoneinfo.ZoneInfo("Africa/Casablanca"), "2026-02-14T12:00"),
        (zoneinfo.ZoneInfo("Africa/Casablanca"), "2026-03-21T12:00"),
        (zoneinfo.ZoneInfo("America/Santiago"), "2026-09-05T12:00"),  # at midnight
        (zoneinfo.ZoneInfo("America/Santiago"), "2026-04-04T12:00"),
        (zoneinfo.ZoneInfo("Europe/Zurich"), "2026-02-27T12:00"),  # a month that lacks a day
    ]
)


@given(change=CHANGES, layers=PLAIN_LAYERS, overrides=PLAIN_OVERRIDES)
@settings(max_examples=40, deadline=None)
def test_the_days_when_the_clocks_change_minute_by_minute(change, layers, overrides):
    """Turns, windows and overrides agree with a clock that is read every minute; no gap where a layer covers it all."""
    zone, day = change
    start = instant(day)
    end = start + 30 * HOUR
    each, plain = built(layers, overrides, zone, start)
    expected = oracle.expected(*plain, zone, start, end)
    found = [
        tuple(sorted(on_call.user for on_call in shift.on_call))
        for shift in each.shifts(start, end)
        for _ in range(shift.start, shift.end, MINUTE)
    ]

    assert found == expected
    for minute in (0, 599, 1799):
        assert tuple(sorted(who(each, start + minute * MINUTE))) == expected[minute]
    if not overrides and any(windows is None for _, _, _, windows, _ in layers):
        assert all(found)
