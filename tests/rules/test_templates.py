"""Templates of labels and annotations expand to what Prometheus expands them to."""

import json
import pathlib

import pytest

from obsflow.errors import QueryError, TemplateSyntaxError
from obsflow.model.labels import Labels
from obsflow.rules.functions import FUNCTIONS, Moment
from obsflow.rules.humanize import humanize_duration
from obsflow.rules.templates import PRELUDE, AlertTemplate, TemplateData

EXPANDED = json.loads(pathlib.Path(__file__).with_name("expanded_by_prometheus.json").read_text(encoding="utf-8"))
"""Text, value, and what Prometheus' own `template` package made of them."""
URL = "http://prom.example/p/q"
SAMPLE = Labels(__name__="up", instance="web-1.example.org:9100", job="api")


def query(text, _time):
    if text == "fail":
        raise QueryError("no such thing")
    if text == "none":
        return []
    return [(Labels(__name__="m", i="b"), 11.0), (Labels(__name__="m", i="a", __value__="x"), 21.5)]


def expand(text, value=1.5, time=1_700_000_000_123, query=query):
    data = TemplateData(SAMPLE, value, Labels(cluster="eu1"), URL)
    return AlertTemplate.parse(text, "T").expand(data, Moment(time, URL, query))


def test_every_text_expands_as_in_prometheus():
    """Functions, humanised numbers, variables and run-time errors, word for word."""
    wrong = [
        (text, value, expand(text, float(value)), wanted)
        for text, value, wanted in EXPANDED
        if expand(text, float(value)) != wanted
    ]

    assert wrong == []


def test_every_function_is_tried():
    """The table leaves no function out."""
    texts = " ".join(text for text, _, _ in EXPANDED)

    assert [name for name in FUNCTIONS if name not in texts] == []


def test_durations_beyond_int64_are_told_in_days():
    """Where Go's integer overflows into a negative number of days, the days are told."""
    assert humanize_duration(1e21) == "11574074074074074d 1h 46m 40s"


@pytest.mark.parametrize("seconds", [9.3e9, -9.3e9, 1e21, 1e300])
def test_durations_that_go_cannot_hold_are_errors(seconds):
    """Go's integer overflows into a negative duration; the template says so instead."""
    text = expand("{{ $value | toDuration }}", seconds)

    assert text.startswith("<error expanding template:")
    assert text.endswith("cannot be represented as a duration since it overflows int64>")


@pytest.mark.parametrize("pattern", ["(", "a**", "[z-a]"])
def test_a_bad_pattern_is_an_error_in_the_text(pattern):
    """A regular expression that does not compile fails the template, not the rule."""
    text = expand(f'{{{{ reReplaceAll "{pattern}" "x" "y" }}}}')

    assert text.startswith("<error expanding template: error executing template __alert_T: template: __alert_T:1:115:")
    assert "error calling reReplaceAll" in text


@pytest.mark.parametrize(
    ("text", "value", "clock", "queries"),
    [
        ("plain", False, False, False),
        ("{{ $labels.job }} {{ .Labels.job }} {{ $externalLabels.a }} {{ externalURL }}", False, False, False),
        ("{{ $labels.Value }}{{ printf `%s` $labels.job | title }}", False, False, False),
        ("{{ $value }}", True, False, False),
        ("{{ .Value | humanize }}", True, False, False),
        ("{{ $.Value }}", True, False, False),
        ("{{ printf `%v` . }}", True, False, False),
        ("{{ with $ }}{{ .Labels.job }}{{ end }}", True, False, False),
        ("{{ if eq $labels.job `api` }}{{ $value }}{{ end }}", True, False, False),
        ("{{ now | toTime }}", False, True, False),
        ("{{ query `up` | len }}", False, False, True),
        ("{{ define `x` }}{{ .Value }}{{ end }}{{ template `x` . }}", True, False, False),
    ],
)
def test_a_template_knows_what_it_reads(text, value, clock, queries):
    """What depends on labels alone need not be expanded again."""
    template = AlertTemplate.parse(text, "T")

    assert (template.reads_value, template.reads_clock, template.asks_queries) == (value, clock, queries)
    assert template.is_volatile is (value or clock or queries)


@pytest.mark.parametrize(
    ("text", "offset"),
    [("{{ $labels.job ", 15), ("ab {{ nope }}", 6), ("{{ $x }}", 3), ("{{ if }}{{ end }}", 6), ("{{ end }}", 7)],
)
def test_syntax_errors_point_into_the_text(text, offset):
    """The span of an error is in the rule's own text, not in what is put before it."""
    with pytest.raises(TemplateSyntaxError) as caught:
        AlertTemplate.parse(text, "T")

    assert caught.value.source == text
    assert abs(caught.value.span[0] - offset) <= 1
    assert PRELUDE not in str(caught.value)


def test_queries_are_asked_at_the_time_of_the_evaluation():
    """`query` and `now` go by the evaluation, whatever the query offset is."""
    asked = []

    def answer(text, time):
        asked.append((text, time))
        return []

    assert expand("{{ query `up` | len }} {{ now }}", time=5_000, query=answer) == "0 5"
    assert asked == [("up", 5_000)]
