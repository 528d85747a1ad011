"""What the rules decide, as frozen data. Whoever drives a group carries it out."""

import attrs

from obsflow.model.alerts import Alert
from obsflow.model.labels import Labels
from obsflow.rules.lifecycle import AlertState, TransitionReason
from obsflow.rules.restoring import ReadForState

Samples = tuple[tuple[Labels, float], ...]


@attrs.frozen
class WriteSamples:
    """Append one sample at `time` (ms) to each of these series.

    A series that ends here gets `obsflow.model.floats.STALE_NAN`, whose bits count.
    """

    time: int
    samples: Samples


@attrs.frozen
class SendAlerts:
    """Tell the router of these alerts, firing and resolved."""

    alerts: tuple[Alert, ...]


@attrs.frozen
class Transition:
    """An alert of rule `rule` in group `group` changed its state at `time`, and why.

    `labels` are the alert's own, without the external ones. `value` is that of the last sample it was seen with,
    `active_at` when its condition became true (times in ms). `elapsed_ms` and `limit_ms` are what was compared.
    """

    time: int
    group: str
    rule: str
    labels: Labels
    from_state: AlertState
    to_state: AlertState
    value: float
    reason: TransitionReason
    active_at: int
    elapsed_ms: int = 0
    limit_ms: int = 0

    @property
    def because(self) -> str:
        """The reason in words, such as `held for 5m`."""
        return self.reason.render(self.elapsed_ms, self.limit_ms)


@attrs.frozen
class EvaluationFailed:
    """A rule was not evaluated at `time`: nothing was written or sent, and its alerts are as they were."""

    time: int
    group: str
    rule: str
    error: str


Effect = WriteSamples | SendAlerts | Transition | EvaluationFailed | ReadForState
