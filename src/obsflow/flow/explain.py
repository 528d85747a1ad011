"""Why an alert was what it was at a time: rendered from the reasons that the machines left.

The lifecycle left a transition for every change of state, an evaluation that failed left its error, and the router a
decision for every look at a group. What the expression was then is looked up anew, part by part.
"""

import enum
from collections.abc import Iterable, Sequence

import attrs
import numpy as np

from obsflow.alertmanager import Decision, Grouped, MuteCause
from obsflow.flow.backtest import BacktestResult
from obsflow.flow.conditions import Condition, Examiner
from obsflow.flow.dependencies import ScheduledGroup
from obsflow.flow.scenario import Scenario
from obsflow.flow.stage import Stage
from obsflow.model.frames import TimeArray
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, all_match
from obsflow.model.notifications import Notification, NotifyReason
from obsflow.query.engine import Engine
from obsflow.rules import AlertingRule, AlertState, EvaluationFailed, Transition, TransitionReason


class Outcome(enum.Enum):
    """What the last look at a group of an alert came to for one integration."""

    TOLD = "told"
    MUTED = "muted"
    NOTHING_NEW = "told before, nothing new since"
    WAITING = "not looked at yet"
    NOBODY = "the receiver has no integration"


@attrs.frozen
class Telling:
    """What became of an alert at one integration of a receiver by the time that is asked about; times in ms.

    `reason` and `muted_by` are those of the last look at its group, at `looked_at`; `told_at` is when the integration
    was last told of it. `next_look_at` is when the group is looked at again, and `repeat_due_at` from when on it would
    be told again without news.
    """

    receiver: str
    integration: str
    group_key: str
    outcome: Outcome
    reason: NotifyReason | None
    muted_by: MuteCause | None
    looked_at: int | None
    told_at: int | None
    next_look_at: int | None
    repeat_due_at: int | None
    waits_for: str = ""


@attrs.frozen
class AlertExplanation:
    """One alert of the rule; times in ms.

    `transition` is the last change of its state. `fires_at` is when it would fire if its condition goes on to hold.
    `replaced_by` is an alert of the same rule that appeared when this one went: its labels changed. `before` are the
    earlier changes, newest first.
    """

    labels: Labels
    state: AlertState
    transition: Transition
    fires_at: int | None
    replaced_by: Labels | None
    changed_labels: tuple[str, ...]
    tellings: tuple[Telling, ...]
    before: tuple[Transition, ...]


@attrs.frozen
class RuleExplanation:
    """An alerting rule at a time (ms), and the alerts of it that are asked for.

    `evaluated_at` is the last evaluation until then and `next_at` the one after; None where there is none. `failure` is
    what was wrong with the last one. `condition` is its expression then.
    """

    rule: AlertingRule
    group: str
    asked_at: int
    evaluated_at: int | None
    next_at: int | None
    failure: EvaluationFailed | None
    condition: Condition | None
    alerts: tuple[AlertExplanation, ...]
    has_routes: bool


def explain(
    scenario: Scenario, result: BacktestResult, alert: str, time: int, matchers: Sequence[Matcher] = ()
) -> tuple[RuleExplanation, ...]:
    """Every alerting rule named `alert` at `time` (ms), with those of its alerts that pass the matchers.

    `result` is the backtest of the scenario.
    """
    stage = Stage(scenario, threads=1)
    engine = Engine(result.store, default_step_ms=scenario.prometheus.global_.evaluation_interval_ms)
    examiner = Examiner(result.store, engine)
    return tuple(
        _explain_rule(scenario, result, group, rule, time, matchers, examiner)
        for group in stage.groups
        for rule in group.group.rules
        if isinstance(rule, AlertingRule) and rule.alert == alert
    )


def _explain_rule(
    scenario: Scenario,
    result: BacktestResult,
    group: ScheduledGroup,
    rule: AlertingRule,
    time: int,
    matchers: Sequence[Matcher],
    examiner: Examiner,
) -> RuleExplanation:
    name, ticks = group.group.name, group.times
    done = int(np.searchsorted(ticks, time, side="right"))
    evaluated_at = int(ticks[done - 1]) if done else None
    own = [each for each in result.transitions if (each.group, each.rule) == (name, rule.alert) and each.time <= time]
    return RuleExplanation(
        rule,
        name,
        time,
        evaluated_at,
        int(ticks[done]) if done < len(ticks) else None,
        _last_failure(result.failures, name, rule.alert, evaluated_at),
        None if evaluated_at is None else examiner.examine(rule.expr, evaluated_at - group.query_offset_ms),
        _Alerts(scenario, result, rule, ticks, time).explain(own, matchers),
        scenario.alertmanager is not None,
    )


def _last_failure(
    failures: Iterable[EvaluationFailed], group: str, alert: str, evaluated_at: int | None
) -> EvaluationFailed | None:
    """What was wrong with the last evaluation, if anything was."""
    return next((each for each in failures if (each.group, each.rule, each.time) == (group, alert, evaluated_at)), None)


class _Alerts:
    """The alerts of one rule until a time (ms)."""

    def __init__(
        self, scenario: Scenario, result: BacktestResult, rule: AlertingRule, ticks: TimeArray, time: int
    ) -> None:
        self._external = scenario.prometheus.external_labels
        self._result = result
        self._rule = rule
        self._ticks = ticks
        self._time = time

    def explain(self, transitions: Sequence[Transition], matchers: Sequence[Matcher]) -> tuple[AlertExplanation, ...]:
        """Those that pass the matchers, active ones first, then those that ended last."""
        by_alert: dict[Labels, list[Transition]] = {}
        for each in transitions:
            by_alert.setdefault(each.labels, []).append(each)
        wanted = [
            self._explain(labels, own, transitions)
            for labels, own in by_alert.items()
            if all_match(tuple(matchers), labels)
        ]
        return tuple(sorted(wanted, key=lambda each: (not each.state.is_active, -each.transition.time)))

    def _explain(
        self, labels: Labels, own: Sequence[Transition], transitions: Sequence[Transition]
    ) -> AlertExplanation:
        # That a resolved alert is forgotten after a while is nothing that happened to it.
        own = [each for each in own if each.reason is not TransitionReason.RETENTION]
        last = own[-1]
        fires_at = None
        if last.to_state is AlertState.PENDING:
            tick = int(np.searchsorted(self._ticks, last.active_at + self._rule.for_ms))
            fires_at = int(self._ticks[tick]) if tick < len(self._ticks) else None
        successor = None if last.to_state.is_active else _successor(last, transitions)
        return AlertExplanation(
            labels,
            last.to_state,
            last,
            fires_at,
            successor,
            () if successor is None else _differing(labels, successor),
            self._tellings(labels, own),
            tuple(own[-2::-1]),
        )

    def _tellings(self, labels: Labels, own: Sequence[Transition]) -> tuple[Telling, ...]:
        """What the router made of the alert since it last began to fire."""
        fired = [
            each.time for each in own if each.to_state is AlertState.FIRING and each.from_state is not AlertState.KEPT
        ]
        if not fired or own[-1].to_state is AlertState.PENDING:
            return ()
        outgoing = Labels({**self._external, **labels})
        looks: dict[tuple[str, str, str, int], Decision] = {}
        for decision in self._result.decisions:
            if fired[-1] <= decision.time <= self._time and _speaks_of(decision, outgoing):
                looks[decision.group_key, decision.receiver, decision.integration, decision.index] = decision
        tellings = [self._telling(decision, outgoing) for decision in looks.values()]
        told = {(each.group_key, each.receiver) for each in tellings}
        unseen = {
            (each.group_key, each.receiver): each
            for each in self._result.grouped
            if fired[-1] <= each.time <= self._time
            and each.labels == outgoing
            and (each.group_key, each.receiver) not in told
        }
        tellings += [_unseen(each, self._time) for each in unseen.values()]
        return tuple(tellings)

    def _telling(self, look: Decision, labels: Labels) -> Telling:
        cause = dict(look.muted).get(labels)
        told = [
            each.time for each, _ in self._result.notifications if each.time <= self._time and _told(each, look, labels)
        ]
        outcome = Outcome.NOTHING_NEW
        if cause is not None:
            outcome = Outcome.MUTED
        elif look.reason.sends and told and told[-1] == look.time:
            outcome = Outcome.TOLD
        return Telling(
            look.receiver,
            look.integration,
            look.group_key,
            outcome,
            look.reason,
            cause,
            look.time,
            told[-1] if told else None,
            look.next_flush_at,
            look.repeat_due_at,
        )


def _unseen(grouped: Grouped, now: int) -> Telling:
    """Of a group at which no look has asked whether an integration is to be told: it is to come, or there is none."""
    is_waiting = now < grouped.flush_at
    return Telling(
        grouped.receiver,
        "",
        grouped.group_key,
        Outcome.WAITING if is_waiting else Outcome.NOBODY,
        None,
        None,
        None,
        None,
        grouped.flush_at if is_waiting else None,
        None,
        grouped.reason.value if is_waiting else "",
    )


def _speaks_of(decision: Decision, labels: Labels) -> bool:
    return (
        labels in decision.firing or labels in decision.resolved or any(labels == muted for muted, _ in decision.muted)
    )


def _told(notification: Notification, look: Decision, labels: Labels) -> bool:
    return (
        notification.group_key == look.group_key
        and (notification.receiver, notification.integration, notification.index)
        == (look.receiver, look.integration, look.index)
        and any(alert.labels == labels for alert in notification.alerts)
    )


def _successor(ended: Transition, transitions: Iterable[Transition]) -> Labels | None:
    """An alert that appeared when this one ended: the same thing under other labels."""
    return next(
        (
            each.labels
            for each in transitions
            if each.time == ended.time and each.labels != ended.labels and each.from_state is AlertState.INACTIVE
        ),
        None,
    )


def _differing(one: Labels, other: Labels) -> tuple[str, ...]:
    return tuple(name for name in sorted({*one, *other}) if one.get(name) != other.get(name))
