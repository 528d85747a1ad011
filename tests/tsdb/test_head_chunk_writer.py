import numpy as np
import pytest

from obsflow.model.storage import ENCODING_XOR
from obsflow.tsdb.files import File
from obsflow.tsdb.head_chunk_writer import HeadChunkWriter, number_of
from obsflow.tsdb.head_chunks import HEADER_BYTES, HeadChunk, decode_head_chunks
from obsflow.tsdb.operations import Append, Remove, Truncate
from tests.tsdb import writer
from tests.tsdb.file_table import FileTable

CHUNKS = [(i % 3 + 1, [(1000 * i + k, float(k)) for k in range(i % 5 + 1)], ENCODING_XOR) for i in range(40)]


def stage(to: HeadChunkWriter, chunks=CHUNKS):
    references = np.array([reference for reference, _, _ in chunks], np.uint64)
    first = np.array([samples[0][0] for _, samples, _ in chunks])
    last = np.array([samples[-1][0] for _, samples, _ in chunks])
    return to.stage(references, first, last, [writer.xor_chunk(samples) for _, samples, _ in chunks])


def decode(files: FileTable) -> dict[str, list[HeadChunk]]:
    problems = []
    found = {path: decode_head_chunks(File(path, data), problems) for path, data in sorted(files.items())}
    assert problems == []
    return found


def test_the_bytes_of_a_file():
    """A file has the bytes that the plain writer writes, in one go or in several."""
    whole, parts = FileTable(), FileTable()
    whole.perform(stage(HeadChunkWriter(1, 1)).operations)
    to = HeadChunkWriter(1, 1)
    for i in range(0, len(CHUNKS), 7):
        parts.perform(stage(to, CHUNKS[i : i + 7]).operations)
        to.commit()
    assert whole == parts == {"chunks_head/000001": writer.head_chunks(CHUNKS, 0)}


@pytest.mark.parametrize("file_bytes", [1, 100, 300, 1000])
def test_files_are_filled(file_bytes):
    """No file is longer than it may be, unless for one chunk, and what is told of the chunks is where they are."""
    files, to = FileTable(), HeadChunkWriter(1, 1, file_bytes=file_bytes)
    for some in (CHUNKS[:1], CHUNKS[1:2], CHUNKS[2:]):
        move = stage(to, some)
        files.perform(move.operations)
        to.commit()
        at = 0
        for part in move.parts:
            for start, (_, samples, _) in zip(part.starts.tolist(), some[at:][: part.count], strict=True):
                chunk = writer.xor_chunk(samples)
                assert files[part.path][start : start + len(chunk)] == chunk
            at += part.count
        assert at == len(some)
    found = decode(files)
    assert [chunk.reference for path in found for chunk in found[path]] == [reference for reference, _, _ in CHUNKS]
    assert [number_of(path) for path in found] == list(range(1, len(found) + 1))
    assert all(len(data) <= file_bytes or len(found[path]) == 1 for path, data in files.items())


@pytest.mark.parametrize("file_bytes", [200, 1 << 20])
def test_what_was_broken_off_is_taken_away(file_bytes):
    """Wherever an attempt failed, the next one leaves what one without failure leaves."""
    expected = FileTable()
    to = HeadChunkWriter(1, 1, file_bytes=file_bytes)
    expected.perform(stage(to, CHUNKS[:5]).operations)
    to.commit()
    operations = stage(to, CHUNKS[5:]).operations
    expected.perform(operations)
    for done in range(len(operations)):
        files, to = FileTable(), HeadChunkWriter(1, 1, file_bytes=file_bytes)
        files.perform(stage(to, CHUNKS[:5]).operations)
        to.commit()
        before = dict(files)
        for _ in range(2):
            files.perform(stage(to, CHUNKS[5:]).operations, count=done)
            last = operations[done]
            assert isinstance(last, Append)
            files.perform([Append(last.path, last.data[: len(last.data) // 2])])
            to.failed()
        files.perform(stage(to, CHUNKS[5:]).operations)
        assert files == expected
        assert all(files[path].startswith(data) for path, data in before.items())


def test_a_first_attempt_that_failed():
    """Of a file that was begun nothing stays."""
    files, to = FileTable(), HeadChunkWriter(4, 7)
    files["chunks_head/000007"] = b"\x01\x30"
    stage(to)
    to.failed()
    move = stage(to)
    assert move.operations[0] == Remove("chunks_head/000007")
    assert not [each for each in move.operations if isinstance(each, Truncate)]
    files.perform(move.operations)
    assert len(decode(files)["chunks_head/000007"]) == len(CHUNKS)


@pytest.mark.parametrize(
    ("used", "gone"), [({3, 9}, [1, 2]), ({1}, []), ({9}, [1, 2, 3, 4]), (set(), [1, 2, 3, 4]), ({4}, [1, 2, 3])]
)
def test_files_that_no_chunk_is_in(used, gone):
    """The oldest files go, up to the first that is used; the one that is written stays."""
    to = HeadChunkWriter(1, 5)
    assert to.drop_unused(frozenset(used)) == [Remove(f"chunks_head/{number:06d}") for number in gone]
    to.dropped()
    assert to.drop_unused(frozenset(used)) == []


def test_names():
    """Files of other names have no number."""
    assert [number_of(name) for name in ("/a/chunks_head/000012", "000001", "memory", "000001.corrupt")] == [
        12,
        1,
        -1,
        -1,
    ]
    assert HEADER_BYTES == 8
