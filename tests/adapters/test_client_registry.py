"""The metrics of a process: collected as objects, they are what scraping their text gives."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow import Labels
from obsflow.adapters.client_registry import read_registry, scrape_registry
from obsflow.exposition import FailureKind, ScrapeLoop, Target, TextFormat, content_type, parse_exposition, render

client = pytest.importorskip("prometheus_client")
exposition = pytest.importorskip("prometheus_client.exposition")
openmetrics = pytest.importorskip("prometheus_client.openmetrics.exposition")
core = pytest.importorskip("prometheus_client.core")

TEXTS = {
    TextFormat.PLAIN: lambda registry: exposition.generate_latest(registry, "allow-utf-8"),
    TextFormat.OPENMETRICS: lambda registry: openmetrics.generate_latest(registry, "allow-utf-8"),
}


def registry():
    """One of each kind of metric."""
    found = client.CollectorRegistry()
    counter = client.Counter("requests", 'All\nof "them" \\.', ["path"], registry=found)
    counter.labels('a"b\\c\nd').inc(3, exemplar={"trace": "1"})
    counter.labels("").inc()
    client.Gauge("temperature_celsius", "T", unit="celsius", registry=found).set(math.nan)
    histogram = client.Histogram("latency", "L", buckets=(0.1, 1, 10), registry=found)
    histogram.observe(0.5, exemplar={"trace": "2"})
    client.Summary("size_bytes", "S", registry=found).observe(1e9)
    client.Info("build", "B", registry=found).info({"version": "1"})
    client.Enum("state", "E", states=["on", "off"], registry=found).state("off")
    client.Counter("never", "No children.", ["x"], registry=found)
    return found


class Collected:
    """A registry that collects these families."""

    def __init__(self, *families):
        self._families = families

    def collect(self):
        return self._families


def read(body, text_format):
    """All that a body says, with floats as text: NaN is not equal to itself."""
    found = parse_exposition(body, text_format)
    return repr(list(found.samples())), found.metadata()


@pytest.mark.parametrize("text_format", TextFormat)
def test_it_equals_its_text(text_format):
    """Samples, times, exemplars and metadata are those of the text that the client writes."""
    found = registry()
    text = TEXTS[text_format](found)
    assert read(render(read_registry(found), text_format), text_format) == read(text, text_format)
    assert text.count(b"\n") > 20


names = st.sampled_from(["a", "b:c", "d_total", "e_seconds", "f.g"])
labels = st.dictionaries(
    st.sampled_from(["x", "y", "ü"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=4),
    max_size=2,
)
seconds = st.none() | st.integers(0, 10**10).map(lambda ms: ms / 1000)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            names,
            st.sampled_from(["gauge", "unknown", "stateset", "counter"]),
            st.lists(st.tuples(labels, st.floats(), seconds), max_size=3),
        ),
        max_size=3,
        unique_by=lambda family: family[0],
    ),
    st.sampled_from(TextFormat),
)
def test_any_family(families, text_format):
    """Whatever a collector gives, it equals its text."""
    made = []
    for name, kind, samples in families:
        metric = core.Metric(name, "doc", kind)
        for of, value, time in samples:
            metric.add_sample(name + ("_total" if kind == "counter" else ""), of, value, time)
        made.append(metric)
    found = Collected(*made)
    text = TEXTS[text_format](found)
    # A family that is called x_total already would be x_total_total in 0.0.4, which only its own text says.
    expected, got = read(text, text_format), read(render(read_registry(found), text_format), text_format)
    assert got[0] == expected[0]


class Sink:
    """Numbers series."""

    def __init__(self):
        self.numbers = {}

    def series(self, of):
        return self.numbers.setdefault(of, len(self.numbers))


def test_scraping():
    """A scrape of the registry is a scrape of its text; one that raises is a failed scrape."""
    found, sinks = registry(), (Sink(), Sink())
    loops = [ScrapeLoop(Target(Labels(job="own")), sink) for sink in sinks]
    own = scrape_registry(found, loops[0], 1000, duration=0.5)
    text = loops[1].scraped(
        TEXTS[TextFormat.OPENMETRICS](found), content_type(TextFormat.OPENMETRICS), 1000, duration=0.5
    )
    assert sinks[0].numbers == sinks[1].numbers
    assert own.references.tolist() == text.references.tolist()
    assert own.values.tobytes() == text.values.tobytes()
    assert own.exemplars() == text.exemplars()

    class Broken:
        def collect(self):
            raise ZeroDivisionError("no")

    failed = scrape_registry(Broken(), loops[0], 61_000)
    assert (failed.failure.kind, failed.failure.message) == (FailureKind.NO_ANSWER, "ZeroDivisionError: no")
    assert failed.stale == own.samples_scraped
