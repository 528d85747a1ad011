"""`obsflow query`: PromQL over a data directory."""

import argparse
import json
import os
import sys
import time
from typing import Any

from obsflow.adapters.data_directory import open_database
from obsflow.cli.arguments import duration_argument, time_argument
from obsflow.cli.table import render_table
from obsflow.model.labels import Labels
from obsflow.model.times import render_rfc3339
from obsflow.query.engine import Engine
from obsflow.query.limits import Limits

_DEFAULT_STEP_MS = 60_000


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("query", help="evaluate a PromQL expression over a Prometheus data directory")
    parser.add_argument("expr", metavar="EXPR")
    parser.add_argument("--data", required=True, metavar="DIR", help="the data directory")
    parser.add_argument("--time", type=time_argument, metavar="T", help="evaluate at T (default: the newest sample)")
    parser.add_argument("--start", type=time_argument, metavar="T", help="evaluate from T")
    parser.add_argument("--end", type=time_argument, metavar="T", help="... to T")
    parser.add_argument("--step", type=duration_argument, metavar="D", help="... every D (default 1m)")
    parser.add_argument("--timeout", type=duration_argument, metavar="D", help="give up after D")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate and print."""
    is_range = options.start is not None or options.end is not None or options.step is not None
    if is_range and options.time is not None:
        options.parser.error("--time does not go with --start, --end, --step")
    database = open_database(options.data)
    limits = Limits(max_seconds=None if options.timeout is None else options.timeout / 1000)
    engine = Engine(database, limits=limits, threads=os.cpu_count() or 1, clock=time.monotonic)
    if is_range:
        start = database.min_time if options.start is None else options.start
        end = database.max_time if options.end is None else options.end
        result = engine.query_range(options.expr, start, end, options.step or _DEFAULT_STEP_MS)
    else:
        result = engine.query(options.expr, database.max_time if options.time is None else options.time)
    for note in (*database.problems, *result.warnings, *result.infos):
        print(f"warning: {note}", file=sys.stderr)
    data = result.to_dict()
    print(json.dumps(data) if options.format == "json" else _render(data))
    return 0


def _render(data: dict[str, Any]) -> str:
    """The HTTP API's data object as a table, one line a sample."""
    kind, result = data["resultType"], data["result"]
    if kind in ("scalar", "string"):
        result = [{"metric": {}, "value": result}]
    rows = [
        (str(Labels(series["metric"])), render_rfc3339(round(time * 1000)), value)
        for series in result
        for time, value in (series["values"] if "values" in series else [series["value"]])
    ]
    return render_table(("SERIES", "TIME", "VALUE"), rows) if rows else "no data"
