"""Label columns made by kernels, against their twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import labels

from obsflow import native

some = settings(max_examples=150, deadline=None)
pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99)), max_size=7)
alike = st.lists(st.integers(0, 9), unique=True, max_size=6).flatmap(
    lambda names: st.lists(st.tuples(*(st.tuples(st.just(name), st.integers(1, 99)) for name in names)).map(list))
)


def table(series):
    offsets = np.cumsum([0, *map(len, series)]).astype(np.int64)
    names, values = np.array([pair for each in series for pair in each], np.int32).reshape(-1, 2).T.copy()
    return native.LabelPairs(offsets, names, values)


@some
@given(st.lists(pairs, max_size=8) | alike, st.lists(st.integers(-1, 12), max_size=6, unique=True), st.data())
def test_columns(series, wanted, data):
    """Series have the names that the pairs say, once each, and every name a column, also one that nobody has."""
    rows = data.draw(st.lists(st.integers(0, len(series) - 1), max_size=10)) if series else []
    made, at = table(series), np.array(rows, np.int64)
    names = made.names(at).tolist()
    assert len(names) == len(set(names))
    assert set(names) == labels.names(series, rows)
    for some_names in (names, wanted):
        found = made.columns(at, np.array(some_names, np.int32))
        assert found.shape == (len(some_names), len(rows))
        assert found.tolist() == labels.columns(series, rows, some_names)


@pytest.mark.parametrize(("count", "fits"), [(128, True), (129, False)])
def test_many_names(count, fits):
    """More names than are worth looking for one by one are refused, however they are spread."""
    made = table([[(i, 1)] for i in range(count)])
    names = made.names(np.arange(count))
    assert (names is not None) == fits


@pytest.mark.parametrize("row", [-1, 2, 1 << 62])
def test_rows_outside_of_the_series(row):
    """A row that is not there is refused."""
    made = table([[(1, 2)], [(1, 3)]])
    for call in (made.names, lambda rows: made.columns(rows, np.array([1], np.int32))):
        with pytest.raises(ValueError, match="outside"):
            call(np.array([row]))


@pytest.mark.parametrize("offsets", [[0, 3], [-1, 1], [2, 1], [0, 1 << 62]])
def test_pairs_outside_of_the_table(offsets):
    """A series that claims pairs which are not there is refused."""
    made = native.LabelPairs(np.array(offsets), np.zeros(2, np.int32), np.zeros(2, np.int32))
    for call in (made.names, lambda rows: made.columns(rows, np.array([0], np.int32))):
        with pytest.raises(ValueError, match="outside"):
            call(np.array([0]))
