"""A backtest begins as the recording server did."""

import pytest
from tests.alertmanager.loop import load, one_route

import obsflow
from obsflow.alertmanager import parse_compat
from obsflow.flow.backtest import run_backtest
from obsflow.flow.config import CaptureInfo, RecordedServer
from obsflow.flow.scenario import Scenario
from obsflow.model.durations import MINUTE_MS
from obsflow.model.floats import is_stale
from obsflow.rules import load_rules
from obsflow.tsdb.memory import TSDB

RULES = """
groups:
- name: g
  interval: 1m
  rules:
  - {alert: Long, expr: up == 0, for: 30m}
  - {alert: Short, expr: up == 0}
  - {record: seen, expr: 'count(ALERTS)'}
"""
STARTED = 100 * MINUTE_MS
END = 129 * MINUTE_MS


def recording(*earlier):
    """`up` is 0 all the time, and rules are evaluated at every minute.

    `earlier` are times of ALERTS_FOR_STATE samples of an alert active since minute 80.
    """
    store = TSDB()
    for time in range(0, END, MINUTE_MS):
        store.append({"__name__": "up"}, time, 0.0)
        store.append({"__name__": "seen"}, time, 0.0)
    for time in earlier:
        store.append({"__name__": "ALERTS_FOR_STATE", "alertname": "Long"}, time, 80 * 60.0)
    return store


def scenario(store, *, started=STARTED, router_started=None, compat="obsflow"):
    info = CaptureInfo(RecordedServer(started=started), RecordedServer(started=router_started), compat)
    routes = load(one_route("0s", "5m", "4h"), parse_compat(compat)) if router_started is not None else None
    return Scenario(store, (load_rules(RULES, "f"),), STARTED, END, alertmanager=routes, info=info)


def active_since(result):
    return {
        each.labels.get("alertname"): each.active_at / MINUTE_MS
        for each in result.transitions
        if each.to_state.value == "firing"
    }


def written(result, name):
    engine = obsflow.Engine(result.written)
    return [m for m in range(100, 130) if not all(is_stale(v) for _, v in engine.query(name, m * MINUTE_MS).vector())]


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ((), None),  # fires after the end
        ((90 * MINUTE_MS,), 80 + 11),  # pending for 10m when the server went away, which 11m later had evaluated twice
        ((30 * MINUTE_MS,), None),  # too long ago
        ((101 * MINUTE_MS,), None),  # written by the run that is played again
    ],
)
def test_the_for_state_of_an_earlier_run_is_restored(earlier, expected):
    """Where it is known when the server started: the time that it was away does not count."""
    assert active_since(run_backtest(scenario(recording(*earlier)))).get("Long") == expected


def test_nothing_is_restored_where_it_is_not_known_that_the_server_started():
    """A replay of the middle of a run has nothing to go on from."""
    assert "Long" not in active_since(run_backtest(scenario(recording(90 * MINUTE_MS), started=None)))


def test_a_server_that_started_writes_no_alerts_before_it_restored_them():
    """They are in its data from the third evaluation on, and rules that read them see them no earlier."""
    result = run_backtest(scenario(recording()))

    assert written(result, "ALERTS")[0] == 102
    assert written(result, "seen")[0] == 102


@pytest.mark.parametrize(
    ("compat", "router_started", "expected"),
    [
        ("obsflow", STARTED + 90_000, 100),
        ("alertmanager-0.25", STARTED - 1_000, 102),  # sent again after the resend delay
        ("alertmanager-0.25", STARTED + 90_000, 102),
        ("alertmanager-0.25", STARTED + 150_000, 104),
    ],
)
def test_alerts_of_before_the_router_is_there_are_lost(compat, router_started, expected):
    """A sender first has to discover its router, which has to run; it sends again when the resend delay is over."""
    result = run_backtest(scenario(recording(), router_started=router_started, compat=compat))

    assert result.notifications[0][0].time // MINUTE_MS == expected


@pytest.mark.parametrize(
    ("compat", "expected"), [("obsflow", 101 * MINUTE_MS), ("alertmanager-0.25", STARTED + 60_001)]
)
def test_an_alert_that_is_sent_when_it_is_as_old_as_the_group_wait(compat, expected):
    """It is older when Alertmanager has it, and flushes the group at once."""
    store = TSDB()
    for minute, a, b in ((99, 1, 1), (100, 0, 1), (101, 1, 0), (102, 1, 0), (103, 1, 0)):
        for name, value in (("a", a), ("b", b)):
            store.append({"__name__": "up", "i": name}, minute * MINUTE_MS, float(value))
        store.append({"__name__": "seen"}, minute * MINUTE_MS, 0.0)
    info = CaptureInfo(RecordedServer(started=STARTED - 1), RecordedServer(started=STARTED - 1), compat)
    rules = (load_rules(RULES.replace("- {alert: Long, expr: up == 0, for: 30m}", ""), "f"),)
    routes = load(one_route("1m", "5m", "4h"), parse_compat(compat))

    result = run_backtest(Scenario(store, rules, STARTED, 103 * MINUTE_MS, alertmanager=routes, info=info))

    assert result.notifications[0][0].time == expected


INHIBITED = """
route: {receiver: hook, group_by: [alertname], group_wait: 0s}
inhibit_rules: [{source_matchers: [alertname=Cause], target_matchers: [alertname=Effect]}]
receivers: [{name: hook, webhook_configs: [{url: x}]}]
"""


@pytest.mark.parametrize(("compat", "expected"), [("obsflow", ["Cause"]), ("alertmanager-0.25", ["Effect", "Cause"])])
def test_the_alerts_of_one_rule_arrive_before_those_of_the_next(compat, expected):
    """What is told at once is told before a later rule's alert could have muted it; here both are heard of together."""
    text = "groups: [{name: g, rules: [{alert: Effect, expr: up == 0}, {alert: Cause, expr: up == 0}]}]"
    info = CaptureInfo(RecordedServer(), RecordedServer(started=STARTED - 1), compat)
    routes = load(INHIBITED, parse_compat(compat))
    backtest = Scenario(recording(), (load_rules(text, "f"),), STARTED, END, alertmanager=routes, info=info)

    told = [notification.group_labels.get("alertname") for notification, _ in run_backtest(backtest).notifications]

    assert told == expected


def test_many_alerts_arrive_in_batches():
    """A group that is flushed at once tells of the first 64, and of the others when its interval is over."""
    store = TSDB()
    for number in range(100):
        for time in range(STARTED, END, MINUTE_MS):
            store.append({"__name__": "up", "i": str(number)}, time, 0.0)
    text = "groups: [{name: g, rules: [{alert: Down, expr: up == 0}]}]"
    info = CaptureInfo(RecordedServer(), RecordedServer(started=STARTED - 1), "alertmanager-0.25")
    routes = load(one_route("0s", "5m", "4h"), parse_compat("alertmanager-0.25"))
    backtest = Scenario(store, (load_rules(text, "f"),), STARTED, END, alertmanager=routes, info=info)

    assert [len(notification.alerts) for notification, _ in run_backtest(backtest).notifications] == [64, 100]
