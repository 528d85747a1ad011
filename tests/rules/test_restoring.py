"""Alerts that fired before a restart go on firing, where that is wanted."""

import math

import pytest

from obsflow.errors import StateError
from obsflow.model.floats import STALE_NAN
from obsflow.model.labels import Labels
from obsflow.rules import (
    AlertState,
    EvaluationFailed,
    ForStateRead,
    GroupReloaded,
    ReadForState,
    RestorePolicy,
    RuleGroup,
    SendAlerts,
    Transition,
    TransitionReason,
    WriteSamples,
)
from tests.rules.driver import MINUTE, alerting, machine, of_kind, run

A = Labels(__name__="up", instance="a")
START = 100  # minutes
TICK = START + 1  # the second one, after which the store is asked
POLICY = RestorePolicy(restores_firing=True)
OWN = Labels(alertname="Down", instance="a", severity="page")


def minutes(first, last):
    return lambda _name, time: [(A, 1.0)] if first <= time // MINUTE <= last else []


def restarted(rule, answer, *, active=50, last=97, firing=97, policy=POLICY, stale=False, own=OWN):
    """A group that started at minute 100, with all effects so far, after it was told what there was before.

    The alert had been active since `active`, was last seen at `last` and last seen firing at `firing`; minutes.
    """
    group = machine([rule], answer, start=START * MINUTE, restore=policy)
    effects = run(group, TICK * MINUTE)
    (read,) = of_kind(effects, ReadForState)
    samples = ((Labels(own, __name__="ALERTS_FOR_STATE"), last * MINUTE, active * 60.0),)
    value = float(STALE_NAN) if stale else 1.0
    alerts = Labels(own, __name__="ALERTS", alertstate="firing")
    seen = () if firing is None else ((alerts, firing * MINUTE, value),)
    group.receive(ForStateRead(read.index, samples, seen), TICK * MINUTE)
    return group, [*effects, *run(group, TICK * MINUTE)]


def rule(for_minutes=0, keep_minutes=0):
    return alerting(
        for_ms=for_minutes * MINUTE,
        keep_firing_for_ms=keep_minutes * MINUTE,
        labels={"severity": "page"},
        annotations={"text": "{{ $labels.instance }}{{ $labels.severity }} is {{ $value }}"},
    )


def changes(effects):
    return [(e.time // MINUTE, e.from_state.value, e.to_state.value, e.because) for e in of_kind(effects, Transition)]


def test_what_is_asked():
    """Also rules with a short `for`, and for the firing series; by default neither."""
    for policy, asked in ((POLICY, 1), (RestorePolicy(), 0)):
        group = machine([rule()], minutes(0, 0), start=START * MINUTE, restore=policy)
        reads = of_kind(run(group, TICK * MINUTE), ReadForState)
        assert len(reads) == asked
        for read in reads:
            assert read.reads_firing
            assert read.firing_labels == Labels(
                __name__="ALERTS", alertname="Down", alertstate="firing", severity="page"
            )
    group = machine([rule(60)], minutes(0, 0), restore=RestorePolicy())
    (read,) = of_kind(run(group, MINUTE), ReadForState)
    assert not read.reads_firing


@pytest.mark.parametrize("for_minutes", [5, 30, 51])
def test_an_alert_that_fired_and_is_true_fires_at_once(for_minutes):
    """`for` below the grace period or above; since `for` after it became active."""
    group, effects = restarted(rule(for_minutes), minutes(0, 999))

    assert changes(effects) == [
        (100, "inactive", "pending", "condition true"),
        (101, "pending", "firing", "fired before a restart, active for 51m"),
    ]
    (sent,) = of_kind(effects, SendAlerts)
    assert sent.alerts[0].starts_at == (50 + for_minutes) * MINUTE
    assert sent.alerts[0].annotations["text"] == "a is 1"
    later = run(group, 103 * MINUTE)
    assert of_kind(later, Transition) == []
    assert of_kind(later, WriteSamples)[0].samples[1][1] == 50 * 60


def test_an_alert_without_for_says_when_it_began():
    """It fires by itself; what it says from then on is of before."""
    group, effects = restarted(rule(), minutes(0, 999))
    later = run(group, 103 * MINUTE)

    assert changes([*effects, *later]) == [(100, "inactive", "firing", "condition true, no `for`")]
    assert [alert.starts_at // MINUTE for e in of_kind(later, SendAlerts) for alert in e.alerts] == [50]
    assert of_kind(later, WriteSamples)[0].samples[1][1] == 50 * 60


def test_an_alert_that_is_false_is_kept():
    """Since it was last seen firing, with the labels it had; the value is not known any more."""
    group, effects = restarted(rule(5, 10), minutes(0, 0))
    later = run(group, 110 * MINUTE)

    assert changes([*effects, *later]) == [
        (101, "inactive", "kept", "fired before a restart, condition false since 4m, kept firing for up to 10m"),
        (107, "kept", "resolved", "condition false for 10m, keep_firing_for 10m elapsed"),
    ]
    (first,) = of_kind(effects, SendAlerts)
    assert first.alerts[0].labels == OWN
    assert (first.alerts[0].starts_at, first.alerts[0].annotations["text"]) == (55 * MINUTE, "a is NaN")
    assert math.isnan(of_kind(effects, Transition)[0].value)
    assert of_kind(later, WriteSamples)[0].samples == (
        (Labels(OWN, __name__="ALERTS", alertstate="firing"), 1.0),
        (Labels(OWN, __name__="ALERTS_FOR_STATE"), 3000.0),
    )
    assert [alert.ends_at for e in of_kind(later, SendAlerts) for alert in e.alerts][-1] == 107 * MINUTE


def test_a_kept_alert_that_becomes_true_again_is_the_same():
    """It goes on where it was."""
    group, _ = restarted(rule(5, 10), minutes(103, 999))
    later = run(group, 105 * MINUTE)

    assert changes(later) == [(103, "kept", "firing", "condition true again")]
    assert group.rules[0].alerts[0].fired_at == 55 * MINUTE


def test_an_alert_that_was_pending_and_ended_meanwhile_is_kept_as_it_was():
    """True at the first tick and false at the second, it is the alert of before."""
    group, effects = restarted(rule(5, 10), minutes(100, 100))

    assert [each[1:3] for each in changes(effects)] == [
        ("inactive", "pending"),
        ("pending", "inactive"),
        ("inactive", "kept"),
    ]
    assert len(group.rules[0].alerts) == 1


def test_an_alert_that_is_kept_already_stays_kept():
    """Without `for`, true at the first tick and false at the second: kept since then, active since before."""
    group, effects = restarted(rule(0, 10), minutes(100, 100))
    (alert,) = group.rules[0].alerts

    assert [each[1:3] for each in changes(effects)] == [("inactive", "firing"), ("firing", "kept")]
    assert (alert.active_at, alert.fired_at, alert.kept_since) == (50 * MINUTE, 50 * MINUTE, 101 * MINUTE)


@pytest.mark.parametrize(
    ("given", "answer", "more"),
    [
        (rule(5, 4), minutes(0, 0), {}),  # 4m ago is not less than 4m
        (rule(5, 0), minutes(0, 0), {}),
        (rule(5, 10), minutes(0, 0), {"stale": True}),  # it had ended
        (rule(5, 10), minutes(0, 0), {"firing": None}),  # it had not fired
        (rule(60, 10), minutes(0, 0), {}),  # active for 51m only: `for` grew
        (rule(5, 10), minutes(0, 0), {"policy": RestorePolicy(grace_period_ms=0)}),  # not wanted
    ],
)
def test_what_is_not_kept(given, answer, more):
    """Nothing comes back whose time is over, that had ended, or that would not fire now."""
    group, effects = restarted(given, answer, **more)

    assert (changes(effects), group.rules[0].alerts) == ([], ())


@pytest.mark.parametrize("more", [{"stale": True}, {"firing": None}, {"policy": RestorePolicy()}])
def test_an_alert_that_did_not_fire_waits(more):
    """As by default: where `for` is longer than the grace period it goes on waiting, else it begins anew."""
    group, effects = restarted(rule(60), minutes(0, 999), active=60, last=95, **more)
    assert [each[2] for each in changes(effects)] == ["pending"]
    assert group.rules[0].alerts[0].active_at == (60 + 101 - 95) * MINUTE

    if more.get("policy") is None:
        group, _ = restarted(rule(5), minutes(0, 999), active=60, **more)
        assert group.rules[0].alerts[0].active_at == 100 * MINUTE


def test_an_alert_whose_for_grew_waits():
    """Active for 51 minutes, it does not fire where 60 are asked for; its 47 minutes of before count."""
    group, _ = restarted(rule(60), minutes(0, 999))

    assert group.rules[0].alerts[0].state is AlertState.PENDING
    assert group.rules[0].alerts[0].active_at == (50 + 4) * MINUTE


def test_a_resolved_alert_stays_resolved():
    """It was seen to end after the restart, and nothing keeps it."""
    group, effects = restarted(rule(), minutes(100, 100))

    assert [each[1:3] for each in changes(effects)] == [("inactive", "firing"), ("firing", "resolved")]
    assert group.rules[0].alerts[0].active_at == 100 * MINUTE


def test_what_comes_back_counts_for_the_limit():
    """A kept alert and a new one are too many for a limit of one."""
    answer = lambda _name, time: [(A.with_({"instance": "b"}), 1.0)] if time // MINUTE > TICK else []  # noqa: E731
    group = machine([rule(0, 10)], answer, start=START * MINUTE, restore=POLICY, limit=1)
    run(group, TICK * MINUTE)
    samples = ((Labels(OWN, __name__="ALERTS_FOR_STATE"), 97 * MINUTE, 3000.0),)
    firing = ((Labels(OWN, __name__="ALERTS", alertstate="firing"), 97 * MINUTE, 1.0),)
    group.receive(ForStateRead(0, samples, firing), TICK * MINUTE)
    effects = run(group, (TICK + 1) * MINUTE)

    assert [e.reason for e in of_kind(effects, Transition)] == [TransitionReason.RESTORED_KEPT, TransitionReason.LIMIT]
    assert len(of_kind(effects, EvaluationFailed)) == 1


def test_effects_of_the_answer_come_with_the_next_poll():
    """At once, before the next tick; until then the state cannot be taken, and the question is answered."""
    group = machine([rule(5)], minutes(0, 999), start=START * MINUTE, restore=POLICY)
    run(group, TICK * MINUTE)
    samples = ((Labels(OWN, __name__="ALERTS_FOR_STATE"), 97 * MINUTE, 3000.0),)
    firing = ((Labels(OWN, __name__="ALERTS", alertstate="firing"), 97 * MINUTE, 1.0),)
    group.receive(ForStateRead(0, samples, firing), TICK * MINUTE + 7)

    assert group.next_timer() == TICK * MINUTE + 7
    with pytest.raises(StateError, match="polled"):
        group.snapshot()
    with pytest.raises(StateError):
        group.receive(ForStateRead(0), TICK * MINUTE + 8)
    assert [type(effect) for effect in group.poll(TICK * MINUTE + 9)] == [Transition, SendAlerts]
    assert group.next_timer() == (TICK + 1) * MINUTE
    other = machine([rule(5)], minutes(0, 999), start=START * MINUTE, restore=POLICY)
    other.restore(group.snapshot())
    assert repr(run(other, 130 * MINUTE)) == repr(run(group, 130 * MINUTE))


def test_a_reload_at_the_second_tick_does_not_move_the_question():
    """It is asked as of that tick, of the rules as they are then, whatever the next tick is."""
    group = machine([rule(5), rule(60)], minutes(0, 999), start=START * MINUTE, restore=POLICY)
    run(group, START * MINUTE)
    group.poll(TICK * MINUTE)
    group.receive(GroupReloaded(RuleGroup("g", rules=(rule(60),)), 5 * MINUTE, 0), TICK * MINUTE)
    reads = of_kind(run(group, TICK * MINUTE), ReadForState)

    assert [(read.index, read.start, read.end) for read in reads] == [(0, (TICK - 60) * MINUTE, TICK * MINUTE)]
    assert group.next_timer() == 105 * MINUTE
