"""Everything in a data directory read, and what of it is not as it should be, in numbers and places."""

import json
from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.tsdb.chunk_check import ChunkCheck, check_chunks
from obsflow.tsdb.files import BlockFiles, DataDirectory, Decompress, File
from obsflow.tsdb.head_check import check_head
from obsflow.tsdb.index import Index, decode_index
from obsflow.tsdb.index_check import check_index
from obsflow.tsdb.meta import BlockMeta, decode_meta, is_ulid
from obsflow.tsdb.tombstones import Stones, decode_tombstones


@attrs.frozen(eq=False)
class Part:
    """A block, or the head, and what came of reading it.

    `counts` says what is whole, by kind; `lost` how much less that is than the part says it had, where it does.
    `problems` are damage; `notes` what is worth knowing and is none.
    """

    name: str
    counts: Mapping[str, int]
    lost: Mapping[str, int]
    problems: tuple[CorruptionError, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(directory: DataDirectory, decompress_zstd: Decompress) -> Iterator[Part]:
    """Read all blocks, one after the other, and then the head. Nothing is raised for what is damaged."""
    for files in directory.blocks:
        yield verify_block(files)
    head = check_head(directory.head, decompress_zstd)
    yield Part("head", head.counts, head.lost, tuple(head.problems), tuple(head.notes))


def verify_block(files: BlockFiles) -> Part:
    """Read a block: every sum, every order, the index against the chunks, the meta against what was counted."""
    problems: list[CorruptionError] = []
    name = files.name.rpartition("/")[2]
    meta, stats = _read_meta(files, name, problems)
    try:
        index = decode_index(files.index, Symbols())
    except CorruptionError as error:
        problems.append(error)
        lost = {kind: stats[key] for kind, key in _PROMISED.items() if stats.get(key)}
        return Part(name, _bytes_of(files), lost, tuple(problems))
    problems += index.problems
    if not index.problems:
        try:
            problems += check_index(files.index, index)
        except CorruptionError as error:
            problems.append(error)
    chunks = check_chunks(files.name, files.segments, index.chunks, is_whole=not index.problems)
    problems += chunks.problems
    stones = _read_tombstones(files, index, problems)
    problems += _check_range(files, meta, index)
    counts = {
        "series": len(index.series),
        "chunks": chunks.chunks,
        "samples": chunks.floats + chunks.others,
        "tombstones": sum(len(each) for each in stones.values()),
    }
    promised = {kind: stats.get(key, 0) for kind, key in _PROMISED.items()} if stats else counts
    lost = {kind: promised[kind] - count for kind, count in counts.items() if promised[kind] > count}
    if not problems:
        problems += _compare(files, stats, counts, chunks)
    return Part(name, counts | _bytes_of(files), lost, tuple(problems), tuple(chunks.notes))


_PROMISED = {"series": "numSeries", "chunks": "numChunks", "samples": "numSamples", "tombstones": "numTombstones"}


def _decode_stats(file: File) -> Mapping[str, int]:
    """What a meta that can be decoded says there is in its block, by the keys that it has."""
    stats = json.loads(bytes(file.data)).get("stats")
    for key, value in stats.items() if isinstance(stats, dict) else ():
        if not isinstance(value, int) or value < 0:
            raise CorruptionError(f"expected a count {key}, found {value!r}", file.name)
    return stats if isinstance(stats, dict) else {}


def _bytes_of(files: BlockFiles) -> dict[str, int]:
    parts = (files.meta, files.index, *files.segments.values(), *([files.tombstones] if files.tombstones else []))
    return {"bytes": sum(len(each.data) for each in parts)}


def _read_meta(
    files: BlockFiles, name: str, problems: list[CorruptionError]
) -> tuple[BlockMeta | None, Mapping[str, int]]:
    try:
        meta = decode_meta(files.meta)
        stats = _decode_stats(files.meta)
    except CorruptionError as error:
        problems.append(error)
        return None, {}
    file = files.meta.name
    if meta.ulid != name:
        problems.append(CorruptionError(f"names the block {meta.ulid!r}, its directory {name!r}", file))
    if meta.max_time <= meta.min_time:
        problems.append(CorruptionError(f"maxTime {meta.max_time} is not after minTime {meta.min_time}", file))
    bad = [each for each in (*meta.sources, *meta.parents) if not is_ulid(each)]
    problems += [CorruptionError(f"expected a ULID among sources and parents, found {each!r}", file) for each in bad]
    if meta.level < 1:
        problems.append(CorruptionError(f"expected a level of 1 or more, found {meta.level}", file))
    return meta, stats


def _read_tombstones(files: BlockFiles, index: Index, problems: list[CorruptionError]) -> Stones:
    if files.tombstones is None:
        return {}
    file = files.tombstones.name
    try:
        stones = decode_tombstones(files.tombstones)
    except CorruptionError as error:
        problems.append(error)
        return {}
    if not index.problems:
        known = set(index.references.tolist())
        unknown = [each for each in stones if each not in known]
        problems += [CorruptionError(f"deletes from series {each}, which is not there", file) for each in unknown]
    wrong = [each for each, intervals in stones.items() if (intervals[:, 1] < intervals[:, 0]).any()]
    problems += [CorruptionError(f"an interval of series {each} ends before it begins", file) for each in wrong]
    return stones


def _check_range(files: BlockFiles, meta: BlockMeta | None, index: Index) -> Iterator[CorruptionError]:
    """Chunks lie within the block's time."""
    chunks = index.chunks
    if meta is None or not len(chunks.min_time):
        return
    outside = np.count_nonzero((chunks.min_time < meta.min_time) | (chunks.max_time >= meta.max_time))
    if outside:
        span = f"{meta.min_time} to {meta.max_time} ms"
        yield CorruptionError(f"{outside} chunks lie outside of the block's time, {span}", files.meta.name)


def _compare(
    files: BlockFiles, stats: Mapping[str, int], counts: Mapping[str, int], chunks: ChunkCheck
) -> Iterator[CorruptionError]:
    """The counts in `meta.json`, where it has them."""
    if not stats:
        return
    found = {_PROMISED[kind]: count for kind, count in counts.items()}
    if "numFloatSamples" in stats or "numHistogramSamples" in stats:
        found |= {"numFloatSamples": chunks.floats, "numHistogramSamples": chunks.others}
    for key, count in found.items():
        if stats.get(key, 0) != count:
            yield CorruptionError(f"{key} is {stats.get(key, 0)}, and there are {count}", files.meta.name)
