"""The page on property testing is true: what it says of its rules happens when its code runs."""

import pathlib
import re

import pytest
from hypothesis import Phase, settings

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "property-testing.md"
FIRST, MENDING, CONVERSE = range(3)
QUICK = settings(deadline=None, derandomize=True, database=None, phases=[Phase.generate, Phase.shrink])


def run_page(*blocks):
    """What is defined when these blocks of code have run, one after the other."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    defined = {}
    for block in blocks:
        exec(compile(code[block], str(PAGE), "exec"), defined)
    return defined


def test_the_mistaken_rule_is_found_out_with_the_counterexample_shown():
    """The property fails on the rule as given, and Hypothesis prints the lines of the page."""
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    check = QUICK(run_page(FIRST)["test_fires_only_if_requests_fail"])

    with pytest.raises(AssertionError) as raised:
        check()

    printed = "\n".join((f"AssertionError: {raised.value}", *raised.value.__notes__)).splitlines()
    assert [line for line in printed if line in shown.splitlines()] == shown.splitlines()


def test_the_mended_rule_passes():
    """Both halves of what the rule promises hold of its mended form."""
    defined = run_page(FIRST, MENDING, CONVERSE)

    assert "sum by (instance)" in defined["RULES"]
    QUICK(defined["test_fires_only_if_requests_fail"])()
    QUICK(defined["test_fires_if_one_in_ten_fails"])()


def test_what_the_page_lists_is_there():
    """Every strategy in its tables is public, and every public strategy is on the page."""
    text = PAGE.read_text(encoding="utf-8")
    named = {name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)\(", row)}
    from obsflow.testing import strategies

    assert named <= set(strategies.__all__)
    functions = {name for name in strategies.__all__ if name[0].islower()}
    assert functions - named == {"series", "store", "render_load", "is_stale_marker"}
