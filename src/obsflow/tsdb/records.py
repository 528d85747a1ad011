"""Records of the write-ahead log: series, samples, tombstones."""

from collections.abc import Iterable, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.labels import Labels
from obsflow.tsdb.encoding import Cursor, IntArray, encode_string, encode_uvarint, encode_varint, offsets_of
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


def record_kind(type_: int) -> str:
    """What the records of a type that is not read are called."""
    return _UNREAD.get(type_, f"records of unknown type {type_}")


@attrs.frozen(eq=False)
class SampleColumns:
    """Samples in the order of the log: references of their series, times (ms) and values, a row each.

    `starts` are their start times (ms, 0 for none); None where no record has any.
    """

    references: npt.NDArray[np.uint64]
    times: IntArray
    values: npt.NDArray[np.float64]
    starts: IntArray | None


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


def encode_series(series: Iterable[tuple[int, Labels]]) -> bytes:
    """A record that gives label sets their references."""
    out = bytearray((SERIES,))
    for reference, labels in series:
        out += reference.to_bytes(8, "big")
        out += encode_uvarint(len(labels))
        for name, value in labels.pairs:
            out += encode_string(name)
            out += encode_string(value)
    return bytes(out)


def decode_tombstones(record: Record) -> Iterator[tuple[int, int, int]]:
    """References and closed intervals (ms) of a tombstones record. Raises CorruptionError."""
    cursor = _body(record)
    while cursor.remaining:
        yield cursor.be64(), cursor.varint(), cursor.varint()


def encode_tombstones(deletions: Iterable[tuple[int, int, int]]) -> bytes:
    """A record of references and closed intervals (ms) that are deleted from their series."""
    out = bytearray((TOMBSTONES,))
    for reference, start, end in deletions:
        out += reference.to_bytes(8, "big")
        out += encode_varint(start)
        out += encode_varint(end)
    return bytes(out)


def decode_min_valid_time(record: Record) -> int:
    """Before which time (ms) a checkpoint and all that follows it hold nothing of use. Raises CorruptionError."""
    return _body(record).be64_signed()


def _body(record: Record) -> Cursor:
    return Cursor(record.data, record.file, 1)


def decode_samples(records: Sequence[Record], problems: list[CorruptionError]) -> SampleColumns:
    """The samples of many records, of either version, all at once.

    Of a malformed record what precedes the fault stays.
    """
    lengths = np.array([len(record.data) for record in records], np.int64)
    starts = offsets_of(lengths)[:-1]
    joined = b"".join([record.data for record in records])
    references, times, values, begun, _, bad = native.decode_log_samples(joined, starts, lengths)
    for at in np.flatnonzero(bad).tolist():
        record = records[at]
        problems.append(CorruptionError("samples record ends within a sample", record.file, record.offset))
    has_starts = any(record.data[0] == SAMPLES_V2 for record in records)
    return SampleColumns(references, times, values, begun if has_starts else None)
