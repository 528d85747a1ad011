import pytest

from obsflow.errors import QueryError
from obsflow.model.floats import STALE_NAN
from obsflow.promql import PROMQLTEST, Dialect
from tests.query.cases import MINUTE, ask, engine

DIALECT = Dialect(extended_range_selectors=True)
COUNTER = {"c_total": [0, 10, 20, 5, 15, 25]}


@pytest.mark.parametrize(
    ("samples", "query", "time", "expected"),
    [
        (COUNTER, "increase(c_total[2m] anchored)", 2 * MINUTE, 20.0),
        (COUNTER, "increase(c_total[2m] anchored)", 150_000, 20.0),
        (COUNTER, "increase(c_total[2m] smoothed)", 90_000, 15.0),
        (COUNTER, "increase(c_total[1m] smoothed)", 150_000, 5.0 + 2.5),
        (COUNTER, "increase(c_total[2m] smoothed)", 210_000, 5.0 + 10.0),
        (COUNTER, "rate(c_total[2m] anchored)", 2 * MINUTE, 20 / 120),
        (COUNTER, "delta(c_total[2m] smoothed)", 210_000, -5.0),
        (COUNTER, "delta(c_total[2m] anchored)", 3 * MINUTE, -5.0),
        (COUNTER, "resets(c_total[1m] anchored)", 3 * MINUTE, 1.0),
        (COUNTER, "changes(c_total[2m] anchored)", 150_000, 2.0),
        (COUNTER, "increase(c_total[1m] anchored)", 10, 0.0),
        (COUNTER, "increase(c_total[1m] anchored)", 6 * MINUTE + 1, None),
        (COUNTER, "increase(c_total[1m] smoothed)", -1, None),
        ({"c_total": [1, STALE_NAN, 3]}, "increase(c_total[1m] smoothed)", 2 * MINUTE, 1.0),
        (COUNTER, "increase(c_total[2m] anchored @ 120 offset -30s)", 0, 20.0),
        (COUNTER, "increase((c_total[2m] anchored))", 2 * MINUTE, 20.0),
    ],
)
def test_the_ends_of_a_window_have_values(samples, query, time, expected):
    """`anchored` carries the sample before the window to its start; `smoothed` draws lines, from 0 where one falls."""
    assert ask(samples, query, time, dialect=DIALECT) == ({} if expected is None else {"{}": pytest.approx(expected)})


@pytest.mark.parametrize(
    ("query", "time", "expected"),
    [
        ("x smoothed", 90_000, {"x": 2.5}),
        ("x smoothed", MINUTE, {"x": 2.0}),
        ("x smoothed", 4 * MINUTE, {"x": 3.0}),
        ("x smoothed", 7 * MINUTE, {}),
        ("x smoothed", -1, {}),
        ("x smoothed offset -30s", MINUTE, {"x": 2.5}),
        ("x smoothed @ 30", 0, {"x": 1.5}),
        ("x anchored", 90_000, {"x": 2.0}),
    ],
)
def test_a_smoothed_instant_lies_on_a_line(query, time, expected):
    """Between two samples their line, after the last its value for one lookback; an anchor needs a window."""
    assert ask({"x": [1, 2, 3]}, query, time, dialect=DIALECT) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("x[1m] anchored", [(40_000, 1.0), (60_000, 2.0), (100_000, 2.0)]),
        ("x[1m] smoothed", [(40_000, 1 + 2 / 3), (60_000, 2.0), (100_000, 2 + 2 / 3)]),
        ("x[1m] anchored offset 3m", []),
        ("x[1m] anchored @ 120", [(60_000, 2.0), (120_000, 3.0)]),
    ],
)
def test_a_range_vector_shows_the_values_at_its_ends(query, expected):
    """As the answer to a query the window has a sample at either end, and those between as they were taken."""
    series = engine({"x": [1, 2, 3]}, dialect=DIALECT).query(query, 100_000).series()
    points = [point for _, times, values in series for point in zip(times.tolist(), values.tolist(), strict=True)]
    assert points == [(time, pytest.approx(value)) for time, value in expected]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("deriv(x[3m] smoothed)", "smoothed modifier can only be used with: delta, increase, rate - not with deriv"),
        (
            "absent_over_time(x[3m] anchored)",
            "anchored modifier can only be used with: changes, delta, increase, rate, resets - not with absent_over",
        ),
        ("quantile_over_time(0.5, (x[3m] smoothed))", "smoothed modifier can only be used with"),
    ],
)
def test_other_functions_know_nothing_of_ends(query, message):
    """The error lists those that do."""
    with pytest.raises(QueryError, match=message):
        ask({"x": [1]}, query, dialect=DIALECT)


def test_a_smoothed_range_reaches_back_from_a_sample_after_it():
    """As a range vector it has that value at both ends; a function has none."""
    database = engine({"x": [None, None, 7]}, dialect=PROMQLTEST)
    ((_, times, values),) = database.query("x[30s] smoothed", 60_000).series()
    assert (times.tolist(), values.tolist()) == ([30_000, 60_000], [7.0, 7.0])
    assert database.query("delta(x[30s] smoothed)", 60_000).vector() == []
