"""How alerts, groups and silences stand at an instant: what the API of a server says of them."""

import enum
from collections.abc import Iterable, Mapping

import attrs

from obsflow.alertmanager.alerts import KnownAlert
from obsflow.alertmanager.events import TimeMuted
from obsflow.alertmanager.grouping import in_order
from obsflow.alertmanager.intervals import NamedIntervals
from obsflow.alertmanager.routing import Route, Router
from obsflow.alertmanager.state import Snapshot
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, all_match
from obsflow.model.regex import LabelRegex


class AlertState(enum.Enum):
    """What an alert is on its way to being told."""

    UNPROCESSED = "unprocessed"  # no flush has looked at it
    ACTIVE = "active"
    SUPPRESSED = "suppressed"


@attrs.frozen
class AlertStanding:
    """How an alert stands: the silences, by id, and the alert that mute it now, and the intervals that mute its group.

    `inhibited_by` names one source even where there are more.
    """

    alert: KnownAlert
    state: AlertState
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[Labels, ...] = ()
    muted_by: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()


@attrs.frozen
class GroupStanding:
    """How a group stands: what it holds, the intervals that mute it now, and when it is looked at next (ms).

    `next_flush_at` is None while a flush is under way that its timer has caught up with.
    """

    key: str
    labels: Labels
    route: str
    receiver: str
    muted_by: tuple[str, ...]
    next_flush_at: int | None
    alerts: tuple[AlertStanding, ...]


@attrs.frozen
class StandingFilter:
    """What the API of a server is asked for, each word by the name of its parameter.

    What is False leaves out: `active` alerts that nothing mutes, `silenced` and `inhibited` ones that are so,
    `unprocessed` ones that no flush has looked at, and `muted` groups that an interval mutes. `matchers` have to pass
    the labels of an alert, `receiver` the whole name of a receiver that is told.
    """

    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    unprocessed: bool = True
    muted: bool = True
    matchers: tuple[Matcher, ...] = ()
    receiver: LabelRegex | None = None

    def passes(self, standing: AlertStanding) -> bool:
        """Whether an alert is asked for, whoever is told of it."""
        is_asked_for = {AlertState.ACTIVE: self.active, AlertState.UNPROCESSED: self.unprocessed}
        return (
            is_asked_for.get(standing.state, True)
            and (self.silenced or not standing.silenced_by)
            and (self.inhibited or not standing.inhibited_by)
            and all_match(self.matchers, standing.alert.labels)
        )

    def passes_receiver(self, name: str) -> bool:
        """Whether a receiver is asked for."""
        return self.receiver is None or self.receiver.matches(name)


def select_alerts(standings: Iterable[AlertStanding], wanted: StandingFilter) -> list[AlertStanding]:
    """The alerts that are asked for, in their order."""
    return [each for each in standings if wanted.passes(each) and any(map(wanted.passes_receiver, each.receivers))]


def select_groups(standings: Iterable[GroupStanding], wanted: StandingFilter) -> list[GroupStanding]:
    """The groups that are asked for, with the alerts that are; a group of which none is left out."""
    groups: list[GroupStanding] = []
    for group in standings:
        alerts = tuple(each for each in group.alerts if wanted.passes(each))
        if alerts and wanted.passes_receiver(group.receiver) and (wanted.muted or not group.muted_by):
            groups.append(attrs.evolve(group, alerts=alerts))
    return groups


def alert_standings(state: Snapshot, router: Router, now: int) -> list[AlertStanding]:
    """How every alert that fires at `now` stands, in order of fingerprints. Time intervals are a matter of groups."""
    unseen: set[Labels] = set()
    for group in state.groups.values():
        unseen |= group.unseen
    firing = (alert for alert in state.alerts if not alert.is_resolved(now))
    return [
        _standing(state, router, alert, (), now, is_seen=alert.labels not in unseen)
        for alert in sorted(firing, key=lambda alert: alert.labels.fingerprint)
    ]


def group_standings(
    state: Snapshot, router: Router, intervals: Mapping[str, NamedIntervals], now: int
) -> list[GroupStanding]:
    """How every group stands at `now` in which something fires, by labels, then by receiver."""
    standings: list[GroupStanding] = []
    for group in state.groups.values():
        route = group.route
        hours = muted_hours(route, intervals, now)
        muted_by = () if hours is None else hours.intervals
        unseen = group.unseen
        alerts = tuple(
            _standing(state, router, alert, muted_by, now, is_seen=alert.labels not in unseen)
            for alert in in_order(group.alerts.values())
            if not alert.is_resolved(now)
        )
        if alerts:
            standings.append(
                GroupStanding(group.key, group.labels, route.id, route.receiver, muted_by, group.next_flush_at, alerts)
            )
    return sorted(standings, key=lambda each: (each.labels, each.receiver, each.route))


def _standing(
    state: Snapshot, router: Router, alert: KnownAlert, muted_by: tuple[str, ...], now: int, *, is_seen: bool
) -> AlertStanding:
    """What mutes an alert is known before anybody looks at it."""
    silenced_by = state.silences.muting(alert.labels, now)
    source = state.inhibitor.find_source(alert.labels, now)
    inhibited_by = () if source is None else source[1:]
    standing = AlertState.ACTIVE if is_seen else AlertState.UNPROCESSED
    if silenced_by or inhibited_by or muted_by:
        standing = AlertState.SUPPRESSED
    receivers = tuple(dict.fromkeys(route.receiver for route, _ in router.route(alert.labels)))
    return AlertStanding(alert, standing, silenced_by, inhibited_by, muted_by, receivers)


def muted_hours(route: Route, intervals: Mapping[str, NamedIntervals], now: int) -> TimeMuted | None:
    """The intervals that mute a route at `now` (ms), if any do; active ones are asked first."""
    if not route.active_time_intervals and not route.mute_time_intervals:
        return None
    if route.active_time_intervals and not any(intervals[name].contains(now) for name in route.active_time_intervals):
        return TimeMuted(route.active_time_intervals, is_active_kind=True)
    muting = tuple(name for name in route.mute_time_intervals if intervals[name].contains(now))
    return TimeMuted(muting, is_active_kind=False) if muting else None
