"""Rule files under review: the rules, and where everything in them stands."""

from collections.abc import Iterator
from typing import Self

import attrs

from obsflow.promql.ast import Expr, VectorSelector
from obsflow.promql.dialect import PROMETHEUS, Dialect
from obsflow.promql.label_sets import LabelSet, result_labels, selected_labels
from obsflow.quality.catalog import Severity
from obsflow.quality.findings import Finding
from obsflow.quality.settings import Settings
from obsflow.rules import AlertingRule, RecordingRule, Rule, RuleFile, RuleGroup, load_rules
from obsflow.rules.placement import locate
from obsflow.schema import MapNode, Node, Position, ScalarNode, SeqNode, compose

_DEPTH = 12
"""How many rules may stand between a series that is scraped and one that is recorded."""


@attrs.frozen
class ReviewedFile:
    """A rule file, its text, and its mappings by where they begin."""

    rules: RuleFile
    text: str
    nodes: dict[tuple[int, int], MapNode] = attrs.field(eq=False, repr=False)

    @classmethod
    def load(cls, text: str, source: str, *, dialect: Dialect = PROMETHEUS) -> Self:
        """Read a rule file. Raises ConfigError with everything that is wrong with it."""
        rules = load_rules(text, source, dialect=dialect)
        root = compose(text, source).root
        return cls(rules, text, {} if root is None else dict(_mappings(root)))


def _mappings(node: Node) -> Iterator[tuple[tuple[int, int], MapNode]]:
    if isinstance(node, SeqNode):
        for item in node.items:
            yield from _mappings(item)
    elif isinstance(node, MapNode):
        yield (node.position.line, node.position.column), node
        for value in node.entries.values():
            yield from _mappings(value)


@attrs.frozen
class RecordedLabels:
    """What the recording rules under review say of the labels of the series that they write."""

    by_name: dict[str, LabelSet] = attrs.field(factory=dict)

    @classmethod
    def of(cls, files: tuple[ReviewedFile, ...]) -> Self:
        """Read all recording rules; one that reads another is read after it, where they do not read each other."""
        rules = [rule for file in files for group in file.rules.groups for rule in group.rules]
        recorded = cls()
        for _ in range(_DEPTH):
            found: dict[str, LabelSet] = {}
            for rule in rules:
                if isinstance(rule, RecordingRule):
                    labels = result_labels(rule.expr, recorded.select).with_(rule.labels)
                    found[rule.record] = labels.union(found[rule.record]) if rule.record in found else labels
            if found == recorded.by_name:
                return recorded
            recorded = cls(found)
        return cls()

    def select(self, selector: VectorSelector) -> LabelSet:
        """The labels of what a selector selects."""
        matched = selected_labels(selector)
        known = self.by_name.get(selector.name)
        if known is None:
            return matched
        both = known.without(matched.names) if matched.is_open else known
        expected = both.expected | frozenset(filter(both.may_have, matched.expected))
        return attrs.evolve(both, expected=expected, values={**both.values, **matched.values})


@attrs.frozen
class ReviewedRule:
    """A rule in its place; `index` is its number in the group."""

    file: ReviewedFile
    group: RuleGroup
    index: int
    rule: Rule
    settings: Settings
    recorded: RecordedLabels = attrs.field(repr=False)

    @property
    def alert(self) -> AlertingRule | None:
        """The rule, if it alerts."""
        return self.rule if isinstance(self.rule, AlertingRule) else None

    def labels_of(self, expr: Expr) -> LabelSet:
        """The labels that the result of an expression may have."""
        return result_labels(expr, self.recorded.select)

    @property
    def node(self) -> MapNode | None:
        """The mapping of the rule in its file."""
        at = self.rule.position
        return self.file.nodes.get((at.line, at.column))

    def place(self, *keys: str, offset: int | None = None) -> Position:
        """Where a key of the rule stands; with `offset`, where that character of its text does."""
        node: Node | None = self.node
        at = self.rule.position
        for key in keys:
            if not isinstance(node, MapNode) or key not in node.entries:
                return at
            at, node = node.keys[key], node.entries[key]
        if offset is not None and isinstance(node, ScalarNode):
            return locate(self.file.text, node, offset)
        return at

    def place_of(self, expr: Expr) -> Position:
        """Where a part of the rule's expression begins."""
        return self.place("expr", offset=expr.span[0])

    def find(
        self, code: str, at: Position | Expr | None, message: str, fix: str = "", *, severity: Severity | None = None
    ) -> Finding:
        """A finding about this rule: at a place, at a part of its expression, or at the rule."""
        if at is None:
            place = self.place("record" if self.alert is None else "alert")
        else:
            place = at if isinstance(at, Position) else self.place_of(at)
        return Finding.of(code, place, self.rule.name, message, fix, severity=severity, anchor=self.rule.position.line)


def reviewed_rules(files: tuple[ReviewedFile, ...], settings: Settings) -> tuple[ReviewedRule, ...]:
    """All rules of the files, in order."""
    recorded = RecordedLabels.of(files)
    return tuple(
        ReviewedRule(file, group, index, rule, settings, recorded)
        for file in files
        for group in file.rules.groups
        for index, rule in enumerate(group.rules)
    )
