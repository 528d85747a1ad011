"""`obsflow investigate`: the likeliest cause, by metrics, logs, traces and deploys of the time of an incident."""

import argparse
import json
import pathlib
import sys
from collections.abc import Iterator

import attrs

from obsflow.adapters.scenario import ScenarioFiles, load_scenario
from obsflow.cli.arguments import duration_argument, time_argument
from obsflow.cli.evidence_files import add_evidence_options, read_judgement, read_observations
from obsflow.flow.investigating import investigate_store, recorded_alerts
from obsflow.flow.post_incident import DEFAULT_BASELINE_MS
from obsflow.flow.scenario import Scenario
from obsflow.incident.evidence import Investigation, Window
from obsflow.model.durations import MINUTE_MS
from obsflow.model.times import render_rfc3339
from obsflow.promql.ast import Expr
from obsflow.rules import AlertingRule

_DEFAULT_LENGTH_MS = 30 * MINUTE_MS


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("investigate", help="rank the likely causes of an incident, each with its evidence")
    parser.add_argument(
        "directory", type=pathlib.Path, metavar="DIR", help="a Prometheus data directory, or a capture with data/"
    )
    parser.add_argument(
        "--from", dest="start", type=time_argument, metavar="T", help="since when (default: 30m before --to)"
    )
    parser.add_argument(
        "--to", dest="end", type=time_argument, metavar="T", help="until when (default: all of the data)"
    )
    parser.add_argument(
        "--baseline",
        type=duration_argument,
        default=DEFAULT_BASELINE_MS,
        metavar="D",
        help="how long before --from counts as normal (default 30m)",
    )
    add_evidence_options(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Investigate and print."""
    beside = read_observations(options)
    scenario = load_scenario(ScenarioFiles(options.directory))
    database = scenario.database
    for problem in database.problems:
        print(f"warning: {problem}", file=sys.stderr)
    end = database.max_time + 1 if options.end is None else min(options.end, database.max_time + 1)
    start = end - _DEFAULT_LENGTH_MS if options.start is None else options.start
    first = max(start - options.baseline, database.min_time)
    if not first < start < end:
        span = f"{render_rfc3339(database.min_time)} to {render_rfc3339(database.max_time)}"
        options.parser.error(f"no data before and after --from {render_rfc3339(start)}: the data is from {span}")
    baseline, during = Window(first, start), Window(start, end)
    alerts = recorded_alerts(database, during)
    found = investigate_store(
        database,
        baseline,
        during,
        beside=attrs.evolve(beside, alerts=alerts),
        reads=_reads(scenario, {alert.name for alert in alerts}),
        judgement=read_judgement(options),
    )
    print(json.dumps(found.to_plain(), indent=2, ensure_ascii=False) if options.format == "json" else _render(found))
    return 0


def _reads(scenario: Scenario, names: set[str]) -> Iterator[Expr]:
    """The expressions of the rules of these alerts."""
    for group in (group for file in scenario.rule_files for group in file.groups):
        yield from (rule.expr for rule in group.rules if isinstance(rule, AlertingRule) and rule.name in names)


def _render(found: Investigation) -> str:
    during, baseline = found.during, found.baseline
    onset = found.diagnosis.onset
    head = (
        f"{render_rfc3339(during.start)} to {render_rfc3339(during.end)} beside {render_rfc3339(baseline.start)} to "
        f"{render_rfc3339(baseline.end)}: {found.series} series, {found.logs} log records, {found.traces} traces"
    )
    began = "no metric changed its level" if onset is None else f"The trouble began at {render_rfc3339(onset)}"
    slowest = "" if found.slowest is None else f"\n\n{found.slowest.render()}"
    return f"{head}\n{began}.\n\n{found.diagnosis.render()}{slowest}"
