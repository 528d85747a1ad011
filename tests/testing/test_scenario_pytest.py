"""Files of scenarios as pytest collects them, in runs of its own."""

import subprocess
import sys

import pytest

PLUGIN = ("-p", "no:obsflow", "-p", "obsflow.testing.pytest_plugin", "-p", "no:cacheprovider")
CONFIG = """\
alertmanager:
  route: {receiver: team, group_wait: 1s, group_interval: 5s}
  receivers: [{name: team, webhook_configs: [{url: 'http://localhost:1/'}]}]
"""
EVENTS = "events: [{at: 1s, alerts: [{labels: {alertname: a}}]}]"
SCENARIOS = f"""\
{CONFIG}scenarios:
- {{name: good, {EVENTS}, until: 3s, expect: [{{at: 2s, receiver: team}}]}}
- {{{EVENTS}, until: 3s}}
- {{name: good, until: 1s}}
"""


def run(folder, *arguments):
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", *PLUGIN, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_files_are_collected(tmp_path):
    """An item for each scenario by the file's name alone; a failure is the report, without a trace."""
    (tmp_path / "paging.scenario.yml").write_text(SCENARIOS, encoding="utf-8")
    (tmp_path / "other.yml").write_text(SCENARIOS, encoding="utf-8")
    result = run(tmp_path, "-v")
    assert result.returncode == 1, result.stdout + result.stderr
    for line in (
        "paging.scenario.yml::good PASSED",
        "paging.scenario.yml::line 6 FAILED",
        "paging.scenario.yml::good (line 7) PASSED",
    ):
        assert line in result.stdout
    assert "paging.scenario.yml:6: 1 notification not expected" in result.stdout
    assert "Traceback" not in result.stdout
    assert "1 failed, 2 passed" in result.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{CONFIG}scenario: []", 'unknown field "scenario", did you mean "scenarios"?'),
        (f"{CONFIG}scenarios: [{{until: x}}]", "scenarios[0].until: expected a duration such as 2.3s"),
        ("scenarios: [{name: x}]", 'no "alertmanager", neither here nor for the whole file'),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, text, message):
    """It is an error of the collection, with every problem and no trace."""
    (tmp_path / "a.scenario.yaml").write_text(text, encoding="utf-8")
    result = run(tmp_path)
    assert result.returncode == 2
    assert message in result.stdout
    assert "Traceback" not in result.stdout
