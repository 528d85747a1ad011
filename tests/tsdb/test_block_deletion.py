"""Samples that are deleted from a block, and what is written of it."""

import json

import attrs
import pytest

from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_deletion import delete_from_block
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import File
from obsflow.tsdb.operations import Rename, Sync
from tests.tsdb import writer
from tests.tsdb.contents import EVER, equal, everything, samples
from tests.tsdb.operated import MemoryFiles

ULID = "01M83F0QNYX1PQK4XX8D98TRK6"
UP = {"__name__": "up", "job": "api"}
DOWN = {"__name__": "up", "job": "db"}
CHUNKS = [[(i, float(i)) for i in range(10 * k, 10 * k + 10)] for k in range(2)]


def block_of(series, stones=()):
    """A block on a disk in memory; its meta has a key of another system."""
    segment, disk = writer.SegmentWriter(), MemoryFiles()
    entries = [
        (labels, [(chunk[0][0], chunk[-1][0], segment.add(writer.xor_chunk(chunk))) for chunk in chunks])
        for labels, chunks in series
    ]
    index = writer.index(entries)
    references = writer.series_references(index, len(entries))
    meta = json.loads(writer.meta(ULID, 0, 100)) | {"thanos": {"labels": {"a": "b"}}}
    marks = [(references[i], first, last) for i, first, last in stones]
    contents = {"chunks/000001": bytes(segment.data), "index": index, "tombstones": writer.tombstones(marks)}
    disk.data = {f"{ULID}/{name}": data for name, data in contents.items()}
    disk.data[f"{ULID}/meta.json"] = json.dumps(meta).encode()
    return disk


def opened(disk):
    return Block.open(disk.block(ULID), Symbols())


def delete(disk, job, start, end):
    """What a deletion would do."""
    return delete_from_block(opened(disk), disk.block(ULID).meta, [equal("job", job)], start, end)


def contents_of(block):
    assert block.problems == ()
    return everything(Database(block.series.symbols, [block]))


def test_delete():
    """A deletion holds within what the series has, and is merged with those before; other keys of the meta stay."""
    disk = block_of([(UP, CHUNKS), (DOWN, CHUNKS[:1])])
    disk.data[f"{ULID}/meta.json.tmp"] = b"left over"
    for start, end in ((15, 100), (-100, 3), (4, 5)):
        prepare, do = delete(disk, "api", start, end)
        before = contents_of(opened(disk))
        disk.perform(prepare)
        assert contents_of(opened(disk)) == before
        disk.perform(do)

    block = opened(disk)
    assert contents_of(block) == {
        Labels(UP): samples(*((i, float(i)) for i in range(6, 15))),
        Labels(DOWN): samples(*CHUNKS[0]),
    }
    assert {series: gone.tolist() for series, gone in block.stones.items()} == {
        next(iter(block.stones)): [[0, 5], [15, 19]]
    }
    assert block.meta.stats.tombstones == 2
    assert json.loads(disk.data[f"{ULID}/meta.json"])["thanos"] == {"labels": {"a": "b"}}
    assert len(disk.data) == 4


def test_order():
    """The tombstones are in place before the meta counts them; all is synced before anything is renamed."""
    prepare, do = delete(block_of([(UP, CHUNKS)]), "api", 0, 5)
    assert [each for each in prepare if isinstance(each, Sync)] == [
        Sync(f"{ULID}/tombstones.tmp"),
        Sync(f"{ULID}/meta.json.tmp"),
    ]
    assert do == [
        Rename(f"{ULID}/tombstones.tmp", f"{ULID}/tombstones"),
        Rename(f"{ULID}/meta.json.tmp", f"{ULID}/meta.json"),
        Sync(ULID),
    ]


@pytest.mark.parametrize(
    ("job", "start", "end"),
    [("api", 20, 90), ("api", 8, 9), ("none", *EVER), ("api", 5, 4), ("api", 2, 4), ("api", -50, -1)],
)
def test_delete_nothing(job, start, end):
    """Where no chunk of a series that matches is touched, or all of it is deleted already, nothing is written."""
    disk = block_of([(UP, [[(1, 1.0), (7, 1.0)], [(10, 1.0)]])], [(0, 1, 5)])
    assert delete(disk, job, start, end) == ([], [])


def test_delete_beside_damaged_tombstones():
    """Tombstones that cannot be read are not written over."""
    disk = block_of([(UP, CHUNKS)])
    disk.data[f"{ULID}/tombstones"] = b"??"
    with pytest.raises(CorruptionError):
        delete(disk, "api", *EVER)


def test_stones_of_damaged_series_stay():
    """What is deleted from a series whose entry cannot be read now stays deleted."""
    disk = block_of([(UP, CHUNKS), (DOWN, CHUNKS)], [(0, 0, 3), (1, 5, 6)])
    whole = opened(disk).stones
    index = bytearray(disk.data[f"{ULID}/index"])
    at = 16 * min(whole)
    index[at + 1] ^= 1
    files = attrs.evolve(disk.block(ULID), index=File("index", bytes(index)))
    block = Block.open(files, Symbols())
    assert len(block.series) == 1
    prepare, do = delete_from_block(block, files.meta, [equal("job", "db")], 0, 1)
    disk.perform([*prepare, *do])

    assert opened(disk).stones.keys() == whole.keys()
    assert opened(disk).stones[min(whole)].tolist() == [[0, 3]]
