"""The references by which a log names its series, and the rows that they stand for."""

import numpy as np
import numpy.typing as npt

from obsflow.tsdb.encoding import IntArray

_SPARSE = 16
_ALWAYS_DENSE = 1 << 20


class References:
    """References, uint64, and their rows. They mostly count up from 1: then a table finds them, and else a search."""

    __slots__ = ("_added", "_dense", "_keys", "_n", "_rows")

    def __init__(self) -> None:
        self._added: list[tuple[npt.NDArray[np.uint64], IntArray]] = []
        self._dense: IntArray | None = np.full(1024, -1, np.int64)
        self._n = 0
        self._keys = np.zeros(0, np.uint64)
        self._rows = np.zeros(0, np.int64)

    @property
    def greatest(self) -> int:
        """The greatest of all; 0 where there is none."""
        return max((int(keys.max(initial=0)) for keys, _ in self._added), default=0)

    def add(self, references: npt.NDArray[np.uint64], rows: IntArray) -> None:
        """Say what references stand for from now on."""
        if not len(references):
            return
        self._added.append((references.copy(), rows))
        self._n += len(references)
        if self._dense is None:
            return
        greatest = int(references.max())
        if greatest >= _ALWAYS_DENSE + _SPARSE * self._n:
            self._dense = None
            return
        if greatest >= len(self._dense):
            grown = np.full(max(greatest + 1, 2 * len(self._dense)), -1, np.int64)
            grown[: len(self._dense)] = self._dense
            self._dense = grown
        self._dense[references.astype(np.int64)] = rows

    def find(self, references: npt.NDArray[np.uint64]) -> IntArray:
        """int64: their rows; -1 for one that is not known."""
        dense = self._dense
        if dense is not None:
            if not len(references) or int(references.max()) < len(dense):
                return dense[references.view(np.int64)]
            inside = references < len(dense)
            rows = np.full(len(references), -1, np.int64)
            rows[inside] = dense[references[inside].view(np.int64)]
            return rows
        keys, known = self.all()
        if not len(keys):
            return np.full(len(references), -1, np.int64)
        at = np.minimum(np.searchsorted(keys, references), len(keys) - 1)
        return np.where(keys[at] == references, known[at], -1)

    def all(self) -> tuple[npt.NDArray[np.uint64], IntArray]:
        """All references, ascending, and their rows."""
        if len(self._added) != 1 or len(self._keys) != self._n:
            keys = np.concatenate([keys for keys, _ in self._added] or [self._keys])
            rows = np.concatenate([rows for _, rows in self._added] or [self._rows])
            order = np.argsort(keys, kind="stable")
            keys, rows = keys[order], rows[order]
            last = np.ones(len(keys), np.bool_)
            last[:-1] = keys[1:] != keys[:-1]
            self._keys, self._rows = keys[last], rows[last]
            self._added, self._n = ([(self._keys, self._rows)] if len(keys) else []), len(self._keys)
        return self._keys, self._rows
