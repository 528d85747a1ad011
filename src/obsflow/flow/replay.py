"""Stores for replaying history: recorded data without what the rules write, beneath what they write this time."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from obsflow.model.floats import STALE_NAN
from obsflow.model.frames import Frame, LabelColumns, Symbols
from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Queryable, Runs, Selection


class HidingStore:
    """A store without the series of some metric names."""

    def __init__(self, base: Queryable, hidden: frozenset[str]) -> None:
        self._base = base
        self._hidden = hidden

    @property
    def symbols(self) -> Symbols:
        """Those of the store beneath."""
        return self._base.symbols

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """As the store beneath, less the hidden series."""
        selection = self._base.select(matchers, start, end)
        names = selection.labels.column(METRIC_NAME)
        hidden = [i for i in np.unique(names).tolist() if self.symbols[i] in self._hidden]
        return selection.take(np.flatnonzero(~np.isin(names, hidden))) if hidden else selection


class UnionStore:
    """The series of several stores that share their symbols. No series may be in two of them."""

    def __init__(self, *stores: Queryable) -> None:
        self._stores = stores

    @property
    def symbols(self) -> Symbols:
        """The symbols that all stores share."""
        return self._stores[0].symbols

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """The selections of all stores, one after the other."""
        first, *others = (store.select(matchers, start, end) for store in self._stores)
        for other in others:
            if len(other):
                first = first.concat(other)
        return first


class FrameStore:
    """Series that are known for all of the time: whole selections are added, nothing is appended."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._selections: dict[str, list[Selection]] = {}
        self._nothing = Selection(LabelColumns.unlabelled(symbols, 0), Runs.from_arrays(*_NO_SAMPLES))

    @property
    def symbols(self) -> Symbols:
        """The symbols of all selections."""
        return self._symbols

    def add(self, name: str, selection: Selection) -> None:
        """Add series of the metric `name`."""
        self._selections.setdefault(name, []).append(selection)

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:  # noqa: ARG002 - runs may be left out, or not
        """The series that pass all matchers."""
        found = self._nothing
        for name in _listed_names(matchers) or self._selections:
            if all(matcher.matches(name) for matcher in matchers if matcher.name == METRIC_NAME):
                for selection in self._selections.get(name, ()):
                    found = found.concat(_filter(selection, matchers)) if len(found) else _filter(selection, matchers)
        return found


class LazyStore:
    """A store that is made when something is selected from it for the first time."""

    def __init__(self, symbols: Symbols, make: Callable[[], Queryable]) -> None:
        self._symbols = symbols
        self._make = make
        self._store: Queryable | None = None

    @property
    def symbols(self) -> Symbols:
        """The symbols of all selections."""
        return self._symbols

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """As the store that is made."""
        if self._store is None:
            self._store = self._make()
        return self._store.select(matchers, start, end)


_NO_SAMPLES = (np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros(1, np.int64))


def _listed_names(matchers: Sequence[Matcher]) -> Iterable[str] | None:
    """The metric names that a matcher lists, if one does."""
    return next((each.literals for each in matchers if each.name == METRIC_NAME and each.literals is not None), None)


def _filter(selection: Selection, matchers: Sequence[Matcher]) -> Selection:
    labels = selection.labels
    kept = np.ones(len(labels), bool)
    for matcher in matchers:
        ids, inverse = np.unique(labels.column(matcher.name), return_inverse=True)
        passes = np.array([matcher.matches(labels.symbols[i]) for i in ids.tolist()], bool)
        kept &= passes[inverse]
    return selection.take(np.flatnonzero(kept))


def select_frame(frame: Frame, failed: Sequence[int]) -> Selection:
    """The series that a rule writes; after the steps `failed` nothing was written, not even a stale marker."""
    written = np.ones(len(frame.times), bool)
    written[list(failed)] = False
    return Selection(frame.labels, _to_runs(frame, written))


def _to_runs(frame: Frame, written: npt.NDArray[np.bool_]) -> Runs:
    """The samples of a frame, with a stale marker at the first written step at which a series is gone."""
    present = frame.present[:, written]
    times = frame.times[written]
    values = frame.values[:, written].copy()
    gone = np.zeros_like(present)
    gone[:, 1:] = present[:, :-1] & ~present[:, 1:]
    values[gone] = STALE_NAN
    stored = present | gone
    rows, steps = np.nonzero(stored)
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(stored.sum(axis=1))))
    return Runs.from_arrays(times[steps], values[rows, steps], offsets)
