"""What rules read of each other, and what follows for a replay: which are evaluated over their history at once.

A rule may be if what it reads does not depend on when it is asked: recorded data, or rules that were themselves
evaluated so and whose sample of an instant is there before this rule runs at that instant. Rules that read themselves,
a later rule, `ALERTS`, or a series that two rules may write are asked tick by tick. A group is led from tick to tick
where one of its rules is asked so, where such a rule reads what it writes, or where its alerts cannot be followed
otherwise.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np

from obsflow.errors import QuerySyntaxError
from obsflow.model.frames import TimeArray
from obsflow.model.labels import METRIC_NAME
from obsflow.promql import parse
from obsflow.promql.ast import Expr, VectorSelector
from obsflow.promql.inspect import selectors
from obsflow.rules import AlertingRule, RecordingRule, Rule, RuleGroup

ALERT_SERIES = frozenset({"ALERTS", "ALERTS_FOR_STATE"})


@attrs.frozen(eq=False)
class ScheduledGroup:
    """A group and the times of its evaluations, int64 ms; its queries are asked `query_offset_ms` before each."""

    group: RuleGroup
    interval_ms: int
    query_offset_ms: int
    times: TimeArray

    @property
    def offset_ms(self) -> int:
        """Where in its interval the group is evaluated."""
        return int(self.times[0]) % self.interval_ms if self.times.size else 0


class StepReason(enum.Enum):
    """Why a group is stepped from tick to tick."""

    READS_RULES = "reads what it, a later rule or an alert writes"
    CONTESTED = "writes a series that another rule writes too"
    VOLATILE_LABELS = "makes labels of values or of the time"
    ASKS_QUERIES = "asks a query in a template"
    LIMIT = "limits the number of its alerts"
    IS_READ = "is read by a rule that is evaluated tick by tick"


@attrs.frozen
class SteppedGroup:
    """A group that is stepped, the rule for whose sake it is, and why."""

    group: str
    rule: str
    reason: StepReason


@attrs.frozen(eq=False)
class Place:
    """A rule in the order of evaluation, and the times (int64 ms) at which its query is asked.

    `is_contested` says that another rule may write the same series; the first to write at an instant wins.
    """

    rank: tuple[int, int]  # group, rule in it
    rule: Rule
    limit: int
    times: TimeArray
    is_contested: bool = False
    reads: "list[Place]" = attrs.field(factory=list)

    @property
    def names(self) -> frozenset[str]:
        """The metrics that the rule writes."""
        return frozenset((self.rule.record,)) if isinstance(self.rule, RecordingRule) else ALERT_SERIES

    def may_write(self, name: str, selector: VectorSelector) -> bool:
        """Whether a selector may match a series `name` of this rule, by the labels that all of those have."""
        fixed = {**_fixed_labels(self.rule), METRIC_NAME: name}
        return all(matcher.matches(fixed[matcher.name]) for matcher in selector.matchers if matcher.name in fixed)

    def is_seen_by(self, reader: "Place") -> bool:
        """Whether the reader, at any of its times, has before it all that this rule has written until then."""
        if not isinstance(self.rule, RecordingRule) or self.is_contested:
            return False  # ALERTS comes from the lifecycle
        if self.rank < reader.rank:
            return True
        return self.rank[0] != reader.rank[0] and not np.intersect1d(self.times, reader.times).size


class Dependencies:
    """Which rules read which, of all groups together."""

    def __init__(self, groups: Sequence[ScheduledGroup]) -> None:
        self._groups = groups
        self.places = _place_rules(groups)
        self._producers: dict[str, list[Place]] = {}
        for place in self.places:
            for name in place.names:
                self._producers.setdefault(name, []).append(place)
        for place in self.places:
            place.reads.extend(self._read_by(place.rule.expr))
        self.batchable = _find_batchable(self.places)
        """The rules (by id) that can be evaluated over their history at once."""

    def stepped(self) -> dict[int, SteppedGroup]:
        """The groups, by their number, that are led from tick to tick: for their own sake, or for their readers'."""
        found: dict[int, SteppedGroup] = {}
        for place in self.places:
            reason = self._own_reason(place)
            if reason is not None:
                self._note(place, reason, found)
        pending = list(found)
        while pending:
            number = pending.pop()
            read = [one for each in self.places if each.rank[0] == number for one in self._read_by_tick(each)]
            pending += [one.rank[0] for one in read if self._note(one, StepReason.IS_READ, found)]
        return dict(sorted(found.items()))

    def _note(self, place: Place, reason: StepReason, found: dict[int, SteppedGroup]) -> bool:
        """Step the group of a rule; whether that is new."""
        number = place.rank[0]
        if number in found:
            return False
        found[number] = SteppedGroup(self._groups[number].group.name, place.rule.name, reason)
        return True

    def _own_reason(self, place: Place) -> StepReason | None:
        rule = place.rule
        if id(rule) not in self.batchable:
            return StepReason.READS_RULES
        if place.is_contested:
            return StepReason.CONTESTED
        if isinstance(rule, AlertingRule):
            if any(template.is_volatile for template in rule.label_templates.values()):
                return StepReason.VOLATILE_LABELS
            if any(template.asks_queries for template in rule.annotation_templates.values()):
                return StepReason.ASKS_QUERIES
            if place.limit:
                return StepReason.LIMIT
        return None

    def _read_by_tick(self, place: Place) -> Iterator[Place]:
        """The rules whose output is looked up at every tick: by the rule, or by its templates."""
        if id(place.rule) not in self.batchable:
            yield from place.reads
        if not isinstance(place.rule, AlertingRule):
            return
        for template in (*place.rule.label_templates.values(), *place.rule.annotation_templates.values()):
            for text in template.queries:
                yield from self.places if text is None else self._read_by(_parse(text))

    def _read_by(self, expr: Expr | None) -> list[Place]:
        if expr is None:
            return []
        return [
            place
            for selector in selectors(expr)
            for name in _names(selector) or self._producers
            for place in self._producers.get(name, ())
            if place.may_write(name, selector)
        ]


def split(groups: Sequence[ScheduledGroup]) -> tuple[list[ScheduledGroup], dict[int, SteppedGroup]]:
    """The groups, and by their number there those that are led from tick to tick.

    A group of which some rules have to be is taken apart into groups of one rule: they come in the same order at every
    tick, and one need not slow down the others.
    """
    stepped = Dependencies(groups).stepped()
    if not stepped:
        return list(groups), {}
    parts = [
        part for number, each in enumerate(groups) for part in (_single_rules(each) if number in stepped else (each,))
    ]
    return parts, Dependencies(parts).stepped()


def _single_rules(scheduled: ScheduledGroup) -> Iterator[ScheduledGroup]:
    return (
        attrs.evolve(scheduled, group=attrs.evolve(scheduled.group, rules=(rule,))) for rule in scheduled.group.rules
    )


def _parse(text: str) -> Expr | None:
    """A query that a template asks; one that does not parse reads nothing."""
    try:
        return parse(text)
    except QuerySyntaxError:
        return None


def _place_rules(groups: Sequence[ScheduledGroup]) -> list[Place]:
    """All rules in order."""
    contested = _find_contested([rule for scheduled in groups for rule in scheduled.group.rules])
    return [
        Place((g, r), rule, scheduled.group.limit, scheduled.times - scheduled.query_offset_ms, id(rule) in contested)
        for g, scheduled in enumerate(groups)
        for r, rule in enumerate(scheduled.group.rules)
    ]


def _find_contested(rules: Sequence[Rule]) -> set[int]:
    """The rules (by id) whose series another rule may write too: no label that both set keeps them apart."""
    by_name: dict[tuple[type[Rule], str], list[tuple[Rule, Mapping[str, str]]]] = {}
    for rule in rules:
        by_name.setdefault((type(rule), rule.name), []).append((rule, _fixed_labels(rule)))
    return {
        id(one)
        for same in by_name.values()
        for one, labels in same
        for other, others in same
        if one is not other and all(others.get(name, value) == value for name, value in labels.items())
    }


def _fixed_labels(rule: Rule) -> Mapping[str, str]:
    """The labels that are the same in all series that a rule writes."""
    if isinstance(rule, RecordingRule):
        return rule.labels
    fixed = {name: text for name, text in rule.labels.items() if text and "{{" not in text}
    return {**fixed, "alertname": rule.alert}


def _names(selector: VectorSelector) -> Sequence[str] | None:
    """The metric names that a selector lists; None if it lists none."""
    listed = (matcher.literals for matcher in selector.matchers if matcher.name == METRIC_NAME)
    return next((tuple(names) for names in listed if names is not None), None)


def _find_batchable(places: list[Place]) -> set[int]:
    """The rules (by id) that can be evaluated over their history at once: what they read can, and is seen in time."""
    batchable: set[int] = set()
    grown = True
    while grown:  # from nothing upwards, so that rules that read each other never get in
        grown = False
        for place in places:
            if id(place.rule) not in batchable and all(
                id(each.rule) in batchable and each.is_seen_by(place) for each in place.reads
            ):
                batchable.add(id(place.rule))
                grown = True
    return batchable
