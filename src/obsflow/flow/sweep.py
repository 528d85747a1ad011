"""What if: the same backtest with other durations and thresholds, over data that is evaluated once."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs
import numpy as np

from obsflow.flow.backtest import BacktestResult, run_stage
from obsflow.flow.scenario import Scenario
from obsflow.flow.stage import Stage
from obsflow.flow.thresholds import Threshold, find_threshold, leading_threshold, with_threshold
from obsflow.model.durations import parse_duration
from obsflow.promql.literals import parse_number
from obsflow.rules import AlertingRule, Rule
from obsflow.rules.history import PlayedRule, Sightings, play

_DURATIONS: Final = ("for", "keep_firing_for")
_FIELDS: Final = (*_DURATIONS, "threshold")
_COMPARE: Final[Mapping[str, np.ufunc]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


@attrs.frozen
class Change:
    """One value of a field of alerting rules: of those named `alert`, or of all.

    `value` is ms for a duration; for a threshold a number, or with `is_factor` what the rule's own is multiplied by.
    """

    field: str
    text: str
    value: float
    is_factor: bool = False
    alert: str = ""

    def __str__(self) -> str:
        return f"{self.alert}:{self.field}={self.text}" if self.alert else f"{self.field}={self.text}"

    def apply(self, rule: AlertingRule) -> AlertingRule:
        """The rule with this value; the rule itself where it does not apply."""
        if self.alert not in ("", rule.alert):
            return rule
        if self.field == "for":
            return attrs.evolve(rule, for_ms=int(self.value))
        if self.field == "keep_firing_for":
            return attrs.evolve(rule, keep_firing_for_ms=int(self.value))
        threshold = leading_threshold(rule.expr)
        if threshold is None:
            return rule
        expr = with_threshold(rule.expr, threshold.value * self.value if self.is_factor else self.value)
        assert expr is not None
        return attrs.evolve(rule, expr=expr)


@attrs.frozen
class Variation:
    """Changes that are made together; none at all is the rules as they are."""

    changes: tuple[Change, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.changes)) or "as it is"

    def apply(self, rule: Rule) -> Rule:
        """The rule with all changes, if it is an alerting rule."""
        for change in self.changes:
            if isinstance(rule, AlertingRule):
                rule = change.apply(rule)
        return rule

    def vary(self, scenario: Scenario) -> Scenario:
        """The scenario with all rules changed."""
        files = tuple(
            attrs.evolve(
                file,
                groups=tuple(attrs.evolve(group, rules=tuple(map(self.apply, group.rules))) for group in file.groups),
            )
            for file in scenario.rule_files
        )
        return attrs.evolve(scenario, rule_files=files)


def parse_sweep(text: str) -> tuple[Change, ...]:
    """The values of one field: `for=1m,5m`, `keep_firing_for=0s,5m`, `threshold=0.01,0.05`.

    A threshold `x2` is twice the rule's own; `NAME:for=1m` is about the alerts of that name alone. Raises ValueError.
    """
    head, equals, values = text.partition("=")
    alert, _, field = head.rpartition(":")
    if not equals or field not in _FIELDS:
        raise ValueError(f"expected [ALERT:]FIELD=VALUE,..., where FIELD is one of {', '.join(_FIELDS)}: {text}")
    return tuple(_parse_value(field, value.strip(), alert) for value in values.split(","))


def _parse_value(field: str, text: str, alert: str) -> Change:
    if field in _DURATIONS:
        return Change(field, text, parse_duration(text), alert=alert)
    digits = text.removeprefix("x")
    sign = -1.0 if digits.startswith("-") else 1.0
    return Change(field, text, sign * parse_number(digits.removeprefix("-")), digits != text, alert)


def variations(sweeps: Sequence[tuple[Change, ...]]) -> tuple[Variation, ...]:
    """The rules as they are, and every combination of the values."""
    return (Variation(), *(Variation(changes) for changes in itertools.product(*sweeps) if changes))


def run_sweep(
    scenario: Scenario, wanted: Sequence[Variation], *, threads: int = 1
) -> Iterator[tuple[Variation, BacktestResult]]:
    """Replay the scenario with each variation of its rules.

    What the rules read is evaluated once for all variations, except for groups that are led from tick to tick, and for
    thresholds that `and` or `unless` narrow down. Gives what `run_backtest` gives for each of them.
    """
    stage = Stage(scenario, threads)
    stages = [Stage(variation.vary(scenario), threads, beside=stage) for variation in wanted]
    played: list[list[dict[int, PlayedRule] | None]] = [[] for _ in wanted]
    for number in range(len(stage.groups)):
        if number in stage.stepped:
            of_group: Sequence[dict[int, PlayedRule] | None] = [None] * len(wanted)
        else:
            of_group = _play(stage, number, stages)
        for own, rules in zip(played, of_group, strict=True):
            own.append(rules)
    for variation, varied, own in zip(wanted, stages, played, strict=True):
        yield variation, run_stage(varied, own)


def _play(stage: Stage, number: int, stages: Sequence[Stage]) -> list[dict[int, PlayedRule]]:
    """The alerting rules of a group over their history, in each variation."""
    group = stage.groups[number]
    context = stage.context(group)
    out: list[dict[int, PlayedRule]] = [{} for _ in stages]
    for i, rule in enumerate(group.group.rules):
        if isinstance(rule, AlertingRule):
            varied = [each.groups[number].group.rules[i] for each in stages]
            known: dict[Rule, PlayedRule] = {}
            results = _Results(stage, number, rule, varied)
            for own, each, of in zip(out, varied, stages, strict=True):
                assert isinstance(each, AlertingRule)
                if each not in known:
                    known[each] = play(each, context, results.of(each), of.past(number, i))
                own[i] = known[each]
    return out


class _Results:
    """The results of one rule and of its variations: of what is compared, where nothing but its threshold varies."""

    def __init__(self, stage: Stage, number: int, rule: AlertingRule, varied: Sequence[Rule]) -> None:
        self._stage = stage
        self._times = stage.groups[number].times
        self._rule = rule
        threshold = find_threshold(rule.expr)
        varies = any(each.expr != rule.expr for each in varied)
        compared = threshold.expr if varies and threshold is not None else rule.expr
        self._compared = None if compared is rule.expr else compared
        self._base = stage.evaluator.sightings(rule, self._times, compared)

    def of(self, rule: AlertingRule) -> Sightings:
        """The result of a variation."""
        if self._compared is not None:
            threshold = find_threshold(rule.expr)
            assert threshold is not None
            return _compare(self._base, threshold)
        if rule.expr == self._rule.expr:
            return self._base
        return self._stage.evaluator.sightings(self._rule, self._times, rule.expr)


def _compare(sightings: Sightings, threshold: Threshold) -> Sightings:
    """What is left of a result that is compared with a number."""
    kept = _COMPARE[threshold.op](sightings.values, threshold.value)
    return attrs.evolve(
        sightings, rows=sightings.rows[kept], steps=sightings.steps[kept], values=sightings.values[kept]
    )
