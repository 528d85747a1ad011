"""When rules were evaluated is read off what they wrote."""

import pytest

from obsflow.flow.phase import TimedGroup, recorded_offsets, recorded_start
from obsflow.rules import load_rules
from obsflow.tsdb.memory import TSDB

END = 600_000


def groups(text, offset_ms=0):
    return [TimedGroup(group, group.interval_ms, offset_ms) for group in load_rules(text, "f").groups]


def store_of(*series):
    """Each series: labels, first time, step."""
    store = TSDB()
    for labels, first, step in series:
        for time in range(first, END, step):
            store.append(labels, time, 1.0)
    return store


def offsets(text, *series, offset_ms=0):
    return recorded_offsets(store_of(*series), groups(text, offset_ms), 0, END)


def alerts(name, **labels):
    return {"__name__": "ALERTS", "alertname": name, "alertstate": "firing", **labels}


def test_the_offset_is_that_of_the_samples():
    """Recorded series and ALERTS both tell; a group that wrote nothing has no offset."""
    text = """
groups:
- {name: a, interval: 10s, rules: [{record: r, expr: x}]}
- {name: b, interval: 10s, rules: [{alert: A, expr: x, labels: {severity: '{{ $value }}'}}]}
- {name: c, interval: 10s, rules: [{alert: Never, expr: x}]}
"""
    assert offsets(text, ({"__name__": "r"}, 3_000, 10_000), (alerts("A"), 7_000, 10_000)) == [3_000, 7_000, None]


def test_a_query_offset_shifts_the_samples():
    """Samples are stamped with the time that was asked for, not with that of the evaluation."""
    text = "groups: [{name: a, interval: 10s, rules: [{record: r, expr: x}]}]"
    assert offsets(text, ({"__name__": "r"}, 3_000, 10_000), offset_ms=4_000) == [7_000]


SHARED = """
groups:
- {name: slow, interval: 10s, rules: [{alert: A, expr: x}, {record: r, expr: x}]}
- {name: fast, interval: 2s, rules: [{alert: A, expr: y}, {record: r, expr: y, labels: {k: v}}]}
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SHARED, [4_300, 700]),  # the label tells which series are whose, and what is left is the other's
        (SHARED.replace("A,", "A, labels: {i: '1'},", 1), [4_300, 700]),
        (SHARED.replace("- {name: slow", "- {name: own, interval: 10s, rules: [{alert: B, expr: x}]}\n- {name: slow"),
         [9_100, 4_300, 700]),
    ],
)  # fmt: skip
def test_groups_that_write_series_of_one_name(text, expected):
    """The evaluations of a busy group do not hide those of another group whose rules have the same names."""
    series = (
        (alerts("A", i="1"), 4_300, 10_000),
        (alerts("A", i="2"), 700, 2_000),
        (alerts("B"), 9_100, 10_000),
        ({"__name__": "r"}, 4_300, 10_000),
        ({"__name__": "r", "k": "v"}, 700, 2_000),
    )
    assert offsets(text, *series) == expected


def test_groups_that_nothing_tells_apart_have_different_offsets():
    """Two groups with the same rules share the offsets that were recorded between them."""
    text = """
groups:
- {name: one, interval: 10s, rules: [{alert: A, expr: x}]}
- {name: two, interval: 10s, rules: [{alert: A, expr: y}]}
"""
    series = ((alerts("A", i="1"), 1_000, 10_000), (alerts("A", i="2"), 305_000, 10_000))
    assert sorted(offsets(text, *series)) == [1_000, 5_000]


RULES = "groups: [{name: a, interval: 10s, rules: [{record: r, expr: x}, {alert: A, expr: x}]}]"
STARTED = 100_500


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([], 100_500),
        ([({"__name__": "up"}, 127_000, 10_000)], 122_000),
        ([({"__name__": "up"}, 104_000, 10_000)], 100_500),
        ([({"__name__": "up"}, 7_000, 30_000)], 122_000),  # also an earlier run of the server
        ([({"__name__": "up"}, 127_000, 10_000), ({"__name__": "r"}, 104_000, 10_000)], 104_000),
        ([({"__name__": "other"}, 101_000, 10_000), ({"__name__": "up"}, 127_000, 10_000)], 122_000),
    ],
)
def test_evaluation_began_with_the_first_thing_the_server_did(series, expected):
    """A server that has started reads its log first; when it had, what it did next says.

    Targets are not scraped before they are discovered, five seconds later.
    """
    store = store_of(*series)
    assert recorded_start(store, [each.group for each in groups(RULES)], STARTED, 0) == expected


@pytest.mark.parametrize(("active_at", "expected"), [(103, 103_000), (100, 100_500), (99, 122_000), (130, 122_000)])
def test_an_alert_that_is_active_says_that_rules_are_evaluated(active_at, expected):
    """Whole seconds since when, as the server keeps them; what was active before it started was restored."""
    store = store_of(({"__name__": "up"}, 127_000, 10_000))
    store.append({"__name__": "ALERTS_FOR_STATE", "alertname": "A"}, 140_000, float(active_at))
    assert recorded_start(store, [each.group for each in groups(RULES)], STARTED, 0) == expected


def test_data_that_begins_long_after_the_server():
    """Nothing is evaluated before there is data."""
    store = store_of(({"__name__": "up"}, 107_000, 10_000))
    assert recorded_start(store, [], -86_400_000, 107_000) == 107_000
