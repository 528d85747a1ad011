"""The page about evidence says what is so."""

import pathlib
import re
import shlex
import subprocess
import sys

import obsflow.incident.evidence
from obsflow.incident.evidence.causes import RELIABILITY

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "evidence.md"


def test_the_example_prints_what_the_page_says():
    """The Python of the page is run, and the output shown under it is its output."""
    code, shown = re.search(
        r"```python\n(.*?)```\n+```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    ).groups()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (result.stderr, result.stdout) == ("", shown)


def test_the_command_prints_what_the_page_says():
    """The command is run, and the output shown under it is its output."""
    ((arguments, shown),) = re.findall(
        r"```console\n\$ obsflow (.*?)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    command = [sys.executable, "-m", "obsflow.cli.main", *shlex.split(arguments)]
    result = subprocess.run(command, cwd=PAGE.parents[1], capture_output=True, text=True, check=False)

    assert (result.stderr, result.stdout) == ("", shown)


def test_the_table_of_reliabilities_is_the_one_in_force():
    """Every kind with its number."""
    rows = re.findall(r"^\| ([a-z ]+) \| (0\.\d+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert {kind: float(number) for kind, number in rows} == {kind.value: r for kind, r in RELIABILITY.items()}


def test_every_function_of_the_table_is_there():
    """By the name that it has in the package."""
    table = PAGE.read_text(encoding="utf-8").split("## What is found")[1].split("\n\n")[1]
    names = re.findall(r"`(\w+)[\w.]*`(?=[^|]*\|[^|]*\|[^|]*\|$)", table, re.MULTILINE)

    assert names
    assert [name for name in names if name not in obsflow.incident.evidence.__all__] == []
