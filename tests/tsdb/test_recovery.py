import numpy as np
import pytest

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.model.labels import Labels
from obsflow.tsdb.database import Database
from obsflow.tsdb.operations import Sync, Truncate, WriteFile
from obsflow.tsdb.recovery import plan_recovery
from obsflow.tsdb.wal import PAGE_BYTES
from tests.tsdb import writer
from tests.tsdb.contents import Contents, everything, samples
from tests.tsdb.file_table import FileTable

A, B = {"__name__": "m", "i": "a"}, {"__name__": "m", "i": "b"}
NAMED = writer.series_record([(1, A), (2, B)])


def contents(files: FileTable) -> Contents:
    return everything(Database.open(files.directory(), decompress_zstd))


def flipped(data: bytes, at: int, mask: int = 1) -> bytes:
    out = bytearray(data)
    out[at] ^= mask
    return bytes(out)


def long_record(k: int) -> bytes:
    """Two pages and a half of samples."""
    return writer.samples_record([(1, 1_000_000 * k + i, float(i)) for i in range(6000)])


def test_nothing_to_do():
    """Files that are sound stay as they are."""
    files = FileTable({"wal/00000000": writer.segment([NAMED], pad=True), "wal/00000001": writer.segment([])})
    files["chunks_head/000001"] = writer.head_chunks([(1, [(1, 1.0)], 1)])
    recovery = plan_recovery(files.head(), decompress_zstd)
    assert recovery.operations == ()
    assert recovery.report.is_sound
    assert recovery.report.damages == ()


def test_numbers():
    """The report says what is lost: records and bytes of each file, and samples whose series nothing names."""
    records = [NAMED, *(writer.samples_record([(1, time, 1.0), (2, time, 2.0)]) for time in range(1, 6))]
    ends = [len(writer.segment(records[:n])) for n in range(1, len(records) + 1)]
    data = writer.segment(records)
    files = FileTable({"wal/00000000": flipped(flipped(data, ends[0] + 20), ends[3] + 20)})
    files["wal/00000001"] = flipped(data, 10) + b"\x01\x00"
    files["wal/00000002"] = writer.segment([writer.samples_record([(7, 1, 1.0), (8, 1, 1.0)])]) + b"\x01\x00"
    report = plan_recovery(files.head(), decompress_zstd).report
    by_file = {each.file: each.loss for each in report.damages}
    size = ends[1] - ends[0]
    first, second, third = (by_file[f"wal/{n:08d}"] for n in range(3))
    assert (first.records, first.bytes, first.samples, first.unfinished) == (2, 2 * size, 0, 0)
    assert (second.records, second.bytes, second.samples) == (2, ends[0] + 2, 0)
    assert (third.records, third.bytes, third.samples, third.unfinished) == (0, 0, 2, 2)
    assert (report.records, report.bytes, report.samples, report.unfinished) == (4, 2 * size + ends[0] + 2, 2, 2)
    assert len(report.problems) == 4


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "snappy"])
def test_damage_within_long_records(compress):
    """A flipped bit in any header of records over many pages never makes samples up, and costs two records at most."""
    flag, pack = (8, writer.snappy_block) if compress else (0, bytes)
    records = [NAMED, *map(long_record, range(1, 5))]
    data = writer.segment(records, flag, pack)
    whole = everything(Database.open(FileTable({"wal/00000000": data}).directory(), decompress_zstd))[Labels(A)]
    starts = [0, *range(PAGE_BYTES, len(data), PAGE_BYTES)]
    position = 0
    while position + 7 < len(data):  # every fragment
        starts.append(position)
        room = PAGE_BYTES - position % PAGE_BYTES
        position += room if room < 7 else 7 + (data[position + 1] << 8 | data[position + 2])
    places = sorted({start + k for start in starts for k in range(9) if start + k < len(data)} | {len(data) - 1})
    for at in places:
        for bit in range(6) if at in starts else (at % 8,):
            files = FileTable({"wal/00000000": flipped(data, at, 1 << bit), "wal/00000001": writer.segment([NAMED])})
            database = Database.open(files.directory(), decompress_zstd)
            found = everything(database).get(Labels(A), [])
            assert set(found) <= set(whole), f"byte {at}"
            lost = {time // 1_000_000 for time, _ in set(whole) - set(found)}
            assert database.problems or database.skipped or not lost, f"byte {at}"
            assert at < len(writer.segment([NAMED], flag, pack)) or len(lost) <= 2, f"byte {at}"


def test_records_on_other_pages_are_untouched():
    """A page of garbage costs what touches it, and what is on other pages stays in its place."""
    records = [NAMED, *(writer.samples_record([(1, t, 1.0)] * 40) for t in range(1, 300))]
    data = writer.segment(records)
    expected = contents(FileTable({"wal/00000000": data}))[Labels(A)]
    for page in range(1, len(data) // PAGE_BYTES):
        rng = np.random.default_rng(page)
        garbage = rng.bytes(PAGE_BYTES)
        spoilt = data[: page * PAGE_BYTES] + garbage + data[(page + 1) * PAGE_BYTES :]
        files = FileTable({"wal/00000000": spoilt, "wal/00000001": b""})
        lost = sorted(set(expected) - set(contents(files)[Labels(A)]))
        sizes = len(data) / len(records)
        assert len(lost) <= PAGE_BYTES / sizes + 3
        assert lost[-1][0] - lost[0][0] == len(lost) - 1
        files.perform(plan_recovery(files.head(), decompress_zstd).operations)
        assert sorted(set(expected) - set(contents(files)[Labels(A)])) == lost


def test_malformed_records_under_a_right_checksum():
    """What is whole of them is kept, so that a server can read the log."""
    files = FileTable(
        {
            "wal/00000000": writer.segment(
                [
                    NAMED,
                    writer.samples_record([(1, 1, 1.0), (2, 1, 2.0)])[:-1],
                    writer.samples_v2_record([(1, 5, 5.0), (2, 5, 5.0)], 3)[:-1],
                    writer.series_record([(3, A | {"x": "y"}), (4, B)])[:-1],
                    writer.tombstones_record([(1, 0, 0)])[:-1],
                    writer.samples_record([(3, 9, 9.0)]),
                ]
            ),
        }
    )
    recovery = plan_recovery(files.head(), decompress_zstd)
    assert recovery.report.records == 4
    expected = contents(files)
    assert expected == {
        Labels(A): samples((1, 1.0), (5, 5.0)),
        Labels(A | {"x": "y"}): samples((9, 9.0)),
    }
    files.perform(recovery.operations)
    again = Database.open(files.directory(), decompress_zstd)
    assert (everything(again), again.problems) == (expected, ())


def test_segments_that_are_missing():
    """A gap is told, and closed with empty segments, as a server opens no log with gaps."""
    files = FileTable({f"wal/{n:08d}": writer.segment([NAMED, writer.samples_record([(1, n, 1.0)])]) for n in (2, 5)})
    recovery = plan_recovery(files.head(), decompress_zstd)
    assert recovery.operations == (WriteFile("wal/00000003", b""), WriteFile("wal/00000004", b""), Sync("wal"))
    assert [problem.message for problem in recovery.report.problems] == ["segments 3 to 4 before it are missing"]
    before = contents(files)
    files.perform(recovery.operations)
    assert contents(files) == before
    assert plan_recovery(files.head(), decompress_zstd).report.is_sound


def test_a_damaged_checkpoint():
    """Its sound records stay in it, and the segments after it are read."""
    log = writer.segment([NAMED, writer.samples_record([(1, 1, 1.0)]), writer.samples_record([(2, 1, 1.0)])])
    files = FileTable({"wal/checkpoint.00000003/00000000": flipped(log, len(log) - 1)})
    files["wal/00000004"] = writer.segment([writer.samples_record([(2, 4, 4.0)])])
    expected = contents(files)
    assert expected == {Labels(A): samples((1, 1.0)), Labels(B): samples((4, 4.0))}
    damaged = files["wal/checkpoint.00000003/00000000"]
    files.perform(plan_recovery(files.head(), decompress_zstd).operations)
    assert contents(files) == expected
    assert plan_recovery(files.head(), decompress_zstd).report.is_sound
    (kept,) = [path for path in files if path.endswith(".corrupt")]
    assert kept.startswith("wal/checkpoint-00000003.00000000.")
    assert files[kept] == damaged


def test_a_damaged_checkpoint_whose_segments_are_still_there():
    """Then they are read too, and nothing is changed that would hide them."""
    first = [NAMED, writer.samples_record([(1, 1, 1.0)]), writer.samples_record([(2, 1, 1.0)])]
    log = writer.segment(first)
    files = FileTable({"wal/checkpoint.00000000/00000000": flipped(log, len(log) - 1)})
    files["wal/00000000"] = log
    files["wal/00000001"] = writer.segment([writer.samples_record([(2, 4, 4.0)])])
    expected = {Labels(A): samples((1, 1.0)), Labels(B): samples((1, 1.0), (4, 4.0))}
    assert contents(files) == expected
    files.perform(plan_recovery(files.head(), decompress_zstd).operations)
    assert contents(files) == expected


def spoilt_directory() -> FileTable:
    """One with damage of every kind."""
    segment = writer.segment([NAMED, *(writer.samples_record([(1, t, 1.0)]) for t in range(1, 9))])
    files = FileTable({"wal/00000003": flipped(segment, 100), "wal/00000004": segment[:-3]})
    files["wal/00000006"] = segment + b"\x01\x01"
    files["wal/checkpoint.00000002/00000000"] = flipped(writer.segment([NAMED, NAMED]), -1)
    files["wbl/00000000"] = flipped(writer.segment([writer.samples_record([(1, -5, 1.0), (2, -5, 1.0)])] * 2), 30)
    chunks = [writer.head_chunks([(1, [(t, 1.0)], 1)]) for t in range(1, 4)]
    files |= {f"chunks_head/{n:06d}": data for n, data in enumerate(chunks, 1)}
    files["chunks_head/000002"] = flipped(files["chunks_head/000002"], 40)
    return files


def test_broken_off_at_any_operation():
    """Whatever was done of a recovery, the same samples are there, and it can be done again."""
    whole = spoilt_directory()
    recovery = plan_recovery(whole.head(), decompress_zstd)
    expected = contents(whole)
    for done in range(len(recovery.operations) + 1):
        files = FileTable(whole)
        files.perform(recovery.operations, count=done)
        assert contents(files) == expected, f"after {done}"
        files.perform(plan_recovery(files.head(), decompress_zstd).operations)
        assert contents(files) == expected
        assert plan_recovery(files.head(), decompress_zstd).report.is_sound
        kept = [data for path, data in files.items() if path.endswith(".corrupt")]
        changed = [data for path, data in whole.items() if files.get(path) != data and path != "wal/00000006"]
        assert all(data in kept for data in changed)


def test_what_was_being_written_is_cut_off():
    """A record that was never whole goes, and is no damage."""
    segment = writer.segment([NAMED])
    files = FileTable({"wal/00000000": writer.segment([NAMED, long_record(1)])[: len(segment) + 40_000]})
    recovery = plan_recovery(files.head(), decompress_zstd)
    assert recovery.operations == (Truncate("wal/00000000", len(segment)), Sync("wal/00000000"))
    assert recovery.report.is_sound
    assert recovery.report.unfinished == 40_000
