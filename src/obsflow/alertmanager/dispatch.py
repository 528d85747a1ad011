"""The router as a machine: alerts in, notifications out, by the groups' timers.

A word on an alert puts it into the group of every route that it takes. A group is flushed `group_wait` after its first
alert and every `group_interval` after that. A flush takes out what is muted, asks the notification log for each
integration of the receiver whether the rest is news, and asks the edge to deliver it. What arrived enters the log;
once all is, the resolved alerts leave the group.
"""

import functools
import heapq
from collections.abc import Callable, Collection
from typing import Any

import attrs

from obsflow.alertmanager.alerts import AlertStore, KnownAlert
from obsflow.alertmanager.compat import OBSFLOW, Compat
from obsflow.alertmanager.config import Config, Integration
from obsflow.alertmanager.events import (
    AlertRejected,
    Decision,
    Delivered,
    DeliveryAbandoned,
    DeliveryFailed,
    Effect,
    Event,
    ExpireSilence,
    Grouped,
    GroupReason,
    GroupRefused,
    Inhibited,
    MuteCause,
    Notify,
    ReceiveAlerts,
    Reload,
    SetSilence,
    Silenced,
    TimeMuted,
)
from obsflow.alertmanager.grouping import NO_LABELS, NOBODY, Flush, Group, GroupId, was_maintained
from obsflow.alertmanager.inhibition import Inhibitor
from obsflow.alertmanager.limits import NO_LIMITS, Limits
from obsflow.alertmanager.log import LogEntry, LogKey, NotificationLog, Question, decide
from obsflow.alertmanager.routing import Route, Router
from obsflow.alertmanager.silences import Silence, Silences, SilenceState
from obsflow.alertmanager.state import Delivery, Snapshot, backoff_ms
from obsflow.alertmanager.status import AlertStanding, GroupStanding, alert_standings, group_standings, muted_hours
from obsflow.errors import StateError
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher
from obsflow.model.notifications import AlertStatus, Notification, NotifyReason

_MIN_DEADLINE_MS = 10_000


class Alertmanager:
    """Routes, groups, mutes and repeats. Times are ms; nothing is performed here.

    Give events with `receive` and collect effects with `poll`, after events and at `next_timer`; events of an instant
    come before its timers. Every `Notify` wants one answer. `started_at` sets the phase of maintenance, `silences` are
    those that already exist, `explains` adds a `Decision` for every look at an integration and a `Grouped` for every
    alert that comes into a group.
    """

    def __init__(
        self,
        config: Config,
        *,
        compat: Compat = OBSFLOW,
        started_at: int,
        silences: tuple[Silence, ...] = (),
        explains: bool = False,
        limits: Limits = NO_LIMITS,
    ) -> None:
        self.config = config
        self.compat = compat
        self._started_at = started_at
        self._explains = explains
        self._router = Router(config.route)
        self._limits = limits
        log = NotificationLog(
            repeat_after_completion=compat.repeat_after_completion,
            expires=compat.log_expires,
            started_at=started_at,
            retention_ms=limits.retention_ms,
        )
        alerts = AlertStore(config.resolve_timeout_ms, started_at, limits, classic_names=compat.classic_matchers)
        own = Silences(silences, limits, classic_names=compat.classic_matchers)
        self._state = Snapshot(alerts, own, self._new_inhibitor(), log)

    # -- the machine

    def receive(self, event: Event, now: int) -> None:
        """Take in an event. Raises StateError or NotFoundError, and changes nothing, if it is impossible."""
        self._state.silences.collect(now)
        _HANDLERS[type(event)](self, event, now)

    def poll(self, now: int) -> list[Effect]:
        """Do what is due until `now`, each at its own time; the effects in order, those of events first."""
        while (due := self.next_timer()) is not None and due <= now:
            time, _, target = heapq.heappop(self._state.timers)
            if isinstance(target, int):
                self._retry(target, time)
            else:
                self._tick(self._state.groups[target], time)
        effects, self._state.effects = self._state.effects, []
        return effects

    def next_timer(self) -> int | None:
        """When `poll` has something to do even if nothing happens before; None if never."""
        timers = self._state.timers
        while timers and not self._is_live(timers[0]):
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def snapshot(self) -> Snapshot:
        """A copy of everything remembered."""
        return self._state.copy()

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot of a machine with the same configuration."""
        self._state = snapshot.copy()

    # -- questions

    @property
    def alerts(self) -> tuple[KnownAlert, ...]:
        """Every alert that is known, resolved ones until they are forgotten."""
        return tuple(self._state.alerts)

    @property
    def silences(self) -> tuple[Silence, ...]:
        """Every silence, in the order in which they were set."""
        return tuple(self._state.silences)

    def routes(self, labels: Labels) -> tuple[Route, ...]:
        """The routes that an alert takes."""
        return tuple(route for route, _ in self._router.route(labels))

    def mute_cause(self, labels: Labels, route: Route, now: int) -> MuteCause | None:
        """Why an alert would not be told on a route at `now`, or None."""
        return self._mute_cause(labels, muted_hours(route, self.config.time_intervals, now), now)

    def find_silences(
        self, now: int, states: Collection[SilenceState] = tuple(SilenceState), having: Collection[Matcher] = ()
    ) -> list[Silence]:
        """The silences in certain states at `now` that have all of certain matchers, in the order of the API."""
        return self._state.silences.find(now, states, having)

    def standings(self, now: int) -> list[AlertStanding]:
        """How every alert that fires at `now` stands, in order of fingerprints."""
        return alert_standings(self._state, self._router, now)

    def groups(self, now: int) -> list[GroupStanding]:
        """How every group stands at `now` in which something fires, by labels, then by receiver."""
        return group_standings(self._state, self._router, self.config.time_intervals, now)

    # -- events

    def _receive_alerts(self, event: ReceiveAlerts, now: int) -> None:
        state = self._state
        if gone := state.alerts.collect(now):
            for labels in gone:
                state.inhibitor.remove(labels)
            state.inhibitor.forget()
            state.silences.forget()
            self._router.forget()
        for alert in event.alerts:
            try:
                known = state.alerts.put(alert, now)
            except ValueError as error:
                state.effects.append(AlertRejected(alert, str(error)))
            else:
                self._insert(known, now)

    def _set_silence(self, event: SetSilence, now: int) -> None:
        self._state.silences.set(event.silence, event.replacement_id, now)

    def _expire_silence(self, event: ExpireSilence, now: int) -> None:
        self._state.silences.expire(event.silence_id, now)

    def _delivered(self, event: Delivered, now: int) -> None:
        delivery = self._under_way(event.delivery)
        self._state.log.put(delivery.log_key, attrs.evolve(delivery.entry, delivered_at=now))
        self._close(event.delivery, now, failed=False)

    def _delivery_failed(self, event: DeliveryFailed, now: int) -> None:
        delivery = self._under_way(event.delivery)
        group = self._state.groups.get(delivery.group)
        is_of_use = group is not None and event.delivery in group.waiting_for  # else the group was made anew meanwhile
        again_at = now + max(backoff_ms(delivery.attempt), event.retry_after_ms)
        if event.can_retry and is_of_use and again_at < delivery.deadline:
            waiting = attrs.evolve(delivery, attempt=delivery.attempt + 1, is_waiting=True)
            self._state.deliveries[event.delivery] = waiting
            self._push(again_at, event.delivery)
            return
        abandoned = DeliveryAbandoned(delivery.notification, event.delivery, delivery.attempt, event.error)
        self._state.effects.append(abandoned)
        self._close(event.delivery, now, failed=True)

    def _reload(self, event: Reload, now: int) -> None:
        self.config = event.config
        self._router = Router(event.config.route)
        state = self._state
        state.alerts.resolve_timeout_ms = event.config.resolve_timeout_ms
        state.inhibitor = self._new_inhibitor()
        state.groups.clear()
        for number, each in tuple(state.deliveries.items()):
            if each.is_waiting:  # the group, made anew, asks again
                del state.deliveries[number]
                abandoned = DeliveryAbandoned(each.notification, number, each.attempt - 1, "a reload ended the retries")
                state.effects.append(abandoned)
        for alert in state.alerts:
            self._insert(alert, now)

    # -- groups

    def _insert(self, alert: KnownAlert, now: int) -> None:
        """Put an alert into its groups. One that is older than `group_wait` need not wait for more."""
        state = self._state
        state.inhibitor.add(alert)
        for route, labels in self._router.route(alert.labels):
            group = state.groups.get((route.id, labels))
            if group is None or group.emptied_at is not None:
                group = self._group(route, labels, now)
            if group is None:
                refused = GroupRefused(now, alert.labels, labels, route.receiver, route.id, self._limits.groups)
                self._state.effects.append(refused)
                continue
            is_new = not group.alerts and not group.has_flushed
            is_first_word = group.insert(alert)
            is_old = alert.starts_at + route.group_wait_ms < now
            if is_new:
                self._arm(group, now if is_old else now + route.group_wait_ms)
            elif is_old and self.compat.old_alert_always_flushes and not group.has_flushed:
                self._arm(group, now)
            if self._explains and is_first_word:
                self._explain_group(group, alert, now)

    def _explain_group(self, group: Group, alert: KnownAlert, now: int) -> None:
        """Leave word of when the group that an alert came into is looked at."""
        flush_at = now if group.next_flush_at is None else group.next_flush_at
        reason = GroupReason.GROUP_INTERVAL
        if not group.has_flushed:
            reason = GroupReason.GROUP_WAIT if flush_at > now else GroupReason.OLD_ALERT
        route = group.route
        grouped = Grouped(now, alert.labels, group.key, group.labels, route.receiver, route.id, reason, flush_at)
        self._state.effects.append(grouped)

    def _group(self, route: Route, labels: Labels, now: int) -> Group | None:
        """The group of some labels, made if need be, unless there may be no more."""
        groups = self._state.groups
        group = groups.get((route.id, labels))
        if group is None and 0 < self._limits.groups <= len(groups):
            return None
        if group is None or self._was_swept(group, now):
            group = Group(route, labels)
            groups[group.id] = group
        return group

    def _was_swept(self, group: Group, now: int) -> bool:
        return group.emptied_at is not None and was_maintained(self._started_at, group.emptied_at, now)

    def _arm(self, group: Group, time: int) -> None:
        if self._limits.start_delay_ms:
            time = max(time, self._started_at + self._limits.start_delay_ms)
        group.next_flush_at = time
        self._push(time, group.id)

    def _push(self, time: int, target: GroupId | int) -> None:
        self._state.sequence += 1
        heapq.heappush(self._state.timers, (time, self._state.sequence, target))

    def _is_live(self, timer: tuple[int, int, GroupId | int]) -> bool:
        """Whether a timer still stands: groups are armed anew, and go, without their old timers being looked for."""
        time, _, target = timer
        if isinstance(target, int):
            return target in self._state.deliveries
        group = self._state.groups.get(target)
        return group is not None and group.next_flush_at == time

    def _tick(self, group: Group, now: int) -> None:
        if self._was_swept(group, now):
            del self._state.groups[group.id]
            return
        if group.flush is not None:
            group.is_overdue, group.next_flush_at = True, None
            return
        group.has_flushed = True
        self._arm(group, self._next_flush_at(group, now))
        if group.alerts:
            self._notify(group, group.begin_flush(now))
            self._end_flush(group, now)

    def _next_flush_at(self, group: Group, now: int) -> int:
        return now + group.route.group_interval_ms + self.compat.flush_drift_ms

    def _end_flush(self, group: Group, now: int) -> None:
        """End the flush under way once every delivery is answered."""
        if group.flush is None or group.waiting_for:
            return
        group.end_flush(now, functools.partial(self._is_owed, group, now))
        if not group.alerts and not self.compat.empty_group_lingers:
            del self._state.groups[group.id]
        elif group.is_overdue:
            group.is_overdue = False
            self._arm(group, now)

    def _is_owed(self, group: Group, now: int, alert: KnownAlert) -> bool:
        """Whether a resolved alert stays: it is muted, and somebody believes that it fires."""
        assert group.flush is not None
        return (
            self.compat.muted_alerts_remembered
            and alert.labels in group.flush.muted
            and any(
                alert.labels in self._state.log.get(self._log_key(group, integration), now).firing
                for integration in self.config.receivers[group.route.receiver].integrations
            )
        )

    # -- notifications

    def _notify(self, group: Group, flush: Flush) -> None:
        """Ask for each integration whether what is not muted is news; if all is muted there is no question."""
        hours = muted_hours(group.route, self.config.time_intervals, flush.time)
        for alert in flush.alerts:
            cause = self._mute_cause(alert.labels, hours, flush.time)
            if cause is not None:
                flush.muted[alert.labels] = cause
        for integration in self.config.receivers[group.route.receiver].integrations:
            self._consider(group, flush, integration)

    def _consider(self, group: Group, flush: Flush, integration: Integration) -> None:
        log_key = self._log_key(group, integration)
        logged = self._state.log.get(log_key, flush.time)
        repeat_due_at = self._state.log.repeat_due_at(logged, group.route.repeat_interval_ms)
        question = Question(
            logged,
            flush.labels_of(AlertStatus.FIRING),
            flush.labels_of(AlertStatus.RESOLVED),
            integration.send_resolved,
            repeat_due_at <= flush.time,
        )
        reason = decide(question) if question.firing or question.resolved else NotifyReason.NOTHING_NEW
        if reason.sends:
            self._deliver(group, flush, integration, question, reason)
        if self._explains:
            self._state.effects.append(
                Decision(
                    time=flush.time,
                    group_key=group.key,
                    group_labels=group.labels,
                    receiver=group.route.receiver,
                    integration=integration.kind,
                    index=integration.index,
                    reason=reason,
                    firing=tuple(sorted(question.firing)),
                    resolved=tuple(sorted(question.resolved)),
                    muted=tuple(flush.muted.items()),
                    next_flush_at=self._next_flush_at(group, flush.time),
                    repeat_due_at=repeat_due_at if logged.firing else None,
                )
            )

    def _deliver(
        self, group: Group, flush: Flush, integration: Integration, question: Question, reason: NotifyReason
    ) -> None:
        route, state = group.route, self._state
        log_key = self._log_key(group, integration)
        believed = question.logged.firing & flush.muted.keys() if self.compat.muted_alerts_remembered else NO_LABELS
        firing = question.firing | believed if believed else question.firing
        entry = LogEntry(flush.time, flush.time, firing, question.resolved, route.repeat_interval_ms)
        alerts = tuple(
            alert for alert in flush.notified() if integration.send_resolved or alert.status is AlertStatus.FIRING
        )
        if not alerts:
            state.log.put(log_key, entry)
            return
        notification = Notification(
            flush.time,
            route.receiver,
            integration.kind,
            integration.index,
            group.key,
            group.labels,
            alerts,
            reason,
            route.labels,
            flush.shown(flush.alerts) if route.labels else (),
        )
        state.sequence += 1
        delivery = state.sequence
        deadline = flush.time + max(route.group_interval_ms, _MIN_DEADLINE_MS)
        state.deliveries[delivery] = Delivery(notification, group.id, log_key, entry, deadline)
        group.waiting_for |= {delivery}
        state.effects.append(Notify(notification, delivery, 1, deadline))

    def _retry(self, number: int, now: int) -> None:
        delivery = self._state.deliveries[number]
        # What arrives late is told late: the repeat interval begins with the attempt that arrives.
        delivery = attrs.evolve(delivery, is_waiting=False, entry=attrs.evolve(delivery.entry, flushed_at=now))
        self._state.deliveries[number] = delivery
        self._state.effects.append(Notify(delivery.notification, number, delivery.attempt, delivery.deadline))

    def _under_way(self, number: int) -> Delivery:
        delivery = self._state.deliveries.get(number)
        if delivery is None or delivery.is_waiting:
            raise StateError(f"delivery {number} is not under way")
        return delivery

    def _close(self, number: int, now: int, *, failed: bool) -> None:
        group = self._state.groups.get(self._state.deliveries.pop(number).group)
        if group is not None and number in group.waiting_for:  # else the group was made anew meanwhile
            group.waiting_for = group.waiting_for - {number} or NOBODY
            group.has_failed |= failed
            self._end_flush(group, now)

    def _log_key(self, group: Group, integration: Integration) -> LogKey:
        route = group.route
        key = route.id if self.compat.log_keyed_by_route else route.key
        return key, group.labels, route.receiver, integration.kind, integration.index

    # -- muting

    def _mute_cause(self, labels: Labels, hours: TimeMuted | None, now: int) -> MuteCause | None:
        source = self._state.inhibitor.find_source(labels, now)
        if source is not None:
            return Inhibited(*source)
        if hours is not None:
            return hours
        silences = self._state.silences.muting(labels, now)
        return Silenced(silences) if silences else None

    def _new_inhibitor(self) -> Inhibitor:
        keeps_one = self.compat.inhibition_keeps_one_source
        return Inhibitor(self.config.inhibit_rules, keeps_one_source=keeps_one)


_HANDLERS: dict[type, Callable[[Alertmanager, Any, int], None]] = {
    ReceiveAlerts: Alertmanager._receive_alerts,  # noqa: SLF001 - the machine's own table
    SetSilence: Alertmanager._set_silence,  # noqa: SLF001
    ExpireSilence: Alertmanager._expire_silence,  # noqa: SLF001
    Delivered: Alertmanager._delivered,  # noqa: SLF001
    DeliveryFailed: Alertmanager._delivery_failed,  # noqa: SLF001
    Reload: Alertmanager._reload,  # noqa: SLF001
}
