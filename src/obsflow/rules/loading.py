"""Rule files as Prometheus 3 reads them, and the `PrometheusRule` resources of its operator.

Loading is strict, and reports everything that is wrong with a file at once, each with its place.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import attrs

from obsflow.errors import ConfigError, Problem, QuerySyntaxError, TemplateSyntaxError, UnknownField
from obsflow.model.durations import parse_duration
from obsflow.model.labels import METRIC_NAME
from obsflow.promql import parse
from obsflow.promql.ast import Expr
from obsflow.promql.dialect import PROMETHEUS, Dialect
from obsflow.rules.config import AlertingRule, RecordingRule, Rule, RuleFile, RuleGroup
from obsflow.rules.placement import locate
from obsflow.rules.resources import find_sections
from obsflow.rules.templates import AlertTemplate
from obsflow.schema import Document, MapNode, Node, Position, ScalarNode, compose, decode_document, field, positions

T = TypeVar("T")

_NO_NODE = MapNode({}, {}, Position("", 0, 0))
_INT64 = 1 << 63


def load_rules(
    text: str, source: str, *, dialect: Dialect = PROMETHEUS, ignores_unknown_fields: bool = False
) -> RuleFile:
    """Read a rule file, a `PrometheusRule` resource, or a list of them. Only the first YAML document counts.

    Raises ConfigError with every problem of the file, each with line and column; fields that nobody knows are among
    them unless they are to be ignored.
    """
    document = compose(text, source)
    loader = _Loader(text, dialect, list(document.problems))
    groups = [
        group
        for section in find_sections(document)
        for group in loader.load(section.node, section.source, section.path)
    ]
    problems = [each for each in loader.problems if not (ignores_unknown_fields and isinstance(each, UnknownField))]
    if problems:
        raise ConfigError(tuple(sorted(set(problems), key=lambda problem: (problem.line, problem.column))))
    return RuleFile(source, tuple(groups))


@attrs.frozen
class _RawRule:
    record: Node = field(default=_NO_NODE)
    alert: Node = field(default=_NO_NODE)
    expr: Node = field(default=_NO_NODE)
    for_: int | None = field(key="for", parse=parse_duration, default=None)
    keep_firing_for: int | None = field(parse=parse_duration, default=None)
    labels: Node = field(default=_NO_NODE)
    annotations: Node = field(default=_NO_NODE)
    at: Mapping[str, Position] = positions()


@attrs.frozen
class _RawGroup:
    name: str | None = field(default=None)
    interval: int | None = field(parse=parse_duration, default=None)
    query_offset: int | None = field(parse=parse_duration, default=None)
    limit: Node = field(default=_NO_NODE)
    labels: Node = field(default=_NO_NODE)
    rules: tuple[Node, ...] = field(default=())
    partial_response_strategy: str | None = field(default=None)  # Thanos reads the same resources
    at: Mapping[str, Position] = positions()


@attrs.frozen
class _RawFile:
    groups: tuple[Node, ...] = field(default=())


@attrs.frozen
class _Loader:
    """Checks what was decoded and builds the rules; every problem is appended to `problems`."""

    text: str
    dialect: Dialect
    problems: list[Problem]
    parsed: dict[str, Expr] = attrs.field(factory=dict)

    def load(self, node: Node, source: str, path: str) -> Iterator[RuleGroup]:
        raw = self.decode(_RawFile, node, path)
        first_lines: dict[str, int] = {}
        for where, group in self.decode_all(_RawGroup, raw.groups if raw else (), _join(path, "groups")):
            at = group.at.get("name", group.at[""])
            if not group.name:
                self.report(at, f"{where}.name", "a group must have a name")
            elif group.name in first_lines:
                message = f'group name "{group.name}" is already used in line {first_lines[group.name]}'
                self.report(at, f"{where}.name", message)
            first_lines.setdefault(group.name or "", at.line)
            yield self.group(group, source, where)

    def decode(self, cls: type[T], node: Node, path: str) -> T | None:
        """The node as `cls`; None if that is impossible."""
        found: list[Problem] = []
        try:
            return decode_document(cls, Document(node.position.source, node), found)
        except ConfigError:
            return None
        finally:
            self.problems.extend(attrs.evolve(each, path=_join(path, each.path)) for each in found)

    def decode_all(self, cls: type[T], nodes: Sequence[Node], path: str) -> Iterator[tuple[str, T]]:
        """Those that can be decoded, with their paths. An entry that says nothing does not count, as in Prometheus."""
        for i, node in enumerate(nodes):
            where = f"{path}[{i}]"
            if not _is_null(node) and (raw := self.decode(cls, node, where)) is not None:
                yield where, raw

    def group(self, raw: _RawGroup, source: str, path: str) -> RuleGroup:
        labels = self.texts(raw.labels, f"{path}.labels", reserved=METRIC_NAME)
        decoded = self.decode_all(_RawRule, raw.rules, f"{path}.rules")
        rules = [rule for where, each in decoded if (rule := self.rule(each, where)) is not None]
        sound = {
            name: node.text
            for name, node in labels.items()
            if self.is_group_label(name, node, rules, f"{path}.labels.{name}")
        }
        return RuleGroup(
            raw.name or "",
            source,
            raw.interval or None,
            raw.query_offset,
            self.limit(raw.limit, f"{path}.limit"),
            sound,
            tuple(rules),
            raw.at[""],
        )

    def is_group_label(self, name: str, node: ScalarNode, rules: Sequence[Rule], path: str) -> bool:
        """Whether the label is a template for those alerts that it goes to: Prometheus finds out when they fire."""
        alerts = (rule.alert for rule in rules if isinstance(rule, AlertingRule) and name not in rule.labels)
        return all(self.is_template(node, alert, path) for alert in list(alerts)[:1])

    def limit(self, node: Node, path: str) -> int:
        """An integer as Go's decoder reads one: of a number with a fraction, the whole part."""
        if node is _NO_NODE or _is_null(node):
            return 0
        if isinstance(node, ScalarNode) and node.is_plain and not node.text.startswith("_"):
            digits = node.text.replace("_", "")
            for convert in (_parse_integer, float):
                try:
                    value = int(convert(digits))
                except (ValueError, OverflowError):
                    continue
                if -_INT64 <= value < _INT64:
                    return value
                break
        self.report(node.position, path, "expected an integer")
        return 0

    def rule(self, raw: _RawRule, path: str) -> Rule | None:
        """The rule, or None if it cannot be built; the reason has been reported."""
        at = raw.at[""]
        record, alert = self.scalar(raw.record, f"{path}.record"), self.scalar(raw.alert, f"{path}.alert")
        labels = self.texts(raw.labels, f"{path}.labels", reserved=METRIC_NAME)
        annotations = self.texts(raw.annotations, f"{path}.annotations")
        expr = self.expression(raw, path)
        if record and alert:
            self.report(raw.at["alert"], path, 'a rule has either "record" or "alert", this one has both')
        elif record:
            self.check_recording(raw, record, path)
            if expr is not None:
                texts = {name: node.text for name, node in labels.items()}
                return RecordingRule(record.text, expr, texts, at, raw.expr.position)
        elif alert:
            templates = [*self.named(labels, f"{path}.labels"), *self.named(annotations, f"{path}.annotations")]
            sound = [self.is_template(node, alert.text, where) for where, node in templates]
            if all(sound) and expr is not None:
                return AlertingRule(
                    alert.text,
                    expr,
                    raw.for_ or 0,
                    raw.keep_firing_for or 0,
                    {name: node.text for name, node in labels.items()},
                    {name: node.text for name, node in annotations.items()},
                    at,
                    raw.expr.position,
                )
        else:
            self.report(at, path, 'a rule must have "record" or "alert"')
        return None

    def expression(self, raw: _RawRule, path: str) -> Expr | None:
        node = self.scalar(raw.expr, f"{path}.expr")
        if node is None:
            self.report(raw.at[""], f"{path}.expr", "a rule must have an expression")
            return None
        try:
            if node.text not in self.parsed:
                self.parsed[node.text] = parse(node.text, self.dialect)
            return self.parsed[node.text]
        except QuerySyntaxError as error:
            self.report(locate(self.text, node, error.span[0]), f"{path}.expr", error.message)
            return None

    def check_recording(self, raw: _RawRule, record: ScalarNode, path: str) -> None:
        given = {"for": raw.for_, "keep_firing_for": raw.keep_firing_for, "annotations": _entries(raw.annotations)}
        for key, value in given.items():
            if value:
                self.report(raw.at[key], f"{path}.{key}", f'"{key}" is for alerting rules, this one records')
        if any(brace in record.text for brace in "{}"):
            message = f'"{record.text}" is not a metric name: it has braces; does it belong into "expr"?'
            self.report(record.position, f"{path}.record", message)

    def is_template(self, node: ScalarNode, alert: str, path: str) -> bool:
        try:
            AlertTemplate.parse(node.text, alert)
        except TemplateSyntaxError as error:
            self.report(locate(self.text, node, error.span[0]), path, f"template error: {error.message}")
            return False
        return True

    def scalar(self, node: Node, path: str) -> ScalarNode | None:
        """The scalar, or None if there is no text in it."""
        if isinstance(node, ScalarNode):
            return None if node.is_null or not node.text else node
        if node is not _NO_NODE:
            self.report(node.position, path, "expected a string")
        return None

    def texts(self, node: Node, path: str, reserved: str = "") -> dict[str, ScalarNode]:
        """The entries of a mapping from label names to texts."""
        out = {}
        for name, (at, value) in self.entries(node, path).items():
            if not name or name == reserved:
                self.report(at, path, f'"{name}" cannot be the name of a label here')
            elif not isinstance(value, ScalarNode):
                self.report(value.position, f"{path}.{name}", "expected a string")
            else:
                out[name] = attrs.evolve(value, text="") if value.is_null else value
        return out

    def entries(self, node: Node, path: str) -> dict[str, tuple[Position, Node]]:
        if isinstance(node, MapNode):
            return {name: (node.keys[name], value) for name, value in node.entries.items()}
        if not _is_null(node):
            self.report(node.position, path, "expected a mapping")
        return {}

    def named(self, nodes: Mapping[str, ScalarNode], path: str) -> Iterator[tuple[str, ScalarNode]]:
        return ((f"{path}.{name}", node) for name, node in nodes.items())

    def report(self, at: Position, path: str, message: str) -> None:
        self.problems.append(at.problem(path, message))


def _parse_integer(digits: str) -> int:
    """Raises ValueError. A leading zero means octal, as in C."""
    unsigned = digits.lstrip("+-")
    if unsigned.isdigit() and unsigned.startswith("0"):
        return int(digits, 8)
    return int(digits, 0)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_null


def _entries(node: Node) -> int:
    return len(node.entries) if isinstance(node, MapNode) else 0


def _join(path: str, rest: str) -> str:
    return f"{path}.{rest}" if path and rest else path or rest
