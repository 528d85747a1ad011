"""Rules over series that a test does not give are left out, where they can do nothing."""

import pytest

from obsflow.model.labels import Labels
from obsflow.promql import PROMQLTEST, parse
from obsflow.rules import load_rules
from obsflow.testing.rule_tests.idle import is_silent, without_idle

SILENT = [
    "z",
    "z > 1",
    "1 < z",
    "-z",
    "(rate(z[5m]))",
    "sum by (a) (z) / on (a) group_left count by (a) (y)",
    "z and y",
    "z unless vector(1)",
    "vector(1) and z",
    "z or y",
    "histogram_quantile(0.9, sum by (le) (rate(z[5m])))",
    "max_over_time(z[1h:5m])",
    "topk(3, z)",
    "z + scalar(y)",
]
NOT_SILENT = [
    "1",
    "time()",
    "vector(1)",
    "absent(z)",
    "absent_over_time(z[5m])",
    "z or vector(0)",
    "vector(1) unless z",
    "vector(scalar(z))",
    'count_values("x", z)',
    'label_replace(z, "a", "b", "c", "(")',
    "topk(scalar(z), z)",
    "z + fill(0) y",
    "z offset step()",
    "info(z)",
    "hour()",
]


@pytest.mark.parametrize("expr", SILENT)
def test_silent(expr):
    """It gives nothing where there is nothing, and cannot fail."""
    assert is_silent(parse(expr, PROMQLTEST))


@pytest.mark.parametrize("expr", NOT_SILENT)
def test_not_silent(expr):
    """It may give something, or fail."""
    assert not is_silent(parse(expr, PROMQLTEST))


RULES = """
groups:
- name: g
  rules:
  - {record: first, expr: sum(up)}
  - {record: second, expr: first * 2}
  - {record: third, expr: '{__name__=~"secon.*"} * 2'}
  - {record: nothing, expr: down}
  - {record: after_nothing, expr: nothing + 1}
  - {record: labelled, expr: 'up{job="x"}'}
  - {alert: OfNothing, expr: nothing > 1}
  - {alert: OfAlerts, expr: ALERTS > 2}
"""


@pytest.mark.parametrize(
    ("series", "idle"),
    [
        ({"__name__": "up", "job": "a"}, ["nothing", "after_nothing", "labelled", "OfNothing", "OfAlerts"]),
        ({"__name__": "up", "job": "x"}, ["nothing", "after_nothing", "OfNothing", "OfAlerts"]),
        ({"__name__": "down"}, ["first", "second", "third", "labelled"]),
    ],
)
def test_what_rules_write_counts(series, idle):
    """A rule is not idle if it may read what another one writes that is not."""
    groups, found = without_idle(load_rules(RULES, "r.yml").groups, [Labels(series)])
    assert [rule.name for rule in found] == idle
    assert {rule.name for group in groups for rule in group.rules}.isdisjoint(idle)
