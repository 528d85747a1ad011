"""What targets expose: text formats read into columns, and what is kept of a target from scrape to scrape."""

from obsflow.exposition.body import Exemplar, Exposition, Family, MetricType, Sample, TextFormat
from obsflow.exposition.cache import DROPPED, SeriesCache
from obsflow.exposition.parse import parse_exposition

__all__ = [
    "DROPPED",
    "Exemplar",
    "Exposition",
    "Family",
    "MetricType",
    "Sample",
    "SeriesCache",
    "TextFormat",
    "parse_exposition",
]
