"""`obsflow backtest`: who would have been paged, when and why."""

import argparse
import json
import os
import pathlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from obsflow.cli.arguments import duration_argument
from obsflow.cli.backtest_report import Report, render_report, summary_records
from obsflow.cli.incident_reports import add_incident_options, load_responders
from obsflow.cli.progress import ProgressBar
from obsflow.cli.scenarios import add_scenario_options, read_scenario
from obsflow.flow.backtest import BacktestResult, run_backtest
from obsflow.flow.records import notification_record, request_record, transition_record
from obsflow.flow.report.bands import alert_histories
from obsflow.flow.report.faults import DEFAULT_GRACE_MS, Fault, FaultReport, judge, parse_faults
from obsflow.flow.report.page import render_page
from obsflow.flow.report.summary import DEFAULT_ACT_WITHIN_MS
from obsflow.flow.scenario import Scenario
from obsflow.flow.sweep import Change, parse_sweep, run_sweep, variations


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("backtest", help="replay recorded data: who would have been paged, when and why")
    add_scenario_options(parser)
    path = pathlib.Path
    parser.add_argument("--faults", type=path, metavar="FILE", help="what was really wrong and when, as JSON lines")
    parser.add_argument(
        "--grace",
        type=duration_argument,
        default=DEFAULT_GRACE_MS,
        metavar="D",
        help="how long after a fault an alert still is about it (default 5m)",
    )
    parser.add_argument(
        "--act-within",
        type=duration_argument,
        default=DEFAULT_ACT_WITHIN_MS,
        metavar="D",
        help="how long it takes somebody who is paged to act: what is over before is brief (default 5m)",
    )
    parser.add_argument(
        "--sweep",
        type=_sweep_argument,
        action="append",
        default=[],
        metavar="[ALERT:]FIELD=V,V",
        help="try other values too: for=1m,5m, keep_firing_for=10m, threshold=0.1,0.2, threshold=x0.5,x2",
    )
    add_incident_options(parser)
    for name, what in (("notifications", "every notification"), ("alerts", "every change of an alert's state")):
        parser.add_argument(f"--{name}", type=path, metavar="OUT.jsonl", help=f"write {what}, one JSON object a line")
    parser.add_argument(
        "--requests", type=path, metavar="OUT.jsonl", help="write every request that would have been sent"
    )
    parser.add_argument("--summary", type=path, metavar="OUT.jsonl", help="write the figures of the report")
    parser.add_argument("--html", type=path, metavar="OUT.html", help="write a page with graphs of all alerts")
    parser.set_defaults(run=run)


def _sweep_argument(text: str) -> tuple[Change, ...]:
    try:
        return parse_sweep(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    """Replay, write the files that were asked for, print the report."""
    faults = None
    if options.faults is not None:
        faults = parse_faults(options.faults.read_text(encoding="utf-8"), str(options.faults))
    responders = load_responders(options)
    scenario = read_scenario(options)
    threads = os.cpu_count() or 1
    sweeps = []
    if options.sweep:
        sweeps = list(run_sweep(scenario, variations(options.sweep), threads=threads))
        result = sweeps[0][1]
    else:
        with ProgressBar(sys.stderr, scenario.start, scenario.end) as bar:
            result = run_backtest(scenario, bar.reach if bar.is_shown else None, threads=threads)
    for problem in (*scenario.database.problems, *map(_unapplied, scenario.prometheus.unapplied)):
        print(f"warning: {problem}", file=sys.stderr)
    verdict = None if faults is None else _judge(faults, scenario, result, options.grace)
    _write(options.notifications, lambda: (notification_record(each) for each, _ in result.notifications))
    _write(options.alerts, lambda: map(transition_record, result.transitions))
    _write(options.requests, lambda: (request_record(*each) for each in result.requests()))
    report = Report.of(scenario, result, verdict, sweeps, options.act_within)
    _write(options.summary, lambda: summary_records(report))
    if options.html is not None:
        html = render_page(scenario, result, faults=verdict, sweeps=sweeps, act_within_ms=options.act_within)
        options.html.write_text(html, encoding="utf-8")
    print(render_report(report))
    if responders is not None:
        print("\n" + responders.respond(scenario, result))
    return 0


def _judge(faults: Sequence[Fault], scenario: Scenario, result: BacktestResult, grace_ms: int) -> FaultReport:
    told = [notification for notification, _ in result.notifications]
    return judge(faults, alert_histories(result.transitions), told, scenario.end, grace_ms)


def _unapplied(section: str) -> str:
    return f"{section} is not applied: alerts reach the routes with all their labels"


def _write(path: pathlib.Path | None, records: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
    """Write the records, which are made only where there is a file for them."""
    if path is not None:
        with path.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records())
