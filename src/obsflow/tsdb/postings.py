"""Postings and their offset table: nothing is read from them, but damage to them is told.

What they say follows from the series section. A server that opens the same block depends on them, though.
"""

import struct

import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb.encoding import be32_at
from obsflow.tsdb.files import File

_ALIGNMENT = 4
_WORD_BYTES = 4
_FRAME_BYTES = 2 * _WORD_BYTES  # the length before a list, and the checksum after it
_word = struct.Struct(">I").unpack_from


def check_postings(file: File, begin: int, end: int, table: int) -> tuple[CorruptionError, ...]:
    """What is damaged among the lists between `begin` and `end`, and in the offset table at `table`.

    Lists follow one another, four bytes aligned: u32 length, that many bytes, CRC-32C of them. So does the table.
    """
    data, size = file.data, len(file.data)
    starts: list[int] = []
    lengths: list[int] = []
    at = -(-begin // _ALIGNMENT) * _ALIGNMENT
    while at + _FRAME_BYTES <= end and at + _FRAME_BYTES + (length := _word(data, at)[0]) <= end:
        starts.append(at)
        lengths.append(length)
        at += _FRAME_BYTES + length
    problems = [] if at >= end else [CorruptionError("postings do not fit into their section", file.name, at)]
    if table + _FRAME_BYTES <= size and table + _FRAME_BYTES + (length := _word(data, table)[0]) <= size:
        starts.append(table)
        lengths.append(length)
    else:
        problems.append(CorruptionError("postings offset table does not fit into the file", file.name, table))
    bodies, sizes = np.array(starts, np.int64) + _WORD_BYTES, np.array(lengths, np.int64)
    wrong = native.crc32c_many(data, bodies, sizes) != be32_at(np.frombuffer(data, np.uint8), bodies + sizes)
    for i in np.flatnonzero(wrong).tolist():
        what = "the postings offset table" if starts[i] == table else "a postings list"
        problems.append(CorruptionError(f"checksum of {what} does not match", file.name, starts[i]))
    return tuple(problems)
