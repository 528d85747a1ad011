"""A group that is no longer configured, and one whose times change."""

import json

import pytest

from obsflow.errors import StateError
from obsflow.model.floats import STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from obsflow.rules import (
    GroupReloaded,
    GroupRemoved,
    RuleGroup,
    SendAlerts,
    Transition,
    WriteSamples,
)
from tests.rules.driver import MINUTE, Script, alerting, machine, of_kind, recording, run

A = Labels(__name__="up", instance="a")


def up(_name, _time):
    return [(A, 1.0)]


def ended(effects):
    """(when, time of the sample, name) of each stale marker."""
    return [
        (now, effect.time, labels.name)
        for now, effect in effects
        if isinstance(effect, WriteSamples)
        for labels, value in effect.samples
        if float_bits(value) == STALE_NAN_BITS
    ]


def test_a_removed_group_ends_its_series_two_intervals_later():
    """At the time of the removal less the query offset; nothing is evaluated, resolved or sent any more."""
    script = Script(up)
    group = machine([recording("r"), alerting("A")], script, query_offset_ms=10_000)
    run(group, MINUTE)
    group.receive(GroupRemoved(), MINUTE + 500)
    assert group.next_timer() == 3 * MINUTE + 500
    assert group.poll(3 * MINUTE) == []
    effects = run(group, 60 * MINUTE)

    at, time = 3 * MINUTE + 500, MINUTE + 500 - 10_000
    assert ended(effects) == [(at, time, "r"), (at, time, "ALERTS"), (at, time, "ALERTS_FOR_STATE")]
    assert [effect for _, effect in effects if isinstance(effect, (SendAlerts, Transition))] == []
    assert len(script.asked) == 4
    assert group.next_timer() is None


def test_a_group_that_wrote_nothing_is_gone_at_once():
    """There is nothing to end: the query failed, found nothing, or was never asked."""
    for answer in (lambda _name, _time: None, lambda _name, _time: []):
        group = machine([recording("r")], answer)
        run(group, MINUTE)
        group.receive(GroupRemoved(), MINUTE)
        assert group.next_timer() is None

    group = machine([recording("r")], up)
    group.receive(GroupRemoved(), 0)
    assert group.next_timer() is None


def test_a_removal_within_a_tick_is_at_once():
    """The rules that were to follow are not evaluated, and series of rules that an earlier reload removed end too."""
    script = Script(up)
    group = machine([recording("r1"), recording("r2")], script)
    run(group, 0)
    group.receive(GroupReloaded(RuleGroup("g", rules=(recording("r1"), recording("r3")))), 1)
    group.poll(MINUTE)
    group.receive(GroupRemoved(), MINUTE)

    assert sorted(ended(run(group, 9 * MINUTE))) == [(3 * MINUTE, MINUTE, "r1"), (3 * MINUTE, MINUTE, "r2")]
    assert script.asked == [("r1", 0), ("r2", 0), ("r1", MINUTE)]


@pytest.mark.parametrize("event", [GroupRemoved(), GroupReloaded(RuleGroup("g"))])
def test_a_removed_group_takes_nothing_in(event):
    """Who comes too late hears of it."""
    group = machine([recording("r")], up)
    group.receive(GroupRemoved(), 0)
    with pytest.raises(StateError, match="removed"):
        group.receive(event, 1)


def test_a_removed_group_survives_a_snapshot():
    """The markers are written by the machine that goes on with it."""
    group = machine([recording("r")], up, records_health=True)
    run(group, 0)
    group.receive(GroupRemoved(), 5)
    saved = json.loads(json.dumps(group.snapshot()))
    other = machine([recording("r")], up, records_health=True)
    other.restore(saved)

    assert other.snapshot() == saved
    effects = run(group, 9 * MINUTE)
    assert repr(effects) == repr(run(other, 9 * MINUTE))
    assert [name for _, _, name in ended(effects)] == ["r", "obsflow_rule_last_evaluation_successful"]


@pytest.mark.parametrize(
    ("interval_ms", "offset_ms", "at", "ticks"),
    [
        (None, None, 60_500, [120_000, 180_000]),
        (60_000, 0, 60_500, [120_000, 180_000]),
        (30_000, 0, 60_500, [90_000, 120_000]),
        (30_000, 5_000, 60_500, [65_000, 95_000]),
        (30_000, 5_000, 65_000, [95_000, 125_000]),
        (300_000, 1_000, 60_500, [301_000, 601_000]),
        (30_000, 5_000, 40_000, [65_000, 95_000]),  # told of a time before the last tick
    ],
)
def test_a_new_interval_begins_at_its_next_slot(interval_ms, offset_ms, at, ticks):
    """After the reload, and after the last tick; the same interval and offset change nothing."""
    script = Script(up)
    group = machine([alerting("A", for_ms=MINUTE)], script)
    run(group, 60_000)
    group.receive(GroupReloaded(RuleGroup("g", rules=(alerting("A", for_ms=MINUTE),)), interval_ms, offset_ms), at)
    effects = run(group, ticks[-1])

    assert [time for _, time in script.asked[2:]] == ticks
    assert of_kind(effects, Transition) == []


def test_how_long_an_alert_is_valid_follows_the_interval():
    """Four times the new interval, from the first evaluation on."""
    rule = alerting("A")
    group = machine([rule], up)
    run(group, 0)
    group.receive(GroupReloaded(RuleGroup("g", rules=(rule,)), 5 * MINUTE, 0), 1)
    (sent,) = of_kind(run(group, 5 * MINUTE), SendAlerts)

    assert sent.alerts[0].ends_at == 25 * MINUTE
