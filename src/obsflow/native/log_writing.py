"""Records of a write-ahead log, encoded, compressed and put into pages."""

from typing import Final, NamedTuple

import numpy as np

from obsflow.native.memory import (
    F64,
    I64,
    SIZE,
    U8,
    U64,
    Buffer,
    Float64Array,
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

LOG_PAGE_BYTES: Final = int(lib.OBS_LOG_PAGE)

_TABLE: Final = ffi.typeof(f"uint16_t[{lib.OBS_SNAPPY_TABLE}]")


class Framed(NamedTuple):
    """What a segment gets: `data`, with the first `records`, after which it is `position` bytes long."""

    data: bytes
    records: int
    position: int


def snappy_encode(data: Buffer) -> bytes:
    """The data as one raw Snappy block."""
    out, written = np.empty(lib.obs_snappy_max_length(len(data)), np.uint8), ffi.new(SIZE)
    check(lib.obs_snappy_encode(pass_bytes(data), len(data), ffi.new(_TABLE), pass_memory(U8, out), len(out), written))
    return out[: written[0]].tobytes()


def encode_log_samples(
    references: UInt64Array, times: Int64Array, values: Float64Array, per_record: int
) -> tuple[UInt8Array, Int64Array]:
    """Samples as records of type 2, `per_record` in each: the records one after another, and int64 where each ends.

    Raises ValueError where there is not one of each for every sample.
    """
    n = len(references)
    references, times = as_array(references, np.uint64, (n,), "references"), as_array(times, np.int64, (n,), "times")
    values = as_array(values, np.float64, (n,), "values")
    out = np.empty(lib.obs_log_samples_max(n, per_record), np.uint8)
    ends = np.empty(-(-n // per_record), np.int64)
    columns = (pass_memory(U64, references), pass_memory(I64, times), pass_memory(F64, values), n, per_record)
    check(lib.obs_log_encode_samples(*columns, pass_memory(U8, out), len(out), pass_memory(I64, ends)))
    return out[: int(ends[-1]) if len(ends) else 0], ends


def frame_log(data: Buffer | UInt8Array, ends: Int64Array, *, position: int, limit: int, compress: bool) -> Framed:
    """Records, which end at `ends` of `data`, as pages that begin at `position` of a segment of at most `limit` bytes.

    Those that do not fit any more are not in `count`. Raises ValueError where the ends do not ascend.
    """
    n = len(ends)
    ends = as_array(ends, np.int64, (n,), "ends")
    lengths = np.diff(ends, prepend=0)
    longest = int(lengths.max(initial=0))
    if n and (lengths.min() < 0 or ends[-1] > len(data)):
        raise ValueError("records must follow one another within the data")
    whole = int(ends[-1]) if n else 0
    # a record that begins a page may leave bytes of the page before unused
    room = lib.obs_log_framed_max(whole) + n * lib.obs_log_framed_max(0)
    out, written, done, at = np.empty(room, np.uint8), ffi.new(SIZE), ffi.new(SIZE), ffi.new("uint64_t *", position)
    compressed = np.empty(lib.obs_snappy_max_length(longest) if compress else 0, np.uint8)
    table = ffi.new(_TABLE) if compress else ffi.NULL
    scratch = ffi.new("obs_log_scratch *", (table, pass_memory(U8, compressed), len(compressed)))
    source = pass_memory(U8, data) if isinstance(data, np.ndarray) else pass_bytes(data)
    given = (source, pass_memory(I64, ends), n, limit, at, scratch)
    check(lib.obs_log_frame(*given, pass_memory(U8, out), room, written, done))
    return Framed(out[: written[0]].tobytes(), int(done[0]), int(at[0]))


def keep_log_series(
    data: Buffer | UInt8Array, starts: Int64Array, lengths: Int64Array, kept: UInt64Array
) -> tuple[UInt8Array, Int64Array, UInt8Array]:
    """Records of type 1, which are ranges of the data, with those series only whose references are `kept` (ascending).

    Returns the records one after another; int64 `[n]`, where each ends, which may be where it begins; and uint8 `[n]`,
    1 for one that ends within a series. Raises ValueError for a range that is no such record.
    """
    n = len(starts)
    starts, lengths = as_array(starts, np.int64, (n,), "starts"), as_array(lengths, np.int64, (n,), "lengths")
    kept = as_array(kept, np.uint64, (len(kept),), "kept")
    out, ends, bad = np.empty(max(0, int(lengths.sum())), np.uint8), np.empty(n, np.int64), np.empty(n, np.uint8)
    source = pass_memory(U8, data) if isinstance(data, np.ndarray) else pass_bytes(data)
    given = (
        source,
        len(data),
        pass_memory(I64, starts),
        pass_memory(I64, lengths),
        n,
        pass_memory(U64, kept),
        len(kept),
    )
    check(lib.obs_log_keep_series(*given, pass_memory(U8, out), len(out), pass_memory(I64, ends), pass_memory(U8, bad)))
    return out[: int(ends[-1]) if n else 0], ends, bad


def encode_head_chunks(
    data: Buffer,
    ends: Int64Array,
    references: UInt64Array,
    min_time: Int64Array,
    max_time: Int64Array,
    encoding: int,
) -> tuple[bytes, Int64Array]:
    """Chunks, which end at `ends` of the data, as a file of head chunks holds them, and where the data of each are.

    Times are ms, closed. Raises ValueError where there is not one of each, or the ends do not ascend within the data.
    """
    n = len(ends)
    ends = as_array(ends, np.int64, (n,), "ends")
    lengths = np.diff(ends, prepend=0)
    if n and (lengths.min() < 0 or ends[-1] > len(data)):
        raise ValueError("chunks must follow one another within the data")
    columns = (
        pass_memory(U64, as_array(references, np.uint64, (n,), "references")),
        pass_memory(I64, as_array(min_time, np.int64, (n,), "min_time")),
        pass_memory(I64, as_array(max_time, np.int64, (n,), "max_time")),
    )
    room = int(lengths.sum()) + n * int(lib.obs_head_chunks_size(1 << 31) - (1 << 31))
    out, starts, written = np.empty(room, np.uint8), np.empty(n, np.int64), ffi.new(SIZE)
    given = (pass_bytes(data), pass_memory(I64, ends), *columns, n, encoding)
    check(lib.obs_head_chunks_encode(*given, pass_memory(U8, out), room, pass_memory(I64, starts), written))
    return out[: written[0]].tobytes(), starts
