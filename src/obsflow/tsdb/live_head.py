"""The head that samples are added to: checked, compressed as they come, and there for queries at once."""

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import (
    CorruptionError,
    DuplicateSampleError,
    NotFoundError,
    OutOfBoundsError,
    OutOfOrderError,
    SampleError,
    TooOldError,
)
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.model.storage import ENCODING_XOR, Runs
from obsflow.tsdb.encoding import ByteArray, IntArray
from obsflow.tsdb.files import File, Skipped
from obsflow.tsdb.out_of_order import OutOfOrder
from obsflow.tsdb.registry import SeriesRegistry
from obsflow.tsdb.runs import RunTable, SourceRuns, find_deleted, join
from obsflow.tsdb.series import SeriesTable
from obsflow.tsdb.tombstones import Stones

CHUNK_RANGE_MS = 2 * 3600 * 1000
"""Chunks and blocks end at multiples of this."""

_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_DECODED_AT_ONCE = 8192


@attrs.frozen(eq=False)
class Staged:
    """Samples that were checked and are not in the head yet: all that were given, and what will become of each.

    `codes` are `native`'s HEAD_ numbers, 0 for a sample that is taken.
    """

    rows: IntArray
    times: IntArray
    values: npt.NDArray[np.float64]
    codes: ByteArray
    is_whole: bool
    """Whether all of them are taken, and in order."""

    @classmethod
    def of(cls, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64], codes: ByteArray) -> "Staged":
        """The samples with their codes."""
        return cls(rows, times, values, codes, not codes.any())

    def only(self, code: int) -> tuple[IntArray, IntArray, npt.NDArray[np.float64]]:
        """Rows, times and values of those with this code."""
        if self.is_whole and code == native.HEAD_TAKEN:
            return self.rows, self.times, self.values
        at = np.flatnonzero(self.codes == code)
        return self.rows[at], self.times[at], self.values[at]


_REFUSALS: dict[int, tuple[type[SampleError], str]] = {
    native.HEAD_CONTRADICTS: (DuplicateSampleError, "the series has another value at that time"),
    native.HEAD_OUT_OF_ORDER: (OutOfOrderError, "the series has a later sample"),
    native.HEAD_OUT_OF_BOUNDS: (OutOfBoundsError, "samples of that time are in blocks already"),
    native.HEAD_TOO_OLD: (TooOldError, "late samples are not taken from so long ago"),
}


def refusal(code: int, labels: Labels, time: int) -> SampleError:
    """The error for a sample that is not taken, by its code."""
    kind, why = _REFUSALS[code]
    return kind(f"sample of {labels} at {time} ms is not taken: {why}")


class LiveHead:
    """Series and their newest samples; a `Source` of a `Database`.

    Times are ms. `min_time` is that of the first sample or before it, `in_order_from` the same without late samples,
    `max_time` that of the last. `out_of_order_window` is how much older than the newest sample of all a late one may
    be. `max_lag`, if given, is how much older than that any other may be: what is cut into blocks on time needs such a
    bound. `min_valid_time` is when the blocks end.
    """

    def __init__(
        self,
        symbols: Symbols,
        *,
        chunk_range: int = CHUNK_RANGE_MS,
        out_of_order_window: int = 0,
        max_lag: int | None = None,
        min_valid_time: int | None = None,
    ) -> None:
        self.registry = SeriesRegistry(symbols)
        self.chunk_range = chunk_range
        self.min_valid_time = _FIRST if min_valid_time is None else min_valid_time
        self._window = out_of_order_window
        self._max_lag = max_lag
        self._store = native.HeadStore(chunk_range)
        self._late = OutOfOrder()
        self._stones: dict[int, IntArray] = {}
        self._moved: dict[int, File] = {}
        self._next_buffer = -2
        self._n_moved = 0
        self._dropped = np.zeros(0, np.int64)  # rows, ascending
        self.min_time = _LAST
        self.in_order_from = _LAST
        self.max_time = _FIRST

    # ---- writing ---------------------------------------------------------------------------------------------

    def row(self, labels: Labels) -> int:
        """The row of a series, made now if there is none."""
        return self.registry.row(labels)

    def stage(self, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> Staged:
        """Check samples, in the order in which they are to be added; changes nothing.

        Raises NotFoundError for a row that was never given, or whose series was dropped since.
        """
        self._grow()
        known = len(self._store)
        if len(rows) and not 0 <= rows.min() <= rows.max() < known:
            raise NotFoundError(f"no such series: {rows[(rows < 0) | (rows >= known)][0]}")
        if len(self._dropped) and (dropped := np.isin(rows, self._dropped)).any():
            raise NotFoundError(f"series {rows[dropped][0]} was dropped: it had no samples left")
        late_from = self.max_time - self._window if self._window and self.max_time > _FIRST else native.NO_LATE_SAMPLES
        codes = self._store.check(rows, times, values, min_time=self.appendable_from, late_from=late_from)
        return Staged.of(rows, times, values, codes)

    @property
    def appendable_from(self) -> int:
        """The time before which samples are out of bounds, ms."""
        if self._max_lag is None or self.max_time == _FIRST:
            return self.min_valid_time
        return max(self.min_valid_time, self.max_time - self._max_lag)

    def commit(self, staged: Staged) -> None:
        """Add what was staged and is to be taken; nothing may have been added since it was staged."""
        rows, times, values = staged.only(native.HEAD_TAKEN)
        if len(rows):
            self._store.append(rows, times, values)
            self.in_order_from = min(self.in_order_from, int(times.min()))
            self.min_time = min(self.min_time, self.in_order_from)
            self.max_time = max(self.max_time, int(times.max()))
        if not staged.is_whole:
            self.restore_late(*staged.only(native.HEAD_LATE))

    def restore(self, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> None:
        """Add what a log has of samples that came in order; of others, and of those out of bounds, nothing."""
        self._grow()
        # What is not newer than the sample before it had been refused, or is in the log of late samples too.
        codes = self._store.check(rows, times, values, min_time=_FIRST, late_from=native.NO_LATE_SAMPLES)
        codes[(codes == native.HEAD_TAKEN) & (times < self.min_valid_time)] = native.HEAD_OUT_OF_BOUNDS
        self.commit(Staged.of(rows, times, values, codes))

    def restore_late(self, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> None:
        """Add late samples."""
        for row, time, value in zip(rows.tolist(), times.tolist(), values.tolist(), strict=True):
            self._late.insert(row, time, value)
            self.min_time = min(self.min_time, time)

    def delete(self, rows: IntArray, start: int, end: int) -> None:
        """Delete what the series at `rows` have in `[start, end]` (ms, closed); not what comes later."""
        interval = np.array([(start, min(end, self.max_time))], np.int64)
        for row in rows.tolist():
            gone = self._stones.get(row)
            self._stones[row] = interval if gone is None else np.concatenate((gone, interval))

    # ---- chunks that are closed ------------------------------------------------------------------------------

    def unmoved(self) -> tuple[native.ClosedChunks, list[bytes]]:
        """The closed chunks whose bytes are still in memory, oldest first, and those bytes."""
        closed = self._store.closed.after(self._n_moved)
        arenas = self._store.arenas
        places = zip(closed.buffer.tolist(), closed.start.tolist(), closed.length.tolist(), strict=True)
        return closed, [arenas[number][at : at + length].tobytes() for number, at, length in places]

    def move(self, count: int, file: File, start: IntArray) -> None:
        """Say that the bytes of the first `count` of the `unmoved` chunks are now in a file, each at its `start`."""
        if not count:
            return
        self._moved[self._next_buffer] = file
        self._store.move(slice(self._n_moved, self._n_moved + count), self._next_buffer, start)
        self._n_moved += count
        self._next_buffer -= 1

    def restore_chunks(self, table: RunTable) -> None:
        """Put back XOR chunks that lie in files, oldest first of each series, which must be without samples.

        Raises ValueError where chunks of a series overlap, CorruptionError where the newest one of a series is damaged.
        """
        self._grow()
        newest, at = np.unique(table.series[::-1], return_index=True)
        last = len(table) - 1 - at
        values = np.empty(len(last))
        for i in range(0, len(last), _DECODED_AT_ONCE):
            part = last[i : i + _DECODED_AT_ONCE]
            _, decoded, offsets, bad = native.decode_runs(table.take(part).to_runs(np.arange(len(part) + 1)))
            bad = bad.astype(np.bool_) | (np.diff(offsets) == 0)
            for run in part[bad].tolist():
                file = table.files[int(table.file[run])]
                raise CorruptionError("chunk ends within a sample", file.name, int(table.start[run]))
            values[i : i + _DECODED_AT_ONCE] = decoded[offsets[1:] - 1]
        numbers = self._next_buffer - np.arange(len(table.files), dtype=np.int32)
        times = table.min_time, table.max_time
        self._store.restore(table.series, numbers[table.file], table.start, table.length, *times)
        self._store.set_newest_values(newest, values)
        self._moved |= dict(zip(numbers.tolist(), table.files, strict=True))
        self._next_buffer -= len(table.files)
        self._n_moved += len(table)
        if len(table):
            self.in_order_from = min(self.in_order_from, max(int(table.min_time.min()), self.min_valid_time))
            self.min_time = min(self.min_time, self.in_order_from)
            self.max_time = max(self.max_time, int(table.max_time.max()))

    @property
    def files(self) -> frozenset[str]:
        """The names of the files that chunks were moved to and still lie in."""
        return frozenset(file.name for file in self._moved.values())

    def truncate(self, before: int) -> IntArray:
        """Drop the chunks that end before a time (ms), and series that then have nothing; returns their rows.

        Samples before that time are out of bounds from now on.
        """
        self._grow()
        self.min_valid_time = max(self.min_valid_time, before)
        self._n_moved = int(np.count_nonzero(self._store.closed.max_time[: self._n_moved] >= before))
        self._store.forget(before)
        self._late.forget(before)
        used = set(np.unique(self._store.closed.buffer).tolist())
        self._moved = {number: file for number, file in self._moved.items() if number in used}
        empty = self._store.empty_series()
        empty = empty[~np.isin(empty, np.concatenate((self._dropped, self._late.rows)))]
        self._store.release(empty)
        self.registry.remove(empty)
        self._dropped = np.union1d(self._dropped, empty)
        gone = set(empty.tolist())
        self._stones = {
            row: intervals[intervals[:, 1] >= before] for row, intervals in self._stones.items() if row not in gone
        }
        self.min_time = max(self.min_time, before)
        self.in_order_from = max(self.in_order_from, before)
        return empty

    # ---- reading ---------------------------------------------------------------------------------------------

    @property
    def series(self) -> SeriesTable:
        """The label sets by row, those of dropped series too, which have no runs."""
        self._grow()
        return self.registry.table

    @property
    def series_count(self) -> int:
        """How many series there are, without those that were dropped."""
        return len(self.registry) - len(self._dropped)

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """Nothing here was read from a file."""
        return ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Nothing here was read from a file."""
        return ()

    def runs(self, rows: IntArray, start: int, end: int) -> SourceRuns:
        """The runs of the series at `rows` that touch `[start, end]`: what the head holds now."""
        self._grow()
        found = self._store.runs(rows, start, end)
        numbers = np.unique(found.buffer)
        files = tuple(self._file(number, found.copies) for number in numbers.tolist())
        runs = Runs(
            buffers=tuple(file.data for file in files),
            offsets=found.offsets,
            buffer=np.searchsorted(numbers, found.buffer).astype(np.int32),
            start=found.start,
            length=found.length,
            encoding=np.full(len(found.start), ENCODING_XOR, np.uint8),
            min_time=found.min_time,
            max_time=found.max_time,
        )
        n_empty = int(np.count_nonzero(found.offsets[1:] == found.offsets[:-1]))
        in_order = SourceRuns(files, runs, n_empty, in_order=True)
        if self._late and np.isin(rows, self._late.rows).any():
            return self._with_late(in_order, rows, start, end)
        return attrs.evolve(in_order, deleted=self._deleted(rows, runs)) if self._stones else in_order

    def _with_late(self, in_order: SourceRuns, rows: IntArray, start: int, end: int) -> SourceRuns:
        table: RunTable = join((in_order.table(), self._late.table(rows, start, end)))
        table = table.take(np.lexsort((table.min_time, table.series)))
        counts = np.bincount(table.series, minlength=len(rows))
        runs = table.to_runs(np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))))
        deleted = self._deleted(rows, runs)
        return SourceRuns(table.files, runs, int(np.count_nonzero(counts == 0)), in_order=False, deleted=deleted)

    def _deleted(self, rows: IntArray, runs: Runs) -> dict[int, IntArray]:
        owners = np.repeat(rows, np.diff(runs.offsets))
        stones: Stones = self._stones
        return dict(find_deleted(owners, runs.min_time, runs.max_time, stones))

    def _file(self, number: int, copies: ByteArray) -> File:
        if number == native.COPIES:
            return File("memory", copies.data)
        arena = self._store.arenas.get(number)
        return self._moved[number] if arena is None else File("memory", arena.data)

    def _grow(self) -> None:
        """Make place for the series that were registered since."""
        new = len(self.registry) - len(self._store)
        if new:
            self._store.add_series(new)
