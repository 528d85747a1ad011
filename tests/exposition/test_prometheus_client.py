"""What prometheus_client's parsers accept, if it is installed, is read here as they read it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.exposition import TextFormat, parse_exposition

parsers = {
    TextFormat.PLAIN: pytest.importorskip("prometheus_client.parser"),
    TextFormat.OPENMETRICS: pytest.importorskip("prometheus_client.openmetrics.parser"),
}
names = st.from_regex(r"[a-z_:][a-z0-9_:]{0,6}x", fullmatch=True)
labels = st.dictionaries(
    st.from_regex(r"[a-zA-Z][a-z0-9]{0,3}", fullmatch=True).filter(lambda name: name not in {"le", "quantile"}),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["Cs"]), min_size=1, max_size=6),
    max_size=3,
)
numbers = st.floats(allow_nan=False) | st.integers(-(10**20), 10**20).map(float)


def escaped(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(names, st.tuples(labels, numbers, st.none() | st.integers(0, 10**10)), max_size=5), st.data())
def test_what_prometheus_client_reads(series, data):
    """Labels, values and times of gauges are the same."""
    text_format = data.draw(st.sampled_from(TextFormat))
    is_open = text_format is TextFormat.OPENMETRICS
    lines = []
    for name, (of, value, seconds) in series.items():
        inner = ",".join(f'{label}="{escaped(text)}"' for label, text in of.items())
        time = "" if seconds is None else f" {seconds if is_open else seconds * 1000}"
        written = {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, repr(value))
        lines += [f"# TYPE {name} gauge", f"{name}{{{inner}}} {written}{time}" if inner else f"{name} {written}{time}"]
    body = "\n".join([*lines, "# EOF\n" if is_open else ""])
    theirs = [
        ({"__name__": s.name, **s.labels}, s.value, None if s.timestamp is None else round(float(s.timestamp) * 1000))
        for family in parsers[text_format].text_string_to_metric_families(body)
        for s in family.samples
    ]
    ours = [(dict(s.labels), s.value, s.time) for s in parse_exposition(body.encode(), text_format).samples()]
    assert ours == theirs
