"""Strategies of rules and alerts: what they make loads, runs and is routed."""

import itertools

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from obsflow.adapters.routes import load_alertmanager
from obsflow.alertmanager import Alertmanager, AlertRejected, Delivered, Notify, SetSilence
from obsflow.flow.evaluators import InstantEvaluator
from obsflow.flow.loop import Flow
from obsflow.model.labels import Labels
from obsflow.promql import parse
from obsflow.promql.inspect import selectors
from obsflow.query.engine import Engine
from obsflow.rules import (
    AlertingRule,
    AlertState,
    EvaluationFailed,
    GroupMachine,
    RecordingRule,
    RuleGroup,
    Transition,
    load_rules,
)
from obsflow.testing import strategies as obs

CALM = settings(deadline=None, derandomize=True, database=None, max_examples=60)
EAGER = settings(CALM, max_examples=3000, phases=[Phase.generate])
MINUTE = 60_000


def found(strategy, condition):
    """Any example, as it came."""
    return find(strategy, condition, settings=EAGER)


# ---- rules


@CALM
@given(st.data(), obs.rule_texts(max_groups=3))
def test_rule_files_load_and_run(data, text):
    """Every file loads, and its rules run over series of one of their expressions; a query may fail, and says so."""
    file = load_rules(text, "rules.yml")
    rules = [rule for group in file.groups for rule in group.rules]
    expr = data.draw(st.sampled_from(rules)).expr
    store = obs.store(data.draw(obs.series_for(expr, times=range(0, 10 * MINUTE, MINUTE))))
    effects = [effect for _, effect in Flow.over(store, [file], None, start=0).run(until=10 * MINUTE)]

    assert len({group.name for group in file.groups}) == len(file.groups)
    assert all(group.rules for group in file.groups)
    assert {effect.rule for effect in effects if isinstance(effect, Transition | EvaluationFailed)} <= {
        rule.name for rule in rules
    }


@CALM
@given(obs.rule_groups(alerting=False), obs.rule_groups(recording=False, max_rules=2), obs.rule_files(chained=False))
def test_rules_are_of_the_kinds_asked_for(recording, alerting, unchained):
    """Groups of one kind have no other; without chains nothing reads what a rule records."""
    assert all(isinstance(rule, RecordingRule) for rule in recording.rules)
    assert all(isinstance(rule, AlertingRule) for rule in alerting.rules)
    assert 1 <= len(alerting.rules) <= 2
    read = {name for group in unchained.groups for rule in group.rules for name in selected(rule)}
    assert read <= set(obs.METRICS)


def selected(rule):
    return {selector.name for selector in selectors(rule.expr)}


def test_rules_read_what_rules_before_them_wrote():
    """An alert on a recorded series is found, with a duration, labels and a template."""

    def is_chained(group):
        recorded = {rule.record for rule in group.rules if isinstance(rule, RecordingRule)}
        return any(
            isinstance(rule, AlertingRule)
            and rule.for_ms
            and rule.labels
            and rule.annotations
            and selected(rule) & recorded
            for rule in group.rules
        )

    assert is_chained(found(obs.rule_groups(depth=1), is_chained))


def test_rules_of_no_kind_are_refused():
    """There must be something that a rule may do."""
    with pytest.raises(ValueError, match="records or alerts"):
        found(obs.rule_texts(recording=False, alerting=False), lambda _: True)


# ---- alerts


def machine(evaluator, **rule):
    group = RuleGroup("g", rules=(AlertingRule("A", parse("condition == 1"), **rule),))
    return GroupMachine(group, evaluator, interval_ms=MINUTE, offset_ms=0, start=0)


def transitions(driven, until):
    out = []
    while driven.next_timer() <= until:
        out += [each for each in driven.poll(driven.next_timer()) if isinstance(each, Transition)]
    return out


@CALM
@given(obs.alert_histories(), st.sampled_from((0, MINUTE, 5 * MINUTE)))
def test_a_history_drives_a_group(history, for_ms):
    """As an evaluator or as a series behind an expression it has the same alert go through the same states."""
    until = history.end + 30 * MINUTE
    evaluator = obs.HistoryEvaluator((history,))
    times = range(0, until + 1, MINUTE)
    store = obs.store(history.series("condition", times))
    asked = transitions(machine(InstantEvaluator(Engine(store)), for_ms=for_ms), until)
    told = transitions(machine(evaluator, for_ms=for_ms), until)

    assert [(each.time, each.to_state) for each in told] == [(each.time, each.to_state) for each in asked]
    assert {each.labels for each in told} <= {Labels(alertname="A", instance="a:80")}
    assert all(history.is_present(each.time) for each in told if each.to_state is AlertState.FIRING)


@pytest.mark.parametrize("state", [AlertState.FIRING, AlertState.RESOLVED, AlertState.PENDING])
def test_histories_reach_every_state(state):
    """An alert that waits for five minutes is found in each state, and to be forgotten from it."""

    def reaches(history):
        driven = machine(obs.HistoryEvaluator((history,)), for_ms=5 * MINUTE)
        steps = {(each.from_state, each.to_state) for each in transitions(driven, history.end + 30 * MINUTE)}
        return (state, AlertState.INACTIVE) in steps or (state, AlertState.RESOLVED) in steps

    assert reaches(found(obs.alert_histories(), reaches))


ROUTES = """
route: {receiver: team, group_by: [alertname], group_wait: 30s, group_interval: 1m, repeat_interval: 10m}
receivers: [{name: team, webhook_configs: [{url: "https://hooks.example.com/team"}]}]
"""


def route(stream, silences=()):
    """The effects of a router that is told the stream, and whose every notification arrives."""
    router = Alertmanager(load_alertmanager(ROUTES), started_at=0, explains=True)
    effects = []

    def poll(now):
        for effect in router.poll(now):
            effects.append(effect)
            if isinstance(effect, Notify):
                router.receive(Delivered(effect.delivery), now)

    for silence in silences:
        router.receive(SetSilence(silence), 0)
    events = stream.events
    for now, event in (*events, (events[-1][0] + 30 * MINUTE if events else 0, None)):
        while (due := router.next_timer()) is not None and due < now:
            poll(due)
        if event is not None:
            router.receive(event, now)
        poll(now)
    return effects


@CALM
@given(
    obs.alert_streams() | obs.alert_streams(lossy=True), st.lists(obs.silences(), max_size=2, unique_by=lambda s: s.id)
)
def test_a_stream_drives_a_router(stream, silences):
    """No alert is refused, times go up, and an alert is only told again while it lasts or when it ended."""
    times = [time for time, _ in stream.events]
    assert times == sorted(set(times))
    assert not stream.lost & set(times)
    for time, event in stream.events:
        assert event.alerts
        for alert in event.alerts:
            assert alert.name
            assert alert.starts_at <= time
            assert alert.ends_at == time + 4 * MINUTE or alert.ends_at <= time
    assert not any(isinstance(effect, AlertRejected) for effect in route(stream, silences))


def notified(status):
    return lambda stream: any(
        isinstance(effect, Notify) and effect.notification.status.value == status for effect in route(stream)
    )


STREAMS = {
    "firing": notified("firing"),
    "resolved": notified("resolved"),
    "a resend": lambda stream: any(a.starts_at < time < a.ends_at for time, e in stream.events for a in e.alerts),
    "several at once": lambda stream: any(len(event.alerts) == 3 for _, event in stream.events),
    "back again": lambda stream: (
        len({a.starts_at for _, e in stream.events for a in e.alerts if a.name == "InstanceDown"}) > 1
    ),
    "nothing": lambda stream: not stream.events,
}


@pytest.mark.parametrize("case", STREAMS)
def test_interesting_streams_are_found(case):
    """Each of them comes up by chance."""
    assert STREAMS[case](found(obs.alert_streams(), STREAMS[case]))


def test_a_lost_event_is_found():
    """A stream that lost something has a pause within the life of an alert."""

    def has_pause(stream):
        times = [
            time for time, event in stream.events if event.alerts[0].starts_at == 0 and event.alerts[0].ends_at > time
        ]
        return any(later - earlier > MINUTE for earlier, later in itertools.pairwise(times))

    assert has_pause(found(obs.alert_streams(max_alerts=1, lossy=True), has_pause))
    with pytest.raises(Exception, match="No examples found"):
        find(obs.alert_streams(max_alerts=1), has_pause, settings=CALM)


def test_silences_mute_some_alerts():
    """One that mutes an alert is found, and one that does not; all of them are within the times given."""
    labels = Labels(alertname="InstanceDown", severity="critical", team="api")

    assert found(obs.silences(), lambda silence: silence.mutes(labels, 5_000)).is_active(5_000)
    assert not found(obs.silences(), lambda silence: not silence.mutes(labels, silence.starts_at)).mutes(labels, 1)

    @CALM
    @given(obs.silences({"a": ("x",)}, start=7_000, end=9_000))
    def check(silence):
        assert 7_000 <= silence.starts_at <= silence.ends_at <= 9_000
        assert {matcher.name for matcher in silence.matchers} == {"a"}

    check()
