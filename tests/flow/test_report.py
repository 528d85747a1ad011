"""What a backtest says of each alert: stretches, figures, faults."""

import contextlib

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flow.test_played import ALERTS, END, scenario

from obsflow.errors import ConfigError, ObsflowError
from obsflow.flow.backtest import run_backtest
from obsflow.flow.report.bands import alert_histories
from obsflow.flow.report.faults import Fault, judge, parse_faults
from obsflow.flow.report.summary import summarise_receivers, summarise_rules
from obsflow.model.durations import HOUR_MS, MINUTE_MS
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from obsflow.rules import AlertState, Transition, TransitionReason

OWN = Labels(alertname="A", i="x")
INACTIVE, PENDING, FIRING, KEPT, RESOLVED = AlertState


def history(*states, labels=OWN, rule="A"):
    """Transitions at the given minutes: (minute, state)."""
    out, before = [], INACTIVE
    for minute, state in states:
        out.append(
            Transition(minute * MINUTE_MS, "g", rule, labels, before, state, 1.0, TransitionReason.CONDITION_TRUE, 0)
        )
        before = state
    return out


def told(minute, *names, receiver="team", status=AlertStatus.FIRING):
    alerts = tuple(NotifiedAlert(Labels(alertname=name), Labels(), status, 0, None, "") for name in names)
    reason = NotifyReason.FIRST_NOTIFICATION
    return Notification(minute * MINUTE_MS, receiver, "webhook", 0, "{}:{}", Labels(), alerts, reason)


def summarise(*transitions, notifications=(), end=100):
    (summary,) = summarise_rules(alert_histories(transitions), notifications, end * MINUTE_MS)
    return summary


def test_bands():
    """A band for each stay in a state, open at the end; kept and firing are one firing."""
    transitions = history(
        (1, PENDING), (3, FIRING), (5, KEPT), (6, FIRING), (8, RESOLVED), (23, INACTIVE), (30, FIRING)
    )
    (own,) = alert_histories(transitions)

    spans = [(band.state, band.start // MINUTE_MS, band.end and band.end // MINUTE_MS) for band in own.bands]
    assert spans == [
        (PENDING, 1, 3),
        (FIRING, 3, 5),
        (KEPT, 5, 6),
        (FIRING, 6, 8),
        (RESOLVED, 8, 23),
        (FIRING, 30, None),
    ]
    firings = [(band.start // MINUTE_MS, band.end and band.end // MINUTE_MS) for band in own.firings()]
    assert firings == [(3, 8), (30, None)]


def test_figures_of_a_rule():
    """Times pending and firing, the longest of them, what never fired, and what somebody was told."""
    summary = summarise(
        *history((1, PENDING), (3, FIRING), (10, RESOLVED), (25, INACTIVE), (40, PENDING), (41, INACTIVE)),
        *history((50, FIRING), labels=Labels(alertname="A", i="y")),
        notifications=[told(4, "A"), told(6, "A", "B"), told(11, "A", status=AlertStatus.RESOLVED), told(5, "B")],
        end=80,
    )

    assert (summary.alerts, summary.pending, summary.fired, summary.unfired) == (2, 2, 2, 1)
    assert (summary.pending_ms, summary.firing_ms, summary.longest_ms) == (
        3 * MINUTE_MS,
        37 * MINUTE_MS,
        30 * MINUTE_MS,
    )
    assert summary.pages == (("team", 2),)


@pytest.mark.parametrize(
    ("states", "flaps"),
    [
        ([(1, FIRING), (5, RESOLVED), (9, FIRING)], 1),
        ([(1, FIRING), (5, RESOLVED), (9, PENDING), (11, FIRING)], 1),
        ([(1, FIRING), (5, RESOLVED), (21, INACTIVE), (22, FIRING)], 0),
        ([(1, FIRING), (5, KEPT), (9, FIRING)], 0),
        ([(1, FIRING), (5, RESOLVED), (9, PENDING), (10, INACTIVE), (11, PENDING), (12, FIRING)], 1),
        ([(1, FIRING), (5, RESOLVED), (20, FIRING)], 1),
        ([(1, FIRING), (5, RESOLVED), (18, PENDING), (21, FIRING)], 0),
    ],
)
def test_flaps(states, flaps):
    """A firing within 15 minutes of the end of the one before."""
    assert summarise(*history(*states)).flaps == flaps


def test_what_is_over_before_anyone_can_act_is_brief():
    """By the time that it takes; one that goes on is not over."""
    transitions = history((1, FIRING), (4, RESOLVED), (30, FIRING), (36, RESOLVED), (98, FIRING))
    histories = alert_histories(transitions)

    assert [
        summarise_rules(histories, (), 100 * MINUTE_MS, act_within * MINUTE_MS)[0].brief for act_within in (3, 5, 7)
    ] == [0, 1, 2]


def test_figures_of_a_receiver():
    """How many, of which hour of the day, and the hour that had most; the most told first."""
    many = [told(minute, "A", receiver="busy") for minute in (5, 65, 70, 24 * 60 + 10)]
    busy, quiet = summarise_receivers([told(1, "A", receiver="quiet", status=AlertStatus.RESOLVED), *many])

    assert (busy.receiver, busy.notifications, busy.firing, busy.busiest) == ("busy", 4, 4, (HOUR_MS, 2))
    assert busy.by_hour == (2, 2, *[0] * 22)
    assert (quiet.receiver, quiet.firing) == ("quiet", 0)


def judged(faults, transitions, notifications=(), grace=5):
    return judge(faults, alert_histories(transitions), notifications, 100 * MINUTE_MS, grace * MINUTE_MS)


def fault(start, end, *alerts):
    return Fault("f", start * MINUTE_MS, None if end is None else end * MINUTE_MS, alerts)


@pytest.mark.parametrize(
    ("states", "detected", "false"),
    [
        ([(12, FIRING), (15, RESOLVED)], 12, 0),
        ([(10, FIRING), (15, RESOLVED)], 10, 0),
        ([(25, FIRING), (26, RESOLVED)], 25, 0),
        ([(26, FIRING), (27, RESOLVED)], None, 1),
        ([(5, FIRING), (12, RESOLVED)], None, 0),
        ([(5, FIRING), (10, RESOLVED)], None, 1),
        ([(5, FIRING)], None, 0),
        ([(5, FIRING), (11, RESOLVED), (14, FIRING)], 14, 0),
        ([], None, 0),
    ],
)
def test_a_fault_from_10_to_20(states, detected, false):
    """Detected by what begins in it or within the grace; what began before is neither a detection nor false."""
    report = judged([fault(10, 20)], history(*states))
    (verdict,) = report.verdicts

    assert verdict.detected_at == (None if detected is None else detected * MINUTE_MS)
    assert verdict.is_detected == (detected is not None)
    assert len(report.missed) == (detected is None)
    assert len(report.false) == false


def test_a_fault_may_say_which_alerts_are_about_it():
    """Others do not detect it, and are false if nothing else excuses them."""
    transitions = [*history((12, FIRING)), *history((13, FIRING), rule="B", labels=Labels(alertname="B"))]
    report = judged([fault(10, 20, "B")], transitions)

    assert report.verdicts[0].alerts == (("B", 13 * MINUTE_MS),)
    assert [each.rule for each in report.false] == ["A"]


def test_when_somebody_was_told():
    """The first notification of an alert that detected it, not of another, nor before it fired."""
    transitions = [*history((12, FIRING)), *history((1, FIRING), rule="B", labels=Labels(alertname="B"))]
    report = judged([fault(10, 20)], transitions, [told(11, "A", "B"), told(14, "B"), told(15, "A")])

    assert report.verdicts[0].told_at == 15 * MINUTE_MS


def test_a_fault_that_never_ended():
    """It lasts to the end of the replay."""
    assert judged([fault(10, None)], history((99, FIRING))).verdicts[0].detected_at == 99 * MINUTE_MS


def test_a_schedule_is_read():
    """Each state lasts until the next, and `base` is none."""
    text = '{"t": 60.5, "what": "base"}\n{"t": 120, "what": "spike"}\n\n'
    text += '{"t": 180, "what": "base"}\n{"t": 240, "what": "x"}\n'

    assert parse_faults(text, "f") == (Fault("spike", 120_000, 180_000), Fault("x", 240_000, None))


def test_a_list_is_read():
    """In order of time, whatever the order of the lines."""
    text = '{"name": "b", "start": 120, "end": "1970-01-01T00:03:00Z", "alerts": ["X"]}\n{"name": "a", "start": 60}\n'

    assert parse_faults(text, "f") == (Fault("a", 60_000, None), Fault("b", 120_000, 180_000, ("X",)))


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"start": 1, "ende": 2}',
        '{"name": "x"}',
        '{"start": 5, "end": 4}',
        '{"start": true}',
        '{"what": "x"}',
        '{"start": 1, "alerts": "A"}',
        '{"t": [], "what": "x"}',
    ],
)
def test_a_line_that_is_no_fault_is_a_problem(line):
    """With its number; all of them at once."""
    with pytest.raises(ConfigError) as caught:
        parse_faults(f'{{"start": 1}}\n{line}\n{line}\n', "faults.jsonl")

    assert [problem.line for problem in caught.value.problems] == [2, 3]


@given(st.text())
def test_any_text_is_faults_or_problems(text):
    """Nothing else comes out."""
    with contextlib.suppress(ObsflowError):
        parse_faults(text, "f")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([*ALERTS.values()]), min_size=1, max_size=4, unique=True), st.integers(0, 99))
def test_figures_agree_with_what_they_are_made_of(rules, seed):
    """Times add up to those of the written series, and a fault over all of the time leaves nothing false."""
    base = scenario([("1m", "", rules)], seed)
    result = run_backtest(base)
    histories = alert_histories(result.transitions)
    notifications = [notification for notification, _ in result.notifications]
    summaries = summarise_rules(histories, notifications, END)
    firing = {(each.group, each.rule, each.labels, band.start) for each in histories for band in each.firings()}

    assert sum(each.fired for each in summaries) == len(firing)
    assert sum(each.pending for each in summaries) == sum(t.to_state is PENDING for t in result.transitions)
    assert all(each.firing_ms <= each.alerts * END and each.longest_ms <= END for each in summaries)
    assert sum(each.notifications for each in summarise_receivers(notifications)) == len(notifications)
    report = judge([Fault("all", -1, None)], histories, notifications, END)
    assert report.false == ()
    assert report.verdicts[0].is_detected == bool(firing)
    assert len(judge([], histories, notifications, END).false) == len(firing)
    assert attrs.evolve(report, false=()) == report
