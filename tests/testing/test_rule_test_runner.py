"""What passes and what fails as in promtool, what the options change, and what a failure says."""

import textwrap

import pytest

from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.rule_tests.suite import RuleTestSuite, SuiteSettings, run_file

RULES = """
groups:
- name: g
  interval: 5m
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: page}
    annotations: {summary: "{{ $labels.job }} is down", url: "{{ $externalURL }}"}
  - alert: Kept
    expr: x > 1
    keep_firing_for: 2m
  - record: ups
    expr: sum(up)
  - record: ticks
    expr: count_over_time(ups[1h])
  - record: ahead
    expr: up offset -2m
  - record: subquery
    expr: count_over_time(up[5m:])
"""

UP = "input_series: [{series: 'up{job=\"a\"}', values: '1 0x20'}]"
FIRING = '{exp_labels: {severity: page, job: a}, exp_annotations: {summary: "a is down", url: ""}}'


def outcomes(tmp_path, tests, rules=RULES, options="", settings=None):
    """The outcomes of the entries of `tests`, texts in YAML."""
    (tmp_path / "rules.yml").write_text(rules, encoding="utf-8")
    entries = "".join("- " + textwrap.indent(textwrap.dedent(test).strip(), "  ")[2:] + "\n" for test in tests)
    path = tmp_path / "test.yml"
    path.write_text(f"rule_files: [rules.yml]\n{options}\ntests:\n{entries}", encoding="utf-8")
    return list(run_file(path, settings or SuiteSettings()))


def judge(tmp_path, test, **more):
    """Verdict and message of the only test."""
    (outcome,) = outcomes(tmp_path, [test], **more)
    return outcome.verdict.value, outcome.message.replace(f"{tmp_path}/", "")


def alert(time, name, alerts, more=""):
    return f"{UP}\n{more}\nalert_rule_test: [{{eval_time: {time}, alertname: {name}, exp_alerts: [{alerts}]}}]"


def query(expr, time, samples, more="", series=UP):
    shown = ", ".join(f"{{labels: '{labels}', value: {value}}}" for labels, value in samples)
    return f"{series}\n{more}\npromql_expr_test: [{{expr: '{expr}', eval_time: {time}, exp_samples: [{shown}]}}]"


PASSES = [
    alert("1m", "Down", ""),
    alert("2m59s", "Down", ""),
    alert("3m", "Down", FIRING),
    alert("3m59s", "Down", FIRING),
    alert("0", "NoSuchRule", ""),
    # the interval of the group says nothing: it is evaluated every minute, of which there are 11 in 10m
    query("ticks", "10m", [("ticks", 11)]),
    # what is expected of the interval between evaluations is what the last of them left
    query("timestamp(ups)", "90s", [("{}", 60)]),
    # a sample at 80s is not there at 90s, because the last evaluation was at 60s
    query("max_over_time(m[5m])", "90s", [("{}", 6)], "interval: 10s", "input_series: [{series: m, values: 0+1x20}]"),
    # a rule sees only the samples that are loaded until its evaluation
    query("ahead", "5m", [("ahead", 5)], series="input_series: [{series: up, values: 0+1x20}]"),
    query("up offset -2m", "1m", [("up", 1)], series="input_series: [{series: up, values: 0+1x20}]"),
    # a subquery steps by the interval of the evaluations
    query("subquery", "10m", [('subquery{job="a"}', 5)]),
    query("time()", "1m", [("{}", 61.5)], "start_timestamp: 1.5"),
    query("time()", "0", [("", 1704067200)], 'start_timestamp: "2024-01-01T00:00:00Z"'),
    query("1 + 1", "0", [("{}", 2)]),
    query("nothing", "0", []),
    query("up", "0", [("up", 3)], series="input_series: [{series: up, values: 1}, {series: up, values: 3}]"),
    query("ups", "0", [("ups", 1)], "external_labels: {a: b}"),
    # a series that rules write too, where they have nothing to write
    query("ups", "3m", [("ups", 7)], series="input_series: [{series: ups, values: 7x9}]"),
    query("count(ALERTS) by (alertstate)", "2m", [('{alertstate="pending"}', 1)]),
    query("count(ALERTS) by (alertstate)", "3m", [('{alertstate="firing"}', 1)]),
    query("ALERTS_FOR_STATE - 60", "3m", [('{alertname="Down", job="a", severity="page"}', 0)]),
    "{}",
]


@pytest.mark.parametrize("test", PASSES)
def test_passes(tmp_path, test):
    """What promtool passes."""
    assert judge(tmp_path, test) == ("passed", "")


FAILURES = [
    (
        alert("2m", "Down", FIRING),
        """
        test.yml:7: Down at 2m: expected 1 firing, got 0
            - missing    {alertname="Down", job="a", severity="page"}
                it is pending since 1m: true for 1m of 2m
        """,
    ),
    (
        alert("3m", "Down", ""),
        """
        test.yml:7: Down at 3m: expected 0 firing, got 1
            + unexpected {alertname="Down", job="a", severity="page"}
                it is firing since 3m: held for 2m
        """,
    ),
    (
        alert("3m", "Down", "{exp_labels: {severity: ticket, job: a}, exp_annotations: {summary: a is down}}"),
        """
        test.yml:7: Down at 3m: expected 1 firing, got 1
            ~ different  {alertname="Down", job="a", severity="page"}
                label severity: expected "ticket", got "page"
                annotation url: not expected, got ""
        """,
    ),
    (
        alert("3m", "Dwon", "{}"),
        """
        test.yml:7: Dwon at 3m: expected 1 firing, got 0
            - missing    {alertname="Dwon"}
                no rule has this name, did you mean "Down"?
        """,
    ),
    (
        alert("3m", "Kept", "{}"),
        """
        test.yml:7: Kept at 3m: expected 1 firing, got 0
            - missing    {alertname="Kept"}
                there are no series x
        """,
    ),
    (
        alert("0", "Down", "{}"),
        """
        test.yml:7: Down at 0s: expected 1 firing, got 0
            - missing    {alertname="Down"}
                the condition was never true: up == 0
        """,
    ),
    (
        query("up", "1m", [('up{job="a"}', 1), ("up", 2), ("up", 2)]),
        """
        test.yml:7: up at 1m
            - missing    up 2
            - expected twice up
            ~ different  up{job="a"}
                expected 1, got 0
        """,
    ),
    (
        query("up", "1m", []),
        """
        test.yml:7: up at 1m
            + unexpected up{job="a"} 0
        """,
    ),
    (
        query("up / 0 * 0", "0", [('{job="a"}', ".nan")]),
        """
        test.yml:7: up / 0 * 0 at 0s
            ~ different  {job="a"}
                expected NaN, got NaN (NaN is equal to nothing)
        """,
    ),
    (
        query("up[5m]", "0", []),
        """
        test.yml:7: up[5m] at 0s
            rule result is not a vector or scalar
        """,
    ),
    (
        query("up", "0", [('up{job=~"a"}', 1)]),
        """
        test.yml:7: up at 0s
            not the labels of a series: up{job=~"a"}
        """,
    ),
    ("input_series: [{series: 'up{', values: 1}]", "test.yml:4: not a value of a series: { 1"),
    ("start_timestamp: 1e300", "test.yml:4: the test is too far from the epoch"),
    (
        "promql_expr_test: [{expr: '1', eval_time: 90000d}]\nobsflow: {until: 100000d}",
        "test.yml:4: the test asks for more than 10000000 evaluations",
    ),
    (
        "alert_rule_test: [{eval_time: 5m, exp_alerts: [{}]}]",
        "test.yml:4: an alert_rule_test needs an alertname (at eval_time 5m)",
    ),
]


@pytest.mark.parametrize(("test", "message"), FAILURES)
def test_failures(tmp_path, test, message):
    """What is otherwise, and what the rules did instead."""
    verdict, found = judge(tmp_path, test)
    lines = textwrap.dedent(message).strip()
    assert (verdict, found.replace("test.yml:6:", "test.yml:7:")) == ("failed", lines)


def test_a_rule_that_fails_ends_the_test(tmp_path):
    """What was found before stays, and nothing after it is looked at."""
    rules = "groups: [{name: g, rules: [{record: r, expr: a + on () b}, {record: s, expr: a + on () b}]}]"
    test = """
    input_series: [{series: a, values: 1x9}, {series: 'b{x="1"}', values: _ 1x9}, {series: 'b{x="2"}', values: _ 1x9}]
    promql_expr_test: [{expr: a, eval_time: 5m, exp_samples: []}]
    alert_rule_test: [{eval_time: 0, alertname: X, exp_alerts: [{}]}, {eval_time: 5m, alertname: X, exp_alerts: [{}]}]
    """
    (outcome,) = outcomes(tmp_path, [test], rules)
    assert [finding.title for finding in outcome.findings] == [
        "X at 0s: expected 1 firing, got 0",
        "rule r failed at 1m",
        "rule s failed at 1m",
    ]


def test_two_rules_that_write_one_series(tmp_path):
    """The sample that cannot be stored ends the test."""
    rules = "groups: [{name: g, rules: [{record: r, expr: vector(1)}, {record: r, expr: vector(2)}]}]"
    (outcome,) = outcomes(tmp_path, ["promql_expr_test: [{expr: r, eval_time: 5m}]"], rules)
    assert [finding.title for finding in outcome.findings] == ["rule r could not be stored at 0s"]


def test_groups_are_evaluated_in_order(tmp_path):
    """By their place in the list, those that are not in it with its first, and else as in the file."""
    rules = """
    groups:
    - {name: reader, rules: [{record: read, expr: timestamp(written)}]}
    - {name: writer, rules: [{record: written, expr: vector(1)}]}
    """
    late = query("read", "1m", [("read", 0)], series="")
    soon = query("read", "1m", [("read", 60)], series="")
    order = "group_eval_order: [writer, reader]"
    assert judge(tmp_path, late, rules=textwrap.dedent(rules)) == ("passed", "")
    assert judge(tmp_path, soon, rules=textwrap.dedent(rules), options=order) == ("passed", "")


URL = """
groups: [{name: g, rules: [{alert: A, expr: "1", annotations: {a: "{{ pathPrefix }}", b: "{{ $externalURL }}"}}]}]
"""


def test_the_external_url(tmp_path):
    """Its functions fail as in promtool, and work where the test asks for it; the variable works always."""
    text = (
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "
        '\\"__alert_A\\" at <pathPrefix>: error calling pathPrefix: runtime error: invalid memory address or '
        "nil pointer dereference>"
    )
    url = "external_url: http://x/y/"
    fails = alert("0", "A", f'{{exp_annotations: {{a: "{text}", b: "http://x/y/"}}}}', url)
    works = alert(
        "0", "A", '{exp_annotations: {a: /y, b: "http://x/y"}}', f"{url}\nobsflow: {{external_url_functions: true}}"
    )
    assert judge(tmp_path, fails, rules=URL) == ("passed", "")
    assert judge(tmp_path, works, rules=URL) == ("passed", "")


OPTIONS = [
    ("group_intervals: true", query("ticks", "10m", [("ticks", 3)])),
    (
        "load_all: true",
        query(
            "max_over_time(m[5m])", "90s", [("{}", 9)], "interval: 10s", "input_series: [{series: m, values: 0+1x20}]"
        ),
    ),
    ("nan_equal: true", query("up / 0 * 0", "0", [('{job="a"}', ".nan")])),
    ("match: partial", alert("3m", "Down", "{exp_labels: {job: a}}")),
    ("match: partial", alert("3m", "Down", '{exp_annotations: {summary: {regex: "[a-z] is .*"}}}')),
    ("match: exact", alert("3m", "Down", FIRING.replace("job: a", 'job: {regex: "[a-c]"}'))),
    ("until: 5m", "alert_rule_test: [{alertname: Down, exp_pending: []}]"),
]


@pytest.mark.parametrize(("option", "test"), OPTIONS)
@pytest.mark.parametrize("where", ["file", "test"])
def test_options(tmp_path, option, test, where):
    """They hold for the file, or for one test."""
    if where == "file":
        assert judge(tmp_path, test, options=f"obsflow: {{{option}}}") == ("passed", "")
    else:
        assert judge(tmp_path, f"{test}\nobsflow: {{{option}}}", options="obsflow: {match: exact}") == ("passed", "")
    if option not in ("match: exact", "until: 5m"):
        assert judge(tmp_path, test)[0] == "failed"


def test_partial_expectations_count(tmp_path):
    """Every alert that fires has to be expected, by as many labels as one likes to name."""
    test = alert("3m", "Down", "{exp_labels: {job: a}}, {}", "obsflow: {match: partial}")
    verdict, message = judge(tmp_path, test)
    assert (verdict, "expected 2 firing, got 1" in message) == ("failed", True)
    assert judge(tmp_path, alert("3m", "Down", "", "obsflow: {match: partial}"))[0] == "failed"


def test_pending_alerts(tmp_path):
    """They are looked at where the test says so, and the firing ones with them only if it says so too."""
    pending = FIRING
    good = f"{UP}\nalert_rule_test: [{{eval_time: 2m, alertname: Down, exp_pending: [{pending}]}}]"
    bad = f"{UP}\nalert_rule_test: [{{eval_time: 3m, alertname: Down, exp_alerts: [], exp_pending: []}}]"
    assert judge(tmp_path, good) == ("passed", "")
    assert "expected 0 firing, got 1" in judge(tmp_path, bad)[1]


def test_kept_alerts_fire(tmp_path):
    """An alert that is kept firing fires, and is resolved when the time is over."""
    series = "input_series: [{series: x, values: 2 0x9}]"
    firing = f"{series}\nalert_rule_test: [{{eval_time: 2m, alertname: Kept, exp_alerts: [{{}}]}}]"
    over = f"{series}\nalert_rule_test: [{{eval_time: 3m, alertname: Kept, exp_alerts: []}}]"
    assert judge(tmp_path, firing)[0] == judge(tmp_path, over)[0] == "passed"


def test_native_histograms_are_skipped(tmp_path):
    """A test whose rules need them is skipped; of another the rest is tried, and may fail."""
    series = "input_series: [{series: h, values: '{{count:1}}'}, {series: up, values: 1}]"
    skipped = query("h", "0", [], series=series)
    failed = f"{series}\npromql_expr_test: [{{expr: h}}, {{expr: up}}]"
    rules = "groups: [{name: g, rules: [{record: r, expr: 'rate(h[5m])'}]}]"
    assert judge(tmp_path, skipped) == ("skipped", "test.yml:6: selects native histograms: h, which are not evaluated")
    assert judge(tmp_path, failed)[0] == "failed"
    verdict, message = judge(tmp_path, query("up", "0", [("up", 2)], series=series), rules=rules)
    assert (verdict, message) == ("skipped", "a rule selects native histograms, which are not evaluated: h")


def test_fuzzy_comparison(tmp_path):
    """Neighbouring numbers are equal only where the file says so."""
    series = "input_series: [{series: up, values: 2.9999999999999996}]"
    test = query("up", "0", [("up", 3)], series=series)
    assert judge(tmp_path, test)[0] == "failed"
    assert judge(tmp_path, test, options="fuzzy_compare: true")[0] == "passed"


def test_stepping_and_playing_agree(tmp_path):
    """A file whose rules are all led from tick to tick says the same as one whose rules are evaluated at once."""
    looking = RULES.replace("up offset -2m", "up offset 2m")
    test = f"{UP}\nalert_rule_test: [{{eval_time: 3m, alertname: Down, exp_alerts: [{FIRING}]}}]"
    assert judge(tmp_path, test, rules=looking) == judge(tmp_path, test) == ("passed", "")


def test_names_and_lines(tmp_path):
    """A test is known by its name and the line in which it begins."""
    found = outcomes(tmp_path, ["name: one", "{}"])
    assert [(each.name, each.line, each.title, each.verdict) for each in found] == [
        ("one", 4, "one", Verdict.PASSED),
        ("", 5, "line 5", Verdict.PASSED),
    ]
    suite = RuleTestSuite(tmp_path / "test.yml")
    assert [test.line for test in suite.file.tests] == [4, 5]
