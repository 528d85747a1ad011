"""Prometheus' own files of rule tests, where its sources are at hand, end as its own tests of promtool say."""

import pathlib
import subprocess

import pytest

from obsflow.cli.main import main

FOLDER = "github.com/prometheus/prometheus@v0.314.0/cmd/promtool/testdata"

# file, options → exit code, and the line printed last
CASES = [
    ("unittest.yml", [], 0, "4 passed, 0 failed, 1 skipped"),
    ("long-period.yml", [], 0, "1 passed, 0 failed"),
    ("bad-input-series.yml", [], 1, "0 passed, 1 failed"),
    ("bad-promql.yml", [], 1, "0 passed, 1 failed"),
    ("bad-rules-syntax-test.yml", [], 1, "0 passed, 1 failed"),
    ("bad-rules-error-test.yml", [], 1, "0 passed, 1 failed"),
    ("failing.yml", [], 1, "0 passed, 2 failed"),
    ("at-modifier-test.yml", [], 0, "1 passed, 0 failed"),
    ("negative-offset-test.yml", [], 0, "1 passed, 0 failed"),
    ("no-test-group-interval.yml", [], 0, "1 passed, 0 failed"),
    ("start-time-test.yml", [], 0, "4 passed, 0 failed"),
    ("rules_run.yml", [], 1, "1 passed, 1 failed"),
    ("rules_run.yml", ["--run", "correct", "--run", "wrong"], 1, "1 passed, 1 failed"),
    ("rules_run.yml", ["--run", "correct"], 0, "1 passed, 0 failed"),
    ("rules_run.yml", ["--run", "wrong"], 1, "0 passed, 1 failed"),
    ("rules_run_extrafields.yml", [], 1, "0 passed, 1 failed"),
    ("rules_run_extrafields.yml", ["--ignore-unknown-fields"], 0, "1 passed, 0 failed"),
    ("rules_run_no_fuzzy.yml", [], 1, "0 passed, 1 failed"),
    ("rules_run_fuzzy.yml", ["--run", "correct"], 0, "1 passed, 0 failed"),
    ("rules_run_fuzzy.yml", ["--run", "wrong"], 1, "0 passed, 1 failed"),
]


def upstream(name):
    """A file of Prometheus' sources in the module cache of Go."""
    try:
        command = ["go", "env", "GOMODCACHE"]
        cache = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        cache = str(pathlib.Path.home() / "go" / "pkg" / "mod")
    path = pathlib.Path(cache) / FOLDER / name
    if not path.exists():
        pytest.skip(f"the sources of Prometheus are not here: {path}")
    return path


@pytest.mark.parametrize(("name", "options", "code", "last"), CASES, ids=str)
def test_upstream_files(capsys, name, options, code, last):
    """The exit code is promtool's with its features of today on; only native histograms are skipped."""
    assert main(["test", "rules", str(upstream(name)), *options]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last
