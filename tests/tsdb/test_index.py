import numpy as np
import pytest

from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.files import File
from obsflow.tsdb.index import Index, decode_index
from tests.tsdb import writer

UP = {"__name__": "up", "job": "api"}
DOWN = {"__name__": "up", "job": "db", "zone": "é" * 70}
LATE = {"__name__": "up", "job": "web"}
SERIES = [
    (UP, [(10, 20, 8), (21, 40, 30)]),
    (DOWN, [(-5, 40, 60)]),
    (LATE, [(7, 7, 1 << 32 | 8), (9, 9, 1 << 32 | 44)]),
]


def decode(data: bytes) -> Index:
    return decode_index(File("index", data), Symbols())


def labels_of(index: Index) -> list[Labels]:
    return index.series.take(np.arange(len(index.series))).decode()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_all_versions_give_series_and_chunks(version):
    """Every version of the format gives the same label sets and chunk places."""
    index = decode(writer.index(SERIES, version))
    assert labels_of(index) == [Labels(UP), Labels(DOWN), Labels(LATE)]
    assert index.chunks.offsets.tolist() == [0, 2, 3, 5]
    assert index.chunks.min_time.tolist() == [10, 21, -5, 7, 9]
    assert index.chunks.max_time.tolist() == [20, 40, 40, 7, 9]
    assert index.chunks.reference.tolist() == [8, 30, 60, 1 << 32 | 8, 1 << 32 | 44]
    assert index.problems == ()


@pytest.mark.parametrize("version", [1, 2])
def test_references_are_those_of_postings(version):
    """Series are called what the postings call them, which tombstones do too."""
    data = writer.index(SERIES, version)
    assert decode(data).references.tolist() == writer.series_references(data, len(SERIES))


@pytest.mark.parametrize("length", [1, 127, 128, 16_383, 16_384, 20_000])
def test_references_of_long_entries(length):
    """The width of an entry's length does not shift its reference."""
    chunks = [(i * 10, i * 10 + 1, 8) for i in range(length)]
    data = writer.index([(UP, chunks), (LATE, [(1, 2, 8)])])
    assert decode(data).references.tolist() == writer.series_references(data, 2)


def test_an_index_without_series():
    """An empty block is a block."""
    assert len(decode(writer.index([])).series) == 0


def test_a_damaged_entry_loses_its_series_only():
    """A wrong checksum in the series section costs that one series, and says where."""
    data = writer.index(SERIES)
    for reference, lost in zip(writer.series_references(data, 3), (UP, DOWN, LATE), strict=True):
        damaged = bytearray(data)
        damaged[16 * reference + 5] ^= 0x10
        index = decode(bytes(damaged))
        assert labels_of(index) == [Labels(each) for each in (UP, DOWN, LATE) if each is not lost]
        assert [(problem.file, problem.offset) for problem in index.problems] == [("index", 16 * reference)]


@pytest.mark.parametrize("length", [0x00, 0x01, 0x7F, 0xFF])
def test_a_damaged_length_loses_its_series_only(length):
    """The entries after a wrong length are found again by their alignment."""
    data = bytearray(writer.index(SERIES))
    data[16 * writer.series_references(data, 3)[0]] = length
    index = decode(bytes(data))
    assert labels_of(index) == [Labels(DOWN), Labels(LATE)]
    assert len(index.problems) == 1


def test_postings_are_not_missed():
    """Damage to postings and their table costs nothing, since series are found without them."""
    data = bytearray(writer.index(SERIES))
    start = 16 * writer.series_references(data, 3)[-1] + 40
    data[start:-52] = bytes(len(data) - 52 - start)
    assert len(decode(bytes(data)).series) == 3


def test_a_malformed_entry_is_told():
    """An entry whose checksum is right and whose counts are not is left out and told."""
    data = bytearray(writer.index(SERIES))
    at = 16 * writer.series_references(data, 3)[1]
    size = data[at + 1] << 7 | data[at] & 0x7F if data[at] >= 0x80 else data[at]
    start = at + (2 if data[at] >= 0x80 else 1)
    data[start] += 1
    data[start + size : start + size + 4] = writer.crc32c(bytes(data[start : start + size]))
    index = decode(bytes(data))
    assert labels_of(index) == [Labels(UP), Labels(LATE)]
    assert [str(problem) for problem in index.problems] == [f"index: offset {start}: series entry is malformed"]


@pytest.mark.parametrize(
    ("at", "message"),
    [(0, "expected magic"), (4, "version"), (12, "symbols")],
)
def test_what_an_index_cannot_do_without(at, message):
    """Damage to the header or the symbols makes the whole index unusable."""
    data = bytearray(writer.index(SERIES))
    data[at] ^= 0x40
    with pytest.raises(CorruptionError, match=message):
        decode(bytes(data))


@pytest.mark.parametrize("version", [1, 2])
def test_an_index_that_is_cut_off(version):
    """Without its end an index still gives every series that is whole, and one problem."""
    data = writer.index(SERIES, version)
    references = [(16 if version == 2 else 1) * each for each in writer.series_references(data, 3)]
    all_series = [Labels(each) for each in (UP, DOWN, LATE)]
    for size in range(references[0], len(data)):
        index = decode(data[:size])
        whole = sum(size >= end for end in (*references[1:], references[2] + 40))
        found = labels_of(index)
        assert found == all_series[: len(found)]
        assert len(found) >= whole
        assert len(index.problems) == 1


@pytest.mark.parametrize("at", [-52, -30, -1])
def test_a_damaged_table_of_contents(at):
    """Series are found without the table of contents, whose damage is told."""
    data = bytearray(writer.index(SERIES))
    data[at] ^= 0x40
    index = decode(bytes(data))
    assert labels_of(index) == [Labels(UP), Labels(DOWN), Labels(LATE)]
    assert index.chunks.reference.tolist() == [8, 30, 60, 1 << 32 | 8, 1 << 32 | 44]
    assert [problem.offset for problem in index.problems] == [len(data) - 52]
