"""Alerting rules: one evaluation at one time. The lifecycle is the table of `obsflow.rules.lifecycle`."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from obsflow.errors import QueryError
from obsflow.model.alerts import Alert
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.rules.active import AT_ONCE, ActiveAlert
from obsflow.rules.config import AlertingRule
from obsflow.rules.context import RuleContext, Vector
from obsflow.rules.effects import Effect, EvaluationFailed, Samples, SendAlerts, Transition
from obsflow.rules.expansion import ALERT_NAME, Expansion
from obsflow.rules.health import RuleStatus
from obsflow.rules.lifecycle import AlertState, Observation, advance
from obsflow.rules.restoring import (
    FOR_STATE_METRIC,
    ForStateRead,
    PastAlert,
    ReadForState,
    RestorePolicy,
    past_alerts,
    restore_active_at,
)
from obsflow.rules.written import WrittenSeries

SAME_LABELS: Final = "vector contains metrics with the same labelset after applying alert labels"
_MAX_KNOWN = 1024  # alerts that are remembered for their labels alone, besides those of the last result


class AlertingState:
    """An alerting rule in a running group, with its alerts in order of their first appearance.

    `is_restored` False holds back `ALERTS` and `ALERTS_FOR_STATE` until the `for` state of an earlier run is restored.
    """

    def __init__(self, rule: AlertingRule, context: RuleContext, *, is_restored: bool = True) -> None:
        self.rule = rule
        self.is_restored = is_restored
        self._context = context
        self.written = WrittenSeries()
        self.status = RuleStatus()
        self._samples: Samples | None = None  # of all active alerts, until one of them changes
        self._active: dict[Labels, ActiveAlert] = {}
        self._known: dict[Labels, ActiveAlert] = {}  # by their own labels: the active ones, and some that may return
        self._by_sample: dict[Labels, ActiveAlert] = {}  # where labels do not depend on values or time
        self._sources: list[Labels] = []
        self._present: list[ActiveAlert] = []
        self._send_after: int | None = None
        self._expansion = Expansion(rule, context)
        self._has_fixed_labels = not any(template.is_volatile for template in rule.label_templates.values())
        annotations = rule.annotation_templates.values()
        self._fixed_templates = {n: each for n, each in rule.annotation_templates.items() if not each.is_volatile}
        self._volatile_templates = {n: each for n, each in rule.annotation_templates.items() if each.is_volatile}
        self._asks_queries = any(template.asks_queries for template in annotations)
        self._reads_time = any(template.reads_clock or template.asks_queries for template in annotations)
        self._reads_value = any(template.reads_value for template in annotations)

    @property
    def alerts(self) -> tuple[ActiveAlert, ...]:
        """The alerts that are remembered, resolved ones too."""
        return tuple(self._active.values())

    @property
    def active_alerts(self) -> tuple[ActiveAlert, ...]:
        """The alerts that are pending or firing, also those that are kept firing."""
        return tuple(alert for alert in self._active.values() if alert.state.is_active)

    @property
    def state(self) -> str:
        """That of the most urgent alert: `firing`, `pending`, `inactive`; before the first evaluation, `unknown`."""
        if self.status.evaluated_at is None:
            return "unknown"
        states = {alert.state.series_value for alert in self._active.values()}
        return next((state for state in ("firing", "pending") if state in states), "inactive")

    def evaluate(self, time: int) -> list[Effect]:
        """Ask for the result at `time` (ms) less the query offset, move every alert on, decide what to send and write.

        A query that fails, and samples that become the same alert, leave everything as it was. More alerts than the
        limit clear all alerts of the rule. Either way, `status` says how it went.
        """
        effects = self._evaluate(time)
        self.status = RuleStatus.of(time, effects)
        return effects

    def _evaluate(self, time: int) -> list[Effect]:
        context = self._context
        try:
            vector = context.evaluator.evaluate(self.rule, time - context.query_offset_ms)
            present = self._identify(vector, time)
        except QueryError as error:
            return [self._failure(time, str(error))]
        for alert, (labels, value) in zip(present, vector, strict=True):
            alert.see(labels, value, time)
        changes = list(self._observe(present, time))
        if context.limit > 0 and (count := self._count(changes)) > context.limit:
            cleared = [self._take(alert, Observation.CLEARED, time) for alert in self.alerts]
            return [*cleared, self._failure(time, f"exceeded limit of {context.limit} with {count} alerts")]
        effects: list[Effect] = [self._take(alert, observation, time) for alert, observation in changes]
        if self._asks_queries:  # the answers of this instant count, whenever the alert is sent
            for alert in present:
                self.annotations(alert)
        if changes or (self._send_after is not None and self._send_after < time):
            effects += self._send(time)
        if self._samples is None:
            self._samples = tuple(sample for alert in self._active.values() for sample in alert.samples)
        if self.is_restored:
            effects += self.written.replace(self._samples, time - context.query_offset_ms)
        return effects

    def for_state_query(self, index: int, time: int, policy: RestorePolicy) -> ReadForState | None:
        """What to look up to restore the `for` state at `time`; None if there is nothing to restore."""
        if not policy.restores_firing and self.rule.for_ms < policy.grace_period_ms:
            self.is_restored = True
            return None
        labels = Labels({**self._expansion.fixed_labels, METRIC_NAME: FOR_STATE_METRIC, ALERT_NAME: self.rule.alert})
        start = time - policy.outage_tolerance_ms
        return ReadForState(time, self._context.group, index, labels, start, time, policy.restores_firing)

    def restore_for_state(self, read: ForStateRead, now: int, policy: RestorePolicy) -> list[Effect]:
        """Let the alerts that were active before go on where they were; what follows from it at once."""
        for_ms = self.rule.for_ms
        effects: list[Effect] = []
        for labels, past in past_alerts(read).items():
            alert = self._active.get(labels)
            observation = self._recall(labels, past, now) if policy.restores_firing else None
            if observation is not None:
                effects += self._resume(self._known[labels], observation, now)
            elif alert is not None and for_ms >= policy.grace_period_ms:
                alert.active_at = restore_active_at(now, for_ms, past.down_at, past.active_at, policy.grace_period_ms)
                alert.samples = self._series_of(alert)
        self._samples = None
        self.is_restored = True
        return effects + self._send(now) if effects else []

    def _recall(self, labels: Labels, past: PastAlert, now: int) -> Observation | None:
        """What is to be said of an alert that fired before; None if it does not go on firing.

        Its times are those of before. What its condition was true for is not known any more: for its annotations, the
        sample had the alert's labels and no value.
        """
        for_ms, keep_ms = self.rule.for_ms, self.rule.keep_firing_for_ms
        if past.fired_until is None or now - past.active_at < for_ms:
            return None
        fired_at = past.active_at + for_ms
        alert = self._active.get(labels)
        if alert is None:
            if now - past.fired_until >= keep_ms:
                return None
            alert = self._known.setdefault(labels, ActiveAlert(labels))
            alert.recall(past.active_at, fired_at, past.fired_until)
            alert.see(labels.without(ALERT_NAME, *self.rule.labels), math.nan, past.fired_until)
            return Observation.RESTORED_KEPT
        if alert.state is AlertState.RESOLVED:
            return None
        alert.recall(past.active_at, fired_at, alert.kept_since)
        return Observation.RESTORED_KEPT if alert.state is AlertState.KEPT else Observation.RESTORED

    def _resume(self, alert: ActiveAlert, observation: Observation, now: int) -> list[Effect]:
        if advance(alert.state, observation).reason is not None:
            return [self._take(alert, observation, now)]
        alert.samples = self._series_of(alert)
        return []

    def _identify(self, vector: Vector, time: int) -> list[ActiveAlert]:
        """The alert that each sample is. Raises QueryError if two samples are the same one."""
        sources = [labels for labels, _ in vector]
        if self._has_fixed_labels and sources == self._sources:
            return self._present
        present = [self._find(labels, value, time) for labels, value in vector]
        if len({id(alert) for alert in present}) < len(present):
            raise QueryError(SAME_LABELS)
        self._sources, self._present = sources, present
        if len(self._known) > _MAX_KNOWN + 2 * len(present):
            self._known = {**self._active, **{alert.labels: alert for alert in present}}
            self._by_sample = dict(zip(sources, present, strict=True)) if self._has_fixed_labels else {}
        return present

    def _find(self, labels: Labels, value: float, time: int) -> ActiveAlert:
        found = self._by_sample.get(labels)
        if found is None:
            own = self._expansion.labels(labels, value, time)
            found = self._known.get(own)
            if found is None:
                found = self._known[own] = ActiveAlert(own)
            if self._has_fixed_labels:
                self._by_sample[labels] = found
        return found

    def _observe(self, present: list[ActiveAlert], time: int) -> Iterator[tuple[ActiveAlert, Observation]]:
        """What is observed of the alerts that are to change their state."""
        for_ms, keep_ms = self.rule.for_ms, self.rule.keep_firing_for_ms
        for alert in present:
            # What nearly every alert is at nearly every time, and where the table says that it stays.
            if alert.state is (AlertState.FIRING if time - alert.active_at >= for_ms else AlertState.PENDING):
                continue
            yield from self._changes(alert, alert.observe(time, for_ms, keep_ms))
        for alert in self._active.values():
            if alert.seen_at != time and not alert.is_resting(time):
                yield from self._changes(alert, alert.observe(time, for_ms, keep_ms))

    def _changes(self, alert: ActiveAlert, observation: Observation) -> Iterator[tuple[ActiveAlert, Observation]]:
        if advance(alert.state, observation).next is not alert.state:
            yield alert, observation

    def _count(self, changes: list[tuple[ActiveAlert, Observation]]) -> int:
        """How many alerts will be pending or firing after these changes."""
        now = sum(alert.state.is_active for alert in self._active.values())
        return now + sum(
            advance(alert.state, observation).next.is_active - alert.state.is_active for alert, observation in changes
        )

    def _take(self, alert: ActiveAlert, observation: Observation, time: int) -> Transition:
        """Take the step that an observation asks for, which changes the state."""
        step = advance(alert.state, observation)
        transition = alert.take(step, time, self.rule, self._context.group)
        if step.next is AlertState.INACTIVE:
            del self._active[alert.labels]
        else:
            self._active[alert.labels] = alert
        alert.samples = self._series_of(alert)
        self._samples = None
        return transition

    def _series_of(self, alert: ActiveAlert) -> Samples:
        """What the alert contributes to `ALERTS` and `ALERTS_FOR_STATE`."""
        state = alert.state.series_value
        if not state:
            return ()
        if state not in alert.series:
            alert.series[state] = self._expansion.alerts_series(alert.labels, state)
        if alert.for_state is None:
            alert.for_state = self._expansion.for_state_series(alert.labels)
        return (alert.series[state], 1.0), (alert.for_state, float(alert.active_at // 1000))

    def _send(self, time: int) -> list[Effect]:
        """Tell the router of the alerts that it was not told of, or not for the resend delay."""
        delay_ms = self._context.resend_delay_ms
        due = []
        for alert in self._active.values():
            after = alert.send_after(delay_ms)
            if after is not None and after < time:
                alert.last_sent_at = time
                due.append(self._outgoing(alert, time))
        waiting = (alert.send_after(delay_ms) for alert in self._active.values())
        self._send_after = min((after for after in waiting if after is not None), default=None)
        return [SendAlerts(tuple(due))] if due else []

    def _outgoing(self, alert: ActiveAlert, time: int) -> Alert:
        if alert.outgoing is None:
            alert.outgoing = self._expansion.outgoing(alert.labels)
        return Alert(
            labels=alert.outgoing,
            annotations=self.annotations(alert),
            starts_at=alert.fired_at,
            ends_at=time + self._context.valid_ms if alert.resolved_at is None else alert.resolved_at,
            generator_url=self._expansion.generator_url,
        )

    def annotations(self, alert: ActiveAlert) -> Labels:
        """The annotations of an alert, as of the last evaluation at which its condition was true."""
        value = (alert.value, math.copysign(1.0, alert.value)) if self._reads_value else None
        wanted = (alert.sample_labels, value, alert.seen_at if self._reads_time else None)
        if alert.annotated_for != wanted:
            expand = self._expansion.at(alert.sample_labels, alert.value, alert.seen_at or 0)
            if alert.annotated_for[:1] != wanted[:1]:
                alert.fixed_annotations = {name: expand(each) for name, each in self._fixed_templates.items()}
            changing = {name: expand(each) for name, each in self._volatile_templates.items()}
            alert.annotations = Labels.of_annotations({**alert.fixed_annotations, **changing})
            alert.annotated_for = wanted
        return alert.annotations

    def _failure(self, time: int, error: str) -> EvaluationFailed:
        return EvaluationFailed(time, self._context.group, self.rule.alert, error)

    def adopt(self, other: "AlertingState") -> None:
        """Take over the alerts and the series of the rule that this one replaces; names and labels are the same."""
        self.restore({**other.snapshot(), "status": RuleStatus().snapshot()})

    def snapshot(self) -> Mapping[str, Any]:
        """The state as plain data."""
        return {
            "alerts": [alert.snapshot() for alert in self._active.values()],
            "written": self.written.snapshot(),
            "is_restored": self.is_restored,
            "status": self.status.snapshot(),
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Become what `snapshot` described."""
        alerts = [ActiveAlert.restore(each) for each in data["alerts"]]
        self._active = {alert.labels: alert for alert in alerts}
        for alert in alerts:
            alert.samples = self._series_of(alert)
        self._known, self._by_sample = dict(self._active), {}
        self._sources, self._present, self._samples = [], [], None
        self._send_after = AT_ONCE
        self.written = WrittenSeries.restore(data["written"])
        self.is_restored = data["is_restored"]
        self.status = RuleStatus(**data["status"])
