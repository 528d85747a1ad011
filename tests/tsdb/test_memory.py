import numpy as np
import pytest

from obsflow import native
from obsflow.errors import NotFoundError, StateError
from obsflow.model.floats import STALE_NAN, STALE_NAN_BITS
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.memory import TSDB
from tests.tsdb.contents import EVER, contents, equal, everything, samples

UP = Labels({"__name__": "up", "job": "api"})
DOWN = Labels({"__name__": "up", "job": "db"})


def test_what_was_appended_is_selected():
    """Samples come back with their bits, by mapping or by label set."""
    store = TSDB()
    store.append({"job": "api", "__name__": "up"}, 10, 1.0)
    store.append(UP, 20, float("nan"))
    store.append(UP, 30, STALE_NAN)
    store.append(DOWN, 10, -0.0)
    found = everything(store)
    assert found[UP] == [*samples((10, 1.0), (20, float("nan"))), (30, STALE_NAN_BITS)]
    assert found[DOWN] == samples((10, -0.0))
    assert store.series_count == 2


@pytest.mark.parametrize("count", [511, 512, 513, 1024, 1025, 70_000])
def test_closed_and_open_runs(count):
    """Samples are all there on both sides of where runs are closed, in every interval."""
    store = TSDB()
    for time in range(count):
        store.append_refs((store.series(UP),), time, (float(time),))
    assert everything(store) == {UP: samples(*((time, float(time)) for time in range(count)))}
    for start, end in ((0, 0), (500, 512), (512, 512), (count - 1, count + 5), (100, count - 100)):
        times = [time for time, _ in contents(store.select((), start, end)).get(UP, ())]
        assert set(range(start, min(end, count - 1) + 1)) <= set(times)


def test_appending_goes_on_after_a_selection():
    """A selection holds what was there then, whatever is appended later."""
    store = TSDB()
    store.append(UP, 10, 1.0)
    before = store.select((), *EVER)
    for time in range(11, 2000):
        store.append(UP, time, 2.0)
    assert contents(before) == {UP: samples((10, 1.0))}
    assert len(everything(store)[UP]) == 1990


def test_new_series_are_found():
    """A series that came after a selection is in the next."""
    store = TSDB()
    store.append(UP, 10, 1.0)
    assert set(everything(store)) == {UP}
    store.append(DOWN, 10, 1.0)
    assert set(everything(store)) == {UP, DOWN}
    assert set(contents(store.select([equal("job", "db")], *EVER))) == {DOWN}


def test_columns():
    """One time for many series, from sequences or arrays."""
    store = TSDB()
    references = [store.series(labels) for labels in (UP, DOWN)]
    store.append_refs(references, 10, [1.0, 2.0])
    store.append_refs(np.array(references), 20, np.array([3.0, STALE_NAN]))
    assert everything(store) == {
        UP: samples((10, 1.0), (20, 3.0)),
        DOWN: [*samples((10, 2.0)), (20, STALE_NAN_BITS)],
    }


def test_the_same_sample_again_is_ignored():
    """Equal time and equal bits change nothing, for NaN too."""
    store = TSDB()
    for _ in range(2):
        store.append(UP, 10, float("nan"))
    store.append_refs([store.series(DOWN), store.series(UP)], 10, [1.0, float("nan")])
    assert everything(store) == {UP: samples((10, float("nan"))), DOWN: samples((10, 1.0))}


@pytest.mark.parametrize(("time", "value"), [(9, 1.0), (10, 2.0), (10, -0.0)])
def test_times_must_increase(time, value):
    """An older sample, or another at the newest time, is refused."""
    store = TSDB()
    store.append(UP, 10, 1.0 if value else 0.0)
    with pytest.raises(StateError):
        store.append(UP, time, value)


def test_a_refused_column_changes_nothing():
    """Where one sample of a column is refused, none is added."""
    store = TSDB()
    store.append(UP, 10, 1.0)
    references = [store.series(DOWN), store.series(UP)]
    for refs, values, error in (
        (references, [1.0, 2.0], StateError),
        ([0, 0], [1.0, 1.0], StateError),
        ([1, 7], [1.0, 1.0], NotFoundError),
        ([-1], [1.0], NotFoundError),
        ([1], [1.0, 2.0], ValueError),
    ):
        with pytest.raises(error):
            store.append_refs(refs, 10, values)
    assert everything(store) == {UP: samples((10, 1.0))}


def test_shared_symbols():
    """A store may take the symbols of another, so that their selections can be joined."""
    symbols = Symbols()
    one, other = TSDB(symbols), TSDB(symbols)
    one.append(UP, 10, 1.0)
    other.append(DOWN, 10, 1.0)
    joined = one.select((), *EVER).concat(other.select((), *EVER))
    assert set(contents(joined)) == {UP, DOWN}


def test_an_empty_store():
    """Nothing was appended, nothing is found."""
    assert everything(TSDB()) == {}


@pytest.mark.parametrize("first_known", [0, 3, 511, 512, 600, 1100])
def test_start_times_come_with_their_samples(first_known):
    """From the first that is known on, in open and in closed runs; before it they are 0."""
    store = TSDB()
    starts = [0 if i < first_known or i % 7 == 3 else i - 1 for i in range(1200)]
    for time, start in enumerate(starts):
        store.append(UP, time, float(time), start=start)
        store.append(DOWN, time, 1.0)
    selection = store.select((), *EVER)
    times, values, found, offsets, bad = native.decode_runs_and_starts(selection.runs)

    assert times.tolist() == [*range(1200)] * 2
    assert values.tolist() == [*map(float, range(1200)), *[1.0] * 1200]
    assert found.tolist() == [*starts, *[0] * 1200]
    assert (offsets.tolist(), bad.any()) == ([0, 1200, 2400], False)
    assert [column.tolist() for column in native.decode_runs(selection.runs)[:2]] == [times.tolist(), values.tolist()]


def test_a_start_time_does_not_make_a_sample_another():
    """A sample that is there already is ignored, whatever it says of its start."""
    store = TSDB()
    store.append(UP, 10, 1.0, start=5)
    store.append(UP, 10, 1.0, start=6)
    assert native.decode_runs_and_starts(store.select((), *EVER).runs)[2].tolist() == [5]
