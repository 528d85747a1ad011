"""D401, D402, D403: selectors that select nothing in recorded data, and what they lack."""

import difflib
from collections.abc import Iterator
from typing import Final

from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.promql import render
from obsflow.promql.ast import Binary, Call, Expr, VectorSelector
from obsflow.promql.inspect import metric_names, walk
from obsflow.quality.catalog import Severity
from obsflow.quality.findings import Finding
from obsflow.quality.inventory import Inventory
from obsflow.quality.rulefiles import ReviewedRule

_OF_THE_SERVER: Final = frozenset(("ALERTS", "ALERTS_FOR_STATE"))


def check_data(rule: ReviewedRule) -> Iterator[Finding]:
    """The selectors of a rule, but for those that may well be empty."""
    inventory = rule.settings.inventory
    if inventory is None:
        return
    for node, ancestors in walk(rule.rule.expr):
        if not isinstance(node, VectorSelector) or _may_be_empty(node, ancestors):
            continue
        names = metric_names(node)
        if names is not None and names & (_OF_THE_SERVER | rule.recorded.by_name.keys()):
            continue
        if not inventory.has(node.matchers):
            finding = _explain(node, inventory)
            is_choice = any(isinstance(above, Binary) and above.op == "or" for above in ancestors)
            yield rule.find(*finding[:-1], severity=Severity.NOTE if is_choice else finding[-1])


def _may_be_empty(node: Expr, ancestors: tuple[Expr, ...]) -> bool:
    """Whether the expression expects the selector to select nothing, most of the time."""
    for above, below in zip(ancestors, (*ancestors[1:], node), strict=True):
        match above:
            case Call(name="absent" | "absent_over_time"):
                return True
            case Binary(op="unless", right=right) if right is below:
                return True
            case Call(name="info", args=(_, matchers)) if matchers is below:
                return True
    return False


_Said = tuple[str, VectorSelector, str, str, Severity | None]


def _explain(node: VectorSelector, inventory: Inventory) -> _Said:
    """Which of the matchers is to blame: name, label, value, or only all of them together."""
    listed = metric_names(node)
    if listed is None:
        return "D403", node, f"No series passes {render(node)}.", "", None
    present = sorted(name for name in listed if name in inventory.names)
    if not present:
        name = node.name or ", ".join(sorted(listed))
        close = difflib.get_close_matches(name, sorted(inventory.names), n=1, cutoff=0.7)
        return "D401", node, f"There is no metric {name} in the data.", _did_you_mean(close), None
    for matcher in node.matchers:
        if matcher.name != METRIC_NAME and not inventory.has((*_name_matchers(node), matcher)):
            return _blame(node, matcher, present[0], inventory)
    return "D403", node, f"Each matcher of {render(node)} has series that pass, and no series passes all.", "", None


def _name_matchers(node: VectorSelector) -> Iterator[Matcher]:
    return (matcher for matcher in node.matchers if matcher.name == METRIC_NAME)


def _blame(node: VectorSelector, matcher: Matcher, name: str, inventory: Inventory) -> _Said:
    labels = inventory.labels(name)
    if matcher.name not in labels:
        close = difflib.get_close_matches(matcher.name, sorted(labels), n=1, cutoff=0.7)
        fix = _did_you_mean(close) or f"It has {', '.join(sorted(labels))}."
        return "D402", node, f"No series of {name} has the label {matcher.name}.", fix, None
    values = sorted(labels[matcher.name])
    is_target = matcher.name in inventory.target_labels and matcher.op is MatchOp.EQUAL
    close = difflib.get_close_matches(matcher.value, values, n=1)
    shown = ", ".join(values[:_SHOWN]) + (", ..." if len(values) > _SHOWN else "")
    fix = _did_you_mean(close) if is_target and close else f"It has {shown}."
    severity = Severity.WARNING if is_target else None
    return "D403", node, f"No series of {name} passes `{matcher}`.", fix, severity


_SHOWN: Final = 6


def _did_you_mean(close: list[str]) -> str:
    return f"Did you mean {close[0]}?" if close else ""
