"""Recording rules, minute by minute."""

from obsflow.model.floats import STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from obsflow.rules import EvaluationFailed, WriteSamples
from tests.rules.driver import MINUTE, machine, of_kind, recording, run

A = Labels(__name__="up", instance="a", job="api")
B = Labels(__name__="up", instance="b", job="api")


def written(effects):
    return {
        now // MINUTE: {
            labels: "stale" if float_bits(value) == STALE_NAN_BITS else value for labels, value in effect.samples
        }
        for now, effect in effects
        if isinstance(effect, WriteSamples)
    }


def test_the_result_takes_the_name_and_the_labels():
    """The record is the name, rule labels override, an empty one removes; labels are no templates."""
    rule = recording("job:up", labels={"job": "", "text": "{{ $value }}", "instance": "x"})
    effects = run(machine([rule], lambda _name, _time: [(A, 3.0)]), 0)

    assert written(effects) == {0: {Labels(__name__="job:up", instance="x", text="{{ $value }}"): 3.0}}


def test_series_that_end_get_a_stale_marker_once():
    """At the time of the first evaluation that no longer has them; a series that stays is not touched."""
    answer = lambda _name, time: [(A, 1.0), (B, 2.0)] if time < MINUTE else [(B, 2.0)]  # noqa: E731
    effects = run(machine([recording("r")], answer), 2 * MINUTE)
    a, b = A.with_({"__name__": "r"}), B.with_({"__name__": "r"})

    assert written(effects) == {0: {a: 1.0, b: 2.0}, 1: {b: 2.0, a: "stale"}, 2: {b: 2.0}}


def test_a_failure_keeps_the_memory_of_what_was_written():
    """No stale marker while the query fails; it comes with the next good evaluation."""
    answer = lambda _name, time: [(A, 1.0)] if time == 0 else None if time == MINUTE else []  # noqa: E731
    effects = run(machine([recording("r")], answer), 2 * MINUTE)

    assert of_kind(effects, EvaluationFailed) == [EvaluationFailed(MINUTE, "g", "r", "the query failed")]
    assert written(effects) == {0: {A.with_({"__name__": "r"}): 1.0}, 2: {A.with_({"__name__": "r"}): "stale"}}


def test_samples_that_become_one_series_fail_the_evaluation():
    """Two samples with equal labels after the rule's own are an error, not one of them."""
    effects = run(machine([recording("r", labels={"instance": ""})], lambda _name, _time: [(A, 1.0), (B, 2.0)]), 0)

    assert [effect.error for _, effect in effects] == [
        "vector contains metrics with the same labelset after applying rule labels"
    ]


def test_more_series_than_the_limit_fail_the_evaluation():
    """The limit of the group counts the series of each rule."""
    effects = run(machine([recording("r")], lambda _name, _time: [(A, 1.0), (B, 2.0)], limit=1), 0)

    assert [effect.error for _, effect in effects] == ["exceeded limit of 1 with 2 series"]
