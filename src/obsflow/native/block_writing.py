"""Parts of a block as bytes: chunks into segments; series, postings and their table into an index."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import (
    I32,
    I64,
    SIZE,
    U8,
    U32,
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


class SegmentWriter:
    """Writes the runs of a table, which must be chunks, as a block's segments hold them."""

    __slots__ = ("_alive", "_pointer", "sizes")

    def __init__(self, runs: RunTable) -> None:
        n = len(runs.start)
        shared = runs.buffers
        buffers = shared.passed if isinstance(shared, SharedBuffers) else PassedBuffers(shared)
        columns = (
            pass_memory(I32, as_array(runs.buffer, np.int32, (n,), "buffer")),
            pass_memory(I64, as_array(runs.start, np.int64, (n,), "start")),
            pass_memory(I64, as_array(runs.length, np.int64, (n,), "length")),
            pass_memory(U8, as_array(runs.encoding, np.uint8, (n,), "encoding")),
        )
        self._alive = buffers, columns
        self._pointer = ffi.new("obs_block_chunks *", (buffers.data, buffers.sizes, buffers.count, *columns, n))
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
