"""Records of the write-ahead log: series, samples, tombstones."""

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.errors import CorruptionError
from obsflow.model.labels import Labels
from obsflow.tsdb.encoding import ByteArray, Cursor, IntArray, expand, unzigzag
from obsflow.tsdb.wal import Record

SERIES = 1
SAMPLES = 2
TOMBSTONES = 3
SAMPLES_V2 = 11
MIN_VALID_TIME = 14

WITHOUT_SAMPLES = frozenset((4, 5, 6))
"""Exemplars, markers of m-mapped chunks, metadata."""

_UNREAD = {
    7: "records of histograms",
    8: "records of float histograms",
    9: "records of histograms with custom buckets",
    10: "records of float histograms with custom buckets",
    12: "records of histograms with start times",
    13: "records of float histograms with start times",
}
_EXPLICIT_START = 2
_U64 = (1 << 64) - 1


def record_kind(type_: int) -> str:
    """What the records of a type that is not read are called."""
    return _UNREAD.get(type_, f"records of unknown type {type_}")


@attrs.frozen(eq=False)
class SampleColumns:
    """Samples in the order of the log: references of their series, times (ms) and values, a row each."""

    references: npt.NDArray[np.uint64]
    times: IntArray
    values: npt.NDArray[np.float64]


def decode_series(record: Record) -> Iterator[tuple[int, Labels]]:
    """References and label sets of a series record. Raises CorruptionError; what came before it stands."""
    cursor = _body(record)
    while cursor.remaining:
        reference = cursor.be64()
        pairs = [(cursor.string(), cursor.string()) for _ in range(_count(cursor))]
        yield reference, Labels(pairs)


def _count(cursor: Cursor) -> int:
    count = cursor.uvarint()
    if 2 * count > cursor.remaining:
        cursor.fail("more labels than bytes")
    return count


def decode_tombstones(record: Record) -> Iterator[tuple[int, int, int]]:
    """References and closed intervals (ms) of a tombstones record. Raises CorruptionError."""
    cursor = _body(record)
    while cursor.remaining:
        yield cursor.be64(), cursor.varint(), cursor.varint()


def decode_min_valid_time(record: Record) -> int:
    """Before which time (ms) a checkpoint and all that follows it hold nothing of use. Raises CorruptionError."""
    return _body(record).be64_signed()


def _body(record: Record) -> Cursor:
    return Cursor(record.data, record.file, 1)


def decode_samples(records: Sequence[Record], problems: list[CorruptionError]) -> SampleColumns:
    """The samples of many records of type 2, all at once. Of a malformed record what precedes the fault stays.

    A sample is two varints and eight bytes. Python only finds where each starts; the numbers are decoded as columns.
    """
    joined = b"".join([record.data for record in records]) + bytes(_PAD)
    at: list[int] = []
    counts: list[int] = []
    bases: list[tuple[int, int]] = []
    first = 0
    for record in records:
        end = first + len(record.data)
        before = len(at)
        if end - first >= _BASES_END:
            position = _find_samples(joined, first + _BASES_END, end, at)
            if position != end:
                at.pop()
                problems.append(CorruptionError("samples record ends within a sample", record.file, record.offset))
        elif end - first > 1:
            problems.append(CorruptionError("samples record is too short", record.file, record.offset))
        counts.append(len(at) - before)
        bases.append((int.from_bytes(record.data[1:9], "big"), int.from_bytes(record.data[9:17], "big")))
        first = end
    return _columns(
        np.frombuffer(joined, np.uint8),
        np.array(at, np.int64),
        np.array(counts, np.int64),
        np.array(bases, np.uint64).reshape(-1, 2),
    )


_BASES_END = 17
_PAD = 32  # zeros, which end every varint


def _find_samples(data: bytes, position: int, end: int, at: list[int]) -> int:
    """Append the start of each sample to `at`; returns where the last one ends, which may be beyond `end`."""
    while position < end:
        at.append(position)
        while data[position] >= 0x80:
            position += 1
        position += 1
        while data[position] >= 0x80:
            position += 1
        position += 9
    return position


def _columns(data: ByteArray, at: IntArray, counts: IntArray, bases: npt.NDArray[np.uint64]) -> SampleColumns:
    owner, _ = expand(counts)
    reference, time_at = _varints_at(data, at)
    time, value_at = _varints_at(data, time_at)
    bits = np.zeros(len(at), np.uint64)
    for k in range(8):
        bits = (bits << np.uint64(8)) | data[value_at + k]
    return SampleColumns(
        bases[owner, 0] + reference.view(np.uint64), bases[owner, 1].view(np.int64) + time, bits.view(np.float64)
    )


def _varints_at(data: ByteArray, at: IntArray) -> tuple[IntArray, IntArray]:
    """The zigzag varint at each position, and the position after it. All of them end within `data`."""
    values = np.zeros(len(at), np.uint64)
    position = at.copy()
    going = np.arange(len(at))
    for k in range(10):
        byte = data[position[going]]
        values[going] |= (byte & 0x7F).astype(np.uint64) << np.uint64(7 * k)
        position[going] += 1
        going = going[byte >= 0x80]
        if not len(going):
            break
    return unzigzag(values), position


def decode_samples_v2(record: Record) -> SampleColumns:
    """The samples of a record of type 11; their start times are left out. Raises CorruptionError."""
    cursor = _body(record)
    references: list[int] = []
    times: list[int] = []
    bits: list[bytes] = []
    reference = first_time = 0
    while cursor.remaining:
        reference += cursor.varint()
        time = cursor.varint()
        if not times:
            first_time, time = time, 0
            cursor.varint()  # the start time of the first sample, which is always there
        elif cursor.u8() == _EXPLICIT_START:
            cursor.varint()
        references.append(reference & _U64)
        times.append(time)
        bits.append(cursor.take(8))
    values = np.frombuffer(b"".join(bits), ">u8").astype(np.uint64).view(np.float64)
    return SampleColumns(np.array(references, np.uint64), np.array(times, np.int64) + np.int64(first_time), values)
