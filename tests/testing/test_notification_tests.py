"""From the metric to the notification in one test: what leaves, when, why, and what a failure says."""

import pytest

from obsflow.testing.rule_tests.suite import run_file

RULES = """
groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: page}
    annotations: {summary: "{{ $labels.job }} is down"}
  - alert: Dead
    expr: dead == 1
    labels: {severity: dead}
"""
ROUTES = """
route:
  receiver: team
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1h
  routes:
  - {matchers: [severity="page"], receiver: pager}
receivers:
- {name: team, webhook_configs: [{url: "http://x/"}]}
- {name: pager, webhook_configs: [{url: "http://y/"}]}
inhibit_rules:
- {source_matchers: [severity="dead"], target_matchers: [severity="page"]}
"""
DOWN = "labels: {alertname: Down, severity: page, job: a}"
FIRST = "{receiver: pager, at: 3m30s, status: firing, reason: first notification}"
LAST = "{receiver: pager, at: 13m30s, status: resolved, reason: all alerts resolved}"
HEAD = """\
rule_files: [rules.yml]
obsflow: {alertmanager: am.yml%s}
tests:
- input_series: [{series: 'up{job="a"}', values: '1 %s'}]
"""


def findings(tmp_path, expected, *, values="0x10 1x30", options="", test=""):
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    (tmp_path / "am.yml").write_text(ROUTES, encoding="utf-8")
    lines = [*filter(None, test.split("\n")), "notification_test:", *(f"- {each}" for each in expected)]
    text = HEAD % (options, values) + "".join(f"  {line}\n" for line in lines)
    (tmp_path / "test.yml").write_text(text, encoding="utf-8")
    (outcome,) = run_file(tmp_path / "test.yml")
    return [str(each).replace(f"{tmp_path}/", "") for each in outcome.findings]


PASSES = [
    ([FIRST, LAST], ""),
    ([LAST, FIRST], ""),
    (["{receiver: pager, within: [3m, 4m]}", "{receiver: pager, within: [4m, 20m], status: resolved}"], ""),
    # what is expected of two notifications is paired so that both find one
    (["{receiver: pager, within: [0s, 20m]}", "{receiver: pager, at: 3m30s}"], ""),
    ([f"{{receiver: pager, at: 3m30s, integration: webhook, alerts: [{{{DOWN}, status: firing}}]}}"], ""),
    ([f"{{receiver: pager, at: 3m30s, alerts: [{{{DOWN}, annotations: {{summary: a is down}}}}]}}"], ""),
    ([LAST], ", match: partial"),
    (["{receiver: pager, at: 3m30s, alerts: [{labels: {job: {regex: '[a-c]'}}}]}"], ", match: partial"),
    # Alertmanager itself needs some milliseconds
    ([FIRST, LAST], ", compat: alertmanager"),
]


@pytest.mark.parametrize(("expected", "options"), PASSES)
def test_passes(tmp_path, expected, options):
    """What is expected leaves, and nothing else does."""
    assert findings(tmp_path, expected, options=options) == []


IT = '{alertname="Down", job="a", severity="page"}'
FAILURES = [
    (
        [FIRST],
        ", until: 14m",
        f"""\
test.yml:5: 1 notification not expected
    + pager (webhook) at 13m30s, all alerts resolved: {IT} resolved""",
    ),
    (
        [FIRST.replace("3m30s", "4m").replace("first notification", "repeat interval elapsed")],
        "",
        f"""\
test.yml:6: notification pager at 4m firing repeat interval elapsed: missing
    ~ pager (webhook) at 3m30s, first notification: {IT} firing
        time: expected at 4m, got 3m30s
        reason: expected repeat interval elapsed, got first notification
test.yml:5: 1 notification not expected
    + pager (webhook) at 3m30s, first notification: {IT} firing""",
    ),
    (
        ["{receiver: pger, at: 1m}"],
        "",
        """\
test.yml:6: notification pger at 1m: missing
    no receiver has this name, did you mean "pager"?""",
    ),
    (
        ["{receiver: team, at: 1m}"],
        "",
        """\
test.yml:6: notification team at 1m: missing
    no alert reached this receiver""",
    ),
    (
        [FIRST.replace("}", ", alerts: [{labels: {alertname: Down, job: b, severity: page}}]}")],
        ", match: partial",
        f"""\
test.yml:6: notification pager at 3m30s firing first notification: missing
    ~ pager (webhook) at 3m30s, first notification: {IT} firing
        alert {IT}: label job: expected "b", got "a\"""",
    ),
]


@pytest.mark.parametrize(("expected", "options", "lines"), FAILURES)
def test_failures(tmp_path, expected, options, lines):
    """What is missing, with what there was instead, and what nobody expects."""
    assert "\n".join(findings(tmp_path, expected, options=options)) == lines


def test_silences(tmp_path):
    """A silence keeps a notification back for as long as it lasts, and the failure names it."""
    silences = "silences: [{matchers: ['alertname=\"Down\"'], start: 1m, end: 6m}]"
    late = "{receiver: pager, at: 8m30s, status: firing}"
    assert findings(tmp_path, [late], test=silences) == []
    (found,) = findings(tmp_path, [FIRST], test=silences)
    assert found.endswith(
        "last looked at 3m30s: nothing new, 0 firing\n"
        '        {alertname="Down", job="a", severity="page"} was silenced by #0'
    )


def test_inhibition(tmp_path):
    """An alert that another one inhibits is not told, and the failure names the other."""
    both = "0x10 1x30'}, {series: dead, values: '1x60"
    (found,) = findings(tmp_path, [FIRST], values=both, options=", match: partial")
    assert found.endswith(
        '{alertname="Down", job="a", severity="page"} was inhibited by {alertname="Dead", severity="dead"}, rule 1'
    )


def test_it_needs_a_configuration(tmp_path):
    """Without one there is nothing to test."""
    (tmp_path / "test.yml").write_text("tests: [{notification_test: []}]", encoding="utf-8")
    (outcome,) = run_file(tmp_path / "test.yml")
    assert outcome.message.endswith('test.yml:1: a notification_test needs "alertmanager" under "obsflow"')


def test_a_configuration_with_problems(tmp_path):
    """They are all said, with their places."""
    (tmp_path / "am.yml").write_text("route: {receiver: x, group_wait: y}\nreceivers: [{nam: z}]\n", encoding="utf-8")
    text = "obsflow: {alertmanager: am.yml}\ntests: [{notification_test: []}]"
    (tmp_path / "test.yml").write_text(text, encoding="utf-8")
    (outcome,) = run_file(tmp_path / "test.yml")
    places = [f"{each.position.source}:{each.position.line}" for each in outcome.findings]
    assert len(places) > 1
    assert set(places) == {f"{tmp_path / 'am.yml'}:1", f"{tmp_path / 'am.yml'}:2"}
