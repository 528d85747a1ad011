"""The pytest plugin in runs of its own."""

import subprocess
import sys
import textwrap

import pytest

PLUGIN = ("-p", "no:obsflow", "-p", "obsflow.testing.pytest_plugin")  # under one name, installed or not
RULES = "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 1m}]}]"
TESTS = """
rule_files: [rules.yml]
tests:
- name: good
  input_series: [{series: up, values: 1 0x9}]
  alert_rule_test: [{eval_time: 2m, alertname: Down, exp_alerts: [{}]}]
- input_series: [{series: up, values: 1 0x9}]
  alert_rule_test: [{eval_time: 1m, alertname: Down, exp_alerts: [{}]}]
- name: good
- name: histograms
  input_series: [{series: h, values: '{{count:1}}'}]
  promql_expr_test: [{expr: h}]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    (tmp_path / "rules.yml").write_text(RULES, encoding="utf-8")
    return tmp_path


def run(folder, *arguments):
    command = [sys.executable, "-m", "pytest", *PLUGIN, "-p", "no:cacheprovider", "-rs", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_files_are_collected(folder):
    """An item for each test, called by its name or its line; a failure is the report, without a trace."""
    (folder / "down.promtest.yml").write_text(TESTS, encoding="utf-8")
    result = run(folder, "-v")
    assert result.returncode == 1, result.stdout + result.stderr
    for line in (
        "down.promtest.yml::good PASSED",
        "down.promtest.yml::line 7 FAILED",
        "down.promtest.yml::good (line 9) PASSED",
        "down.promtest.yml::histograms SKIPPED",
    ):
        assert line in result.stdout
    assert "down.promtest.yml:8: Down at 1m: expected 1 firing, got 0\n    - missing" in result.stdout
    assert "Traceback" not in result.stdout
    assert "1 failed, 2 passed, 1 skipped" in result.stdout


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.promtest.yml": "tets: []"}, 'unknown field "tets", did you mean "tests"?'),
        ({"a.promtest.yml": "rule_files: [r.yml]\ntests: [{}]", "r.yml": "groups: [{}]"}, "a group must have a name"),
        ({"a.promtest.yml": "rule_files: [x*]\ntests: [{}]"}, "no file matches"),
    ],
)
def test_what_is_wrong_with_a_file(folder, files, message):
    """It is an error of the collection, of each test that needs it, or a warning; never a trace."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    result = run(folder)
    assert message in result.stdout
    assert "Traceback" not in result.stdout


def test_fixtures(folder):
    """They do what their three lines say."""
    (folder / "alertmanager.yml").write_text(
        "route: {receiver: team}\nreceivers: [{name: team, webhook_configs: [{url: 'http://x/'}]}]\n", encoding="utf-8"
    )
    (folder / "test_it.py").write_text(
        textwrap.dedent("""
        def test_engine(obsflow_engine):
            obsflow_engine.load("1m", 'requests_total{job="a"} 0+60x10')
            assert obsflow_engine.query("rate(requests_total[5m])", at="10m") == {'{job="a"}': 1.0}

        def test_timeline(obsflow_timeline):
            timeline = obsflow_timeline("rules.yml", "alertmanager.yml")
            timeline.load("1m", "up 1 0x20")
            timeline.advance("15m")
            assert [each.receiver for each in timeline.notifications] == ["team"]

        def test_router(obsflow_router):
            router = obsflow_router("alertmanager.yml", compat="alertmanager")
            router.fire({"alertname": "X"})
            assert [each.receiver for each in router.advance("1m")] == ["team"]
        """),
        encoding="utf-8",
    )
    result = run(folder)
    assert "3 passed" in result.stdout, result.stdout + result.stderr


def test_nothing_is_imported_before_it_is_used():
    """The plugin itself brings in no module of obsflow but its own package, and never Hypothesis."""
    code = (
        "import sys, obsflow.testing; before = set(sys.modules); import obsflow.testing.pytest_plugin;"
        "print([name for name in set(sys.modules) - before if name.startswith(('obsflow', 'hypothesis'))])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "['obsflow.testing.pytest_plugin']\n"
