"""From what monitoring says to events of the machine: our own notifications, and PagerDuty's Events API v2."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from obsflow.errors import ConfigError, Problem
from obsflow.incident.contacts import Urgency
from obsflow.incident.events import SourceAcknowledge, SourceEvent, SourceResolve, Trigger
from obsflow.incident.operations import Change
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert
from obsflow.model.times import parse_time

SEVERITIES = ("critical", "error", "warning", "info")
_MAX_KEY = 255
_MAX_SUMMARY = 1024
_MEMBERS = frozenset({"routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "images", "links"})
_PAYLOAD = frozenset(
    {"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}
)  # fmt: skip
_CHANGE_MEMBERS = frozenset({"routing_key", "payload", "links", "images"})
_CHANGE_PAYLOAD = frozenset({"summary", "source", "timestamp", "custom_details"})
_DETAILS = ("client", "client_url", "links", "images")
_TITLE_LABELS = ("alertname", "severity")


def dedup_key(group_key: str) -> str:
    """What a group's incident is known by, the same that PagerDuty is told: the SHA-256 of the group's key."""
    return hashlib.sha256(group_key.encode("utf-8", "surrogateescape")).hexdigest()


def from_notification(notification: Notification) -> SourceEvent:
    """A notification as an event of the service that its receiver names.

    It triggers while any alert fires; its urgency is the highest of the firing alerts' `severity` labels.
    """
    key = dedup_key(notification.group_key)
    if notification.status is AlertStatus.RESOLVED:
        return SourceResolve(notification.receiver, key, notification.alerts)
    firing = [alert for alert in notification.alerts if alert.status is AlertStatus.FIRING]
    is_high = any(Urgency.of_severity(alert.labels.get("severity")) is Urgency.HIGH for alert in firing)
    urgency = Urgency.HIGH if is_high else Urgency.LOW
    return Trigger(notification.receiver, key, _title(notification.group_labels, firing), urgency, notification.alerts)


def _title(group: Labels, firing: list[NotifiedAlert]) -> str:
    name = group.get("alertname") or firing[0].labels.get("alertname") or "alert"
    rest = " ".join(f"{label}={value}" for label, value in group.items() if label not in _TITLE_LABELS)
    return f"{name} ({rest})" if rest else name


def parse_event(event: Mapping[str, Any], routing_keys: Mapping[str, str], now: int, new_id: str = "") -> SourceEvent:
    """An event of the Events API v2 for the service that `routing_keys` names for its key.

    Keys are told apart by upper and lower case. A trigger without `dedup_key` gets `new_id`, or else one derived from
    its time and content. Raises ConfigError with everything that is wrong with it, which is also what an unknown
    routing key is.
    """
    reader = _Reader()
    reader.known(event, _MEMBERS, "")
    routing_key = reader.routing_key(event, routing_keys)
    action = reader.text(event, "event_action", "", required=True)
    if action and action not in ("trigger", "acknowledge", "resolve"):
        reader.note("event_action", f'expected "trigger", "acknowledge" or "resolve", got "{action}"')
    key = reader.text(event, "dedup_key", "", longest=_MAX_KEY, required=action in ("acknowledge", "resolve"))
    alert = _read_payload(reader, event, now) if action == "trigger" else None
    if reader.problems:
        raise ConfigError(tuple(reader.problems))
    service = routing_keys[routing_key]
    if alert is None:
        return SourceAcknowledge(service, key) if action == "acknowledge" else SourceResolve(service, key)
    urgency = Urgency.of_severity(alert.labels["severity"])
    key = key or new_id or dedup_key(json.dumps([now, alert.labels.pairs, alert.annotations["summary"]]))
    return Trigger(service, key, alert.annotations["summary"], urgency, (alert,), is_whole=True)


def parse_change(event: Mapping[str, Any], routing_keys: Mapping[str, str], now: int) -> Change:
    """A change event of the Events API v2, likewise; without a `timestamp` it happened now (ms)."""
    reader = _Reader()
    reader.known(event, _CHANGE_MEMBERS, "")
    routing_key = reader.routing_key(event, routing_keys)
    payload = event.get("payload")
    if isinstance(payload, Mapping):
        reader.known(payload, _CHANGE_PAYLOAD, "payload")
    else:
        reader.note("payload", "a change needs an object here")
        payload = {"summary": "?"}
    summary = reader.text(payload, "summary", "payload", longest=_MAX_SUMMARY, required=True)
    source = reader.text(payload, "source", "payload")
    occurred_at = reader.timestamp(payload, now)
    if reader.problems:
        raise ConfigError(tuple(reader.problems))
    return Change(routing_keys[routing_key], summary, occurred_at, source)


def _read_payload(reader: "_Reader", event: Mapping[str, Any], now: int) -> NotifiedAlert | None:
    payload = event.get("payload")
    if not isinstance(payload, Mapping):
        reader.note("payload", "a trigger needs an object here")
        return None
    reader.known(payload, _PAYLOAD, "payload")
    summary = reader.text(payload, "summary", "payload", longest=_MAX_SUMMARY, required=True)
    source = reader.text(payload, "source", "payload", required=True)
    severity = reader.text(payload, "severity", "payload", required=True)
    if severity and severity not in SEVERITIES:
        reader.note("payload.severity", f'expected one of {", ".join(SEVERITIES)}, got "{severity}"')
    others = {name: reader.text(payload, name, "payload") for name in ("component", "group", "class")}
    starts_at = reader.timestamp(payload, now)
    labels = Labels({"source": source, "severity": severity, **others})
    details = {name: event.get(name) for name in _DETAILS} | {"custom_details": payload.get("custom_details")}
    told = {name: reader.render(name, value) for name, value in details.items() if value not in (None, "", [], {})}
    annotations = Labels.of_annotations({"summary": summary, **told})
    return NotifiedAlert(labels, annotations, AlertStatus.FIRING, starts_at, None, "")


class _Reader:
    """Reads members of plain data, and notes what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, path: str, message: str) -> None:
        self.problems.append(Problem("event", 0, 0, path, message))

    def known(self, members: Mapping[str, Any], names: frozenset[str], path: str) -> None:
        for name in members:
            if name not in names:
                self.note(f"{path}.{name}".lstrip("."), "unknown member")

    def routing_key(self, event: Mapping[str, Any], routing_keys: Mapping[str, str]) -> str:
        routing_key = self.text(event, "routing_key", "", required=True)
        if routing_key and routing_key not in routing_keys:
            self.note("routing_key", "no service has this routing key")
        return routing_key

    def render(self, path: str, value: Any) -> str:
        """A detail as text: itself, or JSON."""
        try:
            return value if isinstance(value, str) else json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            self.note(path, "expected plain data")
            return ""

    def timestamp(self, payload: Mapping[str, Any], now: int) -> int:
        timestamp = self.text(payload, "timestamp", "payload")
        try:
            return parse_time(timestamp) if timestamp else now
        except (OverflowError, ValueError) as error:
            self.note("payload.timestamp", str(error))
            return now

    def text(
        self, members: Mapping[str, Any], name: str, path: str, *, longest: int | None = None, required: bool = False
    ) -> str:
        value = members.get(name)
        where = f"{path}.{name}".lstrip(".")
        if value is None or value == "":
            if required:
                self.note(where, "is required")
            return ""
        if not isinstance(value, str):
            self.note(where, f"expected a string, got {type(value).__name__}")
            return ""
        if longest is not None and len(value) > longest:
            self.note(where, f"has {len(value)} characters, at most {longest} are allowed")
        return value
