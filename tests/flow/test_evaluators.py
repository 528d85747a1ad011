"""Evaluating rules over their history at once gives what ticking gives, effect for effect."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.flow.dependencies import ScheduledGroup
from obsflow.flow.evaluators import BatchEvaluator, InstantEvaluator
from obsflow.flow.loop import Flow
from obsflow.flow.replay import UnionStore
from obsflow.query.engine import Engine
from obsflow.rules import EvaluationFailed, GroupMachine, SendAlerts, WriteSamples, load_rules
from obsflow.tsdb.memory import TSDB

END = 600_000


class Tap:
    """A group machine whose effects are also written down."""

    def __init__(self, machine, log):
        self.machine, self.log = machine, log
        self.receive, self.next_timer = machine.receive, machine.next_timer

    def poll(self, now):
        effects = self.machine.poll(now)
        self.log.extend((now, repr(effect)) for effect in effects)  # NaN equals itself in text
        return effects


def fill(store, seed):
    chance = np.random.default_rng(seed)
    for instance in "abc":
        total = 0.0
        for t in range(1_000, END, 15_000):
            total = 0.0 if chance.random() < 0.05 else total + float(chance.integers(0, 9))
            if chance.random() < 0.9:
                store.append({"__name__": "req_total", "i": instance}, t, total)
            if chance.random() < 0.8:
                store.append({"__name__": "up", "i": instance}, t, float(chance.random() < 0.7))


def schedule(text):
    groups = load_rules(text, "rules.yml").groups
    for number, group in enumerate(groups):
        interval = group.interval_ms or 30_000
        offset = group.query_offset_ms or 0
        yield ScheduledGroup(group, interval, offset, np.arange(20_000 + 500 * (number % 2), END, interval))


def play(text, seed, *, batch):
    recorded = TSDB()
    fill(recorded, seed)
    written = TSDB(symbols=recorded.symbols)
    groups = list(schedule(text))
    if batch:
        evaluator = BatchEvaluator(groups, recorded, written, default_step_ms=60_000)
    else:
        evaluator = InstantEvaluator(Engine(UnionStore(recorded, written), default_step_ms=60_000))
    log = []
    machines = [
        Tap(
            GroupMachine(
                each.group, evaluator, interval_ms=each.interval_ms, offset_ms=each.offset_ms, start=int(each.times[0])
            ),
            log,
        )
        for each in groups
    ]
    list(Flow(machines, None, written).run(END))
    return log, evaluator


RULES = {
    "chain": ["{record: 'i:req:rate', expr: 'rate(req_total[1m])'}", "{record: s, expr: 'sum(i:req:rate)'}"],
    "alert": ["{alert: Down, expr: 'up == 0', for: 45s, keep_firing_for: 30s, annotations: {v: '{{ $value }}'}}"],
    "reads itself": ["{record: n, expr: 'count(up) + (n offset 10s or vector(0))'}"],
    "reads a later rule": ["{record: early, expr: 'late * 2'}", "{record: late, expr: 'sum(up)'}"],
    "reads alerts": ["{record: firing, expr: 'count(ALERTS{alertstate=\"firing\"})'}"],
    "fails at times": ["{record: f, expr: 'up * on() group_left() (up > 0)'}"],
    "collides": ["{record: c, expr: 'up', labels: {i: x}}"],
    "writes what another writes": [
        "{record: w, expr: 'up == 0'}",
        "{record: w, expr: 'up'}",
        "{record: w, expr: 'count(up)', labels: {i: 'all'}}",
        "{record: reads, expr: 'sum by (i) (w)'}",
    ],
    "asks in a template": [
        "{alert: Q, expr: 'up == 0', annotations: {n: '{{ query \"count(up)\" | first | value }}'}}"
    ],
    "any name": ["{record: all, expr: 'count({__name__=~\".+\"})'}"],
}


def render(names, extra=""):
    groups = []
    for number, name in enumerate(names):
        rules = "".join(f"\n  - {rule}" for rule in RULES[name])
        groups.append(f"- name: g{number}\n  {extra}\n  rules:{rules}")
    return "groups:\n" + "\n".join(groups)


@pytest.mark.parametrize("name", RULES)
def test_each_kind_of_rule(name):
    """Whatever a rule reads, its effects are those of ticking."""
    text = render([name, "alert"])

    assert play(text, 1, batch=True)[0] == play(text, 1, batch=False)[0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(list(RULES)), min_size=1, max_size=4, unique=True),
    st.integers(0, 99),
    st.sampled_from(["", "limit: 2", "query_offset: 40s"]),
)
def test_batch_equals_ticking(names, seed, extra):
    """Groups of any mixture, some at the same instants, give the same effects in the same order either way."""
    text = render(names, extra)

    assert play(text, seed, batch=True)[0] == play(text, seed, batch=False)[0]


def test_it_says_which_rules_are_ticked():
    """A rule that reads itself, a later rule, ALERTS or a series of two rules is evaluated tick by tick."""
    names = ["chain", "alert", "reads itself", "reads a later rule", "reads alerts", "writes what another writes"]
    _, evaluator = play(render(names), 1, batch=True)

    assert [rule.name for rule in evaluator.ticked] == ["n", "early", "firing", "reads"]


def test_the_kinds_of_effects_occur():
    """The comparison above compares something: samples, alerts and failures all occur."""
    log, _ = play(render(["alert", "fails at times"]), 1, batch=True)

    for kind in (WriteSamples, SendAlerts, EvaluationFailed):
        assert any(text.startswith(kind.__name__) for _, text in log)
