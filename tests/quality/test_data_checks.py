"""Selectors against recorded data: what is not there, and what only has not happened."""

import pytest

from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.quality import Inventory, Settings, Severity
from tests.quality.cases import alert, find
from tests.query.store import ListStore

STEPS = 40
TIMES = [i * 15_000 for i in range(STEPS)]
COUNTER = [float(i % 30) for i in range(STEPS)]  # with one restart
GAUGE = [float(i * 7 % 5) for i in range(STEPS)]


def inventory():
    target = {"job": "api", "instance": "a:80"}
    store = ListStore([
        ({METRIC_NAME: "up", **target}, TIMES, [1.0] * STEPS),
        ({METRIC_NAME: "http_requests_total", "code": "200", **target}, TIMES, COUNTER),
        ({METRIC_NAME: "queue", **target}, TIMES, GAUGE),
        ({METRIC_NAME: "received_bytes", **target}, TIMES, COUNTER),
        ({METRIC_NAME: "jumping_total", **target}, TIMES, GAUGE),
    ])  # fmt: skip
    return Inventory(store, 0, TIMES[-1])


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("http_request_total > 1", ("D401", "warning", "Did you mean http_requests_total?")),
        ("nothing_like_it > 1", ("D401", "warning", "")),
        ('http_requests_total{cod="200"} > 1', ("D402", "warning", "Did you mean code?")),
        ('up{zone="x"} == 0', ("D402", "warning", "It has instance, job.")),
        ('up{job="apj"} == 0', ("D403", "warning", "Did you mean api?")),
        ('up{job="shop"} == 0', ("D403", "warning", "It has api.")),
        ('http_requests_total{code="500"} > 1', ("D403", "note", "It has 200.")),
        ('up{job=~"shop.*"} == 0', ("D403", "note", "It has api.")),
        ('rate(http_requests_total{code=~"5.."}[5m]) > 1', ("D403", "note", "It has 200.")),
        ("nothing_like_it > 1 or up == 0", ("D401", "note", "")),
        ('{__name__=~"x.*"} > 1', ("D403", "note", "")),
    ],
)
def test_what_is_missing_is_named(expr, expected):
    """The metric, the label or the value; of a target's own label it is most likely a mistake."""
    found = find(alert(expr), settings=Settings(inventory=inventory()))
    (finding,) = [each for each in found if each.code.startswith("D")]

    assert (finding.code, finding.severity.value, finding.fix) == expected


@pytest.mark.parametrize(
    "expr",
    [
        "up == 0",
        "queue > 1000",
        "absent(nothing_like_it)",
        "up == 0 unless nothing_like_it",
        "ALERTS == 1",
        'http_requests_total{code!="500"} > 1',
        'http_requests_total{zone=""} > 1',
    ],
)
def test_what_is_there_or_need_not_be_is_no_finding(expr):
    """A condition that was never true is no fault, nor is asking for what is absent."""
    found = find(alert(expr), settings=Settings(inventory=inventory()))

    assert [each for each in found if each.code.startswith("D")] == []


def test_what_a_rule_records_counts_as_there():
    """Series that the rules under review write are not looked for in the data."""
    rules = {"record": "job:up:sum", "expr": "sum by (job) (up)"}, alert("job:up:sum < 1")

    assert find(*rules, settings=Settings(inventory=inventory())) == []


@pytest.mark.parametrize(
    ("expr", "severities"),
    [
        ("rate(queue[5m]) > 1", [Severity.WARNING]),
        ("rate(jumping_total[5m]) > 1", [Severity.WARNING]),
        ("rate(received_bytes[5m]) > 1", []),
        ("rate(http_requests_total[5m]) > 1", []),
        ("delta(jumping_total[5m]) > 1", []),
    ],
)
def test_data_settles_what_a_name_does_not(expr, severities):
    """A series that falls again and again is a gauge, whatever it is called; one that restarts once is none."""
    found = find(alert(expr), settings=Settings(inventory=inventory()))

    assert [each.severity for each in found] == severities


def test_too_few_samples_say_nothing():
    """A series that hardly changes is neither."""
    name = Matcher(METRIC_NAME, MatchOp.EQUAL, "up")

    assert inventory().falls([name]) is None
