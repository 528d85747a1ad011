"""Aggregation and classic histograms: the table of names, and what is refused."""

import math

import numpy as np
import pytest
from tests.oracles import group

from obsflow import native

VALUES = np.array([[1.0, 2.0], [3.0, math.nan], [10.0, 20.0]])
PRESENT = np.array([[True, True], [True, True], [True, False]])


def test_names_are_those_of_the_twins():
    """Every operator has a slow twin that it is tested against."""
    assert set(native.GROUP_OPERATORS) == set(group.OPERATORS)


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("sum", [[4.0, math.nan], [10.0, 0.0]]),
        ("avg", [[2.0, math.nan], [10.0, 0.0]]),
        ("min", [[1.0, 2.0], [10.0, 0.0]]),
        ("max", [[3.0, 2.0], [10.0, 0.0]]),
        ("count", [[2.0, 2.0], [1.0, 0.0]]),
        ("group", [[1.0, 1.0], [1.0, 0.0]]),
        ("stdvar", [[1.0, math.nan], [0.0, 0.0]]),
        ("stddev", [[1.0, math.nan], [0.0, 0.0]]),
        ("quantile", [[2.0, math.nan], [10.0, 0.0]]),
    ],
)
def test_values(op, expected):
    """A group is absent where none of its series is present."""
    values, present = native.reduce_groups(op, VALUES, PRESENT, native.Groups(np.array([0, 0, 1]), 2), np.full(2, 0.5))

    np.testing.assert_array_equal(values, expected)
    assert present.tolist() == [[True, True], [True, False]]


def test_a_group_without_series_is_absent():
    """A group that no series belongs to has no value."""
    values, present = native.reduce_groups("sum", VALUES, PRESENT, native.Groups(np.array([2, 2, 2]), 3))

    assert present.tolist() == [[False, False], [False, False], [True, True]]
    assert values[:2].tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("op", "groups", "message"),
    [
        ("median", [0, 0, 0], "no aggregation"),
        ("sum", [0, 0, 2], "outside"),
        ("sum", [0, 0, -1], "outside"),
        ("sum", [0, 0], "groups"),
        ("quantile", [0, 0, 0], "parameter"),
    ],
)
def test_refuses(op, groups, message):
    """Unknown names and groups that do not exist are errors."""
    with pytest.raises(ValueError, match=message):
        native.reduce_groups(op, VALUES, PRESENT, native.Groups(np.array(groups, np.int64), 2))


def histogram(q, counts, le=(0.1, 0.5, 1.0, math.inf)):
    """The quantile of one histogram, and whether its counts were raised."""
    column = np.array(counts, np.float64)[:, None]
    rows = np.arange(len(counts))
    args = np.array([q], np.float64), np.array(le[: len(counts)]), rows, column, np.ones(column.shape, np.bool_)
    values, present, forced, _ = native.histogram_quantile(*args, np.array([0, len(counts)]))
    assert present.tolist() == [[True]]
    return float(values[0, 0]), int(forced[0, 0])


@pytest.mark.parametrize(
    ("q", "counts", "expected"),
    [
        (0.5, [0, 10, 10, 10], (0.3, 0)),
        (0.05, [10, 10, 10, 10], (0.005, 0)),
        (0.99, [0, 0, 5, 10], (1.0, 0)),  # in the last bucket: the highest bound that is finite
        (-1, [1, 2, 3, 4], (-math.inf, 0)),
        (2, [1, 2, 3, 4], (math.inf, 0)),
        (math.nan, [1, 2, 3, 4], (math.nan, 0)),
        (0.5, [0, 0, 0, 0], (math.nan, 0)),
        (0.5, [1, 2, 3], (math.nan, 0)),  # no +Inf
        (0.5, [10, 4, 10, 10], (0.05, 1)),
        (0.5, [10, 10 - 1e-13, 10, 10], (0.05, 0)),
    ],
)
def test_histogram_quantile(q, counts, expected):
    """Interpolation, its special cases, and counts that fall."""
    value, forced = histogram(q, counts)

    assert value == pytest.approx(expected[0], nan_ok=True)
    assert forced == expected[1]


@pytest.mark.parametrize("offsets", [[0, 5], [-1, 4], [3, 1]])
def test_histogram_offsets_are_checked(offsets):
    """Offsets that leave the rows are refused."""
    rows = np.ones((4, 1))
    with pytest.raises(ValueError, match="outside"):
        native.histogram_quantile(np.zeros(1), np.arange(4.0), np.arange(4), rows, rows > 0, np.array(offsets))


@pytest.mark.parametrize("row", [-1, 4])
def test_histogram_rows_are_checked(row):
    """A bucket that is none of the series is refused."""
    values = np.ones((4, 1))
    rows = np.array([0, 1, 2, row])
    with pytest.raises(ValueError, match="outside"):
        native.histogram_quantile(np.zeros(1), np.arange(4.0), rows, values, values > 0, np.array([0, 4]))


@pytest.mark.parametrize("greatest", [True, False])
def test_ranks_on_several_threads(greatest):
    """Several threads keep what one keeps."""
    rng = np.random.default_rng(7)
    values = rng.integers(0, 9, (300, 400)).astype(np.float64)
    present = rng.random(values.shape) < 0.8
    limits, groups = rng.integers(0, 6, 400), native.Groups(rng.integers(0, 3, 300), 3)
    one, several = (
        native.keep_ranked(values, present, groups, limits, greatest=greatest, workers=workers) for workers in (1, 3)
    )

    assert np.array_equal(one, several)
    assert one.any()


def test_ranks_of_other_rows_are_refused():
    """Groups must be of the rows that are ranked."""
    with pytest.raises(ValueError, match="in groups"):
        native.keep_ranked(
            VALUES, PRESENT, native.Groups(np.zeros(2, np.int64), 1), np.ones(2, np.int64), greatest=True
        )
