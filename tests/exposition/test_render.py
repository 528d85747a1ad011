"""Exposition text that is written: it reads back as it was, and Prometheus' own tools accept it."""

import math
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow import Labels
from obsflow.exposition import (
    Exemplar,
    MetricFamily,
    MetricType,
    Sample,
    TextFormat,
    parse_exposition,
    render,
    to_families,
)
from obsflow.model.floats import NORMAL_NAN_BITS, float_bits
from tests.external import tool

PLAIN, OPEN = TextFormat.PLAIN, TextFormat.OPENMETRICS


def sample(name, value, time=None, exemplar=None, **labels):
    return Sample(Labels({"__name__": name, **labels}), float(value), time, exemplar)


FAMILIES = (
    MetricFamily(
        "http_requests",
        (
            sample("http_requests_total", 1027, code="200", path='a\\b"c\nd'),
            sample("http_requests_created", 1.5, code="200", path='a\\b"c\nd'),
        ),
        MetricType.COUNTER,
        'All "requests",\nby code \\ path.',
    ),
    MetricFamily(
        "latency_seconds",
        (
            sample("latency_seconds_bucket", 3, le="0.5", exemplar=Exemplar(Labels(trace="x"), 0.25, 1001)),
            sample("latency_seconds_bucket", 4, le="+Inf"),
            sample("latency_seconds_sum", 2.5),
            sample("latency_seconds_count", 4),
        ),
        MetricType.HISTOGRAM,
        "Latency.",
        "seconds",
    ),
    MetricFamily(
        "size_bytes",
        (sample("size_bytes", 1e9, quantile="0.5"), sample("size_bytes_sum", 0), sample("size_bytes_count", -0.0)),
        MetricType.SUMMARY,
        "",
    ),
    MetricFamily(
        "temperature",
        (sample("temperature", math.nan, 1_700_000_000_001), sample("temperature", math.inf, 5, x="y")),
        MetricType.GAUGE,
    ),
    MetricFamily("build", (sample("build_info", 1, version="1"),), MetricType.INFO),
    MetricFamily("alone", (sample("alone", 1e-7),)),
)


def test_plain_text():
    """Version 0.0.4: families are called as their samples are, and what it does not know are gauges."""
    assert render(FAMILIES, PLAIN).decode() == (
        '# HELP http_requests_total All "requests",\\nby code \\\\ path.\n'
        "# TYPE http_requests_total counter\n"
        'http_requests_total{code="200",path="a\\\\b\\"c\\nd"} 1027\n'
        '# HELP http_requests_created All "requests",\\nby code \\\\ path.\n'
        "# TYPE http_requests_created gauge\n"
        'http_requests_created{code="200",path="a\\\\b\\"c\\nd"} 1.5\n'
        "# HELP latency_seconds Latency.\n"
        "# TYPE latency_seconds histogram\n"
        'latency_seconds_bucket{le="0.5"} 3\n'
        'latency_seconds_bucket{le="+Inf"} 4\n'
        "latency_seconds_sum 2.5\n"
        "latency_seconds_count 4\n"
        "# HELP size_bytes \n"
        "# TYPE size_bytes summary\n"
        'size_bytes{quantile="0.5"} 1e+09\n'
        "size_bytes_sum 0\n"
        "size_bytes_count -0\n"
        "# TYPE temperature gauge\n"
        "temperature NaN 1700000000001\n"
        'temperature{x="y"} +Inf 5\n'
        "# TYPE build_info gauge\n"
        'build_info{version="1"} 1\n'
        "# TYPE alone untyped\n"
        "alone 1e-07\n"
    )


def test_openmetrics():
    """OpenMetrics 1.0: seconds, exemplars, units, and an end."""
    assert render(FAMILIES, OPEN).decode() == (
        '# HELP http_requests All \\"requests\\",\\nby code \\\\ path.\n'
        "# TYPE http_requests counter\n"
        'http_requests_total{code="200",path="a\\\\b\\"c\\nd"} 1027.0\n'
        'http_requests_created{code="200",path="a\\\\b\\"c\\nd"} 1.5\n'
        "# HELP latency_seconds Latency.\n"
        "# TYPE latency_seconds histogram\n"
        "# UNIT latency_seconds seconds\n"
        'latency_seconds_bucket{le="0.5"} 3.0 # {trace="x"} 0.25 1.0010000000000001\n'
        'latency_seconds_bucket{le="+Inf"} 4.0\n'
        "latency_seconds_sum 2.5\n"
        "latency_seconds_count 4.0\n"
        "# HELP size_bytes \n"
        "# TYPE size_bytes summary\n"
        'size_bytes{quantile="0.5"} 1e+09\n'
        "size_bytes_sum 0.0\n"
        "size_bytes_count -0.0\n"
        "# TYPE temperature gauge\n"
        "temperature NaN 1700000000.001\n"
        'temperature{x="y"} +Inf 0.005\n'
        "# TYPE build info\n"
        'build_info{version="1"} 1.0\n'
        "# TYPE alone unknown\n"
        "alone 1e-07\n"
        "# EOF\n"
    )


def test_counters_without_total():
    """OpenMetrics has no word for a counter whose samples do not end in `_total`; one that is called so loses it."""
    odd = MetricFamily("hits", (sample("hits", 1),), MetricType.COUNTER)
    usual = MetricFamily("hits_total", (sample("hits_total", 1),), MetricType.COUNTER)
    assert b"# TYPE hits unknown\n" in render([odd], OPEN)
    assert b"# TYPE hits counter\n" in render([usual], OPEN)
    assert b"# TYPE hits counter\n" in render([odd], PLAIN)
    assert b"# TYPE hits_total counter\n" in render([usual], PLAIN)


def test_times_before_1970():
    """OpenMetrics has them, to the millisecond; 0.0.4 does not."""
    old = [
        MetricFamily("a", tuple(sample("a", 1, time, i=str(time)) for time in (-1, -1001, -999_999)), MetricType.GAUGE)
    ]
    read = to_families(parse_exposition(render(old, OPEN), OPEN))
    assert read == tuple(old)
    with pytest.raises(ValueError, match="before 1970"):
        render(old, PLAIN)


def test_families_read_back():
    """In OpenMetrics nothing is lost."""
    read = to_families(parse_exposition(render(FAMILIES, OPEN), OPEN))
    assert repr(read) == repr(FAMILIES)  # NaN is not equal to itself


label_names = st.sampled_from(["a", "b_1", "ünïcode", "with space", 'q"'])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
label_sets = st.dictionaries(label_names, texts, max_size=3)
times = st.none() | st.integers(0, 10**13)
exemplars = st.builds(Exemplar, label_sets.map(Labels), st.floats(), times)


@st.composite
def families(draw):
    """Families with names that do not run into each other."""
    out = []
    for name in draw(st.lists(st.sampled_from(["x", "y:z", "dotted.name", "w w"]), unique=True, max_size=3)):
        metric_type, suffix = draw(st.sampled_from([(MetricType.GAUGE, ""), (MetricType.COUNTER, "_total")]))
        samples = draw(
            st.lists(st.tuples(label_sets, st.floats(), times, st.none() | exemplars), min_size=1, max_size=3)
        )
        rows = tuple(
            Sample(Labels({**labels, "__name__": name + suffix}), value, time, exemplar)
            for labels, value, time, exemplar in samples
        )
        out.append(MetricFamily(name, rows, metric_type, draw(st.none() | texts)))
    return tuple(out)


@settings(max_examples=200, deadline=None)
@given(families(), st.sampled_from(TextFormat))
def test_round_trip(written, text_format):
    """Labels, the bits of values, times to the millisecond, exemplars and what is said of families come back."""
    read = to_families(parse_exposition(render(written, text_format), text_format))
    assert [len(family.samples) for family in read] == [len(family.samples) for family in written]
    for old, new in zip(written, read, strict=True):
        assert (old.type, old.help) == (new.type, new.help)
        for before, after in zip(old.samples, new.samples, strict=True):
            assert (before.labels, before.time) == (after.labels, after.time)
            assert float_bits(after.value) == (
                NORMAL_NAN_BITS if math.isnan(before.value) else float_bits(before.value)
            )
            if text_format is OPEN and before.exemplar is not None:
                assert (after.exemplar.labels, after.exemplar.time) == (before.exemplar.labels, before.exemplar.time)


def test_promtool_accepts_it():
    """`promtool check metrics` finds nothing in what is written."""
    fine = [
        MetricFamily(
            "http_requests", (sample("http_requests_total", 1027, code="200"),), MetricType.COUNTER, "Requests."
        ),
        MetricFamily("latency_seconds", FAMILIES[1].samples, MetricType.HISTOGRAM, 'With "quotes", \\ and\nlines.'),
        MetricFamily("size_bytes", FAMILIES[2].samples, MetricType.SUMMARY, "Size."),
        MetricFamily(
            "temperature_celsius", (sample("temperature_celsius", math.nan, 1_700_000_000_001),), MetricType.GAUGE, "T."
        ),
    ]
    body = render(fine, PLAIN)
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=body, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
