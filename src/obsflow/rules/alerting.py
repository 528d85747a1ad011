"""Alerting rules: one evaluation at one time. The lifecycle is the table of `obsflow.rules.lifecycle`."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from obsflow.errors import QueryError
from obsflow.model.alerts import Alert
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.promql.printer import render
from obsflow.rules.active import AT_ONCE, ActiveAlert
from obsflow.rules.config import AlertingRule
from obsflow.rules.context import RuleContext, Vector
from obsflow.rules.effects import Effect, EvaluationFailed, Samples, SendAlerts, Transition
from obsflow.rules.functions import Moment, table_link
from obsflow.rules.lifecycle import AlertState, Observation, advance
from obsflow.rules.restoring import (
    FOR_STATE_METRIC,
    ForStateRead,
    ReadForState,
    RestorePolicy,
    restore_active_at,
)
from obsflow.rules.templates import AlertTemplate, TemplateData
from obsflow.rules.written import WrittenSeries

ALERT_NAME = "alertname"
VALID_INTERVALS = 4
"""A firing alert that is not sent again for this many intervals counts as resolved."""

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
        self._samples: Samples | None = None  # of all active alerts, until one of them changes
        self._active: dict[Labels, ActiveAlert] = {}
        self._known: dict[Labels, ActiveAlert] = {}  # by their own labels: the active ones, and some that may return
        self._by_sample: dict[Labels, ActiveAlert] = {}  # where labels do not depend on values or time
        self._sources: list[Labels] = []
        self._present: list[ActiveAlert] = []
        self._send_after: int | None = None
        self._raw_labels = {name: text for name, text in rule.labels.items() if text}
        self._has_fixed_labels = not any(template.is_volatile for template in rule.label_templates.values())
        annotations = rule.annotation_templates.values()
        self._fixed_templates = {n: each for n, each in rule.annotation_templates.items() if not each.is_volatile}
        self._volatile_templates = {n: each for n, each in rule.annotation_templates.items() if each.is_volatile}
        self._asks_queries = any(template.asks_queries for template in annotations)
        self._reads_time = any(template.reads_clock or template.asks_queries for template in annotations)
        self._reads_value = any(template.reads_value for template in annotations)
        self._generator_url = f"{context.external_url}{table_link(render(rule.expr))}"

    @property
    def alerts(self) -> tuple[ActiveAlert, ...]:
        """The alerts that are remembered, resolved ones too."""
        return tuple(self._active.values())

    def evaluate(self, time: int) -> list[Effect]:
        """Ask for the result at `time` (ms) less the query offset, move every alert on, decide what to send and write.

        A query that fails, and samples that become the same alert, leave everything as it was. More alerts than the
        limit clear all alerts of the rule.
        """
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
        if self.rule.for_ms < policy.grace_period_ms:
            self.is_restored = True
            return None
        fixed = {name: text for name, text in self._raw_labels.items() if "{{" not in text}
        labels = Labels({**fixed, METRIC_NAME: FOR_STATE_METRIC, ALERT_NAME: self.rule.alert})
        start = time - policy.outage_tolerance_ms
        return ReadForState(time, self._context.group, index, labels, start, end=time)

    def restore_for_state(self, read: ForStateRead, now: int, policy: RestorePolicy) -> None:
        """Let the alerts that were active before go on waiting for `for` where they were."""
        for labels, down_at, value in read.samples:
            alert = self._active.get(labels.without(METRIC_NAME))
            if alert is not None and math.isfinite(value):  # not a stale marker
                down_at_ms = down_at // 1000 * 1000  # to the second, as the other
                alert.active_at = restore_active_at(
                    now, self.rule.for_ms, down_at_ms, int(value) * 1000, policy.grace_period_ms
                )
                alert.samples = self._series_of(alert)
        self._samples = None
        self.is_restored = True

    def _identify(self, vector: Vector, time: int) -> list[ActiveAlert]:
        """The alert that each sample is. Raises QueryError if two samples are the same one."""
        sources = [labels for labels, _ in vector]
        if self._has_fixed_labels and sources == self._sources:
            return self._present
        present = [self._find(labels, value, time) for labels, value in vector]
        if len({id(alert) for alert in present}) < len(present):
            raise QueryError("vector contains metrics with the same labelset after applying alert labels")
        self._sources, self._present = sources, present
        if len(self._known) > _MAX_KNOWN + 2 * len(present):
            self._known = {**self._active, **{alert.labels: alert for alert in present}}
            self._by_sample = dict(zip(sources, present, strict=True)) if self._has_fixed_labels else {}
        return present

    def _find(self, labels: Labels, value: float, time: int) -> ActiveAlert:
        found = self._by_sample.get(labels)
        if found is None:
            own = self._own_labels(labels, value, time)
            found = self._known.get(own)
            if found is None:
                found = self._known[own] = ActiveAlert(own)
            if self._has_fixed_labels:
                self._by_sample[labels] = found
        return found

    def _own_labels(self, labels: Labels, value: float, time: int) -> Labels:
        expand = self._expander(labels, value, time)
        own = {name: expand(template) for name, template in self.rule.label_templates.items()}
        return labels.with_({METRIC_NAME: "", **own, ALERT_NAME: self.rule.alert})

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
        before, step = alert.state, advance(alert.state, observation)
        assert step.reason is not None
        elapsed_ms, limit_ms = alert.compared(step.reason, time, self.rule.for_ms, self.rule.keep_firing_for_ms)
        alert.apply(step, time)
        if step.next is AlertState.INACTIVE:
            del self._active[alert.labels]
        else:
            self._active[alert.labels] = alert
        alert.samples = self._series_of(alert)
        self._samples = None
        return Transition(
            time=time,
            group=self._context.group,
            rule=self.rule.alert,
            labels=alert.labels,
            from_state=before,
            to_state=step.next,
            value=alert.value,
            reason=step.reason,
            active_at=alert.active_at,
            elapsed_ms=elapsed_ms,
            limit_ms=limit_ms,
        )

    def _series_of(self, alert: ActiveAlert) -> Samples:
        """What the alert contributes to `ALERTS` and `ALERTS_FOR_STATE`."""
        state = alert.state.series_value
        if not state:
            return ()
        for_state = self._series_labels(alert, {METRIC_NAME: FOR_STATE_METRIC})
        alerts = self._series_labels(alert, {METRIC_NAME: "ALERTS", "alertstate": state})
        return (alerts, 1.0), (for_state, float(alert.active_at // 1000))

    def _series_labels(self, alert: ActiveAlert, more: Mapping[str, str]) -> Labels:
        """The alert's labels and `more`.

        A label whose template expands to nothing is there with the text of its template, as in Prometheus.
        """
        key = "".join(more.values())
        known = alert.series.get(key)
        if known is None:
            labels = {**self._raw_labels, **alert.labels, ALERT_NAME: self.rule.alert, **more}
            known = alert.series[key] = Labels(labels)
        return known

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
        valid_ms = VALID_INTERVALS * max(self._context.interval_ms, self._context.resend_delay_ms)
        if alert.outgoing is None:
            alert.outgoing = Labels({**self._context.external_labels, **alert.labels})
        return Alert(
            labels=alert.outgoing,
            annotations=self.annotations(alert),
            starts_at=alert.fired_at,
            ends_at=time + valid_ms if alert.resolved_at is None else alert.resolved_at,
            generator_url=self._generator_url,
        )

    def annotations(self, alert: ActiveAlert) -> Labels:
        """The annotations of an alert, as of the last evaluation at which its condition was true."""
        value = (alert.value, math.copysign(1.0, alert.value)) if self._reads_value else None
        wanted = (alert.sample_labels, value, alert.seen_at if self._reads_time else None)
        if alert.annotated_for != wanted:
            expand = self._expander(alert.sample_labels, alert.value, alert.seen_at or 0)
            if alert.annotated_for[:1] != wanted[:1]:
                alert.fixed_annotations = {name: expand(each) for name, each in self._fixed_templates.items()}
            changing = {name: expand(each) for name, each in self._volatile_templates.items()}
            alert.annotations = Labels.of_annotations({**alert.fixed_annotations, **changing})
            alert.annotated_for = wanted
        return alert.annotations

    def _expander(self, labels: Labels, value: float, time: int) -> Callable[[AlertTemplate], str]:
        context = self._context
        data = TemplateData(labels, value, context.external_labels, context.external_url)
        moment = Moment(time, context.external_url, context.evaluator.query)
        return lambda template: template.expand(data, moment)

    def _failure(self, time: int, error: str) -> EvaluationFailed:
        return EvaluationFailed(time, self._context.group, self.rule.alert, error)

    def adopt(self, other: "AlertingState") -> None:
        """Take over the alerts and the series of the rule that this one replaces; names and labels are the same."""
        self.restore(other.snapshot())

    def snapshot(self) -> Mapping[str, Any]:
        """The state as plain data."""
        return {
            "alerts": [alert.snapshot() for alert in self._active.values()],
            "written": self.written.snapshot(),
            "is_restored": self.is_restored,
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
