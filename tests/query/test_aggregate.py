import math

import pytest

from obsflow import native
from obsflow.errors import QueryError
from obsflow.model.labels import Labels
from obsflow.promql import PROMQLTEST
from obsflow.query.ranking import _hash_labels
from tests.query.cases import MINUTE, ask, engine

SAMPLES = {
    'x{g="a",i="1"}': [3],
    'x{g="a",i="2"}': [5],
    'x{g="b",i="1"}': [math.nan],
    'x{g="b",i="2"}': [-1],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(x)", {"{}": "NaN"}),
        ("sum by (g) (x)", {'{g="a"}': 8.0, '{g="b"}': "NaN"}),
        ("sum without (i) (x)", {'{g="a"}': 8.0, '{g="b"}': "NaN"}),
        ("avg by (g) (x)", {'{g="a"}': 4.0, '{g="b"}': "NaN"}),
        ("min by (g) (x)", {'{g="a"}': 3.0, '{g="b"}': -1.0}),
        ("max by (g) (x)", {'{g="a"}': 5.0, '{g="b"}': -1.0}),
        ("count by (missing) (x)", {"{}": 4.0}),
        ("group by (g) (x)", {'{g="a"}': 1.0, '{g="b"}': 1.0}),
        ('stddev(x{g="a"})', {"{}": 1.0}),
        ('stdvar(x{g="a"})', {"{}": 1.0}),
        ('quantile(0.5, x{g="a"})', {"{}": 4.0}),
        ('count_values("v", x)', {'{v="3"}': 1.0, '{v="5"}': 1.0, '{v="NaN"}': 1.0, '{v="-1"}': 1.0}),
        ('count_values by (g) ("g", x > 3)', {'{g="5"}': 1.0}),
        ('count_values without (g, i) ("v", x > 3)', {'{v="5"}': 1.0}),
        ("sum(missing)", {}),
        ("topk(0, x)", {}),
        ("count by (__name__) (x)", {"x": 4.0}),
    ],
)
def test_an_aggregation_has_a_value_for_each_group(query, expected):
    """Groups are by the named labels, or by all but them and the metric name."""
    assert ask(SAMPLES, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("topk(3, x)", ['x{g="a", i="2"}', 'x{g="a", i="1"}', 'x{g="b", i="2"}']),
        ("bottomk(9, x)", ['x{g="b", i="2"}', 'x{g="a", i="1"}', 'x{g="a", i="2"}', 'x{g="b", i="1"}']),
        ("topk by (g) (1.9, x)", ['x{g="a", i="2"}', 'x{g="b", i="2"}']),
        ("sort(x)", ['x{g="b", i="2"}', 'x{g="a", i="1"}', 'x{g="a", i="2"}', 'x{g="b", i="1"}']),
        ("sort_desc(x)", ['x{g="a", i="2"}', 'x{g="a", i="1"}', 'x{g="b", i="2"}', 'x{g="b", i="1"}']),
    ],
)
def test_an_instant_has_the_order_that_was_asked_for(query, expected):
    """Ranking and sorting put NaN last and name every series they keep."""
    assert [str(labels) for labels, _ in engine(SAMPLES).query(query, 0).vector()] == expected


def test_among_equals_a_heap_decides_who_is_pushed_out():
    """With two 1s in a heap of two, a 2 replaces the one at the root, which came first."""
    samples = {'x{i="a"}': [1, 1], 'x{i="b"}': [1, 1], 'x{i="c"}': [2, 2]}
    asked = engine(samples)
    expected = ['x{i="b"}', 'x{i="c"}']
    assert sorted(str(labels) for labels, _ in asked.query("topk(2, x)", 0).vector()) == expected
    ranged = asked.query_range("topk(2, x)", 0, MINUTE, MINUTE).value
    assert [str(labels) for labels in ranged.labels.decode()] == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("topk(NaN, x)", "Parameter value is NaN"),
        ("bottomk(1e30, x)", "Scalar value 1e+30 overflows int64"),
    ],
)
def test_a_count_must_be_a_whole_number(query, message):
    """`topk` refuses a parameter that no int64 can hold."""
    with pytest.raises(QueryError, match=message.replace("+", r"\+")):
        ask(SAMPLES, query)


@pytest.mark.parametrize("quantile", ["2", "-1", "NaN"])
def test_what_is_no_quantile_is_warned_of_with_its_place(quantile):
    """The value is infinite or NaN, and a warning says so."""
    result = engine(SAMPLES).query(f"quantile({quantile}, x)", 0)
    assert result.warnings == (f"PromQL warning: quantile value should be between 0 and 1, got {quantile} (1:10)",)


def test_ranks_are_taken_anew_at_each_step():
    """A range has every series that is in the first k anywhere, with holes where it is not."""
    samples = {'x{i="a"}': [1, 5], 'x{i="b"}': [2, 4]}
    frame = engine(samples).query_range("topk(1, x)", 0, MINUTE, MINUTE).value
    assert frame.present.tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("limitk(3, x)", 3),
        ("limitk by (g) (1, x)", 2),
        ("limitk(0, x)", 0),
        ("limit_ratio(1, x)", 4),
        ("limit_ratio(0, x)", 0),
        ("limit_ratio(0.3, x) or limit_ratio(-0.7, x)", 4),
        ("limit_ratio(0.3, x) and limit_ratio(-0.7, x)", 0),
    ],
)
def test_limits_keep_series_whatever_their_value(query, kept):
    """`limitk` keeps the first of each group; a ratio and its complement share the series between them."""
    assert len(engine(SAMPLES, dialect=PROMQLTEST).query(query, 0).vector()) == kept


def test_a_ratio_out_of_range_is_capped_with_a_warning():
    """The warning says what was given and what is taken; NaN is an error."""
    asked = engine(SAMPLES, dialect=PROMQLTEST)
    result = asked.query("limit_ratio(-1.5, x)", 0)
    assert len(result.vector()) == 4
    assert result.warnings == (
        "PromQL warning: ratio value should be between -1 and 1, got -1.5, capping to -1 (1:13)",
    )
    with pytest.raises(QueryError, match="Ratio value is NaN"):
        asked.query("limit_ratio(NaN, x)", 0)


def test_the_choice_of_a_ratio_is_that_of_prometheus():
    """A series is chosen by XXH64 over its pairs, each text after its length."""
    data = b"\x08__name__\x01x\x01g\x01a\x01i\x011"
    assert _hash_labels(Labels({"__name__": "x", "g": "a", "i": "1"})) == native.xxhash64(data)
    long = _hash_labels(Labels({"a": "b" * 300}))
    assert long == native.xxhash64(b"\x01a\xff\x2c\x01\x00" + b"b" * 300)


def test_bottomk_leaves_several_nan_in_order():
    """Those that are no numbers come last, first come first."""
    samples = {'x{i="1"}': [math.nan], 'x{i="2"}': [math.nan], 'x{i="3"}': [1]}
    for query in ("bottomk(3, x)", "topk(3, x)"):
        assert [labels.get("i") for labels, _ in engine(samples).query(query, 0).vector()] == ["3", "1", "2"]


def test_a_bad_label_for_values_is_quoted():
    """In the words of Prometheus."""
    with pytest.raises(QueryError) as caught:
        ask({"x": [1]}, 'count_values("", x)')
    assert str(caught.value) == 'invalid label name ""'
