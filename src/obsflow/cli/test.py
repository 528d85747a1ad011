"""`obsflow test`: runs files of tests, of queries, of rules and of notifications."""

import argparse
import json
import pathlib
from collections import Counter
from collections.abc import Iterator

from obsflow.cli import rule_tests, scenario_tests
from obsflow.cli.test_output import printable
from obsflow.promql import PROMETHEUS, PROMQLTEST
from obsflow.testing.promql_tests.runner import Outcome, Verdict, run_script
from obsflow.testing.promql_tests.script import parse_script

_DIALECTS = {"promqltest": PROMQLTEST, "prometheus": PROMETHEUS}


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command, its languages and their options."""
    parser = commands.add_parser("test", help="run files of tests")
    languages = parser.add_subparsers(dest="language", required=True, metavar="LANGUAGE")
    promql = languages.add_parser("promql", help="PromQL test scripts, as Prometheus' own tests are written")
    promql.add_argument("files", nargs="+", type=pathlib.Path, metavar="FILE")
    promql.add_argument(
        "--dialect",
        choices=tuple(_DIALECTS),
        default="promqltest",
        help="the switches to evaluate with: all on, as Prometheus' own tests are (default), or a server's defaults",
    )
    promql.add_argument("--json", type=pathlib.Path, metavar="OUT", help="write one JSON object a line per evaluation")
    promql.set_defaults(run=run_promql)
    rule_tests.add_language(languages)
    scenario_tests.add_language(languages)


def run_promql(options: argparse.Namespace) -> int:
    """Run the scripts, print what failed and a count; returns 1 if anything did."""
    texts = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in options.files]
    counts: Counter[Verdict] = Counter()
    lines: list[str] = []
    for outcome in _outcomes(options, texts):
        counts[outcome.verdict] += 1
        lines.append(_to_json(outcome))
        if outcome.verdict is Verdict.FAILED:
            print(printable(str(outcome)))
    if options.json is not None:
        options.json.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict))
    return int(counts[Verdict.FAILED] > 0)


def _outcomes(options: argparse.Namespace, texts: list[str]) -> Iterator[Outcome]:
    for path, text in zip(options.files, texts, strict=True):
        yield from run_script(parse_script(text, str(path)), _DIALECTS[options.dialect])


def _to_json(outcome: Outcome) -> str:
    return json.dumps(
        {"file": outcome.file, "line": outcome.line, "outcome": outcome.verdict.value, "message": outcome.message}
    )
