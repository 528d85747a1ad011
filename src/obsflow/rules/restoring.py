"""What becomes of alerts when the server was away.

One that waited for `for` does not start from the beginning and, if that is wanted, one that fired goes on firing.
"""

import math
from collections.abc import Mapping

import attrs

from obsflow.model.durations import HOUR_MS, MINUTE_MS
from obsflow.model.labels import METRIC_NAME, Labels

ALERT_STATE = "alertstate"
FOR_STATE_METRIC = "ALERTS_FOR_STATE"
TICKS_BEFORE_RESTORE = 2
"""The first evaluation may come before there is enough data, and before recording rules have caught up."""


@attrs.frozen
class RestorePolicy:
    """How the `for` state is restored after a restart; durations in ms.

    Samples older than `outage_tolerance_ms` do not count. An alert that was pending waits `grace_period_ms` at least
    before it fires, and rules whose `for` is shorter than that are not restored.

    With `restores_firing`, which Prometheus lacks, an alert of any rule that was last seen firing fires at once where
    its condition is true, since when it did before: `for` after it became active. Where it is false, the alert is kept
    firing while less than `keep_firing_for` has passed since it was last seen.
    """

    outage_tolerance_ms: int = HOUR_MS
    grace_period_ms: int = 10 * MINUTE_MS
    restores_firing: bool = False


@attrs.frozen
class ReadForState:
    """Look up the last sample of each `ALERTS_FOR_STATE` series with these labels, from `start` to `end` (ms).

    The answer goes to the group as `ForStateRead` with the same `index`, also where there is none. With `reads_firing`
    it has the same of the series of `ALERTS` that say `firing`.
    """

    time: int
    group: str
    index: int
    labels: Labels
    start: int
    end: int
    reads_firing: bool = False

    @property
    def firing_labels(self) -> Labels:
        """The labels of the series of `ALERTS` that `reads_firing` asks for."""
        return self.labels.with_({METRIC_NAME: "ALERTS", ALERT_STATE: "firing"})


@attrs.frozen
class ForStateRead:
    """The last samples that `ReadForState` asked for: labels, time in ms, value. Stale markers are among them.

    `firing` are those of `ALERTS`.
    """

    index: int
    samples: tuple[tuple[Labels, int, float], ...] = ()
    firing: tuple[tuple[Labels, int, float], ...] = ()


@attrs.frozen
class PastAlert:
    """An alert of an earlier run, times in ms: when it was last seen, since when it was active.

    `fired_until` says when it was last seen firing; None if it was not at the end.
    """

    down_at: int
    active_at: int
    fired_until: int | None


def past_alerts(read: ForStateRead) -> Mapping[Labels, PastAlert]:
    """What was active when it was last seen, by the labels of the alert. A stale marker says that it was not."""
    firing = {
        labels.without(METRIC_NAME, ALERT_STATE): time for labels, time, value in read.firing if math.isfinite(value)
    }
    out = {}
    for labels, time, value in read.samples:
        if math.isfinite(value):
            own = labels.without(METRIC_NAME)
            # The time is cut to the second, as the other is.
            out[own] = PastAlert(time // 1000 * 1000, int(value) * 1000, firing.get(own))
    return out


def restore_active_at(now: int, for_ms: int, down_at: int, active_at: int, grace_period_ms: int) -> int:
    """When an alert became active, as far as `for` goes: it had been since `active_at` when last seen at `down_at`.

    One that was firing is as it was. One that had nearly waited long enough fires after the grace period. For others,
    the time that the server was away does not count.
    """
    remaining_ms = for_ms - (down_at - active_at)
    if remaining_ms <= 0:
        return active_at
    if remaining_ms < grace_period_ms:
        return now + grace_period_ms - for_ms
    return active_at + now - down_at
