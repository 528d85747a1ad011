"""What becomes of a running `for` when the server was away: an alert does not start to wait from the beginning."""

import attrs

from obsflow.model.durations import HOUR_MS, MINUTE_MS
from obsflow.model.labels import Labels

FOR_STATE_METRIC = "ALERTS_FOR_STATE"


@attrs.frozen
class RestorePolicy:
    """How the `for` state is restored after a restart; durations in ms.

    Samples older than `outage_tolerance_ms` do not count. An alert that was pending waits `grace_period_ms` at least
    before it fires, and rules whose `for` is shorter than that are not restored.
    """

    outage_tolerance_ms: int = HOUR_MS
    grace_period_ms: int = 10 * MINUTE_MS


@attrs.frozen
class ReadForState:
    """Look up the last sample of each `ALERTS_FOR_STATE` series with these labels, from `start` to `end` (ms).

    The answer goes to the group as `ForStateRead` with the same `index`, also where there is none.
    """

    time: int
    group: str
    index: int
    labels: Labels
    start: int
    end: int


@attrs.frozen
class ForStateRead:
    """The last samples that `ReadForState` asked for: labels, time in ms, value. Stale markers are among them."""

    index: int
    samples: tuple[tuple[Labels, int, float], ...] = ()


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
