"""Inhibition: an alert that fires mutes others that agree with it on some labels."""

import functools

import attrs

from obsflow.alertmanager.alerts import KnownAlert
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, all_match

_REMEMBERED = 1 << 16  # label sets whose part in the rules is remembered


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
        return tuple(labels.get(name) for name in self.equal)


@attrs.frozen
class _Role:
    """What a label set is to a rule."""

    rule: int
    key: tuple[str, ...]
    is_source: bool
    is_target: bool


class Inhibitor:
    """The sources of each rule, by the values of its `equal` labels.

    An alert that is both source and target of a rule is muted only by sources that are not targets themselves, so that
    no two alerts mute each other and none mutes itself.
    """

    def __init__(self, rules: tuple[InhibitRule, ...], *, keeps_one_source: bool = False) -> None:
        self.rules = rules
        self._keeps_one_source = keeps_one_source
        self._sources: tuple[dict[tuple[str, ...], dict[Labels, KnownAlert]], ...] = tuple({} for _ in rules)
        self._roles = functools.lru_cache(_REMEMBERED)(self._find_roles)

    def copy(self) -> "Inhibitor":
        """An inhibitor that goes its own way from here."""
        twin = Inhibitor(self.rules, keeps_one_source=self._keeps_one_source)
        for mine, its in zip(self._sources, twin._sources, strict=True):
            its.update((key, dict(sources)) for key, sources in mine.items())
        return twin

    def add(self, alert: KnownAlert) -> None:
        """Take in the last word on an alert."""
        for role in self._roles(alert.labels):
            if role.is_source:
                sources = self._sources[role.rule].setdefault(role.key, {})
                if self._keeps_one_source and sources and alert.labels not in sources:
                    (only,) = sources.values()
                    if only.ends_at > alert.ends_at:
                        continue
                    sources.clear()
                sources[alert.labels] = alert

    def remove(self, labels: Labels) -> None:
        """Forget an alert."""
        for role in self._roles(labels):
            if role.is_source and (sources := self._sources[role.rule].get(role.key)) is not None:
                sources.pop(labels, None)
                if not sources or self._keeps_one_source:
                    del self._sources[role.rule][role.key]

    def find_source(self, labels: Labels, now: int) -> tuple[int, Labels] | None:
        """The first rule that mutes an alert at `now`, by its position, and the source that does."""
        for role in self._roles(labels):
            if not role.is_target:
                continue
            for source in self._sources[role.rule].get(role.key, {}).values():
                if source.is_resolved(now):
                    continue
                if not (role.is_source and all_match(self.rules[role.rule].target, source.labels)):
                    return role.rule, source.labels
        return None

    def _find_roles(self, labels: Labels) -> tuple[_Role, ...]:
        roles = (
            _Role(i, rule.key(labels), all_match(rule.source, labels), all_match(rule.target, labels))
            for i, rule in enumerate(self.rules)
        )
        return tuple(role for role in roles if role.is_source or role.is_target)
