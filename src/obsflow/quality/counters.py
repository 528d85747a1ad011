"""Checks of counters and gauges: what is asked of them must be what they can answer."""

from collections.abc import Iterator
from typing import Final

from obsflow.model.durations import render_duration
from obsflow.model.regex import Regex
from obsflow.promql import render
from obsflow.promql.ast import Aggregation, Binary, Call, Expr, MatrixSelector, Paren, Subquery, Unary, VectorSelector
from obsflow.promql.inspect import walk
from obsflow.quality.catalog import Severity
from obsflow.quality.findings import Finding
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.trees import (
    COUNTER_FUNCTIONS,
    GAUGE_FUNCTIONS,
    MIRRORED,
    bare,
    calls,
    comparisons,
    number_of,
    selector_of,
    value_operand,
)

_COUNTER: Final = Regex("_(total|bucket)$")
_MAYBE_COUNTER: Final = Regex("_(count|sum)$")
_GAUGE: Final = Regex(
    "_(celsius|ratio|percent|percentage|info|timestamp|timestamp_seconds|utilization|in_progress|inflight|free_bytes|"
    "available_bytes|used_bytes|usage_bytes|limit_bytes|resident_memory_bytes|virtual_memory_bytes|open_fds|max_fds)$"
    "|^node_(memory|filesystem)_.*_bytes$|^node_load(1|5|15)$|^up$|^go_goroutines$|^go_threads$"
    "|^container_memory_(usage_bytes|working_set_bytes|rss|cache)$|^kube_.*_(replicas|replicas_.*|status_phase)$"
)
_MAYBE_GAUGE: Final = Regex("_bytes$")
_RATED: Final = Regex(":(?:.*_)?(rate|irate|increase|deriv|delta)(\\d+[smhd])?(_.*)?$")
_FEWEST_SCRAPES: Final = 2


def check_rate_of_gauge(rule: ReviewedRule) -> Iterator[Finding]:
    """X111: functions for counters over what is a gauge by its name, or falls in the data."""
    inventory = rule.settings.inventory
    for call, _ in calls(rule.rule.expr, COUNTER_FUNCTIONS | {"resets"}):
        selector = selector_of(call.args[0])
        if selector is None or not selector.name:
            continue
        by_data = None if inventory is None else inventory.falls(selector.matchers)
        is_sure = bool(by_data) or (by_data is None and _GAUGE.search(selector.name))
        if not is_sure and (by_data is False or not _MAYBE_GAUGE.search(selector.name)):
            continue
        if is_sure:
            reason = "in the data it falls again and again" if by_data else "by its name"
            message = f"{selector.name} is a gauge ({reason}), and `{call.name}` is for counters."
        else:
            message = f"{selector.name} may be a gauge: it does not end in _total, and `{call.name}` is for counters."
        fix = "" if call.name == "resets" else _instead(call, "delta" if call.name == "increase" else "deriv")
        yield rule.find("X111", call, message, fix, severity=None if is_sure else Severity.NOTE)


def _instead(call: Call, name: str) -> str:
    return f"Use `{render(Call(name, call.args, call.span))}`."


def check_gauge_function(rule: ReviewedRule) -> Iterator[Finding]:
    """X112: functions for gauges over what is a counter by its name."""
    for call, _ in calls(rule.rule.expr, GAUGE_FUNCTIONS):
        selector = selector_of(call.args[0])
        if selector is None:
            continue
        is_sure = _COUNTER.search(selector.name)
        if not is_sure and not _MAYBE_COUNTER.search(selector.name):
            continue
        if rule.settings.inventory is not None and rule.settings.inventory.falls(selector.matchers):
            continue
        be = "is" if is_sure else "may be"
        message = f"{selector.name} {be} a counter, and `{call.name}` takes its restarts for falls."
        fix = "" if call.name == "predict_linear" else _instead(call, "increase" if call.name == "delta" else "rate")
        yield rule.find("X112", call, message, fix, severity=None if is_sure else Severity.NOTE)


def check_raw_counter(rule: ReviewedRule) -> Iterator[Finding]:
    """X113: counters against a number."""
    if rule.alert is None:
        return
    for node, ancestors in comparisons(rule.alert.expr):
        bound_is_left = number_of(node.left) is not None
        op = MIRRORED[node.op] if bound_is_left else node.op
        if op not in (">", ">=") or not (bound_is_left or number_of(node.right) is not None):
            continue
        if any(isinstance(above, Binary) and above.op in ("and", "unless") for above in ancestors):
            continue  # it only says that there was anything at all
        selector = _plain_selector(value_operand(node))
        if selector is not None and _COUNTER.search(selector.name) and selector.offset == 0:
            message = f"{selector.name} is a counter by its name: once this is true it stays so until a restart."
            fix = f"Compare what it grew by, as in `increase({render(selector)}[5m])`."
            yield rule.find("X113", node, message, fix)


def _plain_selector(expr: Expr | None) -> VectorSelector | None:
    """The selector whose values are compared, aggregated or scaled at most."""
    match None if expr is None else bare(expr):
        case VectorSelector() as selector:
            return selector
        case Aggregation(op="sum" | "max" | "min" | "avg", expr=inner) | Unary(op="+", expr=inner):
            return _plain_selector(inner)
    return None


def check_rate_of_aggregate(rule: ReviewedRule) -> Iterator[Finding]:
    """X114: a rate of sums, or of rates."""
    for call, _ in calls(rule.rule.expr, COUNTER_FUNCTIONS):
        argument = bare(call.args[0])
        if isinstance(argument, Subquery):
            inner = bare(argument.expr)
            if isinstance(inner, Aggregation) and inner.op in ("sum", "avg", "count"):
                message = (
                    f"`{call.name}` of `{inner.op}`: one restart of many is a fall, which counts as a restart of all."
                )
                yield rule.find("X114", call, message, f"Rate first: `{_rate_first(call, inner, argument)}`.")
            elif isinstance(inner, Call) and inner.name in (*COUNTER_FUNCTIONS, *GAUGE_FUNCTIONS):
                message = f"`{call.name}` of `{inner.name}`: a rate falls and rises, and each fall counts as a restart."
                yield rule.find("X114", call, message, "For how a rate changes use `deriv`.")
        elif isinstance(argument, MatrixSelector) and _RATED.search(argument.selector.name):
            name = argument.selector.name
            message = f"`{call.name}` of {name}, which is a rate by its name: each fall counts as a restart."
            yield rule.find("X114", call, message, "For how a rate changes use `deriv`.")


def _rate_first(call: Call, inner: Aggregation, argument: Subquery) -> str:
    """The aggregation of the rate, if what is aggregated is a selector."""
    selector = bare(inner.expr)
    if not isinstance(selector, VectorSelector):
        return f"{inner.op}({call.name}(...))"
    rated = Call(call.name, (MatrixSelector(selector, argument.range, call.span),), call.span)
    return render(Aggregation(inner.op, rated, call.span, None, inner.grouping, inner.without))


def check_range(rule: ReviewedRule) -> Iterator[Finding]:
    """X115: ranges in which there may be one sample at most."""
    every = rule.settings.scrape_interval_ms
    if every is None:
        return
    for call, _ in calls(rule.rule.expr, COUNTER_FUNCTIONS | GAUGE_FUNCTIONS):
        match call.args[0]:
            case MatrixSelector(range=int() as range_, selector=selector) if range_ < _FEWEST_SCRAPES * every:
                if ":" in selector.name or selector.name in rule.recorded.by_name:
                    continue
                message = (
                    f"The range {render_duration(range_)} holds less than two scrapes: one is made every "
                    f"{render_duration(every)}."
                )
                yield rule.find("X115", call, message, f"Take {render_duration(4 * every)} or more.")


def check_irate(rule: ReviewedRule) -> Iterator[Finding]:
    """X116: functions of the last two samples."""
    if rule.alert is not None:
        for call, _ in calls(rule.rule.expr, frozenset(("irate", "idelta"))):
            steady = "rate" if call.name == "irate" else "delta"
            message = f"`{call.name}` looks at the last two samples alone: a short dip ends the alert."
            yield rule.find("X116", call, message, _instead(call, steady))


def is_rated(expr: Expr) -> bool:
    """Whether there is a rate, or something that was one when it was recorded, in the expression."""
    for node, _ in walk(expr):
        match node:
            case Call(name=name) if name in COUNTER_FUNCTIONS or name == "delta":
                return True
            case VectorSelector(name=name) if ":" in name:
                return True
            case Binary(op="-") | Paren(expr=Binary(op="-")):
                return True
    return False
