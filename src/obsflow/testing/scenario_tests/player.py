"""Plays a scenario: its events and the router's timers on one timeline, in virtual time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from obsflow import incident
from obsflow.alertmanager import (
    NO_LIMITS,
    Alertmanager,
    AlertRejected,
    Compat,
    Config,
    Decision,
    Delivered,
    DeliveryAbandoned,
    DeliveryFailed,
    ExpireSilence,
    Grouped,
    Limits,
    Notify,
    ReceiveAlerts,
    Reload,
    SetSilence,
    Silence,
)
from obsflow.errors import NotFoundError, StateError
from obsflow.flow.timeline import Timeline
from obsflow.model.alerts import Alert
from obsflow.model.durations import render_duration
from obsflow.model.labels import Labels
from obsflow.model.notifications import Notification
from obsflow.notify import interpret, receiver_api
from obsflow.schema import Position
from obsflow.testing.scenario_tests.document import Acknowledgement, Event, Scenario


@attrs.frozen
class Sent:
    """A notification that a receiver got. `at` (ms since the start) is when the attempt left that arrived."""

    at: int
    notification: Notification


@attrs.frozen
class Lost:
    """An attempt that did not arrive, and what the router was told of it."""

    at: int
    notification: Notification
    error: str


@attrs.frozen
class Refused:
    """An event, or an alert of one, that the router did not take. `event` is its index."""

    event: int
    place: Position
    error: str


@attrs.define
class Played:
    """Everything that happened in a scenario that began at `start` (ms), in order.

    `configs` are the configurations and since when each was in force (ms); `silences` are the last words on each.
    """

    start: int
    sent: list[Sent] = attrs.field(factory=list)
    lost: list[Lost] = attrs.field(factory=list)
    refused: list[Refused] = attrs.field(factory=list)
    decisions: list[Decision] = attrs.field(factory=list)
    pages: list[incident.Page] = attrs.field(factory=list)
    grouped: list[Grouped] = attrs.field(factory=list)
    abandoned: list[DeliveryAbandoned] = attrs.field(factory=list)
    configs: list[tuple[int, Config]] = attrs.field(factory=list)
    silences: Sequence[Silence] = ()
    told: dict[Labels, int] = attrs.field(factory=dict)  # alerts that the router heard of, and when first
    without_start: set[Labels] = attrs.field(factory=set)  # those of them that were sent with an end and no start

    def config_at(self, time: int) -> Config:
        """The configuration in force at a time (ms)."""
        return next((config for since, config in reversed(self.configs) if since <= time), self.configs[0][1])


def play(
    scenario: Scenario,
    config: Config,
    reloads: Mapping[int, Config],
    compat: Compat,
    start: int,
    incidents: incident.Config | None = None,
    limits: Limits = NO_LIMITS,
) -> Played:
    """Play a scenario that begins at `start` (ms), up to and with its end.

    `reloads` has the configuration of each event that is a reload, by its index. What a receiver gets that `incidents`
    has as a service opens and closes incidents there.
    """
    return _Player(scenario, config, reloads, compat, start, incidents, limits).run()


class _Player:
    def __init__(
        self,
        scenario: Scenario,
        config: Config,
        reloads: Mapping[int, Config],
        compat: Compat,
        start: int,
        incidents: incident.Config | None,
        limits: Limits,
    ) -> None:
        self._scenario = scenario
        self._reloads = reloads
        self._start = start
        self._router = Alertmanager(config, compat=compat, started_at=start, explains=True, limits=limits)
        self._timeline = Timeline()
        self._timeline.add(self._router)
        self._incidents = None if incidents is None else incident.Incidents(incidents)
        if self._incidents is not None:
            self._timeline.add(self._incidents)
        self._played = Played(start, configs=[(start, config)])
        self._silence_ids: dict[str, str] = {}  # the name in the scenario, and the id that it has now
        self._senders: dict[Alert, tuple[int, Position]] = {}  # the event of an alert, and where the alert stands

    def run(self) -> Played:
        script = sorted(
            (
                (self._start + event.at, i)
                for i, event in enumerate(self._scenario.events)
                if event.at is not None and not event.is_delivery
            ),
            reverse=True,
        )
        end = self._start + self._scenario.end
        while True:
            timer = self._timeline.next_timer()
            due = [each for each in (timer, script[-1][0] if script else None) if each is not None]
            now = min(due, default=end + 1)
            if now > end:
                self._played.silences = self._router.silences
                return self._played
            while script and script[-1][0] <= now:
                self._happen(script.pop()[1], now)
            self._timeline.poll(now, self._perform)

    def _happen(self, index: int, now: int) -> None:
        event = self._scenario.events[index]
        if event.acknowledge is not None:
            self._acknowledge(index, event.acknowledge, now)
            return
        try:
            for each in self._to_router(event, index, now):
                self._timeline.receive(self._router, each, now)
        except (NotFoundError, StateError) as error:
            self._refuse(index, str(error))

    def _refuse(self, index: int, error: str) -> None:
        event = self._scenario.events[index]
        self._played.refused.append(Refused(index, event.places[event.kind], error))

    def _acknowledge(self, index: int, by: Acknowledgement, now: int) -> None:
        """Let somebody take every incident of the receiver that waits, if it has had any.

        Where nobody is paged there is nothing to take: Alertmanager itself knows no acknowledgement.
        """
        if self._incidents is None:
            if not any(each.notification.receiver == by.receiver for each in self._played.sent):
                self._refuse(index, f"nothing was sent to {by.receiver} yet")
            return
        own = [each for each in self._incidents.incidents if each.service == by.receiver]
        for each in own:
            if each.state is incident.IncidentState.TRIGGERED:
                self._timeline.receive(self._incidents, incident.Acknowledge(each.number, by.by), now)
        if not own:
            self._refuse(index, f"no incident of {by.receiver} waits")

    def _to_router(self, event: Event, index: int, now: int) -> Iterable[Any]:
        match event.kind:
            case "alerts":
                alerts = tuple(each.to_alert(self._start) for each in event.alerts)
                for each, alert in zip(event.alerts, alerts, strict=True):
                    self._senders[alert] = index, each.places[""]
                    self._played.told.setdefault(alert.labels, now)
                    if alert.starts_at is None and alert.ends_at is not None:
                        self._played.without_start.add(alert.labels)
                yield ReceiveAlerts(alerts)
            case "silence" if event.silence is not None:
                silence = event.silence.to_silence(self._start, now - self._start)
                own_id = self._silence_ids.get(silence.id, silence.id)
                yield SetSilence(attrs.evolve(silence, id=own_id), f"{own_id}+")
                is_replaced = any(each.id == f"{own_id}+" for each in self._router.silences)
                self._silence_ids[silence.id] = f"{own_id}+" if is_replaced else own_id
            case "expire":
                yield ExpireSilence(self._silence_ids.get(event.expire, event.expire))
            case "reload":
                config = self._reloads[index]
                self._played.configs.append((now, config))
                yield Reload(config)

    def _perform(self, effect: Any, now: int) -> None:
        played = self._played
        match effect:
            case Notify():
                self._attempt(effect, now)
            case Decision():
                played.decisions.append(effect)
            case Grouped():
                played.grouped.append(effect)
            case incident.Page():
                played.pages.append(effect)
            case DeliveryAbandoned():
                played.abandoned.append(effect)
            case AlertRejected(alert=alert, error=error):
                played.refused.append(Refused(*self._senders[alert], f"{alert.labels}: {error}"))

    def _attempt(self, notify: Notify, now: int) -> None:
        """Let a delivery go as the scenario says, and answer the router when that is known."""
        notification, at = notify.notification, now - self._start
        target = notification.receiver, notification.integration, notification.index
        answer: Delivered | DeliveryFailed = Delivered(notify.delivery)
        latency_ms, error = 0, ""
        for event in self._scenario.events:
            if not event.concerns(at, *target):
                continue
            latency_ms = latency_ms if event.latency is None else event.latency
            if event.fails is not None and event.fails.covers(at):
                answer, error = self._failure(notify, event.fails.status, now)
                latency_ms = latency_ms if event.fails.latency is None else event.fails.latency
                break
        patience_ms = self._patience_ms(notify, now)
        if latency_ms > patience_ms:
            latency_ms, error = patience_ms, f"no answer within {render_duration(patience_ms)}"
            answer = DeliveryFailed(notify.delivery, can_retry=True, error=error)
        if error:
            self._played.lost.append(Lost(at, notification, error))
        else:
            self._played.sent.append(Sent(at, notification))
            if self._incidents is not None and notification.receiver in self._incidents.config.services:
                self._timeline.schedule(self._incidents, notification, now + latency_ms)
        self._timeline.schedule(self._router, answer, now + latency_ms)

    def _patience_ms(self, notify: Notify, now: int) -> int:
        """How long an answer is waited for: until the deadline, or for the timeout of an integration that has one."""
        config = self._played.config_at(now).integration(notify.notification).config
        until_deadline = max(0, notify.deadline - now)
        return min(until_deadline, getattr(config, "timeout", 0) or until_deadline)

    def _failure(self, notify: Notify, status: int | None, now: int) -> tuple[Delivered | DeliveryFailed, str]:
        """What the router hears of an attempt that fails, and what is to be said of it."""
        if status is None:
            return DeliveryFailed(notify.delivery, can_retry=True, error="no answer"), "no answer"
        integration = self._played.config_at(now).integration(notify.notification)
        outcome = interpret(receiver_api(integration.config), status)
        if outcome.is_delivered or 200 <= status < 300:
            return Delivered(notify.delivery), f"lost, though the answer was {status}"
        return DeliveryFailed(notify.delivery, can_retry=outcome.retry, error=outcome.reason), outcome.reason
