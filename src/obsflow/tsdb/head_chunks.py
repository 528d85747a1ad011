"""`chunks_head/`: the closed chunks of the head."""

import attrs
import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb.encoding import Cursor
from obsflow.tsdb.files import File

MAGIC = 0x0130BC91
VERSION = 1
HEADER_BYTES = 8
CRC_BYTES = 4
_OUT_OF_ORDER = 0x80


@attrs.frozen
class HeadChunk:
    """A chunk in a file: of which series, its closed interval (ms), and where its data are."""

    reference: int
    min_time: int
    max_time: int
    encoding: int
    is_out_of_order: bool
    start: int
    length: int


def decode_head_chunks(file: File, problems: list[CorruptionError]) -> list[HeadChunk]:
    """The chunks of one file, which ends where nothing but zeros follows.

    A chunk whose checksum does not match is left out and told in `problems`; so is the rest of the file where the next
    chunk cannot be found.
    """
    if not len(file.data):
        return []  # created and not written yet
    found: list[tuple[int, HeadChunk]] = []
    cursor = Cursor(file.data, file.name)
    try:
        magic, version = cursor.be32(), cursor.u8()
        if magic == 0:
            return []
        if magic != MAGIC or version != VERSION:
            cursor.fail(f"expected magic {MAGIC:08x} version 1, found {magic:08x} version {version}", 0)
        cursor.take(HEADER_BYTES - cursor.position)
        while cursor.remaining and not _is_end(cursor):
            found.append((cursor.position, _decode_chunk(cursor)))
    except CorruptionError as problem:
        problems.append(problem)
    if not found:
        return []
    starts = np.array([offset for offset, _ in found], np.int64)
    stops = np.array([chunk.start + chunk.length for _, chunk in found], np.int64)
    sums = native.crc32c_many(file.data, starts, stops - starts).tolist()
    chunks = []
    in_step = True  # where a length is damaged, what seems to follow is not a chunk, and is not told again
    for actual, stop, (offset, chunk) in zip(sums, stops.tolist(), found, strict=True):
        if actual == int.from_bytes(file.data[stop : stop + CRC_BYTES], "big"):
            chunks.append(chunk)
            in_step = True
        elif in_step:
            in_step = False
            problems.append(CorruptionError("checksum of a head chunk does not match", file.name, offset))
    return chunks


def _is_end(cursor: Cursor) -> bool:
    """Whether what follows is what the file was allotted and not written: zeros in place of series and times."""
    return not any(cursor.data[cursor.position : min(cursor.position + 24, cursor.end)])


def _decode_chunk(cursor: Cursor) -> HeadChunk:
    offset = cursor.position
    reference, min_time, max_time, encoding = cursor.be64(), cursor.be64_signed(), cursor.be64_signed(), cursor.u8()
    length = cursor.uvarint()
    start = cursor.position
    if length + CRC_BYTES > cursor.remaining:
        cursor.fail("head chunk does not fit into its file", offset)
    cursor.position = start + length + CRC_BYTES
    return HeadChunk(
        reference, min_time, max_time, encoding & ~_OUT_OF_ORDER, bool(encoding & _OUT_OF_ORDER), start, length
    )
