"""Bytes: hashes, compression, chunks."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import (
    F64,
    I64,
    SIZE,
    U8,
    U32,
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


def crc32c(data: Buffer) -> int:
    """CRC-32C (Castagnoli) of the data."""
    return int(lib.obs_hash_crc32c(pass_bytes(data), len(data)))


def crc32c_many(data: Buffer, starts: Int64Array, lengths: Int64Array) -> npt.NDArray[np.uint32]:
    """CRC-32C of `n` ranges of one buffer. Raises ValueError if a range leaves it."""
    n = len(starts)
    starts, lengths = as_array(starts, np.int64, (n,), "starts"), as_array(lengths, np.int64, (n,), "lengths")
    sums = np.empty(n, np.uint32)
    views = [pass_memory(I64, starts), pass_memory(I64, lengths)]
    check(lib.obs_hash_crc32c_many(pass_bytes(data), len(data), *views, n, pass_memory(U32, sums)))
    return sums


def xxhash64(data: bytes) -> int:
    """XXH64 with seed 0."""
    return int(lib.obs_hash_xxhash64(data, len(data)))


def fnv1a64(data: bytes) -> int:
    """FNV-1a, 64 bits."""
    return int(lib.obs_hash_fnv1a64(data, len(data)))


def snappy_decode(data: Buffer) -> bytes:
    """Decompress one raw Snappy block. Raises CorruptionError."""
    length = ffi.new(SIZE)
    source = pass_bytes(data)
    check(lib.obs_snappy_length(source, len(data), length))
    out = bytearray(length[0])
    with pass_memory(U8, out) as target:
        check(lib.obs_snappy_decode(source, len(data), target, len(out)))
    return bytes(out)


def decode_log_samples(
    data: Buffer | UInt8Array, starts: Int64Array, lengths: Int64Array
) -> tuple[UInt64Array, Int64Array, Float64Array, Int64Array, Int64Array, UInt8Array]:
    """The samples of `n` records of the write-ahead log, types 2 and 11, which are ranges of one buffer.

    Returns references uint64 `[samples]`, times int64, values float64 and start times int64 (0 for none) of the same
    shape; offsets int64 `[n + 1]`, by
    which each record owns its samples; and uint8 `[n]`: 1 for a record that ends within a sample. Raises ValueError for
    a range that leaves the buffer or is no such record.
    """
    n = len(starts)
    starts, lengths = as_array(starts, np.int64, (n,), "starts"), as_array(lengths, np.int64, (n,), "lengths")
    capacity = lib.obs_log_capacity(max(0, int(lengths.sum())))
    references, times, values = np.empty(capacity, np.uint64), np.empty(capacity, np.int64), np.empty(capacity)
    start_times = np.empty(capacity, np.int64)
    offsets, bad = np.zeros(n + 1, np.int64), np.zeros(n, np.uint8)
    ranges = [pass_memory(I64, starts), pass_memory(I64, lengths)]
    columns = [pass_memory(U64, references), pass_memory(I64, times), pass_memory(F64, values)]
    columns += [pass_memory(I64, start_times), capacity]
    marks = [pass_memory(I64, offsets[1:]), pass_memory(U8, bad)]
    source = pass_memory(U8, data) if isinstance(data, np.ndarray) else pass_bytes(data)
    check(lib.obs_log_decode_samples(source, len(data), *ranges, n, *columns, *marks))
    found = int(offsets[-1])
    return references[:found], times[:found], values[:found], start_times[:found], offsets, bad


def find_index_entries(section: Buffer, position: int, alignment: int) -> tuple[Int64Array, Int64Array] | None:
    """Where the bodies of all entries of a section begin in it, and their lengths, both int64 `[entries]`.

    The section begins at `position` of its file, and entries at multiples of `alignment`. None if one does not fit, or
    its checksum does not match.
    """
    room = len(section) // max(alignment, _LEAST_ENTRY_BYTES) + 1
    starts, lengths, n = np.empty(room, np.int64), np.empty(room, np.int64), ffi.new(SIZE)
    views = [pass_memory(I64, starts), pass_memory(I64, lengths), room, n]
    status = lib.obs_index_find_entries(pass_bytes(section), len(section), position, alignment, *views)
    if status == lib.OBS_CORRUPT:
        return None
    check(status)
    return starts[: n[0]], lengths[: n[0]]


def decode_index_entries(data: Buffer, starts: Int64Array, lengths: Int64Array) -> tuple[UInt64Array, Int64Array]:
    """The varints of the bodies of entries: uint64, of which entry `i` has `offsets[i]:offsets[i + 1]`; these offsets.

    A varint that does not end in its body, or has more than 64 bits, comes out as the greatest value. Raises ValueError
    for a body outside of the data.
    """
    n = len(starts)
    starts, lengths = as_array(starts, np.int64, (n,), "starts"), as_array(lengths, np.int64, (n,), "lengths")
    room = max(0, int(lengths.sum()))
    values, offsets = np.empty(room, np.uint64), np.empty(n + 1, np.int64)
    views = [pass_memory(I64, starts), pass_memory(I64, lengths), n, pass_memory(U64, values), room]
    check(lib.obs_index_decode_bodies(pass_bytes(data), len(data), *views, pass_memory(I64, offsets)))
    return values[: offsets[-1]], offsets


_LEAST_ENTRY_BYTES: Final = 6
"""A length, a byte, a checksum."""


class XorAppender:
    """Writes an XOR chunk, a batch of samples at a time: the bytes are the same however it is split up."""

    __slots__ = ("_chunk", "_state")

    def __init__(self) -> None:
        self._chunk = np.zeros(256, np.uint8)
        self._state = ffi.new("obs_xor_state *")

    @classmethod
    def from_chunk(cls, data: Buffer) -> "XorAppender":
        """Go on where the writer of `data` stood. Raises CorruptionError."""
        self = cls()
        _decode_chunk(data, self._state)
        used = self._used
        self._chunk = np.zeros(max(256, 2 * used), np.uint8)
        self._chunk[:used] = np.frombuffer(data, np.uint8)[:used]
        return self

    def append(self, times: Int64Array, values: Float64Array) -> None:
        """Add samples. Raises ValueError, and adds none, if the chunk would have more than 65535."""
        n = len(times)
        times, values = as_array(times, np.int64, (n,), "times"), as_array(values, np.float64, (n,), "values")
        if len(self) + n > 0xFFFF:
            raise ValueError(f"a chunk holds 65535 samples, not {len(self) + n}")
        needed = self._used + lib.obs_xor_max_length(n)
        if needed > len(self._chunk):
            grown = np.zeros(2 * needed, np.uint8)
            grown[: self._used] = self._chunk[: self._used]
            self._chunk = grown
        chunk = pass_memory(U8, self._chunk)
        views = [pass_memory(I64, times), pass_memory(F64, values)]
        check(lib.obs_xor_append(self._state, chunk, len(self._chunk), *views, n))

    def to_bytes(self) -> bytes:
        """The chunk so far."""
        return self._chunk[: self._used].tobytes()

    def __len__(self) -> int:
        return int(self._state.count)

    @property
    def _used(self) -> int:
        return max(2, (int(self._state.position) + 7) // 8)


def xor_encode(times: Int64Array, values: Float64Array) -> bytes:
    """The samples as one XOR chunk, bit for bit as Prometheus writes it. At most 65535 samples."""
    appender = XorAppender()
    appender.append(times, values)
    return appender.to_bytes()


def xor_encode_many(times: Int64Array, values: Float64Array, offsets: Int64Array) -> tuple[bytes, Int64Array]:
    """Many chunks in one call: chunk `i` has the samples `offsets[i]:offsets[i + 1]`.

    Returns the chunks one after another, and int64 `[chunks + 1]`, where each begins and ends.
    """
    n, n_chunks = len(times), len(offsets) - 1
    times, values = as_array(times, np.int64, (n,), "times"), as_array(values, np.float64, (n,), "values")
    offsets = as_array(offsets, np.int64, (n_chunks + 1,), "offsets")
    counts = np.diff(offsets)
    if n_chunks < 0 or offsets[0] < 0 or offsets[-1] > n or (counts < 0).any() or (counts > 0xFFFF).any():
        raise ValueError("offsets must ascend within the samples, by at most 65535")
    out = np.empty(n_chunks * lib.obs_xor_max_length(0) + int(counts.sum()) * _BYTES_PER_SAMPLE, np.uint8)
    ends = np.zeros(n_chunks + 1, np.int64)
    views = [pass_memory(I64, times), pass_memory(F64, values), pass_memory(I64, offsets)]
    target = pass_memory(U8, out)
    check(lib.obs_xor_encode_many(*views, n_chunks, target, len(out), pass_memory(I64, ends[1:])))
    return out[: ends[-1]].tobytes(), ends


_BYTES_PER_SAMPLE: Final = lib.obs_xor_max_length(1) - lib.obs_xor_max_length(0)


def xor_decode(data: Buffer) -> tuple[Int64Array, Float64Array]:
    """Times and values of an XOR chunk; the bits of every NaN survive. Raises CorruptionError."""
    return _decode_chunk(data, ffi.new("obs_xor_state *"))


def _decode_chunk(data: Buffer, state: Any) -> tuple[Int64Array, Float64Array]:
    source = pass_bytes(data)
    capacity = lib.obs_xor_capacity(source, len(data))
    times, values = np.empty(capacity, np.int64), np.empty(capacity, np.float64)
    views = [pass_memory(I64, times), pass_memory(F64, values)]
    check(lib.obs_xor_resume(source, len(data), *views, capacity, ffi.new(SIZE), state))
    return times, values


def xor2_decode(data: Buffer) -> tuple[Int64Array, Float64Array, Int64Array]:
    """Times, values and start times (0 for none) of an XOR2 chunk; every NaN keeps its bits. Raises CorruptionError."""
    source = pass_bytes(data)
    capacity = lib.obs_xor2_capacity(source, len(data))
    times, values, starts = np.empty(capacity, np.int64), np.empty(capacity, np.float64), np.empty(capacity, np.int64)
    views = [pass_memory(I64, times), pass_memory(F64, values), pass_memory(I64, starts)]
    check(lib.obs_xor2_decode(source, len(data), *views, capacity, ffi.new(SIZE)))
    return times, values, starts
