"""Aggregation groups: the alerts that share a route and its group labels, and are told together."""

import functools
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from obsflow.alertmanager.alerts import KnownAlert
from obsflow.alertmanager.events import MuteCause
from obsflow.alertmanager.routing import Route
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, NotifiedAlert

MAINTENANCE_INTERVAL_MS = 30_000
NOBODY: frozenset[int] = frozenset()
NO_LABELS: frozenset[Labels] = frozenset()  # most groups have nothing resolved, and every empty set is an object

GroupId = tuple[str, Labels]  # id of the route, group labels


@attrs.frozen
class Flush:
    """One look at a group: its alerts as they were then, in the order in which they are shown, and what mutes some."""

    time: int
    alerts: tuple[KnownAlert, ...]
    muted: dict[Labels, MuteCause] = attrs.field(factory=dict)

    def status(self, alert: KnownAlert) -> AlertStatus:
        """Whether an alert fired then."""
        return AlertStatus.RESOLVED if alert.ends_at <= self.time else AlertStatus.FIRING

    def heard(self) -> tuple[KnownAlert, ...]:
        """The alerts that nothing mutes."""
        return tuple([each for each in self.alerts if each.labels not in self.muted]) if self.muted else self.alerts

    def labels_of(self, status: AlertStatus) -> frozenset[Labels]:
        """The alerts of one status that nothing mutes."""
        wants_firing, time = status is AlertStatus.FIRING, self.time
        found = [each.labels for each in self.heard() if (each.ends_at > time) is wants_firing]
        return frozenset(found) if found else NO_LABELS

    def notified(self) -> tuple[NotifiedAlert, ...]:
        """The alerts that nothing mutes, as a notification shows them."""
        return self.shown(self.heard())

    def shown(self, alerts: tuple[KnownAlert, ...]) -> tuple[NotifiedAlert, ...]:
        """Some of the alerts as a notification shows them."""
        return tuple(
            [
                NotifiedAlert(
                    alert.labels,
                    alert.annotations,
                    self.status(alert),
                    alert.starts_at,
                    alert.ends_at if alert.ends_at <= self.time else None,
                    alert.generator_url,
                )
                for alert in alerts
            ]
        )


@attrs.define
class Group:
    """The alerts of a group and its timer. Times are ms; `next_flush_at` None waits for the flush under way.

    `waiting_for` are the deliveries of that flush that are not answered yet, `has_failed` whether one failed, and
    `is_overdue` whether the timer fired meanwhile. `emptied_at` is when the last alert left. A flush has looked at the
    first `seen` of the alerts: those that come go to the end.
    """

    route: Route
    labels: Labels
    alerts: dict[Labels, KnownAlert] = attrs.field(factory=dict)
    next_flush_at: int | None = None
    has_flushed: bool = False
    emptied_at: int | None = None
    flush: Flush | None = None
    waiting_for: frozenset[int] = NOBODY
    has_failed: bool = False
    is_overdue: bool = False
    seen: int = 0
    id: GroupId = attrs.field(init=False, default=attrs.Factory(lambda self: (self.route.id, self.labels), True))

    @property
    def key(self) -> str:
        """The key of the group, as it stands in a notification."""
        return self.route.group_key(self.labels)

    @property
    def unseen(self) -> frozenset[Labels]:
        """The alerts that no flush has looked at."""
        return frozenset(itertools.islice(self.alerts, self.seen, None))

    def copy(self) -> "Group":
        """A group that goes its own way from here."""
        return attrs.evolve(self, alerts=dict(self.alerts))

    def insert(self, alert: KnownAlert) -> bool:
        """Take in the last word on an alert; whether it is the first."""
        before = len(self.alerts)
        self.alerts[alert.labels] = alert
        self.emptied_at = None
        return len(self.alerts) > before

    def begin_flush(self, time: int) -> Flush:
        """Look at the alerts as they are now."""
        self.flush = Flush(time, tuple(in_order(self.alerts.values())))
        self.has_failed = False
        self.seen = len(self.alerts)
        return self.flush

    def end_flush(self, now: int, keep: Callable[[KnownAlert], bool]) -> None:
        """Let go of the alerts that were resolved at the flush, unless it failed or they have been heard of since."""
        assert self.flush is not None
        for alert in () if self.has_failed else self.flush.alerts:
            is_unchanged = self.alerts[alert.labels] is alert
            if is_unchanged and alert.ends_at <= self.flush.time and not keep(alert):
                del self.alerts[alert.labels]
                self.seen -= 1
        self.flush = None
        if not self.alerts and self.emptied_at is None:
            self.emptied_at = now


def was_maintained(started_at: int, since: int, now: int) -> bool:
    """Whether a maintenance pass, every 30 s from `started_at`, fell between two instants, both inclusive."""
    return now - (now - started_at) % MAINTENANCE_INTERVAL_MS >= since


def in_order(alerts: Iterable[KnownAlert]) -> list[KnownAlert]:
    """By job, by instance (absent ones last), then the smaller label set first."""
    return sorted(alerts, key=_order)


def _order(alert: KnownAlert) -> tuple[Any, ...]:
    labels = alert.labels
    job, instance = labels.get("job"), labels.get("instance")
    return not job, job, not instance, instance, len(labels.pairs), _by_pairs(labels.pairs)


def _compare(one: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]) -> int:
    """Sets of one size: at the first name that only one has, the other comes first; else the smaller value does."""
    for (name, value), (other_name, other_value) in zip(one, other, strict=True):
        if name != other_name:
            return -1 if name > other_name else 1
        if value != other_value:
            return -1 if value < other_value else 1
    return 0


_by_pairs = functools.cmp_to_key(_compare)
