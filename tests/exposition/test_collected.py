"""Families that are collected in the process: scraped as objects, they give what their text gives."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from obsflow import Labels
from obsflow.exposition import (
    Exemplar,
    FailureKind,
    MetricFamily,
    MetricType,
    RelabelConfig,
    Sample,
    ScrapeLoop,
    Target,
    TextFormat,
    content_type,
    render,
)

OPEN = TextFormat.OPENMETRICS


class Sink:
    """Numbers series as they come."""

    def __init__(self):
        self.numbers = {}

    def series(self, labels):
        return self.numbers.setdefault(labels, len(self.numbers))


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
values = texts | st.sampled_from(["1", "0.50", "+Inf"])
labels = st.dictionaries(st.sampled_from(["x", "ü", "job", "le", "quantile"]), values, max_size=3)
times = st.none() | st.integers(-5, 10**6)
exemplars = st.builds(Exemplar, labels.map(Labels), st.floats(), times)
SUFFIXES = {MetricType.GAUGE: "", MetricType.COUNTER: "_total", MetricType.HISTOGRAM: "_bucket", MetricType.SUMMARY: ""}


@st.composite
def families(draw):
    """Families with names that do not run into each other."""
    out = []
    for name in draw(st.lists(st.sampled_from(["a", "b:c", "d.e", "gone"]), unique=True, max_size=3)):
        metric_type = draw(st.sampled_from(list(SUFFIXES)))
        rows = draw(st.lists(st.tuples(labels, st.floats(), times, st.none() | exemplars), max_size=4))
        samples = tuple(
            Sample(Labels({**of, "__name__": name + SUFFIXES[metric_type]}), value, time, exemplar)
            for of, value, time, exemplar in rows
        )
        out.append(MetricFamily(name, samples, metric_type, draw(st.none() | texts)))
    return tuple(out)


OPTIONS = (
    {},
    {"sample_limit": 2},
    {"label_limit": 3},
    {"honor_timestamps": False},
    {"track_timestamps_staleness": True},
    {"metric_relabel_configs": (RelabelConfig(("__name__",), regex="gone.*", action="drop"),)},
)


@settings(max_examples=250, deadline=None)
@given(st.lists(families(), max_size=5), st.sampled_from(OPTIONS))
def test_objects_and_text(scrapes, options):
    """Series, samples, markers, exemplars, metadata and failures are the same, scrape after scrape."""
    target, sinks = Target(Labels(job="j"), **options), (Sink(), Sink())
    loops = [ScrapeLoop(target, sink) for sink in sinks]
    for i, collected in enumerate(scrapes):
        time = 1000 + 60_000 * i
        own = loops[0].collected(collected, time)
        text = loops[1].scraped(render(collected, OPEN), content_type(OPEN), time)
        assert sinks[0].numbers == sinks[1].numbers
        assert own.references.tolist() == text.references.tolist()
        assert own.times.tolist() == text.times.tolist()
        assert own.values.tobytes() == text.values.tobytes()
        assert repr(own.exemplars()) == repr(text.exemplars())
        assert own.metadata() == text.metadata()
        assert (own.failure and own.failure.kind) == (text.failure and text.failure.kind)


def test_failures_have_no_place():
    """There is no line that could be at fault; a size is not limited."""
    loop = ScrapeLoop(Target(label_limit=1, body_size_limit=1), Sink())
    name = {"__name__": "a"}
    fine = MetricFamily("a", (Sample(Labels(name), 1.0, None, None),), MetricType.GAUGE)
    assert loop.collected([fine], 1000).failure is None
    wide = MetricFamily("a", (Sample(Labels({**name, "x": "1"}), 1.0, None, None),), MetricType.GAUGE)
    failure = loop.collected([wide], 61_000).failure
    assert (failure.kind, failure.line, str(failure)[:20]) == (FailureKind.LABEL_LIMIT, 0, "label_limit exceeded")


@pytest.mark.parametrize("count", [1, 700])
def test_what_is_known_is_bounded(count):
    """Series that come and go are not remembered for ever."""
    loop = ScrapeLoop(Target(), Sink())
    for i in range(4):
        samples = tuple(Sample(Labels({"__name__": "a", "i": f"{i}_{k}"}), 1.0, None, None) for k in range(count))
        loop.collected([MetricFamily("a", samples, MetricType.GAUGE)], 60_000 * i)
    assert len(loop._writings._known) <= 3 * count + 1000
