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
    """Label sets, each with a row, which count up from 0 and are never used again.

    Beyond the first 65,536 no Python object is kept for each. `symbols` may be shared with other stores.
    """

    __slots__ = ("_knows_all", "_label_sets", "_new", "_recent", "_table", "symbols")

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self._label_sets = native.LabelSets()
        self._recent: dict[Labels, int] = {}
        self._knows_all = True  # whether all label sets that have a row are among the recent ones
        self._new: list[Labels] = []  # have the rows after those of `_label_sets`, and are added to it together
        self._table: SeriesTable | None = None

    def __len__(self) -> int:
        """How many rows were ever given."""
        return len(self._label_sets) + len(self._new)

    @property
    def nbytes(self) -> int:
        """The memory that is taken besides the symbols and what is remembered of the first, bytes."""
        return self._all.nbytes

    @property
    def table(self) -> SeriesTable:
        """All label sets, by row, as they are now."""
        table = self._table
        if table is None or len(table) != len(self):
            sets = self._all
            table = self._table = SeriesTable(self.symbols, sets.offsets, sets.names, sets.values)
        return table

    def row(self, labels: Labels) -> int:
        """The row of a label set, given now if it has none."""
        row = self._recent.get(labels)
        if row is None:
            if self._knows_all:
                row = len(self)
                self._new.append(labels)
            else:
                row = int(self.rows((labels,))[0])
            if len(self._recent) >= _MAX_REMEMBERED:
                self._recent.clear()
                self._knows_all = False
            self._recent[labels] = row
        return row

    def rows(self, labels: Sequence[Labels]) -> IntArray:
        """int64: the rows of many."""
        return self.rows_of_ids(*self._pairs(labels))

    def rows_of_ids(self, offsets: IntArray, names: IdArray, values: IdArray) -> IntArray:
        """The same for pairs of symbols in order of the names' texts; label set `i` has `offsets[i]:offsets[i + 1]`."""
        sets = self._all
        before = len(sets)
        rows = sets.add(offsets, names, values)
        self._knows_all &= len(sets) == before
        return rows

    def find(self, labels: Labels) -> int:
        """The row of a label set, or -1."""
        row = self._recent.get(labels, -1)
        return row if row >= 0 or self._knows_all else int(self._label_sets.find(*self._pairs((labels,)))[0])

    def labels(self, row: int) -> Labels:
        """The label set of a row."""
        sets, symbols = self._all, self.symbols
        part = slice(int(sets.offsets[row]), int(sets.offsets[row + 1]))
        ids = zip(sets.names[part].tolist(), sets.values[part].tolist(), strict=True)
        return Labels.from_sorted((symbols[name], symbols[value]) for name, value in ids)

    def remove(self, rows: IntArray) -> None:
        """Forget the label sets of these rows: one that comes again gets another row."""
        if len(rows):
            self._all.remove(rows)
            self._recent.clear()
            self._knows_all = False

    @property
    def _all(self) -> native.LabelSets:
        """The label sets, those included that are new."""
        if self._new:
            self._label_sets.add(*self._pairs(self._new), are_new=True)
            self._new.clear()
        return self._label_sets

    def _pairs(self, labels: Iterable[Labels]) -> tuple[IntArray, IdArray, IdArray]:
        pairs = [each.pairs for each in labels]
        flat = list(itertools.chain.from_iterable(pairs))
        intern = self.symbols.intern_all
        names, values = intern([name for name, _ in flat]), intern([value for _, value in flat])
        return offsets_of(np.array([len(each) for each in pairs], np.int64)), names, values
