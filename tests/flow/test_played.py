"""A backtest that follows alerts from change to change is the one that ticks, event for event."""

import collections

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.alertmanager.loop import load

from obsflow import native
from obsflow.alertmanager import PRESETS, Silence, parse_compat, parse_matcher
from obsflow.errors import StateError
from obsflow.flow.backtest import run_backtest
from obsflow.flow.config import CaptureInfo, GlobalConfig, PrometheusConfig, RecordedServer
from obsflow.flow.dependencies import StepReason
from obsflow.flow.played import PlayedGroup
from obsflow.flow.scenario import Scenario
from obsflow.model.durations import MINUTE_MS
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.rules import load_rules
from obsflow.tsdb.memory import TSDB

END = 150 * MINUTE_MS
ROUTES = """
route:
  receiver: team
  group_by: [alertname]
  group_wait: 30s
  group_interval: 2m
  repeat_interval: 20m
  routes:
  - {receiver: pager, matchers: ['i="a"'], group_wait: 0s, continue: true}
  - {receiver: slow, matchers: ['i="b"'], group_by: ['...'], group_wait: 3m}
inhibit_rules:
- {source_matchers: [alertname="Down"], target_matchers: [alertname="Busy"], equal: [i]}
receivers:
- {name: team, webhook_configs: [{url: "http://t"}]}
- {name: pager, webhook_configs: [{url: "http://p"}], slack_configs: [{}]}
- {name: slow, webhook_configs: [{url: "http://s"}]}
"""

ALERTS = {
    "plain": "{alert: Down, expr: up == 0, annotations: {v: '{{ $labels.i }} {{ $value }}'}}",
    "waits": "{alert: Busy, expr: load > 2, for: 3m, annotations: {v: '{{ $value }}', at: '{{ now }}'}}",
    "keeps": "{alert: Kept, expr: load > 3, for: 90s, keep_firing_for: 4m, labels: {team: 'of {{ $labels.i }}'}}",
    "merges": "{alert: Merged, expr: load > 1, labels: {i: x}}",
    "fails at times": "{alert: Fails, expr: 'up * on() group_left() (up > 0)', for: 1m}",
    "always": "{alert: Watchdog, expr: vector(1), annotations: {at: '{{ now }}'}}",
    "reads a record": "{alert: Sum, expr: 'total > 4', for: 1m, annotations: {v: '{{ $value }}'}}",
    "same alert twice": "{alert: Down, expr: load > 2, annotations: {w: '{{ $value }}'}}",
    "never": "{alert: Never, expr: 'nothing > 1'}",
}
OTHERS = {
    "record": "{record: total, expr: sum(load)}",
    "record that fails": "{record: f, expr: load, labels: {i: x}}",
    "labels of values": "{alert: Volatile, expr: load > 2, labels: {v: '{{ $value }}'}, for: 1m}",
    "asks": "{alert: Asks, expr: up == 0, annotations: {n: '{{ query \"total\" | first | value }}'}}",
    "reads alerts": "{record: firing, expr: 'count by (alertname) (ALERTS{alertstate=\"firing\"})'}",
    "contested": "{record: total, expr: 'count(load)'}",
}


def fill(seed, every=30_000):
    """Two metrics of three instances that come and go; `load` wanders."""
    chance = np.random.default_rng(seed)
    store = TSDB()
    for instance in "abc":
        level, up, there = 0.0, 1.0, True
        for time in range(1_000, END, every):
            level = min(6.0, max(0.0, level + float(chance.integers(-1, 2))))
            up = 1.0 - up if chance.random() < 0.06 else up
            there = not there if chance.random() < 0.03 else there
            if there:
                store.append({"__name__": "up", "i": instance, "job": "x"}, time, up)
                store.append({"__name__": "load", "i": instance, "job": "x"}, time, level)
    return store


def rule_text(groups):
    lines = ["groups:"]
    for number, (interval, extra, rules) in enumerate(groups):
        lines += [f"- name: g{number}", f"  interval: {interval}", *([f"  {extra}"] if extra else []), "  rules:"]
        lines += [f"  - {rule}" for rule in rules]
    return "\n".join(lines)


def scenario(groups, seed, *, compat="obsflow", with_routes=True, silences=(), started=None):
    settings_ = PrometheusConfig(GlobalConfig(external_labels={"cluster": "c"}))
    return Scenario(
        fill(seed),
        (load_rules(rule_text(groups), "f.yml"),),
        0,
        END,
        settings_,
        load(ROUTES, parse_compat(compat)) if with_routes else None,
        silences=silences,
        info=CaptureInfo(prometheus=RecordedServer(started=started), compat=compat),
    )


def contents(store):
    """Every sample of a store by series, values as bits."""
    selection = store.select([Matcher("__name__", MatchOp.REGEX, ".+")], -END, END)
    times, values, offsets, _ = native.decode_runs(selection.runs, -END, END)
    bits = values.view(np.uint64)
    found = collections.defaultdict(list)
    for row, labels in enumerate(selection.labels.decode()):
        own = slice(int(offsets[row]), int(offsets[row + 1]))
        found[labels] += zip(times[own].tolist(), bits[own].tolist(), strict=True)
    return dict(found)


def compare(*args, **kwargs):
    return compare_runs(run_backtest(scenario(*args, **kwargs)), run_backtest(scenario(*args, **kwargs), stepwise=True))


def compare_runs(played, ticked):
    for name in ("transitions", "failures", "rejected", "decisions", "grouped", "notifications"):
        one, other = getattr(played, name), getattr(ticked, name)
        assert list(map(repr, one)) == list(map(repr, other)), name  # NaN equals itself in text
    assert played.evaluations == ticked.evaluations
    assert contents(played.written) == contents(ticked.written)
    return played


@pytest.mark.parametrize("compat", PRESETS)
@pytest.mark.parametrize("name", [*ALERTS, *OTHERS])
def test_each_kind_of_rule(name, compat):
    """Whatever a rule does, nothing is different."""
    rule = {**ALERTS, **OTHERS}[name]
    compare([("1m", "", [ALERTS["plain"], OTHERS["record"], rule]), ("2m", "", [ALERTS["waits"]])], 1, compat=compat)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["30s", "1m", "5m"]),
            st.sampled_from(["", "", "", "query_offset: 40s", "limit: 2"]),
            st.lists(st.sampled_from([*ALERTS.values(), *ALERTS.values(), *OTHERS.values()]), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 999),
    st.sampled_from([*PRESETS, "obsflow", "obsflow"]),
    st.booleans(),
)
def test_any_groups(groups, seed, compat, with_routes):
    """Groups of any mixture, with and without a router of any habits."""
    compare(groups, seed, compat=compat, with_routes=with_routes)


@pytest.mark.parametrize("started", [30 * MINUTE_MS, 29 * MINUTE_MS + 1])
@pytest.mark.parametrize("failing", [False, True])
def test_a_server_that_had_just_started(started, failing):
    """Alerts of an earlier run go on where they were, and are not written before."""
    rules = ["{alert: Long, expr: load >= 0, for: 40m}", ALERTS["plain"], ALERTS["always"]]
    rules += [ALERTS["fails at times"]] if failing else []
    base = scenario([("1m", "", rules)], 4, started=started)
    for instance, since in (("a", 10), ("b", 25), ("c", 1)):
        labels = {"__name__": "ALERTS_FOR_STATE", "alertname": "Long", "i": instance, "job": "x"}
        base.database.append(labels, 28 * MINUTE_MS, since * 60.0)
    base = attrs.evolve(base, start=30 * MINUTE_MS)
    compare_runs(run_backtest(base), run_backtest(base, stepwise=True))


def test_silences_and_inhibition():
    """What is muted for a while comes out alike."""
    silence = Silence("s", (parse_matcher('i="c"'),), 20 * MINUTE_MS, 70 * MINUTE_MS)
    result = compare([("1m", "", list(ALERTS.values()))], 5, silences=(silence,))

    causes = {type(cause).__name__ for decision in result.decisions for _, cause in decision.muted}
    assert causes == {"Silenced", "Inhibited"}


def test_the_comparison_compares_something():
    """Every state, a failure and notifications of all kinds occur."""
    result = compare([("1m", "", list(ALERTS.values())), ("1m", "", list(OTHERS.values()))], 3)

    assert {each.to_state.value for each in result.transitions} == {
        "inactive", "pending", "firing", "kept", "resolved"
    }  # fmt: skip
    assert result.failures
    assert {notification.reason.value for notification, _ in result.notifications} >= {
        "first notification",
        "new alerts added",
        "all alerts resolved",
        "repeat interval elapsed",
    }


def test_it_says_which_groups_are_led_from_tick_to_tick():
    """Each with the rule for whose sake, and why."""
    names = ("plain", "waits", "reads a record", "same alert twice", *OTHERS)
    groups = [("1m", "", [{**ALERTS, **OTHERS}[name]]) for name in names]
    groups.append(("1m", "limit: 3", [ALERTS["never"]]))
    told = [(each.rule, each.reason) for each in run_backtest(scenario(groups, 1)).stepped]

    assert told == [
        ("Down", StepReason.CONTESTED),
        ("Busy", StepReason.IS_READ),
        ("Sum", StepReason.READS_RULES),
        ("Down", StepReason.CONTESTED),
        ("total", StepReason.CONTESTED),
        ("Volatile", StepReason.VOLATILE_LABELS),
        ("Asks", StepReason.ASKS_QUERIES),
        ("firing", StepReason.READS_RULES),
        ("total", StepReason.CONTESTED),
        ("Never", StepReason.LIMIT),
    ]


def test_a_played_group_takes_no_events():
    """Its history is known, so nothing can be told it."""
    with pytest.raises(StateError):
        PlayedGroup([]).receive("anything", 0)
