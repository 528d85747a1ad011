"""A group as a machine: its ticks, the order of its rules, reloads, restarts."""

import json

import pytest

from obsflow.errors import StateError
from obsflow.model.floats import STALE_NAN, STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from obsflow.rules import (
    ForStateRead,
    GroupMachine,
    GroupReloaded,
    ReadForState,
    RestorePolicy,
    RuleGroup,
    SendAlerts,
    Transition,
    WriteSamples,
    group_offset,
)
from obsflow.rules.restoring import restore_active_at
from tests.rules.driver import MINUTE, Script, alerting, machine, of_kind, recording, run

A = Labels(__name__="up", instance="a")


def up(_name, _time):
    return [(A, 1.0)]


def test_rules_run_one_poll_each_in_order():
    """The timer stays at the tick until the last rule has run, so that each sees what the ones before wrote."""
    script = Script(up)
    group = machine([recording("r1"), alerting("A1"), recording("r2")], script)
    polls = []
    while group.next_timer() == 0:
        polls.append([type(effect) for effect in group.poll(0)])

    assert script.asked == [("r1", 0), ("A1", 0), ("r2", 0)]
    assert polls == [[WriteSamples], [Transition, SendAlerts, WriteSamples], [WriteSamples]]
    assert group.next_timer() == MINUTE


@pytest.mark.parametrize(
    ("start", "offset", "first"), [(0, 0, 0), (1, 0, 60_000), (0, 7_000, 7_000), (7_001, 7_000, 67_000), (-5, 0, 0)]
)
def test_the_first_tick_is_the_first_slot(start, offset, first):
    """Ticks are where time modulo interval is the offset, from the start on."""
    group = GroupMachine(
        RuleGroup("g", rules=(recording(),)), Script(up), interval_ms=MINUTE, offset_ms=offset, start=start
    )

    assert group.next_timer() == first
    assert group.poll(first - 1) == []


def test_missed_ticks_are_skipped():
    """Who comes late gets the latest tick, and the next one after it."""
    script = Script(up)
    group = machine([recording("r1"), recording("r2")], script)
    group.poll(5 * MINUTE + 1)
    group.poll(20 * MINUTE)

    assert script.asked == [("r1", 5 * MINUTE), ("r2", 5 * MINUTE)]
    assert group.next_timer() == 6 * MINUTE


def test_the_query_offset():
    """Queries and samples are of the time before; the group's own offset comes before the server's."""
    script = Script(up)
    group = machine([recording("r")], script, query_offset_ms=10_000, start=MINUTE)
    by_default = machine([recording("r")], script, start=MINUTE)
    by_server = GroupMachine(by_default.group, script, interval_ms=MINUTE, offset_ms=0, start=MINUTE, query_offset_ms=1)

    times = [of_kind(run(each, MINUTE), WriteSamples)[0].time for each in (group, by_default, by_server)]
    assert times == [50_000, 60_000, 59_999]
    assert [time for _, time in script.asked] == times


def test_labels_of_the_group():
    """They are beneath those of the rules."""
    group = RuleGroup(
        "g", labels={"team": "ops", "tier": "1"}, rules=(recording("r", labels={"tier": "2"}), alerting("A"))
    )

    assert [dict(rule.labels) for rule in group.rules] == [{"team": "ops", "tier": "2"}, {"team": "ops", "tier": "1"}]
    assert sorted(group.rules[1].label_templates) == ["team", "tier"]


def test_a_group_without_rules_has_no_timer():
    """There is nothing to wake up for."""
    group = machine([], up)

    assert group.next_timer() is None
    assert group.poll(MINUTE) == []


def test_a_reload_keeps_what_equal_rules_remember():
    """Same name and labels: the alert goes on firing. A rule that is gone ends its series at the next tick."""
    group = machine([alerting("A"), recording("old")], up)
    run(group, 0)
    group.receive(GroupReloaded(RuleGroup("g", rules=(recording("new"), alerting("A", expr="up < 1")))), 1)
    effects = run(group, MINUTE)

    assert of_kind(effects, Transition) == []
    ended = [
        labels.name
        for e in of_kind(effects, WriteSamples)
        for labels, v in e.samples
        if float_bits(v) == STALE_NAN_BITS
    ]
    assert ended == ["old"]


def test_a_reload_within_a_tick_waits_for_its_end():
    """All rules of a tick are of one configuration."""
    script = Script(up)
    group = machine([recording("r1"), recording("r2")], script)
    group.poll(0)
    group.receive(GroupReloaded(RuleGroup("g", rules=(recording("r3"),))), 0)
    run(group, MINUTE)

    assert [name for name, _ in script.asked] == ["r1", "r2", "r3"]


def test_a_snapshot_is_plain_and_complete():
    """Through JSON and into another machine, also in the middle of a tick: the same effects follow."""
    answer = lambda _name, time: [(A, 1.0)] if time // MINUTE % 3 else []  # noqa: E731
    rules = [recording("r"), alerting("A", annotations={"v": "{{ $value }}"}, keep_firing_for_ms=MINUTE)]
    one, other = machine(rules, answer), machine(rules, answer)
    run(one, 4 * MINUTE)
    one.poll(5 * MINUTE)
    saved = json.loads(json.dumps(one.snapshot()))
    other.restore(saved)

    assert other.snapshot() == one.snapshot()
    assert repr(run(one, 40 * MINUTE)) == repr(run(other, 40 * MINUTE))


def test_a_snapshot_of_another_group_is_refused():
    """The number of rules must fit; the state stays."""
    with pytest.raises(StateError, match="2 rules"):
        machine([recording()], up).restore(machine([recording("a"), recording("b")], up).snapshot())


def test_the_same_events_give_the_same_effects():
    """A run is a function of its inputs."""
    answer = lambda name, time: [(A, 1.0)] if (time // MINUTE + len(name)) % 4 else []  # noqa: E731
    rules = [recording("r"), alerting("A", for_ms=MINUTE), alerting("Bee", keep_firing_for_ms=2 * MINUTE)]

    assert repr(run(machine(rules, answer), 60 * MINUTE)) == repr(run(machine(rules, answer), 60 * MINUTE))


@pytest.mark.parametrize(
    ("down_at", "active_at", "restored"),
    [
        (100, 60, 60),  # was firing
        (100, 70, 70),  # for was just over
        (100, 75, 1000 + 10 - 30),  # 5 left, less than the grace period: fires after it
        (100, 95, 95 + 900),  # 25 left: the 900 away do not count
    ],
)
def test_where_a_for_goes_on_after_a_restart(down_at, active_at, restored):
    """At 1000 with a `for` of 30 and a grace period of 10."""
    assert restore_active_at(1000, 30, down_at, active_at, 10) == restored


def test_for_state_is_restored_after_the_second_tick():
    """Until the answer is there nothing is written; then the alert goes on where it was."""
    rules = [alerting("Long", for_ms=60 * MINUTE, labels={"s": "x", "t": "{{ $value }}"}), alerting("Short")]
    group = machine(rules, up, start=100 * MINUTE, restore=RestorePolicy())
    effects = run(group, 101 * MINUTE)
    (read,) = of_kind(effects, ReadForState)
    assert read.labels == Labels(__name__="ALERTS_FOR_STATE", alertname="Long", s="x")
    assert (read.start, read.end) == (41 * MINUTE, 101 * MINUTE)
    assert of_kind(effects, WriteSamples) == []

    series = Labels(read.labels, instance="a", t="1")
    group.receive(ForStateRead(read.index, ((series, 90 * MINUTE, 50.0 * 60),)), 101 * MINUTE)
    effects = run(group, 131 * MINUTE)

    fired = [e.time // MINUTE for e in of_kind(effects, Transition) if e.rule == "Long"]
    assert fired == [121]  # pending for 40 of 60 minutes when it went down, and 20 more
    first = of_kind(effects, WriteSamples)[0]
    assert first.samples[1][1] == 61 * 60


def test_for_state_that_ended_is_not_restored():
    """A stale marker says that the alert was not active; a wait that was not asked for is refused."""
    group = machine([alerting(for_ms=60 * MINUTE)], up, restore=RestorePolicy())
    with pytest.raises(StateError):
        group.receive(ForStateRead(0), 0)
    (read,) = of_kind(run(group, MINUTE), ReadForState)
    series = Labels(read.labels, instance="a")
    group.receive(ForStateRead(0, ((series, 0, float(STALE_NAN)),)), MINUTE)

    assert group.rules[0].alerts[0].active_at == 0
    with pytest.raises(StateError):
        group.receive(ForStateRead(0), MINUTE)


def test_group_offsets_are_those_of_prometheus():
    """Computed with Prometheus 3's own `labels.Labels.Hash` for an interval of a minute."""
    assert [group_offset(source, name, 60_000) for source, name, _ in OFFSETS] == [each[2] for each in OFFSETS]
    assert 0 <= group_offset("f" * 300, "g", 4_000) < 4_000


OFFSETS = [
    ("rules.yml", "g", 17_426),
    ("/etc/prometheus/rules.yml", "application_alerts", 28_238),
    ("", "", 49_739),
    ("long/" * 60, "näme", 50_381),
]
