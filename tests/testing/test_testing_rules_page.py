"""What docs/testing-rules.md shows runs, and prints what it says."""

import pathlib
import re
import shlex
import subprocess
import sys

import pytest
from tests.testing.test_pytest_plugin import PLUGIN

from obsflow.cli.main import main

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "testing-rules.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in re.findall(r"```(?:yaml|python) (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_console(capsys):
    """The command prints what is shown under it."""
    ((command, shown),) = re.findall(r"```console\n\$ obsflow (.*?)\n(.*?)```", PAGE, re.DOTALL)
    assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out == shown


def test_failure(folder, capsys):
    """A failure looks as it is shown."""
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    path = folder / "availability.promtest.yml"
    expected = "{exp_labels: {severity: page, job: api, instance: a}}"
    path.write_text(
        path.read_text(encoding="utf-8").replace("exp_alerts: []", f"exp_alerts: [{expected}]"), encoding="utf-8"
    )
    assert main(["test", "rules", path.name]) == 1
    assert capsys.readouterr().out == f"{shown}0 passed, 1 failed\n"


def test_all_files_in_pytest(folder):
    """The files of tests pass, and so do the tests with fixtures."""
    command = [sys.executable, "-m", "pytest", *PLUGIN, "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "6 passed" in result.stdout, result.stdout + result.stderr


def test_every_option_is_named():
    """What may stand under `obsflow:` is on the page."""
    from obsflow.testing.rule_tests.document import Options

    assert [name for name in Options.__annotations__ if f"`{name}" not in PAGE and f"{{{name}" not in PAGE] == []
