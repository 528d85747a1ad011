"""What is known of alerts: completion, merging, forgetting, and the order in which they are shown."""

import pytest

from obsflow.alertmanager.alerts import AlertStore, complete, merge
from obsflow.alertmanager.grouping import in_order
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY, Labels
from tests.oracles.alertmanager import shown_before

M = 60_000
NOW = 1_000 * M


SOME = Labels(a="b")


def known(times, has_timeout=False, labels=SOME):
    start, end = times
    alert = Alert(labels, EMPTY, NOW + start * M, None if has_timeout else NOW + end * M)
    return complete(alert, NOW, end * M)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (((-2, 2), True), ((-1, 3), True), (-2, 3)),
        (((-1, 3), True), ((0, 2), False), (-1, 2)),
        (((-1, 3), False), ((0, 2), True), (-1, 3)),
        (((-1, 3), False), ((0, 2), False), (-1, 3)),
        (((-1, 3), False), ((-1, 4), False), (-1, 4)),
        (((-3, -1), False), ((-2, 1), False), (-3, 1)),
        (((-2, 3), False), ((-2, 0), False), (-2, 0)),
        (((-3, -1), False), ((-4, -2), False), (-4, -1)),
    ],
)
def test_merging(old, new, expected):
    """The earlier start; the newer end, unless the older one was said and is later."""
    merged = merge(known(*old), known(*new), NOW)
    assert (merged.starts_at - NOW, merged.ends_at - NOW) == (expected[0] * M, expected[1] * M)
    assert merged.has_timeout is new[1]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(None, None, (0, 5)), (None, 3, (3, 3)), (-1, None, (-1, 5)), (-2, -1, (-2, -1))],
)
def test_missing_times(start, end, expected):
    """The start is the end that is given, else now; the end is a resolve timeout away."""
    times = (None if each is None else NOW + each * M for each in (start, end))
    alert = complete(Alert(Labels(a="b"), EMPTY, *times), NOW, 5 * M)
    assert (alert.starts_at - NOW, alert.ends_at - NOW) == (expected[0] * M, expected[1] * M)
    assert alert.has_timeout is (end is None)


@pytest.mark.parametrize(
    ("alert", "message"),
    [
        (Alert(EMPTY), "at least one label pair required"),
        (Alert(Labels(a="b"), EMPTY, 2, 1), "start time must be before end time"),
    ],
)
def test_what_no_sender_may_send(alert, message):
    """It is refused, and what was known stays."""
    store = AlertStore(M, 0)
    store.put(Alert(Labels(a="b"), EMPTY, 1, 5), 1)
    before = tuple(store)
    with pytest.raises(ValueError, match=message):
        store.put(alert, 2)
    assert tuple(store) == before


def test_a_resend_replaces_and_an_overlap_merges():
    """The same start with a later end is simply newer; a start within the known time keeps the known start."""
    store = AlertStore(M, 0)
    store.put(Alert(Labels(a="b"), EMPTY, 10, 100), 10)
    assert store.put(Alert(Labels(a="b"), EMPTY, 10, 200), 20).ends_at == 200
    assert store.put(Alert(Labels(a="b"), EMPTY, 50, 300), 60).starts_at == 10
    assert store.put(Alert(Labels(a="b"), EMPTY, 400, 500), 400).starts_at == 400


def test_resolved_alerts_are_forgotten_every_half_hour():
    """Counted from the start of the server, however late the question comes."""
    store = AlertStore(M, 7)
    store.put(Alert(Labels(a="ends"), EMPTY, 10, 100), 10)
    store.put(Alert(Labels(a="fires"), EMPTY, 10, 1 << 40), 10)
    assert store.collect(6 + 30 * M) == ()
    assert store.collect(7 + 30 * M) == (Labels(a="ends"),)
    store.put(Alert(Labels(a="ends"), EMPTY, 10, 100), 31 * M)
    assert store.collect(59 * M) == ()
    assert store.collect(95 * M) == (Labels(a="ends"),)
    assert len(store) == 1


SETS = [
    Labels(alertname="an1", job="j1", instance="i1"),
    Labels(alertname="an2", job="j1", instance="i1"),
    Labels(alertname="an1", job="j1", instance="i2"),
    Labels(alertname="an1", job="j1"),
    Labels(alertname="an0", job="j2", instance="i1"),
    Labels(alertname="an1"),
    Labels(alertname="an2"),
    Labels(alertname="an1", c="1"),
    Labels(alertname="an1", b="1"),
]


def test_the_order_of_alerts():
    """By job, by instance, those without last; then fewer labels first, then by name and value."""
    assert [alert.labels for alert in in_order(known((0, 1), labels=each) for each in reversed(SETS))] == SETS
    for i, one in enumerate(SETS):
        for j, other in enumerate(SETS):
            assert shown_before(one, other) is (i < j)
