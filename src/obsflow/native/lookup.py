"""Label sets that grow in number, and which of them a label set is."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import I32, I64, U32, Int64Array, as_array, check, ffi, lib, pass_memory

_FIRST_SLOTS: Final = 128
_FIRST_SERIES: Final = 32
_LABELS: Final = ffi.typeof("obs_labels *")

Ids = npt.NDArray[np.int32]


class LabelSets:
    """Distinct label sets, numbered from 0 as they come: `i` has the pairs `offsets[i]:offsets[i + 1]` of ids.

    Two label sets are equal where their pairs are, in the same order.
    """

    __slots__ = ("_alive", "_lookup", "_n_pairs", "_n_series", "_names", "_offsets", "_rows", "_tags", "_values")

    def __init__(self) -> None:
        self._n_series = self._n_pairs = 0
        self._offsets = np.zeros(_FIRST_SERIES + 1, np.int64)
        self._names, self._values = np.empty(8 * _FIRST_SERIES, np.int32), np.empty(8 * _FIRST_SERIES, np.int32)
        self._lookup = ffi.new("obs_lookup *")
        self._make_table(_FIRST_SLOTS)

    def __len__(self) -> int:
        return self._n_series

    @property
    def nbytes(self) -> int:
        """The memory that is taken, bytes."""
        arrays = (self._offsets, self._names, self._values, self._rows, self._tags)
        return sum(array.nbytes for array in arrays)

    @property
    def offsets(self) -> Int64Array:
        """int64 `[n + 1]`: a view, which stays as it is when label sets are added."""
        return self._offsets[: self._n_series + 1]

    @property
    def names(self) -> Ids:
        """int32 `[pairs]`, likewise."""
        return self._names[: self._n_pairs]

    @property
    def values(self) -> Ids:
        """int32 `[pairs]`, likewise."""
        return self._values[: self._n_pairs]

    def find(self, offsets: Int64Array, names: Ids, values: Ids) -> Int64Array:
        """The numbers of label sets, int64 `[asked]`; -1 for one that is not there. Raises ValueError."""
        n = len(offsets) - 1
        rows = np.empty(max(n, 0), np.int64)
        asked, _kept = _pass_labels(offsets, names, values)
        known, _also = self._known()
        check(lib.obs_lookup_find(self._lookup, known, asked, pass_memory(I64, rows)))
        return rows

    def add(self, offsets: Int64Array, names: Ids, values: Ids, *, are_new: bool = False) -> Int64Array:
        """The numbers of label sets, int64 `[asked]`: those that are not there are added, each once.

        `are_new` saves a search where most of them are not there. Raises ValueError.
        """
        if are_new:
            return self._intern(offsets, names, values)
        rows = self.find(offsets, names, values)
        new = np.flatnonzero(rows < 0)
        if len(new):
            lengths = np.diff(offsets)[new]
            ends = np.zeros(len(new) + 1, np.int64)
            np.cumsum(lengths, out=ends[1:])
            at = np.repeat(offsets[new] - ends[:-1], lengths) + np.arange(ends[-1])
            rows[new] = self._intern(ends, names[at], values[at])
        return rows

    def remove(self, rows: Int64Array) -> None:
        """Forget which label sets have these numbers, which stay taken. Raises ValueError."""
        rows = as_array(rows, np.int64, (len(rows),), "rows")
        known, _kept = self._known()
        check(lib.obs_lookup_remove(self._lookup, known, pass_memory(I64, rows), len(rows)))

    def _intern(self, offsets: Int64Array, names: Ids, values: Ids) -> Int64Array:
        """The numbers of label sets of which most are new."""
        n_series, n_pairs = self._n_series + len(offsets) - 1, self._n_pairs + len(names)
        if n_series + 1 > len(self._offsets):
            self._offsets = _grown(self._offsets, self._n_series + 1, n_series + 1)
        if n_pairs > len(self._names):
            self._names = _grown(self._names, self._n_pairs, n_pairs)
            self._values = _grown(self._values, self._n_pairs, n_pairs)
        self._reserve(int(self._lookup.n) + len(offsets) - 1)
        columns = (pass_memory(I64, self._offsets), pass_memory(I32, self._names), pass_memory(I32, self._values))
        room = (len(self._offsets) - 1, len(self._names))
        store = ffi.new("obs_label_store *", (*columns, self._n_series, self._n_pairs, *room))
        asked, _kept = _pass_labels(offsets, names, values)
        rows = np.empty(len(offsets) - 1, np.int64)
        status = lib.obs_lookup_intern(self._lookup, store, asked, pass_memory(I64, rows))
        self._n_series, self._n_pairs = int(store.n_series), int(store.n_pairs)
        check(status)
        return rows

    def _reserve(self, n: int) -> None:
        """Make the table so large that it holds `n`."""
        if 2 * n <= len(self._rows):
            return
        there = np.sort(self._rows[self._rows >= 0]).astype(np.int64)
        self._make_table(1 << (2 * n - 1).bit_length())
        known, _kept = self._known()
        check(lib.obs_lookup_add(self._lookup, known, pass_memory(I64, there), len(there)))

    def _make_table(self, capacity: int) -> None:
        self._rows, self._tags = np.full(capacity, -1, np.int32), np.zeros(capacity, np.uint32)
        self._alive = pass_memory(I32, self._rows), pass_memory(U32, self._tags)
        self._lookup.rows, self._lookup.tags = self._alive
        self._lookup.capacity, self._lookup.n = capacity, 0

    def _known(self) -> tuple[Any, Any]:
        return _pass_labels(self.offsets, self.names, self.values)


def _pass_labels(offsets: Int64Array, names: Ids, values: Ids) -> tuple[Any, Any]:
    """Label sets as kernels take them, and what must stay alive meanwhile."""
    n_series, n_pairs = len(offsets) - 1, len(names)
    series = pass_memory(I64, as_array(offsets, np.int64, (max(n_series, 0) + 1,), "offsets"))
    pairs = (
        pass_memory(I32, as_array(names, np.int32, (n_pairs,), "names")),
        pass_memory(I32, as_array(values, np.int32, (n_pairs,), "values")),
    )
    return ffi.new(_LABELS, (series, n_series, *pairs, n_pairs)), (series, pairs)


def _grown(array: npt.NDArray[Any], used: int, least: int) -> npt.NDArray[Any]:
    out = np.empty(max(least, len(array) + len(array) // 2), array.dtype)
    out[:used] = array[:used]
    return out
