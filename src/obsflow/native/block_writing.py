"""Parts of a block as bytes: chunks into segments; series, postings and their table into an index."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import (
    F64,
    I32,
    I64,
    SIZE,
    U8,
    U32,
    Float64Array,
    Int64Array,
    UInt8Array,
    as_array,
    check,
    ffi,
    lib,
    pass_memory,
)
from obsflow.native.series import PassedBuffers, RunTable, SharedBuffers

Ordinals = npt.NDArray[np.uint32]

ABSENT: Final = 0xFFFFFFFF
"""In the place of a value's ordinal: the series lacks the label."""

_MOST_SAMPLES: Final = 0xFFFF


def _pass_chunks(runs: RunTable) -> tuple[Any, Any]:
    """The runs of a table as chunks, and what the pointer refers to."""
    n = len(runs.start)
    shared = runs.buffers
    buffers = shared.passed if isinstance(shared, SharedBuffers) else PassedBuffers(shared)
    columns = (
        pass_memory(I32, as_array(runs.buffer, np.int32, (n,), "buffer")),
        pass_memory(I64, as_array(runs.start, np.int64, (n,), "start")),
        pass_memory(I64, as_array(runs.length, np.int64, (n,), "length")),
        pass_memory(U8, as_array(runs.encoding, np.uint8, (n,), "encoding")),
    )
    pointer = ffi.new("obs_block_chunks *", (buffers.data, buffers.sizes, buffers.count, *columns, n))
    return pointer, (buffers, columns)


class _Windows:
    """Room to choose the windows of a chunk of so many samples."""

    __slots__ = ("_alive", "pointer")

    def __init__(self, samples: int) -> None:
        views = (
            ffi.new("obs_xor_change[]", max(1, samples)),
            pass_memory(I64, np.empty(samples, np.int64)),
            pass_memory(F64, np.empty(samples, np.float64)),
            pass_memory(U8, np.empty(lib.obs_xor_max_length(samples), np.uint8)),
        )
        self._alive = views
        self.pointer = ffi.new("obs_xor_scratch *", (*views, samples))


def xor_encode_shortest(times: Int64Array, values: Float64Array, offsets: Int64Array) -> tuple[bytes, Int64Array]:
    """Many XOR chunks as `xor_encode_many` gives them, each with the windows that make it shortest."""
    n, n_chunks = len(times), len(offsets) - 1
    times, values = as_array(times, np.int64, (n,), "times"), as_array(values, np.float64, (n,), "values")
    offsets = as_array(offsets, np.int64, (n_chunks + 1,), "offsets")
    counts = np.diff(offsets)
    if n_chunks < 0 or offsets[0] < 0 or offsets[-1] > n or (counts < 0).any() or (counts > _MOST_SAMPLES).any():
        raise ValueError("offsets must ascend within the samples, by at most 65535")
    rest = lib.obs_xor_max_length(0)
    out = np.empty((n_chunks + 1) * rest + int(counts.sum()) * (lib.obs_xor_max_length(1) - rest), np.uint8)
    ends = np.zeros(n_chunks + 1, np.int64)
    views = [pass_memory(I64, times), pass_memory(F64, values), pass_memory(I64, offsets)]
    scratch = _Windows(int(counts.max(initial=0)))
    target = (pass_memory(U8, out), len(out), pass_memory(I64, ends[1:]))
    check(lib.obs_xor_windows_encode_many(*views, n_chunks, scratch.pointer, *target))
    return out[: ends[-1]].tobytes(), ends


def xor_shorten(runs: RunTable) -> tuple[UInt8Array, Int64Array, Int64Array]:
    """The XOR chunks of a table that other windows make shorter, written with those.

    Returns their bytes, and int64 `[runs]` starts and lengths in them; the length is 0 for a chunk that stays as it is:
    also for one that is damaged, or of another encoding. Raises ValueError for a chunk outside of its buffer.
    """
    chunks, alive = _pass_chunks(runs)
    n, xor = len(runs.start), runs.encoding == 1
    room = int(runs.length[xor].sum())
    out, starts, lengths = np.empty(room, np.uint8), np.empty(n, np.int64), np.empty(n, np.int64)
    # a sample takes two bits at least, and a decoder asks for as much room as there could be
    most = 1 + 4 * int(runs.length[xor].max(initial=0))
    scratch, written = _Windows(min(_MOST_SAMPLES, most)), ffi.new(SIZE)
    views = (pass_memory(U8, out), room, pass_memory(I64, starts), pass_memory(I64, lengths), written)
    check(lib.obs_xor_windows_rewrite(chunks, scratch.pointer, *views))
    del alive
    return out[: written[0]], starts, lengths


class SegmentWriter:
    """Writes the runs of a table, which must be chunks, as a block's segments hold them."""

    __slots__ = ("_alive", "_pointer", "sizes")

    def __init__(self, runs: RunTable) -> None:
        self._pointer, self._alive = _pass_chunks(runs)
        length = runs.length
        self.sizes: Int64Array = length + 6 + sum((length >= 1 << 7 * i).astype(np.int64) for i in range(1, 5))
        """Bytes of each chunk in its segment, int64."""

    def write(self, first: int, last: int, position: int) -> tuple[UInt8Array, Int64Array]:
        """The chunks `first:last` as bytes from `position` of a segment on, and int64 where in it each begins.

        Raises ValueError for a chunk outside of its buffer.
        """
        out, at = np.empty(int(self.sizes[first:last].sum()), np.uint8), np.empty(last - first, np.int64)
        views = (pass_memory(U8, out), len(out), pass_memory(I64, at))
        check(lib.obs_segment_write(self._pointer, first, last, position, *views))
        return out, at


def write_index_entries(
    position: int,
    names: Ordinals,
    values: Ordinals,
    offsets: Int64Array,
    min_time: Int64Array,
    max_time: Int64Array,
    reference: Int64Array,
) -> tuple[UInt8Array, Ordinals]:
    """The entries of an index' series from `position` of the file on, and uint32 where each is, in units of 16 bytes.

    `names` uint32 `[names]` and `values` `[names, series]` are ordinals of symbols, ABSENT where a series lacks the
    label; series `i` has the chunks `offsets[i]:offsets[i + 1]` of the other columns. Raises ValueError where they do
    not follow one another.
    """
    n_names, n_series, n_chunks = len(names), len(offsets) - 1, len(reference)
    names = as_array(names, np.uint32, (n_names,), "names")
    values = as_array(values, np.uint32, (n_names, n_series), "values")
    chunks = {"min_time": min_time, "max_time": max_time, "reference": reference}
    series = ffi.new(
        "obs_block_series *",
        (
            pass_memory(U32, names),
            pass_memory(U32, values.reshape(-1)),
            n_names,
            n_series,
            pass_memory(I64, as_array(offsets, np.int64, (n_series + 1,), "offsets")),
            *(pass_memory(I64, as_array(column, np.int64, (n_chunks,), name)) for name, column in chunks.items()),
            n_chunks,
        ),
    )
    out, written = np.empty(lib.obs_index_entries_max(series), np.uint8), ffi.new(SIZE)
    entries = np.empty(n_series, np.uint32)
    views = (pass_memory(U8, out), len(out), written, pass_memory(U32, entries))
    check(lib.obs_index_write_entries(series, position, *views))
    return out[: written[0]], entries


def write_postings(position: int, members: Ordinals, offsets: Int64Array) -> tuple[UInt8Array, Int64Array]:
    """Postings lists from `position` of the file on, and int64 where each begins.

    List `i` has the members `offsets[i]:offsets[i + 1]`. Raises ValueError for offsets that do not ascend.
    """
    n_lists = len(offsets) - 1
    given = as_array(members, np.uint32, (int(offsets[-1]),), "members")
    lists = pass_memory(I64, as_array(offsets, np.int64, (n_lists + 1,), "offsets"))
    postings = ffi.new("obs_postings *", (pass_memory(U32, given), lists, n_lists))
    out, written = np.empty(lib.obs_index_postings_max(postings), np.uint8), ffi.new(SIZE)
    at = np.empty(n_lists, np.int64)
    views = (pass_memory(U8, out), len(out), written, pass_memory(I64, at))
    check(lib.obs_index_write_postings(postings, position, *views))
    return out[: written[0]], at


def write_postings_table(texts: Sequence[bytes], names: Ordinals, values: Ordinals, at: Int64Array) -> UInt8Array:
    """The entries of a postings offset table: `names[i]` and `values[i]`, of `texts`, have `at[i]`."""
    n = len(names)
    lengths = np.array([len(text) for text in texts], np.int64)
    ends = np.cumsum(lengths)
    columns: tuple[Any, ...] = (
        pass_memory(U32, as_array(names, np.uint32, (n,), "names")),
        pass_memory(U32, as_array(values, np.uint32, (n,), "values")),
        pass_memory(I64, as_array(at, np.int64, (n,), "at")),
    )
    blob = b"".join(texts)
    given = ffi.new("obs_texts *", (pass_memory(U8, blob), pass_memory(I64, ends), len(texts)))
    out = np.empty(n * 21 + int(lengths[names].sum()) + int(lengths[values].sum()), np.uint8)
    written = ffi.new(SIZE)
    check(lib.obs_index_write_table(given, *columns, n, pass_memory(U8, out), len(out), written))
    return out[: written[0]]
