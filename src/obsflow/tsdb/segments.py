"""Segment files of chunks: where a chunk's bytes are, and whether they are what was written."""

import enum
from collections.abc import Mapping

import attrs
import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.storage import FLOAT_CHUNKS
from obsflow.tsdb.encoding import ByteArray, Cursor, IntArray, MaskArray, be32_at
from obsflow.tsdb.files import File, Skipped

MAGIC = 0x85BD40DD
VERSION = 1
HEADER_BYTES = 8
CRC_BYTES = 4
MAX_LENGTH_BYTES = 5
MIN_CHUNK_BYTES = 2

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


class _State(enum.IntEnum):
    UNREAD = 0
    READABLE = 1
    SKIPPED = 2
    DAMAGED = 3


@attrs.frozen(eq=False)
class _Segment:
    file: File
    data: ByteArray


class ChunkSegments:
    """The chunks of one block, each checked when it is first asked for and remembered.

    `references` (int64, one a chunk) are those of the index: the segment's number less one in the upper half, the
    offset in the lower. `start` and `length` are the place of a readable chunk's data in its segment, `encoding` says
    what they are. What turns out damaged is told in `problems`, once. Threads may ask at the same time: they find the
    same, and a chunk's state is set last.
    """

    __slots__ = ("_name", "_problems", "_references", "_segments", "_state", "encoding", "length", "start")

    def __init__(self, name: str, files: Mapping[int, File], references: IntArray) -> None:
        self._name = name
        self._references = references
        self._state = np.zeros(len(references), np.uint8)
        self.encoding = np.zeros(len(references), np.uint8)
        self._problems: dict[tuple[str, int], CorruptionError] = {}
        self.start = np.zeros(len(references), np.int64)
        self.length = np.zeros(len(references), np.int64)
        self._segments: dict[int, _Segment] = {}
        for number, file in sorted(files.items()):
            try:
                _check_header(file)
            except CorruptionError as error:
                self._tell(error)
            self._segments[number - 1] = _Segment(file, np.frombuffer(file.data, np.uint8))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Chunks found so far whose encoding is not read."""
        counts = np.bincount(self.encoding[self._state == _State.SKIPPED]).tolist()
        return tuple(Skipped(self._name, chunk_kind(encoding), n) for encoding, n in enumerate(counts) if n)

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """What turned out damaged so far."""
        return tuple(self._problems.values())

    @property
    def files(self) -> tuple[File, ...]:
        """The segments, in the order that `file_of` numbers them."""
        return tuple(segment.file for segment in self._segments.values())

    def file_of(self, chunks: IntArray) -> IntArray:
        """For each readable chunk the index of its segment in `files`."""
        numbers = np.array(list(self._segments), np.int64)
        return np.searchsorted(numbers, self._references[chunks] >> 32).astype(np.int64)

    def readable(self, chunks: IntArray) -> MaskArray:
        """Which of the chunks (indices) hold float samples that can be decoded."""
        unread = chunks[self._state[chunks] == _State.UNREAD]
        if len(unread):
            self._check(np.unique(unread))
        readable: MaskArray = self._state[chunks] == _State.READABLE
        return readable

    def _check(self, chunks: IntArray) -> None:
        numbers = self._references[chunks] >> 32
        for number in np.unique(numbers).tolist():
            own = chunks[numbers == number]
            segment = self._segments.get(number)
            if segment is None:
                name = f"{self._name}/chunks/{number + 1:06d}"
                self._tell(CorruptionError(f"segment is missing; it held {len(own)} or more chunks", name))
                self._state[own] = _State.DAMAGED
            else:
                self._check_segment(segment, own)

    def _check_segment(self, segment: _Segment, chunks: IntArray) -> None:
        """Locate the chunks in their segment and compare their checksums, all at once."""
        data = segment.data
        offsets = self._references[chunks] & 0xFFFFFFFF
        inside = offsets + MAX_LENGTH_BYTES <= len(data)
        self._damaged(segment, chunks[~inside], "chunk lies outside of its segment")
        chunks, offsets = chunks[inside], offsets[inside]
        length, width = _lengths(data, offsets)
        body = offsets + width  # the encoding, which the checksum covers too
        whole = (width > 0) & (length >= MIN_CHUNK_BYTES) & (body + 1 + length + CRC_BYTES <= len(data))
        self._damaged(segment, chunks[~whole], "chunk does not fit into its segment")
        chunks, body, length = chunks[whole], body[whole], length[whole]
        sums = native.crc32c_many(segment.file.data, body, length + 1)
        sound = sums == be32_at(data, body + 1 + length)
        self._damaged(segment, chunks[~sound], "checksum of a chunk does not match")
        chunks, body, length = chunks[sound], body[sound], length[sound]
        encodings = data[body]
        self.encoding[chunks] = encodings
        self.start[chunks] = body + 1
        self.length[chunks] = length
        self._state[chunks] = np.where(np.isin(encodings, FLOAT_CHUNKS), _State.READABLE, _State.SKIPPED)

    def _damaged(self, segment: _Segment, chunks: IntArray, message: str) -> None:
        for offset in (self._references[chunks] & 0xFFFFFFFF).tolist():
            self._tell(CorruptionError(message, segment.file.name, offset))
        self._state[chunks] = _State.DAMAGED

    def _tell(self, problem: CorruptionError) -> None:
        self._problems.setdefault((problem.file, problem.offset), problem)


def _check_header(file: File) -> None:
    cursor = Cursor(file.data, file.name)
    magic, version = cursor.be32(), cursor.u8()
    if magic != MAGIC or version != VERSION:
        raise CorruptionError(f"expected magic {MAGIC:08x} version 1, found {magic:08x} version {version}", file.name)


def _lengths(data: ByteArray, offsets: IntArray) -> tuple[IntArray, IntArray]:
    """The uvarint at each offset and how many bytes it takes; 0 bytes where it takes more than a length may."""
    value = np.zeros(len(offsets), np.int64)
    width = np.zeros(len(offsets), np.int64)
    going = np.ones(len(offsets), np.bool_)
    for k in range(MAX_LENGTH_BYTES):
        byte = data[offsets + k].astype(np.int64)
        value[going] |= (byte[going] & 0x7F) << (7 * k)
        ended = going & (byte < 0x80)
        width[ended] = k + 1
        going &= ~ended
    return value, width
