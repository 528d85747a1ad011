import numpy as np
import pytest

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.model.labels import Labels
from obsflow.tsdb import records
from obsflow.tsdb.checkpoint import Checkpointing, LoggedNames, last_covered
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import File, HeadFiles
from obsflow.tsdb.operations import Remove, Rename, Sync
from obsflow.tsdb.references import References
from obsflow.tsdb.wal import Segment
from tests.tsdb import writer
from tests.tsdb.contents import everything, samples
from tests.tsdb.file_table import FileTable

A, B, C = ({"__name__": "m", "i": i} for i in "abc")


def log_of(*segments: list[bytes], first: int = 0) -> FileTable:
    return FileTable({f"wal/{first + i:08d}": writer.segment(each) for i, each in enumerate(segments)})


def make(files: FileTable, last: int, kept: list[int], min_time: int, **options) -> Checkpointing:
    checkpoint = Checkpointing(
        files.head(), last, np.array(sorted(kept), np.uint64), min_time, decompress_zstd, **options
    )
    files.perform(checkpoint)
    return checkpoint


def records_in(files: FileTable, directory: str) -> list[bytes]:
    out = []
    for path in sorted(files):
        if path.startswith(directory):
            segment = Segment(File(path, files[path]), decompress_zstd)
            out += [batch[i].data for batch in segment.records() for i in range(len(batch))]
            assert segment.problems == []
            assert len(files[path]) % writer.PAGE == 0
    return out


@pytest.mark.parametrize(
    ("first", "newest", "last"),
    [
        (0, 0, None),
        (0, 1, None),
        (0, 2, None),
        (0, 3, 1),
        (0, 4, 2),
        (0, 5, 2),
        (0, 7, 4),
        (3, 4, None),
        (3, 6, 4),
        (9, 2, None),
    ],
)
def test_how_far_a_checkpoint_reaches(first, newest, last):
    """Two thirds of the segments but the newest, and none where they are few."""
    assert last_covered(first, newest) == last


def test_what_stays():
    """Series that are kept, what they have from the time on, the newest metadata, and what is not understood."""
    stones = [(1, 0, 50), (2, 0, 150), (3, 0, 500)]
    files = log_of(
        [
            writer.series_record([(1, A), (2, B), (3, C)]),
            writer.samples_record([(1, 10, 1.0), (2, 99, 2.0), (2, 100, 3.0), (3, 200, 4.0)]),
            writer.samples_record([(1, 20, 1.0)]),
        ],
        [
            writer.tombstones_record(stones),
            records.encode_metadata([records.LoggedMetadata(1, "counter", "", "old")]),
            records.encode_metadata([records.LoggedMetadata(1, "counter", "", "new")]),
            records.encode_metadata([records.LoggedMetadata(3, "gauge", "", "gone")]),
            records.encode_exemplars(
                [records.LoggedExemplar(i, t, 1.0, Labels(trace="x")) for i, t in ((1, 99), (2, 100), (3, 101))]
            ),
            b"\x4dlater",
            writer.samples_v2_record([(1, 100, 5.0), (2, 101, 6.0)], 7),
        ],
        [writer.samples_record([(1, 300, 9.0)])],
    )
    checkpoint = make(files, 1, [1, 2], 100)
    assert checkpoint.problems == []
    assert records_in(files, "wal/checkpoint.00000001") == [
        writer.min_valid_time_record(100),
        writer.series_record([(1, A), (2, B)]),
        writer.samples_record([(2, 100, 3.0)]),
        writer.tombstones_record([(2, 0, 150)]),
        records.encode_exemplars([records.LoggedExemplar(2, 100, 1.0, Labels(trace="x"))]),
        b"\x4dlater",
        writer.samples_v2_record([(1, 100, 5.0), (2, 101, 6.0)], 7),
        records.encode_metadata([records.LoggedMetadata(1, "counter", "", "new")]),
    ]
    assert sorted(files) == ["wal/00000002", "wal/checkpoint.00000001/00000000"]


def test_a_checkpoint_upon_a_checkpoint():
    """The one before is read first and goes then, and its time stays if it is later."""
    files = log_of([writer.series_record([(1, A)]), writer.samples_record([(1, 500, 5.0)])], [], [])
    make(files, 1, [1], 400)
    files["wal/00000003"] = writer.segment([writer.samples_record([(1, 600, 6.0)])])
    files["wal/00000004"] = writer.segment([writer.samples_record([(1, 700, 7.0)])])
    make(files, 3, [1], 300)
    assert sorted(files) == ["wal/00000004", "wal/checkpoint.00000003/00000000"]
    assert records_in(files, "wal/checkpoint")[0] == writer.min_valid_time_record(400)
    found = everything(Database.open(files.directory(), decompress_zstd))
    assert found == {Labels(A): samples((500, 5.0), (600, 6.0), (700, 7.0))}


def test_broken_off_at_any_operation():
    """Whatever was done of it, all samples are there, and it can be done again."""
    segments = [[writer.samples_record([(1, 100 * n, float(n))])] for n in range(1, 6)]
    segments[0].insert(0, writer.series_record([(1, A)]))
    whole = log_of(*segments)
    make(whole, 1, [1], 0)
    count = sum(1 for _ in Checkpointing(whole.head(), 3, np.array([1], np.uint64), 0, decompress_zstd))
    expected = everything(Database.open(whole.directory(), decompress_zstd))
    for done in range(count + 1):
        files = FileTable(whole)
        files.perform(Checkpointing(files.head(), 3, np.array([1], np.uint64), 0, decompress_zstd), count=done)
        for _ in range(2):
            database = Database.open(files.directory(), decompress_zstd)
            assert everything(database) == expected
            assert database.problems == ()
            make(files, 3, [1], 0)
        assert sorted(files) == ["wal/00000004", "wal/checkpoint.00000003/00000000"]


def test_it_reaches_the_disk_before_anything_is_removed():
    """All of it is synced, then its name, and only then what it stands for goes."""
    files = log_of([writer.series_record([(1, A)])], [], [])
    operations = list(Checkpointing(files.head(), 1, np.array([1], np.uint64), 0, decompress_zstd))
    rename = next(i for i, each in enumerate(operations) if isinstance(each, Rename))
    assert Sync("wal/checkpoint.00000001.tmp/00000000") in operations[:rename]
    assert operations[rename - 1] == Sync("wal/checkpoint.00000001.tmp")
    assert operations[rename + 1] == Sync("wal")
    removed = [i for i, each in enumerate(operations) if isinstance(each, Remove)]
    assert removed[1:] == [rename + 2, rename + 3]


def test_a_checkpoint_of_a_damaged_segment():
    """What is sound of it is kept in the checkpoint, and the file under another name."""
    files = log_of(
        [
            writer.series_record([(1, A)]),
            writer.samples_record([(1, 100, 1.0)]),
            writer.samples_record([(1, 200, 2.0)]),
        ],
        [],
        [],
    )
    damaged = bytearray(files["wal/00000000"])
    damaged[-30] ^= 1
    files["wal/00000000"] = bytes(damaged)
    checkpoint = make(files, 1, [1], 0)
    assert [problem.file for problem in checkpoint.problems] == ["wal/00000000"]
    assert files["wal/00000000.corrupt"] == bytes(damaged)
    assert everything(Database.open(files.directory(), decompress_zstd)) == {Labels(A): samples((100, 1.0))}


def test_a_damaged_checkpoint_before():
    """It is kept under another name too."""
    files = log_of([writer.series_record([(1, A)])], [], [writer.samples_record([(1, 100, 1.0)])], [])
    make(files, 1, [1], 0)
    path = "wal/checkpoint.00000001/00000000"
    files[path] = b"\x07" + files[path][1:]
    before = files[path]
    make(files, 2, [1], 0)
    assert files["wal/corrupt-checkpoint.00000001/00000000"] == before


@pytest.mark.parametrize("compress", [False, True])
def test_a_long_checkpoint(compress):
    """Many series and samples, over many records and batches of them."""
    n = 5000
    names = [writer.series_record([(i, A | {"n": str(i)}) for i in range(k, n, 10)]) for k in range(10)]
    rows = [(i, 1000 + i % 7, float(i)) for i in range(n)]
    files = log_of([*names, *(writer.samples_record(rows[i : i + 100]) for i in range(0, n, 100))], [], [])
    kept = list(range(0, n, 3))
    make(files, 1, kept, 1003, compress=compress)
    found = everything(Database.open(files.directory(), decompress_zstd))
    expected = {Labels(A | {"n": str(i)}): samples((t, v)) for i, t, v in rows if i % 3 == 0 and t >= 1003}
    assert found == expected


def test_nothing_to_keep():
    """A checkpoint has the time at least."""
    files = log_of([], [], [])
    make(files, 1, [], -7)
    assert records_in(files, "wal/checkpoint") == [writer.min_valid_time_record(-7)]


def test_names_that_are_needed():
    """All references of the series that are there, and those of others while segments may have samples of them."""
    references = References()
    references.add(np.array([1, 2, 9, 3, 8], np.uint64), np.array([0, 1, 0, 2, 1]))
    own = np.array([1, 2, 3], np.uint64)
    names = LoggedNames(references, own, 4)
    assert names.kept(own, 5).tolist() == [1, 2, 3, 8, 9]
    names.drop(np.array([2], np.uint64), 6)
    assert names.kept(own, 5).tolist() == [1, 2, 3, 8, 9]
    assert names.kept(own, 6).tolist() == [1, 3, 9]
    names.forget(5)
    assert names.kept(own, 5).tolist() == [1, 2, 3, 8, 9]
    names.forget(6)
    assert (names.kept(own, 7).tolist(), names.first_segment) == ([1, 3, 9], 7)


def test_files_with_no_log():
    """Nothing is read that is not asked for: later segments stay."""
    head = HeadFiles(wal={n: File(f"wal/{n:08d}", b"\xff" * 9) for n in (5, 6)})
    operations = list(Checkpointing(head, 4, np.zeros(0, np.uint64), 0, decompress_zstd))
    assert not [each for each in operations if isinstance(each, Rename | Remove) and "0000005" in str(each)]
