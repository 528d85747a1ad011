"""Blocks of samples that are known beforehand: an import, the past of a new rule, a simulation."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError, DuplicateSampleError, NotFoundError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Queryable, Selection
from obsflow.tsdb.block_writer import NewBlock
from obsflow.tsdb.compaction import SMALLEST_RANGE
from obsflow.tsdb.encoding import IntArray, expand
from obsflow.tsdb.meta import FROM_OUT_OF_ORDER
from obsflow.tsdb.recoding import chunk_samples
from obsflow.tsdb.series import SeriesTable

FloatArray = npt.NDArray[np.float64]


class BlockBuilder:
    """Takes samples in any order, and gives the blocks that hold them, each within an aligned range of times.

    Ranges are `block_range` ms wide. All samples stay in memory until then, 24 bytes each. A block says of itself that
    it came late, so that a database does not take it as the end of what its log still has to say; `in_order` leaves
    that out, as `promtool` does. `compatible` writes the chunks as Prometheus would.
    """

    def __init__(
        self,
        symbols: Symbols | None = None,
        *,
        block_range: int = SMALLEST_RANGE,
        in_order: bool = False,
        compatible: bool = False,
    ) -> None:
        if block_range <= 0:
            raise ValueError(f"block_range must be positive, not {block_range}")
        self._symbols = Symbols() if symbols is None else symbols
        self._numbers: dict[Labels, int] = {}
        self._range = block_range
        self._hints = [] if in_order else [FROM_OUT_OF_ORDER]
        self._compatible = compatible
        self._columns: list[tuple[IntArray, IntArray, FloatArray]] = []

    def __len__(self) -> int:
        return sum(len(times) for _, times, _ in self._columns)

    def series(self, labels: Labels) -> int:
        """The number of a series, for `add_columns`."""
        return self._numbers.setdefault(labels, len(self._numbers))

    def add(self, labels: Labels, times: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Samples of one series: times (ms) and values, of one length. Raises ValueError where they are not."""
        given = np.asarray(times, np.int64).reshape(-1)
        self.add_columns(np.full(len(given), self.series(labels)), given, values)

    def add_columns(self, series: npt.ArrayLike, times: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Samples of many series: their numbers, times (ms) and values, of one length.

        Raises ValueError where they are not of one length, NotFoundError for no such series.
        """
        columns = np.array(series, np.int64), np.array(times, np.int64), np.array(values, np.float64)
        if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
            raise ValueError(f"expected columns of one length, not {[column.shape for column in columns]}")
        if ((columns[0] < 0) | (columns[0] >= len(self._numbers))).any():
            raise NotFoundError("no such series")
        if len(columns[0]):
            self._columns.append(columns)

    def add_selection(self, selection: Selection, start: int, end: int) -> None:
        """The samples in `[start, end]` (ms, closed) of what a store answered, without start times.

        Raises CorruptionError where some of them cannot be read.
        """
        times, values, offsets, bad = native.decode_runs(selection.runs, start, end)
        if bad.any():
            raise CorruptionError("a chunk of the store ends within a sample")
        rows = np.array([self.series(labels) for labels in selection.labels.decode()], np.int64)
        owner, _ = expand(np.diff(offsets))
        kept = (times >= start) & (times <= end)
        if len(rows):
            self.add_columns(rows[owner[kept]], times[kept], values[kept])

    def add_store(self, store: Queryable, start: int, end: int, matchers: Sequence[Matcher] = ()) -> None:
        """The samples in `[start, end]` (ms, closed) of a store: what the rules of a backtest wrote, say."""
        self.add_selection(store.select(tuple(matchers), start, end), start, end)

    def blocks(self, name: Callable[[int], str]) -> Iterator[NewBlock]:
        """The blocks, the oldest first; `name` gives each its ULID, by the time it begins at (ms).

        A sample that was given twice counts once. Raises DuplicateSampleError for two values of a series at one time.
        """
        rows, times, values = self._sorted()
        table = SeriesTable.from_labels(self._symbols, self._numbers)
        slots = times // self._range
        bounds = np.flatnonzero(np.diff(slots, prepend=slots[:1] - 1, append=slots[-1:] + 1))
        for first, last in zip(bounds.tolist(), bounds[1:].tolist(), strict=False):
            part = slice(first, last)
            yield self._block(name, table, rows[part], times[part], values[part])

    def _block(
        self, name: Callable[[int], str], table: SeriesTable, rows: IntArray, times: IntArray, values: FloatArray
    ) -> NewBlock:
        """The block of samples that are sorted by series and time."""
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        labels, rank = table.take(rows[first]).sort()
        order = np.empty(len(rank), np.int64)
        order[rank] = np.arange(len(rank))
        runs = chunk_samples(times, values, np.append(first, len(rows)), compatible=self._compatible).take(order)
        start, end = int(times.min()), int(times.max()) + 1
        ulid = name(start)
        return NewBlock(
            ulid=ulid,
            min_time=start,
            max_time=end,
            labels=labels,
            runs=runs,
            compaction={"level": 1, "sources": [ulid]} | ({"hints": self._hints} if self._hints else {}),
        )

    def _sorted(self) -> tuple[IntArray, IntArray, FloatArray]:
        """All samples by block, series and time, each once."""
        if not self._columns:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        rows, times, values = (np.concatenate(column) for column in zip(*self._columns, strict=True))
        slots = times // self._range
        if not _ascends(rows, times):
            order = np.lexsort((times, rows, slots))
            rows, times, values = rows[order], times[order], values[order]
        elif (
            slots[1:] != slots[:-1]
        ).any():  # series by series, as they mostly come: only the blocks are to be told apart
            order = np.argsort(slots, kind="stable")
            rows, times, values = rows[order], times[order], values[order]
        again = (rows[1:] == rows[:-1]) & (times[1:] == times[:-1])
        if not again.any():
            return rows, times, values
        bits = values.view(np.uint64)
        other = np.flatnonzero(again & (bits[1:] != bits[:-1]))
        if len(other):
            at = int(other[0])
            labels = list(self._numbers)[int(rows[at])]
            raise DuplicateSampleError(f"{labels}: {values[at]} and {values[at + 1]} at {times[at]}")
        kept = np.append(True, ~again)
        return rows[kept], times[kept], values[kept]


def _ascends(rows: IntArray, times: IntArray) -> bool:
    return bool(((rows[1:] > rows[:-1]) | ((rows[1:] == rows[:-1]) & (times[1:] >= times[:-1]))).all())
