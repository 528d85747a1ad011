"""`obsflow backtest`: who would have been paged, when and why."""

import argparse
import collections
import json
import os
import pathlib
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from obsflow.adapters.scenario import ScenarioFiles, load_scenario
from obsflow.alertmanager import PRESETS
from obsflow.cli.arguments import time_argument
from obsflow.cli.progress import ProgressBar
from obsflow.cli.table import render_table
from obsflow.flow.backtest import BacktestResult, Scenario, run_backtest
from obsflow.flow.records import notification_record, request_record, transition_record
from obsflow.model.durations import render_duration
from obsflow.model.notifications import AlertStatus, Notification
from obsflow.model.times import render_rfc3339
from obsflow.rules import AlertState


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("backtest", help="replay recorded data: who would have been paged, when and why")
    path = pathlib.Path
    parser.add_argument(
        "capture", nargs="?", type=path, metavar="CAPTURE", help="a directory with data/ and configuration"
    )
    parser.add_argument("--data", type=path, metavar="DIR", help="the Prometheus data directory")
    parser.add_argument("--rules", type=path, nargs="+", action="extend", default=[], metavar="FILE", help="rule files")
    parser.add_argument("--prometheus", type=path, metavar="FILE", help="prometheus.yml")
    parser.add_argument("--alertmanager", type=path, metavar="FILE", help="alertmanager.yml")
    parser.add_argument(
        "--silences", type=path, metavar="FILE", help="silences, as `amtool silence query -o json` prints them"
    )
    parser.add_argument("--start", type=time_argument, metavar="T", help="from T (default: all of the data)")
    parser.add_argument("--end", type=time_argument, metavar="T", help="... to T")
    parser.add_argument("--compat", choices=tuple(PRESETS), help="whose habits the router has (default: obsflow)")
    for name, what in (("notifications", "every notification"), ("alerts", "every change of an alert's state")):
        parser.add_argument(f"--{name}", type=path, metavar="OUT.jsonl", help=f"write {what}, one JSON object a line")
    parser.add_argument(
        "--requests", type=path, metavar="OUT.jsonl", help="write every request that would have been sent"
    )
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Replay, write the files that were asked for, print the report."""
    if options.capture is None and options.data is None:
        options.parser.error("give a CAPTURE directory, or --data")
    files = ScenarioFiles(
        options.capture, options.data, tuple(options.rules), options.prometheus, options.alertmanager, options.silences
    )
    scenario = load_scenario(files, start=options.start, end=options.end, compat=options.compat)
    with ProgressBar(sys.stderr, scenario.start, scenario.end) as bar:
        result = run_backtest(scenario, bar.reach if bar.is_shown else None, threads=os.cpu_count() or 1)
    for problem in (*scenario.database.problems, *map(_unapplied, scenario.prometheus.unapplied)):
        print(f"warning: {problem}", file=sys.stderr)
    _write(options.notifications, (notification_record(each) for each, _ in result.notifications))
    _write(options.alerts, map(transition_record, result.transitions))
    if options.requests is not None:
        _write(options.requests, (request_record(*each) for each in result.requests()))
    print(_render(scenario, result))
    return 0


def _unapplied(section: str) -> str:
    return f"{section} is not applied: alerts reach the routes with all their labels"


def _write(path: pathlib.Path | None, records: Iterable[Mapping[str, Any]]) -> None:
    if path is not None:
        with path.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def _render(scenario: Scenario, result: BacktestResult) -> str:
    span = f"{_render_time(scenario.start)} to {_render_time(scenario.end)}"
    lines = [f"{span}, {result.evaluations} evaluations, {len(result.notifications)} notifications", ""]
    if result.notifications:
        header = ("TIME", "TO", "STATUS", "WHAT", "WHY")
        lines += [render_table(header, [_row(each) for each, _ in result.notifications]), ""]
    lines += [_render_alerts(result, scenario.end), *_render_quiet(result)]
    return "\n".join(lines)


def _render_time(time_ms: int) -> str:
    """To the second, which is what people read; the files have the milliseconds."""
    return render_rfc3339(time_ms // 1000 * 1000)


def _row(notification: Notification) -> tuple[str, ...]:
    status = collections.Counter(alert.status for alert in notification.alerts)
    firing, resolved = status[AlertStatus.FIRING], status[AlertStatus.RESOLVED]
    counts = f"{firing} firing" + (f", {resolved} resolved" if resolved else "") if firing else f"{resolved} resolved"
    group = " ".join(f"{name}={value}" for name, value in notification.group_labels.pairs)
    return (
        _render_time(notification.time),
        f"{notification.receiver} ({notification.integration})",
        counts,
        group,
        notification.reason.value,
    )


def _render_alerts(result: BacktestResult, end: int) -> str:
    """How often each rule's alerts were pending and firing, and for how long they fired."""
    pending: collections.Counter[str] = collections.Counter()
    fired: collections.Counter[str] = collections.Counter()
    firing_ms: collections.Counter[str] = collections.Counter()
    since: dict[tuple[str, object], int] = {}
    for each in result.transitions:
        key = (each.rule, each.labels)
        if each.to_state is AlertState.PENDING:
            pending[each.rule] += 1
        if each.to_state is AlertState.FIRING and each.from_state is not AlertState.FIRING:
            fired[each.rule] += 1
            since.setdefault(key, each.time)
        elif key in since and each.to_state is not AlertState.FIRING:
            firing_ms[each.rule] += each.time - since.pop(key)
    for (rule, _), start in since.items():
        firing_ms[rule] += end - start
    rules = dict.fromkeys(each.rule for each in result.transitions)
    rows = [
        (rule, str(pending[rule]), str(fired[rule]), render_duration(firing_ms[rule] // 1000 * 1000)) for rule in rules
    ]
    return render_table(("ALERT", "PENDING", "FIRED", "TIME FIRING"), rows) if rows else "no alert was ever active"


def _render_quiet(result: BacktestResult) -> Iterable[str]:
    """What was kept from somebody, what failed, and what was slow to replay."""
    muted = collections.Counter(
        (labels.get("alertname"), type(cause).__name__.lower(), each.receiver)
        for each in result.decisions
        for labels, cause in each.muted
    )
    if muted:
        rows = [(*key, f"{count} times") for key, count in muted.items()]
        yield "\n" + render_table(("KEPT QUIET", "BECAUSE", "FROM", "LOOKED AT"), rows)
    if result.failures:
        first = result.failures[0]
        where = f"the first of {first.rule} at {_render_time(first.time)}"
        yield f"\n{len(result.failures)} evaluations failed, {where}: {first.error}"
    if result.rejected:
        lost = result.rejected[0]
        where = f"the first of {lost.labels} at {_render_time(lost.time)}"
        yield f"\n{len(result.rejected)} samples lost, {where}: {lost.error}"
    if result.ticked_rules:
        yield f"\nevaluated tick by tick, because they read what rules write: {', '.join(result.ticked_rules)}"
