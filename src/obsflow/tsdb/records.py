"""Records of the write-ahead log: series, samples, tombstones, exemplars, metadata, markers of chunks."""

import struct
from collections.abc import Iterable, Iterator, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.labels import Labels
from obsflow.tsdb.encoding import Cursor, IntArray, encode_string, encode_uvarint, encode_varint
from obsflow.tsdb.wal import Record, Records

SERIES = 1
SAMPLES = 2
TOMBSTONES = 3
EXEMPLARS = 4
MARKERS = 5
METADATA = 6
SAMPLES_V2 = 11
MIN_VALID_TIME = 14

WITHOUT_SAMPLES = frozenset((EXEMPLARS, MARKERS, METADATA))
"""Types of records that are read past on replay."""

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


def decode_samples(batch: Records, problems: list[CorruptionError]) -> SampleColumns:
    """The samples of many records, of either version, all at once.

    Of a malformed record what precedes the fault stays.
    """
    references, times, values, begun, _, bad = native.decode_log_samples(batch.data, batch.starts, batch.lengths)
    problems += [
        CorruptionError("samples record ends within a sample", batch.file, offset)
        for offset in batch.offsets[bad.astype(np.bool_)].tolist()
    ]
    has_starts = bool((batch.kinds == SAMPLES_V2).any())
    return SampleColumns(references, times, values, begun if has_starts else None)


def encode_samples_with_starts(samples: SampleColumns) -> bytes:
    """A record of the second version, for samples of which some have start times."""
    out = bytearray((SAMPLES_V2,))
    starts = np.zeros(len(samples.times), np.int64) if samples.starts is None else samples.starts
    bits = samples.values.astype(">f8").tobytes()
    first_time = first_start = previous = before = 0
    columns = (samples.references.astype(np.int64), samples.times, starts)
    for i, (reference, time, start) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        if i:
            out += _difference(reference, previous) + _difference(time, first_time)
            if start == 0:
                out.append(_NO_START)
            elif start == before:
                out.append(_SAME_START)
            else:
                out.append(_OTHER_START)
                out += _difference(start, first_start)
        else:
            first_time, first_start = time, start
            out += encode_varint(reference) + encode_varint(time) + encode_varint(start)
        previous, before = reference, start
        out += bits[8 * i : 8 * i + 8]
    return bytes(out)


_NO_START, _SAME_START, _OTHER_START = range(3)


@attrs.frozen
class LoggedExemplar:
    """An exemplar of the series `reference`: its own labels, time (ms) and value."""

    reference: int
    time: int
    value: float
    labels: Labels


def decode_exemplars(record: Record) -> Iterator[LoggedExemplar]:
    """The exemplars of a record. Raises CorruptionError; what came before it stands."""
    cursor = _body(record)
    if not cursor.remaining:
        return
    base_reference, base_time = cursor.be64(), cursor.be64_signed()
    while cursor.remaining:
        reference, time = base_reference + cursor.varint(), _signed(base_time + cursor.varint())
        (value,) = struct.unpack(">d", cursor.take(8))
        pairs = [(cursor.string(), cursor.string()) for _ in range(_count(cursor))]
        yield LoggedExemplar(reference & _WORD, time, value, Labels(pairs))


def encode_exemplars(exemplars: Sequence[LoggedExemplar]) -> bytes:
    """A record of exemplars."""
    out = bytearray((EXEMPLARS,))
    if not exemplars:
        return bytes(out)
    first = exemplars[0]
    out += struct.pack(">Qq", first.reference, first.time)
    for each in exemplars:
        out += _difference(each.reference, first.reference) + _difference(each.time, first.time)
        out += struct.pack(">d", each.value)
        out += encode_uvarint(len(each.labels))
        for name, value in each.labels.pairs:
            out += encode_string(name) + encode_string(value)
    return bytes(out)


def decode_markers(record: Record) -> Iterator[tuple[int, int]]:
    """References of series, and of the chunks that hold all that the out-of-order log had of them so far.

    A chunk's reference is its file's number, times 2^32, and its offset; 0 for no chunk. Raises CorruptionError.
    """
    cursor = _body(record)
    while cursor.remaining:
        yield cursor.be64(), cursor.be64()


def encode_markers(markers: Iterable[tuple[int, int]]) -> bytes:
    """A record of series' references and those of chunks."""
    return bytes((MARKERS,)) + b"".join(struct.pack(">QQ", series, chunk) for series, chunk in markers)


METRIC_TYPES = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""Types of metrics, by their number in a record."""


@attrs.frozen
class LoggedMetadata:
    """What the series `reference` is: its type, which is one of METRIC_TYPES, its unit and its help."""

    reference: int
    type: str
    unit: str
    help: str


def decode_metadata(record: Record) -> Iterator[LoggedMetadata]:
    """The metadata of a record; fields of other names are passed over. Raises CorruptionError."""
    cursor = _body(record)
    while cursor.remaining:
        reference, kind = cursor.uvarint(), cursor.u8()
        count = cursor.uvarint()
        if 2 * count > cursor.remaining:
            cursor.fail("more fields than bytes")
        fields = {cursor.string(): cursor.string() for _ in range(count)}
        type_ = METRIC_TYPES[kind] if kind < len(METRIC_TYPES) else METRIC_TYPES[0]
        yield LoggedMetadata(reference, type_, fields.get("UNIT", ""), fields.get("HELP", ""))


def encode_metadata(metadata: Iterable[LoggedMetadata]) -> bytes:
    """A record of metadata."""
    out = bytearray((METADATA,))
    for each in metadata:
        out += encode_uvarint(each.reference)
        out.append(METRIC_TYPES.index(each.type))
        out += encode_uvarint(2)
        out += encode_string("UNIT") + encode_string(each.unit) + encode_string("HELP") + encode_string(each.help)
    return bytes(out)


def encode_min_valid_time(time: int) -> bytes:
    """A record that says, as the first of a checkpoint, before which time (ms) the log was cut off."""
    return bytes((MIN_VALID_TIME,)) + struct.pack(">q", time)


_WORD = (1 << 64) - 1


def _difference(value: int, base: int) -> bytes:
    """The varint of a difference, which wraps at 64 bits as it does in a server."""
    word = (value - base) & _WORD
    return encode_varint(word - (word >> 63 << 64))


def _signed(word: int) -> int:
    word &= _WORD
    return word - (word >> 63 << 64)
