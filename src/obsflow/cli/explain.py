"""`obsflow explain`: why an alert was firing, pending or silent at a time."""

import argparse
import contextlib
import enum
import json
import os
from collections.abc import Iterator
from typing import Any

import attrs

from obsflow.alertmanager import Inhibited, Silenced, TimeMuted
from obsflow.cli.arguments import time_argument
from obsflow.cli.scenarios import add_scenario_options, read_scenario
from obsflow.errors import NotFoundError, QuerySyntaxError
from obsflow.flow.backtest import run_backtest
from obsflow.flow.conditions import Condition, Verdict
from obsflow.flow.explain import AlertExplanation, Outcome, RuleExplanation, Telling, explain
from obsflow.model.durations import render_duration
from obsflow.model.floats import render_float_g
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import Matcher
from obsflow.model.times import render_rfc3339
from obsflow.promql import parse
from obsflow.promql.ast import VectorSelector
from obsflow.promql.printer import render
from obsflow.rules import AlertState, Transition

_MAX_ALERTS = 20
_MAX_CHANGES = 5


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("explain", help="why an alert was firing, pending or silent at a time")
    parser.add_argument("alert", metavar="ALERT", help="its name, or name and labels: 'Down{instance=\"a\"}'")
    add_scenario_options(parser)
    parser.add_argument("--at", type=time_argument, required=True, metavar="T", help="when")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay, and say why."""
    name, matchers = _parse_alert(options)
    scenario = read_scenario(options)
    result = run_backtest(scenario, threads=os.cpu_count() or 1)
    found = explain(scenario, result, name, options.at, matchers)
    if not found:
        raise NotFoundError(f"no alerting rule is named {name}")
    if options.format == "json":
        print(json.dumps([_plain(each) for each in found], ensure_ascii=False, indent=2))
    else:
        print("\n\n".join("\n".join(_rule(each)) for each in found))
    return 0


def _parse_alert(options: argparse.Namespace) -> tuple[str, list[Matcher]]:
    """An alert is named as a metric is."""
    parser: argparse.ArgumentParser = options.parser
    selector = None
    with contextlib.suppress(QuerySyntaxError):
        selector = parse(options.alert)
    if not isinstance(selector, VectorSelector) or not selector.name:
        parser.error(f'name one alert, such as Down or Down{{instance="a"}}: {options.alert}')
    return selector.name, [matcher for matcher in selector.matchers if matcher.name != METRIC_NAME]


def _rule(each: RuleExplanation) -> Iterator[str]:
    rule = each.rule
    durations = [f"for {render_duration(rule.for_ms)}"] if rule.for_ms else []
    if rule.keep_firing_for_ms:
        durations.append(f"keep_firing_for {render_duration(rule.keep_firing_for_ms)}")
    yield f"{rule.alert} in group {each.group}{''.join(f', {text}' for text in durations)}"
    if each.evaluated_at is None:
        yield f"  not evaluated yet; the first time is {_time(each.next_at)}"
        return
    if each.failure is not None:
        yield f"  the evaluation at {_time(each.evaluated_at)} failed, and its alerts stayed what they were:"
        yield f"    {each.failure.error}"
    active = [alert for alert in each.alerts if alert.state.is_active]
    if not active:
        yield f"  inactive at {_time(each.asked_at)}"
    for alert in each.alerts[:_MAX_ALERTS] if active else each.alerts[:1]:
        yield from _alert(alert, each.has_routes)
    if len(active) > _MAX_ALERTS:
        yield f"  and {len(active) - _MAX_ALERTS} more"
    if each.condition is not None:
        yield f"  the expression at {_time(each.evaluated_at)}:"
        for depth, part in each.condition.walk():
            yield from _condition(part, "    " + "  " * depth)


def _alert(alert: AlertExplanation, has_routes: bool) -> Iterator[str]:
    last = alert.transition
    word = {AlertState.KEPT: "kept firing"}.get(alert.state, alert.state.value)
    yield f"  {alert.labels}"
    yield f"    {word} since {_time(last.time)}: {last.because}"
    if alert.fires_at is not None:
        yield f"    fires at {_time(alert.fires_at)} if the condition goes on to hold"
    if alert.replaced_by is not None:
        names = ", ".join(alert.changed_labels)
        yield f"    its labels changed ({names}): {alert.replaced_by} began when it ended"
    for change in alert.before[:_MAX_CHANGES]:
        yield f"    before: {_change(change)}"
    for telling in alert.tellings:
        yield f"    {_telling(telling)}"
    if not alert.tellings and has_routes and alert.state in (AlertState.FIRING, AlertState.KEPT):
        yield "    the router has not heard of it yet"


def _change(change: Transition) -> str:
    return f"{change.to_state.value} at {_time(change.time)}, {change.because}"


def _telling(telling: Telling) -> str:
    whom = telling.receiver + (f" ({telling.integration})" if telling.integration else "")
    match telling.outcome:
        case Outcome.TOLD:
            assert telling.reason is not None
            text = f"told {whom} at {_time(telling.told_at)}: {telling.reason.value}"
        case Outcome.MUTED:
            assert telling.muted_by is not None
            text = f"kept from {whom} at {_time(telling.looked_at)}: {telling.muted_by.because}"
        case Outcome.WAITING:
            return f"waiting to be told to {whom} until {_time(telling.next_look_at)}: {telling.waits_for}"
        case Outcome.NOBODY:
            return f"nobody is told: {whom} has no integration"
        case Outcome.NOTHING_NEW:
            known = f"told {whom} at {_time(telling.told_at)}" if telling.told_at is not None else f"{whom} is not told"
            text = f"{known}, nothing new at {_time(telling.looked_at)}"
    later = [f"next look at {_time(telling.next_look_at)}"]
    if telling.repeat_due_at is not None:
        later.append(f"repeated from {_time(telling.repeat_due_at)} on")
    return f"{text}; {', '.join(later)}"


def _condition(part: Condition, indent: str) -> Iterator[str]:
    if part.threshold is not None:
        op, limit = part.threshold
        passes = "holds for" if part.verdict is Verdict.HOLDS else "holds for none of"
        count = f"{part.count} series" if part.verdict is Verdict.HOLDS else "its values"
        yield f"{indent}{op} {render_float_g(limit)} {passes} {count}"
        return
    detail = f" ({part.detail})" if part.detail else ""
    if part.last_sample_at is not None:
        detail = f" (the last one is of {_time(part.last_sample_at)})"
    verdict = f"{part.count} series" if part.verdict is Verdict.HOLDS else part.verdict.value
    yield f"{indent}{part.expr}: {verdict}{detail}"
    for labels, value in part.values:
        yield f"{indent}  {labels} {render_float_g(value)}"


def _time(time_ms: int | None) -> str:
    return "never" if time_ms is None else render_rfc3339(time_ms)


def _plain(value: Any) -> Any:
    """The value as JSON has it; times are seconds since the epoch, as in all files."""
    match value:
        case Labels():
            return dict(value)
        case enum.Enum():
            return value.value
        case tuple():
            return [_plain(each) for each in value]
        case RuleExplanation(rule=rule):
            described = {"alert": rule.alert, "expr": render(rule.expr), "for": rule.for_ms / 1000}
            return {**described, **{key: each for key, each in _fields(value).items() if key != "rule"}}
        case Transition():
            compared = {"elapsed": value.elapsed_ms / 1000, "limit": value.limit_ms / 1000}
            rest = {key: each for key, each in _fields(value).items() if not key.endswith("_ms")}
            return {**rest, **compared, "reason": value.because}
        case float():
            return value if abs(value) < float("inf") else render_float_g(value)
    if attrs.has(type(value)):
        kind = {"kind": type(value).__name__} if isinstance(value, Silenced | Inhibited | TimeMuted) else {}
        return {**kind, **_fields(value)}
    return value


def _fields(value: Any) -> dict[str, Any]:
    names = [attribute.name for attribute in attrs.fields(type(value))]
    return {name: _seconds(getattr(value, name)) if _is_time(name) else _plain(getattr(value, name)) for name in names}


def _is_time(name: str) -> bool:
    return name == "time" or name.endswith("_at")


def _seconds(time_ms: int | None) -> float | None:
    return None if time_ms is None else time_ms / 1000
