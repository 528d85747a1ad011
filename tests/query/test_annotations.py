"""What a query says beside its answer: in the words of Prometheus, and at its places."""

import numpy as np
import pytest

from obsflow.promql import PROMQLTEST, Dialect, parse
from obsflow.query.engine import Engine
from tests.query.cases import engine, store

FORCED = (
    "PromQL info: input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)
BAD_BOUND = 'PromQL warning: bucket label "le" is missing or has a malformed value of "no"'
SORTED = "PromQL warning: sort is ineffective for range queries since results are always ordered by labels"
GAUGE = "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket"
NO_QUANTILE = "PromQL warning: quantile value should be between 0 and 1"

FALLING = {'h{le="1"}': [5, 5], 'h{le="2"}': [3, 5], 'h{le="4"}': [2.25, 1], 'h{le="+Inf"}': [9, 9]}
TYPED = Dialect(type_and_unit_labels=True)


def test_a_bad_bound_names_its_metric_only_where_names_are_kept():
    """With names dropped as they go, there is none to name."""
    samples = {'h{le="no"}': [1]}
    assert engine(samples).query("histogram_quantile(0.5, h)", 0).warnings == (f"{BAD_BOUND} (1:25)",)
    kept = engine(samples, dialect=Dialect(delayed_name_removal=True)).query("histogram_quantile(0.5, h)", 0)
    assert kept.warnings == (f'{BAD_BOUND} for metric name "h" (1:25)',)


def test_forced_buckets_are_described():
    """Between which bounds, by how much at most, at how many steps and from when to when."""
    span = "from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z"
    assert engine(FALLING).query("histogram_quantile(0.5, h)", 0).infos == (
        f"{FORCED}, from buckets 2 to 4, with a max diff of 2.8, over 1 samples {span[:25]} to {span[5:25]} (1:25)",
    )
    ranged = engine(FALLING).query_range("histogram_quantile(0.5, h)", 0, 60_000, 60_000)
    assert ranged.infos == (f"{FORCED}, from buckets 2 to 4, with a max diff of 4, over 2 samples {span} (1:25)",)


def test_several_quantiles_force_the_buckets_once():
    """The second finds them in order, and one that is no quantile does not look."""
    result = engine(FALLING, dialect=PROMQLTEST).query('histogram_quantiles(h, "q", NaN, 0.1, 0.9)', 0)
    assert len(result.infos) == 1
    assert "over 1 samples" in result.infos[0]


def test_forced_buckets_of_several_places_are_one_info():
    """At the first place, for all of them; a batch joins its passes too."""
    query = "histogram_quantile(0.5, h) + histogram_quantile(0.9, h)"
    assert "over 2 samples" in engine(FALLING).query(query, 0).infos[0]
    assert engine(FALLING).query(query, 0).infos[0].endswith("(1:25)")
    split = "histogram_quantile(0.5, h) + on() sum_over_time(vector(scalar(h @ end()))[1m:1m])"
    assert "over 2 samples" in engine(FALLING).query_batch(split, np.array([0, 60_000])).infos[0]


def test_asking_a_step_again_says_nothing_twice():
    """An aggregation that depends on the order of its rows may look at a step once more."""
    samples = {**FALLING, 'h{le="1",i="a"}': [None, 2], 'h{le="+Inf",i="a"}': [None, 1]}
    result = engine(samples).query_range("sum(histogram_quantile(0.5, h))", 0, 60_000, 60_000)
    assert "over 3 samples" in result.infos[0]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("rate(a[2m])", "1:6"),
        ("rate((a[2m]))", "1:7"),
        ("rate(a[2m]) + rate(a[3m])", "1:20"),
        ("rate(a[2m])\n+ rate( a[2m])", "2:9"),
        ("sum(rate(a[2m])) / sum(rate(a[2m]))", "1:29"),
    ],
)
def test_a_text_names_the_last_place_it_is_said_of(query, place):
    """Parentheses of an argument do not count; what is worked out once is still said of each place."""
    assert engine({"a": [1, 2]}).query(query, 60_000).infos == (f'{GAUGE}: "a" ({place})',)


def test_the_type_label_says_what_a_counter_is():
    """Where there are such labels the name does not matter."""
    samples = {
        'a{__type__="counter",i="1"}': [1, 2],
        'b{__type__="histogram",i="2"}': [1, 2],
        'c_total{__type__="gauge",i="3"}': [1, 2],
        "d": [1, 2],
    }
    why = 'PromQL info: metric might not be a counter, __type__ label is not set to "counter" or "histogram"'
    result = engine(samples, dialect=TYPED).query('rate({__name__!=""}[2m])', 60_000)
    assert sorted(result.infos) == [f'{why}, got "": "d" (1:6)', f'{why}, got "gauge": "c_total" (1:6)']


def test_a_gauge_is_named_only_if_it_has_a_rate():
    """One sample has none."""
    assert engine({"a": [1]}).query("rate(a[2m])", 0).infos == ()


def test_sorting_what_is_no_range_is_not_warned_of():
    """A range of one step, and an argument that is worked out once, are instants."""
    database = engine({"x": [1, 2]})
    assert database.query_range("sort(x)", 0, 0, 1).warnings == ()
    assert database.query_range("sort(x @ 0)", 0, 60_000, 60_000).warnings == ()
    assert database.query_range("sort(x)", 0, 60_000, 60_000).warnings == (f"{SORTED} (1:1)",)


@pytest.mark.parametrize(
    ("query", "got"),
    [
        ("quantile(time() / 60 + 1, x)", ["2"]),
        ("quantile(time() / 60 - 0.5, x)", ["-0.5"]),
        ("quantile(time() - 0.5, x)", ["-0.5", "59.5"]),
        ("quantile(0 / time() + 2, x)", ["NaN"]),
        ("quantile((3), x)", ["3"]),
        ("quantile_over_time(time() / 60 + 1.5, x[1m])", ["1.5", "2.5"]),
        ("quantile_over_time(3, x[1m] offset 1h)", []),
    ],
)
def test_what_is_no_quantile(query, got):
    """Of an aggregation the extremes, of a window each, if there is one at all."""
    warnings = engine({"x": [1, 2]}).query_range(query, 0, 60_000, 60_000).warnings
    assert sorted(text.removeprefix(f"{NO_QUANTILE}, got ").partition(" ")[0] for text in warnings) == sorted(got)


def test_ratios_are_capped_with_a_warning():
    """Once for the greatest and once for the least of a range."""
    result = engine({"x": [1, 2, 3]}, dialect=PROMQLTEST).query_range(
        "limit_ratio(time() / 20 - 3, x)", 0, 120_000, 60_000
    )
    assert [text.partition("got ")[2].partition(" (")[0] for text in result.warnings] == [
        "3, capping to 1",
        "-3, capping to -1",
    ]


def test_a_tree_has_no_places():
    """Without a text only the messages are given."""
    assert Engine(store(FALLING)).query(parse("histogram_quantile(0.5, h)"), 0).infos == (FORCED,)
