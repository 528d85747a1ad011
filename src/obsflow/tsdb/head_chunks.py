"""`chunks_head/`: the closed chunks of the head."""

import attrs

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb.files import File

MAGIC = 0x0130BC91
VERSION = 1
HEADER_BYTES = 8
HEADER = MAGIC.to_bytes(4, "big") + bytes((VERSION, 0, 0, 0))
CRC_BYTES = 4
OUT_OF_ORDER = 0x80


@attrs.frozen
class HeadChunk:
    """A chunk in a file: where it begins, of which series it is, its closed interval (ms), and where its data are."""

    offset: int
    reference: int
    min_time: int
    max_time: int
    encoding: int
    is_out_of_order: bool
    start: int
    length: int


def decode_head_chunks(file: File, problems: list[CorruptionError]) -> list[HeadChunk]:
    """The chunks of one file, as `read_head_chunks` finds them."""
    found = read_head_chunks(file, problems)
    columns = (
        found.offsets,
        found.references,
        found.min_time,
        found.max_time,
        found.encodings,
        found.starts,
        found.lengths,
    )
    return [
        HeadChunk(
            offset, reference, first, last, encoding & ~OUT_OF_ORDER, bool(encoding & OUT_OF_ORDER), start, length
        )
        for offset, reference, first, last, encoding, start, length in zip(*(c.tolist() for c in columns), strict=True)
    ]


def read_head_chunks(file: File, problems: list[CorruptionError]) -> native.StoredChunks:
    """The sound chunks of one file, which ends where nothing but zeros follows; an encoding has OUT_OF_ORDER in it.

    A chunk whose checksum does not match is left out and told in `problems`; so is the rest of the file where the next
    chunk cannot be found.
    """
    data = file.data
    size = len(data)
    if size and (size < HEADER_BYTES or (any(data[:4]) and bytes(data[:5]) != HEADER[:5])):
        problems.append(
            CorruptionError(f"expected magic {MAGIC:08x} version 1, found {bytes(data[:5]).hex()}", file.name)
        )
        size = 0
    elif size and not any(data[:4]):
        size = 0  # created and not written yet
    found = native.decode_head_chunks(data[:size])
    sound = found.is_sound
    # where a length is damaged, what seems to follow is not a chunk, and is not told again
    first_bad = ~sound
    first_bad[1:] &= sound[:-1]
    problems += [
        CorruptionError("checksum of a head chunk does not match", file.name, offset)
        for offset in found.offsets[first_bad].tolist()
    ]
    if found.fault >= 0:
        problems.append(CorruptionError("head chunk does not fit into its file", file.name, found.fault))
    return found if sound.all() else found.only_sound()


def record_of(file: File, chunk: HeadChunk) -> bytes:
    """A chunk as its file has it, with its checksum."""
    return bytes(file.data[chunk.offset : chunk.start + chunk.length + CRC_BYTES])
