"""Checks of quantiles and the histograms that they are taken of."""

from collections.abc import Iterator
from typing import Final

import attrs

from obsflow.model.labels import BUCKET_LABEL
from obsflow.promql import render
from obsflow.promql.ast import Aggregation, Binary, Call, Expr, VectorSelector
from obsflow.promql.inspect import selectors, walk
from obsflow.quality.counters import is_rated
from obsflow.quality.findings import Finding
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.trees import bare, calls, number_of, replace

_QUANTILE: Final = frozenset(("histogram_quantile",))
_BUCKETS: Final = "_bucket"
_NO_HISTOGRAM: Final = ("_sum", "_count", "_total", "_max", "_min", "_avg")


def check_buckets(rule: ReviewedRule) -> Iterator[Finding]:
    """X121, X122, X123: what a quantile is taken of."""
    for call, _ in calls(rule.rule.expr, _QUANTILE):
        argument = call.args[1]
        classic = [each for each in selectors(argument) if each.name.endswith(_BUCKETS)]
        labels = rule.labels_of(argument)
        if classic and not labels.may_have(BUCKET_LABEL):
            message = f"The label {BUCKET_LABEL} of {classic[0].name} is aggregated away, and with it the buckets."
            yield rule.find("X121", call, message, _keep_buckets(call))
        if classic and not is_rated(argument):
            message = f"The quantile of {classic[0].name} as it is counts everything since the process started."
            fix = f"Take it of what was added, as in `rate({render(classic[0])}[5m])`."
            yield rule.find("X122", call, message, fix)
        for selector in selectors(argument):
            if selector.name.endswith(_NO_HISTOGRAM) and not classic:
                base = selector.name.rpartition("_")[0]
                message = f"{selector.name} has no buckets, so there is no quantile of it."
                yield rule.find("X123", selector, message, f"Did you mean {base}{_BUCKETS}?")


def _keep_buckets(call: Call) -> str:
    """The call with the label kept in the outermost aggregation."""
    inner = next((node for node, _ in walk(call.args[1]) if isinstance(node, Aggregation)), None)
    if inner is None:
        return ""
    kept = tuple(name for name in inner.grouping if name != BUCKET_LABEL)
    kept = kept if inner.without else (*kept, BUCKET_LABEL)
    mended = replace(call, lambda node: attrs.evolve(inner, grouping=kept) if node is inner else None)
    return f"Keep it: `{render(mended)}`."


def check_quantile(rule: ReviewedRule) -> Iterator[Finding]:
    """X124: quantiles that are percentiles."""
    for node, _ in walk(rule.rule.expr):
        match node:
            case Call(name="histogram_quantile" | "quantile_over_time", args=(wanted, _)):
                pass
            case Aggregation(op="quantile", param=wanted) if wanted is not None:
                pass
            case _:
                continue
        value = number_of(wanted)
        if value is not None and not 0 <= value <= 1:
            infinite = "+Inf" if value > 1 else "-Inf"
            message = f"The quantile {value:g} is not between 0 and 1: the result is {infinite}."
            hint = f"Did you mean {value / 100:g}?" if 1 < value <= 100 else ""
            yield rule.find("X124", wanted, message, hint)


def check_aggregated(rule: ReviewedRule) -> Iterator[Finding]:
    """X125: averages and sums of quantiles."""
    for node, _ in walk(rule.rule.expr):
        if isinstance(node, Aggregation) and node.op in ("avg", "sum") and _is_quantile(node.expr):
            message = f"`{node.op}` of quantiles is not the quantile of the whole."
            fix = "Sum the buckets by `le` and take the quantile of that; of summaries take `max`."
            yield rule.find("X125", node, message, fix)


def _is_quantile(expr: Expr) -> bool:
    match bare(expr):
        case Call(name="histogram_quantile"):
            return True
        case VectorSelector(matchers=matchers):
            return any(m.name == "quantile" and m.literals and m.literals != {""} for m in matchers)
        case Binary(op="*" | "/", matching=None, left=left, right=right):
            return _is_quantile(right if number_of(left) is not None else left)
    return False
