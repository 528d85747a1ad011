"""What the tests of the router share: a few plain integrations, and a virtual clock that drives the machine."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from obsflow.alertmanager import (
    OBSFLOW,
    Alertmanager,
    Compat,
    Config,
    Delivered,
    DeliveryFailed,
    Effect,
    Event,
    Notify,
    load_config,
    utc_only,
)
from obsflow.model.alerts import Alert
from obsflow.model.durations import parse_duration
from obsflow.model.labels import Labels
from obsflow.model.notifications import IntegrationKind, Notification
from obsflow.schema import field, rest


@attrs.frozen
class Globals:
    """A `global` section of which only the resolve timeout is looked at."""

    resolve_timeout: int = field(parse=parse_duration, default=300_000)
    others: Mapping[str, Any] = rest()


@attrs.frozen
class Notifying:
    """A webhook: sends what resolved."""

    url: str = ""
    send_resolved: bool = True
    others: Mapping[str, Any] = rest()


@attrs.frozen
class Quiet:
    """A mail or a chat message: sends nothing that resolved unless asked."""

    send_resolved: bool = False
    others: Mapping[str, Any] = rest()


def _complete(entry: Any, globals_: Any) -> Any:
    if isinstance(entry, Notifying) and not entry.url and "default_url" not in globals_.others:
        raise ValueError("one of url or url_file must be configured")
    return entry


KINDS = (
    IntegrationKind("slack", "slack_configs", Quiet, _complete),
    IntegrationKind("email", "email_configs", Quiet, _complete),
    IntegrationKind("webhook", "webhook_configs", Notifying, _complete),
    IntegrationKind("pagerduty", "pagerduty_configs", Quiet, lambda entry, _: attrs.evolve(entry, send_resolved=True)),
)


def load(text: str, compat: Compat = OBSFLOW, zones: Callable[[str], Any] = utc_only) -> Config:
    return load_config(text, "alertmanager.yml", KINDS, Globals, compat=compat, zones=zones)


def one_route(wait: str, interval: str, repeat: str, group_by: str = "[]", more: str = "") -> str:
    """A configuration of one route to one webhook."""
    return f"""
route: {{receiver: hook, group_wait: {wait}, group_interval: {interval}, repeat_interval: {repeat},
         group_by: {group_by}}}
receivers: [{{name: hook, webhook_configs: [{{url: 'http://localhost'}}]}}]
{more}"""


def alert(
    labels: Mapping[str, str] | str, start: float | None = None, end: float | None = None, **annotations
) -> Alert:
    """An alert by its labels or its name, times in seconds."""
    named = {"alertname": labels} if isinstance(labels, str) else labels
    starts_at, ends_at = (None if each is None else round(each * 1000) for each in (start, end))
    return Alert(Labels(named), Labels(annotations), starts_at, ends_at)


def always(_: Notify, __: int) -> Event | None:
    """A receiver that takes everything."""
    return None


def drive(
    machine: Alertmanager,
    script: Iterable[tuple[float, Event]],
    until: float,
    answer: Callable[[Notify, int], Event | None] = always,
    latency_ms: int | Callable[[Notify], int] = 0,
) -> list[tuple[int, Effect]]:
    """Run events and timers in order up to and with `until`, in seconds; every effect with the time of its poll.

    `answer` gives the event that follows an attempt at a time in ms, None for `Delivered`, `latency_ms` later, which
    may depend on the attempt.
    """
    pending = [(round(at * 1000), i, event) for i, (at, event) in enumerate(script)]
    effects: list[tuple[int, Effect]] = []
    while True:
        pending.sort(key=lambda each: each[:2])
        timer = machine.next_timer()
        now = min([each[0] for each in pending[:1]] + ([] if timer is None else [timer]), default=None)
        if now is None or now > until * 1000:
            return effects
        while pending and pending[0][0] <= now:
            machine.receive(pending.pop(0)[2], now)
        for effect in machine.poll(now):
            effects.append((now, effect))
            if isinstance(effect, Notify):
                event = answer(effect, now) or Delivered(effect.delivery)
                late = latency_ms if isinstance(latency_ms, int) else latency_ms(effect)
                pending.append((now + late, -1 if isinstance(event, Delivered | DeliveryFailed) else 0, event))


def notifications(effects: Iterable[tuple[int, Effect]]) -> list[Notification]:
    """The notifications among effects."""
    return [effect.notification for _, effect in effects if isinstance(effect, Notify)]


def told(notification: Notification) -> str:
    """A notification in a line: time, then each alert with a start, and an end if it resolved, in seconds."""

    def seconds(ms: int) -> str:
        return f"{ms / 1000:g}"

    alerts = " ".join(
        "/".join(value for name, value in each.labels.items() if name != "job")
        + (
            f"({seconds(each.starts_at)})"
            if each.ends_at is None
            else f"({seconds(each.starts_at)},{seconds(each.ends_at)})"
        )
        + (f"[{each.annotations.get('ann')}]" if each.annotations else "")
        for each in notification.alerts
    )
    return f"{seconds(notification.time)} {alerts}"
