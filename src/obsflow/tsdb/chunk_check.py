"""Every chunk of a block read whole, and held against what the index says of it."""

from collections import Counter
from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.storage import FLOAT_CHUNKS, Runs
from obsflow.tsdb.coverage import find_strays, lengths_at
from obsflow.tsdb.encoding import IntArray, be32_at
from obsflow.tsdb.files import File
from obsflow.tsdb.runs import ChunkMetas
from obsflow.tsdb.segments import HEADER_BYTES, ChunkSegments, chunk_kind

_BATCH_CHUNKS = 1 << 14
_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_FRAME_BYTES = 5  # encoding before the data, checksum after them
_WITH_FLAGS = (5, 6)
_COUNT_MASK = 0x3FFF


@attrs.define(eq=False)
class ChunkCheck:
    """What was found: samples of float chunks and of others, bytes of chunk data, chunks that are whole, and faults.

    `notes` says what was only checked by its sums.
    """

    floats: int = 0
    others: int = 0
    data_bytes: int = 0
    chunks: int = 0
    problems: list[CorruptionError] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)


def check_chunks(name: str, segments: Mapping[int, File], chunks: ChunkMetas, *, is_whole: bool) -> ChunkCheck:
    """Read all chunks of a block called `name`. `is_whole` says that the index names every series it ever did."""
    found = ChunkCheck()
    times = chunks.times
    files = ChunkSegments(name, segments, chunks.reference, times)
    n_series = len(chunks.offsets) - 1
    row = 0
    while row < n_series:
        last = int(np.searchsorted(chunks.offsets, chunks.offsets[row] + _BATCH_CHUNKS, "right")) - 1
        last = max(last, row + 1)
        runs, _ = files.runs(times.between(np.arange(row, last), _FIRST, _LAST))
        bad = _read(found, runs, files.files)
        found.chunks += len(runs.start) - bad
        row = last
    found.problems += files.problems
    _count_others(found, segments, chunks.reference)
    found.problems += _check_files(name, segments, chunks.reference, is_whole=is_whole and not files.problems)
    return found


def _read(found: ChunkCheck, runs: Runs, files: tuple[File, ...]) -> int:
    """Decode chunks; returns how many of them are not what was promised."""
    found.data_bytes += int(runs.length.sum())
    count, faults = find_faults(runs)
    found.floats += count
    for at, message in faults:
        found.problems.append(CorruptionError(message, files[int(runs.buffer[at])].name, int(runs.start[at])))
    return len(faults)


def find_faults(runs: Runs) -> tuple[int, list[tuple[int, str]]]:
    """How many samples float chunks have, and which of these are wrong and why: each chunk at most once."""
    n = len(runs.start)
    single = attrs.evolve(runs, offsets=np.arange(n + 1))
    times, _, offsets, bad = native.decode_runs(single)
    counts = np.diff(offsets)
    descends = np.zeros(len(times), np.bool_)
    descends[1:] = times[1:] <= times[:-1]
    descends[offsets[:-1][counts > 0]] = False
    owner = np.repeat(np.arange(n), counts)
    first, last = np.zeros(n, np.int64), np.zeros(n, np.int64)
    some = counts > 0
    first[some], last[some] = times[offsets[:-1][some]], times[offsets[1:][some] - 1]
    cases = (
        (bad.astype(np.bool_), "chunk ends within a sample"),
        (~some, "chunk has no samples"),
        (np.isin(np.arange(n), owner[descends]), "times of a chunk do not ascend"),
        ((first != runs.min_time) | (last != runs.max_time), "chunk has other times than were noted for it"),
    )
    faults: dict[int, str] = {}
    for wrong, message in cases:
        for at in np.flatnonzero(wrong).tolist():
            faults.setdefault(at, message)
    return len(times), sorted(faults.items())


def _count_others(found: ChunkCheck, segments: Mapping[int, File], references: IntArray) -> None:
    """Chunks that are not decoded, of which the sums hold: they say themselves how many samples they have."""
    kinds: Counter[str] = Counter()
    for number, file in segments.items():
        data, at = np.frombuffer(file.data, np.uint8), _offsets_in(references, number)
        lengths, widths = lengths_at(data, at)
        there = (widths > 0) & (at + widths + lengths + _FRAME_BYTES <= len(data)) & (lengths > 1)
        start, lengths = (at + widths)[there], lengths[there]
        others = ~np.isin(data[start], FLOAT_CHUNKS)
        start, lengths = start[others], lengths[others]
        sound = native.crc32c_many(file.data, start, lengths + 1) == be32_at(data, start + 1 + lengths)
        start, lengths = start[sound], lengths[sound]
        counts = data[start + 1].astype(np.int64) << 8 | data[start + 2]
        counts[np.isin(data[start], _WITH_FLAGS)] &= _COUNT_MASK
        found.others += int(counts.sum())
        found.chunks += len(start)
        found.data_bytes += int(lengths.sum())
        kinds.update(chunk_kind(each) for each in data[start].tolist())
    found.notes += [f"{count} {kind}: sums checked, not decoded" for kind, count in sorted(kinds.items())]


def _offsets_in(references: npt.NDArray[np.int64], number: int) -> IntArray:
    """Where the chunks of a segment are in it."""
    offsets: IntArray = references[references >> 32 == number - 1] & 0xFFFFFFFF
    return offsets


def _check_files(
    name: str, segments: Mapping[int, File], references: IntArray, *, is_whole: bool
) -> Iterator[CorruptionError]:
    """Segments count from 1, their headers end with zeros, and every byte belongs to one chunk."""
    for expected, (number, file) in enumerate(sorted(segments.items()), 1):
        if number != expected:
            yield CorruptionError(f"segment {expected:06d} is missing", f"{name}/chunks/{expected:06d}")
            return
        if any(file.data[HEADER_BYTES - 3 : HEADER_BYTES]):
            yield CorruptionError("expected zeros at the end of the header", file.name, HEADER_BYTES - 3)
        if is_whole:
            at = _offsets_in(references, number)
            lengths, widths = lengths_at(np.frombuffer(file.data, np.uint8), at)
            starts, ends = np.append(at, 0), np.append(at + widths + lengths + _FRAME_BYTES, HEADER_BYTES)
            yield from find_strays(file, starts, ends, may_be_zero=False)
