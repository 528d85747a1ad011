"""`obsflow routes`: the routing tree of an Alertmanager configuration, and the way of an alert through it."""

import argparse
import json
import pathlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from obsflow.adapters.routes import load_alertmanager
from obsflow.alertmanager import PRESETS, Route, Visit, VisitOutcome, parse_compat, parse_matcher, trace
from obsflow.alertmanager.routing import render_matcher
from obsflow.errors import ConfigError, MatcherSyntaxError, Problem
from obsflow.flow.flushes import render_visit
from obsflow.model.durations import render_duration
from obsflow.model.labels import Labels, quote
from obsflow.model.matchers import MatchOp
from obsflow.testing.expectations import suggest

Record = dict[str, Any]


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command, what it does with routes, and the options."""
    parser = commands.add_parser("routes", help="show a routing tree, and which routes an alert takes")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    show = what.add_parser("show", help="the tree, with the options in effect at each route")
    show.set_defaults(run=run_show)
    test = what.add_parser("test", help="the routes that an alert takes, and why it takes no others")
    test.set_defaults(run=run_test)
    for each in (show, test):
        each.add_argument("file", type=pathlib.Path, metavar="FILE", help="an Alertmanager configuration")
        each.add_argument("--format", choices=("text", "json"), default="text")
        each.add_argument("--compat", choices=tuple(PRESETS), default="obsflow", help="whose habits hold")
    test.add_argument("labels", nargs="*", metavar="LABEL=VALUE", help="the labels of the alert")
    test.add_argument("--expect", metavar="RECEIVER,...", help="fail unless these receivers are told, in any order")


def run_show(options: argparse.Namespace) -> int:
    """Print the tree."""
    root = _load(options)
    if options.format == "json":
        print(json.dumps(_tree_record(root), indent=2))
    else:
        print("\n".join(_draw(root)))
    return 0


def run_test(options: argparse.Namespace) -> int:
    """Print the way of an alert; returns 1 if it does not lead to the receivers that are expected."""
    labels = _read_labels(options.labels)
    root = _load(options)
    visits = trace(root, labels)
    taken = [each.route for each in visits if each.outcome is VisitOutcome.TAKEN]
    receivers = list(dict.fromkeys(each.receiver for each in taken))
    known = {each.receiver for each in root.walk()}
    expected = None if options.expect is None else _read_receivers(options.expect, known)
    is_expected = expected is None or set(expected) == set(receivers)
    if options.format == "json":
        record: Record = {
            "labels": dict(labels),
            "receivers": receivers,
            "routes": [
                {**_route_record(each), "group_key": each.group_key(each.group_labels(labels))} for each in taken
            ],
            "visits": [_visit_record(each) for each in visits],
        }
        if expected is not None:
            record |= {"expected": expected, "as_expected": is_expected}
        print(json.dumps(record, indent=2))
    else:
        print("\n".join(_render_test(labels, visits, taken, receivers)))
        if not is_expected:
            for each in sorted({*(expected or ())} - known):
                print(f"no route leads to {quote(each)}{suggest(each, sorted(known))}")
            print(f"expected {','.join(expected or ())}, got {','.join(receivers)}")
    return int(not is_expected)


def _read_receivers(text: str, known: Collection[str]) -> list[str]:
    """The receivers that are listed; the name of one may have a comma."""
    return [text] if text in known else [each.strip() for each in text.split(",") if each.strip()]


def _load(options: argparse.Namespace) -> Route:
    """Raises ConfigError, OSError."""
    try:
        text = options.file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        problem = Problem(str(options.file), 0, 0, "", f"the file is not UTF-8 at byte {error.start}")
        raise ConfigError((problem,)) from None
    return load_alertmanager(text, str(options.file), compat=parse_compat(options.compat)).route


def _read_labels(texts: Sequence[str]) -> Labels:
    """The labels of an alert, each as an equality and each once. Raises MatcherSyntaxError."""
    labels: dict[str, str] = {}
    for text in texts:
        matcher = parse_matcher(text)
        if matcher.op is not MatchOp.EQUAL:
            raise MatcherSyntaxError(f"expected label=value, got {text}", text, (0, len(text)))
        if matcher.name in labels:
            raise MatcherSyntaxError(f"label {matcher.name} has a value already", text, (0, len(text)))
        labels[matcher.name] = matcher.value
    return Labels(labels)


# -- text


def _draw(route: Route, first: str = "", rest: str = "") -> Iterator[str]:
    """A route in a line, and those below it hanging from it."""
    yield f"{first}{_step(route)} -> {route.receiver or '-'}  {_options(route)}"
    for i, child in enumerate(route.routes):
        is_last = i == len(route.routes) - 1
        yield from _draw(child, rest + ("└── " if is_last else "├── "), rest + ("    " if is_last else "│   "))


def _step(route: Route) -> str:
    return "{" + ", ".join(map(render_matcher, route.matchers)) + "}"


def _options(route: Route) -> str:
    """The options in effect at a route; lists only where they are not empty."""
    words = [f"group_by={_group_by(route)}"]
    words += [f"{name}={text}" for name, text in _intervals(route).items()]
    for name, names in (("mute", route.mute_time_intervals), ("active", route.active_time_intervals)):
        words += [f"{name}={','.join(names)}"] if names else []
    words += ["continue"] if route.continue_ else []
    return " ".join(words)


def _group_by(route: Route) -> str:
    return "[...]" if route.group_by_all else f"[{','.join(sorted(route.group_by))}]"


def _intervals(route: Route) -> Mapping[str, str]:
    return {
        "group_wait": render_duration(route.group_wait_ms),
        "group_interval": render_duration(route.group_interval_ms),
        "repeat_interval": render_duration(route.repeat_interval_ms),
    }


def _render_test(
    labels: Labels, visits: Sequence[Visit], taken: Sequence[Route], receivers: Sequence[str]
) -> Iterator[str]:
    yield ",".join(receivers)
    for route in taken:
        yield f"  {route.key} -> {route.receiver}  {_options(route)}"
        yield f"    group {route.group_key(route.group_labels(labels))}"
    others = [each for each in visits if each.outcome is not VisitOutcome.TAKEN]
    if others:
        yield "not by itself, or not at all:"
        yield from (f"  {render_visit(each, labels)}" for each in others)


# -- plain data


def _route_record(route: Route) -> Record:
    return {
        "id": route.id,
        "key": route.key,
        "receiver": route.receiver,
        "matchers": [render_matcher(each) for each in route.matchers],
        "continue": route.continue_,
        "group_by": ["..."] if route.group_by_all else sorted(route.group_by),
        **_intervals(route),
        "mute_time_intervals": list(route.mute_time_intervals),
        "active_time_intervals": list(route.active_time_intervals),
    }


def _tree_record(route: Route) -> Record:
    return {**_route_record(route), "routes": [_tree_record(each) for each in route.routes]}


def _visit_record(visit: Visit) -> Record:
    return {
        "id": visit.route.id,
        "receiver": visit.route.receiver,
        "outcome": visit.outcome.value,
        "mismatch": None if visit.mismatch is None else render_matcher(visit.mismatch),
    }
