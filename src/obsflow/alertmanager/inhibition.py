"""Inhibition: an alert that fires mutes others that agree with it on some labels."""

import attrs

from obsflow.alertmanager.alerts import KnownAlert
from obsflow.alertmanager.index import MatcherIndex, Memo
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, all_match


@attrs.frozen
class InhibitRule:
    """A firing alert that `source` passes mutes those that `target` passes, if the labels `equal` are the same.

    A label that both lack is the same.
    """

    name: str = ""
    source: tuple[Matcher, ...] = ()
    target: tuple[Matcher, ...] = ()
    equal: tuple[str, ...] = ()

    def key(self, labels: Labels) -> tuple[str, ...]:
        """The values on which source and target must agree."""
        return tuple([labels.get(name) for name in self.equal])


Key = tuple[str, ...]  # the values of a rule's `equal` labels


Roles = tuple[tuple[int, ...], tuple[int, ...]]  # the rules, by position, that a label set is a source, a target of


class Inhibitor:
    """The sources of each rule, by the values of its `equal` labels.

    An alert that is both source and target of a rule is muted only by sources that are not targets themselves, so that
    no two alerts mute each other and none mutes itself.
    """

    def __init__(self, rules: tuple[InhibitRule, ...], *, keeps_one_source: bool = False) -> None:
        self.rules = rules
        self._keeps_one_source = keeps_one_source
        self._sources: tuple[dict[Key, dict[Labels, KnownAlert]], ...] = tuple({} for _ in rules)
        self._source_index = MatcherIndex((i, rule.source) for i, rule in enumerate(rules))
        self._target_index = MatcherIndex((i, rule.target) for i, rule in enumerate(rules))
        self._known_roles: dict[Roles, Roles] = {}  # one object for all that play the same
        matchers = (matcher for rule in rules for matcher in (*rule.source, *rule.target))
        self._roles = Memo(self._find_roles, {matcher.name for matcher in matchers})

    def copy(self) -> "Inhibitor":
        """An inhibitor that goes its own way from here."""
        twin = Inhibitor(self.rules, keeps_one_source=self._keeps_one_source)
        for mine, its in zip(self._sources, twin._sources, strict=True):
            its.update((key, dict(sources)) for key, sources in mine.items())
        return twin

    def add(self, alert: KnownAlert) -> None:
        """Take in the last word on an alert."""
        for i in self._roles[alert.labels][0]:
            sources = self._sources[i].setdefault(self.rules[i].key(alert.labels), {})
            if self._keeps_one_source and sources and alert.labels not in sources:
                (only,) = sources.values()
                if only.ends_at > alert.ends_at:
                    continue
                sources.clear()
            sources[alert.labels] = alert

    def remove(self, labels: Labels) -> None:
        """Forget an alert."""
        for i in self._roles[labels][0]:
            key = self.rules[i].key(labels)
            if (sources := self._sources[i].get(key)) is not None:
                sources.pop(labels, None)
                if not sources or self._keeps_one_source:
                    del self._sources[i][key]

    def forget(self) -> None:
        """Remember no more which label sets play which role: there are others now."""
        self._known_roles.clear()
        self._roles.clear()

    def find_source(self, labels: Labels, now: int) -> tuple[int, Labels] | None:
        """The first rule that mutes an alert at `now`, by its position, and the source that does."""
        source_of, target_of = self._roles[labels]
        for i in target_of:
            rule = self.rules[i]
            sources = self._sources[i].get(rule.key(labels))
            if not sources:
                continue
            is_source = i in source_of
            for source in sources.values():
                if not source.is_resolved(now) and not (is_source and all_match(rule.target, source.labels)):
                    return i, source.labels
        return None

    def _find_roles(self, labels: Labels) -> Roles:
        roles = tuple(self._source_index.find(labels)), tuple(self._target_index.find(labels))
        return self._known_roles.setdefault(roles, roles)
