import numpy as np
import pytest

from obsflow.errors import QueryError
from obsflow.promql import PROMQLTEST
from obsflow.query.limits import Limits
from obsflow.query.windows import subquery_grid
from tests.query.cases import MINUTE, ask, engine

COUNTER = {"c_total": [0, 10, 20, 5, 15, 25]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("increase(c_total[2m])", {"{}": 20.0}),
        ("rate(c_total[2m])", {"{}": 20 / 120}),
        ("increase(c_total[1m])", {}),
        ("irate(c_total[5m])", {"{}": 10 / 60}),
        ("delta(c_total[2m])", {"{}": 20.0}),
        ("resets(c_total[10m])", {"{}": 1.0}),
        ("changes(c_total[10m])", {"{}": 5.0}),
        ("last_over_time(c_total[5m])", {"c_total": 25.0}),
        ("first_over_time(c_total[3m])", {"c_total": 5.0}),
        ("max_over_time(c_total[3m])", {"{}": 25.0}),
        ("count_over_time(c_total[3m])", {"{}": 3.0}),
        ("quantile_over_time(0.5, c_total[3m])", {"{}": 15.0}),
        ("predict_linear(c_total[3m], 60)", {"{}": 35.0}),
        ("sum_over_time(c_total[1m] offset 2m)", {"{}": 5.0}),
        ("sum_over_time(c_total[3m] @ 120)", {"{}": 30.0}),
        ("max_over_time(rate(c_total[2m])[2m:1m])", {"{}": 20 / 120}),
        ("count_over_time(c_total[1m:1m])", {"{}": 1.0}),
        ("count_over_time(c_total[2m:20s])", {"{}": 6.0}),
        ("sum_over_time(c_total[2m:1m] offset 1m)", {"{}": 20.0}),
        ("last_over_time(abs(c_total)[2m:])", {"{}": 25.0}),
    ],
)
def test_a_window_is_open_on_the_left(query, expected):
    """A window of two minutes holds two samples a minute apart, not three."""
    got = ask(COUNTER, query, 5 * MINUTE)
    assert got == pytest.approx(expected)


@pytest.mark.parametrize(
    ("times", "range_ms", "step_ms", "expected"),
    [
        ([100], 30, 10, [80, 90, 100]),
        ([105], 30, 10, [80, 90, 100]),
        ([5], 30, 10, [-20, -10, 0]),
        ([100, 1000], 20, 10, [90, 100, 990, 1000]),
        ([100, 110], 20, 10, [90, 100, 110]),
        ([5], 4, 10, []),
        ([100, 100], 10, 10, [100]),
        ([10**15, 2 * 10**15], 2, 1, [10**15 - 1, 10**15, 2 * 10**15 - 1, 2 * 10**15]),
    ],
)
def test_the_steps_of_a_subquery_are_absolute_and_only_those_that_some_window_holds(times, range_ms, step_ms, expected):
    """Multiples of the step in `(t - range, t]` of some t, each once."""
    assert subquery_grid(np.array(times, np.int64), range_ms, step_ms, Limits()).tolist() == expected


def test_a_rate_of_what_looks_like_a_gauge_is_remarked_on():
    """The info names the metric and the place."""
    assert engine({"x": [1, 2, 3]}).query("sum(rate(x[5m]))", 2 * MINUTE).infos == (
        'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "x" (1:10)',
    )


def test_equal_labels_that_take_turns_are_refused_by_a_range_and_joined_in_a_batch():
    """A window function in a range gives each label set once; a batch asks only whether a step has it twice."""
    samples = {"a_total": [1, 2, 3], "b_total": [*[None] * 20, 1, 2, 3]}
    asked = engine(samples)
    query = 'rate({__name__=~"[ab]_total"}[2m])'
    with pytest.raises(QueryError, match="same labelset"):
        asked.query_range(query, 0, 30 * MINUTE, MINUTE)
    batch = asked.query_batch(query, np.arange(30) * MINUTE)
    assert (len(batch.frame), batch.failures) == (1, {})


def test_a_smoothing_factor_lies_between_0_and_1():
    """Any other is an error that says which factor."""
    asked = engine({"x": [1, 2, 3]}, dialect=PROMQLTEST)
    with pytest.raises(QueryError, match=r"invalid trend factor\. Expected: 0 < tf < 1, got: 1\.000000"):
        asked.query("double_exponential_smoothing(x[5m], 0.5, 1)", 2 * MINUTE)
    assert len(asked.query("double_exponential_smoothing(x[5m], 0.5, 0.5)", 2 * MINUTE).vector()) == 1


def test_a_fixed_window_is_judged_with_the_parameter_of_each_step():
    """A window at a fixed time meets a parameter that moves with the step."""
    frame = engine({"x": [0, 1, 2]}).query_range("quantile_over_time(time() / 120, x[3m] @ 120)", 0, 2 * MINUTE, MINUTE)
    assert frame.value.values.tolist() == [[0.0, 1.0, 2.0]]
