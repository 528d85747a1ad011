"""Rules that read nothing are evaluated beforehand where nobody can tell."""

import numpy as np
import pytest

from obsflow.flow.dependencies import ScheduledGroup
from obsflow.model.frames import Symbols
from obsflow.rules import load_rules
from obsflow.testing.rule_tests.constants import take_constants
from obsflow.testing.rule_tests.suite import run_file

TIMES = np.arange(0, 300_000, 60_000, dtype=np.int64)


def taken(rules):
    """The names of the rules that are taken out of their group."""
    text = "groups:\n- name: g\n  rules:\n" + "".join(f"  - {each}\n" for each in rules)
    (group,) = load_rules(text, "r.yml").groups
    found = take_constants([ScheduledGroup(group, 60_000, 0, TIMES)], Symbols(), 60_000)
    left = {rule.name for rule in found.schedule[0].group.rules}
    return [rule.name for rule in group.rules if rule.name not in left]


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (["{record: a, expr: vector(1)}", "{record: b, expr: '2'}", "{record: c, expr: time()}"], ["a", "b", "c"]),
        (["{record: a, expr: vector(1) > 2}"], ["a"]),
        (["{record: a, expr: up}"], []),
        # comes and goes
        (["{record: a, expr: 'vector(time()) > 100'}"], []),
        # two series
        (['{record: a, expr: \'vector(1) or label_replace(vector(1), "x", "y", "", "")\'}'], []),
        # the same name twice
        (["{record: a, expr: vector(1)}", "{record: a, expr: vector(2)}", "{record: b, expr: vector(2)}"], ["b"]),
        # read by name, by a pattern, by a query in a template
        (["{record: a, expr: vector(1)}", "{record: b, expr: vector(1)}", "{alert: x, expr: a > 1}"], ["b"]),
        (["{record: a, expr: vector(1)}", "{alert: x, expr: 'count({__name__=~\"a.*\"})'}"], []),
        (["{record: a, expr: vector(1)}", "{alert: x, expr: up, annotations: {y: '{{ query \"a\" }}'}}"], []),
        (
            ["{record: target_info, expr: vector(1)}", "{record: a, expr: vector(1)}", "{record: b, expr: up}"],
            ["target_info", "a"],
        ),
        (["{alert: x, expr: vector(1)}"], []),
    ],
)
def test_which_are_taken(rules, names):
    """Those that write one series without gaps, or nothing, whose name nobody else reads or writes."""
    assert taken(rules) == names


RULES = """
groups:
- name: g
  query_offset: 30s
  labels: {g: x}
  rules:
  - {record: a, expr: vector(1), labels: {k: v}}
  - {record: b, expr: time()}
"""
TESTS = """
rule_files: [r.yml]
tests:
- promql_expr_test:
  - {expr: a, eval_time: 9m, exp_samples: [{labels: 'a{g="x", k="v"}', value: 1}]}
  - {expr: 'count_over_time(a[10m])', eval_time: 9m, exp_samples: [{labels: '{g="x", k="v"}', value: 10}]}
  - {expr: b offset 1m, eval_time: 9m, exp_samples: [{labels: 'b{g="x"}', value: 450}]}
  - {expr: 'count({__name__=~".+"})', eval_time: 9m, exp_samples: [{value: 2}]}
"""


def test_what_they_write(tmp_path):
    """Queries see it at the times of the group, with the labels of the rules."""
    (tmp_path / "r.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "t.yml").write_text(TESTS, encoding="utf-8")
    assert [outcome.message for outcome in run_file(tmp_path / "t.yml")] == [""]
