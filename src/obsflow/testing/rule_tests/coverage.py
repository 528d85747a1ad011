"""Which rules a run of tests exercised, and which of the transitions that an alerting rule may take its alerts took."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from obsflow.rules import AlertingRule, EvaluationFailed, Rule, RuleGroup, Transition, TransitionReason
from obsflow.rules.lifecycle import TABLE

_NAMES: Final[Mapping[TransitionReason, str]] = {
    TransitionReason.CONDITION_TRUE: "pending",
    TransitionReason.NO_FOR: "fired",
    TransitionReason.HELD: "fired",
    TransitionReason.PENDING_ENDED: "pending ended",
    TransitionReason.CONDITION_FALSE: "resolved",
    TransitionReason.KEEP_FIRING: "kept",
    TransitionReason.TRUE_AGAIN: "true again",
    TransitionReason.KEEP_ELAPSED: "keep elapsed",
}
"""What a transition is called, by its reason. Those that need a reload, a limit or 15 minutes are not asked for."""

_WITH_FOR: Final = frozenset((TransitionReason.CONDITION_TRUE, TransitionReason.HELD, TransitionReason.PENDING_ENDED))
_WITH_KEEP: Final = frozenset(
    (TransitionReason.KEEP_FIRING, TransitionReason.TRUE_AGAIN, TransitionReason.KEEP_ELAPSED)
)


def possible_transitions(rule: AlertingRule) -> tuple[str, ...]:
    """The names of the state changes of the lifecycle table that an alert of this rule can go through, in its order."""
    reasons = [step.reason for (state, _), step in TABLE.items() if step.next is not state and step.reason]
    return tuple(dict.fromkeys(_NAMES[each] for each in reasons if each in _NAMES and _is_possible(each, rule)))


def _is_possible(reason: TransitionReason, rule: AlertingRule) -> bool:
    if reason in _WITH_FOR:
        return rule.for_ms > 0
    if reason is TransitionReason.NO_FOR:
        return rule.for_ms == 0
    if reason in _WITH_KEEP:
        return rule.keep_firing_for_ms > 0
    return reason is not TransitionReason.CONDITION_FALSE or rule.keep_firing_for_ms == 0


@attrs.define
class RuleCoverage:
    """What the tests made of one rule.

    `runs` counts those in which it was evaluated; `taken` are the transitions of its alerts, by name.
    """

    rule: Rule
    group: str
    had_samples: bool = False
    failed: bool = False
    runs: int = 0
    taken: set[str] = attrs.field(factory=set)

    @property
    def possible(self) -> tuple[str, ...]:
        """The transitions that there are to take; none for a recording rule."""
        return possible_transitions(self.rule) if isinstance(self.rule, AlertingRule) else ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The transitions that no test took."""
        return tuple(name for name in self.possible if name not in self.taken)

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "file": self.rule.position.source,
            "line": self.rule.position.line,
            "group": self.group,
            "kind": "alert" if isinstance(self.rule, AlertingRule) else "record",
            "rule": self.rule.name,
            "runs": self.runs,
            "had_samples": self.had_samples,
            "failed": self.failed,
            "taken": [name for name in self.possible if name in self.taken],
            "missing": list(self.missing),
        }


class Coverage:
    """What the tests of a run made of all rules that they loaded, each counted once wherever it was loaded."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, int, int, str], RuleCoverage] = {}

    def __iter__(self) -> Iterator[RuleCoverage]:
        return iter(self._rules.values())

    def add_rules(self, groups: Iterable[RuleGroup]) -> None:
        """Let these rules be there, exercised or not."""
        for group in groups:
            for rule in group.rules:
                self._rules.setdefault(_key(rule), RuleCoverage(rule, group.name))

    def add_run(
        self,
        groups: Iterable[RuleGroup],
        had_samples: Collection[int],
        transitions: Iterable[Transition],
        failures: Iterable[EvaluationFailed],
    ) -> None:
        """Count what the rules did in one test; `had_samples` are the rules, by id, whose queries had a result."""
        by_name: dict[tuple[str, str], list[RuleCoverage]] = {}
        for group in groups:
            for rule in group.rules:
                covered = self._rules.setdefault(_key(rule), RuleCoverage(rule, group.name))
                covered.runs += 1
                covered.had_samples |= id(rule) in had_samples
                by_name.setdefault((group.name, rule.name), []).append(covered)
        for failure in failures:
            for covered in by_name.get((failure.group, failure.rule), ()):
                covered.failed = True
        for each in transitions:
            for covered in _of(each, by_name.get((each.group, each.rule), [])):
                if each.reason in _NAMES:
                    covered.taken.add(_NAMES[each.reason])


def _of(transition: Transition, candidates: list[RuleCoverage]) -> Iterable[RuleCoverage]:
    """Of the rules of one name in a group the ones whose fixed labels the alert has."""
    if len(candidates) < 2:
        return candidates
    return [
        each
        for each in candidates
        if all("{{" in text or transition.labels.get(name) == text for name, text in each.rule.labels.items())
    ]


def _key(rule: Rule) -> tuple[str, int, int, str]:
    at = rule.position
    return at.source, at.line, at.column, rule.name
