"""The label sets of many series as pairs of symbol ids, and the search of them by matchers."""

import itertools
from collections.abc import Callable, Iterable, Sequence

import attrs
import numpy as np

from obsflow import native
from obsflow.model.frames import IdArray, LabelColumns, Symbols
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.tsdb.encoding import IntArray, MaskArray, dense_ids, expand, offsets_of


class SeriesTable:
    """Immutable label sets: series `i` has the pairs `offsets[i]:offsets[i + 1]` of `names` and `values` (ids, int32).

    The labels of a metric become columns when a matcher first names it, and those of all series one by one when one
    asks for them without; scanning columns of ids is as fast as intersecting postings up to millions of series, and
    nothing has to be kept in order.
    """

    __slots__ = (
        "_by_metric",
        "_columns",
        "_metrics",
        "_metrics_room",
        "_pairs",
        "names",
        "offsets",
        "symbols",
        "values",
    )

    def __init__(self, symbols: Symbols, offsets: IntArray, names: IdArray, values: IdArray) -> None:
        self.symbols = symbols
        self.offsets = offsets
        self.names = names
        self.values = values
        self._pairs = native.LabelPairs(offsets, names, values)
        self._columns: dict[int, IdArray] = {}
        self._metrics: dict[int, LabelColumns | None] = {}
        self._metrics_room = _MAX_METRIC_IDS
        self._by_metric: tuple[IntArray, dict[int, tuple[int, int]]] | None = None

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

    def match(self, matchers: Sequence[Matcher]) -> "MatchedSeries":
        """The series that pass all matchers, rows ascending. A label that is absent has the empty value."""
        ordered = sorted(matchers, key=_selectivity)
        metric: LabelColumns | None = None
        base: IntArray | None = None
        if ordered and _is_metric_equality(ordered[0]):
            symbol = self.symbols.find(ordered.pop(0).value)
            base = self._rows_of_metric(symbol)
            if not len(base):
                return MatchedSeries(self, base)
            metric = self._labels_of_metric(symbol, base)
        within: IntArray | None = None
        for matcher in ordered:
            column = self._column(matcher.name, base) if metric is None else metric.column(matcher.name)
            passed = self._evaluate(matcher, column if within is None else column[within])
            within = np.flatnonzero(passed) if within is None else within[passed]
            if not len(within):
                break
        if base is None:
            return MatchedSeries(self, np.arange(len(self)) if within is None else within)
        return MatchedSeries(self, base if within is None else base[within], metric, within)

    def take(self, rows: IntArray) -> LabelColumns:
        """The labels of the series at `rows`, in that order."""
        names = self._pairs.names(rows)
        return self._take_many_names(rows) if names is None else self._take_names(rows, names)

    def _take_names(self, rows: IntArray, names: IdArray) -> LabelColumns:
        texts = [self.symbols[i] for i in names.tolist()]
        ordered = sorted(texts)
        if texts != ordered:
            names = names[sorted(range(len(texts)), key=texts.__getitem__)]
        return LabelColumns(self.symbols, tuple(ordered), self._pairs.columns(rows, names))

    def _take_many_names(self, rows: IntArray) -> LabelColumns:
        """The same where there are too many names to look for them one by one."""
        first = self.offsets[rows]
        owner, within = expand(self.offsets[rows + 1] - first)
        at = first[owner] + within
        used, column = dense_ids(self.names[at], len(self.symbols))
        texts = [self.symbols[i] for i in used.tolist()]
        order = sorted(range(len(texts)), key=texts.__getitem__)
        rank = np.empty(len(texts), np.int64)
        rank[order] = np.arange(len(texts))
        columns = np.zeros((len(texts), len(rows)), np.int32)
        columns[rank[column], owner] = self.values[at]
        return LabelColumns(self.symbols, tuple(texts[i] for i in order), columns)

    def prepare(self) -> None:
        """Find the series of every metric before one is asked for; and their labels, where that is cheap."""
        order, spans = self._metric_spans()
        if len(spans) * _MANY_SERIES <= len(self):
            for symbol, (first, last) in spans.items():
                if self._metrics_room > 0:
                    self._labels_of_metric(symbol, order[first:last])

    def _metric_spans(self) -> tuple[IntArray, dict[int, tuple[int, int]]]:
        """All rows by metric, and by its symbol where those of each metric begin and end among them."""
        if self._by_metric is None:
            column = self._column(METRIC_NAME)
            order = np.argsort(column, kind="stable")
            column = column[order]
            first = np.flatnonzero(np.append(np.ones(min(1, len(column)), np.bool_), column[1:] != column[:-1]))
            spans = itertools.pairwise([*first.tolist(), len(order)])
            self._by_metric = order, dict(zip(column[first].tolist(), spans, strict=True))
        return self._by_metric

    def _rows_of_metric(self, symbol: int) -> IntArray:
        order, spans = self._metric_spans()
        first, last = spans.get(symbol, (0, 0))
        return order[first:last]

    def _labels_of_metric(self, symbol: int, rows: IntArray) -> LabelColumns | None:
        """The labels of a metric's series, kept; None for those of one that has too many."""
        known = self._metrics
        if symbol in known:
            return known[symbol]
        labels: LabelColumns | None = None
        names = self._pairs.names(rows)
        if names is not None and (size := len(names) * len(rows)) <= _MAX_METRIC_IDS:
            labels = self._take_names(rows, names)
            if size > self._metrics_room:
                self._metrics = {}
                self._metrics_room = _MAX_METRIC_IDS
            self._metrics_room -= size
        self._metrics[symbol] = labels
        return labels

    def _column(self, name: str, rows: IntArray | None = None) -> IdArray:
        """The ids of one label, of all series or those at `rows`."""
        symbol = self.symbols.find(name)
        column = self._columns.get(symbol)
        if column is None:
            column = np.zeros(len(self), np.int32)
            at = np.flatnonzero(self.names == symbol)
            column[np.searchsorted(self.offsets, at, "right") - 1] = self.values[at]
            self._columns[symbol] = column
        return column if rows is None else column[rows]

    def _evaluate(self, matcher: Matcher, ids: IdArray) -> MaskArray:
        """Whether the matcher passes each id; each distinct value is asked once."""
        symbols = self.symbols
        exact = _EXACT.get(matcher.op)
        if exact is not None:
            return exact(ids, symbols.find(matcher.value))
        distinct, index = dense_ids(ids, len(symbols))
        passed: MaskArray = np.array([matcher.matches(symbols[i]) for i in distinct.tolist()], np.bool_)[index]
        return passed


_MAX_METRIC_IDS = 1 << 22
"""Ids in the labels of metrics that a table keeps, which are 4 bytes each."""

_MANY_SERIES = 8
"""Series a metric, on average, beside which a pass over all metrics is little."""


@attrs.frozen(eq=False)
class MatchedSeries:
    """The series of a table that passed some matchers: at `rows`, ascending."""

    _table: SeriesTable
    rows: IntArray
    _metric: LabelColumns | None = None
    _within: IntArray | None = None

    def labels(self, present: IntArray | None = None) -> LabelColumns:
        """Their labels; or only those of some of them, `present`, which are indices of `rows`."""
        if self._metric is None:
            return self._table.take(self.rows if present is None else self.rows[present])
        at = self._within
        if present is not None:
            at = present if at is None else at[present]
        return self._metric if at is None else self._metric.take(at)


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
