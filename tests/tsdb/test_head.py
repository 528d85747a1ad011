import itertools

import pytest

from obsflow import native
from obsflow.adapters.data_directory import decompress_zstd
from obsflow.model.labels import Labels
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import Checkpoint, File, HeadFiles
from tests.tsdb import writer
from tests.tsdb.contents import EVER, Contents, block_files, contents, directory, everything, log, samples

UP = {"__name__": "up", "job": "api"}
DOWN = {"__name__": "up", "job": "db"}
A, B = Labels(UP), Labels(DOWN)
NAMED = writer.series_record([(1, UP), (2, DOWN)])


def replay(head: HeadFiles, *blocks) -> Database:
    return Database.open(directory(*blocks, head=head), decompress_zstd)


def record(*rows: tuple[int, int, float]) -> bytes:
    return writer.samples_record(rows)


def found(head: HeadFiles) -> Contents:
    database = replay(head)
    assert database.problems == ()
    return everything(database)


def test_series_and_samples():
    """The log alone gives the series with all their samples."""
    segment = writer.segment([NAMED, record((1, 10, 1.0), (2, 10, 2.0)), record((1, 20, 1.5))], 8, writer.snappy_block)
    assert found(HeadFiles(wal=log(segment))) == {A: samples((10, 1.0), (20, 1.5)), B: samples((10, 2.0))}


def test_series_are_in_the_order_of_their_references():
    """A selection of the head lists series as a server adds them up: by reference."""
    segment = writer.segment([writer.series_record([(9, UP)]), writer.series_record([(3, DOWN)])])
    samples_ = writer.segment([record((9, 1, 1.0), (3, 1, 1.0))])
    selection = replay(HeadFiles(wal=log(segment, samples_))).select((), *EVER)
    assert selection.labels.decode() == [B, A]


def test_one_label_set_under_several_references():
    """A series that was logged anew continues under its first row."""
    segment = writer.segment([NAMED, record((1, 10, 1.0)), writer.series_record([(7, UP)]), record((7, 20, 2.0))])
    assert found(HeadFiles(wal=log(segment))) == {A: samples((10, 1.0), (20, 2.0))}


def test_of_equal_times_the_first_logged_stays():
    """A second sample at a time, and one out of order, do not disturb what is there."""
    segment = writer.segment([NAMED, record((1, 10, 1.0)), record((1, 10, 9.0)), record((1, 5, 0.5))])
    assert found(HeadFiles(wal=log(segment))) == {A: samples((5, 0.5), (10, 1.0))}


def test_unknown_references_are_counted():
    """Samples of a series that no record names cannot be read, and are counted."""
    database = replay(HeadFiles(wal=log(writer.segment([NAMED, record((1, 10, 1.0), (5, 10, 1.0))]))))
    assert everything(database) == {A: samples((10, 1.0))}
    assert [(notice.kind, notice.count) for notice in database.skipped] == [
        ("samples of series that the log does not name", 1)
    ]


@pytest.mark.parametrize(("kind", "counted"), [(4, 0), (5, 0), (6, 0), (7, 1), (10, 1), (13, 1), (77, 1)])
def test_other_records_are_counted(kind, counted):
    """Records of native histograms are skipped and counted; those without any samples are no loss."""
    database = replay(HeadFiles(wal=log(writer.segment([NAMED, bytes([kind, 1, 2, 3]), record((1, 10, 1.0))]))))
    assert everything(database) == {A: samples((10, 1.0))}
    assert sum(notice.count for notice in database.skipped) == counted
    assert database.problems == ()


def test_samples_with_start_times():
    """Records of version 2 give samples too, and when their counters started."""
    second = writer.samples_v2_record([(1, 10, 1.0), (2, 11, 2.0), (1, 20, 3.0)], 7)
    files = HeadFiles(wal=log(writer.segment([NAMED, record((1, 5, 0.0)), second])))
    assert found(files) == {A: samples((5, 0.0), (10, 1.0), (20, 3.0)), B: samples((11, 2.0))}
    times, _, starts, _, _ = native.decode_runs_and_starts(replay(files).select((), *EVER).runs)
    assert list(zip(times.tolist(), starts.tolist(), strict=True)) == [(5, 0), (10, 7), (20, 9), (11, 7)]


def test_closed_chunks_come_before_the_log():
    """Samples that closed chunks already hold are not taken from the log again."""
    chunk = [(10, 1.0), (20, 2.0), (30, 3.0)]
    chunks = {1: File("chunks_head/000001", writer.head_chunks([(1, chunk, 1)]))}
    segment = writer.segment([NAMED, record((1, 10, 1.0), (1, 20, 2.0), (1, 30, 3.0), (1, 40, 4.0), (2, 20, 5.0))])
    database = replay(HeadFiles(chunks, log(segment)))
    assert everything(database) == {A: samples(*chunk, (40, 4.0)), B: samples((20, 5.0))}
    assert len(database.select((), *EVER).runs.start) == 3


def test_a_damaged_closed_chunk_comes_back_from_the_log():
    """Where a chunk file is damaged, the log still has the samples, between sound chunks too."""
    parts = [[(10, 1.0), (20, 2.0)], [(30, 3.0), (40, 4.0)], [(50, 5.0), (60, 6.0)]]
    data = bytearray(writer.head_chunks([(1, part, 1) for part in parts]))
    first = len(writer.head_chunks([(1, parts[0], 1)], 0))
    data[first + 30] ^= 1
    logged = record(*((1, time, value) for part in parts for time, value in part), (1, 70, 7.0))
    database = replay(HeadFiles({1: File("chunks_head/000001", bytes(data))}, log(writer.segment([NAMED, logged]))))
    assert everything(database) == {A: samples(*itertools.chain(*parts), (70, 7.0))}
    assert [(problem.file, problem.offset) for problem in database.problems] == [("chunks_head/000001", first)]


def test_out_of_order_chunks_are_merged():
    """Chunks that came out of order, and the log of those that did, are put where they belong."""
    in_order, late = [(10, 1.0), (30, 3.0)], [(5, 0.5), (20, 2.0)]
    chunks = {1: File("c", writer.head_chunks([(1, in_order, 1), (1, late, 0x81)]))}
    out_of_order = log(writer.segment([record((1, 15, 1.5), (1, 20, 9.0))]))
    head = HeadFiles(chunks, log(writer.segment([NAMED, record((1, 40, 4.0))])), wbl=out_of_order)
    expected = samples((5, 0.5), (10, 1.0), (15, 1.5), (20, 2.0), (30, 3.0), (40, 4.0))
    assert found(head) == {A: expected}


def test_chunks_of_both_encodings():
    """XOR and XOR2 chunks of one series follow one another, in order or not."""
    parts = [(1, [(10, 1.0), (20, 2.0)], 1), (1, [(30, 3.0), (40, 3.0), (50, 5.0)], 4), (1, [(25, 2.5)], 0x84)]
    head = HeadFiles({1: File("c", writer.head_chunks(parts))}, log(writer.segment([NAMED])))
    assert found(head) == {A: samples((10, 1.0), (20, 2.0), (25, 2.5), (30, 3.0), (40, 3.0), (50, 5.0))}


def test_chunks_of_other_encodings_are_counted():
    """A chunk that cannot be read is counted, and the log still has its samples."""
    chunks = {1: File("c", writer.head_chunks([(1, [(10, 1.0)], 5)]))}
    database = replay(HeadFiles(chunks, log(writer.segment([NAMED, record((1, 10, 1.0))]))))
    assert everything(database) == {A: samples((10, 1.0))}
    assert [(notice.kind, notice.count) for notice in database.skipped] == [("histogram chunks with start times", 1)]


@pytest.mark.parametrize("data", [b"", bytes(4096), writer.head_chunks([], 4096)])
def test_chunk_files_that_were_only_begun(data):
    """A chunk file that a server has just made is empty and no damage."""
    assert found(HeadFiles({1: File("c", data)}, log(writer.segment([NAMED])))) == {}


def test_checkpoint_and_the_segments_after_it():
    """A checkpoint stands for the segments up to its number, which are not read again."""
    checkpoint = Checkpoint(1, log(writer.segment([NAMED, record((1, 10, 1.0))])))
    wal = log(*(writer.segment([record((1, time, 2.0))]) for time in (5, 8, 20)))
    assert found(HeadFiles(wal=wal, checkpoint=checkpoint)) == {A: samples((10, 1.0), (20, 2.0))}


def test_a_checkpoint_says_where_the_log_was_cut_off():
    """What came in order before that time had left the head, whether or not a block has it; late samples stay."""
    checkpoint = Checkpoint(0, log(writer.segment([writer.min_valid_time_record(20), NAMED, record((1, 10, 1.0))])))
    wal = {1: File("wal/00000001", writer.segment([record((1, 19, 1.5), (1, 20, 2.0), (2, 30, 3.0))]))}
    chunks = {1: File("c", writer.head_chunks([(1, [(11, 1.0), (12, 2.0)], 1)]))}
    wbl = log(writer.segment([record((2, 5, 0.5))]))
    assert found(HeadFiles(chunks, wal, checkpoint, wbl)) == {A: samples((20, 2.0)), B: samples((5, 0.5), (30, 3.0))}


def test_a_damaged_checkpoint_is_not_fatal():
    """What is left of a checkpoint is used, with all segments that are still there."""
    broken = bytearray(writer.segment([writer.series_record([(2, DOWN)]), record((2, 10, 1.0))]))
    broken[-1] ^= 1
    checkpoint = Checkpoint(1, log(bytes(broken)))
    wal = log(writer.segment([NAMED]), writer.segment([record((1, 8, 1.0))]), writer.segment([record((2, 20, 2.0))]))
    database = replay(HeadFiles(wal=wal, checkpoint=checkpoint))
    assert everything(database) == {A: samples((8, 1.0)), B: samples((20, 2.0))}
    assert len(database.problems) == 1


def test_missing_segments_are_told():
    """A gap in the log is told, and what follows it is read."""
    wal = {n: File(f"wal/{n:08d}", writer.segment([NAMED, record((1, n, 1.0))])) for n in (3, 6)}
    database = replay(HeadFiles(wal=wal, checkpoint=Checkpoint(1, log(writer.segment([NAMED])))))
    assert everything(database) == {A: samples((3, 1.0), (6, 1.0))}
    assert [problem.message for problem in database.problems] == [
        "segments 2 to 2 before it are missing",
        "segments 4 to 5 before it are missing",
    ]


def test_deletions_concern_what_came_before():
    """A deletion takes samples from chunks and from the log before it, and none that were logged later."""
    chunks = {1: File("c", writer.head_chunks([(1, [(10, 1.0), (20, 2.0), (30, 3.0)], 1)]))}
    segment = writer.segment(
        [NAMED, record((1, 40, 4.0), (2, 40, 4.0)), writer.tombstones_record([(1, 20, 45)]), record((1, 45, 4.5))]
    )
    assert found(HeadFiles(chunks, log(segment))) == {A: samples((10, 1.0), (45, 4.5)), B: samples((40, 4.0))}


def test_a_removed_series():
    """A deletion over all time removes the series under that reference, and not its next life."""
    chunks = {1: File("c", writer.head_chunks([(1, [(10, 1.0)], 1), (7, [(40, 4.0)], 1)]))}
    gone = writer.tombstones_record([(1, -(1 << 63), (1 << 63) - 1)])
    again = writer.series_record([(7, UP)])
    segment = writer.segment([NAMED, record((1, 20, 2.0), (2, 20, 2.0)), gone, again, record((7, 50, 5.0))])
    assert found(HeadFiles(chunks, log(segment))) == {A: samples((40, 4.0), (50, 5.0)), B: samples((20, 2.0))}


def test_what_is_in_blocks_is_not_replayed():
    """Samples from before the end of the newest block are the block's to tell."""
    block = block_files([(UP, [[(10, 1.0), (9_999, 2.0)]])])
    wal = log(writer.segment([NAMED, record((1, 9_999, 7.0), (1, 10_000, 3.0), (2, 5, 5.0))]))
    assert everything(replay(HeadFiles(wal=wal), block)) == {A: samples((10, 1.0), (9_999, 2.0), (10_000, 3.0))}


def test_what_came_late_is_replayed_however_old():
    """Out-of-order samples from before the end of the newest block may be in no block yet."""
    block = block_files([(UP, [[(10, 1.0), (9_999, 2.0)]])])
    chunks = {1: File("c", writer.head_chunks([(1, [(20, 2.0), (30, 3.0)], 0x81), (1, [(50, 9.0)], 1)]))}
    late = log(writer.segment([record((1, 40, 4.0), (2, 5, 5.0))]))
    database = replay(HeadFiles(chunks, log(writer.segment([NAMED])), wbl=late), block)
    expected = samples((10, 1.0), (20, 2.0), (30, 3.0), (40, 4.0), (9_999, 2.0))
    assert everything(database) == {A: expected, B: samples((5, 5.0))}


def test_an_empty_head():
    """A directory without any log has no series and an empty range."""
    database = replay(HeadFiles())
    assert contents(database.select((), *EVER)) == {}
    assert database.min_time > database.max_time
    assert database.series_count == 0


def test_a_log_cut_anywhere_in_its_last_page_opens():
    """Whatever the last write left, all whole records are there and nothing is told to be wrong."""
    times = range(10, 110, 10)
    data = writer.segment([NAMED, *(record((1, time, float(time))) for time in times)])
    size = len(writer.segment([record((1, 10, 1.0))]))
    start = len(writer.segment([NAMED]))
    for end in range(len(data) + 1):
        database = replay(HeadFiles(wal=log(data[:end])))
        whole = max(0, (end - start) // size)
        assert sum(map(len, everything(database).values())) == whole
        assert database.problems == ()
