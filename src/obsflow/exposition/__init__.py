"""What targets expose: text formats read into columns, what a scrape adds to them, and the same formats written."""

from obsflow.exposition.body import Exemplar, Exposition, Family, MetricType, Sample, TextFormat
from obsflow.exposition.cache import DROPPED, UNSTORED, UNTAKEN, SeriesCache
from obsflow.exposition.failures import FailureKind, ScrapeFailure
from obsflow.exposition.negotiate import (
    DEFAULT_PROTOCOLS,
    ScrapeProtocol,
    accept_header,
    choose_format,
    content_type,
    read_content_type,
)
from obsflow.exposition.parse import parse_exposition
from obsflow.exposition.relabel import RelabelAction, RelabelConfig, relabel
from obsflow.exposition.render import MetricFamily, render, to_families
from obsflow.exposition.scrape import (
    SCRAPE_TABLE,
    ScrapeLoop,
    ScrapeObservation,
    ScrapeState,
    ScrapeStep,
    SeriesStore,
)
from obsflow.exposition.scraped import Scraped
from obsflow.exposition.target import Target
from obsflow.exposition.timed import TimedSamples, parse_timed

__all__ = [
    "DEFAULT_PROTOCOLS",
    "DROPPED",
    "SCRAPE_TABLE",
    "UNSTORED",
    "UNTAKEN",
    "Exemplar",
    "Exposition",
    "FailureKind",
    "Family",
    "MetricFamily",
    "MetricType",
    "RelabelAction",
    "RelabelConfig",
    "Sample",
    "ScrapeFailure",
    "ScrapeLoop",
    "ScrapeObservation",
    "ScrapeProtocol",
    "ScrapeState",
    "ScrapeStep",
    "Scraped",
    "SeriesCache",
    "SeriesStore",
    "Target",
    "TextFormat",
    "TimedSamples",
    "accept_header",
    "choose_format",
    "content_type",
    "parse_exposition",
    "parse_timed",
    "read_content_type",
    "relabel",
    "render",
    "to_families",
]
