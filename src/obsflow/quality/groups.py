"""Checks of rules beside one another: duplicates, the order within a group, its interval."""

import collections
from collections.abc import Iterator, Sequence
from typing import Final

from obsflow.model.durations import render_duration
from obsflow.model.regex import Regex
from obsflow.promql.ast import Binary, Expr, MatrixSelector, Subquery
from obsflow.promql.inspect import metric_names, selectors, walk
from obsflow.quality.catalog import Severity
from obsflow.quality.findings import Finding
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.trees import bare
from obsflow.rules import RecordingRule

_RECORDED: Final = Regex("^[a-zA-Z_][a-zA-Z0-9_]*:[a-zA-Z0-9_]+(:[a-zA-Z0-9_:]+)?$|^:[a-zA-Z0-9_]+:[a-zA-Z0-9_:]+$")

_Identity = tuple[bool, str, frozenset[tuple[str, str]]]


def check_duplicates(rules: Sequence[ReviewedRule]) -> Iterator[Finding]:
    """G301, G302: rules whose results cannot be told apart."""
    first: dict[tuple[_Identity, Expr], ReviewedRule] = {}
    same: dict[_Identity, list[ReviewedRule]] = collections.defaultdict(list)
    for rule in rules:
        identity = (rule.alert is None, rule.rule.name, frozenset(rule.rule.labels.items()))
        known = first.get((identity, rule.rule.expr))
        if known is not None:
            yield rule.find("G301", None, f"The same rule is {_where(known, rule)} already.", "Remove one of them.")
            continue
        first[identity, rule.rule.expr] = rule
        other = next((each for each in same[identity] if _is_same_series(each, rule)), None)
        same[identity].append(rule)
        if other is not None and rule.alert is not None:
            where = _where(other, rule)
            message = f"An alert of this name, with the same labels and another condition, is {where} already."
            yield rule.find("G302", None, message, "Give them different names, or a label that tells them apart.")


def _where(known: ReviewedRule, rule: ReviewedRule) -> str:
    line = known.rule.position.line
    return f"in line {line}" if known.file is rule.file else f"in {known.file.rules.source}:{line}"


def _is_same_series(a: ReviewedRule, b: ReviewedRule) -> bool:
    """Whether both compare the same thing, so that their alerts have the same labels."""
    left, right = _compared(a.rule.expr), _compared(b.rule.expr)
    return left is not None and left == right


def _compared(expr: Expr) -> Expr | None:
    """What an alert compares, its last comparison taken away."""
    node = bare(expr)
    while isinstance(node, Binary) and node.op in ("and", "unless"):
        node = bare(node.left)
    return bare(node.left) if isinstance(node, Binary) and node.matching is None else None


def check_recording_name(rule: ReviewedRule) -> Iterator[Finding]:
    """G303: names that do not say that a rule records them."""
    if isinstance(rule.rule, RecordingRule) and not _RECORDED.search(rule.rule.record):
        message = f"{rule.rule.record} does not say by its name that a rule records it."
        yield rule.find("G303", None, message, "Name it `level:metric:operations`, such as `job:http_requests:rate5m`.")


def check_order(rules: Sequence[ReviewedRule]) -> Iterator[Finding]:
    """G304: rules that read what is recorded after them, or what they record themselves."""
    groups: dict[int, list[ReviewedRule]] = collections.defaultdict(list)
    for rule in rules:
        groups[id(rule.group)].append(rule)
    for group in groups.values():
        recorded_at: dict[str, list[int]] = collections.defaultdict(list)
        for rule in group:
            if isinstance(rule.rule, RecordingRule):
                recorded_at[rule.rule.record].append(rule.index)
        for rule in group:
            for selector in selectors(rule.rule.expr):
                name = _only_name(selector)
                places = recorded_at.get(name, [])
                if rule.index in places:
                    message = f"The rule reads {name}, which it records itself: it sees the evaluation before."
                    yield rule.find("G304", selector, message, severity=Severity.NOTE)
                elif places and min(places) > rule.index:
                    message = f"{name} is recorded by a later rule of the group: this one sees the evaluation before."
                    yield rule.find("G304", selector, message, "Move the recording rule above this one.")


def _only_name(expr: Expr) -> str:
    names = metric_names(expr) or frozenset()
    return next(iter(names)) if len(names) == 1 else ""


def _interval(rule: ReviewedRule) -> int | None:
    return rule.group.interval_ms or rule.settings.evaluation_interval_ms


def check_for_and_interval(rule: ReviewedRule) -> Iterator[Finding]:
    """G305: a `for` that the interval makes longer."""
    interval = _interval(rule)
    if rule.alert is not None and interval is not None and 0 < rule.alert.for_ms < interval:
        message = (
            f"`for: {render_duration(rule.alert.for_ms)}` is in effect {render_duration(interval)}, "
            "the interval of the group."
        )
        yield rule.find("G305", rule.place("for"), message)


def check_interval(rule: ReviewedRule) -> Iterator[Finding]:
    """G306: ranges with gaps between them."""
    interval = _interval(rule)
    if interval is None:
        return
    for node, _ in walk(rule.rule.expr):
        if isinstance(node, MatrixSelector | Subquery) and isinstance(node.range, int) and node.range < interval:
            message = (
                f"The range {render_duration(node.range)} is looked at every {render_duration(interval)}: "
                "what happens in between is never seen."
            )
            yield rule.find("G306", node, message, "Make the range as long as the interval, or the interval shorter.")
            return
