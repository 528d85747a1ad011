"""The canonical form of queries, and their layout over several lines."""

import pytest

from obsflow.promql import PROMQLTEST, parse
from obsflow.promql.formatter import MAX_WIDTH, format_query
from obsflow.promql.printer import render

CANONICAL = {
    # literals
    "010": "8",
    "1e3": "1000",
    "1e-7": "0.0000001",
    "1e21": "1000000000000000000000",
    "inf": "+Inf",
    "-INF": "-Inf",
    "nan": "NaN",
    "90m": "1h30m",
    "-90m": "-1h30m",
    "14d": "2w",
    "8d": "8d",
    "365d": "1y",
    "'it\\'s'": '"it\'s"',
    "`a\\b`": r'"a\\b"',
    r'"\xff"': r'"\xff"',
    # selectors
    'a{z="1",b=~"x"}': 'a{b=~"x",z="1"}',
    '{b="c",__name__="a"}': '{__name__="a",b="c"}',
    '{"a b"="c","d.e"}': '{"a b"="c",__name__="d.e"}',
    "SUM": "SUM",
    "a offset -1m @ 1.5": "a @ 1.500 offset -1m",
    "a offset 5m anchored @ end()": "a @ end() anchored offset 5m",
    "a[5m] offset 1m @ 1 smoothed": "a[5m] smoothed @ 1.000 offset 1m",
    "a[60]": "a[1m]",
    "a[1h:] @ start() offset 1d": "a[1h:] @ start() offset 1d",
    "a[60:1e1]": "a[1m:10s]",
    # durations
    "a[ step()*2 ]": "a[step() * 2]",
    "a[((5m+1m))]": "a[(5m + 1m)]",
    "a[-(-step())]": "a[-(-step())]",
    "a[(-2)^2]": "a[(-2) ^ 2]",
    "a offset +step()": "a offset step()",
    "a offset -MIN_OF(1,2m)": "a offset -min_of(1, 2m)",
    # operators
    "-a^2": "-a ^ 2",
    "(a)+((1))": "(a) + ((1))",
    "1==bool 2": "1 == bool 2",
    "a+on()b": "a + on () b",
    "a+ignoring()b": "a + b",
    "a*ignoring()group_left b": "a * ignoring () group_left () b",
    'a*on(x,"y z")group_right(w,)b': 'a * on (x, "y z") group_right (w) b',
    "a AND b": "a and b",
    "a+fill_left(1)fill_right(1)b": "a + fill (1) b",
    "a+fill_right(2)fill_left(1e6)b": "a + fill_left (1e+06) fill_right (2) b",
    "a > on (x) fill (-Inf) b": "a > on (x) fill (-Inf) b",
    "a offset (1m)": "a offset 1m",
    "a offset (1m) * 2": "a offset (1m * 2)",
    "a offset (step() + 1m) ^ 2": "a offset ((step() + 1m) ^ 2)",
    "a offset --1m + 2": "a offset (1m + 2)",
    "a offset --step()": "a offset --step()",
    "a offset -(1m) * 2": "a offset -1m * 2",
    "a offset step() * 2": "a offset step() * 2",
    # aggregations and calls
    "sum(a)by(x)": "sum by (x) (a)",
    "sum by()(a)": "sum(a)",
    "sum without()(a)": "sum without () (a)",
    'sum by ("inf","x") (a)': 'sum by ("inf", x) (a)',
    'sum by ("without") (a)': 'sum by ("without") (a)',
    "TOPK(5,a)": "topk(5, a)",
    'label_join(a,"b",",","c")': 'label_join(a, "b", ",", "c")',
    "time()": "time()",
}


@pytest.mark.parametrize(("text", "canonical"), CANONICAL.items())
def test_queries_have_one_canonical_form(text, canonical):
    """Which is its own canonical form."""
    assert render(parse(text, PROMQLTEST)) == canonical
    assert render(parse(canonical, PROMQLTEST)) == canonical


LONG = 'rate(http_request_duration_seconds_bucket{job="checkout",namespace="production",status=~"5.."}[5m])'

LAYOUTS = {
    "sum(a)": "sum(a)",
    f"sum by (le) ({LONG})": f"sum by (le) (\n  {LONG}\n)",
    f"histogram_quantile(0.9, {LONG})": f"histogram_quantile(\n  0.9,\n  {LONG}\n)",
    f"topk(5, {LONG})": f"topk(\n  5,\n  {LONG}\n)",
    f"({LONG} / 2)": f"(\n    {LONG}\n  /\n    2\n)",
    f"-({LONG} / 2)": f"-(\n    {LONG}\n  /\n    2\n)",
    f"a / on (job) group_left () {LONG}": f"  a\n/ on (job) group_left ()\n  {LONG}",
    f"max_over_time(sum({LONG})[1h:5m])": f"max_over_time(\n  sum(\n    {LONG}\n  )[1h:5m]\n)",
    f"max_over_time(a{{b='{'c' * 80}'}}[1h:])": f'max_over_time(\na{{b="{"c" * 80}"}}[1h:]\n)',
    f"-{LONG} ^ 2": f"-  {LONG}".replace("-  ", "-") + "\n^\n  2",
    'a{b="' + "é" * 50 + '"} + 1': '  a{b="' + "é" * 50 + '"}\n+\n  1',
    'a{b="' + "c" * MAX_WIDTH + '"}': 'a{b="' + "c" * MAX_WIDTH + '"}',
}


@pytest.mark.parametrize(("text", "layout"), LAYOUTS.items())
def test_what_is_too_long_for_a_line_is_broken(text, layout):
    """Operands and arguments go on lines of their own, one step further in."""
    assert format_query(parse(text)) == layout
