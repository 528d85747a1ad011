"""Which blocks become one, and that one."""

import json

import attrs
import numpy as np
import pytest

from obsflow import native
from obsflow.errors import CompactionError, CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_writer import write_block
from obsflow.tsdb.compaction import block_ranges, compact, merge, plan, split_by_range
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import BlockFiles, File
from obsflow.tsdb.meta import BlockMeta, BlockStats
from tests.tsdb import writer
from tests.tsdb.contents import everything, samples
from tests.tsdb.operated import MemoryFiles

RANGES = (20, 60, 180, 540, 1620)
HOUR = 3_600_000
STALE, SELECTED, LATE = "from-stale-series", "from-selected-series", "from-out-of-order"


def metas(*blocks):
    """Metas of blocks given as name, start, end and what else."""
    return [BlockMeta(name, start, end, **dict(rest)) for name, start, end, *rest in blocks]


def stones(series, tombstones):
    return ("stats", BlockStats(series=series, tombstones=tombstones))


FAILED = ("is_failed", True)
OF_STALE = ("hints", (STALE,))


@pytest.mark.parametrize(
    ("given", "width", "parts"),
    [
        ([(0, 10)], 60, [[(0, 10)]]),
        ([(0, 60)], 60, [[(0, 60)]]),
        ([(0, 10), (9, 15), (30, 60)], 60, [[(0, 10), (9, 15), (30, 60)]]),
        ([(70, 90), (125, 130), (130, 180), (1000, 1001)], 60, [[(70, 90)], [(125, 130), (130, 180)], [(1000, 1001)]]),
        # what crosses the edge of a range belongs to none
        ([(50, 70), (70, 80)], 60, [[(70, 80)]]),
        ([(0, 144), (144, 216), (216, 288)], 72, [[(144, 216)], [(216, 288)]]),
        ([(-10, -5)], 60, [[(-10, -5)]]),
        ([(-60, -50), (-10, -5)], 60, [[(-60, -50), (-10, -5)]]),
        ([(-60, -50), (-10, -5), (0, 15)], 60, [[(-60, -50), (-10, -5)], [(0, 15)]]),
    ],
)
def test_split_by_range(given, width, parts):
    """Blocks are grouped by the aligned range that holds them, from zero in both directions."""
    found = split_by_range(metas(*(("x", *times) for times in given)), width)
    assert [[(meta.min_time, meta.max_time) for meta in part] for part in found] == parts


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([], ""),
        ([("1", 0, 20)], ""),
        ([("1", 0, 20), ("2", 20, 40)], ""),
        # three fill the range of 60, but the newest is left alone
        ([("1", 0, 20), ("2", 20, 40), ("3", 40, 60)], ""),
        ([("1", 0, 20), ("2", 20, 40), ("3", 40, 60), ("4", 60, 80)], "123"),
        # a gap: what is missing will not come once a newer block is there
        ([("1", 0, 20), ("2", 20, 40), ("3", 60, 80)], ""),
        ([("1", 0, 20), ("2", 20, 40), ("3", 60, 80), ("4", 80, 100)], "12"),
        # small ranges first, then the wider ones
        ([("1", 0, 20), ("2", 20, 40), ("3", 40, 60), ("4", 60, 120), ("5", 120, 180)], "123"),
        ([("2", 20, 40), ("4", 60, 120), ("5", 960, 980), ("6", 120, 180), ("7", 720, 960)], "246"),
        # deletions: of a wide block, once a newer one is there; of a small one only where nothing is left
        ([("1", 0, 540, stones(10, 3))], ""),
        ([("1", 0, 540, stones(10, 3)), ("2", 540, 560)], "1"),
        ([("1", 0, 60, stones(10, 3)), ("2", 60, 80)], ""),
        ([("1", 0, 60, stones(10, 10)), ("2", 60, 80)], "1"),
        ([("1", 0, 540, stones(0, 0)), ("2", 540, 560)], ""),
        ([("1", 0, 540, stones(99, 5)), ("2", 540, 560)], ""),
        ([("1", 0, 540, stones(99, 6)), ("2", 540, 560)], "1"),
        # the newest block is the one that begins last, whatever its name
        ([("5", 0, 360), ("6", 540, 560), ("7", 360, 420), ("8", 420, 540)], "78"),
        # overlaps
        ([("1", 0, 20), ("2", 19, 40), ("3", 40, 60)], "12"),
        ([("1", 0, 20), ("2", 20, 40), ("3", 30, 50)], "23"),
        ([("1", 0, 20), ("2", 10, 40), ("3", 30, 50)], "123"),
        ([("5", 0, 360), ("6", 340, 560), ("7", 360, 420), ("8", 420, 540)], "5678"),
        ([("1", 0, 10), ("2", 9, 20), ("3", 30, 40), ("4", 39, 50)], "12"),
        # a compaction that failed is not tried again
        ([("1", 0, 20), ("2", 20, 40, FAILED), ("3", 40, 60), ("4", 60, 80)], ""),
        ([("1", 0, 20), ("2", 20, 40, FAILED), ("3", 60, 80), ("4", 80, 100)], ""),
        ([("1", 0, 10, FAILED), ("2", 9, 20), ("3", 30, 40), ("4", 39, 50)], "34"),
        ([("1", 0, 10), ("2", 9, 20, FAILED)], ""),
        # blocks of some series only keep to themselves
        ([("1", 0, 20), ("s", 0, 20, OF_STALE), ("2", 20, 40), ("3", 40, 60), ("4", 60, 80)], "123"),
        ([(str(i), 20 * i, 20 * i + 20, OF_STALE) for i in range(4)], "012"),
        ([("9", 0, 20), *((str(i), 20 * i, 20 * i + 20, OF_STALE) for i in range(4))], "012"),
        ([(str(i), 20 * i, 20 * i + 20, ("hints", (SELECTED,))) for i in range(4)], "012"),
    ],
)
def test_plan(blocks, expected):
    """The plans of Prometheus' levelled compactor, case by case."""
    assert "".join(meta.ulid for meta in plan(metas(*blocks), RANGES)) == expected


def test_plan_of_one_width():
    """With a single width nothing is made wider."""
    blocks = metas(*((str(i), 20 * i, 20 * i + 20) for i in range(5)))
    assert plan(blocks, (20,)) == ()


@pytest.mark.parametrize(
    ("retention_hours", "hours"),
    [(0, [2, 6, 18, 54, 162, 486]), (15 * 24, [2, 6, 18]), (1, [2]), (10_000, [2, 6, 18, 54, 162, 486])],
)
def test_block_ranges(retention_hours, hours):
    """Each width is thrice the one before, up to a month or a tenth of what is kept."""
    assert [each // HOUR for each in block_ranges(retention=retention_hours * HOUR)] == hours


# ---- merging ---------------------------------------------------------------------------------------------------------

UP = {"__name__": "up", "job": "api"}
DOWN = {"__name__": "up", "job": "db"}
A, B, C, NEW = (f"01M83F0QNYX1PQK4XX8D98TRK{i}" for i in range(4))


def files_of(ulid, times, series, *, deleted=(), encoding=1, compaction=()):
    """A block in memory. Chunks are lists of samples, or bytes with their times and encoding."""
    segment = writer.SegmentWriter()
    entries = []
    for labels, chunks in sorted(series, key=lambda each: sorted(each[0].items())):
        placed = []
        for chunk in chunks:
            if isinstance(chunk[-1], bytes):
                first, last, of, data = chunk
            else:
                first, last, of, data = chunk[0][0], chunk[-1][0], encoding, writer.CHUNKS[encoding](chunk)
            placed.append((first, last, segment.add(data, of)))
        entries.append((labels, placed))
    index = writer.index(entries)
    references = writer.series_references(index, len(entries))
    marks = [(references[i], first, last) for i, first, last in deleted]
    name = f"data/{ulid}"
    return BlockFiles(
        name=name,
        meta=File(f"{name}/meta.json", writer.meta(ulid, *times, **dict(compaction))),
        index=File(f"{name}/index", index),
        segments={1: File(f"{name}/chunks/000001", bytes(segment.data))},
        tombstones=File(f"{name}/tombstones", writer.tombstones(marks)),
    )


def merged(*files, **options):
    """The new block, opened."""
    symbols = Symbols()
    new = merge([Block.open(each, symbols) for each in files], NEW, **options)
    assert new is not None
    disk = MemoryFiles()
    disk.perform(write_block(new))
    return Block.open(disk.block(NEW), Symbols())


def contents_of(block):
    assert block.problems == ()
    return everything(Database(block.series.symbols, [block]))


def chunks_of(block):
    """The bytes and encoding of all chunks."""
    runs = block.chunks().runs
    columns = (runs.buffer, runs.start, runs.length, runs.encoding)
    return [
        (bytes(runs.buffers[buffer][start : start + length]), encoding)
        for buffer, start, length, encoding in zip(*(column.tolist() for column in columns), strict=True)
    ]


def test_chunks_are_copied():
    """Chunks that follow one another go over byte for byte, series by series, and the block says where it is from."""
    first = files_of(A, (0, 20), [(UP, [[(1, 1.0), (2, 2.0)], [(5, 0.1)]]), (DOWN, [[(3, 3.0)]])])
    second = files_of(B, (20, 40), [(UP, [[(20, 7.0), (39, 2.0)]])], compaction={"level": 2, "sources": [C, B]}.items())
    block = merged(second, first)

    assert contents_of(block) == {
        Labels(UP): samples((1, 1.0), (2, 2.0), (5, 0.1), (20, 7.0), (39, 2.0)),
        Labels(DOWN): samples((3, 3.0)),
    }
    bytes_of = [writer.xor_chunk(chunk) for chunk in ([(1, 1.0), (2, 2.0)], [(5, 0.1)], [(20, 7.0), (39, 2.0)])]
    assert chunks_of(block) == [(data, 1) for data in (*bytes_of, writer.xor_chunk([(3, 3.0)]))]
    assert block.meta == BlockMeta(
        NEW, 0, 40, level=3, sources=(A, B, C), parents=(A, B), stats=BlockStats(samples=6, series=2, chunks=4)
    )


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ([[LATE], [LATE]], (LATE,)),
        ([[LATE], []], ()),
        ([[STALE], []], (STALE,)),
        ([[STALE, LATE], [LATE]], (LATE, STALE)),
        ([[STALE, LATE], []], (STALE,)),
        ([[SELECTED], [SELECTED]], (SELECTED,)),
        ([[], []], ()),
    ],
)
def test_hints(hints, expected):
    """A block came late only if all parts did, and lacks series if any part does."""
    files = [
        files_of(name, (20 * i, 20 * i + 20), [(UP, [[(20 * i, 1.0)]])], compaction={"hints": each}.items())
        for i, (name, each) in enumerate(zip((A, B), hints, strict=True))
    ]
    assert merged(*files).meta.hints == expected


def test_overlapping_chunks_are_encoded_again():
    """Samples of overlapping chunks are put in order, at most 120 a chunk; of equal times the first block's stays."""
    even = [(2 * i, float(i)) for i in range(200)]
    odd = [(2 * i + 1, -float(i)) for i in range(200)]
    first = files_of(A, (0, 500), [(UP, [even, [(450, 1.0), (460, 2.0)]])])
    second = files_of(B, (1, 500), [(UP, [[*odd[:50], (100, 9.9)], odd[51:]])])
    block = merged(first, second)

    expected = sorted([*even, *(sample for sample in odd if sample[0] != 101), (450, 1.0), (460, 2.0)])
    assert contents_of(block) == {Labels(UP): samples(*expected)}
    counts = [int.from_bytes(data[:2], "big") for data, _ in chunks_of(block)]
    assert max(counts) == 120
    assert chunks_of(block)[-1] == (writer.xor_chunk([(450, 1.0), (460, 2.0)]), 1)


def test_the_same_chunk_twice():
    """Chunks that are copies of one another are one, without being encoded again: of any encoding."""
    histogram = (30, 35, 2, b"\0\2histogram")
    first = files_of(A, (0, 40), [(UP, [[(1, 1.0), (2, 2.0)]]), (DOWN, [histogram])])
    second = files_of(B, (0, 40), [(UP, [[(1, 1.0), (2, 2.0)], [(7, 7.0)]]), (DOWN, [histogram])])
    block = merged(first, second)

    assert chunks_of(block) == [
        (writer.xor_chunk([(1, 1.0), (2, 2.0)]), 1),
        (writer.xor_chunk([(7, 7.0)]), 1),
        (histogram[-1], 2),
    ]


def test_chunks_that_are_not_read_go_over():
    """Chunks of histograms, of start times and of kinds that nobody knows yet are copied; their samples are counted."""
    later = writer.xor2_chunk([(20, 1.0), (30, 2.0)])
    opaque = [(1, 2, 2, b"\0\2histogram"), (3, 4, 6, b"\x80\3float"), (5, 6, 99, b"\0\5whatever"), (20, 30, 4, later)]
    block = merged(files_of(A, (0, 10), [(UP, opaque[:3])]), files_of(B, (10, 40), [(UP, opaque[3:])]))

    assert chunks_of(block) == [(data, encoding) for *_, encoding, data in opaque]
    assert block.meta.stats == BlockStats(samples=2 + 3 + 5 + 2, series=1, chunks=4)


def test_overlaps_that_cannot_be_written_again():
    """Chunks that overlap and are no float samples are refused by name, and so are samples with start times."""
    histogram = (30, 35, 2, b"\0\2histogram")
    blocks = [
        files_of(A, (0, 40), [(DOWN, [histogram])]),
        files_of(B, (0, 40), [(DOWN, [[(32, 1.0)]])]),
        files_of(C, (0, 40), [(UP, [[(1, 1.0), (3, 1.0)]])], encoding=4),
        files_of(NEW, (0, 40), [(UP, [[(2, 1.0)]])]),
    ]
    with pytest.raises(CompactionError, match=r'job="db".*chunks overlap at 32'):
        merged(*blocks[:2])
    with pytest.raises(CompactionError, match=r'job="api".*start times'):
        merged(*blocks[2:])


def test_deleted_samples_are_gone():
    """What is deleted from a block is not in the next: whole chunks, parts of them, whole series."""
    chunks = [[(i, float(i)) for i in range(10 * k, 10 * k + 10)] for k in range(4)]
    first = files_of(
        A, (0, 40), [(UP, chunks), (DOWN, chunks[:1])], deleted=[(0, 5, 12), (0, 20, 29), (1, -5, 4), (1, 5, 100)]
    )
    block = merged(first)

    left = [(i, float(i)) for i in range(40) if not 5 <= i <= 12 and not 20 <= i <= 29]
    assert contents_of(block) == {Labels(UP): samples(*left)}
    assert chunks_of(block)[-1] == (writer.xor_chunk(chunks[3]), 1)
    assert block.meta.stats == BlockStats(samples=len(left), series=1, chunks=3)
    assert block.meta.level == 2


def test_deletions_within_chunks_that_are_not_read():
    """They stay deletions, of the series as it is called in the new block; chunks that are deleted whole go."""
    opaque = [(10, 20, 2, b"\0\2one"), (30, 40, 2, b"\0\2two")]
    first = files_of(A, (0, 50), [(UP, [[(1, 1.0)]]), (DOWN, opaque)], deleted=[(0, 0, 9), (1, 5, 15), (1, 25, 45)])
    block = merged(first)

    assert chunks_of(block) == [(opaque[0][-1], 2)]
    assert block.meta.stats.tombstones == 1
    found = block.chunks()
    assert {run: gone.tolist() for run, gone in found.deleted.items()} == {0: [[10, 15]]}


def test_nothing_is_left():
    """Blocks of which all is deleted leave no block behind: they are removed."""
    files = MemoryFiles()
    block = files_of(A, (0, 10), [(UP, [[(1, 1.0)]])], deleted=[(0, 0, 5)])
    files.data = {f"{A}/index": b"", f"{A}/chunks/000001": b"", f"{B}/index": b""}
    files.perform(compact([Block.open(block, Symbols())], NEW))

    assert files.names == [B]


def test_compact():
    """The new block is there whole before the first of the old ones goes."""
    symbols, files = Symbols(), MemoryFiles()
    parts = [files_of(A, (0, 10), [(UP, [[(1, 1.0)]])]), files_of(B, (10, 20), [(UP, [[(11, 2.0)]])])]
    for part in parts:
        ulid = part.name.removeprefix("data/")
        files.data |= {f"{ulid}/index": bytes(part.index.data), f"{ulid}/meta.json": bytes(part.meta.data)}
    seen = []
    for operation in compact([Block.open(part, symbols) for part in parts], NEW):
        files.perform([operation])
        if not seen or seen[-1] != files.names:
            seen.append(files.names)

    assert [set(names) for names in seen] == [{A, B}, {A, B, NEW}, {B, NEW}, {NEW}]
    assert json.loads(files.data[f"{NEW}/meta.json"])["compaction"]["parents"][1] == {
        "ulid": B,
        "minTime": 10,
        "maxTime": 20,
    }


@pytest.mark.parametrize(("part", "at"), [("index", -60), ("segment", 20), ("tombstones", 8)])
def test_damaged_blocks_are_not_compacted(part, at):
    """Where anything of a block cannot be read it is kept as it is, with what can be."""
    files = files_of(A, (0, 10), [(UP, [[(1, 1.0)]]), (DOWN, [[(2, 2.0)]])])
    file = files.segments[1] if part == "segment" else getattr(files, part)
    data = bytearray(file.data)
    data[at] ^= 1
    bad = File(file.name, bytes(data))
    damaged = attrs.evolve(files, **({"segments": {1: bad}} if part == "segment" else {part: bad}))
    with pytest.raises(CorruptionError):
        merge([Block.open(damaged, Symbols())], NEW)


def test_compatible_chunks():
    """What is encoded again has the bytes that Prometheus would write, if they are asked for; else fewer."""
    values = [1e9 / 7 if i == 20 else float(i) for i in range(60)]
    chunks = [[(i, value) for i, value in enumerate(values) if i % 2 == odd] for odd in (0, 1)]
    blocks = [files_of(name, (0, 60), [(UP, [chunk])]) for name, chunk in zip((A, B), chunks, strict=True)]
    (plain, _), (short, _) = chunks_of(merged(*blocks, compatible=True))[0], chunks_of(merged(*blocks))[0]

    assert plain == native.xor_encode(np.arange(60), np.array(values))
    assert len(short) < len(plain)
