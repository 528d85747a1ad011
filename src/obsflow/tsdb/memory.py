"""A database in memory: recorded series and alerts of a backtest, tests, synthetic data, a service's own metrics."""

from array import array
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import DuplicateSampleError, OutOfOrderError, SampleError, StateError
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Selection
from obsflow.tsdb.appending import Ingesting
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.live_head import LiveHead
from obsflow.tsdb.runs import assemble
from obsflow.tsdb.staged import ACCEPTED, Appended, refusal

_MAX_MATCHED = 256

References = Sequence[int] | npt.NDArray[np.integer]
Values = Sequence[float] | npt.NDArray[np.float64]


class TSDB(Ingesting):
    """A `Queryable` and an `Appender`. A sample that is there already is ignored.

    Times of one series must increase, but for late samples: those up to `out_of_order_window` ms older than the newest
    of all are taken too. `symbols` may be those of another store, so that selections of both can be put together.
    """

    def __init__(self, symbols: Symbols | None = None, *, out_of_order_window: int = 0) -> None:
        self._symbols = Symbols() if symbols is None else symbols
        self._head = LiveHead(self._symbols, out_of_order_window=out_of_order_window)
        self._matched: dict[tuple[Matcher, ...], tuple[IntArray, LabelColumns]] = {}
        self._n_matched = 0

    @property
    def symbols(self) -> Symbols:
        """The symbols of all selections."""
        return self._symbols

    @property
    def series_count(self) -> int:
        """How many series there are."""
        return self._head.series_count

    def series(self, labels: Labels | Mapping[str, str]) -> int:
        """The reference of a series, made now if there is none. References count up from 0."""
        return self._head.row(labels if isinstance(labels, Labels) else Labels(labels))

    def append(self, labels: Labels | Mapping[str, str], time: int, value: float, *, start: int = 0) -> None:
        """Add one sample at `time` (ms), of a counter that started at `start` (ms, 0 if it is not known).

        Raises a StateError that says why where it is not taken: OutOfOrderError where the series has a later one,
        DuplicateSampleError where it has another at `time`, TooOldError for one before the window of late samples.
        """
        known = labels if type(labels) is Labels else Labels(labels)
        head = self._head
        row = head.row(known)
        code = head.append(row, time, value, start)
        if code and code not in ACCEPTED:
            raise self._refusal(code, row, time)

    def append_columns(
        self, references: npt.NDArray[np.int64], times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
    ) -> Appended:
        """Add samples, one after another: int64 references that `series` gave, int64 times (ms), float64 values.

        Samples that are not taken are told in the result. Raises NotFoundError for a reference that is none; nothing is
        added then.
        """
        staged = self._head.stage(references, times, values)
        self._head.commit(staged)
        return Appended.of(staged)

    def append_refs(self, references: References, time: int, values: Values) -> None:
        """Add a sample at `time` (ms) to each of the series, which must be distinct.

        Raises StateError as `append` does, NotFoundError for a reference that `series` did not give, ValueError where
        there is not one value for each; nothing is added then.
        """
        if len(references) != len(values):
            raise ValueError(f"{len(references)} series and {len(values)} values")
        if isinstance(references, np.ndarray):
            ids = np.ascontiguousarray(references, np.int64)
            rows: native.HeadRows = ids
            is_distinct = _are_distinct(ids)
        else:
            rows = array("q", references)
            is_distinct = len(set(references)) == len(rows)
        is_array = isinstance(values, np.ndarray)
        column = np.ascontiguousarray(values, np.float64) if is_array else array("d", values)
        if not is_distinct or not self._head.append_at(rows, time, column):
            self._append_refs(np.asarray(rows), time, np.asarray(column), is_distinct=is_distinct)

    def _append_refs(self, rows: IntArray, time: int, values: npt.NDArray[np.float64], *, is_distinct: bool) -> None:
        staged = self._head.stage(rows, np.full(len(rows), time, np.int64), values)
        if not is_distinct:
            raise StateError("a series cannot have two samples at one time")
        refused = np.flatnonzero(~np.isin(staged.codes, ACCEPTED))
        if len(refused):
            first = refused[0]
            raise self._refusal(int(staged.codes[first]), int(rows[first]), time)
        self._head.commit(staged)

    def delete(self, matchers: Sequence[Matcher], start: int, end: int) -> None:
        """Delete the samples in `[start, end]` (ms, closed) of all series that pass all matchers."""
        self._head.delete(self._match(tuple(matchers))[0], start, end)

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """The series that pass all matchers and have samples in `[start, end]` (ms, closed), in order of creation.

        Samples beyond the interval may come along, and a series that has only such.
        """
        rows, labels = self._match(tuple(matchers))
        found = self._head.runs(rows, max(start, _FIRST), min(end, _LAST))
        present = found.present
        if present is not None:
            labels, found = labels.subset(present), found.only(present)
        if found.is_selection:
            return Selection(labels, found.runs)
        runs, _ = assemble(found.table(), len(labels))
        kept = np.flatnonzero(np.diff(runs.offsets))  # deletions may leave nothing of a series
        selection = Selection(labels, runs)
        return selection if len(kept) == len(labels) else selection.take(kept)

    def _match(self, matchers: tuple[Matcher, ...]) -> tuple[IntArray, LabelColumns]:
        """The series that pass, and their labels: remembered until there is a new series."""
        table = self._head.series
        if len(table) != self._n_matched or len(self._matched) >= _MAX_MATCHED:
            self._n_matched = len(table)
            self._matched = {}
        known = self._matched.get(matchers)
        if known is None:
            found = table.match(matchers)
            known = self._matched[matchers] = found.rows, found.labels()
        return known

    def _refusal(self, code: int, row: int, time: int) -> SampleError:
        """The error that says why a sample is not taken."""
        if code == native.HEAD_OUT_OF_ORDER:
            newest = self._head.newest_time(row)
            return OutOfOrderError(f"out of order sample: the series already has one at {newest} ms, after {time} ms")
        if code == native.HEAD_CONTRADICTS:
            return DuplicateSampleError(f"duplicate sample: the series has another value at {time} ms")
        return refusal(code, self._head.registry.labels(row), time)


_FIRST, _LAST = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)


def _are_distinct(rows: IntArray) -> bool:
    if (rows[1:] > rows[:-1]).all():
        return True
    ordered = np.sort(rows)
    return not (ordered[1:] == ordered[:-1]).any()
