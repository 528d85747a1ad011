"""The series that a writer knows: label sets and the rows that they have."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from obsflow import native
from obsflow.model.frames import IdArray, Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.encoding import IntArray, offsets_of
from obsflow.tsdb.series import SeriesTable

_MAX_REMEMBERED = 1 << 16


class SeriesRegistry:
    """Label sets, each with a row, which count up from 0 and are never used again. No Python object is kept for each.

    `symbols` may be shared with other stores.
    """

    __slots__ = ("_label_sets", "_recent", "_table", "symbols")

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self._label_sets = native.LabelSets()
        self._recent: dict[Labels, int] = {}
        self._table = SeriesTable.from_labels(symbols, ())

    def __len__(self) -> int:
        """How many rows were ever given."""
        return len(self._label_sets)

    @property
    def nbytes(self) -> int:
        """The memory that is taken besides the symbols, bytes."""
        return self._label_sets.nbytes

    @property
    def table(self) -> SeriesTable:
        """All label sets, by row, as they are now."""
        if len(self._table) != len(self):
            sets = self._label_sets
            self._table = SeriesTable(self.symbols, sets.offsets, sets.names, sets.values)
        return self._table

    def row(self, labels: Labels) -> int:
        """The row of a label set, given now if it has none."""
        row = self._recent.get(labels)
        if row is None:
            row = int(self.rows((labels,))[0])
            if len(self._recent) >= _MAX_REMEMBERED:
                self._recent.clear()
            self._recent[labels] = row
        return row

    def rows(self, labels: Sequence[Labels]) -> IntArray:
        """int64: the rows of many."""
        return self.rows_of_ids(*self._pairs(labels))

    def rows_of_ids(self, offsets: IntArray, names: IdArray, values: IdArray) -> IntArray:
        """The same for pairs of symbols in order of the names' texts; label set `i` has `offsets[i]:offsets[i + 1]`."""
        return self._label_sets.add(offsets, names, values)

    def find(self, labels: Labels) -> int:
        """The row of a label set, or -1."""
        return int(self._label_sets.find(*self._pairs((labels,)))[0])

    def labels(self, row: int) -> Labels:
        """The label set of a row."""
        sets, symbols = self._label_sets, self.symbols
        part = slice(int(sets.offsets[row]), int(sets.offsets[row + 1]))
        ids = zip(sets.names[part].tolist(), sets.values[part].tolist(), strict=True)
        return Labels.from_sorted((symbols[name], symbols[value]) for name, value in ids)

    def remove(self, rows: IntArray) -> None:
        """Forget the label sets of these rows: one that comes again gets another row."""
        self._label_sets.remove(rows)
        self._recent.clear()

    def _pairs(self, labels: Iterable[Labels]) -> tuple[IntArray, IdArray, IdArray]:
        pairs = [each.pairs for each in labels]
        flat = list(itertools.chain.from_iterable(pairs))
        intern = self.symbols.intern_all
        names, values = intern([name for name, _ in flat]), intern([value for _, value in flat])
        return offsets_of(np.array([len(each) for each in pairs], np.int64)), names, values
