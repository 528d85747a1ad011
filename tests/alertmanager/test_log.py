"""The notification log: when a group is news, when a repeat is due, and what is forgotten."""

import itertools

import pytest

from obsflow.alertmanager.log import NOTHING_LOGGED, LogEntry, NotificationLog, Question, decide
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.notifications import NotifyReason
from tests.oracles.alertmanager import notify_reason

M = 60_000
NOW = 1_000 * M
FIRST, NEW, ALL, SOME, REPEAT, NOTHING = NotifyReason


def alerts(digits):
    return frozenset(Labels(n=digit) for digit in digits)


# firing and resolved as logged, minutes since; firing, resolved, repeat interval in minutes, send_resolved → reason
CASES = [
    (None, "234", "", 10, False, FIRST),
    (None, "", "234", 10, False, NOTHING),
    (("123", "", 0), "234", "", 10, False, NEW),
    (("123", "", 1000), "123", "", 10, False, REPEAT),
    (("123", "", 9), "123", "", 10, False, NOTHING),
    (("123", "", 11), "123", "", 10, False, REPEAT),
    (("", "123", 11), "", "345", 10, True, NOTHING),
    (("12", "3", 9), "1", "23", 10, False, NOTHING),
    (("12", "3", 9), "1", "23", 10, True, SOME),
    (("12", "3", 9), "", "123", 10, False, ALL),
    (("12", "3", 9), "", "123", 10, True, ALL),
    (("", "3", 9), "1", "3", 10, True, FIRST),
]


@pytest.mark.parametrize(("logged", "firing", "resolved", "repeat", "send_resolved", "expected"), CASES)
@pytest.mark.parametrize("repeat_after_completion", [False, True])
def test_why_there_is_a_notification(
    logged, firing, resolved, repeat, send_resolved, expected, repeat_after_completion
):
    """The first rule that applies says so."""
    log = NotificationLog(repeat_after_completion=repeat_after_completion, expires=False, started_at=0)
    entry = NOTHING_LOGGED
    if logged is not None:
        then = NOW - logged[2] * M
        entry = LogEntry(then, then, alerts(logged[0]), alerts(logged[1]), repeat * M)
    due = log.repeat_due_at(entry, repeat * M) <= NOW
    assert decide(Question(entry, alerts(firing), alerts(resolved), send_resolved, due)) is expected


def test_the_table_equals_the_nested_conditions():
    """For every small question; that no entry and an entry without firing alerts are one thing included."""
    sets = [frozenset(each) for n in range(3) for each in itertools.combinations((Labels(n="1"), Labels(n="2")), n)]
    for firing, resolved, log_firing, log_resolved in itertools.product(sets, repeat=4):
        if firing & resolved:
            continue
        for send_resolved, due in itertools.product((False, True), repeat=2):
            logged = LogEntry(0, 0, log_firing, log_resolved, 1)
            expected = notify_reason((log_firing, log_resolved), firing, resolved, send_resolved, due)
            assert decide(Question(logged, firing, resolved, send_resolved, due)) is expected
            if not log_firing:
                assert notify_reason(None, firing, resolved, send_resolved, due) is expected


def test_when_a_repeat_is_due():
    """At the interval after the flush that sent, or strictly after the delivery of it."""
    entry = LogEntry(100, 103, alerts("1"), alerts(""), 50)
    ours = NotificationLog(repeat_after_completion=False, expires=False, started_at=0)
    theirs = NotificationLog(repeat_after_completion=True, expires=False, started_at=0)
    assert ours.repeat_due_at(entry, 50) == 150
    assert theirs.repeat_due_at(entry, 50) == 154


@pytest.mark.parametrize(("expires", "expected"), [(False, True), (True, False)])
def test_an_entry_may_be_forgotten(expires, expected):
    """After twice the repeat interval, at the next quarter of an hour of the server."""
    log = NotificationLog(repeat_after_completion=True, expires=expires, started_at=0)
    key = ("{}", EMPTY, "hook", "webhook", 0)
    log.put(key, LogEntry(NOW, NOW, alerts("1"), alerts(""), M))
    expired = NOW + 2 * M
    swept = expired + 15 * M - expired % (15 * M)
    assert log.get(key, swept - 1).firing == alerts("1")
    assert (log.get(key, swept) is not NOTHING_LOGGED) is expected


def test_an_entry_without_firing_alerts_is_none():
    """The log holds what receivers believe to be firing, and a copy goes its own way."""
    log = NotificationLog(repeat_after_completion=False, expires=False, started_at=0)
    key = ("{}", EMPTY, "hook", "webhook", 0)
    log.put(key, LogEntry(1, 1, alerts("1"), alerts(""), M))
    twin = log.copy()
    log.put(key, LogEntry(2, 2, alerts(""), alerts("1"), M))
    assert log.get(key, 3) is NOTHING_LOGGED
    assert twin.get(key, 3).firing == alerts("1")
