"""Results as plain data: what `obsflow backtest` writes, one object a line. Times are epoch seconds."""

import math
from typing import Any

from obsflow.flow.report.faults import FalseFiring, FaultVerdict
from obsflow.flow.report.summary import ReceiverSummary, RuleSummary
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


def rule_record(summary: RuleSummary) -> dict[str, Any]:
    """The figures of an alerting rule; durations in seconds."""
    return {
        "group": summary.group,
        "rule": summary.rule,
        "alerts": summary.alerts,
        "pending": summary.pending,
        "pending_seconds": _seconds(summary.pending_ms),
        "unfired": summary.unfired,
        "fired": summary.fired,
        "firing_seconds": _seconds(summary.firing_ms),
        "longest_seconds": _seconds(summary.longest_ms),
        "flaps": summary.flaps,
        "brief": summary.brief,
        "pages": dict(summary.pages),
    }


def receiver_record(summary: ReceiverSummary) -> dict[str, Any]:
    """The figures of a receiver."""
    start, count = summary.busiest
    return {
        "receiver": summary.receiver,
        "integration": summary.integration,
        "notifications": summary.notifications,
        "firing": summary.firing,
        "by_hour": list(summary.by_hour),
        "busiest_hour": {"start": _seconds(start), "notifications": count},
    }


def fault_record(verdict: FaultVerdict) -> dict[str, Any]:
    """A fault and what the alerts said of it."""
    fault = verdict.fault
    return {
        "name": fault.name,
        "start": _seconds(fault.start),
        "end": _optional_seconds(fault.end),
        "detected": verdict.is_detected,
        "detected_at": _optional_seconds(verdict.detected_at),
        "told_at": _optional_seconds(verdict.told_at),
        "alerts": {name: _seconds(time) for name, time in verdict.alerts},
    }


def false_firing_record(firing: FalseFiring) -> dict[str, Any]:
    """An alert that fired while nothing was wrong."""
    return {
        "rule": firing.rule,
        "labels": dict(firing.labels),
        "start": _seconds(firing.start),
        "end": _optional_seconds(firing.end),
    }


def _optional_seconds(time_ms: int | None) -> float | None:
    return None if time_ms is None else _seconds(time_ms)


def _seconds(time_ms: int) -> float:
    return time_ms / 1000
