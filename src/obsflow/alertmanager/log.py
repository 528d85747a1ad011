"""The notification log: what each integration was last told of each group, and whether that calls for another word."""

from collections.abc import Callable

import attrs

from obsflow.alertmanager.limits import RETENTION_MS
from obsflow.model.durations import MINUTE_MS
from obsflow.model.labels import Labels
from obsflow.model.notifications import NotifyReason

MAINTENANCE_INTERVAL_MS = 15 * MINUTE_MS

LogKey = tuple[str, Labels, str, str, int]  # route, group labels, receiver, kind of integration, its index


@attrs.frozen
class LogEntry:
    """What an integration was last told: sent off at `flushed_at`, by a flush or the last retry, then delivered. ms."""

    flushed_at: int
    delivered_at: int
    firing: frozenset[Labels]
    resolved: frozenset[Labels]
    repeat_interval_ms: int

    def expires_at(self, retention_ms: int = RETENTION_MS) -> int:
        """When a log that forgets may forget it."""
        return self.delivered_at + min(retention_ms, 2 * self.repeat_interval_ms)


@attrs.frozen
class Question:
    """A group at a flush, put to the log for one integration."""

    logged: LogEntry
    firing: frozenset[Labels]
    resolved: frozenset[Labels]
    send_resolved: bool
    is_repeat_due: bool


NOTHING_LOGGED = LogEntry(0, 0, frozenset(), frozenset(), 0)

# The first row that applies says why there is, or is not, a notification. An entry without firing alerts says no more
# than no entry.
RULES: tuple[tuple[NotifyReason, Callable[[Question], bool]], ...] = (
    (NotifyReason.FIRST_NOTIFICATION, lambda q: bool(q.firing) and not q.logged.firing),
    (NotifyReason.NEW_ALERTS, lambda q: not q.firing <= q.logged.firing),
    (NotifyReason.ALL_RESOLVED, lambda q: not q.firing and bool(q.logged.firing)),
    (NotifyReason.NOTHING_NEW, lambda q: not q.firing),
    (NotifyReason.SOME_RESOLVED, lambda q: q.send_resolved and not q.resolved <= q.logged.resolved),
    (NotifyReason.REPEAT_INTERVAL, lambda q: q.is_repeat_due),
    (NotifyReason.NOTHING_NEW, lambda _: True),
)


def decide(question: Question) -> NotifyReason:
    """Why the integration is told, or NOTHING_NEW."""
    return next(reason for reason, applies in RULES if applies(question))


class NotificationLog:
    """The entries by key.

    With `repeat_after_completion` a repeat is due strictly after the repeat interval since the last delivery, otherwise
    at that interval after the last flush that sent. With `expires` an entry is forgotten at the first maintenance,
    every 15 minutes from `started_at`, after it expired: no later than `retention_ms` after it was written.
    """

    def __init__(
        self, *, repeat_after_completion: bool, expires: bool, started_at: int, retention_ms: int = RETENTION_MS
    ) -> None:
        self._retention_ms = retention_ms
        self._repeat_after_completion = repeat_after_completion
        self._expires = expires
        self._started_at = started_at
        self._entries: dict[LogKey, LogEntry] = {}

    def copy(self) -> "NotificationLog":
        """A log that goes its own way from here."""
        twin = NotificationLog(
            repeat_after_completion=self._repeat_after_completion,
            expires=self._expires,
            started_at=self._started_at,
            retention_ms=self._retention_ms,
        )
        twin._entries = dict(self._entries)
        return twin

    def get(self, key: LogKey, now: int) -> LogEntry:
        """The entry of a key, or one that lists nothing."""
        entry = self._entries.get(key, NOTHING_LOGGED)
        if self._expires and entry is not NOTHING_LOGGED:
            maintained_at = now - (now - self._started_at) % MAINTENANCE_INTERVAL_MS
            if entry.expires_at(self._retention_ms) <= maintained_at:
                return NOTHING_LOGGED
        return entry

    def put(self, key: LogKey, entry: LogEntry) -> None:
        """Note what was delivered."""
        if entry.firing:
            self._entries[key] = entry
        else:
            self._entries.pop(key, None)

    def entries(self) -> tuple[tuple[LogKey, LogEntry], ...]:
        """What receivers believe to be firing."""
        return tuple(self._entries.items())

    def repeat_due_at(self, entry: LogEntry, repeat_interval_ms: int) -> int:
        """The first instant at which a flush may repeat what was told."""
        if self._repeat_after_completion:
            return entry.delivered_at + repeat_interval_ms + 1
        return entry.flushed_at + repeat_interval_ms
