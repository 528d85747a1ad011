"""Segment files of chunks: where a chunk's bytes are, and whether they are what was written."""

from collections.abc import Mapping

import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.storage import Runs
from obsflow.tsdb.encoding import Cursor, IntArray
from obsflow.tsdb.files import File, Skipped

MAGIC = 0x85BD40DD
VERSION = 1
HEADER_BYTES = 8

CHUNK_KINDS = {
    1: "XOR chunks",
    2: "histogram chunks",
    3: "float histogram chunks",
    4: "XOR2 chunks",
    5: "histogram chunks with start times",
    6: "float histogram chunks with start times",
}


def chunk_kind(encoding: int) -> str:
    """What the chunks of an encoding are called."""
    return CHUNK_KINDS.get(encoding, f"chunks of unknown encoding {encoding}")


_DAMAGE = {
    native.CHUNK_OUTSIDE: "chunk lies outside of its segment",
    native.CHUNK_CUT: "chunk does not fit into its segment",
    native.CHUNK_CORRUPT: "checksum of a chunk does not match",
}


class ChunkSegments:
    """The chunks of one block, each checked when it is first asked for and remembered.

    `references` (int64, one a chunk) are those of the index: the segment's number less one in the upper half, the
    offset in the lower. `files` are the segments by number. What turns out damaged is told in `problems`, once. Threads
    may ask at the same time: they find the same.
    """

    __slots__ = ("_chunks", "_name", "_numbered", "_problems", "_references", "files")

    def __init__(self, name: str, files: Mapping[int, File], references: IntArray, times: native.ChunkTimes) -> None:
        self._name = name
        self._references = references
        self._problems: dict[tuple[str, int], CorruptionError] = {}
        self._numbered = {number - 1: file for number, file in sorted(files.items())}
        self.files = tuple(self._numbered.values())
        for file in self.files:
            try:
                _check_header(file)
            except CorruptionError as error:
                self._tell(error)
        self._chunks = native.ChunkFiles(
            times, references, {number: file.data for number, file in self._numbered.items()}
        )

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Chunks found so far whose encoding is not read."""
        skipped = np.flatnonzero(self._chunks.state == native.CHUNK_SKIPPED)
        counts = np.bincount(self._chunks.encodings(skipped)).tolist()
        return tuple(Skipped(self._name, chunk_kind(encoding), n) for encoding, n in enumerate(counts) if n)

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """What turned out damaged so far."""
        return tuple(self._problems.values())

    def runs(self, ranges: native.ChunkRanges) -> tuple[Runs, int]:
        """Those of the chunks that hold float samples and can be decoded, in their order; how many series have none."""
        found = self._chunks.locate(ranges)
        if found.is_damaged:
            self._tell_damaged(ranges.chunks())
        return Runs(
            self._chunks.buffers,
            found.offsets,
            found.segment,
            found.start,
            found.length,
            found.encoding,
            found.min_time,
            found.max_time,
        ), found.n_empty

    def all(self) -> Runs:
        """All chunks as they are, of whatever encoding, in the order of the index; each as a series of its own.

        Times are left to the index. Raises CorruptionError if one of them is damaged.
        """
        count = len(self._references)
        each = native.ChunkRanges(np.arange(count), np.arange(count + 1), True)
        found = self._chunks.locate(each)
        if found.is_damaged:
            self._tell_damaged(each.chunks())
        if self._problems:
            raise next(iter(self._problems.values()))
        is_read = np.diff(found.offsets) > 0
        segment, encoding = np.zeros(count, np.int32), np.zeros(count, np.uint8)
        start, length = np.zeros((2, count), np.int64)
        segment[is_read], encoding[is_read] = found.segment, found.encoding
        start[is_read], length[is_read] = found.start, found.length
        index = {number: i for i, number in enumerate(self._numbered)}
        for i in np.flatnonzero(~is_read).tolist():
            number, offset = divmod(int(self._references[i]), 1 << 32)
            file = self._numbered[number]
            cursor = Cursor(file.data, file.name, offset)
            length[i], encoding[i] = cursor.uvarint(), cursor.u8()
            segment[i], start[i] = index[number], cursor.position
        return Runs(
            self._chunks.buffers, np.arange(count + 1), segment, start, length, encoding, np.zeros(count, np.int64),
            np.zeros(count, np.int64),
        )  # fmt: skip

    def _tell_damaged(self, chunks: IntArray) -> None:
        states = self._chunks.state[chunks]
        numbers = self._references[chunks] >> 32
        for number in np.unique(numbers[states >= native.CHUNK_MISSING]).tolist():
            own = numbers == number
            missing = np.count_nonzero(states[own] == native.CHUNK_MISSING)
            if missing:
                name = f"{self._name}/chunks/{number + 1:06d}"
                self._tell(CorruptionError(f"segment is missing; it held {missing} or more chunks", name))
                continue
            for state, message in _DAMAGE.items():
                offsets = self._references[chunks[own & (states == state)]] & 0xFFFFFFFF
                for offset in offsets.tolist():
                    self._tell(CorruptionError(message, self._numbered[number].name, offset))

    def _tell(self, problem: CorruptionError) -> None:
        self._problems.setdefault((problem.file, problem.offset), problem)


def _check_header(file: File) -> None:
    cursor = Cursor(file.data, file.name)
    magic, version = cursor.be32(), cursor.u8()
    if magic != MAGIC or version != VERSION:
        raise CorruptionError(f"expected magic {MAGIC:08x} version 1, found {magic:08x} version {version}", file.name)
