"""A write-ahead log as it is read: records out of pages, and series out of records."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import (
    I32,
    I64,
    SIZE,
    U8,
    U64,
    Buffer,
    Int64Array,
    UInt8Array,
    UInt64Array,
    as_array,
    check,
    ffi,
    lib,
    pass_bytes,
    pass_memory,
)

LOG_FAULTS: Final = {
    int(lib.OBS_LOG_NOT_ZERO): "expected zeros in the rest of the page",
    int(lib.OBS_LOG_TORN): "segment ends within a record",
    int(lib.OBS_LOG_UNKNOWN_TYPE): "fragment of unknown type",
    int(lib.OBS_LOG_TOO_LONG): "fragment does not fit into its page",
    int(lib.OBS_LOG_CHECKSUM): "checksum of a fragment does not match",
    int(lib.OBS_LOG_NOT_CONTINUED): "record is not continued",
    int(lib.OBS_LOG_STARTS_WITHIN): "record starts within a record",
    int(lib.OBS_LOG_NO_START): "record has no start",
    int(lib.OBS_LOG_MIXED): "record is partly compressed in another way",
    int(lib.OBS_LOG_NO_SNAPPY): "record does not decompress",
    int(lib.OBS_LOG_ENDS_WITHIN): "segment ends within a record",
}
"""What is wrong, by code."""

_BATCH_BYTES: Final = 1 << 20
_BATCH_RECORDS: Final = 1 << 14
_BATCH_FAULTS: Final = 1 << 10


class LogBatch(NamedTuple):
    """Records of a segment, and the faults between them.

    Record `i` is `lengths[i]` bytes from `starts[i]` of `data` on, and begins at `offsets[i]` of the segment; where
    `is_zstd[i]`, still compressed. The columns hold until the next batch is read. `faults` are codes of LOG_FAULTS with
    their offsets.
    """

    data: UInt8Array
    offsets: Int64Array
    starts: Int64Array
    lengths: Int64Array
    is_zstd: npt.NDArray[np.bool_]
    faults: list[tuple[int, int]]


class LogReader:
    """Reads a segment. Of the one that is being written, which `is_last`, the end may lie within a record.

    `lost` counts the bytes that were passed over so far; `sound_end` is where the last whole record ends.
    """

    __slots__ = ("_data", "_faults", "_is_last", "_keep", "_out", "_place", "_records")

    def __init__(self, data: Buffer, *, is_last: bool) -> None:
        self._data = data
        self._is_last = int(is_last)
        self._place = ffi.new("obs_log_place *", {"in_step": 1})
        self._records = ffi.new("obs_log_records *")
        self._faults = ffi.new("obs_log_faults *")
        self._out = np.empty(0, np.uint8)
        self._keep = (np.empty((3, _BATCH_RECORDS), np.int64), np.empty(_BATCH_RECORDS, np.uint8))

    @property
    def lost(self) -> int:
        """Bytes of damaged fragments, and of those that belong to the same records."""
        return int(self._place.lost)

    @property
    def sound_end(self) -> int:
        """Where the last whole record ends."""
        return int(self._place.sound_end)

    def batches(self) -> Iterator[LogBatch]:
        """All records, many at once."""
        words, marks = self._keep
        codes, places = np.empty(_BATCH_FAULTS, np.uint8), np.empty(_BATCH_FAULTS, np.int64)
        records, faults = self._records, self._faults
        columns = [pass_memory(I64, column) for column in words]
        flags, code_view, place_view = pass_memory(U8, marks), pass_memory(U8, codes), pass_memory(I64, places)
        records.offsets, records.starts, records.lengths = columns
        records.compressions, records.capacity = flags, _BATCH_RECORDS
        faults.codes, faults.offsets, faults.capacity = code_view, place_view, _BATCH_FAULTS
        source, room = pass_bytes(self._data), min(_BATCH_BYTES, 32 * len(self._data))
        while not self._place.is_done:
            if room != len(self._out):
                self._out = np.empty(room, np.uint8)
            out = pass_memory(U8, self._out)
            records.out, records.out_size = out, room
            status = lib.obs_log_read(source, len(self._data), self._is_last, self._place, records, faults)
            if status != lib.OBS_NO_SPACE:
                check(status)
            n, n_faults = int(records.n), int(faults.n)
            if not n and not n_faults and status == lib.OBS_NO_SPACE:
                room = 4 * room + 64
                continue
            found = list(zip(codes[:n_faults].tolist(), places[:n_faults].tolist(), strict=True))
            offsets, starts, lengths = (column[:n] for column in words)
            yield LogBatch(self._out, offsets, starts, lengths, marks[:n] != lib.OBS_LOG_PLAIN, found)


class LoggedSeries(NamedTuple):
    """Series of records: series `i` has the strings `offsets[i]:offsets[i + 1]`, name and value by turns.

    String `k` is the range `starts[k]`, `lengths[k]` of the data, and equals all with its `numbers[k]`, of which
    `firsts` has the first. `plain[i]` is 1 where the names ascend and are ASCII, and no name or value is empty. `bad`
    uint8 has 1 for a record that ends within a series.
    """

    references: UInt64Array
    offsets: Int64Array
    plain: npt.NDArray[np.bool_]
    starts: Int64Array
    lengths: Int64Array
    numbers: npt.NDArray[np.int32]
    firsts: Int64Array
    bad: UInt8Array


def decode_log_series(data: Buffer | UInt8Array, starts: Int64Array, lengths: Int64Array) -> LoggedSeries:
    """The series of `n` records of type 1, which are ranges of one buffer. Raises ValueError for other ranges."""
    n = len(starts)
    starts, lengths = as_array(starts, np.int64, (n,), "starts"), as_array(lengths, np.int64, (n,), "lengths")
    size = max(0, int(lengths.sum()))
    references, ends = np.empty(size // 9 + 1, np.uint64), np.zeros(size // 9 + 2, np.int64)
    plain, bad, words = np.empty(len(references), np.uint8), np.zeros(n, np.uint8), np.empty((2, size), np.int64)
    source = pass_memory(U8, data) if isinstance(data, np.ndarray) else pass_bytes(data)
    views = [pass_memory(U64, references), pass_memory(I64, ends[1:]), pass_memory(U8, plain)]
    views += [pass_memory(I64, words[0]), pass_memory(I64, words[1])]
    series = ffi.new("obs_log_series *", (*views, len(references), size))
    given = (source, len(data), pass_memory(I64, starts), pass_memory(I64, lengths), n)
    check(lib.obs_log_decode_series(*given, series, pass_memory(U8, bad)))
    found, strings = int(series.n_series), int(series.n_strings)
    slots, numbers, firsts = (
        np.full(1 << (2 * strings).bit_length(), -1, np.int32),
        np.empty(strings, np.int32),
        ffi.new(SIZE),
    )
    first = np.empty(strings, np.int64)
    out = (pass_memory(I32, slots), len(slots), pass_memory(I32, numbers), pass_memory(I64, first), firsts)
    check(lib.obs_log_number_strings(source, len(data), views[3], views[4], strings, *out))
    at, lengths_of = words[0, :strings], words[1, :strings]
    owned = (references[:found], ends[: found + 1], plain[:found].astype(np.bool_))
    return LoggedSeries(*owned, at, lengths_of, numbers, first[: firsts[0]], bad)


def find_covered(
    rows: Int64Array, times: Int64Array, offsets: Int64Array, min_time: Int64Array, max_time: Int64Array
) -> npt.NDArray[np.bool_]:
    """Which samples lie in a chunk of their series: row `r` has the chunks `offsets[r]:offsets[r + 1]`, by time.

    Raises ValueError for a row that is not there.
    """
    n, n_chunks = len(rows), len(min_time)
    rows, times = as_array(rows, np.int64, (n,), "rows"), as_array(times, np.int64, (n,), "times")
    offsets = as_array(offsets, np.int64, (len(offsets),), "offsets")
    if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != n_chunks or (np.diff(offsets) < 0).any():
        raise ValueError("offsets must ascend over all chunks")
    first = as_array(min_time, np.int64, (n_chunks,), "min_time")
    last = as_array(max_time, np.int64, (n_chunks,), "max_time")
    covered, following = np.empty(n, np.uint8), offsets.copy()
    samples = (pass_memory(I64, rows), pass_memory(I64, times), n)
    chunks = (pass_memory(I64, offsets), len(offsets) - 1, pass_memory(I64, first), pass_memory(I64, last))
    check(lib.obs_log_find_covered(*samples, *chunks, pass_memory(I64, following), pass_memory(U8, covered)))
    return covered.astype(np.bool_)


class StoredChunks(NamedTuple):
    """The chunks of a file of head chunks, in its order: uint64 `references`, int64 columns and uint8 `encodings`.

    Chunk `i` begins at `offsets[i]` of the file and has its data at `starts[i]`. Times are ms, closed. `is_sound` says
    whether its checksum holds. `fault` is where a chunk begins that does not fit into the file; -1 for none.
    """

    references: UInt64Array
    offsets: Int64Array
    starts: Int64Array
    lengths: Int64Array
    min_time: Int64Array
    max_time: Int64Array
    encodings: UInt8Array
    is_sound: npt.NDArray[np.bool_]
    fault: int

    def only_sound(self) -> "StoredChunks":
        """Without those whose checksum does not hold."""
        kept = self.is_sound
        return StoredChunks(
            self.references[kept],
            self.offsets[kept],
            self.starts[kept],
            self.lengths[kept],
            self.min_time[kept],
            self.max_time[kept],
            self.encodings[kept],
            kept[kept],
            self.fault,
        )


def decode_head_chunks(data: Buffer) -> StoredChunks:
    """What follows the header of a file of head chunks."""
    room = int(lib.obs_head_chunks_capacity(len(data)))
    references, words, marks = np.empty(room, np.uint64), np.empty((5, room), np.int64), np.empty((2, room), np.uint8)
    views = [pass_memory(U64, references), *(pass_memory(I64, column) for column in words)]
    views += [pass_memory(U8, column) for column in marks]
    table, fault = ffi.new("obs_head_chunks_table *", (*views, room)), ffi.new("int64_t *")
    check(lib.obs_head_chunks_decode(pass_bytes(data), len(data), table, fault))
    n = int(table.n)
    offsets, starts, lengths, first, last = words[:, :n].copy()
    encodings, is_sound = marks[0, :n].copy(), marks[1, :n] != 0
    return StoredChunks(
        references[:n].copy(), offsets, starts, lengths, first, last, encodings, is_sound, int(fault[0])
    )
