"""Scrapes the metrics of this process: a `prometheus_client` registry, or whatever collects as it does."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from obsflow.exposition import (
    Exemplar,
    MetricFamily,
    MetricType,
    Sample,
    Scraped,
    ScrapeLoop,
)
from obsflow.model.labels import METRIC_NAME, Labels

_TYPES: Final = {
    "counter": MetricType.COUNTER,
    "gauge": MetricType.GAUGE,
    "summary": MetricType.SUMMARY,
    "histogram": MetricType.HISTOGRAM,
    "gaugehistogram": MetricType.GAUGE_HISTOGRAM,
    "info": MetricType.INFO,
    "stateset": MetricType.STATESET,
}


class ClientSample(Protocol):
    """A sample as `prometheus_client` has it; `timestamp`, and that of an exemplar, are seconds."""

    name: str
    labels: Mapping[str, str]
    value: float
    timestamp: Any
    exemplar: Any


class ClientFamily(Protocol):
    """A metric family as `prometheus_client` has it."""

    name: str
    documentation: str
    type: str
    unit: str
    samples: Iterable[Any]


class ClientRegistry(Protocol):
    """What metrics can be collected from."""

    def collect(self) -> Iterable[Any]:
        """The families, each a `ClientFamily`."""


def read_registry(registry: ClientRegistry) -> tuple[MetricFamily, ...]:
    """The families that a registry collects now. Native histograms, which no text format has, are left out."""
    return tuple(map(_to_family, registry.collect()))


def scrape_registry(registry: ClientRegistry, loop: ScrapeLoop, time: int, *, duration: float = 0.0) -> Scraped:
    """Scrape a registry at `time` (ms): what scraping its text in OpenMetrics gives, without that text.

    A collector that raises is a target that did not answer.
    """
    try:
        families = read_registry(registry)
    except Exception as error:  # noqa: BLE001 - a collector is anybody's code
        return loop.failed(f"{type(error).__name__}: {error}", time, duration=duration)
    return loop.collected(families, time, duration=duration)


def _to_family(family: ClientFamily) -> MetricFamily:
    samples = tuple(map(_to_sample, (each for each in family.samples if not getattr(each, "native_histogram", None))))
    metric_type = _TYPES.get(family.type, MetricType.UNKNOWN)
    return MetricFamily(family.name, samples, metric_type, family.documentation, family.unit or None)


def _to_sample(sample: ClientSample) -> Sample:
    exemplar = sample.exemplar and Exemplar(
        Labels(sample.exemplar.labels), float(sample.exemplar.value), _to_ms(sample.exemplar.timestamp)
    )
    labels = Labels({**sample.labels, METRIC_NAME: sample.name})
    return Sample(labels, float(sample.value), _to_ms(sample.timestamp), exemplar or None)


def _to_ms(seconds: Any) -> int | None:
    return None if seconds is None else int(float(seconds) * 1000)
