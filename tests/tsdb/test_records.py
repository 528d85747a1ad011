import numpy as np
import pytest

from obsflow.errors import CorruptionError
from obsflow.model.floats import STALE_NAN_BITS
from obsflow.model.labels import Labels
from obsflow.tsdb import records
from obsflow.tsdb.wal import Record
from tests.tsdb import writer

STALE = float(np.array([STALE_NAN_BITS], np.uint64).view(np.float64)[0])
SAMPLES = [(7, 1000, 1.5), (8, 1000, STALE), (300, 1001, -0.0), (2, 999, float("inf")), (1 << 40, -5, 5e-324)]


def record(data: bytes, offset: int = 0) -> Record:
    return Record("s", offset, data)


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
    return rows(records.decode_samples(batch, problems)), problems


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
    starts = records.decode_samples([record(writer.samples_record(SAMPLES)), second], []).starts
    assert starts.tolist() == [0] * len(SAMPLES) + [7, 7, 9, 9, 11, 0, 0]
    assert records.decode_samples([record(writer.samples_record(SAMPLES))], []).starts is None


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
