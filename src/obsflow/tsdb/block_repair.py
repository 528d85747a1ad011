"""A block made again of what is sound in a damaged one."""

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.storage import FLOAT_CHUNKS, Runs
from obsflow.tsdb.block_writer import NewBlock, write_block
from obsflow.tsdb.chunk_check import find_faults
from obsflow.tsdb.coverage import lengths_at
from obsflow.tsdb.encoding import IntArray, be32_at, offsets_of
from obsflow.tsdb.files import BlockFiles, File
from obsflow.tsdb.index import Index, decode_index
from obsflow.tsdb.meta import BlockMeta, decode_meta, is_ulid
from obsflow.tsdb.operations import Operation, Rename, Sync
from obsflow.tsdb.runs import ChunkMetas
from obsflow.tsdb.tombstones import Stones, decode_tombstones

CORRUPT = ".corrupt"
"""What the directory of a damaged block is called at the end, from then on."""

_FRAME_BYTES = 5  # encoding before the data, checksum after them
Mask = npt.NDArray[np.bool_]


@attrs.frozen(eq=False)
class BlockRepair:
    """What takes a damaged block's place: `block` has what is sound of it, None where that is nothing.

    `operations` write it and put the damaged directory aside.
    """

    block: NewBlock | None
    operations: tuple[Operation, ...]


def repair_block(files: BlockFiles, ulid: str) -> BlockRepair:
    """Make a block, called `ulid`, of the sound chunks of a damaged one, and put that aside.

    The new one names the old as its parent, so that readers who see both take one.
    """
    name = files.name.rpartition("/")[2]
    aside = (Rename(name, name + CORRUPT), Sync("."))
    try:
        block = _rebuild(files, decode_index(files.index, Symbols()), ulid, name)
    except CorruptionError:
        block = None
    return BlockRepair(block, aside if block is None else (*write_block(block), *aside))


def _rebuild(files: BlockFiles, index: Index, ulid: str, name: str) -> NewBlock | None:
    runs, owner = _sound_chunks(files.segments, index.chunks)
    kept_rows = np.unique(owner)
    labels = index.series.take(kept_rows)
    ids, first = labels.group()
    labels, rank = labels.take(first).sort()
    series = rank[ids[np.searchsorted(kept_rows, owner)]]  # of a label set that comes twice both
    order = np.lexsort((runs.min_time, series))
    kept = _without_overlaps(series[order], runs.min_time[order], runs.max_time[order])
    order, series = order[kept], series[order[kept]]
    if not len(order):
        return None
    # Each chunk is a row of its own until now.
    runs = attrs.evolve(runs.take(order), offsets=offsets_of(np.bincount(series, minlength=len(labels))))
    numbers = {int(reference): int(rank[ids[i]]) for i, reference in enumerate(index.references[kept_rows].tolist())}
    start, end, compaction = _describe(files.meta, ulid, name, runs)
    stones = {numbers[each]: gone for each, gone in _stones(files.tombstones).items() if each in numbers}
    return NewBlock(ulid, start, end, labels, runs, compaction, stones)


def _sound_chunks(segments: Mapping[int, File], chunks: ChunkMetas) -> tuple[Runs, IntArray]:
    """The chunks of any encoding that are what was written, each a row of its own, and whose they are."""
    n = len(chunks.reference)
    start, length = np.zeros(n, np.int64), np.zeros(n, np.int64)
    encoding, buffer = np.zeros(n, np.uint8), np.zeros(n, np.int32)
    sound = np.zeros(n, np.bool_)
    numbers = sorted(segments)
    for place, number in enumerate(numbers):
        data = np.frombuffer(segments[number].data, np.uint8)
        own = np.flatnonzero(chunks.reference >> 32 == number - 1)
        at = chunks.reference[own] & 0xFFFFFFFF
        lengths, widths = lengths_at(data, at)
        there = (widths > 0) & (lengths > 1) & (at + widths + lengths + _FRAME_BYTES <= len(data))
        own, at, lengths = own[there], (at + widths)[there], lengths[there]
        sound[own] = native.crc32c_many(data.data, at, lengths + 1) == be32_at(data, at + 1 + lengths)
        start[own], length[own], encoding[own], buffer[own] = at + 1, lengths, data[at], place
    owner = np.repeat(np.arange(len(chunks.offsets) - 1), np.diff(chunks.offsets))
    buffers = tuple(segments[number].data for number in numbers)
    columns = (buffer, start, length, encoding, chunks.min_time, chunks.max_time)
    runs = Runs(buffers, np.arange(n + 1), *columns).take(np.flatnonzero(sound))
    whole = np.ones(len(runs), np.bool_)
    floats = np.flatnonzero(np.isin(runs.encoding, FLOAT_CHUNKS))
    whole[floats[[at for at, _ in find_faults(runs.take(floats))[1]]]] = False
    return runs.take(np.flatnonzero(whole)), owner[sound][whole]


def _without_overlaps(series: IntArray, first: IntArray, last: IntArray) -> Mask:
    """Of chunks in order, those that begin after all before them of their series have ended."""
    kept = np.ones(len(series), np.bool_)
    of, reach = -1, 0
    for i, (row, begin, end) in enumerate(zip(series.tolist(), first.tolist(), last.tolist(), strict=True)):
        if row == of and begin <= reach:
            kept[i] = False
        else:
            of, reach = row, end
    return kept


def _describe(file: File, ulid: str, name: str, runs: Runs) -> tuple[int, int, Mapping[str, Any]]:
    """Time and provenance. The time is that of the chunks: what the log still has of the rest is then read."""
    start, end = int(runs.min_time.min()), int(runs.max_time.max()) + 1
    try:
        meta: BlockMeta = decode_meta(file)
    except CorruptionError:
        return start, end, {"level": 1, "sources": [ulid]}
    parents = [{"ulid": name, "minTime": meta.min_time, "maxTime": meta.max_time}]
    sources = [each for each in meta.sources if is_ulid(each)]
    compaction = {"level": max(1, meta.level), "sources": sources or [ulid], "parents": parents}
    return start, end, compaction | ({"hints": list(meta.hints)} if meta.hints else {})


def _stones(file: File | None) -> Stones:
    try:
        return {} if file is None else decode_tombstones(file)
    except CorruptionError:
        return {}
