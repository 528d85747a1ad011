"""What is to be seen of a rule from outside: its health, its state, its active alerts."""

import pytest

from obsflow.model.floats import STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from obsflow.rules import EvaluationFailed, GroupReloaded, RuleGroup, RuleHealth, WriteSamples
from tests.rules.driver import MINUTE, alerting, machine, of_kind, recording, run

A = Labels(__name__="up", instance="a")
B = Labels(__name__="up", instance="b")
SERIES = "obsflow_rule_last_evaluation_successful"


def fails_at(*minutes):
    return lambda _name, time: None if time // MINUTE in minutes else [(A, 1.0)]


@pytest.mark.parametrize("rule", [alerting(), recording()])
def test_health_is_that_of_the_last_evaluation(rule):
    """Unknown before the first one; an error stays until the next success."""
    group = machine([rule], fails_at(1))
    (state,) = group.rules
    seen = [(state.status.health, state.status.evaluated_at, state.status.last_error)]
    for minute in range(3):
        run(group, minute * MINUTE)
        seen.append((state.status.health, state.status.evaluated_at, state.status.last_error))

    assert seen == [
        (RuleHealth.UNKNOWN, None, ""),
        (RuleHealth.OK, 0, ""),
        (RuleHealth.ERR, MINUTE, "the query failed"),
        (RuleHealth.OK, 2 * MINUTE, ""),
    ]
    assert [health.value for health in RuleHealth] == ["unknown", "ok", "err"]


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (
            alerting(labels={"instance": ""}),
            "vector contains metrics with the same labelset after applying alert labels",
        ),
        (
            recording(labels={"instance": ""}),
            "vector contains metrics with the same labelset after applying rule labels",
        ),
        (alerting(), "exceeded limit of 1 with 2 alerts"),
        (recording(), "exceeded limit of 1 with 2 series"),
    ],
)
def test_every_failure_counts(rule, error):
    """Not the query alone can fail."""
    group = machine([rule], lambda _name, _time: [(A, 1.0), (B, 1.0)], limit=1)
    (failed,) = of_kind(run(group, 0), EvaluationFailed)

    assert group.rules[0].status.last_error == failed.error == error


def test_a_template_that_fails_is_no_failed_evaluation():
    """The text says so; the rule is well."""
    group = machine([alerting(annotations={"a": "{{ query `fail` }}"})], lambda _name, _time: [(A, 1.0)])
    run(group, 0)

    assert group.rules[0].status.health is RuleHealth.OK


def test_the_state_of_a_rule_is_that_of_its_most_urgent_alert():
    """Firing before pending before inactive; kept is firing, resolved is inactive and not active."""
    script = [[], [A], [A, B], [B], [B], [B], []]
    rule = alerting(for_ms=MINUTE, keep_firing_for_ms=MINUTE)
    group = machine([rule], lambda _name, time: [(labels, 1.0) for labels in script[time // MINUTE]])
    (state,) = group.rules
    seen = [(state.state, len(state.active_alerts))]
    for minute in range(len(script) + 1):
        script.append([])
        run(group, minute * MINUTE)
        seen.append((state.state, "".join(alert.labels["instance"] for alert in state.active_alerts)))

    assert seen == [
        ("unknown", 0),
        ("inactive", ""),
        ("pending", "a"),
        ("firing", "ab"),  # a fires, b is pending
        ("firing", "ab"),  # a is kept, b fires
        ("firing", "b"),  # a is resolved
        ("firing", "b"),
        ("firing", "b"),  # b is kept
        ("inactive", ""),
    ]


def test_a_rule_whose_first_evaluation_fails_is_inactive():
    """It was evaluated, and has no alerts."""
    group = machine([alerting()], fails_at(0))
    run(group, 0)

    assert group.rules[0].state == "inactive"


def health_samples(effects):
    """(index, value) by minute; a dagger where the series ends."""
    out = {}
    for now, effect in effects:
        for labels, value in effect.samples if isinstance(effect, WriteSamples) else ():
            if labels.name == SERIES:
                shown = "†" if float_bits(value) == STALE_NAN_BITS else value
                out.setdefault(now // MINUTE, []).append((labels["index"], labels["rule"], shown))
    return out


def test_each_evaluation_writes_whether_it_succeeded():
    """One series for each rule, with its group, kind, name and place, at the time of its other samples."""
    answer = lambda name, time: None if (name, time) == ("A", MINUTE - 1_000) else [(A, 1.0)]  # noqa: E731
    group = machine([recording("r"), alerting("A")], answer, query_offset_ms=1_000, records_health=True)
    effects = run(group, MINUTE)

    assert health_samples(effects) == {0: [("0", "r", 1.0), ("1", "A", 1.0)], 1: [("0", "r", 1.0), ("1", "A", 0.0)]}
    assert {effect.time for now, effect in effects if now == 0 and isinstance(effect, WriteSamples)} == {-1_000}
    last = of_kind(effects, WriteSamples)[-1]
    assert last.samples == (
        (Labels(__name__=SERIES, rule_group="rules.yml;g", rule_type="alerting", rule="A", index="1"), 0.0),
    )


def test_health_is_not_recorded_unless_asked_for():
    """Prometheus writes no such series."""
    assert health_samples(run(machine([recording("r")], fails_at()), MINUTE)) == {}


def test_health_of_rules_that_are_gone_or_moved_ends():
    """A rule that moves begins a new series; after a reload, its health is unknown until it is evaluated."""
    group = machine([recording("r1"), recording("r2")], fails_at(), records_health=True)
    run(group, 0)
    group.receive(GroupReloaded(RuleGroup("g", "rules.yml", rules=(recording("r2"),))), 1)
    assert group.rules[0].status.health is RuleHealth.UNKNOWN
    effects = run(group, 2 * MINUTE)

    assert health_samples(effects) == {1: [("0", "r2", 1.0), ("1", "r2", "†"), ("0", "r1", "†")], 2: [("0", "r2", 1.0)]}
