"""A block as it is written: series in the order of their labels with their chunks, as the files of a directory."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np

from obsflow import native
from obsflow.model.frames import LabelColumns
from obsflow.model.storage import Runs
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.index_writer import write_index
from obsflow.tsdb.meta import ULID_DIGITS, render_meta
from obsflow.tsdb.operations import Append, MakeDirectory, Operation, Remove, Rename, Sync, WriteFile
from obsflow.tsdb.segments import MAGIC, VERSION
from obsflow.tsdb.tombstones import Stones, encode_tombstones

SEGMENT_BYTES = 512 << 20
CREATING = ".tmp-for-creation"
"""What the directory of a block is called at the end, until all of it is there."""
DELETING = ".tmp-for-deletion"
"""And once it is to be removed."""

_HEADER = MAGIC.to_bytes(4, "big") + bytes((VERSION, 0, 0, 0))
_PIECE_BYTES = 16 << 20


def make_ulid(time: int, random: bytes) -> str:
    """The name of a block that is made at `time` (ms), with ten random bytes. Raises ValueError where it has none."""
    if len(random) != 10:
        raise ValueError(f"expected 10 random bytes, not {len(random)}")
    if not 0 <= time < 1 << 48:
        raise ValueError(f"no block can be named after the time {time}")
    number = time << 80 | int.from_bytes(random, "big")
    return "".join(ULID_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


@attrs.frozen(eq=False)
class NewBlock:
    """What a block shall hold: distinct series, sorted by their labels, and their chunks, of any encoding.

    Its samples lie in the half-open `[min_time, max_time)`, ms. `compaction` goes to `meta.json` as it is, and `extra`
    beside it. `stones` are what is deleted and still in its chunks, by the number of the series here.
    """

    ulid: str
    min_time: int
    max_time: int
    labels: LabelColumns
    runs: Runs
    compaction: Mapping[str, Any]
    stones: Stones = attrs.field(factory=dict)
    extra: Mapping[str, Any] = attrs.field(factory=dict)


def write_block(block: NewBlock, *, segment_bytes: int = SEGMENT_BYTES) -> Iterator[Operation]:
    """What makes the block's directory: under another name until all of it has reached the disk."""
    directory = block.ulid + CREATING
    yield MakeDirectory(f"{directory}/chunks")
    references = np.empty(len(block.runs.start), np.int64)
    places = np.empty(len(block.labels), np.uint32)
    yield from _write_segments(block.runs, f"{directory}/chunks", segment_bytes, references)
    yield Sync(f"{directory}/chunks")
    runs = block.runs
    for piece in write_index(block.labels, runs.offsets, runs.min_time, runs.max_time, references, places):
        yield Append(f"{directory}/index", piece)
    yield Sync(f"{directory}/index")
    stones = {int(places[number]): intervals for number, intervals in block.stones.items()}
    yield WriteFile(f"{directory}/tombstones", encode_tombstones(stones))
    yield Sync(f"{directory}/tombstones")
    yield WriteFile(f"{directory}/meta.json", render_meta(describe(block)))
    yield Sync(f"{directory}/meta.json")
    yield Sync(directory)
    yield Rename(directory, block.ulid)
    yield Sync(".")


def _write_segments(runs: Runs, directory: str, segment_bytes: int, references: IntArray) -> Iterator[Operation]:
    """The chunks in order, into one segment after another; `references` gets where each is."""
    writer = native.SegmentWriter(runs)
    ends = np.cumsum(writer.sizes)
    first, number = 0, 0
    while first < len(ends):
        before = int(ends[first - 1]) if first else 0
        last = int(np.searchsorted(ends, before + segment_bytes - len(_HEADER), "right"))
        last = max(last, first + 1)
        path = f"{directory}/{number + 1:06d}"
        yield WriteFile(path, _HEADER)
        position = len(_HEADER)
        while first < last:
            written = int(ends[first - 1]) if first else 0
            stop = min(last, max(first + 1, int(np.searchsorted(ends, written + _PIECE_BYTES, "right"))))
            data, at = writer.write(first, stop, position)
            references[first:stop] = number << 32 | at
            yield Append(path, data.tobytes())
            position += len(data)
            first = stop
        yield Sync(path)
        number += 1


def remove_block(ulid: str) -> list[Operation]:
    """What removes a block's directory: under another name first, so that it is there whole or not at all."""
    directory = ulid + DELETING
    return [Remove(directory), Rename(ulid, directory), Sync("."), Remove(directory)]


def describe(block: NewBlock) -> dict[str, Any]:
    """What `meta.json` says; a count of zero is left out."""
    runs = block.runs
    counts = _sample_counts(runs)
    is_float = np.isin(runs.encoding, (1, 4))
    stats = {
        "numSamples": int(counts.sum()),
        "numFloatSamples": int(counts[is_float].sum()),
        "numHistogramSamples": int(counts[~is_float].sum()),
        "numSeries": len(block.labels),
        "numChunks": len(runs.start),
        "numTombstones": sum(len(intervals) for intervals in block.stones.values()),
    }
    return {
        "ulid": block.ulid,
        "minTime": block.min_time,
        "maxTime": block.max_time,
        "stats": {name: count for name, count in stats.items() if count},
        "compaction": dict(block.compaction),
        "version": 1,
        **block.extra,
    }


def _sample_counts(runs: Runs) -> IntArray:
    """How many samples each chunk says it has: its first two bytes, less the flags that some encodings have there."""
    counts = np.zeros(len(runs.start), np.int64)
    for number, buffer in enumerate(runs.buffers):
        own = np.flatnonzero(runs.buffer == number)
        data = np.frombuffer(buffer, np.uint8)
        start = runs.start[own]
        counts[own] = data[start].astype(np.int64) << 8 | data[start + 1]
    with_flags = np.isin(runs.encoding, (5, 6))
    counts[with_flags] &= 0x3FFF
    return counts
