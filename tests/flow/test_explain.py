"""Why an alert was what it was: each answer for the reason that was left."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.alertmanager.loop import load
from tests.flow.test_played import ALERTS, END, MINUTE_MS, ROUTES, scenario

from obsflow.alertmanager import OBSFLOW, Inhibited, Silence, Silenced, parse_matcher
from obsflow.flow.backtest import run_backtest
from obsflow.flow.conditions import Condition, Examiner, Verdict
from obsflow.flow.explain import Outcome, explain
from obsflow.flow.scenario import Scenario
from obsflow.model.labels import Labels
from obsflow.promql import parse
from obsflow.query.engine import Engine
from obsflow.rules import load_rules
from obsflow.tsdb.memory import TSDB

RULES = """
groups:
- name: g
  interval: 1m
  rules:
  - {alert: Busy, expr: load > 2, for: 5m, keep_firing_for: 2m}
  - {alert: Down, expr: up == 0}
  - {alert: Failing, expr: 'load * on () group_left () up > 0'}
  - {alert: Version, expr: 'build == 1', for: 3m}
  - {alert: Nothing, expr: 'sum(nothing) > 1'}
"""


def store():
    """`load` of `a` is high from minute 10 to 30, and `up` of `b` is 0 from 40 on; the build changes at minute 12."""
    data = TSDB()
    for minute in range(60):
        for i in "ab":
            data.append(
                {"__name__": "load", "i": i}, minute * MINUTE_MS, 5.0 if i == "a" and 10 <= minute < 30 else 1.0
            )
            data.append({"__name__": "up", "i": i}, minute * MINUTE_MS, float(i == "a" or minute < 40))
        version = "1" if minute < 12 else "2"
        data.append({"__name__": "build", "version": version}, minute * MINUTE_MS, 1.0)
        if minute == 12:
            data.append({"__name__": "build", "version": "1"}, minute * MINUTE_MS, 0.0)
    return data


def replay(routes=ROUTES, silences=()):
    file = load_rules(RULES, "f.yml")
    base = Scenario(
        store(), (file,), 0, 59 * MINUTE_MS, alertmanager=load(routes, OBSFLOW) if routes else None, silences=silences
    )
    return base, run_backtest(base)


def ask(alert, minute, *matchers, **kwargs):
    base, result = replay(**kwargs)
    (found,) = explain(base, result, alert, int(minute * MINUTE_MS), [parse_matcher(each) for each in matchers])
    return found


@pytest.mark.parametrize(
    ("minute", "states"),
    [(9, []), (11, ["pending"]), (17, ["firing"]), (31, ["kept"]), (40, ["resolved"]), (58, ["resolved"])],
)
def test_the_state_and_since_when(minute, states):
    """The last change of state, whose reason it is."""
    found = ask("Busy", minute)

    assert [alert.state.value for alert in found.alerts] == states
    for alert in found.alerts:
        assert alert.transition.time <= found.asked_at
        assert alert.transition.to_state is alert.state


def test_a_pending_alert_fires_at_a_tick():
    """The first at which `for` is over."""
    (alert,) = ask("Busy", 12).alerts

    assert alert.fires_at == alert.transition.active_at + 5 * MINUTE_MS
    assert alert.tellings == ()


def test_an_evaluation_that_failed():
    """Nothing changed, and why is told."""
    found = ask("Failing", 20)

    assert found.failure is not None
    assert "many-to-" in found.failure.error
    assert found.condition.verdict is Verdict.FAILED


def test_before_the_first_evaluation():
    """There is nothing to say but when it will be."""
    base, result = replay()
    (found,) = explain(base, result, "Busy", -1)

    assert (found.evaluated_at, found.condition) == (None, None)
    assert found.next_at is not None


def test_labels_that_changed():
    """An alert that ended when another of the same rule began was replaced by it."""
    before = next(each for each in ask("Version", 14).alerts if each.labels["version"] == "1")

    assert before.replaced_by == Labels(alertname="Version", version="2")
    assert before.changed_labels == ("version",)


def tellings(minute, **kwargs):
    return {
        (each.receiver, each.integration): each
        for alert in ask("Down", minute, 'i="b"', **kwargs).alerts
        for each in alert.tellings
    }


def test_waiting_for_the_group():
    """Until the group is looked at for the first time."""
    told = tellings(41)

    assert {key: each.outcome for key, each in told.items()} == {("slow", ""): Outcome.WAITING}
    assert told["slow", ""].waits_for == "group_wait, for others to come"
    assert told["slow", ""].next_look_at > 41 * MINUTE_MS


def test_told_and_not_again():
    """Told at the first look; at the next there is nothing new until the repeat interval is over."""
    first, later = tellings(43.9)["slow", "webhook"], tellings(50)["slow", "webhook"]

    assert (first.outcome, first.reason.value) == (Outcome.TOLD, "first notification")
    assert first.told_at == first.looked_at
    assert (later.outcome, later.told_at) == (Outcome.NOTHING_NEW, first.told_at)
    assert later.repeat_due_at == first.told_at + 20 * MINUTE_MS


def test_a_receiver_without_integrations():
    """The alert waits for the group, and then nobody is told of it."""
    routes = "route: {receiver: hole, group_by: [alertname], group_wait: 3m}\nreceivers: [{name: hole}]\n"
    told = [tellings(minute, routes=routes)["hole", ""] for minute in (41, 50)]
    assert [each.outcome for each in told] == [Outcome.WAITING, Outcome.NOBODY]
    assert told[1].next_look_at is None


def test_silenced():
    """By which silence."""
    silence = Silence("s1", (parse_matcher("alertname=Down"),), 0, END)
    told = tellings(50, silences=(silence,))["slow", "webhook"]

    assert told.outcome is Outcome.MUTED
    assert told.muted_by == Silenced(("s1",))


def test_inhibited():
    """By which alert."""
    routes = (
        ROUTES.replace('alertname="Down"', 'alertname="Busy"')
        .replace('target_matchers: [alertname="Busy"]', 'target_matchers: [alertname="Version"]')
        .replace("equal: [i]", "equal: []")
    )
    found = ask("Version", 20, routes=routes)
    told = [each for alert in found.alerts for each in alert.tellings]

    assert {type(each.muted_by) for each in told} == {Inhibited}
    assert {each.muted_by.source["alertname"] for each in told} == {"Busy"}


def test_without_routes():
    """There is nobody to tell, and only the rule is explained."""
    found = ask("Down", 50, routes=None)

    assert not found.has_routes
    assert found.alerts[0].tellings == ()


def test_matchers_choose_alerts():
    """Those that do not pass are left out."""
    assert ask("Down", 50, 'i="a"').alerts == ()


def test_an_unknown_alert_has_no_explanation():
    """No rule, no answer."""
    base, result = replay()

    assert explain(base, result, "Unknown", 0) == ()


def examine(expr, minute=20):
    data = store()
    return Examiner(data, Engine(data)).examine(parse(expr), minute * MINUTE_MS)


@pytest.mark.parametrize(
    ("expr", "verdict", "detail"),
    [
        ("nothing", Verdict.NO_SUCH_METRIC, ""),
        ('load{i="c"}', Verdict.NO_SUCH_SERIES, 'i="c": `i` has a, b'),
        ('load{zone="x"}', Verdict.NO_SUCH_SERIES, 'zone="x": `zone` has no values at all'),
        ('build{version="1"}', Verdict.NO_SAMPLES, ""),
        ("load", Verdict.HOLDS, ""),
        ("load > 7", Verdict.FALSE, ""),
        ("nothing > 7", Verdict.NOTHING, ""),
        ("rate(nothing[5m]) > 7", Verdict.NOTHING, ""),
        ("load > up * 9", Verdict.FALSE, ""),
        ("load and nothing", Verdict.NOTHING, ""),
        ("load > 0 and load > 7", Verdict.NOTHING, ""),
        ("load unless load", Verdict.FALSE, ""),
        ("load + on () up", Verdict.FAILED, None),
        ("vector(1)", Verdict.HOLDS, ""),
        ("absent(load)", Verdict.NOTHING, ""),
    ],
)
def test_what_is_said_of_an_expression(expr, verdict, detail):
    """No such series, no sample then, compared and false, or a value."""
    found = examine(expr)

    assert found.verdict is verdict
    assert detail is None or found.detail == detail


def test_the_part_without_a_result_is_found():
    """However deep it is."""
    parts = [each for _, each in examine("sum(rate(nothing[5m])) / sum(rate(load[5m])) > 0.5").walk()]

    assert [each.expr for each in parts if each.verdict is Verdict.NO_SUCH_METRIC] == ["nothing[5m]"]


def test_the_last_sample_is_told():
    """Of a series that has none any more."""
    assert examine('build{version="1"}').last_sample_at == 12 * MINUTE_MS


def test_values_are_those_that_were_compared():
    """Also those that do not pass."""
    found = examine("load > 2")

    assert found.threshold == (">", 2.0)
    assert [value for _, value in found.values] == [5.0]
    assert sorted(value for _, value in found.parts[0].values) == [1.0, 5.0]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([*ALERTS.values()]), st.integers(0, 99), st.integers(-1, END + 1))
def test_explanations_agree_with_the_history(rule, seed, time):
    """The state told is that after the last transition, and who was told was notified."""
    base = scenario([("1m", "", [rule])], seed)
    result = run_backtest(base)
    name = base.rule_files[0].groups[0].rules[0].alert
    (found,) = explain(base, result, name, time)

    last = {each.labels: each.to_state for each in result.transitions if each.time <= time}
    told = {alert.labels: alert.state for alert in found.alerts}
    assert {labels for labels, state in last.items() if state.is_active} == {
        labels for labels, state in told.items() if state.is_active
    }
    times = {notification.time for notification, _ in result.notifications}
    assert {each.told_at for alert in found.alerts for each in alert.tellings} - {None} <= times
    assert isinstance(found.condition, Condition | None)
    assert attrs.evolve(found) == found
