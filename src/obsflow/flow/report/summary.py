"""Figures of a backtest: of each alerting rule, and of what each receiver was told."""

import collections
from collections.abc import Iterable, Sequence

import attrs

from obsflow.flow.report.bands import AlertHistory
from obsflow.model.durations import HOUR_MS, MINUTE_MS
from obsflow.model.notifications import AlertStatus, Notification
from obsflow.rules import AlertState

DEFAULT_ACT_WITHIN_MS = 5 * MINUTE_MS
"""How long it takes somebody who was paged to do something about it, unless it is said otherwise."""


@attrs.frozen
class RuleSummary:
    """An alerting rule over the time that was replayed; times in ms.

    `alerts` counts those that were ever active, `pending` and `fired` how often one of them became so. `flaps` are
    firings of an alert whose last firing had ended at most 15 minutes before, `brief` those that were over before
    anyone could act, `unfired` how often one was pending and never fired. `pages` counts the notifications that spoke
    of a firing alert, by receiver.
    """

    group: str
    rule: str
    alerts: int
    pending: int
    pending_ms: int
    unfired: int
    fired: int
    firing_ms: int
    longest_ms: int
    flaps: int
    brief: int
    pages: tuple[tuple[str, int], ...]


@attrs.frozen
class ReceiverSummary:
    """What a receiver was told: notifications, those of a firing alert among them, and when.

    `by_hour` counts them by the hour of the day (UTC), `busiest` is the hour that had most of them: its start in ms,
    and how many.
    """

    receiver: str
    integration: str
    notifications: int
    firing: int
    by_hour: tuple[int, ...]
    busiest: tuple[int, int]


def summarise_rules(
    histories: Iterable[AlertHistory],
    notifications: Iterable[Notification],
    end: int,
    act_within_ms: int = DEFAULT_ACT_WITHIN_MS,
) -> tuple[RuleSummary, ...]:
    """A summary of each rule that had an active alert, in order of first appearance. `end` is when the replay ended."""
    by_rule: dict[tuple[str, str], list[AlertHistory]] = {}
    for history in histories:
        by_rule.setdefault((history.group, history.rule), []).append(history)
    pages: dict[str, collections.Counter[str]] = {}
    for notification in notifications:
        names = {alert.labels.get("alertname") for alert in notification.alerts if _fires(alert.status)}
        for name in names:
            pages.setdefault(name, collections.Counter())[notification.receiver] += 1
    return tuple(
        _summarise(group, rule, own, tuple(pages.get(rule, {}).items()), end, act_within_ms)
        for (group, rule), own in by_rule.items()
    )


def _fires(status: AlertStatus) -> bool:
    return status is AlertStatus.FIRING


def _summarise(
    group: str,
    rule: str,
    histories: Sequence[AlertHistory],
    pages: tuple[tuple[str, int], ...],
    end: int,
    act_within_ms: int,
) -> RuleSummary:
    pending = [band for each in histories for band in each.bands if band.state is AlertState.PENDING]
    firings = [band for each in histories for band in each.firings()]
    durations = [band.duration_ms(end) for band in firings]
    fired_at = {(id(each), band.start) for each in histories for band in each.firings()}
    unfired = [
        band
        for each in histories
        for band in each.bands
        if band.state is AlertState.PENDING and band.end is not None and (id(each), band.end) not in fired_at
    ]
    return RuleSummary(
        group=group,
        rule=rule,
        alerts=len(histories),
        pending=len(pending),
        pending_ms=sum(band.duration_ms(end) for band in pending),
        unfired=len(unfired),
        fired=len(firings),
        firing_ms=sum(durations),
        longest_ms=max(durations, default=0),
        flaps=sum(each.flaps() for each in histories),
        brief=sum(band.end is not None and band.end - band.start < act_within_ms for band in firings),
        pages=pages,
    )


def summarise_receivers(notifications: Iterable[Notification]) -> tuple[ReceiverSummary, ...]:
    """A summary of each integration of each receiver that was told anything, the most told first."""
    told: dict[tuple[str, str], list[Notification]] = {}
    for each in notifications:
        told.setdefault((each.receiver, each.integration), []).append(each)
    summaries = []
    for (receiver, integration), own in told.items():
        hours = collections.Counter(each.time // HOUR_MS for each in own)
        hour, most = max(hours.items(), key=lambda item: (item[1], -item[0]))
        by_hour = [0] * 24
        for start, count in hours.items():
            by_hour[start % 24] += count
        firing = sum(_fires(each.status) for each in own)
        summary = ReceiverSummary(receiver, integration, len(own), firing, tuple(by_hour), (hour * HOUR_MS, most))
        summaries.append(summary)
    return tuple(sorted(summaries, key=lambda each: -each.notifications))
