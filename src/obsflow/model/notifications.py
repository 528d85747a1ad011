"""Notifications as they travel from the router to the integrations, and why they were sent."""

import enum
from collections.abc import Callable
from typing import Any

import attrs

from obsflow.model.labels import EMPTY, Labels


class AlertStatus(enum.Enum):
    """What a notification says of an alert, or of all of its alerts."""

    FIRING = "firing"
    RESOLVED = "resolved"


class NotifyReason(enum.Enum):
    """Why a group was told, or was not told, to a receiver."""

    FIRST_NOTIFICATION = "first notification"
    NEW_ALERTS = "new alerts added"
    ALL_RESOLVED = "all alerts resolved"
    SOME_RESOLVED = "some alerts resolved"
    REPEAT_INTERVAL = "repeat interval elapsed"
    NOTHING_NEW = "nothing new"

    @property
    def sends(self) -> bool:
        """Whether a notification follows."""
        return self is not NotifyReason.NOTHING_NEW


@attrs.frozen
class NotifiedAlert:
    """An alert inside a notification. `ends_at` is None while it fires; times in ms."""

    labels: Labels
    annotations: Labels
    status: AlertStatus
    starts_at: int
    ends_at: int | None
    generator_url: str

    @property
    def fingerprint(self) -> int:
        """Identity of the alert: the hash of its labels."""
        return self.labels.fingerprint


@attrs.frozen
class Notification:
    """What one integration of a receiver is to be told. `alerts` are in the order in which they are shown.

    `route_labels` are those of the route as configured, templates that are not rendered yet. They see every alert
    of the group, also those that are muted or not told: `route_alerts`, which nothing else needs.
    """

    time: int
    receiver: str
    integration: str  # kind, such as "webhook"
    index: int  # which of the receiver's integrations of that kind
    group_key: str
    group_labels: Labels
    alerts: tuple[NotifiedAlert, ...]
    reason: NotifyReason
    route_labels: Labels = EMPTY
    route_alerts: tuple[NotifiedAlert, ...] = ()

    @property
    def status(self) -> AlertStatus:
        """Firing while any of the alerts fires."""
        firing = any(alert.status is AlertStatus.FIRING for alert in self.alerts)
        return AlertStatus.FIRING if firing else AlertStatus.RESOLVED


@attrs.frozen
class IntegrationKind:
    """A kind of integration, as the configuration names it; the catalogue of them is in `obsflow.notify`.

    `config` is a class that `obsflow.schema` decodes one entry of the `key` list into. `complete(entry, globals_)`
    fills in what the `global` section supplies and raises ValueError if something is still missing. Its result has a
    bool attribute `send_resolved`.
    """

    name: str  # "webhook"
    key: str  # "webhook_configs"
    config: type
    complete: Callable[[Any, Any], Any]
