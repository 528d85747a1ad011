"""Whatever happens to the bytes: what is left is true, what is lost is told, and nothing but ObsflowError is raised."""

import random

import attrs
import pytest
from tests.tsdb import writer
from tests.tsdb.contents import Contents, block_files, directory, everything, log

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import BlockFiles, File, HeadFiles
from obsflow.tsdb.index import decode_index

CHUNKS = [[(time, time / 7) for time in range(10 * c, 10 * c + 9)] for c in range(3)]
SERIES = [({"__name__": "up", "job": f"api-{i}", "zone": "eu" * i}, CHUNKS) for i in range(4)]
NAMED = writer.series_record([(i, labels) for i, (labels, _) in enumerate(SERIES, 1)])
RECORDS = [NAMED, *(writer.samples_record([(i, t, t / 7) for i in range(1, 5)]) for t in range(30))]


def damaged(data: bytes, seed: int) -> list[bytes]:
    """Every truncation of the data, and every byte changed, in one bit or in any."""
    chance = random.Random(seed)
    out = [data[:size] for size in range(len(data))]
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= chance.choice((1 << chance.randrange(8), chance.randrange(1, 256)))
        out.append(bytes(changed))
    return out


def random_bytes(seed: int) -> list[bytes]:
    """Files of nothing but chance, some of which begin as they should."""
    chance = random.Random(seed)
    starts = [
        b"",
        b"\xba\xaa\xd7\x00\x02",
        b"\x85\xbd\x40\xdd\x01\0\0\0",
        b"\x01\x30\xbc\x91\x01\0\0\0",
        b"\x01",
        b"\x09",
    ]
    return [start + chance.randbytes(chance.randrange(200)) for start in starts for _ in range(30)]


def assert_true_and_told(database: Database, original: Contents, *, unseen: bool = False) -> None:
    found = everything(database)
    for labels, samples in found.items():
        assert set(samples) <= set(original[labels])
    assert found == original or database.problems or unseen


def open_block(files: BlockFiles) -> Database:
    return Database.open(directory(files), decompress_zstd)


def open_head(files: HeadFiles) -> Database:
    return Database.open(directory(head=files), decompress_zstd)


@pytest.mark.parametrize("version", [1, 2])
def test_index(version):
    """An index gives true series or none; a lost series is told."""
    files = block_files([(labels, chunks[:1]) for labels, chunks in SERIES[:3]], version)
    original = everything(open_block(files))
    for data in damaged(files.index.data, version):
        index = attrs.evolve(files, index=File("index", data))
        assert_true_and_told(open_block(index), original)
    for data in random_bytes(version):
        with pytest.raises(CorruptionError):
            decode_index(File("index", data), Symbols())


def test_segment():
    """A segment gives true samples; a lost chunk is told."""
    files = block_files([(labels, chunks[:2]) for labels, chunks in SERIES[:2]])
    original = everything(open_block(files))
    for data in (*damaged(files.segments[1].data, 3), *random_bytes(3)):
        assert_true_and_told(open_block(attrs.evolve(files, segments={1: File("s", data)})), original)


def test_tombstones():
    """Tombstones that are damaged delete nothing, and are told."""
    files = block_files([(labels, chunks[:1]) for labels, chunks in SERIES])
    original = everything(open_block(files))
    sound = writer.tombstones([(10, 5, 6), (11, 7, 8)])
    for data in (*damaged(sound, 4), *random_bytes(4)):
        database = open_block(attrs.evolve(files, tombstones=File("t", data)))
        assert everything(database) == original
        assert database.problems


@pytest.mark.parametrize(("flag", "compress"), [(0, bytes), (0x08, writer.snappy_block)], ids=["plain", "snappy"])
@pytest.mark.parametrize("is_last", [True, False])
def test_log(flag, compress, is_last):
    """A segment of a log gives true samples; what is lost is told, but for the end that is being written."""
    sound = writer.segment(RECORDS[:8], flag, compress)
    rest = [] if is_last else [writer.segment(RECORDS[8:10], flag, compress)]
    original = everything(open_head(HeadFiles(wal=log(sound, *rest))))
    ends = [len(writer.segment(RECORDS[:count], flag, compress)) for count in range(9)]  # nothing shows what followed
    newest = ends[-2]
    for data in damaged(sound, 5):
        database = open_head(HeadFiles(wal=log(data, *rest)))
        found = everything(database)
        assert all(set(samples) <= set(original.get(labels, ())) for labels, samples in found.items())
        # The newest record of all cannot be told from one that is being written.
        is_end = len(data) < len(sound) or data[:newest] == sound[:newest]
        unseen = is_end if is_last else len(data) in ends
        assert found == original or database.problems or database.skipped or unseen
        assert len(database.problems) <= 2
    for data in random_bytes(5):
        open_head(HeadFiles(wal=log(data, *rest)))


def test_head_chunks():
    """A file of closed chunks gives true samples; what is lost is told, and taken from the log where it has it."""
    chunks = [(i, chunk, 1) for i, (_, all_chunks) in enumerate(SERIES[:2], 1) for chunk in all_chunks[:2]]
    sound = writer.head_chunks(chunks, 40)
    ends = [0, *(len(writer.head_chunks(chunks[:count], 0)) for count in range(5))]  # nothing shows what followed
    named = log(writer.segment([NAMED]))
    logged = log(writer.segment([NAMED, *RECORDS[1:]]))
    original = everything(open_head(HeadFiles({1: File("c", sound)}, named)))
    complete = everything(open_head(HeadFiles(wal=logged)))
    for data in damaged(sound, 6):
        files = {1: File("c", data)}
        last = max(end for end in ends if end <= len(data))
        unseen = len(data) < len(sound) and not any(data[last:])
        assert_true_and_told(open_head(HeadFiles(files, named)), original, unseen=unseen)
        assert everything(open_head(HeadFiles(files, logged))) == complete
    for data in random_bytes(6):
        assert everything(open_head(HeadFiles({1: File("c", data)}, logged))) == complete


def test_labels_survive_bytes_that_are_not_text():
    """Label values that are not UTF-8 are carried, not refused."""
    value = b"\xff\xfe".decode("utf-8", "surrogateescape")
    found = everything(open_block(block_files([({"job": value}, [[(1, 1.0)]])])))
    assert list(found) == [Labels({"job": value})]
