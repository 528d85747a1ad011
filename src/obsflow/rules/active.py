"""One alert of a rule, from its first appearance until it is forgotten."""

from collections.abc import Mapping
from typing import Any, Final, Self

import attrs

from obsflow.model.labels import EMPTY, Labels
from obsflow.rules.config import AlertingRule
from obsflow.rules.effects import Samples, Transition
from obsflow.rules.lifecycle import (
    RESOLVED_RETENTION_MS,
    Action,
    AlertState,
    Observation,
    Step,
    TransitionReason,
    observe_absent,
    observe_present,
)

AT_ONCE: Final = -(1 << 63)
"""Before every time."""

_OF_KEEPING = frozenset(
    (
        TransitionReason.KEEP_FIRING,
        TransitionReason.TRUE_AGAIN,
        TransitionReason.KEEP_ELAPSED,
        TransitionReason.RESTORED_KEPT,
    )
)


@attrs.define(eq=False)
class ActiveAlert:
    """What a rule remembers of an alert. Times are ms; None says never.

    `sample_labels`, `value` and `seen_at` are those of the last sample that was this alert. `samples` are what it
    contributes to `ALERTS` and `ALERTS_FOR_STATE` in its present state. `annotations` were made for `annotated_for`;
    `fixed_annotations` are those among them that depend on the sample's labels alone.
    """

    labels: Labels
    sample_labels: Labels = EMPTY
    value: float = 0.0
    seen_at: int | None = None
    state: AlertState = AlertState.INACTIVE
    active_at: int = 0
    fired_at: int | None = None
    resolved_at: int | None = None
    kept_since: int | None = None
    last_sent_at: int | None = None
    samples: Samples = ()
    annotations: Labels = EMPTY
    fixed_annotations: Mapping[str, str] = attrs.field(factory=dict)
    annotated_for: tuple[object, ...] = ()
    series: dict[str, Labels] = attrs.field(factory=dict)
    for_state: Labels | None = None
    outgoing: Labels | None = None

    def see(self, labels: Labels, value: float, time: int) -> None:
        """Take the sample in that is this alert at `time`."""
        self.sample_labels, self.value, self.seen_at = labels, value, time

    def recall(self, active_at: int, fired_at: int, kept_since: int | None) -> None:
        """Take in the times (ms) at which it began, fired and was kept in an earlier run."""
        self.active_at, self.fired_at, self.kept_since = active_at, fired_at, kept_since
        if self.state is AlertState.INACTIVE:
            self.resolved_at = self.last_sent_at = None

    def observe(self, time: int, for_ms: int, keep_firing_for_ms: int) -> Observation:
        """What the evaluation at `time`, whose samples were taken in, says about this alert."""
        if self.seen_at == time:
            return observe_present(self._active_ms(time), for_ms)
        return observe_absent(
            self.state,
            active_ms=self._active_ms(time),
            for_ms=for_ms,
            kept_ms=_since(self.kept_since, time),
            keep_firing_for_ms=keep_firing_for_ms,
            resolved_ms=_since(self.resolved_at, time),
        )

    def is_resting(self, time: int) -> bool:
        """Whether it is resolved, and remembered yet: nothing happens to such an alert while its condition is false."""
        return self.state is AlertState.RESOLVED and _since(self.resolved_at, time) <= RESOLVED_RETENTION_MS

    def apply(self, step: Step, time: int) -> None:
        """Take a step of the table at `time`."""
        self.state = step.next
        for action in step.actions:
            match action:
                case Action.ACTIVATE:
                    self.active_at = time
                    self.fired_at = self.resolved_at = self.kept_since = self.last_sent_at = None
                case Action.FIRE:
                    self.fired_at = time
                case Action.DEMOTE:
                    self.fired_at = self.last_sent_at = self.kept_since = None
                case Action.KEEP:
                    self.kept_since = time
                case Action.RESUME:
                    self.kept_since = None
                case Action.RESOLVE:
                    self.resolved_at = time

    def take(self, step: Step, time: int, rule: AlertingRule, group: str) -> Transition:
        """Take a step that changes the state at `time`, as an alert of a rule in a group; what is told of it."""
        assert step.reason is not None
        before = self.state
        elapsed_ms, limit_ms = self.compared(step.reason, time, rule.for_ms, rule.keep_firing_for_ms)
        self.apply(step, time)
        return Transition(
            time=time,
            group=group,
            rule=rule.alert,
            labels=self.labels,
            from_state=before,
            to_state=step.next,
            value=self.value,
            reason=step.reason,
            active_at=self.active_at,
            elapsed_ms=elapsed_ms,
            limit_ms=limit_ms,
        )

    def compared(self, reason: TransitionReason, time: int, for_ms: int, keep_firing_for_ms: int) -> tuple[int, int]:
        """The time that has passed and the time it was compared with, for a step that is about to be taken."""
        if reason in _OF_KEEPING:
            return _since(self.kept_since, time), keep_firing_for_ms
        if reason is TransitionReason.RETENTION:
            return _since(self.resolved_at, time), RESOLVED_RETENTION_MS
        return self._active_ms(time), for_ms

    def send_after(self, resend_delay_ms: int) -> int | None:
        """The time after which the router is to be told; None if it is not."""
        if self.state is AlertState.PENDING:
            return None
        if self.last_sent_at is None or (self.resolved_at is not None and self.resolved_at > self.last_sent_at):
            return AT_ONCE
        return self.last_sent_at + resend_delay_ms

    def _active_ms(self, time: int) -> int:
        if self.state in (AlertState.INACTIVE, AlertState.RESOLVED):
            return 0
        return time - self.active_at

    def snapshot(self) -> Mapping[str, Any]:
        """The alert as plain data."""
        return {
            "labels": dict(self.labels),
            "sample_labels": dict(self.sample_labels),
            "state": self.state.value,
            **{name: getattr(self, name) for name in _PLAIN},
        }

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Self:
        """What `snapshot` described."""
        return cls(
            labels=Labels(data["labels"]),
            sample_labels=Labels(data["sample_labels"]),
            state=AlertState(data["state"]),
            **{name: data[name] for name in _PLAIN},
        )


_PLAIN = ("value", "seen_at", "active_at", "fired_at", "resolved_at", "kept_since", "last_sent_at")


def _since(start: int | None, time: int) -> int:
    return 0 if start is None else time - start
