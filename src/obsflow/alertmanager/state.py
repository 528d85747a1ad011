"""What the router remembers between events, apart from what it does with it."""

import attrs

from obsflow.alertmanager.alerts import AlertStore
from obsflow.alertmanager.events import Effect
from obsflow.alertmanager.grouping import Group, GroupId
from obsflow.alertmanager.inhibition import Inhibitor
from obsflow.alertmanager.log import LogEntry, LogKey, NotificationLog
from obsflow.alertmanager.silences import Silences
from obsflow.model.notifications import Notification

_FIRST_BACKOFF_MS = 500
_MAX_BACKOFF_MS = 60_000


def backoff_ms(attempt: int) -> int:
    """How long to wait after a failed attempt, counted from 1, before the next: half a second, then ever longer."""
    return min(_MAX_BACKOFF_MS, int(_FIRST_BACKOFF_MS * 1.5 ** min(attempt - 1, 32)))


@attrs.frozen
class Delivery:
    """A notification that the edge was asked to deliver, and what the log is to say once it has."""

    notification: Notification
    group: GroupId
    log_key: LogKey
    entry: LogEntry  # but for when it arrived
    deadline: int
    attempt: int = 1
    is_waiting: bool = False  # for its next attempt


@attrs.define
class Snapshot:
    """Everything that a machine remembers; to be given back to `restore` and not otherwise touched."""

    alerts: AlertStore
    silences: Silences
    inhibitor: Inhibitor
    log: NotificationLog
    groups: dict[GroupId, Group] = attrs.field(factory=dict)
    deliveries: dict[int, Delivery] = attrs.field(factory=dict)
    timers: "list[tuple[int, int, GroupId | int]]" = attrs.field(factory=list)  # (when, sequence, group or delivery)
    sequence: int = 0
    effects: list[Effect] = attrs.field(factory=list)

    def copy(self) -> "Snapshot":
        """A state that goes its own way from here."""
        return Snapshot(
            self.alerts.copy(),
            self.silences.copy(),
            self.inhibitor.copy(),
            self.log.copy(),
            {key: group.copy() for key, group in self.groups.items()},
            dict(self.deliveries),
            list(self.timers),
            self.sequence,
            list(self.effects),
        )
