"""The notation of series: what each form stands for, and what is not one."""

import math

import pytest

from obsflow.model.floats import STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from obsflow.testing.series_notation import Histogram, Series, StartTimes, parse_series, parse_value


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("up 1", {"__name__": "up"}),
        ("up{job=\"a\", x='b}'} 1", {"__name__": "up", "job": "a", "x": "b}"}),
        ("{} 1", {}),
        ('{job="a"} 1', {"job": "a"}),
        ('{"dotted.name", "a b"="c"} 1', {"__name__": "dotted.name", "a b": "c"}),
        ('up {job="a",} 1', {"__name__": "up", "job": "a"}),
        ("job:up:sum{} 1", {"__name__": "job:up:sum"}),
        ('sum{x="# no comment {{"} 1', {"__name__": "sum", "x": "# no comment {{"}),
        ('up{empty=""} 1', {"__name__": "up"}),
    ],
)
def test_labels(text, labels):
    """A name, labels in braces, or both; any string may stand in quotes."""
    assert parse_series(text) == Series(Labels(labels), (1.0,))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        ("1 -2 +3.5 .5 2. 1e3 1_000", (1, -2, 3.5, 0.5, 2, 1000, 1000)),
        ("Inf -inf +Inf", (math.inf, -math.inf, math.inf)),
        ("_ 1 _x3 2", (None, 1, None, None, None, 2)),
        ("_x0 1", (1,)),
        ("3x2", (3, 3, 3)),
        ("3x0", (3,)),
        ("1+2x3", (1, 3, 5, 7)),
        ("-1-2.5x2", (-1, -3.5, -6)),
        ("1e1+1e0x1", (10, 11)),
        ("5m 1m+1sx1", (300, 60, 61)),
        ("0x10", (0,) * 11),
        ("010", (8,)),
        ("\t1 \t 2 ", (1, 2)),
        ("0.1+0.1x3", (0.1, 0.1 + 0.1, 0.1 + 0.1 + 0.1, 0.1 + 0.1 + 0.1 + 0.1)),
    ],
)
def test_values(text, values):
    """Single values, gaps, and sequences, which hold one more value than they count."""
    assert parse_series(f"x {text}").values == values


def test_values_that_equal_nothing():
    """NaN is a value and a stale marker is another, told apart by their bits."""
    nan, negative, stale = parse_series("x NaN -nan stale").values
    assert math.isnan(nan)
    assert math.isnan(negative)
    assert float_bits(stale) == STALE_NAN_BITS != float_bits(nan)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("{{schema:0 buckets:[1 2]}}", 1),
        ("{{}}", 1),
        ("{{count:1}}x3", 4),
        ("{{count:1}}+{{count:2 sum:-1}}x2", 3),
        ("{{count:3}}-{{count:1}}x1", 2),
    ],
)
def test_native_histograms_are_told_from_floats(text, count):
    """They are known by their braces, and not read."""
    series = parse_series(f"x 1 {text} 2")
    assert series.has_histograms
    assert [type(value) for value in series.values] == [float, *[Histogram] * count, float]
    assert not parse_series("x 1 2").has_histograms


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        ("_ _x2 -1m", (None, None, None, -60_000)),
        ("0 5s +1ms -0ms", (0, 5_000, 1, 0)),
        ("-30s-1mx2", (-30_000, -90_000, -150_000)),
        ("0+1sx1 1h+-1mx1", (0, 1_000, 3_600_000, 3_540_000)),
        ("-1mx2", (-60_000, -60_000, -60_000)),
    ],
)
def test_start_times(text, offsets):
    """Offsets to the times of the samples, in the same forms."""
    assert parse_series(f'x{{a="b"}}@st {text}') == StartTimes(Labels({"__name__": "x", "a": "b"}), offsets)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "{", 'x{a="b" 1', 'x{a=~"b"} 1', 'x{a!="b"} 1', 'x{a="b",a="c"} 1', 'x{__name__="y"} 1', "x{a=b} 1"),
        *('x{a="\\z"} 1', "x}", "x 1,2", "x 1-2", "x 1x", "x x3", "x 1+x3", "x infx3", "x nan+1x2", "x Stale"),
        *("x +stale", "x stalex2", "x 1__0", "x 0x1F", "x 0b1", "x 1e999", "x 08x-1", "x 5 m", "x --1", "x {{"),
        *("x {{count:1}", "x {{a}}{{b}}", "x{}1", "x 1{{}}", "x _x", "x __", "x 1x1000000", f"x 1x{'9' * 30}"),
        *("x 1x600000 1x600000", "x 1m1h", "x 1y9", "x@st 1", "x@st 1m1s", "x@st 5", "x@st -1m-x2", "x@st -1mx"),
        *("x@st _x", "x@st 1mx1000000", "x@st1m", "x @st 1m", "x 300000000y", "on 1"),
    ],
)
def test_refuses(text):
    """What is not of the notation is a ValueError that shows it."""
    with pytest.raises(ValueError, match=r"series|number|value|label|start|duration|range"):
        parse_series(text)


@pytest.mark.parametrize(("text", "value"), [("-5m", -300.0), ("+1.5", 1.5), ("-Inf", -math.inf), ("1e-3", 0.001)])
def test_one_value(text, value):
    """A number with or without a sign; a duration is its seconds."""
    assert parse_value(text) == value
