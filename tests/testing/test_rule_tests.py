"""Files of rule tests: what is read, and every problem at once."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obsflow.errors import ConfigError
from obsflow.model.durations import HOUR_MS, MINUTE_MS
from obsflow.testing.rule_tests.document import Options, load_rule_tests
from obsflow.testing.rule_tests.suite import run_file

FULL = """
rule_files: [rules.yml]
evaluation_interval: 30s
group_eval_order: [b, a]
fuzzy_compare: true
obsflow: {match: partial, alertmanager: am.yml}
tests:
- name: one
  interval: 10s
  start_timestamp: "2024-01-01T00:00:00Z"
  external_labels: {region: eu}
  external_url: http://x
  input_series: [{series: up, values: 1}]
  alert_rule_test: [{eval_time: 5m, alertname: A, exp_alerts: [{}]}]
  promql_expr_test: [{expr: up, eval_time: 1h, exp_samples: [{labels: up, value: 0x10}]}]
  notification_test: [{receiver: r, within: [1m, 2h]}]
  silences: [{matchers: ['a="b"']}]
  obsflow: {match: exact}
-
"""


def problems(text):
    with pytest.raises(ConfigError) as caught:
        load_rule_tests(text, "x.yml")
    return [f"{each.line}:{each.column}: {each.path}: {each.message}" for each in caught.value.problems]


def test_everything_is_read():
    """Durations are ms, times are ms since the epoch, what is missing has promtool's defaults."""
    file = load_rule_tests(FULL, "x.yml")
    one, empty = file.tests
    assert (file.evaluation_interval, file.group_eval_order, file.fuzzy_compare) == (30_000, ("b", "a"), True)
    assert (one.name, one.line, one.interval, one.start) == ("one", 8, 10_000, 1_704_067_200_000)
    assert (one.last_time, one.promql_expr_test[0].exp_samples[0].value) == (2 * HOUR_MS, 16.0)
    assert (empty.name, empty.interval, empty.start, empty.last_time) == ("", 0, 0, 0)
    assert file.options_of(one) == Options(match="exact", alertmanager="am.yml")
    assert file.options_of(empty).is_partial
    assert load_rule_tests("", "x.yml").evaluation_interval == MINUTE_MS


NUMBERS = [
    ("1", 1.0),
    ("1e3", 1000.0),
    ("-.inf", float("-inf")),
    ("+Inf", float("inf")),
    ("0b11", 3.0),
    ("-0x10", -16.0),
]


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_numbers(text, number):
    """As YAML writes them."""
    file = load_rule_tests(f"tests: [{{promql_expr_test: [{{exp_samples: [{{value: {text}}}]}}]}}]", "x.yml")
    assert file.tests[0].promql_expr_test[0].exp_samples[0].value == number


REASONS = "first notification, new alerts added, all alerts resolved, some alerts resolved, repeat interval elapsed"


def test_all_problems_are_said():
    """Each with its place, and what was probably meant."""
    text = """
    evaluation_intervall: 1m
    group_eval_order: [a, b, a]
    obsflow: {match: parial, compat: x}
    tests:
    - alert_rule_test:
      - eval_tme: 5m
        exp_alerts: [{exp_labels: {a: [x]}}]
      promql_expr_test: [{exp_samples: [{value: x}]}]
      notification_test:
      - {receiver: r}
      - {at: 5m, within: [1m]}
      - {receiver: r, within: [2m, 1m]}
      - {receiver: r, at: 1m, status: fired, reason: nothing new}
      silences: [{matchers: [x]}, {matchers: ['a=~".*"']}]
      start_timestamp: today
    """
    assert problems(text) == [
        '2:5: evaluation_intervall: unknown field "evaluation_intervall", did you mean "evaluation_interval"?',
        '3:5: group_eval_order: group "a" is there twice',
        '4:22: obsflow.match: expected one of exact, partial, got parial, did you mean "partial"?',
        (
            '4:38: obsflow.compat: unknown compat "x": expected one of "obsflow", "alertmanager", "alertmanager-0.34", '
            '"alertmanager-0.25"'
        ),
        '7:9: tests[0].alert_rule_test[0].eval_tme: unknown field "eval_tme", did you mean "eval_time"?',
        '8:39: labels.a: expected a string, or a mapping with the one key "regex"',
        '9:49: tests[0].promql_expr_test[0].exp_samples[0].value: expected a number, got "x"',
        '11:9: tests[0].notification_test[0]: a notification is expected either "at" a time or "within" two',
        '12:9: tests[0].notification_test[1]: "receiver" is required',
        '13:9: tests[0].notification_test[2]: "within" is a list of two times, the earlier one first',
        "14:39: tests[0].notification_test[3].status: expected one of firing, resolved, got fired",
        f"14:54: tests[0].notification_test[3].reason: expected one of {REASONS}, got nothing new",
        "15:18: tests[0].silences[0]: bad matcher format: x",
        (
            "15:35: tests[0].silences[1]: invalid silence: matcher set 0: "
            "at least one matcher must not match the empty string"
        ),
        '16:24: tests[0].start_timestamp: cannot parse "today" as a time: expected RFC 3339 or seconds since the epoch',
    ]


RULES = "groups: [{name: g, rules: [{alert: A, expr: up == 0}, {record: r, expr: sum(up)}]}]"
WHOLE = FULL.replace("  notification_test: [{receiver: r, within: [1m, 2h]}]\n", "").replace("1h", "5m")


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(0, len(WHOLE)),
    removed=st.integers(0, 12),
    added=st.text(st.sampled_from("abx01{}[]:,-_\"' \n\t=~()&*!|>%@`\x00\ud800é"), max_size=6),
)
def test_damage(tmp_path, at, removed, added):
    """A file with anything wrong in it gives outcomes, or problems, and nothing else."""
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    path = tmp_path / "test.yml"
    text = WHOLE[:at] + added + WHOLE[at + removed :]
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for outcome in run_file(path):
        assert outcome.verdict.value in ("passed", "failed", "skipped")
        assert str(outcome.message) or outcome.verdict.value == "passed"
