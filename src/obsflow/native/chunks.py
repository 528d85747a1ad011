"""The chunks of a block: selected by time, found and checked in their segments."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import (
    I32,
    I64,
    U8,
    Int64Array,
    UInt8Array,
    as_array,
    check,
    ffi,
    lib,
    pass_memory,
)
from obsflow.native.series import SharedBuffers

CHUNK_UNREAD: Final = int(lib.OBS_CHUNK_UNREAD)
CHUNK_READABLE: Final = int(lib.OBS_CHUNK_READABLE)
CHUNK_SKIPPED: Final = int(lib.OBS_CHUNK_SKIPPED)
CHUNK_MISSING: Final = int(lib.OBS_CHUNK_MISSING)
CHUNK_OUTSIDE: Final = int(lib.OBS_CHUNK_OUTSIDE)
CHUNK_CUT: Final = int(lib.OBS_CHUNK_CUT)
CHUNK_CORRUPT: Final = int(lib.OBS_CHUNK_CORRUPT)

_RANGES: Final = ffi.typeof("obs_chunk_ranges *")
_PLACES: Final = ffi.typeof("obs_chunk_places *")


class ChunkRanges(NamedTuple):
    """Chunks next to one another for each of some series: series `i` has `offsets[i + 1] - offsets[i]` from `first[i]`.

    Both are int64, `[series]` and `[series + 1]`. `in_order` says that those of each series follow one another in time
    and do not overlap.
    """

    first: Int64Array
    offsets: Int64Array
    in_order: bool

    def chunks(self) -> Int64Array:
        """Which they are, int64 `[chunks]`."""
        counts = self.offsets[1:] - self.offsets[:-1]
        return np.repeat(self.first - self.offsets[:-1], counts) + np.arange(self.offsets[-1])


class ChunkTimes:
    """The times of the chunks of many series: series `i` has the chunks `offsets[i]:offsets[i + 1]`.

    Made from int64 `[series + 1]` offsets and int64 `[chunks]` times (ms, closed). Raises TypeError and ValueError.
    """

    __slots__ = ("_alive", "max_time", "min_time", "pointer")

    def __init__(self, offsets: Int64Array, min_time: Int64Array, max_time: Int64Array) -> None:
        n_series, n_chunks = len(offsets) - 1, len(min_time)
        self.min_time = as_array(min_time, np.int64, (n_chunks,), "min_time")
        self.max_time = as_array(max_time, np.int64, (n_chunks,), "max_time")
        columns = {
            "offsets": pass_memory(I64, as_array(offsets, np.int64, (max(n_series, 0) + 1,), "offsets")),
            "min_time": pass_memory(I64, self.min_time),
            "max_time": pass_memory(I64, self.max_time),
            "in_order": pass_memory(U8, np.empty(n_series, np.uint8)),
        }
        self._alive = columns
        self.pointer = ffi.new("obs_chunks *", columns | {"n_series": n_series, "n_chunks": n_chunks})
        check(lib.obs_chunks_order(self.pointer))

    def between(self, rows: Int64Array, start: int, end: int) -> ChunkRanges:
        """The chunks of the series at `rows` that touch `[start, end]`.

        Where those of a series are not in order, others that lie between them come along. Raises ValueError for a row
        that is not there.
        """
        n = len(rows)
        rows = as_array(rows, np.int64, (n,), "rows")
        first, offsets = np.empty(n, np.int64), np.empty(n + 1, np.int64)
        ranges = ffi.new(_RANGES, (pass_memory(I64, first), pass_memory(I64, offsets), n))
        check(lib.obs_chunks_between(self.pointer, pass_memory(I64, rows), start, end, ranges))
        return ChunkRanges(first, offsets, bool(ranges.in_order))


class Located(NamedTuple):
    """Readable chunks: series `i` has the rows `offsets[i]:offsets[i + 1]`; `n_empty` of the series have none.

    `segment` int32 counts the segments in order of their numbers; `start` and `length` int64 are the data's place in
    it, in bytes; `encoding` is uint8; times are int64, ms, closed. `is_damaged` says that others were not readable and
    should have been.
    """

    offsets: Int64Array
    segment: npt.NDArray[np.int32]
    start: Int64Array
    length: Int64Array
    encoding: UInt8Array
    min_time: Int64Array
    max_time: Int64Array
    n_empty: int
    is_damaged: bool


class ChunkFiles:
    """Where the chunks are: int64 `references` as an index has them, and the bytes of segments by their number.

    Numbers count as references do, from 0. A chunk is checked when it is first located, and `state`, uint8 `[chunks]`,
    remembers what came of it. Threads may locate at the same time. Raises TypeError and ValueError.
    """

    __slots__ = ("_pointer", "_references", "_times", "_views", "buffers", "state")

    def __init__(self, times: ChunkTimes, references: Int64Array, segments: Mapping[int, bytes | memoryview]) -> None:
        n_chunks = len(times.min_time)
        self._times = times
        self._references = as_array(references, np.int64, (n_chunks,), "references")
        self.state = np.full(n_chunks, CHUNK_UNREAD, np.uint8)  # written, so that no page is missing later
        numbers = sorted(segments)
        self.buffers = SharedBuffers(segments[number] for number in numbers)
        self._views = (
            pass_memory(I64, np.array(numbers, np.int64)),
            pass_memory(I64, self._references),
            pass_memory(U8, self.state),
        )
        columns = dict(zip(("numbers", "reference", "state"), self._views, strict=True))
        passed = self.buffers.passed
        buffers = {"data": passed.data, "sizes": passed.sizes, "n_segments": len(numbers)}
        self._pointer = ffi.new("obs_chunk_files *", columns | buffers | {"n_chunks": n_chunks})

    def locate(self, ranges: ChunkRanges) -> Located:
        """The readable ones of the chunks, checked. Raises ValueError for a chunk that is not there."""
        n = len(ranges.first)
        first = as_array(ranges.first, np.int64, (n,), "first")
        offsets = as_array(ranges.offsets, np.int64, (n + 1,), "offsets").copy()
        room = max(int(offsets[-1]), 0)
        segment, encoding, words = np.empty(room, np.int32), np.empty(room, np.uint8), np.empty((4, room), np.int64)
        start, length, min_time, max_time = words
        given = ffi.new(_RANGES, (pass_memory(I64, first), pass_memory(I64, offsets), n, room))
        places = ffi.new(
            _PLACES,
            (
                pass_memory(I32, segment),
                pass_memory(I64, start),
                pass_memory(I64, length),
                pass_memory(U8, encoding),
                pass_memory(I64, min_time),
                pass_memory(I64, max_time),
                room,
            ),
        )
        check(lib.obs_chunks_locate(self._times.pointer, self._pointer, given, places))
        n = places.n
        places_of = (segment[:n], start[:n], length[:n], encoding[:n])
        return Located(offsets, *places_of, min_time[:n], max_time[:n], places.n_empty, bool(places.is_damaged))

    def encodings(self, chunks: Int64Array) -> UInt8Array:
        """The encodings of chunks that were located; 0 where there is none. Raises ValueError for no chunk."""
        chunks = as_array(chunks, np.int64, (len(chunks),), "chunks")
        encodings = np.empty(len(chunks), np.uint8)
        check(
            lib.obs_chunks_encodings(self._pointer, pass_memory(I64, chunks), len(chunks), pass_memory(U8, encodings))
        )
        return encodings
