"""The newest samples of many series, in memory that grows: an open chunk each, and chunks that are closed."""

from array import array
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import (
    F64,
    I32,
    I64,
    SIZE,
    U8,
    U64,
    Float64Array,
    Int64Array,
    UInt8Array,
    as_array,
    check,
    ffi,
    lib,
    pass_memory,
)

HEAD_TAKEN: Final = int(lib.OBS_HEAD_TAKEN)
HEAD_REPEATED: Final = int(lib.OBS_HEAD_REPEATED)
HEAD_CONTRADICTS: Final = int(lib.OBS_HEAD_CONTRADICTS)
HEAD_OUT_OF_ORDER: Final = int(lib.OBS_HEAD_OUT_OF_ORDER)
HEAD_OUT_OF_BOUNDS: Final = int(lib.OBS_HEAD_OUT_OF_BOUNDS)
HEAD_TOO_OLD: Final = int(lib.OBS_HEAD_TOO_OLD)
HEAD_LATE: Final = int(lib.OBS_HEAD_LATE)

NO_LATE_SAMPLES: Final = (1 << 63) - 1
"""As the oldest late sample: none are taken."""

COPIES: Final = -1
"""The number of the buffer that holds copies of open chunks."""

_PAGE_BYTES: Final = int(lib.OBS_HEAD_PAGE_BYTES)
_PAGE_ENTRY_BYTES: Final = ffi.sizeof("obs_head_page")
_SERIES: Final = np.dtype(
    {
        "names": ["time", "bits", "count", "newest"],
        "formats": [np.int64, np.uint64, np.uint32, np.int32],
        "offsets": [
            0,
            ffi.offsetof("obs_head_series", "open") + ffi.offsetof("obs_xor_state", "bits"),
            ffi.offsetof("obs_head_series", "open") + ffi.offsetof("obs_xor_state", "count"),
            ffi.offsetof("obs_head_series", "newest"),
        ],
        "itemsize": ffi.sizeof("obs_head_series"),
    }
)
_SERIES_BYTES: Final = _SERIES.itemsize
_ARENA_BYTES: Final = 1 << 18
_MAX_ARENA_BYTES: Final = 1 << 24
_FIRST_SERIES: Final = 64
_FIRST_PAGES: Final = 4
_FIRST_CLOSED: Final = 64
_CLOSED_COLUMNS: Final = {
    "series": (np.int32, I32),
    "older": (np.int32, I32),
    "buffer": (np.int32, I32),
    "start": (np.int64, I64),
    "length": (np.int32, I32),
    "min_time": (np.int64, I64),
    "max_time": (np.int64, I64),
}


_NOTHING: Final[dict[str, npt.NDArray[Any]]] = {
    name: np.empty(0, dtype) for name, (dtype, _) in _CLOSED_COLUMNS.items()
}

HeadRows: TypeAlias = "Int64Array | array[int]"
HeadValues: TypeAlias = "Float64Array | array[float]"


class HeadRuns(NamedTuple):
    """Chunks of some series: series `i` has the rows `offsets[i]:offsets[i + 1]`, in order of time.

    `buffer` int32 is the number of the arena, or of what the bytes were moved to, or COPIES: then the bytes are in
    `copies`, open chunks as they are now. `start`, `length` int64 are bytes in it; times are int64, ms, closed.
    """

    offsets: Int64Array
    buffer: npt.NDArray[np.int32]
    start: Int64Array
    length: Int64Array
    min_time: Int64Array
    max_time: Int64Array
    copies: UInt8Array


class ClosedChunks(NamedTuple):
    """The closed chunks, oldest first: views of the store's columns, which hold until the next call of it."""

    series: npt.NDArray[np.int32]
    buffer: npt.NDArray[np.int32]
    start: Int64Array
    length: npt.NDArray[np.int32]
    min_time: Int64Array
    max_time: Int64Array

    def after(self, count: int) -> "ClosedChunks":
        """Without the first `count`."""
        return ClosedChunks(
            self.series[count:],
            self.buffer[count:],
            self.start[count:],
            self.length[count:],
            self.min_time[count:],
            self.max_time[count:],
        )


class HeadStore:
    """Samples of series that count up from 0, compressed as they come. Times are ms; `chunk_range` aligns chunks, ms.

    What `arenas` hold never changes: bytes are only added. Not for several threads at once.
    """

    __slots__ = (
        "_alive", "_bounds", "_closed", "_code", "_counts", "_head", "_page_table", "_pages", "_series", "_taken",
        "arenas",
    )  # fmt: skip

    def __init__(self, chunk_range: int) -> None:
        if chunk_range <= 0:
            raise ValueError(f"a chunk range must be positive, not {chunk_range}")
        self._head = ffi.new("obs_head *", {"chunk_range": chunk_range, "arena_number": -1})
        self._alive: dict[str, Any] = {}
        self._bounds = ffi.new("obs_head_bounds *")
        self._taken: tuple[int, int] = (0, 0)  # what the bounds are
        self._code = ffi.new("uint8_t *")
        self._counts = ffi.new(SIZE), ffi.new(SIZE)
        self._pages: list[Any] = []
        self._page_table = np.empty(0, np.uint8)
        self.arenas: dict[int, UInt8Array] = {}
        self._series = np.empty(0, np.uint8)
        self._closed: dict[str, npt.NDArray[Any]] = _NOTHING.copy()

    def __len__(self) -> int:
        return int(self._head.n_series)

    @property
    def nbytes(self) -> int:
        """The memory that is taken, bytes; some of what is taken may never have been touched."""
        pages = len(self._pages) * _PAGE_BYTES + self._page_table.nbytes
        columns = sum(column.nbytes for column in self._closed.values())
        return int(self._series.nbytes + pages + columns + sum(arena.nbytes for arena in self.arenas.values()))

    def add_series(self, n: int) -> None:
        """Add `n` series without samples."""
        before, after = len(self), len(self) + n
        if after * _SERIES_BYTES > len(self._series):
            grown = np.empty(max(after, 2 * before, _FIRST_SERIES) * _SERIES_BYTES, np.uint8)
            grown[: before * _SERIES_BYTES] = self._series[: before * _SERIES_BYTES]
            self._series = grown
            view = pass_memory(U8, grown)
            self._alive["series"] = view
            self._head.series = ffi.cast("obs_head_series *", view)
        self._head.n_series = after
        lib.obs_head_start(self._head, before)

    def check(self, rows: Int64Array, times: Int64Array, values: Float64Array, bounds: tuple[int, int]) -> UInt8Array:
        """What would become of samples appended one after another, uint8 `[n]` of HEAD_ codes; changes nothing.

        `bounds` are the least time of all but late samples, and that of late ones. Raises ValueError for a row that is
        not there.
        """
        columns = self._columns(rows, times, values)
        n = len(columns[0])
        codes, old_times, old_bits = np.empty(n, np.uint8), np.empty(n, np.int64), np.empty(n, np.uint64)
        self._set_bounds(bounds)
        scratch = ffi.new("obs_head_scratch *", (pass_memory(I64, old_times), pass_memory(U64, old_bits), n))
        views = _pass_columns(columns)
        check(lib.obs_head_check(self._head, self._bounds, *views, n, scratch, pass_memory(U8, codes)))
        return codes

    def append_at(self, rows: HeadRows, time: int, values: HeadValues, *, min_time: int) -> bool:
        """Append a sample at one time to each of distinct series, if that is not before `min_time`.

        Buffers of int64 and float64, as many. False, and nothing is appended, where one of the series is not there, or
        has a sample that is not older.
        """
        done, lacking = self._counts
        done[0] = 0
        n, views = len(rows), (pass_memory(I64, rows), time, pass_memory(F64, values))
        append = lib.obs_head_append_at
        while (status := append(self._head, min_time, *views, n, done, lacking)) == lib.OBS_NO_SPACE:
            self._grow(int(lacking[0]))
        return bool(status == lib.OBS_OK)

    def take(self, row: int, time: int, value: float, bounds: tuple[int, int]) -> int:
        """Append one sample if it is newer than what its series has; returns its code, as `check` does.

        Raises ValueError for a row that is not there.
        """
        if bounds != self._taken:
            self._set_bounds(bounds)
        code, lacking = self._code, self._counts[1]
        status = lib.obs_head_take(self._head, self._bounds, row, time, value, code, lacking)
        while status == lib.OBS_NO_SPACE:
            self._grow(int(lacking[0]))
            status = lib.obs_head_take(self._head, self._bounds, row, time, value, code, lacking)
        if status:
            check(status)
        taken: int = code[0]
        return taken

    def mark_newest(self, row: int, time: int, value: float) -> None:
        """Say that the newest sample of a series is one that is kept elsewhere; its open chunk is closed.

        Raises ValueError where it is not newer, or for a row that is not there.
        """
        lacking = self._counts[1]
        while (status := lib.obs_head_mark_newest(self._head, row, time, value, lacking)) == lib.OBS_NO_SPACE:
            self._grow(int(lacking[0]))
        check(status)

    def append(self, rows: Int64Array, times: Int64Array, values: Float64Array) -> None:
        """Append samples, each newer than what its series has. Raises ValueError at one that is not, or at no such row.

        Those before it are appended then.
        """
        columns = self._columns(rows, times, values)
        n = len(columns[0])
        views = _pass_columns(columns)
        done, lacking = ffi.new(SIZE), ffi.new(SIZE)
        while (status := lib.obs_head_append(self._head, *views, n, done, lacking)) == lib.OBS_NO_SPACE:
            self._grow(int(lacking[0]))
        check(status)

    def runs(self, rows: Int64Array, start: int, end: int) -> HeadRuns:
        """The chunks of the series `rows` that touch `[start, end]`. Raises ValueError for a row that is not there."""
        n = len(rows)
        given = pass_memory(I64, as_array(rows, np.int64, (n,), "rows"))
        offsets, size = np.empty(n + 1, np.int64), ffi.new(SIZE)
        counted = pass_memory(I64, offsets)
        check(lib.obs_head_count_runs(self._head, given, n, start, end, counted, size))
        room = int(offsets[-1])
        buffer, words = np.empty(room, np.int32), np.empty((4, room), np.int64)
        copies = np.empty(size[0], np.uint8)
        views = (pass_memory(I32, buffer), *(pass_memory(I64, column) for column in words))
        runs = ffi.new("obs_head_runs *", (counted, *views, room, pass_memory(U8, copies), len(copies), COPIES))
        check(lib.obs_head_fill_runs(self._head, given, n, start, end, runs))
        start_of, length, min_time, max_time = words
        return HeadRuns(offsets, buffer, start_of, length, min_time, max_time, copies)

    @property
    def closed(self) -> ClosedChunks:
        """The closed chunks."""
        n = int(self._head.closed.n)
        return ClosedChunks(**{name: self._closed[name][:n] for name in ClosedChunks._fields})

    def newest_times(self) -> Int64Array:
        """The time of every series' newest sample, ms; the least int64 where there never was one."""
        times: Int64Array = self._states["time"]
        return times

    def empty_series(self) -> Int64Array:
        """The series that have no chunk, int64."""
        states = self._states
        return np.flatnonzero((states["count"] == 0) & (states["newest"] < 0))

    def move(self, chunks: slice, buffer: int, start: Int64Array) -> None:
        """Say that the bytes of closed chunks are now at `start` of a buffer of this number, which no arena has."""
        self._closed["buffer"][: self._head.closed.n][chunks] = buffer
        self._closed["start"][: self._head.closed.n][chunks] = start
        self._drop_arenas()

    def restore(
        self,
        series: Int64Array,
        buffer: npt.NDArray[np.int32],
        start: Int64Array,
        length: Int64Array,
        min_time: Int64Array,
        max_time: Int64Array,
    ) -> None:
        """Put closed chunks behind those there are, whose bytes are in buffers of these numbers, which no arena has.

        Raises ValueError, and changes nothing, where a chunk is not newer than all that its series has then, or for a
        series that has an open chunk or is not there. What the newest value of a series is must be said after.
        """
        n, before = len(series), int(self._head.closed.n)
        if not n:
            return
        states = self._states
        if series.min() < 0 or series.max() >= len(states) or (states["count"][series] != 0).any():
            raise ValueError("chunks can be put back only to series that are there and have no open chunk")
        order = np.argsort(series, kind="stable")
        owner = series[order]
        follows = np.zeros(n, np.bool_)
        follows[1:] = owner[1:] == owner[:-1]
        previous = np.roll(order, 1)
        reach = np.where(follows, max_time[previous], states["time"][owner])
        if (min_time[order] <= reach).any() or (max_time < min_time).any():
            raise ValueError("a chunk must be newer than what its series has")
        while before + n > self._head.closed.capacity:
            self._grow_closed()
        older = np.empty(n, np.int32)
        older[order] = np.where(follows, previous + before, states["newest"][owner])
        columns = (series, older, buffer, start, length, min_time, max_time)
        for name, column in zip(_CLOSED_COLUMNS, columns, strict=True):
            self._closed[name][before : before + n] = column
        self._head.closed.n = before + n
        last = np.ones(n, np.bool_)
        last[:-1] = ~follows[1:]
        states["newest"][owner[last]] = order[last] + before
        states["time"][owner[last]] = max_time[order[last]]

    def set_newest_values(self, rows: Int64Array, values: Float64Array) -> None:
        """Say what the newest value of series is, whose chunks were put back."""
        self._states["bits"][rows] = values.view(np.uint64)

    def forget(self, before: int) -> None:
        """Drop the chunks that end before a time, and the arenas that hold no others."""
        lib.obs_head_forget(self._head, before)
        self._drop_arenas()

    def release(self, rows: Int64Array) -> None:
        """Make series empty that have no closed chunk. Raises ValueError, and changes nothing, for another row."""
        rows = as_array(rows, np.int64, (len(rows),), "rows")
        check(lib.obs_head_release(self._head, pass_memory(I64, rows), len(rows)))

    @property
    def _states(self) -> npt.NDArray[np.void]:
        return self._series[: len(self) * _SERIES_BYTES].view(_SERIES)

    def _set_bounds(self, bounds: tuple[int, int]) -> None:
        self._bounds.min_time, self._bounds.late_from = self._taken = bounds

    def _drop_arenas(self) -> None:
        used = set(np.unique(self.closed.buffer).tolist())
        for number in [number for number in self.arenas if number not in used and number != self._head.arena_number]:
            del self.arenas[number]

    def _columns(self, rows: Int64Array, times: Int64Array, values: Float64Array) -> tuple[npt.NDArray[Any], ...]:
        n = len(rows)
        return (
            as_array(rows, np.int64, (n,), "rows"),
            as_array(times, np.int64, (n,), "times"),
            as_array(values, np.float64, (n,), "values"),
        )

    def _grow(self, lacking: int) -> None:
        if lacking == lib.OBS_HEAD_LACKS_PAGE:
            self._add_page()
        elif lacking == lib.OBS_HEAD_LACKS_ARENA:
            number = int(self._head.arena_number) + 1
            size = min(_MAX_ARENA_BYTES, _ARENA_BYTES << min(len(self.arenas), 16))
            self.arenas[number] = arena = np.empty(size, np.uint8)
            view = pass_memory(U8, arena)
            self._alive["arena"] = view
            self._head.arena, self._head.arena_size, self._head.arena_used = view, size, 0
            self._head.arena_number = number
        else:
            self._grow_closed()

    def _add_page(self) -> None:
        pages, used = self._head.pages, len(self._pages) * _PAGE_ENTRY_BYTES
        if used == len(self._page_table):
            grown = np.empty(max(_FIRST_PAGES * _PAGE_ENTRY_BYTES, 2 * used), np.uint8)
            grown[:used] = self._page_table
            self._page_table = grown
            self._alive["pages"] = view = pass_memory(U8, grown)
            pages.table, pages.capacity = ffi.cast("obs_head_page *", view), len(grown) // _PAGE_ENTRY_BYTES
        self._pages.append(pass_memory(U8, np.empty(_PAGE_BYTES, np.uint8)))
        check(lib.obs_head_add_page(self._head, self._pages[-1]))

    def _grow_closed(self) -> None:
        closed = self._head.closed
        capacity = max(_FIRST_CLOSED, 2 * int(closed.capacity))
        for name, (dtype, ctype) in _CLOSED_COLUMNS.items():
            column = np.empty(capacity, dtype)
            column[: closed.n] = self._closed[name][: closed.n]
            self._closed[name] = column
            view = pass_memory(ctype, column)
            self._alive[name] = view
            setattr(closed, name, view)
        closed.capacity = capacity


def _pass_columns(columns: tuple[npt.NDArray[Any], ...]) -> list[Any]:
    rows, times, values = columns
    return [pass_memory(I64, rows), pass_memory(I64, times), pass_memory(F64, values)]
