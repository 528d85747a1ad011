"""The life of an alert as a table: state and observation → next state, what is done to the alert, and why.

The behaviour is that of Prometheus' `AlertingRule.Eval`, quirks included: a `for` that grew while the alert fired sends
it back to pending, a pending alert vanishes without a word, and a resolved one is remembered for 15 minutes so that the
news of its end is not lost.
"""

import enum
from typing import Final

import attrs

from obsflow.errors import StateError
from obsflow.model.durations import MINUTE_MS, render_duration

RESOLVED_RETENTION_MS: Final = 15 * MINUTE_MS
"""How long a resolved alert is remembered, and told again."""


class AlertState(enum.Enum):
    """Where an alert is in its life. INACTIVE is an alert that is not remembered at all."""

    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    KEPT = "kept"
    RESOLVED = "resolved"

    @property
    def series_value(self) -> str:
        """The `alertstate` label of `ALERTS` in this state; empty where the alert is not in `ALERTS`."""
        return _SERIES_VALUES.get(self, "")

    @property
    def is_active(self) -> bool:
        """Whether the alert counts as pending or firing."""
        return self in _SERIES_VALUES


_SERIES_VALUES = {AlertState.PENDING: "pending", AlertState.FIRING: "firing", AlertState.KEPT: "firing"}


class Observation(enum.Enum):
    """What one evaluation says about one alert."""

    WAITING = "condition true, for less than `for`"
    HELD = "condition true, for at least `for`"
    KEEPING = "condition false, keep_firing_for running"
    DEMOTING = "condition false, keep_firing_for running, active for less than `for`"
    GONE = "condition false"
    EXPIRED = "condition false, resolved for more than 15m"
    CLEARED = "more alerts than the limit of the group"
    RESTORED = "condition true, firing before a restart"
    RESTORED_KEPT = "condition false, firing before a restart, keep_firing_for running"


class TransitionReason(enum.Enum):
    """Why an alert changed its state. The value is a text with places for the durations that were compared."""

    CONDITION_TRUE = "condition true"
    NO_FOR = "condition true, no `for`"
    HELD = "held for {elapsed}"
    FOR_GREW = "active for {elapsed}, `for` is now {limit}"
    KEEP_FIRING = "condition false, kept firing for up to {limit}"
    TRUE_AGAIN = "condition true again"
    PENDING_ENDED = "condition no longer true, pending for {elapsed} of {limit}"
    CONDITION_FALSE = "condition no longer true"
    KEEP_ELAPSED = "condition false for {elapsed}, keep_firing_for {limit} elapsed"
    RETENTION = "resolved for more than 15m"
    LIMIT = "limit of alerts exceeded"
    RESTORED = "fired before a restart, active for {elapsed}"
    RESTORED_KEPT = "fired before a restart, condition false since {elapsed}, kept firing for up to {limit}"

    def render(self, elapsed_ms: int, limit_ms: int) -> str:
        """The reason in words, with the time that passed and the time it was compared with."""
        return self.value.format(elapsed=render_duration(elapsed_ms), limit=render_duration(limit_ms))


class Action(enum.Enum):
    """What a step does to an alert besides changing its state."""

    ACTIVATE = "a fresh alert, active since now"
    FIRE = "firing since now"
    DEMOTE = "forget that it fired, was sent and was kept"
    KEEP = "kept since now, unless it is kept already"
    RESUME = "no longer kept"
    RESOLVE = "resolved now"
    REMOVE = "no longer remembered"


@attrs.frozen
class Step:
    """One cell of the table. `reason` is None where the state stays."""

    next: AlertState
    actions: tuple[Action, ...] = ()
    reason: TransitionReason | None = None


TABLE: Final[dict[tuple[AlertState, Observation], Step]] = {
    (AlertState.INACTIVE, Observation.WAITING): Step(
        AlertState.PENDING, (Action.ACTIVATE,), TransitionReason.CONDITION_TRUE
    ),
    (AlertState.INACTIVE, Observation.HELD): Step(
        AlertState.FIRING, (Action.ACTIVATE, Action.FIRE), TransitionReason.NO_FOR
    ),
    (AlertState.INACTIVE, Observation.RESTORED_KEPT): Step(AlertState.KEPT, reason=TransitionReason.RESTORED_KEPT),
    (AlertState.PENDING, Observation.WAITING): Step(AlertState.PENDING),
    (AlertState.PENDING, Observation.HELD): Step(AlertState.FIRING, (Action.FIRE,), TransitionReason.HELD),
    (AlertState.PENDING, Observation.RESTORED): Step(AlertState.FIRING, reason=TransitionReason.RESTORED),
    (AlertState.PENDING, Observation.GONE): Step(AlertState.INACTIVE, (Action.REMOVE,), TransitionReason.PENDING_ENDED),
    (AlertState.PENDING, Observation.CLEARED): Step(AlertState.INACTIVE, (Action.REMOVE,), TransitionReason.LIMIT),
    (AlertState.FIRING, Observation.WAITING): Step(AlertState.PENDING, (Action.DEMOTE,), TransitionReason.FOR_GREW),
    (AlertState.FIRING, Observation.HELD): Step(AlertState.FIRING),
    (AlertState.FIRING, Observation.RESTORED): Step(AlertState.FIRING),
    (AlertState.FIRING, Observation.KEEPING): Step(AlertState.KEPT, (Action.KEEP,), TransitionReason.KEEP_FIRING),
    (AlertState.FIRING, Observation.DEMOTING): Step(AlertState.PENDING, (Action.DEMOTE,), TransitionReason.FOR_GREW),
    (AlertState.FIRING, Observation.GONE): Step(
        AlertState.RESOLVED, (Action.RESOLVE,), TransitionReason.CONDITION_FALSE
    ),
    (AlertState.FIRING, Observation.CLEARED): Step(AlertState.INACTIVE, (Action.REMOVE,), TransitionReason.LIMIT),
    (AlertState.KEPT, Observation.WAITING): Step(AlertState.PENDING, (Action.DEMOTE,), TransitionReason.FOR_GREW),
    (AlertState.KEPT, Observation.HELD): Step(AlertState.FIRING, (Action.RESUME,), TransitionReason.TRUE_AGAIN),
    (AlertState.KEPT, Observation.KEEPING): Step(AlertState.KEPT),
    (AlertState.KEPT, Observation.RESTORED_KEPT): Step(AlertState.KEPT),
    (AlertState.KEPT, Observation.DEMOTING): Step(AlertState.PENDING, (Action.DEMOTE,), TransitionReason.FOR_GREW),
    (AlertState.KEPT, Observation.GONE): Step(AlertState.RESOLVED, (Action.RESOLVE,), TransitionReason.KEEP_ELAPSED),
    (AlertState.KEPT, Observation.CLEARED): Step(AlertState.INACTIVE, (Action.REMOVE,), TransitionReason.LIMIT),
    (AlertState.RESOLVED, Observation.WAITING): Step(
        AlertState.PENDING, (Action.ACTIVATE,), TransitionReason.CONDITION_TRUE
    ),
    (AlertState.RESOLVED, Observation.HELD): Step(
        AlertState.FIRING, (Action.ACTIVATE, Action.FIRE), TransitionReason.NO_FOR
    ),
    (AlertState.RESOLVED, Observation.GONE): Step(AlertState.RESOLVED),
    (AlertState.RESOLVED, Observation.EXPIRED): Step(AlertState.INACTIVE, (Action.REMOVE,), TransitionReason.RETENTION),
    (AlertState.RESOLVED, Observation.CLEARED): Step(AlertState.INACTIVE, (Action.REMOVE,), TransitionReason.LIMIT),
}
"""The legal cells. Every other pair is impossible, and `advance` says so."""


def advance(state: AlertState, observation: Observation) -> Step:
    """What follows from an observation in a state. Raises StateError for a pair that cannot occur."""
    step = TABLE.get((state, observation))
    if step is None:
        raise StateError(f"an alert that is {state.value} cannot be observed as: {observation.value}")
    return step


def observe_present(active_ms: int, for_ms: int) -> Observation:
    """The observation of an alert whose condition is true, active for `active_ms` (0 if this is the first time)."""
    return Observation.HELD if active_ms >= for_ms else Observation.WAITING


def observe_absent(
    state: AlertState, *, active_ms: int, for_ms: int, kept_ms: int, keep_firing_for_ms: int, resolved_ms: int
) -> Observation:
    """The observation of an alert whose condition is not true.

    `active_ms`, `kept_ms` and `resolved_ms` say for how long it has been active, kept firing (0 if this is the first
    time), and resolved.
    """
    if state is AlertState.RESOLVED and resolved_ms > RESOLVED_RETENTION_MS:
        return Observation.EXPIRED
    if state in (AlertState.FIRING, AlertState.KEPT) and kept_ms < keep_firing_for_ms:
        return Observation.KEEPING if active_ms >= for_ms else Observation.DEMOTING
    return Observation.GONE
