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


def test_samples_of_many_records():
    """All records are decoded at once, each on its own base."""
    problems: list[CorruptionError] = []
    batch = [writer.samples_record(part) for part in (SAMPLES, [], SAMPLES[::-1], SAMPLES[:1])]
    columns = records.decode_samples([record(data) for data in batch], problems)
    assert rows(columns) == expected([*SAMPLES, *SAMPLES[::-1], SAMPLES[0]])
    assert problems == []


def test_a_truncated_samples_record_keeps_what_is_whole():
    """Of a record that ends within a sample the samples before stay, and those of other records."""
    data = writer.samples_record(SAMPLES)
    for size in range(2, len(data)):
        problems: list[CorruptionError] = []
        columns = records.decode_samples([record(data[:size], 40), record(data)], problems)
        found = rows(columns)
        assert found[-len(SAMPLES) :] == expected(SAMPLES)
        assert found[: -len(SAMPLES)] == expected(SAMPLES)[: len(found) - len(SAMPLES)]
        assert [problem.offset for problem in problems] in ([], [40])
        assert problems or len(writer.samples_record(SAMPLES[: len(found) - len(SAMPLES)])) in (1, size)


def test_samples_with_start_times():
    """Version 2 counts references from sample to sample and times from the first; start times are left out."""
    assert rows(records.decode_samples_v2(record(writer.samples_v2_record(SAMPLES)))) == expected(SAMPLES)
    assert rows(records.decode_samples_v2(record(b"\x0b"))) == []


def test_tombstones():
    """Intervals may reach over all time."""
    stones = [(3, -5, 5), (4, -(1 << 63), (1 << 63) - 1)]
    assert list(records.decode_tombstones(record(writer.tombstones_record(stones)))) == stones


@pytest.mark.parametrize(
    ("decode", "data"),
    [
        (records.decode_series, writer.series_record([(1, {"a": "b"})])),
        (records.decode_tombstones, writer.tombstones_record([(3, -5, 500)])),
    ],
)
def test_truncated_records(decode, data):
    """A record that ends too early is an error."""
    for size in range(2, len(data)):
        with pytest.raises(CorruptionError):
            list(decode(record(data[:size])))


def test_overflowing_times_wrap():
    """Hostile differences wrap as they do in a server, and raise nothing."""
    data = writer.samples_v2_record([(1, (1 << 63) - 1, 1.0)]) + writer.varint(1) + writer.varint(1 << 62) + b"\0" * 9
    assert len(records.decode_samples_v2(record(data)).times) == 2
