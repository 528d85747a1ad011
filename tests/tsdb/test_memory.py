import numpy as np
import pytest

from obsflow import native
from obsflow.errors import DuplicateSampleError, NotFoundError, OutOfOrderError, StateError, TooOldError
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


def test_what_is_refused_says_why():
    """By its class and in words; nothing changes, and the references of the store are as before."""
    store = TSDB(out_of_order_window=50)
    store.append(UP, 100, 1.0)
    for time, value, error in ((100, 2.0, DuplicateSampleError), (49, 1.0, TooOldError)):
        with pytest.raises(error, match=str(time)):
            store.append(UP, time, value)
    plain = TSDB()
    plain.append(UP, 100, 1.0)
    with pytest.raises(OutOfOrderError, match="already has one at 100 ms, after 99 ms"):
        plain.append(UP, 99, 1.0)
    with pytest.raises(OutOfOrderError, match="100 ms"):
        plain.append_refs([0], 99, [1.0])
    assert everything(store) == everything(plain) == {UP: samples((100, 1.0))}


def test_late_samples():
    """Those within the window are taken; of samples at one time the first stays; a start time they lose."""
    store = TSDB(out_of_order_window=50)
    store.append(UP, 100, 1.0)
    store.append(UP, 60, 2.0)
    store.append(UP, 60, 3.0)
    store.append_refs([store.series(UP)], 80, [4.0])
    store.append(UP, 110, 5.0, start=7)
    store.append(UP, 90, 6.0, start=7)
    assert everything(store) == {UP: samples((60, 2.0), (80, 4.0), (90, 6.0), (100, 1.0), (110, 5.0))}
    assert native.decode_runs_and_starts(store.select((), *EVER).runs)[2].tolist() == [0, 0, 0, 0, 7]


def test_columns_of_any_times():
    """Samples are taken one after another, and those that are not are told by their codes."""
    store = TSDB()
    up, down = store.series(UP), store.series(DOWN)
    store.append(DOWN, 5, 1.0, start=1)
    given = [(up, 10, 1.0), (up, 10, 1.0), (up, 10, 2.0), (up, 9, 1.0), (down, 5, 1.0), (down, 6, 2.0), (up, 11, 3.0)]
    rows, times, values = zip(*given, strict=True)
    appended = store.append_columns(np.array(rows), np.array(times), np.array(values))
    assert appended.codes.tolist() == [
        native.HEAD_TAKEN, native.HEAD_REPEATED, native.HEAD_CONTRADICTS, native.HEAD_OUT_OF_ORDER,
        native.HEAD_REPEATED, native.HEAD_TAKEN, native.HEAD_TAKEN,
    ]  # fmt: skip
    assert appended.accepted == 5
    assert everything(store) == {UP: samples((10, 1.0), (11, 3.0)), DOWN: samples((5, 1.0), (6, 2.0))}
    with pytest.raises(NotFoundError, match="2"):
        store.append_columns(np.array([up, 2]), np.array([20, 20]), np.ones(2))
    assert len(everything(store)[UP]) == 2


def test_deletion():
    """What is there is deleted, with start times too, and what comes later is not."""
    store = TSDB(out_of_order_window=1_000)
    for time in range(10, 60, 10):
        store.append(UP, time, float(time))
        store.append(DOWN, time, float(time), start=1)
    store.append(DOWN, 15, 15.0)
    before = store.select((), *EVER)
    store.delete([equal("job", "db")], 12, 35)
    store.delete([equal("job", "api")], 50, 1 << 70)
    assert everything(store) == {
        UP: samples(*((time, float(time)) for time in (10, 20, 30, 40))),
        DOWN: samples(*((time, float(time)) for time in (10, 40, 50))),
    }
    assert len(contents(before)[DOWN]) == 6
    store.append(UP, 60, 60.0)
    store.append(DOWN, 16, 16.0)
    assert everything(store)[UP][-1:] == samples((60, 60.0))
    assert everything(store)[DOWN][:2] == samples((10, 10.0), (16, 16.0))
    store.delete((), -5, 1 << 62)
    assert everything(store) == {}


def test_many_series():
    """More label sets than are remembered as objects keep their references."""
    store = TSDB()
    references = [store.series({"i": str(i)}) for i in range(70_000)]
    assert references == list(range(70_000))
    assert [store.series({"i": str(i)}) for i in (0, 69_999, 65_536, 70_000)] == [0, 69_999, 65_536, 70_000]
    store.append_refs(np.array(references), 10, np.arange(70_000.0))
    found = store.select([equal("i", "66000")], *EVER)
    assert contents(found) == {Labels({"i": "66000"}): samples((10, 66_000.0))}
