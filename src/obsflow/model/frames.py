"""Frames: series against steps, with labels as columns of symbol ids. What every PromQL node maps to and from."""

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from typing import Any, Self, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.labels import Labels

IdArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
TimeArray = npt.NDArray[np.int64]


_T = TypeVar("_T")
_MAX_DERIVED = 64
_MIN_DERIVED = 8
_MAX_DERIVED_SERIES = 1 << 20
"""So many things are remembered of one set of labels; fewer of a large one."""


class Symbols:
    """Strings and their ids. Id 0 is the empty string, which is also an absent label. Ids are never reused.

    Threads may intern at the same time: each step is atomic, and an id is known only once its string is in place.
    """

    __slots__ = ("_ids", "_next", "_strings")

    def __init__(self) -> None:
        self._strings: list[str] = [""]
        self._ids: dict[str, int] = {"": 0}
        self._next = itertools.count(1)

    def intern(self, text: str) -> int:
        """The id of `text`, given now if it has none."""
        known = self._ids.get(text)
        if known is None:
            new = next(self._next)
            while len(self._strings) <= new:
                self._strings.append("")
            self._strings[new] = text
            known = self._ids.setdefault(text, new)  # another thread may have been first, and `new` is then nobody's
        return known

    def intern_all(self, texts: Sequence[str]) -> IdArray:
        """int32: the ids of many."""
        ids = map(self._ids.get, texts)
        found = (self.intern(text) if i is None else i for i, text in zip(ids, texts, strict=True))
        return np.fromiter(found, np.int32, len(texts))

    def find(self, text: str) -> int:
        """The id of `text`, or -1."""
        return self._ids.get(text, -1)

    def __getitem__(self, symbol: int) -> str:
        return self._strings[symbol]

    def __len__(self) -> int:
        """More than the greatest id."""
        return len(self._strings)


@attrs.frozen(eq=False)
class LabelColumns:
    """The labels of many series: one row of symbol ids per label name. Immutable.

    `names` is sorted; `columns` is int32 `[len(names), series]`; 0 says that the series lacks the label. What is worked
    out from them is remembered, as a store hands out the same labels to one query after another.
    """

    symbols: Symbols
    names: tuple[str, ...]
    columns: IdArray
    _derived: dict[Hashable, Any] = attrs.field(factory=dict, init=False, repr=False)

    @classmethod
    def from_labels(cls, symbols: Symbols, labels: Sequence[Labels]) -> Self:
        """Columns of the given label sets, in their order."""
        names = tuple(sorted({name for each in labels for name in each}))
        columns = np.zeros((len(names), len(labels)), np.int32)
        index = {name: i for i, name in enumerate(names)}
        for row, each in enumerate(labels):
            for name, value in each.pairs:
                columns[index[name], row] = symbols.intern(value)
        return cls(symbols, names, columns)

    @classmethod
    def unlabelled(cls, symbols: Symbols, count: int) -> Self:
        """`count` series without any label."""
        return cls(symbols, (), np.zeros((0, count), np.int32))

    def __len__(self) -> int:
        return int(self.columns.shape[1])

    def column(self, name: str) -> IdArray:
        """int32 `[series]`: the ids of one label; zeros if no series has it."""
        if name in self.names:
            column: IdArray = self.columns[self.names.index(name)]
            return column
        return np.zeros(len(self), np.int32)

    def labels(self, row: int) -> Labels:
        """The label set of one series."""
        ids = self.columns[:, row].tolist()
        return Labels.from_sorted((name, self.symbols[i]) for name, i in zip(self.names, ids, strict=True) if i)

    def decode(self) -> list[Labels]:
        """The label sets of all series, in order."""
        symbols = self.symbols
        return [
            Labels.from_sorted((name, symbols[i]) for name, i in zip(self.names, ids, strict=True) if i)
            for ids in self.columns.T.tolist()
        ]

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> "LabelColumns":
        """The series at `rows` (indices or a mask), in that order."""
        return LabelColumns(self.symbols, self.names, np.ascontiguousarray(self.columns[:, rows]))

    def subset(self, rows: npt.NDArray[np.intp]) -> "LabelColumns":
        """The series at `rows`, which ascend: in order if these are."""
        part = self.take(rows)
        if self.is_sorted:
            part._derived["sorted"] = True  # noqa: SLF001 - its own class
        return part

    def without(self, names: Iterable[str]) -> "LabelColumns":
        """All labels but `names`."""
        dropped = tuple(names)
        return self.derive(("without", dropped), lambda: self._part(name for name in self.names if name not in dropped))

    def only(self, names: Iterable[str]) -> "LabelColumns":
        """Only the labels `names`, as far as there are any."""
        kept = tuple(names)
        return self.derive(("only", kept), lambda: self._part(name for name in self.names if name in kept))

    def with_column(self, name: str, column: IdArray) -> "LabelColumns":
        """These labels with one set (or replaced) from int32 `[series]` ids."""
        rest = self.without((name,))
        names = tuple(sorted((*rest.names, name)))
        at = names.index(name)
        columns = np.insert(rest.columns, at, column, axis=0)
        return LabelColumns(self.symbols, names, columns)

    def distinct(self, name: str) -> tuple[int, ...]:
        """The ids that one label has among all series, ascending."""
        return self.derive(("distinct", name), lambda: tuple(np.unique(self.column(name)).tolist()))

    def map_column(self, name: str, change: Callable[[str], str]) -> "LabelColumns":
        """One label rewritten value by value; each distinct value is asked for once."""
        ids, inverse = np.unique(self.column(name), return_inverse=True)
        changed = np.array([self.symbols.intern(change(self.symbols[i])) for i in ids.tolist()], np.int32)
        return self.with_column(name, changed[inverse])

    def concat(self, other: "LabelColumns") -> "LabelColumns":
        """The series of both, these first. Both must share their symbols."""
        assert self.symbols is other.symbols
        names = tuple(sorted({*self.names, *other.names}))
        columns = np.zeros((len(names), len(self) + len(other)), np.int32)
        for i, name in enumerate(names):
            if name in self.names:
                columns[i, : len(self)] = self.column(name)
            if name in other.names:
                columns[i, len(self) :] = other.column(name)
        return LabelColumns(self.symbols, names, columns)

    def group(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Series with equal labels get equal ids.

        Returns ids int64 `[series]`, numbered in order of first appearance, and int64 `[groups]`, the first
        series of each group.
        """
        return self._grouped

    @cached_property
    def groups(self) -> native.Groups:
        """The groups of `group`, as kernels take them."""
        ids, first = self._grouped
        return native.Groups(ids, len(first))

    @cached_property
    def of_groups(self) -> "LabelColumns":
        """The labels of the first series of each group."""
        return self.take(self._grouped[1])

    @cached_property
    def is_distinct(self) -> bool:
        """Whether no two series have equal labels."""
        return len(self._grouped[1]) == len(self)

    @property
    def is_sorted(self) -> bool:
        """Whether the series are in the order of `sort_order` already."""
        return self.derive("sorted", lambda: bool((self.sort_order == np.arange(len(self))).all()))

    def sort(self) -> tuple["LabelColumns", npt.NDArray[np.int64]]:
        """The series in order, and for each, as it stands here, where it went: int64 `[series]`."""
        order = self.sort_order
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        ordered = self.take(order)
        ordered._derived["sorted"] = True  # noqa: SLF001 - its own class
        return ordered, rank

    @cached_property
    def _grouped(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return group_columns(self.columns)

    @cached_property
    def sort_order(self) -> npt.NDArray[np.int64]:
        """The order of the series by label set, as `Labels` compares: int64 `[series]` indices."""
        if len(self) < 2:
            return np.arange(len(self))
        keys = []
        follows = np.zeros(len(self), bool)
        for column in self.columns[::-1]:
            ids, inverse = np.unique(column, return_inverse=True)
            texts = [self.symbols[i] for i in ids.tolist()]
            rank = np.empty(len(ids), np.int64)
            rank[sorted(range(len(ids)), key=texts.__getitem__)] = np.arange(len(ids))
            # A series that lacks this label goes on with a later name, which is greater, or has ended, which is less.
            keys.append(np.where(column == 0, np.where(follows, len(ids), -1), rank[inverse]))
            follows |= column != 0
        return np.lexsort(keys).astype(np.int64) if keys else np.arange(len(self))

    def derive(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What `make` gives, worked out once for each key; it must depend on these labels and the key alone."""
        known: _T | None = self._derived.get(key)
        if known is None:
            known = make()
            most = max(_MIN_DERIVED, min(_MAX_DERIVED, _MAX_DERIVED_SERIES // (len(self) + 1)))
            if len(self._derived) >= most:
                self._derived.clear()
            self._derived[key] = known
        return known

    def _part(self, kept: Iterable[str]) -> "LabelColumns":
        names = tuple(kept)
        if len(names) == len(self.names):
            return self
        return self.derive(("part", names), lambda: self._cut(names))

    def _cut(self, names: tuple[str, ...]) -> "LabelColumns":
        mask = np.array([name in names for name in self.names], bool)
        return LabelColumns(self.symbols, names, np.ascontiguousarray(self.columns[mask]))


def group_columns(columns: IdArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number the equal columns of an int32 `[n, series]` array; see `LabelColumns.group`."""
    count = columns.shape[1]
    keys, bound = np.zeros(count, np.int64), 1
    for row in columns:
        if not count or (row == row[0]).all():
            continue
        width = int(row.max()) + 1
        if bound * width >= 1 << 62:
            distinct, keys = np.unique(keys, return_inverse=True)
            bound = len(distinct)
        keys = keys * width + row
        bound *= width
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse], np.sort(first).astype(np.int64)


@attrs.frozen(eq=False)
class Frame:
    """Series against steps.

    `values` float64 and `present` bool are `[series, steps]`, `times` int64 ms is `[steps]`. NaN is a value; where
    `present` is False there is no sample, and the value there means nothing. `is_compact` says that every series is
    known to have a sample.
    """

    labels: LabelColumns
    values: FloatArray
    present: BoolArray
    times: TimeArray
    is_compact: bool = False

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.intp] | BoolArray) -> "Frame":
        """The series at `rows` (indices or a mask), in that order."""
        return Frame(self.labels.take(rows), self.values[rows], self.present[rows], self.times, self.is_compact)

    def with_values(self, labels: LabelColumns, values: FloatArray) -> "Frame":
        """The same samples with other labels and values."""
        return Frame(labels, values, self.present, self.times, self.is_compact)

    def nothing(self) -> "Frame":
        """None of the series."""
        labels = self.labels.derive("nothing", lambda: self.labels.take(np.zeros(0, np.intp)))
        return Frame(labels, self.values[:0], self.present[:0], self.times, is_compact=True)

    def compact(self) -> "Frame":
        """Without the series that have no sample at any step."""
        if self.is_compact:
            return self
        present = self.present
        is_full = present.shape[1] > 0 and np.count_nonzero(present) == present.size
        kept = None if is_full else present.any(axis=1)
        if kept is None or kept.all():
            return Frame(self.labels, self.values, present, self.times, is_compact=True)
        rows = np.flatnonzero(kept)
        return Frame(self.labels.subset(rows), self.values[rows], present[rows], self.times, is_compact=True)
