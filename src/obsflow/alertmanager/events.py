"""What the router is told, and what it asks for: its events and effects, and the reasons it leaves behind."""

import enum

import attrs

from obsflow.alertmanager.config import Config
from obsflow.alertmanager.silences import Silence
from obsflow.model.alerts import Alert
from obsflow.model.labels import Labels
from obsflow.model.notifications import Notification, NotifyReason

# -- events


@attrs.frozen
class ReceiveAlerts:
    """A sender's word on some alerts, in order."""

    alerts: tuple[Alert, ...]


@attrs.frozen
class SetSilence:
    """Create a silence, or change the one of its id.

    A change that cannot be made in place ends the old silence and begins another under `replacement_id`.
    """

    silence: Silence
    replacement_id: str = ""


@attrs.frozen
class ExpireSilence:
    """End a silence."""

    silence_id: str


@attrs.frozen
class Delivered:
    """The receiver has the notification of that delivery."""

    delivery: int


@attrs.frozen
class DeliveryFailed:
    """An attempt at a delivery failed. `can_retry` says that another may succeed, after `retry_after_ms` at least."""

    delivery: int
    can_retry: bool
    error: str = ""
    retry_after_ms: int = 0


@attrs.frozen
class Reload:
    """A new configuration takes effect: every group is made again from the alerts that are known."""

    config: Config


Event = ReceiveAlerts | SetSilence | ExpireSilence | Delivered | DeliveryFailed | Reload

# -- why an alert is muted


@attrs.frozen
class Silenced:
    """By silences, which are named by id."""

    silences: tuple[str, ...]

    @property
    def because(self) -> str:
        """The cause in words."""
        return f"silenced by {', '.join(self.silences)}"


@attrs.frozen
class Inhibited:
    """By another alert under a rule, which is named by its position in the configuration."""

    rule: int
    source: Labels

    @property
    def because(self) -> str:
        """The cause in words; rules count from 1."""
        return f"inhibited by {self.source}, rule {self.rule + 1}"


@attrs.frozen
class TimeMuted:
    """By the hour: within the mute intervals named, or (`is_active_kind`) outside all of the active ones."""

    intervals: tuple[str, ...]
    is_active_kind: bool

    @property
    def because(self) -> str:
        """The cause in words."""
        return f"{'outside of' if self.is_active_kind else 'within'} {', '.join(self.intervals)}"


MuteCause = Silenced | Inhibited | TimeMuted

# -- effects


@attrs.frozen
class Notify:
    """Tell an integration, and answer with one `Delivered` or `DeliveryFailed` of that delivery.

    `attempt` counts from 1. After `deadline` (ms) nothing is tried again.
    """

    notification: Notification
    delivery: int
    attempt: int
    deadline: int


@attrs.frozen
class AlertRejected:
    """An alert that no sender may send; the others of its batch were taken in."""

    alert: Alert
    error: str


@attrs.frozen
class DeliveryAbandoned:
    """A delivery that failed for good; the group will be told again at its next flush."""

    notification: Notification
    delivery: int
    attempts: int
    error: str


@attrs.frozen
class Decision:
    """What a flush of a group decided for one integration, and why. Times are ms.

    `reason` is why it was told, or NOTHING_NEW; `muted` are the alerts that did not reach the question, each with its
    cause. `next_flush_at` is when the group is looked at again and `repeat_due_at` from when on a repeat is due, if the
    log lists anything.
    """

    time: int
    group_key: str
    group_labels: Labels
    receiver: str
    integration: str
    index: int
    reason: NotifyReason
    firing: tuple[Labels, ...]
    resolved: tuple[Labels, ...]
    muted: tuple[tuple[Labels, MuteCause], ...]
    next_flush_at: int
    repeat_due_at: int | None


class GroupReason(enum.Enum):
    """Why a group with a new alert is looked at when it is."""

    GROUP_WAIT = "group_wait, for others to come"
    OLD_ALERT = "at once, the alert is older than group_wait"
    GROUP_INTERVAL = "group_interval since the last look"


@attrs.frozen
class Grouped:
    """An alert came into a group that did not have it, and that is looked at next at `flush_at`. Times are ms."""

    time: int
    labels: Labels
    group_key: str
    group_labels: Labels
    receiver: str
    route: str
    reason: GroupReason
    flush_at: int


@attrs.frozen
class GroupRefused:
    """An alert that nobody will be told of on a route: it needs a group of its own, and there are `limit` already."""

    time: int
    labels: Labels
    group_labels: Labels
    receiver: str
    route: str
    limit: int


Effect = Notify | AlertRejected | DeliveryAbandoned | Decision | Grouped | GroupRefused
