"""`obsflow test scenario`: runs files of scenarios of notifications, and says what was sent otherwise, and why."""

import argparse
import json
import pathlib
from collections import Counter

from obsflow.cli.test_output import outcome_record, pattern_argument, printable, render_counts, render_outcome
from obsflow.testing.junit import render_junit
from obsflow.testing.outcome import CaseOutcome
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.scenario_tests.suite import run_file


def add_language(languages: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the language and its options."""
    path = pathlib.Path
    parser = languages.add_parser("scenario", help="what happens to an Alertmanager, and what it sends")
    parser.add_argument("files", nargs="+", type=path, metavar="FILE")
    parser.add_argument(
        "--run",
        dest="only",
        action="append",
        default=[],
        type=pattern_argument,
        metavar="REGEX",
        help="only scenarios in whose name it is found",
    )
    parser.add_argument("--junit", type=path, metavar="OUT.xml", help="write the results as JUnit XML")
    parser.add_argument("--json", type=path, metavar="OUT", help="write one JSON object a line per scenario")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the files, print what failed and a count; returns 1 if anything failed."""
    suites: dict[str, list[CaseOutcome]] = {}
    for path in options.files:
        outcomes = suites.setdefault(str(path), [])
        for outcome in run_file(path, only=options.only):
            outcomes.append(outcome)
            if outcome.verdict is not Verdict.PASSED:
                print(printable(render_outcome(outcome)))
    every = [each for outcomes in suites.values() for each in outcomes]
    if options.junit is not None:
        options.junit.write_text(render_junit(suites), encoding="utf-8")
    if options.json is not None:
        options.json.write_text("".join(f"{json.dumps(outcome_record(each))}\n" for each in every), encoding="utf-8")
    counts = Counter(each.verdict for each in every)
    print(render_counts(counts))
    return int(counts[Verdict.FAILED] > 0)
