"""The flags with which the Alertmanager of a scenario was started, by their own names."""

import attrs

from obsflow.alertmanager import NO_LIMITS, Limits
from obsflow.schema import field
from obsflow.testing.scenario_tests.offsets import parse_length


def _parse_interval(text: str) -> int:
    interval = parse_length(text)
    if not interval:
        raise ValueError("expected more than nothing")
    return interval


def _parse_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError(f'expected how many, 0 for no limit, got "{text}"')
    return int(text)


@attrs.frozen
class Flags:
    """Those that matter to what is sent. Times are ms; a limit of 0 is none."""

    start_delay: int = field(key="dispatch.start-delay", parse=parse_length, default=0)
    retention: int = field(key="data.retention", parse=_parse_interval, default=NO_LIMITS.retention_ms)
    gc_interval: int = field(key="alerts.gc-interval", parse=_parse_interval, default=NO_LIMITS.gc_interval_ms)
    alerts_per_name: int = field(key="alerts.per-alertname-limit", parse=_parse_count, default=0)
    silences: int = field(key="silences.max-silences", parse=_parse_count, default=0)
    silence_bytes: int = field(key="silences.max-silence-size-bytes", parse=_parse_count, default=0)

    @property
    def limits(self) -> Limits:
        """What they bound."""
        return Limits(
            alerts_per_name=self.alerts_per_name,
            silences=self.silences,
            silence_bytes=self.silence_bytes,
            retention_ms=self.retention,
            gc_interval_ms=self.gc_interval,
            start_delay_ms=self.start_delay,
        )
