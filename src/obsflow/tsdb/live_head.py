"""The head that samples are added to: checked, compressed as they come, and there for queries at once."""

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError, NotFoundError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.model.storage import ENCODING_XOR, Runs
from obsflow.tsdb.encoding import IntArray, offsets_of
from obsflow.tsdb.files import File, Skipped
from obsflow.tsdb.out_of_order import OutOfOrder
from obsflow.tsdb.registry import SeriesRegistry
from obsflow.tsdb.runs import RunTable, SourceRuns, find_deleted, join
from obsflow.tsdb.series import SeriesTable
from obsflow.tsdb.staged import Staged
from obsflow.tsdb.start_times import StartedSamples

CHUNK_RANGE_MS = 2 * 3600 * 1000
"""Chunks and blocks end at multiples of this."""

_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_DECODED_AT_ONCE = 8192
_NEVER_LATE = native.NO_LATE_SAMPLES
_TAKEN, _LATE = native.HEAD_TAKEN, native.HEAD_LATE


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
        self._is_bounded = bool(out_of_order_window) or max_lag is not None  # by the newest sample
        self._store = native.HeadStore(chunk_range)
        self._known = 0  # series of the store
        self._is_plain = True  # no series was dropped, or has start times
        self._late = OutOfOrder()
        self._started = StartedSamples()
        self._stones: dict[int, IntArray] = {}
        self._moved: dict[int, File] = {}
        self._next_buffer = -2
        self._n_moved = 0
        self._dropped = np.zeros(0, np.bool_)  # by row, as far as any was
        self._buffers: tuple[tuple[int, ...], npt.NDArray[np.int32], tuple[File, ...]] = ((), np.zeros(1, np.int32), ())
        self.min_time = _LAST
        self.in_order_from = _LAST
        self.max_time = _FIRST

    # ---- writing ---------------------------------------------------------------------------------------------

    def row(self, labels: Labels) -> int:
        """The row of a series, made now if there is none."""
        row = self.registry.row(labels)
        if row >= self._known:
            self._grow()
        return row

    def stage(self, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> Staged:
        """Check samples, in the order in which they are to be added; changes nothing.

        Raises NotFoundError for a row that was never given, or whose series was dropped since.
        """
        self._grow()
        self._refuse_dropped(rows)
        try:
            codes = self._store.check(rows, times, values, bounds=self._bounds)
        except ValueError as error:
            known = len(self._store)
            unknown = np.asarray(rows)[(rows < 0) | (rows >= known)]
            if not len(unknown):
                raise
            raise NotFoundError(f"no such series: {unknown[0]}") from error
        return Staged.of(rows, times, values, codes)

    def append(self, row: int, time: int, value: float, start: int = 0) -> int:
        """Add one sample where it is to be taken; returns its code.

        `start` (ms) is when what it counts started, 0 for not known; late samples lose it. Raises NotFoundError as
        `stage` does.
        """
        if start or (not self._is_plain and self._is_special(row)):
            return self._append_other(row, time, value, start)
        bounds = self._bounds if self._is_bounded else (self.min_valid_time, _NEVER_LATE)
        try:
            code = self._store.take(row, time, value, bounds)
        except ValueError:
            if not self._grow():
                raise NotFoundError(f"no such series: {row}") from None
            return self.append(row, time, value)
        if code == _LATE:
            self._insert_late(row, time, value)
        elif code == _TAKEN:
            self.max_time = max(self.max_time, time)
            if time < self.in_order_from:
                self._extend(time, time)
        return code

    def append_at(self, rows: native.HeadRows, time: int, values: native.HeadValues) -> bool:
        """Add a sample at one time (ms) to each of distinct series, where all are to be taken, in order.

        Buffers of int64 and float64. False, and nothing is added, where it is not so simple.
        """
        self._grow()
        is_simple = self._is_plain and time > _FIRST
        if is_simple and self._store.append_at(rows, time, values, min_time=self.appendable_from):
            if len(rows):
                self._extend(time, time)
            return True
        return False

    def _is_special(self, row: int) -> bool:
        """Whether a series has start times, or was dropped."""
        return row in self._started.series or (0 <= row < len(self._dropped) and bool(self._dropped[row]))

    def _append_other(self, row: int, time: int, value: float, start: int) -> int:
        staged = self.stage(np.array([row]), np.array([time]), np.array([value], np.float64))
        code = int(staged.codes[0])
        if code == native.HEAD_TAKEN and (start or row in self._started.series):
            self._append_started(row, time, value, start)
        else:
            self.commit(staged)
        return code

    def _append_started(self, row: int, time: int, value: float, start: int) -> None:
        self._is_plain = False
        self._store.mark_newest(row, time, value)
        self._started.append(row, time, value, start)
        self._extend(time, time)

    @property
    def appendable_from(self) -> int:
        """The time before which samples are out of bounds, ms."""
        if self._max_lag is None or self.max_time == _FIRST:
            return self.min_valid_time
        return max(self.min_valid_time, self.max_time - self._max_lag)

    @property
    def _bounds(self) -> tuple[int, int]:
        """The times of the oldest sample that is taken in order, and of the oldest late one, ms."""
        if not self._window or self.max_time == _FIRST:
            return self.appendable_from, native.NO_LATE_SAMPLES
        return self.appendable_from, max(_FIRST, self.max_time - self._window)

    def commit(self, staged: Staged) -> None:
        """Add what was staged and is to be taken; nothing may have been added since it was staged."""
        rows, times, values = staged.only(native.HEAD_TAKEN)
        if len(rows) and self._started:
            is_started = np.isin(rows, self._started.rows)
            columns = (column[is_started].tolist() for column in (rows, times, values))
            for row, time, value in zip(*columns, strict=True):
                self._append_started(row, time, value, 0)
            rows, times, values = rows[~is_started], times[~is_started], values[~is_started]
        if len(rows):
            self._store.append(rows, times, values)
            self._extend(int(times.min()), int(times.max()))
        if not staged.is_whole:
            self.restore_late(*staged.only(native.HEAD_LATE))

    def restore(self, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> None:
        """Add what a log has of samples that came in order; of others, and of those out of bounds, nothing."""
        self._grow()
        # What is not newer than the sample before it had been refused, or is in the log of late samples too.
        codes = self._store.check(rows, times, values, bounds=(_FIRST, native.NO_LATE_SAMPLES))
        codes[(codes == native.HEAD_TAKEN) & (times < self.min_valid_time)] = native.HEAD_OUT_OF_BOUNDS
        self.commit(Staged.of(rows, times, values, codes))

    def restore_late(self, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> None:
        """Add late samples."""
        for row, time, value in zip(rows.tolist(), times.tolist(), values.tolist(), strict=True):
            self._insert_late(row, time, value)

    def late_samples(self) -> tuple[IntArray, IntArray, npt.NDArray[np.float64]]:
        """Rows, times and values of all late samples, such that adding them in this order gives them again."""
        return self._late.samples()

    def delete(self, rows: IntArray, start: int, end: int) -> None:
        """Delete what the series at `rows` have in `[start, end]` (ms, closed); not what comes later."""
        self._grow()
        newest = self._store.newest_times()[rows]
        for row, last in zip(rows.tolist(), np.minimum(newest, min(end, _LAST)).tolist(), strict=True):
            self._late.delete(row, start, end)
            if start <= last and last > _FIRST:
                interval = np.array([(max(start, _FIRST), last)], np.int64)
                gone = self._stones.get(row)
                self._stones[row] = interval if gone is None else np.concatenate((gone, interval))

    def _insert_late(self, row: int, time: int, value: float) -> None:
        self._late.insert(row, time, value)
        self.min_time = min(self.min_time, time)

    def _extend(self, first: int, last: int) -> None:
        """Samples between these times came in order."""
        if first < self.in_order_from:
            self.in_order_from = first
            self.min_time = min(self.min_time, first)
        self.max_time = max(self.max_time, last)

    def _refuse_dropped(self, rows: IntArray) -> None:
        if len(self._dropped):
            known = rows[(rows >= 0) & (rows < len(self._dropped))]
            dropped = known[self._dropped[known]]
            if len(dropped):
                raise NotFoundError(f"series {dropped[0]} was dropped: it had no samples left")

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
        self._started.forget(before)
        used = set(np.unique(self._store.closed.buffer).tolist())
        self._moved = {number: file for number, file in self._moved.items() if number in used}
        empty = self._drop_empty()
        gone = set(empty.tolist())
        self._stones = {
            row: intervals[intervals[:, 1] >= before] for row, intervals in self._stones.items() if row not in gone
        }
        self.min_time = max(self.min_time, before)
        self.in_order_from = max(self.in_order_from, before)
        return empty

    def _drop_empty(self) -> IntArray:
        """Drop the series that have nothing; returns their rows."""
        empty = self._store.empty_series()
        empty = empty[~np.isin(empty, np.concatenate((self._started.rows, self._late.rows)))]
        empty = empty[~np.isin(empty, np.flatnonzero(self._dropped))]
        if len(empty):
            self._store.release(empty)
            self.registry.remove(empty)
            dropped = np.zeros(len(self._store), np.bool_)
            dropped[: len(self._dropped)] = self._dropped
            dropped[empty] = True
            self._dropped = dropped
            self._is_plain = False
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
        return len(self.registry) - int(np.count_nonzero(self._dropped))

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """Nothing here was read from a file."""
        return ()

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Nothing here was read from a file."""
        return ()

    def newest_time(self, row: int) -> int:
        """When the newest sample of a series is that came in order, ms."""
        return int(self._store.newest_times()[row])

    def runs(self, rows: IntArray, start: int, end: int) -> SourceRuns:
        """The runs of the series at `rows` that touch `[start, end]`: what the head holds now."""
        self._grow()
        found = self._store.runs(rows, start, end)
        numbers, files = self._files()
        files = (File("memory", found.copies.data), *files)
        runs = Runs(
            buffers=tuple([file.data for file in files]),
            offsets=found.offsets,
            buffer=numbers[found.buffer],
            start=found.start,
            length=found.length,
            encoding=np.full(len(found.start), ENCODING_XOR, np.uint8),
            min_time=found.min_time,
            max_time=found.max_time,
        )
        n_empty = int(np.count_nonzero(found.offsets[1:] == found.offsets[:-1]))
        in_order = SourceRuns(files, runs, n_empty, in_order=True)
        if self._started and np.isin(rows, self._started.rows).any():
            in_order = self._with(self._started, in_order, rows, start, end)
        if self._stones:
            in_order = attrs.evolve(in_order, deleted=self._deleted(rows, in_order.runs))
        if self._late and np.isin(rows, self._late.rows).any():
            return self._with(self._late, in_order, rows, start, end)
        return in_order

    def _with(
        self, more: StartedSamples | OutOfOrder, found: SourceRuns, rows: IntArray, start: int, end: int
    ) -> SourceRuns:
        """The runs of each series, and behind them more of it."""
        table = join((found.table(), more.table(rows, start, end)))
        # Where samples have the same time, those of the earliest run stay: what came in order before what came late.
        table = table.take(np.argsort(table.series, kind="stable"))
        counts = np.bincount(table.series, minlength=len(rows))
        runs = table.to_runs(offsets_of(counts))
        in_order = more is self._started
        return SourceRuns(
            table.files, runs, int(np.count_nonzero(counts == 0)), in_order=in_order, deleted=table.deleted
        )

    def _deleted(self, rows: IntArray, runs: Runs) -> dict[int, IntArray]:
        owners = np.repeat(rows, np.diff(runs.offsets))
        return dict(find_deleted(owners, runs.min_time, runs.max_time, self._stones))

    def _files(self) -> tuple[npt.NDArray[np.int32], tuple[File, ...]]:
        """The files but for the copies; and which a number stands for, counted from the copies, for numbers < 0 too."""
        arenas = self._store.arenas
        known, numbers, files = self._buffers
        question = (*arenas, *self._moved)
        if question != known:
            named = {number: File("memory", arena.data) for number, arena in arenas.items()} | self._moved
            numbers = np.zeros(max(arenas, default=-1) + 1 - self._next_buffer, np.int32)
            numbers[list(named)] = np.arange(1, len(named) + 1)
            files = tuple(named.values())
            self._buffers = question, numbers, files
        return numbers, files

    def _grow(self) -> bool:
        """Make place for the series that were registered since; whether there are any."""
        new = len(self.registry) - self._known
        if new:
            self._store.add_series(new)
            self._known += new
        return new > 0
