"""What a rule file says: rules, in groups, in a file."""

from collections.abc import Mapping

import attrs

from obsflow.promql.ast import Expr
from obsflow.rules.templates import AlertTemplate
from obsflow.schema import Position

_NOWHERE = Position("", 0, 0)


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
    the group's labels already, where they do not set them themselves. Raises TemplateSyntaxError if such a label does
    not parse as a template of an alerting rule.
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
