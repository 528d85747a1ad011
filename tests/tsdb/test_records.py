import numpy as np
import pytest

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.floats import STALE_NAN_BITS
from obsflow.model.labels import Labels
from obsflow.tsdb import records
from obsflow.tsdb.wal import Record, Records
from tests.tsdb import writer

STALE = float(np.array([STALE_NAN_BITS], np.uint64).view(np.float64)[0])
SAMPLES = [(7, 1000, 1.5), (8, 1000, STALE), (300, 1001, -0.0), (2, 999, float("inf")), (1 << 40, -5, 5e-324)]


def record(data: bytes, offset: int = 0) -> Record:
    return Record("s", offset, data)


def together(*batch: Record) -> Records:
    """Records as a segment gives them."""
    lengths = np.array([len(each.data) for each in batch], np.int64)
    data = np.frombuffer(b"".join(each.data for each in batch), np.uint8)
    offsets = np.array([each.offset for each in batch], np.int64)
    return Records("s", data, offsets, np.cumsum(lengths) - lengths, lengths)


def rows(columns: records.SampleColumns) -> list[tuple[int, int, int]]:
    bits = columns.values.view(np.uint64)
    return list(zip(columns.references.tolist(), columns.times.tolist(), bits.tolist(), strict=True))


def expected(samples) -> list[tuple[int, int, int]]:
    return [(reference, time, writer.bits_of(value)) for reference, time, value in samples]


def test_series():
    """References and label sets come back; the empty record has none."""
    labels = {"__name__": "up", "zone": "é\n"}
    found = records.decode_series(record(writer.series_record([(1, labels), (1 << 63, {})])))
    assert list(found) == [(1, Labels(labels)), (1 << 63, Labels())]
    assert list(records.decode_series(record(b"\x01"))) == []


VERSIONS = pytest.mark.parametrize("write", [writer.samples_record, writer.samples_v2_record])


def decode(*batch: Record) -> tuple[list[tuple[int, int, int]], list[CorruptionError]]:
    problems: list[CorruptionError] = []
    return rows(records.decode_samples(together(*batch), problems)), problems


def test_samples_of_many_records():
    """All records are decoded at once, each on its own base."""
    parts = [SAMPLES, [], SAMPLES[::-1], SAMPLES[:1]]
    batch = [record(write(part)) for part in parts for write in (writer.samples_record, writer.samples_v2_record)]
    found, problems = decode(*batch)
    assert found == expected([sample for part in parts for sample in part * 2])
    assert problems == []


def test_start_times_of_samples():
    """The first is written, later ones are the same, another or none; a record of the first version has none."""
    no_start = writer.varint(1) + writer.varint(5) + b"\x00" + bytes(8) + writer.varint(1) + writer.varint(5) + b"\x01"
    second = record(writer.samples_v2_record(SAMPLES, 7) + no_start + bytes(8))
    starts = records.decode_samples(together(record(writer.samples_record(SAMPLES)), second), []).starts
    assert starts.tolist() == [0] * len(SAMPLES) + [7, 7, 9, 9, 11, 0, 0]
    assert records.decode_samples(together(record(writer.samples_record(SAMPLES))), []).starts is None


@VERSIONS
def test_a_truncated_samples_record_keeps_what_is_whole(write):
    """Of a record that ends within a sample the samples before stay, and those of other records."""
    data = write(SAMPLES)
    wholes = {len(write(SAMPLES[:count])): count for count in range(1, len(SAMPLES) + 1)} | {1: 0}
    for size in range(1, len(data)):
        found, problems = decode(record(data[:size], 40), record(data))
        count = max(count for whole, count in wholes.items() if whole <= size)
        assert found == expected(SAMPLES[:count] + SAMPLES)
        bases = write is writer.samples_record and size == 17
        assert [problem.offset for problem in problems] == ([] if size in wholes or bases else [40])


@VERSIONS
def test_a_varint_that_never_ends(write):
    """A number of more than 64 bits costs the samples from it on."""
    data = write(SAMPLES[:2]) + b"\xff" * 30
    found, problems = decode(record(data, 7))
    assert found == expected(SAMPLES[:2])
    assert [problem.offset for problem in problems] == [7]


def test_tombstones():
    """Intervals may reach over all time."""
    stones = [(3, -5, 5), (4, -(1 << 63), (1 << 63) - 1)]
    assert list(records.decode_tombstones(record(writer.tombstones_record(stones)))) == stones


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (records.decode_series, writer.series_record([(1, {"a": "b"})])),
        (records.decode_tombstones, writer.tombstones_record([(3, -5, 500)])),
    ],
)
def test_truncated_records(read, data):
    """A record that ends too early is an error."""
    for size in range(2, len(data)):
        with pytest.raises(CorruptionError):
            list(read(record(data[:size])))


def test_overflowing_times_wrap():
    """Hostile differences wrap as they do in a server, and raise nothing."""
    data = writer.samples_v2_record([(1, (1 << 63) - 1, 1.0)]) + writer.varint(1) + writer.varint(1 << 62) + b"\0" * 9
    found, problems = decode(record(data))
    assert [time for _, time, _ in found] == [(1 << 63) - 1, (1 << 62) - 1 - (1 << 63)]
    assert problems == []


def test_series_all_at_once():
    """Many records of series come as columns, their strings numbered."""
    first = writer.series_record([(1, {"__name__": "up", "zone": "é"}), (1 << 63, {})])
    second = writer.series_record([(7, {"__name__": "up", "a": "zone"})])
    data = first + second
    found = native.decode_log_series(data, np.array([0, len(first)]), np.array([len(first), len(second)]))
    texts = [data[at : at + n] for at, n in zip(found.starts.tolist(), found.lengths.tolist(), strict=True)]
    assert found.references.tolist() == [1, 1 << 63, 7]
    assert found.offsets.tolist() == [0, 4, 4, 8]
    assert texts == [b"__name__", b"up", b"zone", "é".encode(), b"__name__", b"up", b"a", b"zone"]
    assert found.numbers.tolist() == [0, 1, 2, 3, 0, 1, 4, 2]
    assert found.firsts.tolist() == [0, 1, 2, 3, 6]
    assert found.plain.tolist() == [True, True, True]
    assert found.bad.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("pairs", "plain"),
    [
        ([("a", "1"), ("b", "2")], True),
        ([("a", "1"), ("ab", "2")], True),
        ([("b", "1"), ("a", "2")], False),
        ([("ab", "1"), ("a", "2")], False),
        ([("a", "1"), ("a", "2")], False),
        ([("a", "")], False),
        ([("", "1")], False),
        ([("é", "1")], False),
    ],
)
def test_plain_series(pairs, plain):
    """Names that ascend, in ASCII, with values, need no second look."""
    data = b"\x01" + bytes(8) + bytes([len(pairs)])
    data += b"".join(writer.text(text) for pair in pairs for text in pair)
    assert native.decode_log_series(data, np.array([0]), np.array([len(data)])).plain.tolist() == [plain]


def test_truncated_series_all_at_once():
    """Of a record that ends within a series those before stay, and those of other records."""
    series = [(1, {"a": "b"}), (2, {"__name__": "up", "job": "x" * 200}), (3, {"a": "b"})]
    data = writer.series_record(series)
    wholes = [len(writer.series_record(series[:count])) for count in range(4)]
    for size in range(1, len(data)):
        batch = data[:size] + data
        found = native.decode_log_series(batch, np.array([0, size]), np.array([size, len(data)]))
        count = sum(whole <= size for whole in wholes) - 1
        assert found.references.tolist() == [*[1, 2, 3][:count], 1, 2, 3]
        assert found.bad.tolist() == [size not in wholes, 0]


KEPT = np.array([2, 3, 9], np.uint64)


def test_keeping_some_series():
    """Records are written anew with some of their series; one that keeps none is empty."""
    series = [(1, {"a": "b"}), (2, {"__name__": "up"}), (3, {}), (4, {"c": "d"}), (9, {"e": "f"})]
    parts = [writer.series_record(each) for each in (series, series[:1], series[1:3], [])]
    lengths = np.array([len(part) for part in parts])
    data, ends, bad = native.keep_log_series(b"".join(parts), np.cumsum(lengths) - lengths, lengths, KEPT)
    expected = [writer.series_record([each for each in of if each[0] in (2, 3, 9)]) for of in (series, series[1:3])]
    assert data.tobytes() == b"".join(expected)
    assert np.diff(ends, prepend=0).tolist() == [len(expected[0]), 0, len(expected[1]), 0]
    assert bad.tolist() == [0] * 4


EXEMPLARS = [
    records.LoggedExemplar(7, 1000, 1.5, Labels(trace_id="abc")),
    records.LoggedExemplar((1 << 64) - 1, -5, float("inf"), Labels()),
    records.LoggedExemplar(3, 1 << 62, -0.0, Labels(span="é", trace_id="x" * 200)),
]
METADATA = [
    records.LoggedMetadata(1, "counter", "", "Requests."),
    records.LoggedMetadata(1 << 40, "gaugehistogram", "seconds", "é\n"),
    records.LoggedMetadata(2, "stateset", "", ""),
]
MARKERS = [(1, (3 << 32) | 8), ((1 << 64) - 1, 0)]
BY_HAND = {
    "exemplars": (
        records.encode_exemplars,
        records.decode_exemplars,
        EXEMPLARS,
        b"\x04" + (7).to_bytes(8, "big") + (1000).to_bytes(8, "big") + b"\0\0" + b"\x3f\xf8" + bytes(6)
        + b"\x01\x08trace_id\x03abc",
    ),
    "metadata": (
        records.encode_metadata,
        records.decode_metadata,
        METADATA,
        b"\x06\x01\x01\x02\x04UNIT\x00\x04HELP\x09Requests.",
    ),
    "markers": (
        records.encode_markers,
        records.decode_markers,
        MARKERS,
        b"\x05" + (1).to_bytes(8, "big") + ((3 << 32) | 8).to_bytes(8, "big"),
    ),
    "tombstones": (
        records.encode_tombstones,
        records.decode_tombstones,
        [(3, -5, 500), (4, -(1 << 63), (1 << 63) - 1)],
        b"\x03" + (3).to_bytes(8, "big") + b"\x09\xe8\x07",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("encode", "decode_", "items", "first"), BY_HAND.values(), ids=BY_HAND.keys())
def test_other_records(encode, decode_, items, first):
    """What is encoded has the bytes of the format, comes back, and is an error wherever it is cut off."""
    assert encode(items[:1]) == first
    data = encode(items)
    assert list(decode_(record(data))) == items
    assert list(decode_(record(encode([])))) == []
    wholes = [len(encode(items[:count])) for count in range(len(items) + 1)]
    if decode_ is records.decode_exemplars:
        wholes[0] = 17  # the reference and the time that all are counted from
    for size in range(2, len(data)):
        if size in wholes:
            assert list(decode_(record(data[:size]))) == items[: wholes.index(size)]
        else:
            with pytest.raises(CorruptionError):
                list(decode_(record(data[:size])))


def test_metadata_of_a_later_version():
    """Types that have no name are unknown, and other fields are passed over."""
    data = b"\x06\x05\x63\x03" + b"".join(map(writer.text, ("UNIT", "s", "LATER", "?", "HELP", "h")))
    assert list(records.decode_metadata(record(data))) == [records.LoggedMetadata(5, "unknown", "s", "h")]


def test_the_time_of_a_checkpoint():
    """It comes back, before the epoch too."""
    for time in (0, -1, 1_700_000_000_000, -(1 << 63)):
        data = records.encode_min_valid_time(time)
        assert data == writer.min_valid_time_record(time)
        assert records.decode_min_valid_time(record(data)) == time


def test_samples_with_start_times_come_back():
    """A record of the second version is written as the plain writer writes it, starts that are absent or repeat too."""
    references = np.array([5, 3, (1 << 64) - 1, 5, 5], np.uint64)
    times = np.array([1000, 2000, -(1 << 63), (1 << 63) - 1, 0])
    starts = np.array([10, 10, 0, 12, 0])
    columns = records.SampleColumns(references, times, np.array([1.0, STALE, 2.0, -0.0, 3.0]), starts)
    problems: list[CorruptionError] = []
    found = records.decode_samples(together(record(records.encode_samples_with_starts(columns))), problems)
    assert problems == []
    assert rows(found) == rows(columns)
    assert found.starts.tolist() == starts.tolist()
    same = [(1, 1000, 1.0), (2, 1500, 2.0), (9, 900, 0.5)]
    written = records.decode_samples(together(record(writer.samples_v2_record(same, 7))), problems)
    assert records.encode_samples_with_starts(written) == writer.samples_v2_record(same, 7)
