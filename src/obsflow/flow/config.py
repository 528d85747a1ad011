"""What a replay needs of `prometheus.yml`, and what a capture says of the servers that recorded it."""

from collections.abc import Mapping
from typing import Any

import attrs

from obsflow.alertmanager import parse_compat
from obsflow.model.durations import parse_duration
from obsflow.model.labels import Labels
from obsflow.model.times import parse_time
from obsflow.schema import Node, decode, field, rest


@attrs.frozen
class GlobalConfig:
    """The `global` section, as far as rules are concerned."""

    evaluation_interval_ms: int = field(key="evaluation_interval", parse=parse_duration, default=60_000)
    rule_query_offset_ms: int = field(key="rule_query_offset", parse=parse_duration, default=0)
    external_labels: Mapping[str, str] = field(factory=dict)
    other: Mapping[str, Node] = rest()


@attrs.frozen
class AlertingConfig:
    """The `alerting` section, as far as a replay has to know of it."""

    alert_relabel_configs: Any = None
    other: Mapping[str, Node] = rest()


@attrs.frozen
class PrometheusConfig:
    """`prometheus.yml`: which rule files, how often, and which labels every alert leaves with.

    Scrape and remote sections are accepted and ignored: a replay does not scrape.
    """

    global_: GlobalConfig = field(key="global", factory=GlobalConfig)
    rule_files: tuple[str, ...] = field(default=())
    alerting: AlertingConfig = field(factory=AlertingConfig)
    other: Mapping[str, Node] = rest()

    @property
    def external_labels(self) -> Labels:
        """The labels that are added to every alert that leaves."""
        return Labels(self.global_.external_labels)

    @property
    def unapplied(self) -> tuple[str, ...]:
        """What it says that would change the alerts, and is not applied."""
        return ("alerting.alert_relabel_configs",) if self.alerting.alert_relabel_configs else ()


@attrs.frozen
class RecordedServer:
    """One of the servers that made a capture: its version, when it started (ms), and the URL in its links."""

    version: str = field(default="")
    started: int | None = field(parse=parse_time, default=None)
    external_url: str | None = field(default=None)


def _known_compat(name: str) -> str:
    return parse_compat(name).name


@attrs.frozen
class CaptureInfo:
    """`capture.yml`: what recorded a capture, and the `compat` to replay it under."""

    prometheus: RecordedServer = field(factory=RecordedServer)
    alertmanager: RecordedServer = field(factory=RecordedServer)
    compat: str = field(parse=_known_compat, default="obsflow")
    scale: str = field(default="1:1")


def load_prometheus(text: str, source: str) -> PrometheusConfig:
    """Read a `prometheus.yml`. Raises ConfigError."""
    return decode(PrometheusConfig, text, source)


def load_capture_info(text: str, source: str) -> CaptureInfo:
    """Read a `capture.yml`. Raises ConfigError."""
    return decode(CaptureInfo, text, source)
