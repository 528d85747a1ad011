import math

import numpy as np
import pytest

from obsflow.errors import QueryError
from obsflow.promql import PROMQLTEST
from obsflow.promql.signatures import AGGREGATIONS as SIGNATURES_OF_AGGREGATIONS
from obsflow.promql.signatures import FUNCTIONS
from obsflow.query.aggregate import AGGREGATIONS
from obsflow.query.functions import IMPLEMENTATIONS
from tests.query.cases import MINUTE, ask, engine

BUCKETS = {'h_bucket{le="1"}': [2], 'h_bucket{le="2"}': [6], 'h_bucket{le="+Inf"}': [8]}


def test_every_stable_function_and_aggregation_is_implemented():
    """What is in the tables of the language and not in those of the engine is experimental."""
    missing = {
        name for name, signature in FUNCTIONS.items() if name not in IMPLEMENTATIONS and not signature.experimental
    }
    missing |= {
        name
        for name, signature in SIGNATURES_OF_AGGREGATIONS.items()
        if name not in AGGREGATIONS and not signature.experimental
    }
    assert missing == set()
    assert set(IMPLEMENTATIONS) <= set(FUNCTIONS)
    assert set(AGGREGATIONS) <= set(SIGNATURES_OF_AGGREGATIONS)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("abs(vector(-2))", 2.0),
        ("ceil(vector(1.2))", 2.0),
        ("floor(vector(-1.2))", -2.0),
        ("sqrt(vector(9))", 3.0),
        ("ln(vector(1))", 0.0),
        ("log2(vector(8))", 3.0),
        ("log10(vector(1000))", 3.0),
        ("exp(vector(0))", 1.0),
        ("sgn(vector(-7))", -1.0),
        ("deg(vector(pi()))", 180.0),
        ("rad(vector(180))", math.pi),
        ("round(vector(2.5))", 3.0),
        ("round(vector(-2.5))", -2.0),
        ("round(vector(7), 5)", 5.0),
        ("clamp(vector(7), 1, 5)", 5.0),
        ("clamp_min(vector(NaN), Inf)", math.inf),
        ("clamp_max(vector(NaN), -Inf)", -math.inf),
        ("vector(scalar(missing))", "NaN"),
        ("vector(time())", 1700000000.0),
        ("minute()", 13.0),
        ("hour()", 22.0),
        ("day_of_week()", 2.0),
        ("day_of_month()", 14.0),
        ("day_of_year()", 318.0),
        ("days_in_month()", 30.0),
        ("month()", 11.0),
        ("year()", 2023.0),
        ("year(vector(-1))", 1969.0),
        ("days_in_month(vector(951782400))", 29.0),
        ("year(vector(NaN))", 292277026596.0),
    ],
)
def test_a_function_of_one_value(query, expected):
    """Each has Go's value, special cases included."""
    assert ask({}, query, 1_700_000_000_000) == {"{}": expected}


def test_clamp_is_empty_where_its_bounds_are_the_wrong_way_round():
    """`clamp(v, 2, 1)` has no samples."""
    assert ask({"x": [1]}, "clamp(x, 2, 1)") == {}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('label_replace(x, "d", "$1-${2}", "s", "(a+)(b)")', 'x{d="aa-b", s="aab"}'),
        ('label_replace(x, "d", "v", "s", "a+")', 'x{s="aab"}'),
        ('label_replace(x, "s", "", "s", ".*")', "x"),
        ('label_replace(x, "__name__", "y", "missing", "")', 'y{s="aab"}'),
        ('label_join(x, "d", "-", "s", "missing", "s")', 'x{d="aab--aab", s="aab"}'),
        ('label_join(x, "s", "-")', "x"),
    ],
)
def test_labels_are_rewritten(query, expected):
    """The pattern must match the whole value; an empty result removes the label."""
    assert ask({'x{s="aab"}': [1]}, query) == {expected: 1.0}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('label_replace(x, "d", "", "s", "(")', r"invalid regular expression in label_replace\(\): \("),
        ('label_replace(x, "", "", "s", "")', r"invalid destination label name in label_replace\(\)"),
        ('label_join(x, "", "")', r"invalid destination label name in label_join\(\)"),
    ],
)
def test_a_bad_pattern_or_label_name_is_an_error(query, message):
    """The error names the function."""
    with pytest.raises(QueryError, match=message):
        ask({"x": [1]}, query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('absent(m{a="1",b!="2",c=~"3",d=""})', '{a="1"}'),
        ('absent(m{a="1",a="2"})', "{}"),
        ('absent((m{a="1"}))', '{a="1"}'),
        ('absent(sum(m{a="1"}))', "{}"),
        ('absent_over_time(m{a="1"}[5m])', '{a="1"}'),
        ('absent_over_time(m{a="1"}[5m:])', "{}"),
    ],
)
def test_absence_has_the_labels_that_the_selector_promised(query, expected):
    """Only labels that one equality matcher names, and of direct selectors alone."""
    assert ask({}, query) == {expected: 1.0}


def test_absence_is_judged_step_by_step():
    """1 where no series has a sample, nothing where one has."""
    frame = engine({"x": [1, None, 1]}, lookback_ms=MINUTE).query_range("absent(x)", 0, 2 * MINUTE, MINUTE).value
    assert frame.present.tolist() == [[False, True, False]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("histogram_quantile(0.5, h_bucket)", 1.5),
        ("histogram_quantile(1, h_bucket)", 2.0),
        ("histogram_quantile(-1, h_bucket)", -math.inf),
        ("histogram_fraction(0, 1, h_bucket)", 0.25),
        ("histogram_fraction(1.5, 2, h_bucket)", 0.25),
        ("histogram_fraction(2, 1, h_bucket)", 0.0),
        ("histogram_fraction(NaN, 1, h_bucket)", "NaN"),
    ],
)
def test_histograms_of_buckets(query, expected):
    """Quantiles and fractions interpolate within a bucket."""
    assert ask(BUCKETS, query) == {"{}": expected}


def test_histogram_quantile_says_what_it_put_up_with():
    """A bound that is no number is left out with a warning; counts that fall are raised with an info."""
    samples = {**BUCKETS, 'h_bucket{le="3"}': [1], 'h_bucket{le="no"}': [1]}
    result = engine(samples).query("histogram_quantile(0.5, h_bucket)", 0)
    assert [value for _, value in result.vector()] == [1.5]
    assert result.warnings == ('PromQL warning: bucket label "le" is missing or has a malformed value of "no" (1:25)',)
    assert len(result.infos) == 1
    assert "needed to be fixed for monotonicity" in result.infos[0]


def test_floats_have_no_value_for_functions_of_native_histograms():
    """`histogram_count` of floats is empty, without a word."""
    result = engine(BUCKETS).query("histogram_count(h_bucket)", 0)
    assert (result.vector(), result.warnings, result.infos) == ([], (), ())


def test_sorting_a_range_is_warned_of():
    """A range has no order but that of its labels."""
    result = engine({"x": [1]}).query_range("sort(x)", 0, 1, 1)
    assert result.warnings == (
        "PromQL warning: sort is ineffective for range queries since results are always ordered by labels (1:1)",
    )


def test_the_bounds_and_the_step_of_a_query_are_scalars():
    """`start()`, `end()`, `range()` and `step()` are those of a range, in seconds; an instant is its own bounds."""
    asked = engine({}, dialect=PROMQLTEST)
    query = "start() * 1000000 + end() * 10000 + range() * 100 + step()"
    frame = asked.query_range(query, MINUTE, 3 * MINUTE, MINUTE).value
    assert frame.values.tolist() == [[61_812_060.0] * 3]
    assert asked.query(query, MINUTE).value.value == 60_600_000.0
    assert asked.query_batch("start()", np.array([MINUTE, 2 * MINUTE])).frame.values.tolist() == [[60.0, 120.0]]


def test_several_quantiles_at_once_are_told_apart_by_a_label():
    """`histogram_quantiles` gives a series for each, its label written as OpenMetrics writes numbers."""
    got = ask(BUCKETS, 'histogram_quantiles(h_bucket, "q", 0.5, 1)', dialect=PROMQLTEST)
    assert got == {'{q="0.5"}': 1.5, '{q="1.0"}': 2.0}


def test_labels_sort_as_a_reader_sorts_them():
    """`sort_by_label` puts 10 after 9, and the reverse is the reverse."""
    samples = {f'x{{i="{i}"}}': [1] for i in ("a10", "a9", "b1", "a9b")}
    asked = engine(samples, dialect=PROMQLTEST)
    expected = ["a9", "a9b", "a10", "b1"]
    for query, order in (("sort_by_label", expected), ("sort_by_label_desc", expected[::-1])):
        assert [labels["i"] for labels, _ in asked.query(f'{query}(x, "i")', 0).vector()] == order


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "double_exponential_smoothing(x[2m], 2, 0.5)",
            "invalid smoothing factor. Expected: 0 < sf < 1, got: 2.000000",
        ),
        ("double_exponential_smoothing(x[2m], Inf, 0)", "invalid smoothing factor. Expected: 0 < sf < 1, got: +Inf"),
        ("double_exponential_smoothing(x[2m], 0.5, 0)", "invalid trend factor. Expected: 0 < tf < 1, got: 0.000000"),
        ("double_exponential_smoothing(x[2m], NaN, -1)", "invalid trend factor. Expected: 0 < tf < 1, got: -1.000000"),
    ],
)
def test_factors_of_smoothing_lie_between_0_and_1(query, words):
    """Where there is something to smooth; NaN is let through."""
    with pytest.raises(QueryError) as caught:
        engine({"x": [1, 2]}, dialect=PROMQLTEST).query(query, 60_000)
    assert str(caught.value) == words
    assert ask({"y": [1, 2]}, query, 60_000, dialect=PROMQLTEST) == {}


def test_a_factor_that_is_no_number_gives_none():
    """Neither is the result."""
    query = "double_exponential_smoothing(x[2m], NaN, 0.5)"
    assert ask({"x": [1, 2]}, query, 60_000, dialect=PROMQLTEST) == {"{}": "NaN"}


def test_the_step_of_a_range_of_one_step_is_0():
    """As that of an instant; a duration still sees the step that was given."""
    database = engine({"x": [1, 2, 3, 4]}, dialect=PROMQLTEST)
    assert database.query_range("step()", 180_000, 180_000, 60_000).value.values.tolist() == [[0.0]]
    assert database.query_range("step()", 120_000, 180_000, 60_000).value.values.tolist() == [[60.0, 60.0]]
    assert database.query_range("x offset step()", 180_000, 180_000, 60_000).value.values.tolist() == [[3.0]]


def test_quantile_zero_has_one_name():
    """-0 is 0.0, as OpenMetrics writes it."""
    assert list(ask(BUCKETS, 'histogram_quantiles(h_bucket, "q", -0)', dialect=PROMQLTEST)) == ['{q="0.0"}']


def test_labels_that_are_not_utf8_are_matched_as_go_reads_them():
    """A stray byte is one character, and stays what it was."""
    stray = 'label_replace(x, "a", "1\\xff2", "", "")'
    database = engine({"x": [1]})
    ((labels, _),) = database.query(f'label_replace({stray}, "b", "$1", "a", "1(.+)2")', 0).vector()
    assert labels.get("b") == "\udcff"
    ((labels, _),) = database.query(f'label_replace({stray}, "b", "${{n}}", "a", "(?P<n>.).*")', 0).vector()
    assert labels.get("b") == "1"
