import numpy as np
import pytest

from obsflow import native
from obsflow.model.storage import Runs
from obsflow.tsdb.files import File
from obsflow.tsdb.segments import ChunkSegments
from tests.tsdb import writer

CHUNKS = [writer.xor_chunk([(t, float(t)) for t in range(start, start + 30)]) for start in (0, 100, 200)]


class Segments:
    """Segments, and a series for each of the references."""

    def __init__(self, *files: bytes, references: list[int]) -> None:
        named = {i: File(f"chunks/{i:06d}", data) for i, data in enumerate(files, 1)}
        n = len(references)
        self.times = native.ChunkTimes(np.arange(n + 1), np.arange(n), np.arange(n))
        self.chunks = ChunkSegments("block", named, np.array(references, np.int64), self.times)
        self.rows = np.arange(n)

    def runs(self) -> Runs:
        """All that can be read."""
        return self.chunks.runs(self.times.between(self.rows, 0, len(self.rows)))[0]

    def readable(self) -> list[bool]:
        """Which of them can be."""
        return (np.diff(self.runs().offsets) > 0).tolist()


def written() -> tuple[bytes, list[int]]:
    segment = writer.SegmentWriter()
    references = [segment.add(chunk) for chunk in CHUNKS]
    return bytes(segment.data), references


def test_chunks_are_found_by_reference():
    """A reference leads to the chunk's bytes, without its length, encoding and checksum."""
    data, references = written()
    found = Segments(data, references=references)
    assert found.readable() == [True, True, True]
    runs = found.runs()
    assert [data[a : a + n] for a, n in zip(runs.start, runs.length, strict=True)] == CHUNKS
    assert runs.buffer.tolist() == [0, 0, 0]
    assert found.chunks.problems == ()


def test_a_second_segment():
    """The upper half of a reference names the segment, counted from zero."""
    first, second = writer.SegmentWriter(1), writer.SegmentWriter(2)
    references = [first.add(CHUNKS[0]), second.add(CHUNKS[1])]
    found = Segments(bytes(first.data), bytes(second.data), references=references)
    assert found.readable() == [True, True]
    assert found.runs().buffer.tolist() == [0, 1]


def test_a_damaged_chunk_is_told_once_and_left_out():
    """A wrong checksum costs that chunk, and is told once however often it is asked for."""
    data, references = written()
    damaged = bytearray(data)
    damaged[references[1] + 20] ^= 1
    found = Segments(bytes(damaged), references=references)
    for _ in range(2):
        assert found.readable() == [True, False, True]
    assert [(problem.file, problem.offset) for problem in found.chunks.problems] == [("chunks/000001", references[1])]


@pytest.mark.parametrize("encoding", [2, 3, 5, 6, 99])
def test_other_encodings_are_counted(encoding):
    """A chunk of another encoding is skipped, counted, and no damage."""
    segment = writer.SegmentWriter()
    references = [segment.add(CHUNKS[0]), segment.add(b"opaque", encoding)]
    found = Segments(bytes(segment.data), references=references)
    for _ in range(2):
        assert found.readable() == [True, False]
    (notice,) = found.chunks.skipped
    assert (notice.file, notice.count) == ("block", 1)
    assert found.chunks.problems == ()


@pytest.mark.parametrize("reference", [1 << 40, 1 << 31, (1 << 63) - 1, -1, 7 << 32 | 8])
def test_a_reference_to_nowhere(reference):
    """A reference beyond a segment, or to one that is not there, is damage and not a crash."""
    data, references = written()
    found = Segments(data, references=[references[0], reference])
    assert found.readable() == [True, False]
    assert len(found.chunks.problems) == 1


def test_an_empty_segment():
    """A segment of no bytes is told and holds no chunk."""
    found = Segments(b"", references=[8])
    assert found.readable() == [False]
    assert len(found.chunks.problems) == 2


def test_bytes_past_the_end_are_not_read():
    """Every truncation of a segment loses exactly the chunks that are no longer whole."""
    data, references = written()
    ends = [*references[1:], len(data)]
    for size in range(8, len(data)):
        found = Segments(data[:size], references=references)
        assert found.readable() == [end <= size for end in ends]
