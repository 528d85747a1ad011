import concurrent.futures
import itertools

import attrs
import pytest

from obsflow import native
from obsflow.adapters.data_directory import decompress_zstd
from obsflow.model.floats import STALE_NAN, STALE_NAN_BITS
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import BlockFiles, File, HeadFiles
from tests.tsdb import writer
from tests.tsdb.contents import EVER, block_files, contents, directory, equal, everything, log, samples

UP = {"__name__": "up", "job": "api", "zone": "a"}
DOWN = {"__name__": "up", "job": "db"}
HTTP = {"__name__": "http_requests_total", "code": "200", "job": "api"}
OK = {"__name__": "http_requests_total", "code": "204", "job": "api", "zone": "b"}
ALL = (UP, DOWN, HTTP, OK)
ONE = [(0, 1.0)]


def open_blocks(*blocks: BlockFiles, head: HeadFiles | None = None) -> Database:
    return Database.open(directory(*blocks, head=head), decompress_zstd)


def named(files: BlockFiles, ulid: str, **compaction: object) -> BlockFiles:
    return attrs.evolve(files, meta=File(f"{ulid}/meta.json", writer.meta(ulid, 0, 10_000, **compaction)))


MATCHERS = [
    ([], ALL),
    ([("job", "=", "api")], (UP, HTTP, OK)),
    ([("__name__", "=", "up")], (UP, DOWN)),
    ([("__name__", "=", "up"), ("job", "!=", "db")], (UP,)),
    ([("__name__", "=~", "http.*|nothing")], (HTTP, OK)),
    ([("zone", "=", "")], (DOWN, HTTP)),
    ([("zone", "!=", "")], (UP, OK)),
    ([("zone", "=~", "a|")], (UP, DOWN, HTTP)),
    ([("zone", "!~", ".+")], (DOWN, HTTP)),
    ([("zone", "!~", ".*")], ()),
    ([("zone", "=~", ".*")], ALL),
    ([("zone", "!=", "a")], (DOWN, HTTP, OK)),
    ([("nowhere", "=", "")], ALL),
    ([("nowhere", "!=", "x")], ALL),
    ([("nowhere", "=", "x")], ()),
    ([("nowhere", "=~", ".+")], ()),
    ([("job", "=", "no such value")], ()),
    ([("code", "=~", "20[0-3]"), ("__name__", "=", "http_requests_total")], (HTTP,)),
    ([("__name__", "=", "up"), ("__name__", "=", "http_requests_total")], ()),
    ([("__name__", "=", "")], ()),
]


@pytest.mark.parametrize(("matchers", "expected"), MATCHERS)
def test_matchers(matchers, expected):
    """A label that is absent has the empty value, for every kind of matcher."""
    database = open_blocks(block_files([(labels, [ONE]) for labels in ALL]))
    selection = database.select([Matcher(name, MatchOp(op), value) for name, op, value in matchers], *EVER)
    assert set(contents(selection)) == {Labels(labels) for labels in expected}


@pytest.mark.parametrize("matchers", [[], [("__name__", "=", "up")], [("__name__", "=", "up"), ("n5", "!=", "5")]])
def test_label_names_by_the_hundred(matchers):
    """A metric may have any number of label names, all of its series together."""
    series = [{"__name__": "up", f"n{i}": str(i), f"N{i}": "x"} for i in range(150)]
    database = open_blocks(block_files([(labels, [ONE]) for labels in series]))
    selection = database.select([Matcher(name, MatchOp(op), value) for name, op, value in matchers], *EVER)
    assert set(contents(selection)) == {Labels(labels) for labels in series[: 5 if len(matchers) > 1 else None]} | {
        Labels(labels) for labels in series[6:]
    }


def test_a_metric_whose_series_are_in_part_elsewhere():
    """Series without samples in the interval are left out, with a matcher beside the name or without."""
    other = {**UP, "zone": "c"}
    files = block_files([(UP, [ONE]), (DOWN, [[(50, 1.0)]]), (other, [[(0, 2.0)], [(60, 1.0)]])])
    name, zone = Matcher("__name__", MatchOp.EQUAL, "up"), Matcher("zone", MatchOp.NOT_EQUAL, "a")
    for matchers, start, expected in (
        ([name], 0, (UP, other)),
        ([name], 50, (DOWN, other)),
        ([name, zone], 0, (other,)),
        ([zone], 50, (DOWN, other)),
    ):
        found = contents(open_blocks(files).select(matchers, start, start + 10))
        assert set(found) == {Labels(labels) for labels in expected}


def test_answers_are_kept_within_bounds(monkeypatch):
    """What was asked lately is there already; what was asked long ago, or is too large, is searched for again."""
    monkeypatch.setattr("obsflow.tsdb.selections._MAX_KEPT", 8)
    monkeypatch.setattr("obsflow.tsdb.selections._MAX_KEPT_RUNS", 20)
    database = open_blocks(block_files([(UP, [[(t, 1.0)] for t in range(5)]), (DOWN, [[(t, 1.0)] for t in range(30)])]))
    questions = [[Matcher("zone", MatchOp.NOT_EQUAL, f"{i}"), Matcher("job", MatchOp.EQUAL, "api")] for i in range(9)]
    answers = [database.select(question, *EVER) for question in questions]
    assert database.select(questions[8], *EVER) is answers[8]
    assert database.select(questions[7], *EVER) is answers[7]
    assert database.select(questions[0], *EVER) is not answers[0]
    everything_at_once = database.select((), *EVER)
    assert database.select((), *EVER) is not everything_at_once
    assert database.select(questions[0], *EVER) is database.select(questions[0], *EVER)


def test_series_of_a_block_are_sorted():
    """A block answers in the order of label sets."""
    database = open_blocks(block_files([(labels, [ONE]) for labels in ALL]))
    decoded = database.select((), *EVER).labels.decode()
    assert decoded == sorted(decoded)


@pytest.mark.parametrize(
    ("start", "end", "chunks"), [(0, 5, 1), (5, 10, 2), (6, 9, 0), (20, 20, 1), (21, 99, 0), (-9, 99, 3), (9, 6, 0)]
)
def test_chunks_outside_of_the_interval_stay_where_they_are(start, end, chunks):
    """Only chunks that touch the interval are selected, and only series that have one."""
    database = open_blocks(block_files([(UP, [[(0, 1.0), (5, 2.0)], [(10, 3.0)], [(15, 4.0), (20, 5.0)]])]))
    selection = database.select((), start, end)
    assert len(selection.runs.start) == chunks
    assert len(selection.labels) == len(selection.runs) == (chunks > 0)


def test_blocks_and_head_make_one_series():
    """A label set is one series over all blocks and the head, in order of time, and series are sorted by label set."""
    first = named(block_files([(UP, [[(10, 1.0)], [(20, 2.0)]]), (HTTP, [[(10, 7.0)]])]), "A")
    second = named(block_files([(UP, [[(30, 3.0)]]), (DOWN, [[(30, 8.0)]])]), "B")
    wal = writer.segment([writer.series_record([(1, UP)]), writer.samples_record([(1, 10_001, 4.0)])])
    database = open_blocks(second, first, head=HeadFiles(wal=log(wal)))
    selection = database.select((), *EVER)
    assert contents(selection) == {
        Labels(UP): samples((10, 1.0), (20, 2.0), (30, 3.0), (10_001, 4.0)),
        Labels(DOWN): samples((30, 8.0)),
        Labels(HTTP): samples((10, 7.0)),
    }
    assert selection.labels.decode() == sorted(map(Labels, (UP, DOWN, HTTP)))
    assert (database.min_time, database.max_time, database.series_count) == (10, 10_001, 3)


@pytest.mark.parametrize("later", [[UP, DOWN], [UP], [UP, HTTP]])
def test_a_label_set_that_a_block_has_twice(later):
    """It is one series as soon as there are several blocks, whichever has it twice."""
    first = named(block_files([(UP, [[(10, 1.0)]]), (UP, [[(5, 0.5), (20, 2.0)]]), (DOWN, [ONE])]), "A")
    second = named(block_files([(labels, [[(30, 3.0)]]) for labels in (later[0], *later)]), "B")
    found = open_blocks(first, second).select((), *EVER)
    assert len(found) == len({*map(Labels, later), Labels(UP), Labels(DOWN)})
    assert contents(found)[Labels(UP)] == samples((5, 0.5), (10, 1.0), (20, 2.0), (30, 3.0))


def test_series_that_come_and_go_from_block_to_block():
    """Blocks that follow one another need not have the same series, nor each of theirs a chunk in the interval."""
    first = named(block_files([(UP, [[(1, 1.0)], [(10, 2.0)]]), (HTTP, [[(1, 1.0)]]), (DOWN, [[(10, 5.0)]])]), "A")
    second = named(block_files([(OK, [[(20, 3.0)]]), (UP, [[(20, 4.0)], [(30, 5.0)]])]), "B")
    third = named(block_files([(DOWN, [[(40, 6.0)]]), (UP, [[(90, 4.0)]])]), "C")
    selection = open_blocks(first, second, third).select((), 9, 41)
    assert contents(selection) == {
        Labels(UP): samples((10, 2.0), (20, 4.0), (30, 5.0)),
        Labels(DOWN): samples((10, 5.0), (40, 6.0)),
        Labels(OK): samples((20, 3.0)),
    }
    assert selection.labels.decode() == sorted(map(Labels, (UP, DOWN, OK)))


def test_overlapping_blocks_are_merged():
    """Where blocks overlap samples are interleaved; of equal times the one of the block that starts first stays."""
    first = named(block_files([(UP, [[(10, 1.0), (20, 2.0), (30, 3.0)], [(40, 4.0)]])]), "A")
    second = named(block_files([(UP, [[(15, 1.5), (20, -2.0)], [(30, -3.0), (35, 3.5)]]), (DOWN, [ONE])]), "B")
    assert everything(open_blocks(second, first)) == {
        Labels(UP): samples((10, 1.0), (15, 1.5), (20, 2.0), (30, 3.0), (35, 3.5), (40, 4.0)),
        Labels(DOWN): samples(*ONE),
    }


def test_stale_markers_survive_a_merge():
    """The bits of a signalling NaN pass through decoding and merging."""
    first = named(block_files([(UP, [[(10, 1.0), (30, float(STALE_NAN))]])]), "A")
    second = named(block_files([(UP, [[(20, float(STALE_NAN))]])]), "B")
    expected = [(10, writer.bits_of(1.0)), (20, STALE_NAN_BITS), (30, STALE_NAN_BITS)]
    assert everything(open_blocks(first, second)) == {Labels(UP): expected}


def test_a_block_replaces_those_it_was_made_of():
    """Blocks that a compaction is done with do not count, though they are still there."""
    old = named(block_files([(UP, [[(10, 1.0)]])]), "A")
    new = named(block_files([(UP, [[(10, 5.0)]])]), "B", level=2, parents=[{"ulid": "A"}])
    assert everything(open_blocks(old, new)) == {Labels(UP): samples((10, 5.0))}


def test_tombstones():
    """Deleted samples are gone, at the ends of intervals too; a series without any left is not there."""
    series = [(UP, [[(10, 1.0), (20, 2.0)], [(30, 3.0), (40, 4.0)]]), (DOWN, [[(10, 9.0)]]), (HTTP, [[(10, 9.0)]])]
    plain = block_files(series)
    http, up, down = writer.series_references(plain.index.data, 3)
    stones = [(up, 20, 30), (down, 0, 100), (http, 11, 100), (4711, 0, 100)]
    assert everything(open_blocks(block_files(series, stones=writer.tombstones(stones)))) == {
        Labels(UP): samples((10, 1.0), (40, 4.0)),
        Labels(HTTP): samples((10, 9.0)),
    }


@pytest.mark.parametrize("version", [1, 2])
def test_tombstones_of_both_versions(version):
    """References of tombstones are those of the index' version."""
    plain = block_files([(UP, [ONE]), (DOWN, [ONE])], version)
    _, down = writer.series_references(plain.index.data, 2)
    database = open_blocks(block_files([(UP, [ONE]), (DOWN, [ONE])], version, writer.tombstones([(down, 0, 0)])))
    assert everything(database) == {Labels(UP): samples(*ONE)}


def test_damage_is_told_as_it_is_found():
    """A chunk that turns out damaged is left out and told; everything else stays."""
    files = block_files([(UP, [[(10, 1.0)], [(20, 2.0)]]), (DOWN, [[(10, 9.0)]])])
    data = bytearray(files.segments[1].data)
    data[-8] ^= 1
    database = open_blocks(attrs.evolve(files, segments={1: File("chunks/000001", bytes(data))}))
    assert database.problems == ()
    for _ in range(2):
        assert everything(database) == {Labels(UP): samples((10, 1.0), (20, 2.0))}
        assert [problem.file for problem in database.problems] == ["chunks/000001"]


def test_a_missing_segment():
    """A segment that is not there costs its chunks, and is told."""
    database = open_blocks(attrs.evolve(block_files([(UP, [ONE])]), segments={}))
    assert everything(database) == {}
    assert [problem.file for problem in database.problems] == ["block/chunks/000001"]


@pytest.mark.parametrize("part", ["meta", "index"])
def test_a_block_that_cannot_be_read_is_left_out(part):
    """A block without a sound meta or index is told; the others are read."""
    broken = attrs.evolve(named(block_files([(DOWN, [ONE])]), "A"), **{part: File(part, b"")})
    database = open_blocks(broken, named(block_files([(UP, [ONE])]), "B"))
    assert everything(database) == {Labels(UP): samples(*ONE)}
    assert [problem.file for problem in database.problems] == [part]


def test_damaged_tombstones_are_told():
    """Tombstones that cannot be read delete nothing, and are told."""
    database = open_blocks(block_files([(UP, [ONE])], stones=b"\0"))
    assert everything(database) == {Labels(UP): samples(*ONE)}
    assert [problem.file for problem in database.problems] == ["block/tombstones"]


def test_other_chunks_beside_float_chunks():
    """Native histograms are skipped and counted once; the float chunks of the same series stay."""
    segment = writer.SegmentWriter()
    chunks = [(0, 9, segment.add(b"opaque", 2)), (10, 10, segment.add(writer.xor_chunk([(10, 1.0)])))]
    files = attrs.evolve(
        block_files([]),
        index=File("index", writer.index([(UP, chunks), (DOWN, chunks[:1])])),
        segments={1: File("chunks/000001", bytes(segment.data))},
    )
    database = open_blocks(files)
    for _ in range(2):
        assert everything(database) == {Labels(UP): samples((10, 1.0))}
        assert [str(notice) for notice in database.skipped] == ["block: 2 histogram chunks not read"]
    assert database.problems == ()


def test_selections_of_one_database_share_symbols():
    """Label columns of two selections can be compared by id."""
    database = open_blocks(block_files([(labels, [ONE]) for labels in ALL]))
    one, other = (database.select([equal("__name__", name)], *EVER) for name in ("up", "http_requests_total"))
    assert one.labels.symbols is other.labels.symbols is database.symbols
    assert set(contents(one.concat(other))) == set(map(Labels, ALL))


def test_many_chunks_over_many_blocks():
    """Chunks of many blocks come out as one ascending series, whatever order the blocks were listed in."""
    parts = [[[(100 * b + 10 * c, float(b)), (100 * b + 10 * c + 5, 1.0)] for c in range(9)] for b in range(5)]
    blocks = [named(block_files([(UP, chunks)]), f"{b}") for b, chunks in enumerate(parts)]
    expected = {Labels(UP): samples(*(sample for chunks in parts for chunk in chunks for sample in chunk))}
    for order in itertools.islice(itertools.permutations(blocks), 0, 120, 17):
        assert everything(open_blocks(*order)) == expected


def test_floats_beside_histograms():
    """XOR and XOR2 chunks are read, also of a series that has chunks of histograms, which are told."""
    segment = writer.SegmentWriter()
    early, late = [(10, 1.0), (20, STALE_NAN)], [(50, 5.0), (60, 5.0), (70, 7.0)]
    chunks = [
        (10, 20, segment.add(writer.xor_chunk(early), writer.XOR)),
        (30, 40, segment.add(b"opaque", 5)),
        (50, 70, segment.add(writer.xor2_chunk(late), writer.XOR2)),
    ]
    files = attrs.evolve(
        block_files([(UP, [ONE])]),
        index=File("block/index", writer.index([(UP, chunks)])),
        segments={1: File("block/chunks/000001", bytes(segment.data))},
    )
    database = open_blocks(files)
    assert everything(database) == {Labels(UP): samples(*early, *late)}
    assert [str(notice) for notice in database.skipped] == ["block: 1 histogram chunks with start times not read"]
    assert database.problems == ()


def test_start_times_survive_a_merge():
    """Samples of chunks that overlap keep the start times that they came with; an XOR chunk has none."""
    segment = writer.SegmentWriter()
    chunk = (20, 50, segment.add(writer.xor2_chunk([(20, 2.0), (40, 5.0), (50, 5.0)]), writer.XOR2))
    older, newer = (named(block_files([(UP, [[(10, 1.0), (40, 4.0)]])]), name) for name in ("1", "2"))
    newer = attrs.evolve(
        newer,
        index=File("block/index", writer.index([(UP, [chunk])])),
        segments={1: File("block/chunks/000001", bytes(segment.data))},
    )
    times, values, starts, _, _ = native.decode_runs_and_starts(open_blocks(older, newer).select((), *EVER).runs)
    assert (times.tolist(), values.tolist()) == ([10, 20, 40, 50], [1.0, 2.0, 4.0, 5.0])
    assert starts.tolist() == [0, 1, 0, 1]


def test_threads_that_select_at_once():
    """What one thread is still checking another neither takes for checked nor tells twice."""
    series = [
        ({"__name__": "up", "job": str(i)}, [[(10 * c, i), (10 * c + 5, c)] for c in range(40)]) for i in range(40)
    ]
    files = block_files(series)
    segment = bytearray(files.segments[1].data)
    segment[-1] ^= 1
    files = attrs.evolve(files, segments={1: File("s", bytes(segment))})
    alone = everything(open_blocks(files))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            database = open_blocks(files)
            for found in pool.map(lambda _, database=database: everything(database), range(4)):
                assert found == alone
            assert len(database.problems) == 1
