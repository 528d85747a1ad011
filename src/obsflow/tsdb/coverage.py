"""Which bytes of a file belong to something, and which to nothing."""

import numpy as np

from obsflow.errors import CorruptionError
from obsflow.tsdb.encoding import ByteArray, IntArray
from obsflow.tsdb.files import File

_MAX_LENGTH_BYTES = 5


def lengths_at(data: ByteArray, positions: IntArray) -> tuple[IntArray, IntArray]:
    """The varint at each of the positions and how many bytes it takes; 0 bytes where it does not end within five."""
    values, widths = np.zeros(len(positions), np.int64), np.zeros(len(positions), np.int64)
    open_ = np.flatnonzero((positions >= 0) & (positions < len(data)))
    for k in range(_MAX_LENGTH_BYTES):
        open_ = open_[positions[open_] + k < len(data)]
        byte = data[positions[open_] + k].astype(np.int64)
        values[open_] |= (byte & 0x7F) << 7 * k
        ends = byte < 0x80
        widths[open_[ends]] = k + 1
        open_ = open_[~ends]
    return values, widths


def find_strays(file: File, starts: IntArray, ends: IntArray, *, may_be_zero: bool) -> list[CorruptionError]:
    """What is wrong with ranges that should cover a file, once: bytes of none, and bytes of more than one.

    With `may_be_zero` bytes of none are padding, and only told where they are not zero.
    """
    order = np.lexsort((ends, starts))
    starts, ends = starts[order], ends[order]
    reach = np.maximum.accumulate(np.concatenate((np.zeros(1, np.int64), ends)))
    after = np.append(starts, len(file.data))
    problems = []
    for at in np.flatnonzero(after > reach).tolist():
        first, last = int(reach[at]), int(after[at])
        data = np.frombuffer(file.data[first:last], np.uint8)
        if not may_be_zero:
            problems.append(CorruptionError(f"{last - first} bytes belong to nothing", file.name, first))
        elif data.any():
            where = first + int(np.flatnonzero(data)[0])
            problems.append(CorruptionError("expected zeros as padding", file.name, where))
    doubled = starts[starts < reach[:-1]].tolist()
    return problems + [CorruptionError("bytes belong to two things at once", file.name, at) for at in doubled]
