"""Integers as Prometheus' files hold them: big-endian, or LEB128 varints; one by one, or a whole section at once."""

from typing import NoReturn

import numpy as np
import numpy.typing as npt

from obsflow.errors import CorruptionError

Buffer = bytes | memoryview
ByteArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
MaskArray = npt.NDArray[np.bool_]

MAX_VARINT_BYTES = 10
_MASK = (1 << 64) - 1


class Cursor:
    """Reads `data[position:end]` from front to back, and never past `end`.

    Every read raises `CorruptionError`, with the file and the offset in it, where the bytes are not there or not what
    was asked for.
    """

    __slots__ = ("data", "end", "file", "position")

    def __init__(self, data: Buffer, file: str, position: int = 0, end: int | None = None) -> None:
        self.data = data
        self.file = file
        self.position = position
        self.end = len(data) if end is None else min(end, len(data))

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return self.end - self.position

    def fail(self, message: str, offset: int | None = None) -> NoReturn:
        """Raise `CorruptionError` at `offset`, or where the cursor stands."""
        raise CorruptionError(message, self.file, self.position if offset is None else offset)

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start = self.position
        if size < 0 or size > self.end - start:
            self.fail(f"expected {size} more bytes, found {self.end - start}")
        self.position = start + size
        return bytes(self.data[start : self.position])

    def u8(self) -> int:
        """One byte."""
        if self.position >= self.end:
            self.fail("expected 1 more byte, found 0")
        self.position += 1
        return self.data[self.position - 1]

    def be32(self) -> int:
        """Four bytes, unsigned."""
        return int.from_bytes(self.take(4), "big")

    def be64(self) -> int:
        """Eight bytes, unsigned."""
        return int.from_bytes(self.take(8), "big")

    def be64_signed(self) -> int:
        """Eight bytes, two's complement."""
        return int.from_bytes(self.take(8), "big", signed=True)

    def uvarint(self) -> int:
        """A varint of at most 64 bits."""
        data, position = self.data, self.position
        if position < self.end and data[position] < 0x80:  # most are as short
            self.position = position + 1
            return data[position]
        value = shift = 0
        for at in range(position, min(self.end, position + MAX_VARINT_BYTES)):
            byte = data[at]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value > _MASK:
                    break
                self.position = at + 1
                return value
            shift += 7
        message = "varint does not end" if self.end - position < MAX_VARINT_BYTES else "varint overflows 64 bits"
        raise CorruptionError(message, self.file, position)

    def varint(self) -> int:
        """A zigzag varint, signed."""
        value = self.uvarint()
        return (value >> 1) ^ -(value & 1)

    def string(self) -> str:
        """A text with its length before it; bytes that are not UTF-8 are carried as surrogates."""
        return self.take(self.uvarint()).decode("utf-8", "surrogateescape")


def encode_uvarint(value: int) -> bytes:
    """A varint of at most 64 bits."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_varint(value: int) -> bytes:
    """A signed number, zigzag."""
    return encode_uvarint((value << 1 ^ value >> 63) & _MASK)


def encode_string(text: str) -> bytes:
    """A text with its length before it; surrogates are the bytes that they carry."""
    data = text.encode("utf-8", "surrogateescape")
    return encode_uvarint(len(data)) + data


def unzigzag(values: npt.NDArray[np.uint64]) -> IntArray:
    """The signed numbers that zigzag varints stand for."""
    return (values >> np.uint64(1)).view(np.int64) ^ -(values & np.uint64(1)).view(np.int64)


def be32_at(data: ByteArray, positions: IntArray) -> npt.NDArray[np.uint32]:
    """The big-endian u32 at each of the positions, which must lie within `data`."""
    out = np.zeros(len(positions), np.uint32)
    for k in range(4):
        out = (out << np.uint32(8)) | data[positions + k]
    return out


def expand(counts: IntArray) -> tuple[IntArray, IntArray]:
    """For groups of `counts` members: the group of every member, and its index within the group."""
    owner = np.repeat(np.arange(len(counts)), counts)
    first = np.cumsum(counts) - counts
    return owner, np.arange(len(owner)) - first[owner]


def dense_ids(ids: npt.NDArray[np.integer], count: int) -> tuple[IntArray, IntArray]:
    """The distinct ones of ids below `count`, ascending, and the index among them of each."""
    if len(ids) < count >> 3:  # then sorting a few is less than a pass over all that there could be
        distinct, index = np.unique(ids, return_inverse=True)
        return distinct.astype(np.int64), index
    there = np.zeros(count, np.bool_)
    there[ids] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[ids]


def offsets_of(counts: IntArray) -> IntArray:
    """CSR offsets `[n + 1]` of groups of `counts` members."""
    out = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=out[1:])
    return out
