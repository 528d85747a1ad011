"""Heartbeats: something that reports regularly, and an incident when it does not."""

import attrs

from obsflow.model.durations import render_duration
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, NotifiedAlert


@attrs.frozen
class Heartbeat:
    """Expected again `timeout_ms` after each beat, once there was a first; `severity` is that of its absence."""

    name: str
    timeout_ms: int
    severity: str = "critical"

    @property
    def key(self) -> str:
        """What the incident of its absence is known by."""
        return f"heartbeat {self.name}"

    @property
    def title(self) -> str:
        """What the incident of its absence is called."""
        return f"no heartbeat of {self.name} for {render_duration(self.timeout_ms)}"

    def absence(self, last: int) -> NotifiedAlert:
        """The alert of its absence since a beat at `last` (ms)."""
        labels = Labels(alertname="HeartbeatMissing", heartbeat=self.name, severity=self.severity)
        annotations = Labels.of_annotations({"summary": self.title})
        return NotifiedAlert(labels, annotations, AlertStatus.FIRING, last + self.timeout_ms, None, "")


@attrs.frozen
class Pulse:
    """What is known of a heartbeat: its last beat, ms, and when it is missed; None once it was."""

    last: int
    due: int | None
