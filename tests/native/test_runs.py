"""Run tables: damage is marked, contradictions are refused, and nothing is read twice."""

import attrs
import numpy as np
import pytest
from tests.native.tables import cut, run_table

from obsflow import native
from obsflow.model.storage import ENCODING_XOR, Runs

SERIES = [[(1000 * i, float(i)) for i in range(12)], [], [(1000 * i, 2.0 * i) for i in range(5)]]


def table(**changed):
    """Three series in runs of four samples."""
    return attrs.evolve(run_table(SERIES), **changed)


def changed(column, at, value):
    """The table with one entry of one column replaced."""
    array = getattr(table(), column).copy()
    array[at] = value
    return table(**{column: array})


@pytest.mark.parametrize(
    ("column", "at", "value"),
    [
        ("offsets", 1, 99),
        ("offsets", 0, -1),
        ("offsets", 1, 5),
        ("buffer", 0, 2),
        ("buffer", 0, -1),
        ("start", 1, -1),
        ("start", 1, 2**62),
        ("start", 1, 10_000),
        ("length", 1, -1),
        ("length", 1, 2**63 - 1),
        ("length", 1, 10_000),
    ],
)
def test_contradictions_are_refused(column, at, value):
    """An index, offset or length that leaves what it refers to is an error, not a read."""
    runs, times = changed(column, at, value), np.array([11_000])
    for call in (
        lambda: native.decode_runs(runs),
        lambda: cut("select", runs, times, 10**6),
        lambda: cut("sum_over_time", runs, times, 10**6),
    ):
        with pytest.raises(ValueError, match="outside"):
            call()


@pytest.mark.parametrize(
    ("column", "dtype"), [("offsets", np.int32), ("buffer", np.int64), ("encoding", np.int8), ("max_time", np.float64)]
)
def test_dtypes_are_checked(column, dtype):
    """A column of another dtype is refused."""
    with pytest.raises(TypeError, match=column):
        native.decode_runs(table(**{column: getattr(table(), column).astype(dtype)}))


def test_columns_have_one_length():
    """A column that is shorter than the others is refused."""
    with pytest.raises(ValueError, match="encoding"):
        native.decode_runs(table(encoding=np.zeros(1, np.uint8)))


@pytest.mark.parametrize(("at", "kept"), [(0, 3), (1, 0)], ids=["xor", "raw"])
def test_a_damaged_run_is_marked(at, kept):
    """A run that ends early gives the samples before its end; the others are whole."""
    runs = table()
    times, _, offsets, bad = native.decode_runs(changed("length", at, runs.length[at] - 1))

    assert bad.tolist() == [int(r == at) for r in range(len(runs.length))]
    assert np.diff(offsets).tolist() == [8 + kept, 0, 5]
    assert len(times) == 13 + kept


def test_an_unknown_encoding_is_marked():
    """A run of an encoding that is not known gives no samples."""
    _, _, offsets, bad = native.decode_runs(changed("encoding", 0, 9))

    assert bad[0] == 1
    assert np.diff(offsets).tolist() == [8, 0, 5]


@pytest.mark.parametrize("function", ["sum_over_time", "select"])
def test_windows_mark_damage_and_use_the_rest(function):
    """A damaged run does not keep a window from the samples that are there."""
    runs, times = changed("length", 0, 1), np.array([11_000])
    values, present, bad = cut(function, runs, times, 100_000)

    assert bad.tolist() == [1, 0, 0, 0, 0]
    assert present.tolist() == [[True], [False], [True]]
    assert values.tolist() == ([[60.0], [0.0], [20.0]] if function == "sum_over_time" else [[11.0], [0.0], [8.0]])


def test_runs_outside_the_interval_are_not_decoded():
    """Damage in a run that no window touches is not seen."""
    runs = changed("length", 0, 1)
    _, _, bad = cut("sum_over_time", runs, np.array([11_000]), 3_000)

    assert not bad.any()


def test_a_count_is_not_trusted():
    """A chunk that claims 65535 samples in a few bytes takes no memory for them."""
    data = b"\xff\xff" + native.xor_encode(np.arange(3), np.zeros(3))[2:]
    runs = Runs(
        buffers=(data,),
        offsets=np.array([0, 1]),
        buffer=np.zeros(1, np.int32),
        start=np.zeros(1, np.int64),
        length=np.array([len(data)]),
        encoding=np.full(1, ENCODING_XOR, np.uint8),
        min_time=np.zeros(1, np.int64),
        max_time=np.ones(1, np.int64),
    )
    times, _, _, bad = native.decode_runs(runs)

    assert times.tolist()[:3] == [0, 1, 2]
    assert len(times) < 20
    assert bad.tolist() == [1]


def test_a_table_without_series():
    """Nothing in, nothing out, with the right shapes."""
    empty = Runs.from_arrays(np.zeros(0, np.int64), np.zeros(0), np.zeros(1, np.int64))

    assert native.decode_runs(empty)[2].tolist() == [0]
    assert cut("rate", empty, np.arange(3), 5)[0].shape == (0, 3)
    assert cut("select", table(), np.zeros(0, np.int64), 5)[0].shape == (3, 0)
