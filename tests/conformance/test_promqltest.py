"""Prometheus' own test scripts: whatever needs no native histograms passes, in every form in which it is asked."""

import pytest

from obsflow.testing.promql_tests.runner import Verdict, run_script
from obsflow.testing.promql_tests.script import parse_script
from tests.external import shared

FILES = [
    "aggregators",
    "at_modifier",
    "collision",
    "duration_expression",
    "extended_vectors",
    "fill-modifier",
    "functions",
    "histograms",
    "info",
    "limit",
    "literals",
    "name_label_dropping",
    "native_histograms",
    "operators",
    "range_queries",
    "selectors",
    "staleness",
    "start_timestamps",
    "subquery",
    "trig_functions",
    "type_and_unit",
]


def index():
    """File and line of every evaluation that is listed, and whether it needs native histograms."""
    lines = shared("conformance", "promqltest", "index.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [(file, int(line), needs == "1") for file, line, needs, *_ in (row.split("\t") for row in lines)]


@pytest.mark.parametrize("name", FILES)
def test_script(name):
    """Those that are listed to need native histograms are skipped, all others pass."""
    path = shared("conformance", "promqltest", f"{name}.test")
    outcomes = list(run_script(parse_script(path.read_text(encoding="utf-8"), path.name)))
    listed = {line: needs for file, line, needs in index() if file == path.name}

    assert [str(outcome) for outcome in outcomes if outcome.verdict is Verdict.FAILED] == []
    assert [(outcome.line, outcome.verdict is Verdict.SKIPPED) for outcome in outcomes] == list(listed.items())


def test_all_scripts_are_run():
    """The files of the collection are those above."""
    folder = shared("conformance", "promqltest")
    assert sorted(path.stem for path in folder.glob("*.test")) == sorted(FILES)
    assert {file for file, *_ in index()} == {f"{name}.test" for name in FILES}
