"""`obsflow test rules`: runs files of rule tests, as `promtool test rules` does, and says what the rules did."""

import argparse
import contextlib
import gc
import json
import pathlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from obsflow.cli.table import render_table
from obsflow.cli.test_output import outcome_record, pattern_argument, printable, render_counts, render_outcome
from obsflow.promql import PROMETHEUS, PROMQLTEST
from obsflow.testing.junit import render_junit
from obsflow.testing.outcome import CaseOutcome
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.rule_tests.coverage import Coverage, RuleCoverage
from obsflow.testing.rule_tests.suite import SuiteSettings, run_file

_DIALECTS = {"prometheus": PROMETHEUS, "promqltest": PROMQLTEST}


def add_language(languages: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the language and its options."""
    path = pathlib.Path
    parser = languages.add_parser("rules", help="tests of rules, as promtool reads them")
    parser.add_argument("files", nargs="+", type=path, metavar="FILE")
    parser.add_argument(
        "--run",
        dest="only",
        action="append",
        default=[],
        type=pattern_argument,
        metavar="REGEX",
        help="only tests in whose name it is found",
    )
    parser.add_argument("--coverage", action="store_true", help="print which rules and transitions were exercised")
    parser.add_argument("--junit", type=path, metavar="OUT.xml", help="write the results as JUnit XML")
    parser.add_argument("--json", type=path, metavar="OUT", help="write one JSON object a line per test")
    parser.add_argument("--ignore-unknown-fields", action="store_true", help="allow unknown fields in rule files")
    parser.add_argument(
        "--dialect",
        choices=tuple(_DIALECTS),
        default="prometheus",
        help="the PromQL switches: a server's defaults (default), or all on",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the files, print what failed, the coverage and a count; returns 1 if anything failed."""
    coverage = Coverage() if options.coverage else None
    settings = SuiteSettings(_DIALECTS[options.dialect], options.ignore_unknown_fields, coverage)
    with _uncollected():
        suites = _run_files(options, settings)
    if options.junit is not None:
        options.junit.write_text(render_junit(suites), encoding="utf-8")
    if options.json is not None:
        records = [
            *map(outcome_record, (each for outcomes in suites.values() for each in outcomes)),
            *_coverage_record(coverage),
        ]
        options.json.write_text("".join(f"{json.dumps(each)}\n" for each in records), encoding="utf-8")
    if coverage is not None:
        print(printable(_render_coverage(coverage)))
    counts = Counter(each.verdict for outcomes in suites.values() for each in outcomes)
    print(render_counts(counts))
    return int(counts[Verdict.FAILED] > 0)


def _run_files(options: argparse.Namespace, settings: SuiteSettings) -> dict[str, list[CaseOutcome]]:
    """The outcomes of all files; those of tests that did not pass are printed at once."""
    suites: dict[str, list[CaseOutcome]] = {}
    for path in options.files:
        outcomes = suites.setdefault(str(path), [])
        for outcome in run_file(path, settings, only=options.only, warn=_warn):
            outcomes.append(outcome)
            if outcome.verdict is not Verdict.PASSED:
                print(printable(render_outcome(outcome)))
    return suites


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Rules stay until the end, so that looking for garbage among them again and again is for nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _warn(text: str) -> None:
    print(f"warning: {printable(text)}", file=sys.stderr)


def _coverage_record(coverage: Coverage | None) -> Iterator[Mapping[str, Any]]:
    """One object after those of the tests, with all rules."""
    if coverage is not None:
        yield {"coverage": [each.to_dict() for each in coverage]}


def _render_coverage(coverage: Coverage) -> str:
    rules = list(coverage)
    if not rules:
        return "no rules were loaded"
    taken = sum(len(each.possible) - len(each.missing) for each in rules)
    total = (
        f"{sum(each.had_samples for each in rules)} of {len(rules)} rules had samples, "
        f"{taken} of {sum(len(each.possible) for each in rules)} transitions taken"
    )
    rows = [_row(each) for each in rules]
    return "\n".join(("", render_table(("RULE", "AT", "SAMPLES", "TAKEN", "NOT TAKEN"), rows), total))


def _row(covered: RuleCoverage) -> tuple[str, ...]:
    at = covered.rule.position
    samples = "failed" if covered.failed else "yes" if covered.had_samples else "no"
    taken = [name for name in covered.possible if name not in covered.missing]
    return (
        covered.rule.name,
        f"{pathlib.PurePath(at.source).name}:{at.line}",
        samples if covered.runs else "not run",
        ", ".join(taken) or "-",
        ", ".join(covered.missing) or "-",
    )
