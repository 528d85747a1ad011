"""Range functions: the table of names, the edges of windows, and what is refused."""

import concurrent.futures
import math

import attrs
import numpy as np
import pytest
from tests.native.tables import cut, run_table
from tests.oracles import window

from obsflow import native

COUNTER = [(15_000 * i, float(value)) for i, value in enumerate([10, 20, 30, 5, 15, 25])]


def at(function, samples, time, range_ms, params=None):
    """The value of one series at one step, or None."""
    values, present, _ = cut(function, run_table([samples]), np.array([time]), range_ms, params)
    return float(values[0, 0]) if present[0, 0] else None


def test_names_are_those_of_the_twins():
    """Every range function has a slow twin that it is tested against; instant selection has another."""
    assert set(native.WINDOW_FUNCTIONS) == {*window.FUNCTIONS, "select", "select_seconds"}


@pytest.mark.parametrize(
    ("function", "time", "range_ms", "expected"),
    [
        ("count_over_time", 30_000, 15_000, 1.0),  # left-open: the sample at 15 s is outside
        ("count_over_time", 30_000, 15_001, 2.0),
        ("count_over_time", 29_999, 15_000, 1.0),
        ("count_over_time", 0, 0, None),
        ("count_over_time", 10**12, 60_000, None),
        ("increase", 75_000, 75_001, 45.0 * 75.001 / 75),  # 20 up to the drop and 25 after it, extended by 1 ms
        ("delta", 75_000, 75_001, 15.0 * 75.001 / 75),
        ("resets", 75_000, 75_001, 1.0),
        ("changes", 75_000, 75_001, 5.0),
        ("irate", 75_000, 30_001, 10 / 15),
        ("irate", 45_000, 30_001, 5 / 15),
        ("idelta", 45_000, 30_001, -25.0),
        ("rate", 15_000, 15_000, None),  # one sample has no slope
        ("last_over_time", 75_000, 1, 25.0),
        ("ts_of_max_over_time", 75_000, 75_001, 30.0),
        ("ts_of_min_over_time", 75_000, 75_001, 45.0),
    ],
)
def test_values(function, time, range_ms, expected):
    """Windows are left-open and right-closed, and resets are seen inside them."""
    value = at(function, COUNTER, time, range_ms)

    assert value == expected if expected is None else value == pytest.approx(expected)


def test_sums_are_compensated():
    """Small values survive between large ones that cancel."""
    samples = [(i, value) for i, value in enumerate([1.0, 1e100, 1.0, -1e100], 1)]

    assert at("sum_over_time", samples, 4, 4) == 2.0
    assert at("avg_over_time", samples, 4, 4) == 0.5


def test_an_average_does_not_overflow():
    """The mean of values whose sum is infinite is finite."""
    assert at("avg_over_time", [(1, 1.7e308), (2, 1.7e308)], 2, 2) == 1.7e308
    assert at("sum_over_time", [(1, 1.7e308), (2, 1.7e308)], 2, 2) == math.inf


def test_a_counter_is_not_extrapolated_below_zero():
    """A counter that began within the window at 0 did not begin before it."""
    samples = [(100_000, 0.0), (110_000, 10.0)]

    assert at("increase", samples, 110_000, 60_000) == 10.0
    assert at("delta", samples, 110_000, 60_000) > 10.0


@pytest.mark.parametrize(("ahead", "now"), [(0.0, 100.0), (3600.0, 100.0), (-10.0, 9.0), (1.0, -5.0)])
def test_prediction_counts_from_the_step_itself(ahead, now):
    """The intercept is taken at the time of the step, wherever its window was shifted to."""
    line = [(1000 * i, 2.0 * i + 1) for i in range(10)]
    value = at("predict_linear", line, 9_000, 20_000, np.array([[ahead], [now]]))

    assert value == pytest.approx(2 * (now + ahead) + 1)


def test_extreme_times():
    """Times at the ends of their range neither overflow nor lose samples."""
    low, high = -(2**63), 2**63 - 1
    samples = [(low, 1.0), (low + 1, 2.0), (high, 3.0)]

    assert at("sum_over_time", samples, high, high) == 3.0
    assert at("count_over_time", samples, low + 1, 10) == 1.0
    for function in native.WINDOW_FUNCTIONS:
        cut(function, run_table([samples]), np.array([low, 0, high]), high, params_for(function, 3))


def params_for(function, n_steps):
    counts = {"quantile_over_time": 1, "double_exponential_smoothing": 2, "predict_linear": 2}
    return np.full((counts[function], n_steps), 0.5) if function in counts else None


def test_long_windows_are_sorted_without_recursion():
    """A quantile over thousands of samples is that of the sorted list, in whatever order they come."""
    rng = np.random.default_rng(4)
    for values in (rng.random(5_000), np.arange(5_000.0), np.arange(5_000.0)[::-1], np.zeros(5_000)):
        samples = list(enumerate(values.tolist(), 1))
        value = at("quantile_over_time", samples, 5_000, 5_000, np.array([[0.37]]))

        assert value == window.quantile(0.37, values.tolist())


def test_steps_may_repeat():
    """Equal neighbours among the steps have equal results."""
    values, present, _ = cut("rate", run_table([COUNTER]), np.array([60_000] * 3 + [75_000]), 60_000)

    assert len(set(values[0, :3])) == 1
    assert present.all()


@pytest.mark.parametrize(
    ("function", "times", "range_ms", "params", "message"),
    [
        ("rates", [1], 1, None, "no range function"),
        ("rate", [2, 1], 1, None, "ascend"),
        ("rate", [1], -1, None, "range_ms"),
        ("quantile_over_time", [1], 1, None, "params"),
        ("quantile_over_time", [1], 1, np.zeros((2, 1)), "params"),
        ("rate", [1], 1, np.zeros((1, 1)), "params"),
    ],
)
def test_refuses(function, times, range_ms, params, message):
    """Unknown names, falling steps and wrong parameters are errors."""
    with pytest.raises(ValueError, match=message):
        cut(function, run_table([COUNTER]), np.array(times), range_ms, params)


def test_calls_from_several_threads():
    """Calls share nothing: side by side they give what they give alone."""
    runs, times = run_table([COUNTER] * 200), np.arange(0, 80_000, 500)
    alone = cut("rate", runs, times, 60_000)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: cut("rate", runs, times, 60_000), range(16)))

    for result in together:
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(alone, result, strict=True))


LONG = [[(1_000 * i, float((i * 7919 + row) % 1013)) for i in range(400)] for row in range(60)]


@pytest.mark.parametrize("function", ["rate", "select", "avg_over_time", "quantile_over_time"])
def test_threads_of_one_call(function):
    """Several threads at one call give what one gives."""
    runs, times = run_table(LONG, samples_a_run=50), np.arange(0, 400_000, 300)
    params = params_for(function, len(times))

    for one, several in zip(*(cut(function, runs, times, 60_000, params, workers) for workers in (1, 3)), strict=True):
        assert np.array_equal(one, several)


@pytest.mark.parametrize("n_groups", [1, 4, 60])
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("op", sorted(native.FOLDING_OPERATORS))
def test_groups_in_one_pass(op, workers, n_groups):
    """Folding rows as they are made gives, bit for bit, what aggregating them afterwards gives."""
    runs, times = run_table(LONG, samples_a_run=50), np.arange(-5_000, 405_000, 900)
    groups = native.Groups(np.arange(len(LONG)) * 31 % n_groups, n_groups)
    windows = native.Windows("rate", times, 60_000)
    rows = native.window(runs, windows)
    fused = native.window_groups(runs, windows, op, groups, workers)
    values, present = native.reduce_groups(op, rows.values, rows.present, groups, None, workers)

    assert fused.values.view(np.uint64).tolist() == values.view(np.uint64).tolist()
    assert np.array_equal(fused.present, present)
    assert np.array_equal(fused.filled, rows.filled)


def test_damage_is_counted_once():
    """A run that several threads come across is marked, not counted."""
    runs = run_table(LONG[:2], samples_a_run=50)
    length = runs.length.copy()
    length[3] -= 1
    windows = native.Windows("sum_over_time", np.arange(0, 400_000, 300), 60_000)
    rows = native.window_groups(
        attrs.evolve(runs, length=length), windows, "sum", native.Groups(np.zeros(2, np.int64), 1), 3
    )

    assert np.flatnonzero(rows.bad).tolist() == [3]


def test_groups_must_be_of_the_series():
    """Groups of other rows, and an operator that needs all values at once, are refused."""
    runs, windows = run_table([COUNTER]), native.Windows("rate", np.array([60_000]), 60_000)
    with pytest.raises(ValueError, match="in groups"):
        native.window_groups(runs, windows, "sum", native.Groups(np.zeros(2, np.int64), 1))
    with pytest.raises(ValueError, match="outside"):
        native.window_groups(runs, windows, "quantile", native.Groups(np.zeros(1, np.int64), 1))
