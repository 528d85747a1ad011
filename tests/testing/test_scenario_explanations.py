"""Whatever happens to a router, each look at a group says why somebody was told or not, and what comes next."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obsflow.alertmanager import OBSFLOW, PRESETS, VisitOutcome, load_config
from obsflow.flow.flushes import explain_flush, find_decision, render_flush, render_waiting
from obsflow.model.durations import render_duration
from obsflow.notify import KINDS, Globals
from obsflow.testing.scenario_tests.document import load_scenarios
from obsflow.testing.scenario_tests.player import play

CONFIG = """
route:
  receiver: both
  group_by: [n]
  group_wait: 2s
  group_interval: 5s
  repeat_interval: 20s
  routes:
  - {matchers: [t=a], receiver: quiet, continue: true, group_by: [...]}
  - matchers: [t=~"a|b"]
    group_by: []
    routes: [{matchers: [n=1], receiver: quiet, mute_time_intervals: [early]}]
  - {matchers: [t=c], receiver: nobody}
receivers:
- {name: both, webhook_configs: [{url: 'http://a'}, {url: 'http://b', send_resolved: false}]}
- {name: quiet, webhook_configs: [{url: 'http://c'}]}
- {name: nobody}
inhibit_rules: [{source_matchers: [n=2], target_matchers: [n=1], equal: [t]}]
time_intervals: [{name: early, time_intervals: [{times: [{start_time: '00:00', end_time: '00:01'}]}]}]
"""
OTHER = CONFIG.replace("group_wait: 2s", "group_wait: 3s").replace("t=c", "t=b")

seconds = st.integers(0, 90).map(lambda n: f"{n}s")
alerts = st.fixed_dictionaries(
    {"labels": st.fixed_dictionaries({"n": st.sampled_from("123"), "t": st.sampled_from("abc")})},
    optional={"starts_at": seconds, "ends_at": seconds},
)
matchers = st.sampled_from(["n=1", 't=~"a|b"', "n!=2"])
happening = st.one_of(
    st.builds(lambda at, each: {"at": at, "alerts": each}, seconds, st.lists(alerts, min_size=1, max_size=3)),
    st.builds(
        lambda at, id_, each, end: {"at": at, "silence": {"id": id_, "matchers": [each], "ends_at": end}},
        seconds,
        st.sampled_from("st"),
        matchers,
        st.integers(1, 120).map(lambda n: f"{n}s"),
    ),
    st.builds(lambda at, id_: {"at": at, "expire": id_}, seconds, st.sampled_from("st")),
    st.builds(lambda at: {"at": at, "reload": {}}, seconds),
)
delivery = st.builds(
    lambda receiver, until, status, latency: {
        "receiver": receiver,
        "fails": {"until": until, "status": status},
        "latency": latency,
    },
    st.sampled_from(["both", "quiet"]),
    st.integers(1, 60).map(lambda n: f"{n}s"),
    st.sampled_from([400, 503, 200]),
    st.sampled_from(["0s", "1s", "7s"]),
)


def load(text, compat=OBSFLOW):
    return load_config(text, "alertmanager.yml", KINDS, Globals, compat=compat)


CONFIGS = {name: (load(CONFIG, each), load(OTHER, each)) for name, each in PRESETS.items()}


def parse(events):
    text = json.dumps({"scenarios": [{"events": events, "until": "100s"}]})
    (scenario,) = load_scenarios(text, "s.yml").scenarios
    return scenario


def played(events, compat):
    scenario, configs = parse(events), CONFIGS[compat]
    reloads = [i for i, event in enumerate(scenario.events) if event.kind == "reload"]
    return play(scenario, configs[0], {each: configs[n % 2] for n, each in enumerate(reloads, 1)}, PRESETS[compat], 0)


def look(each):
    return each.time, each.group_key, each.receiver, each.integration, each.index


SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(st.lists(happening, max_size=12), st.lists(delivery, max_size=2), st.sampled_from(list(PRESETS)))
def test_every_notification_follows_from_a_look_that_says_why(happenings, deliveries, compat):
    """With the same reason and the alerts that it named; and a look that sends is followed by one attempt at once."""
    outcome = played([*happenings, *deliveries], compat)
    attempts = [(each.at, each.notification) for each in (*outcome.sent, *outcome.lost)]
    for at, notification in attempts:
        decision = find_decision(notification, outcome.decisions)
        assert decision is not None
        assert decision.reason is notification.reason
        assert decision.time == notification.time <= at
        assert {each.labels for each in notification.alerts} <= {*decision.firing, *decision.resolved}
        assert not {each.labels for each in notification.alerts} & {labels for labels, _ in decision.muted}
    first = sorted(look(notification) for at, notification in attempts if at == notification.time)
    config = CONFIGS[compat][0]
    expected = sorted(
        look(each)
        for each in outcome.decisions
        if each.reason.sends and (each.firing or _tells_resolved(config, each))  # else the log is cleared unsaid
    )
    assert sorted(set(first)) == sorted(set(expected))
    assert len(first) == len(expected)


def _tells_resolved(config, decision):
    integrations = config.receivers[decision.receiver].integrations
    return next(each for each in integrations if each.index == decision.index).send_resolved


@SETTINGS
@given(st.lists(happening, max_size=12), st.lists(delivery, max_size=2), st.sampled_from(list(PRESETS)))
def test_every_look_is_explained_whether_anybody_is_told_or_not(happenings, deliveries, compat):
    """The route that took each alert and why others did not, what muted it, the reason, and what happens next."""
    outcome = played([*happenings, *deliveries], compat)
    for decision in outcome.decisions:
        explanation = explain_flush(decision, outcome.config_at(decision.time), outcome.silences)
        assert explanation.route is not None
        muted = dict(decision.muted)
        assert [each.labels for each in explanation.alerts] == [*decision.firing, *decision.resolved, *muted]
        assert len({each.labels for each in explanation.alerts}) == len(explanation.alerts) > 0
        for alert in explanation.alerts:
            assert alert.muted_by == muted.get(alert.labels)
            outcomes = {visit.route.id: visit.outcome for visit in alert.visits}
            assert outcomes[explanation.route.id] is VisitOutcome.TAKEN
            for visit in alert.visits:
                assert (visit.mismatch is not None) is (visit.outcome is VisitOutcome.MISMATCH)
                if visit.outcome in (VisitOutcome.TAKEN, VisitOutcome.PASSED_DOWN):
                    assert {child.id for child in visit.route.routes} <= outcomes.keys()  # every sibling is named
        lines = list(render_flush(explanation, render_duration))
        assert decision.reason.value in lines[0]
        assert lines[-1].strip().startswith(f"next look at {render_duration(decision.next_flush_at)}")
        for labels, cause in decision.muted:
            assert any(f"{labels} was {cause.because}" in line for line in lines)


@SETTINGS
@given(st.lists(happening, max_size=12), st.sampled_from(list(PRESETS)))
def test_what_is_said_to_come_next_comes(happenings, compat):
    """Where deliveries take no time and nothing is reloaded: the next look, and the first one at what has just come."""
    events = [each for each in happenings if "reload" not in each]
    outcome = played(events, compat)
    looks = {}
    for decision in outcome.decisions:
        looks.setdefault((decision.receiver, decision.group_key), set()).add(decision.time)
    for decision in outcome.decisions:
        after = [time for time in looks[decision.receiver, decision.group_key] if time > decision.time]
        if decision.firing and decision.next_flush_at <= 100_000:  # else the group may end
            assert min(after) == decision.next_flush_at
    for grouped in outcome.grouped:
        assert render_waiting(grouped, render_duration)
        if grouped.receiver == "nobody" or grouped.flush_at > 100_000:
            continue
        there = looks[grouped.receiver, grouped.group_key]
        assert any(grouped.time <= time <= grouped.flush_at for time in there)
    for labels in outcome.told:
        taken = {each.receiver for each in outcome.grouped if each.labels == labels}
        refused = any(str(labels) in each.error for each in outcome.refused)
        assert taken or refused
