"""The options of every command that replays a scenario: where its data and its configuration are."""

import argparse
import pathlib

from obsflow.adapters.scenario import ScenarioFiles, load_scenario
from obsflow.alertmanager import PRESETS
from obsflow.cli.arguments import time_argument
from obsflow.flow.scenario import Scenario


def add_scenario_options(parser: argparse.ArgumentParser) -> None:
    """Declare them, the capture directory as the next positional argument."""
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
    parser.set_defaults(parser=parser)


def read_scenario(options: argparse.Namespace) -> Scenario:
    """What the options name. Raises ConfigError, DataDirectoryError."""
    if options.capture is None and options.data is None:
        options.parser.error("give a CAPTURE directory, or --data")
    files = ScenarioFiles(
        options.capture, options.data, tuple(options.rules), options.prometheus, options.alertmanager, options.silences
    )
    return load_scenario(files, start=options.start, end=options.end, compat=options.compat)
