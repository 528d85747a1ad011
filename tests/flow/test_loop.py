"""What the loop carries out itself."""

import math

import pytest

from obsflow.errors import StateError
from obsflow.flow.evaluators import InstantEvaluator
from obsflow.flow.loop import Flow, SampleRejected
from obsflow.flow.restoring import RestoringGroup, read_for_state
from obsflow.model.labels import Labels
from obsflow.query.engine import Engine
from obsflow.rules import GroupMachine, ReadForState, RestorePolicy, group_offset, load_rules
from obsflow.tsdb.memory import TSDB

RULES = """
groups:
- name: g
  interval: 10s
  rules:
  - {record: both, expr: 'min(a >= 0)'}
  - {record: both, expr: 'max(b)'}
"""


def test_the_first_rule_to_write_a_series_at_an_instant_wins():
    """What a second rule writes there is lost and told; a stale marker is lost without a word, and can win too."""
    store = TSDB()
    for time, a, b in ((0, 1.0, 2.0), (10_000, -1.0, 3.0), (20_000, -1.0, 4.0), (30_000, 5.0, 5.0)):
        store.append({"__name__": "a"}, time, a)
        store.append({"__name__": "b"}, time, b)
    (group,) = load_rules(RULES, "f").groups
    evaluator = InstantEvaluator(Engine(store, default_step_ms=10_000))
    machine = GroupMachine(group, evaluator, interval_ms=10_000, offset_ms=0, start=0)

    effects = [effect for _, effect in Flow([machine], None, store).run(30_000)]

    both = Labels(__name__="both")
    assert [(each.time, each.labels, each.value) for each in effects if isinstance(each, SampleRejected)] == [
        (0, both, 2.0),
        (10_000, both, 3.0),
    ]
    answers = [Engine(store, default_step_ms=10_000).query("both", time).vector() for time in (0, 10_000, 20_000)]
    assert answers == [[(both, 1.0)], [], [(both, 4.0)]]


def store_of_up():
    """`up` is 0 every 10 s for 10 minutes."""
    store = TSDB()
    for time in range(0, 600_000, 10_000):
        store.append({"__name__": "up", "i": "a"}, time, 0.0)
    return store


def flow_over(store, text):
    return Flow.over(store, [load_rules(text, "f")], None, start=0, evaluation_interval_ms=10_000)


def play(flow, until):
    return [(effect.time, effect.rule, effect.to_state.value) for _, effect in flow.run(until)]


def recorded(store, name, end):
    """When a series was written, with `†` when it ended."""
    times = []
    for time in range(0, end, 500):
        for _, at, value in read_for_state(store, ReadForState(0, "g", 0, Labels(__name__=name), 0, time)).samples:
            entry = f"{at}†" if math.isnan(value) else at
            if entry not in times[-1:]:
                times.append(entry)
    return times


PAGE = """
groups:
- name: alerts
  rules: [{alert: Down, expr: up == 0, for: 1m}]
- name: records
  rules: [{record: r1, expr: up}, {record: r2, expr: up}]
"""


def ticks(name, interval_ms, first, last):
    offset = group_offset("f", name, interval_ms)
    return [at + offset for at in range(0, last, interval_ms) if first <= at + offset <= last]


def test_a_reload_leaves_equal_groups_alone():
    """Other positions, comments and spaces are no change: the alert goes on waiting, ticks go on."""
    store = store_of_up()
    flow = flow_over(store, PAGE)
    effects = play(flow, 30_000)
    flow.reload_rules([load_rules("# again\n" + PAGE.replace("up == 0", "up  ==  0"), "f")], 30_000)
    effects += play(flow, 100_000)

    (pending, firing) = ticks("alerts", 10_000, 0, 100_000)[0], ticks("alerts", 10_000, 60_000, 100_000)[0]
    assert effects == [(pending, "Down", "pending"), (firing, "Down", "firing")]
    assert recorded(store, "r1", 100_000) == ticks("records", 10_000, 0, 99_500)


def test_a_reload_changes_adds_and_removes_groups():
    """Changed: state stays and a new interval counts; added: from its next slot; removed: ends two intervals later."""
    store = store_of_up()
    flow = flow_over(store, PAGE)
    effects = play(flow, 30_000)
    text = PAGE.replace("for: 1m}]", "for: 2m}]\n  interval: 20s").replace("records", "other").replace("r2", "r3")
    flow.reload_rules([load_rules(text, "f")], 30_000)
    effects += play(flow, 200_000)

    pending = ticks("alerts", 10_000, 0, 100_000)[0]
    assert effects == [
        (pending, "Down", "pending"),
        (next(at for at in ticks("alerts", 20_000, 30_001, 200_000) if at >= pending + 120_000), "Down", "firing"),
    ]
    before, after = ticks("records", 10_000, 0, 30_000), ticks("other", 10_000, 30_001, 199_500)
    assert recorded(store, "r3", 200_000) == after
    assert recorded(store, "r2", 200_000) == [*before, "30000†"]
    assert recorded(store, "r1", 200_000) == [*before, *after]  # goes on under the other name


def test_a_group_that_comes_back_is_another():
    """Its alert begins anew, and the series that it goes on with do not end."""
    store = store_of_up()
    flow = flow_over(store, PAGE)
    effects = play(flow, 30_000)
    flow.reload_rules([], 30_000)
    flow.reload_rules([load_rules(PAGE, "f")], 32_000)
    effects += play(flow, 100_000)

    first, again = ticks("alerts", 10_000, 0, 100_000)[0], ticks("alerts", 10_000, 32_001, 100_000)[0]
    assert effects == [(first, "Down", "pending"), (again, "Down", "pending"), (again + 60_000, "Down", "firing")]
    assert recorded(store, "r1", 100_000) == [
        *ticks("records", 10_000, 0, 30_000),
        *ticks("records", 10_000, 32_001, 99_500),
    ]
    flow.reload_rules([], 100_000)
    assert play(flow, 10_000_000) == []
    assert flow.next_timer() is None


def test_a_rule_that_moves_to_another_group_goes_on():
    """Its series goes on where the old group is gone; where that stays, it ends for a tick, as in Prometheus."""
    moved = """
groups:
- name: alerts
  rules: [{alert: Down, expr: up == 0, for: 1m}, {record: r2, expr: up}]
"""
    store = store_of_up()
    flow = flow_over(store, PAGE)
    play(flow, 30_000)
    flow.reload_rules([load_rules(moved, "f")], 30_000)
    play(flow, 60_000)
    flow.reload_rules([load_rules(PAGE, "f")], 60_000)
    play(flow, 100_000)

    def with_moves(*groups):
        return [at for name, first, last in groups for at in ticks(name, 10_000, first, last)]

    first, *others = with_moves(("records", 60_001, 99_500))
    marker = ticks("alerts", 10_000, 60_001, 80_000)[0]
    assert first < marker
    assert recorded(store, "r2", 100_000) == [
        *with_moves(("records", 0, 30_000), ("alerts", 30_001, 60_000)),
        first,
        f"{marker}†",
        *others,
    ]
    assert recorded(store, "r1", 100_000) == [
        *with_moves(("records", 0, 30_000)),
        "30000†",
        *with_moves(("records", 60_001, 99_500)),
    ]


def test_a_loop_of_given_machines_cannot_reload():
    """It does not know how they were made."""
    with pytest.raises(StateError, match="how to make a rule group"):
        Flow([], None, TSDB()).reload_rules([], 0)


def restarted(policy):
    """What a second run does whose first one ended with the alert firing, by what it wrote."""
    text = "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 1m, keep_firing_for: 5m}]}]"
    store = store_of_up()
    (group,) = load_rules(text, "f").groups
    evaluator = InstantEvaluator(Engine(store, default_step_ms=10_000))
    make = {"evaluator": evaluator, "interval_ms": 10_000, "offset_ms": 0}
    list(Flow([GroupMachine(group, start=0, **make)], None, store).run(590_000))
    machine = GroupMachine(group, start=700_000, restore=policy, **make)
    flow = Flow([RestoringGroup(machine, store, 600_000)], None, store)
    return [(now, effect.from_state.value, effect.to_state.value) for now, effect in flow.run(2_000_000)]


def test_a_restart_reads_from_the_store_what_fired():
    """The condition is seen for 5 more minutes, as `up` is; by default the alert is new and waits for `for`."""
    by_default = [(700_000, "inactive", "pending"), (760_000, "pending", "firing")]
    going_on = [(700_000, "inactive", "pending"), (710_000, "pending", "firing")]
    end = [(890_000, "firing", "kept"), (1_190_000, "kept", "resolved")]

    assert restarted(RestorePolicy()) == [*by_default, *end]
    assert restarted(RestorePolicy(restores_firing=True)) == [*going_on, *end]


RESTARTED = """
groups:
- name: g
  interval: 1m
  rules:
  - {alert: Down, expr: up == 0, for: 5m, keep_firing_for: 10m}
"""


def states_after_a_restart(up_after, **options):
    """States of the alert, by minute: it fired for a while when the server went away from minute 20 to 25."""
    store = TSDB()
    for minute in range(60):
        store.append({"__name__": "up"}, minute * 60_000, 0.0 if minute < 25 else up_after)
    rules = [load_rules(RESTARTED, "f")]
    list(Flow.over(store, rules, None, start=0).run(20 * 60_000))
    again = Flow.over(store, rules, None, start=25 * 60_000, **options)
    return {now // 60_000: effect.to_state.value for now, effect in again.run(45 * 60_000)}


@pytest.mark.parametrize(
    ("up_after", "options", "states"),
    [
        (0.0, {}, {25: "pending", 30: "firing"}),
        (0.0, {"restore": RestorePolicy()}, {25: "pending", 30: "firing"}),  # `for` is below the grace period
        (0.0, {"restore": RestorePolicy(restores_firing=True)}, {25: "pending", 26: "firing"}),
        (1.0, {"restore": RestorePolicy()}, {}),
        (1.0, {"restore": RestorePolicy(restores_firing=True)}, {26: "kept", 29: "resolved"}),  # last seen in minute 19
    ],
)
def test_a_restart(up_after, options, states):
    """As Prometheus does it, or with what fired and what was kept firing going on."""
    assert {k: v for k, v in states_after_a_restart(up_after, **options).items() if v != "inactive"} == states


def test_health_is_written_where_it_is_asked_for():
    """One series a rule, which an alert can be made of."""
    store = TSDB()
    store.append({"__name__": "up"}, 0, 1.0)
    list(Flow.over(store, [load_rules(RESTARTED, "f")], None, start=0, records_health=True).run(120_000))

    (found,) = Engine(store).query("obsflow_rule_last_evaluation_successful", 120_000).vector()
    assert (found[0]["rule"], found[1]) == ("Down", 1.0)
