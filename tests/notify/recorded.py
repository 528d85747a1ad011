"""Recorded requests of a real Alertmanager, and the notifications that they tell of."""

import functools
import json
import re

import attrs
from tests.external import shared

from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from obsflow.model.times import parse_time


@attrs.frozen
class Recorded:
    """One request as it arrived."""

    time: float
    path: str
    body: str
    headers: dict[str, str]
    method: str = "POST"


@functools.cache
def requests():
    """All recorded requests, in order of time."""
    lines = shared("captures", "payment-incidents", "notifications.jsonl").read_text("utf-8").splitlines()
    entries = map(json.loads, lines)
    return tuple(Recorded(entry["t"], entry["path"], entry["body"], entry.get("headers", {})) for entry in entries)


def webhooks():
    """The recorded webhooks."""
    return [recorded for recorded in requests() if recorded.path.startswith("/webhook/")]


def rebuild(recorded):
    """The notification that a webhook's body was rendered from."""
    body = json.loads(recorded.body)
    return Notification(
        time=round(recorded.time * 1000),
        receiver=re.sub(r"\\(.)", r"\1", body["receiver"]),
        integration="webhook",
        index=0,
        group_key=body["groupKey"],
        group_labels=Labels(body["groupLabels"]),
        alerts=tuple(map(_rebuild_alert, body["alerts"])),
        reason=NotifyReason.FIRST_NOTIFICATION,
    )


def _rebuild_alert(alert):
    status = AlertStatus(alert["status"])
    return NotifiedAlert(
        labels=Labels(alert["labels"]),
        annotations=Labels(alert["annotations"]),
        status=status,
        starts_at=parse_time(alert["startsAt"]),
        ends_at=None if status is AlertStatus.FIRING else parse_time(alert["endsAt"]),
        generator_url=alert["generatorURL"],
    )
