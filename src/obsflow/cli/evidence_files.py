"""The options that name logs, traces and deploys, and what is in these files: OTLP in JSON, or plain records."""

import argparse
import pathlib
from collections.abc import Callable
from typing import TypeVar

from obsflow.errors import ConfigError, Problem
from obsflow.incident.evidence import (
    Judgement,
    Observations,
    parse_deploy_file,
    parse_log_file,
    parse_span_file,
)

T = TypeVar("T")


def add_evidence_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    path = pathlib.Path
    kinds = (
        ("logs", "log records: OTLP in JSON, or JSON lines with time, severity, service, body"),
        ("traces", "spans: OTLP in JSON, or JSON lines with trace_id, span_id, name, start_ns, end_ns"),
        ("deploys", "JSON lines with time, service, version"),
    )
    for name, what in kinds:
        parser.add_argument(f"--{name}", type=path, action="append", default=[], metavar="FILE", help=what)
    parser.add_argument(
        "--name",
        type=_name_argument,
        action="append",
        default=[],
        metavar="COMPONENT=NAME,...",
        help="other names by which a component is known, such as database=db,postgres-0",
    )


def _name_argument(text: str) -> tuple[str, tuple[str, ...]]:
    component, equals, names = text.partition("=")
    if not (component and equals and names):
        raise argparse.ArgumentTypeError("expected COMPONENT=NAME,NAME")
    return component, tuple(name for name in names.split(",") if name)


def read_judgement(options: argparse.Namespace) -> Judgement:
    """How evidence is weighed, with the names that the options give."""
    names: dict[str, tuple[str, ...]] = {}
    for component, others in options.name:
        names[component] = (*names.get(component, ()), *others)
    return Judgement(names=names)


def read_observations(options: argparse.Namespace) -> Observations:
    """What the files hold. Raises ConfigError with every problem of every file."""
    problems: list[Problem] = []
    observations = Observations(
        logs=_read(options.logs, parse_log_file, problems),
        spans=_read(options.traces, parse_span_file, problems),
        deploys=_read(options.deploys, parse_deploy_file, problems),
    )
    if problems:
        raise ConfigError(tuple(problems))
    return observations


def _read(
    paths: list[pathlib.Path], parse: Callable[[bytes, str], tuple[T, ...]], problems: list[Problem]
) -> tuple[T, ...]:
    found: list[T] = []
    for path in paths:
        try:
            found += parse(path.read_bytes(), str(path))
        except ConfigError as error:
            problems += error.problems
        except OSError as error:
            problems.append(Problem(str(path), 0, 0, "", f"cannot be read: {error.strerror}"))
    return tuple(found)
