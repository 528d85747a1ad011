"""The store's table: what may happen when, and that nothing else changes anything."""

import itertools

import numpy as np
import pytest

from obsflow.errors import NotFoundError, StateError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.operations import Append, MakeDirectory, Remove, Sync, Truncate
from obsflow.tsdb.store import TRANSITIONS, Change, Event, Options, State, Store

LABELS = Labels({"__name__": "m"})


def staged(store: Store, time: int, value: float = 1.0) -> Change:
    return store.stage(np.array([store.series(LABELS)]), np.array([time]), np.array([value]))


def store_in(state: State) -> Store:
    """A store with one sample, brought to a state by what the table allows."""
    store = Store(Symbols(), Options(out_of_order_window=1000))
    store.commit(staged(store, 1000))
    if state in (State.CHANGING, State.UNDOING):
        staged(store, 2000)
    if state is State.UNDOING:
        store.failed()
    if state is State.CLOSED:
        store.close()
    assert store.state is state
    return store


def occur(store: Store, event: Event) -> None:
    match event:
        case Event.STAGE:
            staged(store, 3000)
        case Event.COMMIT:
            store.commit(Change(store.head.stage(np.array([0]), np.array([2000]), np.array([1.0])), ()))
        case Event.FAILED:
            store.failed()
        case Event.UNDONE:
            store.undone()
        case Event.CLOSE:
            store.close()


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_the_table_is_what_happens(state: State, event: Event) -> None:
    """In every state each event leads where the table says, or is refused and leaves the store as it is."""
    store = store_in(state)
    after = TRANSITIONS.get((state, event))
    if after is not None:
        occur(store, event)
        assert store.state is after
        return
    seen = store.head.max_time, store.undo
    with pytest.raises(StateError):
        occur(store, event)
    assert store.state is state
    assert (store.head.max_time, store.undo) == seen


def test_a_failed_change_is_taken_out_of_the_log() -> None:
    """The segment is cut off where it ended, and the next change gets the same place and the same references."""
    store = store_in(State.READY)
    (first,) = [each for each in store_in(State.READY).close() if isinstance(each, Append)]
    end = 32768 - len(first.data)
    again = Labels({"__name__": "new"})
    row = store.series(again)
    change = store.stage(np.array([row]), np.array([1500]), np.array([2.0]))
    undo = store.failed()
    assert undo == (Truncate("wal/00000000", end), Sync("wal/00000000"), Sync("wal"))
    store.undone()
    repeated = store.stage(np.array([row]), np.array([1500]), np.array([2.0]))
    assert repeated.operations == change.operations
    store.commit(repeated)
    assert store.head.max_time == 1500


def test_what_was_new_is_removed_when_it_fails() -> None:
    """A segment that was begun, and the directory of late samples, go as a whole."""
    store = Store(Symbols(), Options(out_of_order_window=1000))
    change = staged(store, 1000)
    assert [type(each) for each in change.operations] == [Append, Sync, Append]
    assert store.failed() == (Remove("wal/00000000"), Sync("wal"))
    store.undone()
    store.commit(staged(store, 1000))
    late = staged(store, 500)
    assert MakeDirectory("wbl") in late.operations
    assert store.failed()[-2:] == (Remove("wbl"), Sync("."))


def test_an_unknown_series_changes_nothing() -> None:
    """What cannot be staged leaves the store ready."""
    store = store_in(State.READY)
    with pytest.raises(NotFoundError):
        store.stage(np.array([7]), np.array([5000]), np.array([1.0]))
    assert store.state is State.READY
    store.commit(staged(store, 5000))


def test_only_what_is_not_on_disk_is_synced() -> None:
    """Twice without a change between syncs once."""
    store = store_in(State.READY)
    assert store.sync() == [Sync("wal/00000000")]
    store.synced()
    assert store.sync() == []
    store.commit(staged(store, 900))
    assert store.sync() == [Sync("wal/00000000"), Sync("wbl/00000000")]
