"""Postings and their offset table: nothing is read from them, but damage to them is told.

What they say follows from the series section. A server that opens the same block depends on them, though.
"""

import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb.files import File

_ALIGNMENT = 4
_WORD_BYTES = 4


def check_postings(file: File, begin: int, end: int, table: int) -> tuple[CorruptionError, ...]:
    """What is damaged among the lists between `begin` and `end`, and in the offset table at `table`.

    Lists follow one another, four bytes aligned: u32 length, that many bytes, CRC-32C of them. So does the table.
    """

    def word(at: int) -> int:
        return int.from_bytes(file.data[at : at + _WORD_BYTES], "big")

    starts: list[int] = []
    lengths: list[int] = []
    at = -(-begin // _ALIGNMENT) * _ALIGNMENT
    while at + 2 * _WORD_BYTES <= end and at + 2 * _WORD_BYTES + word(at) <= end:
        starts.append(at)
        lengths.append(word(at))
        at += 2 * _WORD_BYTES + lengths[-1]
    problems = [] if at >= end else [CorruptionError("postings do not fit into their section", file.name, at)]
    if table + 2 * _WORD_BYTES + word(table) <= len(file.data):
        starts.append(table)
        lengths.append(word(table))
    else:
        problems.append(CorruptionError("postings offset table does not fit into the file", file.name, table))
    sums = native.crc32c_many(file.data, np.array(starts, np.int64) + _WORD_BYTES, np.array(lengths, np.int64))
    for start, length, checksum in zip(starts, lengths, sums.tolist(), strict=True):
        if checksum != word(start + _WORD_BYTES + length):
            what = "the postings offset table" if start == table else "a postings list"
            problems.append(CorruptionError(f"checksum of {what} does not match", file.name, start))
    return tuple(problems)
