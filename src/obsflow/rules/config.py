"""Rule files as Prometheus 3 reads them, and the `PrometheusRule` resources of its operator.

Loading is strict, and reports everything that is wrong with a file at once, each with its place.
"""

from collections.abc import Iterator, Mapping

import attrs

from obsflow.errors import ConfigError, Problem, QuerySyntaxError, TemplateSyntaxError
from obsflow.model.durations import parse_duration
from obsflow.model.labels import METRIC_NAME
from obsflow.promql import parse
from obsflow.promql.ast import Expr
from obsflow.promql.dialect import PROMETHEUS, Dialect
from obsflow.rules.placement import locate
from obsflow.rules.templates import AlertTemplate
from obsflow.schema import Document, MapNode, Node, Position, ScalarNode, compose, decode_document, field, positions

RESOURCE_KIND = "PrometheusRule"

_NOWHERE = Position("", 0, 0)
_NO_NODE = MapNode({}, {}, _NOWHERE)


@attrs.frozen
class RecordingRule:
    """A query whose result becomes the series `record`, with `labels` set on it; an empty value removes a label."""

    record: str
    expr: Expr
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    position: Position = attrs.field(default=_NOWHERE, eq=False, repr=False)
    expr_position: Position = attrs.field(default=_NOWHERE, eq=False, repr=False)

    @property
    def name(self) -> str:
        """What the rule is called in its group."""
        return self.record


def _parse_templates(texts: Mapping[str, str], rule: "AlertingRule") -> Mapping[str, AlertTemplate]:
    return {name: AlertTemplate.parse(text, rule.alert) for name, text in texts.items()}


@attrs.frozen
class AlertingRule:
    """A query each of whose samples is an alert; durations in ms.

    `labels` and `annotations` are texts in the template language. Raises TemplateSyntaxError if one does not parse.
    """

    alert: str
    expr: Expr
    for_ms: int = 0
    keep_firing_for_ms: int = 0
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    position: Position = attrs.field(default=_NOWHERE, eq=False, repr=False)
    expr_position: Position = attrs.field(default=_NOWHERE, eq=False, repr=False)
    label_templates: Mapping[str, AlertTemplate] = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: _parse_templates(self.labels, self), takes_self=True),
    )
    annotation_templates: Mapping[str, AlertTemplate] = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: _parse_templates(self.annotations, self), takes_self=True),
    )

    @property
    def name(self) -> str:
        """What the rule is called in its group."""
        return self.alert


Rule = AlertingRule | RecordingRule


@attrs.frozen
class RuleGroup:
    """Rules that are evaluated one after the other, in order, at the same times.

    `interval_ms` and `query_offset_ms` None leave it to the server's configuration; `limit` 0 is none. The rules carry
    the group's labels already, where they do not set them themselves.
    """

    name: str
    source: str = ""
    interval_ms: int | None = None
    query_offset_ms: int | None = None
    limit: int = 0
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    rules: tuple[Rule, ...] = ()
    position: Position = attrs.field(default=_NOWHERE, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if any(name not in rule.labels for rule in self.rules for name in self.labels):
            rules = tuple(attrs.evolve(rule, labels={**self.labels, **rule.labels}) for rule in self.rules)
            object.__setattr__(self, "rules", rules)


@attrs.frozen
class RuleFile:
    """The groups of one file, in order; `source` is its name."""

    source: str
    groups: tuple[RuleGroup, ...]


def load_rules(text: str, source: str, *, dialect: Dialect = PROMETHEUS) -> RuleFile:
    """Read a rule file, or a `PrometheusRule` resource. Only the first YAML document counts.

    Raises ConfigError with every problem of the file, each with line and column.
    """
    problems: list[Problem] = []
    raw = decode_document(_RawFile, _unwrap(compose(text, source)), problems)
    groups = tuple(_Loader(text, source, dialect, problems).load(raw))
    if problems:
        raise ConfigError(tuple(sorted(set(problems), key=lambda problem: (problem.line, problem.column))))
    return RuleFile(source, groups)


def _unwrap(document: Document) -> Document:
    """The part of the document that holds the groups: the `spec` of a resource, or all of it."""
    match document.root:
        case MapNode(entries={"kind": ScalarNode(text=kind), "spec": spec}) if kind == RESOURCE_KIND:
            return attrs.evolve(document, root=spec)
    return document


@attrs.frozen
class _RawRule:
    record: Node = field(default=_NO_NODE)
    alert: Node = field(default=_NO_NODE)
    expr: Node = field(default=_NO_NODE)
    for_: int = field(key="for", parse=parse_duration, default=0)
    keep_firing_for: int = field(parse=parse_duration, default=0)
    labels: Node = field(default=_NO_NODE)
    annotations: Node = field(default=_NO_NODE)
    at: Mapping[str, Position] = positions()


@attrs.frozen
class _RawGroup:
    name: str = field(default="")
    interval: int = field(parse=parse_duration, default=0)
    query_offset: int | None = field(parse=parse_duration, default=None)
    limit: int = field(default=0)
    labels: Node = field(default=_NO_NODE)
    rules: tuple[_RawRule, ...] = field(default=())
    partial_response_strategy: str = field(default="")  # Thanos reads the same resources
    at: Mapping[str, Position] = positions()


@attrs.frozen
class _RawFile:
    groups: tuple[_RawGroup, ...] = field(default=())


@attrs.frozen
class _Loader:
    """Checks what was decoded and builds the rules; every problem is appended to `problems`."""

    text: str
    source: str
    dialect: Dialect
    problems: list[Problem]

    def load(self, raw: _RawFile) -> Iterator[RuleGroup]:
        first_lines: dict[str, int] = {}
        for i, group in enumerate(raw.groups):
            path = f"groups[{i}]"
            at = group.at.get("name", group.at[""])
            if not group.name:
                self.report(at, f"{path}.name", "a group must have a name")
            elif group.name in first_lines:
                message = f'group name "{group.name}" is already used in line {first_lines[group.name]}'
                self.report(at, f"{path}.name", message)
            first_lines.setdefault(group.name, at.line)
            yield self.group(group, path)

    def group(self, raw: _RawGroup, path: str) -> RuleGroup:
        labels = self.texts(raw.labels, f"{path}.labels", reserved=METRIC_NAME)
        rules = [self.rule(rule, f"{path}.rules[{i}]") for i, rule in enumerate(raw.rules)]
        return RuleGroup(
            raw.name,
            self.source,
            raw.interval or None,
            raw.query_offset,
            raw.limit,
            {name: node.text for name, node in labels.items()},
            tuple(rule for rule in rules if rule is not None),
            raw.at[""],
        )

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
                    raw.for_,
                    raw.keep_firing_for,
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
            return parse(node.text, self.dialect)
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
        if not (isinstance(node, ScalarNode) and node.is_null):
            self.report(node.position, path, "expected a mapping")
        return {}

    def named(self, nodes: Mapping[str, ScalarNode], path: str) -> Iterator[tuple[str, ScalarNode]]:
        return ((f"{path}.{name}", node) for name, node in nodes.items())

    def report(self, at: Position, path: str, message: str) -> None:
        self.problems.append(at.problem(path, message))


def _entries(node: Node) -> int:
    return len(node.entries) if isinstance(node, MapNode) else 0
