"""The alerts that rules can raise: for each label the values that it may have."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import attrs

from obsflow.model.matchers import Matcher
from obsflow.quality.reach import Conjunction, can_pass
from obsflow.quality.rulefiles import ReviewedRule

ALERT_NAME = "alertname"


@attrs.frozen
class AlertShape:
    """What an alerting rule's alerts look like to a router.

    `values` lists what a label may be, the empty string for absent; a label that it lacks may be anything.
    """

    name: str
    source: str
    line: int
    values: Mapping[str, frozenset[str]] = attrs.field(hash=False)

    @classmethod
    def of(
        cls, rule: ReviewedRule, named: Iterable[str], external: Mapping[str, str] | None, set_by_rules: frozenset[str]
    ) -> Self:
        """The shape of a rule's alerts, as far as the labels `named` go.

        A label that the result cannot have may still be an external one, unless those are known or `set_by_rules` has
        it: what some rule sets by itself is not left to the server.
        """
        there = rule.labels_of(rule.rule.expr)
        values: dict[str, frozenset[str]] = {ALERT_NAME: frozenset((rule.rule.name,))}
        for name in named:
            own = rule.rule.labels.get(name)
            if name == ALERT_NAME:
                continue
            if own is not None:
                if "{{" not in own:
                    values[name] = frozenset((own,))
            elif name in there.values:
                values[name] = there.values[name] | (frozenset() if name in there.expected else frozenset(("",)))
            elif not there.may_have(name):
                if external is not None:
                    values[name] = frozenset((external.get(name, ""),))
                elif name in set_by_rules:
                    values[name] = frozenset(("",))
        return cls(rule.rule.name, rule.file.rules.source, rule.rule.position.line, values)

    def may_pass(self, asked: Conjunction, blockers: Sequence[Conjunction] = ()) -> bool:
        """Whether some alert of this shape passes all that is asked and none of the blockers."""
        return can_pass(asked, blockers, self.values)

    def always_has(self, name: str) -> bool:
        """Whether the label is surely there."""
        return name in self.values and "" not in self.values[name]

    def never_has(self, name: str) -> bool:
        """Whether the label is surely absent."""
        return self.values.get(name) == frozenset(("",))


def alert_shapes(
    rules: Sequence[ReviewedRule], matchers: Iterable[Matcher], more: Iterable[str] = ()
) -> tuple[AlertShape, ...]:
    """The shapes of all alerting rules, as far as the labels go that matchers and `more` name."""
    named = sorted({"severity", *(matcher.name for matcher in matchers), *more})
    alerting = [rule for rule in rules if rule.alert is not None]
    own = frozenset(name for rule in alerting for name in rule.rule.labels)
    return tuple(AlertShape.of(rule, named, rule.settings.external_labels, own) for rule in alerting)
