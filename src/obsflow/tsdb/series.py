"""The label sets of many series as pairs of symbol ids, and the search of them by matchers."""

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from obsflow.model.frames import IdArray, LabelColumns, Symbols
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.tsdb.encoding import IntArray, MaskArray, dense_ids, expand, offsets_of


class SeriesTable:
    """Immutable label sets: series `i` has the pairs `offsets[i]:offsets[i + 1]` of `names` and `values` (ids, int32).

    A label becomes a column over all series when a matcher first asks for it; scanning columns of ids is as fast as
    intersecting postings up to millions of series, and nothing has to be kept in order.
    """

    __slots__ = ("_by_metric", "_columns", "names", "offsets", "symbols", "values")

    def __init__(self, symbols: Symbols, offsets: IntArray, names: IdArray, values: IdArray) -> None:
        self.symbols = symbols
        self.offsets = offsets
        self.names = names
        self.values = values
        self._columns: dict[int, IdArray] = {}
        self._by_metric: dict[int, IntArray] | None = None

    @classmethod
    def from_labels(cls, symbols: Symbols, labels: Iterable[Labels]) -> "SeriesTable":
        """The table of the given label sets, in their order."""
        pairs = [each.pairs for each in labels]
        intern = symbols.intern
        return cls(
            symbols,
            offsets_of(np.array([len(each) for each in pairs], np.int64)),
            np.array([intern(name) for each in pairs for name, _ in each], np.int32),
            np.array([intern(value) for each in pairs for _, value in each], np.int32),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def keys(self) -> list[bytes]:
        """For every series bytes that are equal where label sets are, in all tables of the same symbols."""
        joined = np.column_stack((self.names, self.values)).tobytes()
        ends = (8 * self.offsets).tolist()
        return [joined[a:b] for a, b in itertools.pairwise(ends)]

    def match(self, matchers: Sequence[Matcher]) -> IntArray:
        """The rows of the series that pass all matchers, ascending. A label that is absent has the empty value."""
        rows: IntArray | None = None
        for matcher in sorted(matchers, key=_selectivity):
            if rows is None and _is_metric_equality(matcher):
                rows = self._rows_of_metric(matcher.value)
                continue
            column = self._column(matcher.name)
            passed = self._evaluate(matcher, column if rows is None else column[rows])
            rows = np.flatnonzero(passed) if rows is None else rows[passed]
            if not len(rows):
                break
        return np.arange(len(self)) if rows is None else rows

    def take(self, rows: IntArray) -> LabelColumns:
        """The labels of the series at `rows`, in that order."""
        owner, within = expand(np.diff(self.offsets)[rows])
        at = self.offsets[rows][owner] + within
        used, column = dense_ids(self.names[at], len(self.symbols))
        texts = [self.symbols[i] for i in used.tolist()]
        order = sorted(range(len(texts)), key=texts.__getitem__)
        rank = np.empty(len(texts), np.int64)
        rank[order] = np.arange(len(texts))
        columns = np.zeros((len(texts), len(rows)), np.int32)
        columns[rank[column], owner] = self.values[at]
        return LabelColumns(self.symbols, tuple(texts[i] for i in order), columns)

    def _column(self, name: str) -> IdArray:
        symbol = self.symbols.find(name)
        column = self._columns.get(symbol)
        if column is None:
            column = np.zeros(len(self), np.int32)
            at = np.flatnonzero(self.names == symbol)
            column[np.searchsorted(self.offsets, at, "right") - 1] = self.values[at]
            self._columns[symbol] = column
        return column

    def _rows_of_metric(self, metric: str) -> IntArray:
        if self._by_metric is None:
            column = self._column(METRIC_NAME)
            order = np.argsort(column, kind="stable")
            ids, first = np.unique(column[order], return_index=True)
            parts = np.split(order, first[1:]) if len(ids) else []
            self._by_metric = dict(zip(ids.tolist(), parts, strict=True))
        return self._by_metric.get(self.symbols.find(metric), np.zeros(0, np.int64))

    def _evaluate(self, matcher: Matcher, ids: IdArray) -> MaskArray:
        """Whether the matcher passes each id; each distinct value is asked once."""
        symbols = self.symbols
        exact = _EXACT.get(matcher.op)
        if exact is not None:
            return exact(ids, symbols.find(matcher.value))
        seen = np.zeros(len(symbols), np.bool_)
        seen[ids] = True
        distinct = np.flatnonzero(seen)
        seen[distinct] = [matcher.matches(symbols[i]) for i in distinct.tolist()]
        return seen[ids]


def _equal(ids: IdArray, symbol: int) -> MaskArray:
    equal: MaskArray = ids == symbol
    return equal


def _not_equal(ids: IdArray, symbol: int) -> MaskArray:
    differs: MaskArray = ids != symbol
    return differs


# A value without a symbol has the id -1, which no series has: equality then fails for all, inequality for none.
_EXACT: dict[MatchOp, Callable[[IdArray, int], MaskArray]] = {
    MatchOp.EQUAL: _equal,
    MatchOp.NOT_EQUAL: _not_equal,
}


def _is_metric_equality(matcher: Matcher) -> bool:
    return matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL


def _selectivity(matcher: Matcher) -> int:
    """Cheap and narrowing matchers go first."""
    return 0 if _is_metric_equality(matcher) else 2 if matcher.op.is_regex else 1
