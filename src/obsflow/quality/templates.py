"""Checks of what the templates of an alert read and show."""

import difflib
from collections.abc import Iterator
from typing import Any, Final

import attrs

from obsflow.errors import TemplateSyntaxError
from obsflow.gotemplate import ast
from obsflow.gotemplate.builtins import BUILTINS
from obsflow.gotemplate.parser import parse
from obsflow.model.labels import METRIC_NAME
from obsflow.promql.ast import NumberLiteral
from obsflow.promql.inspect import metric_names, selectors, walk
from obsflow.quality.findings import Finding
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.trees import threshold_of
from obsflow.rules.functions import FUNCTIONS

_VARIABLES: Final = ("$labels", "$externalLabels", "$externalURL", "$value")
_KNOWN: Final = frozenset((*FUNCTIONS, *BUILTINS))
_PERCENTAGE: Final = "humanizePercentage"
_SURELY_PERCENT: Final = 5.0
"""From here on a threshold is taken for a percentage: a ratio of 500 % is rare."""


@attrs.frozen
class Text:
    """A template of a rule: under `labels` or `annotations`, its name there, and what it consists of."""

    section: str
    name: str
    text: str
    body: tuple[Any, ...]


def texts_of(rule: ReviewedRule) -> Iterator[Text]:
    """The texts of an alert that have actions in them."""
    if rule.alert is None:
        return
    for section, texts in (("labels", rule.alert.labels), ("annotations", rule.alert.annotations)):
        for name, text in texts.items():
            if "{{" in text:
                try:
                    definitions = parse(text, name, _KNOWN, _VARIABLES)
                except TemplateSyntaxError:  # the loader has accepted it, with what stands before every template
                    continue
                yield Text(section, name, text, tuple(node for each in definitions for node in each.body))


def _nodes(node: Any, conditions: tuple[Any, ...] = (), *, is_dot: bool = True) -> Iterator[tuple[Any, bool, Any]]:
    """Every node below, whether dot is still the template's data there, and the pipelines of the `if`s around it."""
    if isinstance(node, tuple):
        for each in node:
            yield from _nodes(each, conditions, is_dot=is_dot)
    elif attrs.has(type(node)):
        yield node, is_dot, conditions
        for attribute in attrs.fields(type(node)):
            moves = isinstance(node, ast.With | ast.Range) and attribute.name == "body"
            inner = (*conditions, node.pipeline) if isinstance(node, ast.If | ast.With | ast.Range) else conditions
            yield from _nodes(getattr(node, attribute.name), inner, is_dot=is_dot and not moves)


def _label_read(node: Any, *, is_dot: bool) -> str | None:
    """The label that a node reads."""
    match node:
        case ast.Variable(name="$labels", names=(name, *_)):
            return str(name)
        case ast.Variable(name="$", names=("Labels", name, *_)):
            return str(name)
        case ast.Field(names=("Labels", name, *_)) if is_dot:
            return str(name)
        case ast.Command(operands=(ast.Identifier(name="index"), ast.Variable(name="$labels", names=()), key, *_)):
            return key.value if isinstance(key, ast.String) else None
    return None


def labels_read(text: Text) -> Iterator[tuple[str, int]]:
    """The labels that a text reads without asking first whether they are there, each with its place."""
    found = list(_nodes(text.body))
    if any(isinstance(node, ast.Pipeline) and any(v.name == "$labels" for v in node.declared) for node, _, _ in found):
        return
    asked = {
        label
        for node, _, _ in found
        if isinstance(node, ast.If | ast.With)
        for inner, is_dot, _ in _nodes(node.pipeline)
        if (label := _label_read(inner, is_dot=is_dot)) is not None
    }
    for node, is_dot, _ in found:
        label = _label_read(node, is_dot=is_dot)
        if label is not None and label not in asked:
            start = text.text.rfind("$", 0, node.pos + 1) if isinstance(node, ast.Variable) else -1
            yield label, node.pos if start < 0 else start


def reads_value(text: Text) -> bool:
    """Whether a text says anything of the value of the sample."""
    return any(_is_value(node) for node, _, _ in _nodes(text.body))


def _is_value(node: Any) -> bool:
    return (isinstance(node, ast.Variable) and (node.name == "$value" or node.names[:1] == ("Value",))) or (
        isinstance(node, ast.Field) and node.names[:1] == ("Value",)
    )


def check_labels_read(rule: ReviewedRule) -> Iterator[Finding]:
    """A201: labels that the result cannot have."""
    alert = rule.alert
    if alert is None:
        return
    there = rule.labels_of(alert.expr)
    names = metric_names(alert.expr)
    reads_alerts = names is None or any(name.startswith("ALERTS") for name in names) or not selectors(alert.expr)
    for text in texts_of(rule):
        for label, pos in labels_read(text):
            if label == METRIC_NAME or (there.may_have(label) and (label != "alertname" or reads_alerts)):
                continue
            place = rule.place(text.section, text.name, offset=pos)
            where = f"{text.section}.{text.name}"
            message = f"`$labels.{label}` in {where} is always empty: the result has no label {label}."
            known = sorted(there.names) if not there.is_open else []
            yield rule.find("A201", place, message, _advise(rule, label, known))


def _advise(rule: ReviewedRule, label: str, there: list[str]) -> str:
    assert rule.alert is not None
    if label in rule.alert.labels or label == "alertname":
        return f"`$labels` are those of the sample, without those that the rule sets: write the text of {label} out."
    close = difflib.get_close_matches(label, there, n=1)
    if close:
        return f"Did you mean `$labels.{close[0]}`?"
    has = f"has only {', '.join(there)}" if there else "has no labels at all"
    return f"The result {has}: keep {label} in the aggregation, as in `by ({', '.join((*there, label))})`."


def check_value_in_labels(rule: ReviewedRule) -> Iterator[Finding]:
    """A202: labels that change with the value."""
    for text in texts_of(rule):
        if text.section == "labels" and reads_value(text) and not _only_asks(text):
            message = f"The label {text.name} changes with every value, and each is another alert: `for` begins again."
            fix = "Say the value in an annotation; a label may only depend on what stays the same."
            yield rule.find("A202", rule.place("labels", text.name), message, fix)


def _only_asks(text: Text) -> bool:
    """Whether the value only decides between texts, as in `{{ if gt $value 0.9 }}high{{ else }}low{{ end }}`."""
    asked = [
        id(inner)
        for node, _, _ in _nodes(text.body)
        if isinstance(node, ast.If)
        for inner, _, _ in _nodes(node.pipeline)
    ]
    return all(id(node) in asked for node, _, _ in _nodes(text.body) if _is_value(node))


def check_value_unit(rule: ReviewedRule) -> Iterator[Finding]:
    """A203: percentages shown as ratios, and the other way about."""
    alert = rule.alert
    compared = None if alert is None else threshold_of(alert.expr)
    if alert is None or compared is None:
        return
    op, limit, _ = compared
    looks_like_percent = abs(limit) >= _SURELY_PERCENT
    looks_like_ratio = 0 < limit < 1 and op in (">", ">=", "<", "<=") and not _speaks_of_percent(rule)
    for text in texts_of(rule):
        for i, node in enumerate(text.body):
            if not isinstance(node, ast.Action) or not _shows_value(node.pipeline):
                continue
            called = {each.name for each, _, _ in _nodes(node.pipeline) if isinstance(each, ast.Identifier)}
            place = rule.place(text.section, text.name, offset=node.pos)
            if _PERCENTAGE in called and looks_like_percent:
                message = f"humanizePercentage multiplies by 100, and the value is compared with {limit:g} already."
                yield rule.find("A203", place, message, "Write `{{ $value }}%`, or compare a ratio.")
            elif looks_like_ratio and not called & {_PERCENTAGE, "query"} and _percent_follows(text.body, i):
                message = f"The value is compared with {limit:g} and shown before a `%`: it is a ratio."
                yield rule.find("A203", place, message, "Write `{{ $value | humanizePercentage }}` without the `%`.")


def _shows_value(pipeline: ast.Pipeline) -> bool:
    """Whether an action prints the value of the sample, and nothing that was asked for."""
    return not pipeline.declared and any(_is_value(node) for node, _, _ in _nodes(pipeline))


def _percent_follows(body: tuple[Any, ...], index: int) -> bool:
    following = body[index + 1] if index + 1 < len(body) else None
    return isinstance(following, ast.Text) and following.text.lstrip(" ").startswith("%")


def _speaks_of_percent(rule: ReviewedRule) -> bool:
    """Whether the expression counts in hundredths itself."""
    for node, _ in walk(rule.rule.expr):
        if isinstance(node, NumberLiteral) and abs(node.value) == 100:
            return True
    names = metric_names(rule.rule.expr)
    return names is None or any("perc" in name or "pct" in name for name in names)
