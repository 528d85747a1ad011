"""Results as plain data: what `obsflow backtest` writes, one object a line. Times are epoch seconds."""

import math
from typing import Any

from obsflow.model.floats import render_float
from obsflow.model.notifications import Notification
from obsflow.notify import Request
from obsflow.rules import Transition


def notification_record(notification: Notification) -> dict[str, Any]:
    """A notification: who is told what, and why."""
    return {
        "time": _seconds(notification.time),
        "receiver": notification.receiver,
        "integration": notification.integration,
        "index": notification.index,
        "group_key": notification.group_key,
        "status": notification.status.value,
        "reason": notification.reason.value,
        "alerts": [
            {
                "labels": dict(alert.labels),
                "annotations": dict(alert.annotations),
                "status": alert.status.value,
                "starts_at": _seconds(alert.starts_at),
                "ends_at": None if alert.ends_at is None else _seconds(alert.ends_at),
            }
            for alert in notification.alerts
        ],
    }


def transition_record(transition: Transition) -> dict[str, Any]:
    """A change of an alert's state."""
    return {
        "time": _seconds(transition.time),
        "rule": transition.rule,
        "labels": dict(transition.labels),
        "from": transition.from_state.value,
        "to": transition.to_state.value,
        "value": transition.value if math.isfinite(transition.value) else render_float(transition.value),
        "reason": transition.because,
    }


def request_record(notification: Notification, request: Request) -> dict[str, Any]:
    """A request to a receiver."""
    return {
        "time": _seconds(notification.time),
        "receiver": notification.receiver,
        "integration": notification.integration,
        "index": notification.index,
        "method": request.method,
        "url": str(request.url),
        "headers": dict(request.headers),
        "body": request.body,
    }


def _seconds(time_ms: int) -> float:
    return time_ms / 1000
