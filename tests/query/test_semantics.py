"""What an engine that works on series and steps gets wrong most easily, rule by rule."""

import math

import numpy as np
import pytest

from obsflow.errors import LimitExceededError, QueryError
from obsflow.model.floats import STALE_NAN
from obsflow.promql import PROMQLTEST
from obsflow.query.limits import Limits
from tests.query.cases import MINUTE, ask, engine

X = {"x": [0, 1, 2, 3, 4, 5]}


@pytest.mark.parametrize(
    ("samples", "query", "expected"),
    [
        # subqueries
        (X, "sum_over_time(x[3m:1m] offset 30s)", {"{}": 9.0}),
        (X, "sum_over_time(x[3m:1m] offset 90s)", {"{}": 6.0}),
        (X, "count_over_time(x[1m:7s])", {"{}": 8.0}),
        (X, "last_over_time(x[2m:1m])", {"x": 5.0}),
        (X, "max_over_time(sum_over_time(x[2m:1m])[2m:1m])", {"{}": 9.0}),
        (X, "sum_over_time(x[2m:1m] @ 120)", {"{}": 3.0}),
        # windows
        ({"x": [1, STALE_NAN, 3]}, "count_over_time(x[10m])", {"{}": 2.0}),
        ({"x": [math.nan] * 3}, "min_over_time(x[10m])", {"{}": "NaN"}),
        ({"x": [math.nan, 1, math.nan]}, "max_over_time(x[10m])", {"{}": 1.0}),
        ({"x": [math.nan, math.nan, 1, 0]}, "changes(x[10m])", {"{}": 2.0}),
        ({"x": [5, math.nan, 1, 0]}, "resets(x[10m])", {"{}": 1.0}),
        ({"x": [1e100, 1, -1e100]}, "sum_over_time(x[10m])", {"{}": 1.0}),
        ({"x": [1e308, 1e308]}, "avg_over_time(x[10m])", {"{}": 1e308}),
        ({"x": [math.inf, 1]}, "sum_over_time(x[10m])", {"{}": math.inf}),
        ({"x": [math.inf, -math.inf]}, "sum_over_time(x[10m])", {"{}": "NaN"}),
        ({"x": [3, 1, 1, 2]}, "ts_of_min_over_time(x[10m])", {"{}": 120.0}),
        ({"x": [math.nan, 1, 2]}, "mad_over_time(x[10m])", {"{}": "NaN"}),
        ({"x": [7, 7]}, "deriv(x[10m])", {"{}": 0.0}),
        ({"x": [math.inf, math.inf]}, "predict_linear(x[10m], 1)", {"{}": "NaN"}),
        (X, "increase(x[5m] offset 5m)", {}),
        # aggregations
        ({'x{i="0"}': [1e100], 'x{i="1"}': [1], 'x{i="2"}': [-1e100]}, "sum(x)", {"{}": 1.0}),
        ({'x{i="0"}': [1e308], 'x{i="1"}': [1e308]}, "avg(x)", {"{}": 1e308}),
        ({'x{i="0"}': [math.inf], 'x{i="1"}': [-math.inf]}, "avg(x)", {"{}": "NaN"}),
        ({'x{i="0"}': [math.inf], 'x{i="1"}': [1]}, "stddev(x)", {"{}": "NaN"}),
        ({'x{i="0"}': [math.nan], 'x{i="1"}': [1]}, "max(x)", {"{}": 1.0}),
        ({'x{i="0"}': [math.nan], 'x{i="1"}': [1]}, "quantile(0, x)", {"{}": "NaN"}),
        ({'x{i="0"}': [1], 'x{i="1"}': [math.inf]}, "quantile(0, x)", {"{}": "NaN"}),
        ({'x{i="0"}': [1e30]}, 'count_values("v", x)', {'{v="1' + "0" * 30 + '"}': 1.0}),
        ({'x{i="0"}': [math.inf]}, 'count_values("i", x)', {'{i="+Inf"}': 1.0}),
        ({'x{__type__="gauge",i="0"}': [1]}, "sum without (i) (x)", {'{__type__="gauge"}': 1.0}),
        # classic histograms
        ({'b{le="0x1p1"}': [2], 'b{le="+Inf"}': [2]}, "histogram_quantile(0.5, b)", {"{}": 1.0}),
        ({'b{le="1"}': [1], 'b{le="1.0"}': [1], 'b{le="Inf"}': [2]}, "histogram_quantile(1, b)", {"{}": 1.0}),
        ({'b{le="1"}': [1], 'b{le="2"}': [2]}, "histogram_quantile(0.5, b)", {"{}": "NaN"}),
        ({'b{le="-1"}': [1], 'b{le="+Inf"}': [1]}, "histogram_quantile(0.5, b)", {"{}": -1.0}),
        ({'b{le="1"}': [0], 'b{le="+Inf"}': [0]}, "histogram_quantile(0.5, b)", {"{}": "NaN"}),
        # names
        ({"x": [2]}, "x > 1", {"x": 2.0}),
        ({"x": [2]}, "+x", {"x": 2.0}),
        ({"x": [2]}, "sort(x)", {"x": 2.0}),
        ({"x": [2], "y": [2]}, "x == on(__name__) y", {}),
        ({'x{__type__="counter"}': [2]}, "abs(x)", {"{}": 2.0}),
        # matching
        ({"x": [2], 'y{j="1"}': [1], 'z{k="1"}': [1]}, "x - ignoring(j) y", {"{}": 1.0}),
        ({'x{j="1"}': [2], "y": [1]}, "x * on() group_left(j) y", {"{}": 2.0}),
        ({'x{a="1"}': [2], 'y{b="2"}': [1]}, "x == on(a) y or y", {'y{b="2"}': 1.0}),
        # scalars and single values
        ({'x{i="0"}': [1], 'x{i="1"}': [1]}, "vector(scalar(x))", {"{}": "NaN"}),
        ({"x": [-0.0]}, "1 / sgn(x)", {"{}": -math.inf}),
        ({"x": [0.5]}, "round(x)", {"{}": 1.0}),
        ({"x": [-1e100]}, "x % 3", {"{}": math.fmod(-1e100, 3)}),
        ({'x{i="Foo"}': [1]}, 'x{i=~"f(?i)OO|(?i)foo"}', {'x{i="Foo"}': 1.0}),
        ({'x{i="a"}': [1]}, 'label_replace(x, "j", "$1$2", "i", "(?P<n>.)|(b)")', {'x{i="a", j="a"}': 1.0}),
        # an empty store
        ({}, "sum(x) or absent(x) or vector(1)", {"{}": 1.0}),
        ({}, "rate(x[5m])", {}),
        ({}, "count(x) > 0", {}),
        ({}, "topk(1, x) + on() group_left() x", {}),
    ],
)
def test_a_value_at_an_instant(samples, query, expected):
    """The answer is Prometheus', at the time of the last sample."""
    time = (len(next(iter(samples.values()))) - 1) * MINUTE if samples else 0
    assert ask(samples, query, time, dialect=PROMQLTEST) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("timestamp(x @ 60)", [60.0, 60.0, 60.0]),
        ("timestamp(timestamp(x @ 60))", [0.0, 60.0, 120.0]),
        ("predict_linear(x[5m] @ 120, 0)", [0.0, 1.0, 2.0]),
        ("x @ 60 + time()", [1.0, 61.0, 121.0]),
        ("x offset -1m", [1.0, 2.0, 3.0]),
        ("x @ end()", [2.0, 2.0, 2.0]),
        ("sum_over_time(x[2m:1m] @ end())", [3.0, 3.0, 3.0]),
        ("count_over_time(x[30s] @ 60) * minute()", [0.0, 1.0, 2.0]),
    ],
)
def test_a_value_at_each_step_of_a_range(query, expected):
    """What is pinned is the same at all steps, and what looks at the step is not, whatever it is made of."""
    frame = engine(X).query_range(query, 0, 2 * MINUTE, MINUTE).value
    assert frame.values.tolist() == [pytest.approx(expected)]


def test_a_subquery_looks_back_as_an_instant_does():
    """Each of its steps sees the newest sample of five minutes, and no older one."""
    assert ask({"x": [1]}, "count_over_time(x[10m:1m])", 7 * MINUTE) == {"{}": 5.0}


def test_the_last_step_of_a_range_is_the_last_that_fits():
    """The end of a range that is no multiple of its step has no step."""
    assert engine(X).query_range("x", 0, 150_000, MINUTE).value.times.tolist() == [0, MINUTE, 2 * MINUTE]


@pytest.mark.parametrize(
    ("samples", "query", "error"),
    [
        ({"x": [1], 'y{i="0"}': [1], 'y{i="1"}': [1], 'z{j="0"}': [1]}, "z * ignoring(i) y", "found duplicate series"),
        ({"x": [1], "y": [1]}, '-{__name__=~"x|y"}', "same labelset"),
        ({'x{le="+Inf"}': [1], 'y{le="+Inf"}': [1]}, 'histogram_quantile(0.5, {le="+Inf"})', "same labelset"),
        ({'x{i="0"}': [1], 'x{i="1"}': [1]}, "count_values('i', x) + on() x", "found duplicate series"),
    ],
)
def test_what_cannot_be_told_apart_is_an_error(samples, query, error):
    """Also where nothing would have matched, and where only the names differed."""
    with pytest.raises(QueryError, match=error):
        ask(samples, query)


def test_series_of_one_label_set_that_take_turns_become_one():
    """Across steps what differs by name alone is one series; `abs` and unary minus do not mind, a window does."""
    asked = engine({"x": [1, None], "y": [None, 2]}, lookback_ms=MINUTE)
    for query, expected in (
        ('abs({__name__=~"x|y"})', [1.0, 2.0]),
        ('-{__name__=~"x|y"}', [-1.0, -2.0]),
        ('label_replace({__name__=~"x|y"}, "__name__", "z", "", "")', [1.0, 2.0]),
    ):
        assert asked.query_range(query, 0, MINUTE, MINUTE).value.values.tolist() == [expected], query


def test_a_count_that_is_no_number_at_any_step_fails_a_range():
    """`topk` of a parameter that is NaN at one step fails as a whole, and in a batch at that step alone."""
    asked = engine({"x": [1, 2], "k": [1, math.nan]})
    with pytest.raises(QueryError, match="Parameter value is NaN"):
        asked.query_range("topk(scalar(k), x)", 0, MINUTE, MINUTE)
    assert list(asked.query_batch("topk(scalar(k), x)", np.array([0, MINUTE])).failures) == [1]


def test_a_range_fails_with_the_error_of_its_first_step():
    """Whichever check found it, and whatever later steps have to say."""
    samples = {'a{i="0"}': [1, 1], 'a{i="1"}': [1, None], 'b{j="0"}': [1, 1], 'b{j="1"}': [None, 1]}
    with pytest.raises(QueryError, match="many-to-one matching must be explicit"):
        engine(samples, lookback_ms=MINUTE).query_range("a + on() b", 0, MINUTE, MINUTE)


@pytest.mark.parametrize("query", ["x / on() x", "sum(x / on() x @ 60)", "max_over_time((x / on() x)[2m:1m])"])
def test_a_batch_that_fails_everywhere_fails_at_each_step(query):
    """Errors are counted step by step also where one evaluation stands for all of them."""
    samples = {'x{i="0"}': [1, 1], 'x{i="1"}': [1, 1]}
    batch = engine(samples).query_batch(query, np.arange(5) * MINUTE)
    assert (len(batch.frame), sorted(batch.failures)) == (0, [0, 1, 2, 3, 4])


CHURN = {
    'x{i="a",j="0"}': [1e100, None, 1, 0.1, None, -0.0],
    'x{i="b",j="0"}': [1, 0.1, None, 0.2, 1, 0.0],
    'x{i="a",j="1"}': [-1e100, 0.3, 1e100, None, 1, -0.0],
    'x{i="c",j="1"}': [1, -1e100, 0.7, 0.3, 1, 0.0],
    'y{i="a",j="0"}': [3, 1e100, None, 4, 1, None],
}


@pytest.mark.parametrize(
    "query",
    [
        "sum(sum by (i) (x))",
        "max(min by (i) (x))",
        "stdvar(topk(3, x))",
        "sum by (j) (bottomk by (j) (2, x))",
        "avg(sort_desc(x))",
        "topk(1, sum by (i) (x * 0))",
        "limitk(1, count by (i) (x)) + 0",
        'sum(abs({__name__=~"x|y"}))',
        'sum(x or label_replace(y, "i", "a", "", ""))',
        "sum(last_over_time((max by (i) (x))[3m:1m]))",
        'avg(label_replace(x, "i", "z", "j", "0"))',
        "sum(topk(2, x @ 60) * time())",
        "sum(x * on(i, j) group_left() (x or y))",
        "sum(x + on(i, j) fill(1) y)",
        'histogram_quantiles(label_replace(x, "le", "+Inf", "", ""), "q", time())',
    ],
)
def test_the_three_modes_agree_at_every_step(query):
    """A range and a batch give at each step what an instant gives, to the bit, though rows come and go."""
    asked = engine(CHURN, lookback_ms=MINUTE, dialect=PROMQLTEST)
    times = np.arange(6) * MINUTE
    alone = [_outcome(lambda t=t: asked.query(query, t)) for t in times.tolist()]
    batch = asked.query_batch(query, times)
    assert [_at_step(batch.frame, step) if step not in batch.failures else "failed" for step in range(6)] == alone
    if "failed" not in alone:
        whole = asked.query_range(query, 0, int(times[-1]), MINUTE).value
        assert [_at_step(whole, step) for step in range(6)] == alone


def _outcome(query):
    try:
        return _at_step(query().value, 0)
    except QueryError:
        return "failed"


def _at_step(frame, step):
    return {
        (str(labels), float(value).hex())
        for labels, value, there in zip(
            frame.labels.decode(), frame.values[:, step], frame.present[:, step], strict=True
        )
        if there
    }


TALL = (
    "x" + " + x" * 190,
    "sum(abs(" * 49 + "x" + "))" * 49 + " + x" * 95,
    "-" * 99 + "x" + " or x" * 99,
    "max_over_time((" * 49 + "x" + ")[1m:])" * 49,
)


@pytest.mark.parametrize("query", TALL, ids=lambda query: query[:12])
def test_a_tall_tree_is_evaluated_from_deep_in_a_stack(query):
    """What the parser takes, the engine takes, in each mode, with hundreds of calls above it."""
    for value in _from_below(300, query):
        assert len(value) == 1


@pytest.mark.parametrize("query", TALL, ids=lambda query: query[:12])
def test_a_stack_without_room_is_a_limit(query):
    """Where Python's stack ends first, the error is one of the engine's own."""
    with pytest.raises(LimitExceededError, match="call stack") as caught:
        _from_below(780, query)
    assert caught.value.limit == "max_depth"


def _from_below(calls, query):
    if calls:
        return _from_below(calls - 1, query)
    asked = engine({"x": [1, 2]})
    return (
        asked.query(query, MINUTE).value,
        asked.query_range(query, MINUTE, 2 * MINUTE, MINUTE).value,
        asked.query_batch(query, np.array([MINUTE, 2 * MINUTE])).frame,
    )


def test_a_month_of_steps_is_asked_in_passes():
    """A batch knows no limit on samples but that of a single step, whatever is nested in it."""
    times = np.arange(43_200) * MINUTE
    asked = engine({'x{i="0"}': [1] * 30, 'x{i="1"}': [2] * 30}, limits=Limits(max_samples=20_000, max_steps=30_000))
    for query in ("sum(x)", "sum(rate(x[5m]))", "sum(max_over_time(x[2m:30s]))", "count(x + x)"):
        batch = asked.query_batch(query, times)
        assert batch.failures == {}, query
        assert 30 <= batch.frame.present.sum() <= 36, query


def test_a_batch_whose_answer_is_too_large_says_so():
    """Each step of its own label set makes rows without end; that is a limit, not the end of memory."""
    asked = engine({"x": list(range(2_000))}, limits=Limits(max_samples=10_000))
    with pytest.raises(LimitExceededError, match="too many samples"):
        asked.query_batch('count_values("v", x)', np.arange(2_000) * MINUTE)


@pytest.mark.parametrize(
    "query", ["x @ 1e15", "x @ -1e15", "x offset -9y", "rate(x[100y] offset 50y)", "x offset 100y"]
)
def test_looking_far_beyond_the_data_finds_nothing(query):
    """Times without data have no samples, in any mode."""
    asked = engine(X)
    assert asked.query(query, 0).vector() == []
    assert asked.query_range(query, -10 * MINUTE, 10 * MINUTE, MINUTE).series() == []
    assert len(asked.query_batch(query, np.array([-(10**15), 0, 0, 10**15])).frame) == 0
