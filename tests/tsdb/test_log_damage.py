"""Every single-bit flip and every cut of a small log and a small file of head chunks."""

import functools

import numpy as np
import pytest

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.database import Database
from obsflow.tsdb.recovery import Recovery, plan_recovery
from obsflow.tsdb.store import Options, Store
from tests.tsdb import writer
from tests.tsdb.contents import Contents, everything
from tests.tsdb.file_table import FileTable

UP = [{"__name__": "up", "job": "api"}, {"__name__": "up", "job": "db", "zone": "a"}]
RECORDS = [
    writer.series_record([(1, UP[0])]),
    writer.samples_record([(1, 1000, 1.0)]),
    writer.series_record([(2, UP[1])]),
    *(writer.samples_record([(1, time, time / 7), (2, time + 1, -1.0)]) for time in range(2000, 6000, 1000)),
]


def parts_of(contents: Contents) -> set[tuple[Labels, int, int]]:
    return {(labels, time, bits) for labels, samples in contents.items() for time, bits in samples}


class Directory:
    """A log and its chunks, and what of their samples belongs to which record."""

    def __init__(self, compress: bool) -> None:
        self.files = FileTable()
        flag, pack = (8, writer.snappy_block) if compress else (0, bytes)
        ends, data = [], b""
        for i in range(1, len(RECORDS) + 1):
            data = writer.segment(RECORDS[:i], flag, pack)
            ends.append(len(data))
        self.ends = ends
        self.files["wal/00000000"] = data
        self.files["wal/00000001"] = writer.segment([writer.samples_record([(1, 9000, 9.0)])])
        self.all = parts_of(read(self.files)[0])

    def of_record(self, i: int) -> set[tuple[Labels, int, int]]:
        """The samples that are lost with a record."""
        if i == 0:
            return {each for each in self.all if each[0] == Labels(UP[0])}
        if i == 2:
            return {each for each in self.all if each[0] == Labels(UP[1])}
        times = {1000 * i} if i < 2 else {1000 * (i - 1), 1000 * (i - 1) + 1}
        return {each for each in self.all if each[1] in times}


@functools.cache
def directory(compress: bool) -> Directory:
    return Directory(compress)


def read(files: FileTable) -> tuple[Contents, Database]:
    database = Database.open(files.directory(), decompress_zstd)
    return everything(database), database


def replayed(files: FileTable) -> tuple[Contents, Store]:
    symbols = Symbols()
    store = Store.replay(files.head(), symbols, decompress_zstd, Options())
    return everything(Database(symbols, (store.head,))), store


def recover(files: FileTable) -> Recovery:
    """Recover, and check that what was damaged is kept, and that nothing is wrong any more."""
    recovery = plan_recovery(files.head(), decompress_zstd)
    before = dict(files)
    files.perform(recovery.operations)
    for path, data in before.items():
        changed = files.get(path) != data
        if changed and path in {each.file for each in recovery.report.damages if each.loss.records}:
            assert data in [each for name, each in files.items() if name.startswith(path) and name.endswith(".corrupt")]
    assert not [path for path in files if path.endswith(".tmp")]
    again = plan_recovery(files.head(), decompress_zstd)
    assert again.operations == ()
    assert again.report.problems == ()
    return recovery


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "snappy"])
@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_of_a_segment(compress, bit):
    """Whatever bit is flipped, no sample comes out that was not written; only its record is lost, and that is told."""
    whole = directory(compress)
    segment = whole.files["wal/00000000"]
    for at in range(len(segment)):
        files = FileTable(whole.files)
        data = bytearray(segment)
        data[at] ^= 1 << bit
        files["wal/00000000"] = bytes(data)
        record = int(np.searchsorted(whole.ends, at, "right"))
        for found, told in (read(files), replayed(files)):
            got = parts_of(found)
            assert got <= whole.all, f"byte {at}"
            assert whole.all - got <= whole.of_record(record), f"byte {at}"
            skipped = told.skipped if isinstance(told, Database) else told.unread
            assert told.problems or skipped, f"byte {at}"
        if at % 8 == bit:
            recovery = recover(files)
            assert parts_of(read(files)[0]) == got
            assert recovery.report.records >= 1 or skipped


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "snappy"])
def test_every_cut_of_the_last_segment(compress):
    """Wherever the log ends, all whole records are there; what is begun is no damage, and is cut off."""
    whole = directory(compress)
    segment = whole.files["wal/00000000"]
    for size in range(len(segment)):
        files = FileTable({"wal/00000000": segment[:size]})
        count = int(np.searchsorted(whole.ends, size, "right"))
        lost = set().union(*(whole.of_record(i) for i in range(count, len(RECORDS))))
        lost |= {each for each in whole.all if each[1] == 9000}
        for found, told in (read(files), replayed(files)):
            assert parts_of(found) == whole.all - lost
            assert told.problems == ()
        report = recover(files).report
        whole_bytes = whole.ends[count - 1] if count else 0
        assert (report.records, report.unfinished) == (0, size - whole_bytes)
        assert files == {"wal/00000000": segment[:whole_bytes]}


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "snappy"])
def test_every_cut_of_an_older_segment(compress):
    """A segment that others follow must end with a whole record; what comes after it is read all the same."""
    whole = directory(compress)
    segment = whole.files["wal/00000000"]
    for size in range(len(segment)):
        files = FileTable(whole.files)
        files["wal/00000000"] = segment[:size]
        count = int(np.searchsorted(whole.ends, size, "right"))
        lost = set().union(*(whole.of_record(i) for i in range(count, len(RECORDS))))
        for found, told in (read(files), replayed(files)):
            assert parts_of(found) == whole.all - lost
            assert len(told.problems) == (size not in (0, *whole.ends))
        recover(files)
        assert parts_of(read(files)[0]) == whole.all - lost


CHUNKS = [
    (1, [(1000, 1.0), (2000, 2000 / 7), (3000, 3000 / 7)], 1),
    (2, [(2001, -1.0), (3001, -1.0)], 1),
    (1, [(4000, 4000 / 7), (5000, 5000 / 7)], 1),
    (2, [(4001, -1.0), (5001, -1.0)], 1),
]


@pytest.mark.parametrize("bit", range(8))
def test_every_flipped_bit_of_a_file_of_head_chunks(bit):
    """A damaged chunk is told, and its samples come from the log, whether a head is read or written."""
    whole = directory(False)
    chunks = writer.head_chunks(CHUNKS, 0)
    for at in range(len(chunks)):
        files = FileTable(whole.files)
        data = bytearray(chunks)
        data[at] ^= 1 << bit
        files["chunks_head/000001"] = bytes(data)
        is_reserved = 5 <= at < 8
        for found, told in (read(files), replayed(files)):
            assert parts_of(found) == whole.all, f"byte {at}"
            assert bool(told.problems) != is_reserved, f"byte {at}"
        if at % 8 == bit:
            recover(files)
            for found, told in (read(files), replayed(files)):
                assert (parts_of(found), told.problems) == (whole.all, ())


def test_every_cut_of_a_file_of_head_chunks():
    """However much of the file is there, the samples are."""
    whole = directory(False)
    chunks = writer.head_chunks(CHUNKS, 0)
    for size in range(len(chunks)):
        files = FileTable(whole.files)
        files["chunks_head/000001"] = chunks[:size]
        for found, _ in (read(files), replayed(files)):
            assert parts_of(found) == whole.all, f"size {size}"
        recover(files)
        for found, told in (read(files), replayed(files)):
            assert (parts_of(found), told.problems) == (whole.all, ())


def test_chunks_survive_a_damaged_log():
    """Where the log lost samples that chunks have, the chunks give them, before and after the recovery."""
    whole = directory(False)
    for record in range(1, len(RECORDS)):
        files = FileTable(whole.files)
        data = bytearray(files["wal/00000000"])
        data[whole.ends[record] - 1] ^= 0x10
        files["wal/00000000"] = bytes(data)
        files["chunks_head/000001"] = writer.head_chunks(CHUNKS)
        lost = whole.of_record(record)
        if record != 2:
            held = {
                (Labels(UP[series - 1]), time, writer.bits_of(value)) for series, c, _ in CHUNKS for time, value in c
            }
            lost = lost - held
        for _ in range(2):
            for found, _told in (read(files), replayed(files)):
                assert parts_of(found) == whole.all - lost, f"record {record}"
            recover(files)
