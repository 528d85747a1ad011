"""One alerting rule, minute by minute."""

import pytest

from obsflow.errors import QuerySyntaxError
from obsflow.model.floats import STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from obsflow.rules import EvaluationFailed, SendAlerts, Transition, WriteSamples
from tests.rules.driver import MINUTE, Script, alerting, machine, of_kind, run

A = Labels(__name__="up", instance="a", job="api")
B = Labels(__name__="up", instance="b", job="api")


def during(first, last, labels=A, value=1.0):
    """An answer that is true in these minutes."""
    return lambda _name, time: [(labels, value)] if first <= time // MINUTE <= last else []


def changes(effects):
    return [(e.time // MINUTE, e.from_state.value, e.to_state.value) for e in of_kind(effects, Transition)]


def states(effects):
    """`ALERTS` by minute: the values of `alertstate`, with a dagger where the series ends."""
    out = {}
    for now, effect in effects:
        if isinstance(effect, WriteSamples):
            out[now // MINUTE] = sorted(
                labels["alertstate"] + ("†" if float_bits(value) == STALE_NAN_BITS else "")
                for labels, value in effect.samples
                if labels.name == "ALERTS"
            )
    return out


def test_for_and_keep_firing_for():
    """True at 0-3 with `for` 2m and keep_firing_for 2m: pending, firing from 2, kept at 4 and 5, resolved at 6."""
    group = machine([alerting(for_ms=2 * MINUTE, keep_firing_for_ms=2 * MINUTE)], during(0, 3))
    effects = run(group, 8 * MINUTE)

    assert changes(effects) == [
        (0, "inactive", "pending"),
        (2, "pending", "firing"),
        (4, "firing", "kept"),
        (6, "kept", "resolved"),
    ]
    assert states(effects) == {
        0: ["pending"],
        1: ["pending"],
        2: ["firing", "pending†"],
        3: ["firing"],
        4: ["firing"],
        5: ["firing"],
        6: ["firing†"],
    }
    assert [e.because for e in of_kind(effects, Transition)] == [
        "condition true",
        "held for 2m",
        "condition false, kept firing for up to 2m",
        "condition false for 2m, keep_firing_for 2m elapsed",
    ]


def test_a_pending_alert_vanishes_silently():
    """Nothing is sent for an alert that never fired; its series end."""
    effects = run(machine([alerting(for_ms=5 * MINUTE)], during(0, 2)), 30 * MINUTE)

    assert of_kind(effects, SendAlerts) == []
    assert states(effects)[3] == ["pending†"]
    assert changes(effects) == [(0, "inactive", "pending"), (3, "pending", "inactive")]


def test_what_is_sent_and_when():
    """At once, again after the resend delay, at once when it resolves, and then for 15 minutes more."""
    group = machine([alerting()], during(1, 4), resend_delay_ms=2 * MINUTE)
    sent = [(now // MINUTE, e.alerts[0]) for now, e in run(group, 60 * MINUTE) if isinstance(e, SendAlerts)]

    assert [now for now, _ in sent] == [1, 4, 5, 8, 11, 14, 17, 20]
    assert {alert.starts_at for _, alert in sent} == {1 * MINUTE}
    assert [alert.ends_at // MINUTE for _, alert in sent] == [9, 12, 5, 5, 5, 5, 5, 5]


def test_a_sent_alert():
    """Labels of the sample, the rule and the server; annotations expanded; a link to the expression."""
    rule = alerting(
        expr="up{job='api'}==0",
        labels={"severity": "page", "host": "{{ $labels.instance | toUpper }}", "job": "", "cluster": "own"},
        annotations={"summary": "{{ $labels.instance }} of {{ $labels.job }} is {{ $value }}", "empty": ""},
    )
    group = machine(
        [rule],
        during(0, 0, value=0.25),
        external_labels=Labels(cluster="eu1", region="west"),
        external_url="http://prom:9090/",
    )
    (effect,) = of_kind(run(group, 0), SendAlerts)
    (alert,) = effect.alerts

    assert dict(alert.labels) == {
        "alertname": "Down",
        "cluster": "own",
        "host": "A",
        "instance": "a",
        "region": "west",
        "severity": "page",
    }
    assert dict(alert.annotations) == {"empty": "", "summary": "a of api is 0.25"}
    assert alert.generator_url == "http://prom:9090/graph?g0.expr=up%7Bjob%3D%22api%22%7D+%3D%3D+0&g0.tab=1"


def test_written_series_carry_no_external_labels():
    """`ALERTS` has the state, `ALERTS_FOR_STATE` the second since when; both at the time that was asked for."""
    group = machine(
        [alerting()], during(-5, 9), query_offset_ms=90_000, start=7 * MINUTE, external_labels=Labels(c="x")
    )
    (write,) = of_kind(run(group, 7 * MINUTE), WriteSamples)

    own = {"alertname": "Down", "instance": "a", "job": "api"}
    assert write.time == 7 * MINUTE - 90_000
    assert write.samples == (
        (Labels(own, __name__="ALERTS", alertstate="firing"), 1.0),
        (Labels(own, __name__="ALERTS_FOR_STATE"), 420.0),
    )


def test_a_label_that_expands_to_nothing_shows_its_template_in_ALERTS():  # noqa: N802
    """The alert lacks the label; the series has the raw text, as in Prometheus."""
    effects = run(machine([alerting(labels={"team": "{{ $labels.nope }}"})], during(0, 0)), 0)
    (write,) = of_kind(effects, WriteSamples)
    (send,) = of_kind(effects, SendAlerts)

    assert "team" not in send.alerts[0].labels
    assert {labels["team"] for labels, _ in write.samples} == {"{{ $labels.nope }}"}


def test_a_value_in_a_label_makes_a_new_alert_each_time():
    """Such an alert never holds for `for`."""
    rule = alerting(labels={"value": "{{ $value }}"}, for_ms=2 * MINUTE)
    effects = run(machine([rule], lambda _name, time: [(A, time / MINUTE)]), 5 * MINUTE)

    assert {e.to_state.value for e in of_kind(effects, Transition)} == {"pending", "inactive"}


def test_samples_that_become_the_same_alert_fail_the_evaluation():
    """Nothing is written, nothing moves, and the next good evaluation goes on from there."""
    twins = [(A, 1.0), (B, 1.0)]
    answer = lambda _name, time: twins if time == MINUTE else twins[:1]  # noqa: E731
    effects = run(machine([alerting(labels={"instance": ""}, for_ms=2 * MINUTE)], answer), 2 * MINUTE)
    (failed,) = of_kind(effects, EvaluationFailed)

    assert failed == EvaluationFailed(
        MINUTE, "g", "Down", "vector contains metrics with the same labelset after applying alert labels"
    )
    assert changes(effects) == [(0, "inactive", "pending"), (2, "pending", "firing")]
    assert list(states(effects)) == [0, 2]


def test_an_alert_outlives_the_series_it_came_from():
    """Two series that become the same alert in turn are one alert."""
    answer = lambda _name, time: [(A if time // MINUTE % 2 else B, 1.0)]  # noqa: E731
    effects = run(machine([alerting(labels={"instance": "any"}, for_ms=3 * MINUTE)], answer), 4 * MINUTE)

    assert changes(effects) == [(0, "inactive", "pending"), (3, "pending", "firing")]


def test_a_failed_query_changes_nothing():
    """No stale marker, no transition, nothing sent; the state is as before when the query works again."""
    answer = lambda _name, time: None if 2 <= time // MINUTE <= 9 else [(A, 1.0)]  # noqa: E731
    effects = run(machine([alerting(for_ms=MINUTE)], answer), 10 * MINUTE)

    assert [now // MINUTE for now, e in effects if isinstance(e, EvaluationFailed)] == list(range(2, 10))
    assert {now // MINUTE for now, e in effects if not isinstance(e, EvaluationFailed)} == {0, 1, 10}
    assert changes(effects) == [(0, "inactive", "pending"), (1, "pending", "firing")]


def test_more_alerts_than_the_limit_clear_the_rule():
    """All alerts of the rule are forgotten without a word to the router, and begin anew."""
    answer = lambda _name, time: [(A, 1.0), (B, 1.0)][: 2 if time == MINUTE else 1]  # noqa: E731
    effects = run(machine([alerting()], answer, limit=1), 2 * MINUTE)
    (failed,) = of_kind(effects, EvaluationFailed)

    assert failed.error == "exceeded limit of 1 with 2 alerts"
    assert changes(effects) == [(0, "inactive", "firing"), (1, "firing", "inactive"), (2, "inactive", "firing")]
    assert [(now // MINUTE, e.alerts[0].starts_at) for now, e in effects if isinstance(e, SendAlerts)] == [
        (0, 0),
        (2, 2 * MINUTE),
    ]


def test_annotations_are_those_of_the_last_true_evaluation():
    """A resolved alert says what it said when it was last true, its queries asked then."""
    script = Script(lambda _name, time: [(A, time / MINUTE)] if time < 2 * MINUTE else [])
    rule = alerting(annotations={"text": "{{ $value }} {{ query `x` | len }} {{ now }}"})
    sent = of_kind(run(machine([rule], script), 2 * MINUTE), SendAlerts)

    assert [e.alerts[0].annotations["text"] for e in sent] == ["0 2 0", "1 2 60"]
    assert script.queries == [("x", 0), ("x", MINUTE)]


@pytest.mark.parametrize("error", [QuerySyntaxError("unexpected end", "up ==", (5, 5))])
def test_a_template_that_fails_says_so_in_its_place(error):
    """The rule goes on; the text says what was wrong."""

    class Broken(Script):
        def query(self, _text, _time):
            raise error

    rule = alerting(annotations={"bad": "{{ query `up ==` }}", "good": "fine"})
    (send,) = of_kind(run(machine([rule], Broken(during(0, 0))), 0), SendAlerts)

    assert send.alerts[0].annotations["good"] == "fine"
    assert "error calling query" in send.alerts[0].annotations["bad"]


def test_zero_and_minus_zero_print_differently():
    """An annotation that was expanded before is not reused for the other zero."""
    rule = alerting(annotations={"v": "{{ $value }}"})
    group = machine([rule], lambda _name, time: [(A, -0.0 if time else 0.0)], resend_delay_ms=0)

    assert [e.alerts[0].annotations["v"] for e in of_kind(run(group, MINUTE), SendAlerts)] == ["0", "-0"]


def test_many_alerts_that_come_and_go_are_forgotten():
    """What a rule remembers is bounded by what is active, not by all it has seen."""
    group = machine([alerting()], lambda _name, time: [(Labels(i=f"{time}-{i}"), 1.0) for i in range(300)])
    run(group, 40 * MINUTE)
    state = group.rules[0]

    assert len(state.alerts) == 300 * 17
    assert len(state._known) < 3 * len(state.alerts)
