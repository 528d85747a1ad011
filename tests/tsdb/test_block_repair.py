"""A block made again of what is sound in a damaged one."""

import json
import struct

import attrs
import pytest

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.model.labels import Labels
from obsflow.tsdb.block_repair import repair_block
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import BlockFiles, File
from obsflow.tsdb.operations import Append, Rename, Sync, WriteFile
from obsflow.tsdb.verification import verify_block
from tests.tsdb import writer
from tests.tsdb.contents import block_files, directory, everything, samples

OLD, NEW = "01M83P43ZCZ74E6477Q17422B3", "01M83P442ZEVB16NZPE5NBZ4GS"
HISTOGRAM = struct.pack(">H", 3) + b"\x80 what a histogram holds"


def chunk(first: int) -> list[tuple[int, float]]:
    return [(first + i, i / 3) for i in range(3)]


def build(series, segment: writer.SegmentWriter, **meta: object) -> BlockFiles:
    return BlockFiles(
        name=f"data/{OLD}",
        meta=File("meta.json", writer.meta(OLD, 0, 1000, **meta)),
        index=File("index", writer.index(series)),
        segments={1: File("chunks/000001", bytes(segment.data))},
    )


def repaired(files: BlockFiles) -> BlockFiles:
    """The new block, as it would be read."""
    made: dict[str, bytes] = {}
    for operation in repair_block(files, NEW).operations:
        if isinstance(operation, (Append, WriteFile)):
            made[operation.path] = made.get(operation.path, b"") + operation.data
    files_of = {path.partition("/")[2]: File(path, data) for path, data in made.items()}
    segments = {int(path[-6:]): file for path, file in files_of.items() if path.startswith("chunks/")}
    return BlockFiles(NEW, files_of["meta.json"], files_of["index"], segments, files_of["tombstones"])


def open_files(files: BlockFiles):
    return everything(Database.open(directory(files), decompress_zstd))


def test_a_sound_block_comes_out_as_it_was():
    """Chunks byte by byte, of histograms too."""
    segment = writer.SegmentWriter()
    series = [
        ({"a": "b"}, [(1, 3, segment.add(writer.xor_chunk(chunk(1)))), (5, 8, segment.add(HISTOGRAM, 2))]),
        ({"a": "c"}, [(1, 3, segment.add(writer.xor2_chunk(chunk(1)), writer.XOR2))]),
    ]
    new = repaired(build(series, segment))

    assert new.segments[1].data == segment.data
    assert verify_block(new).problems == ()


def test_the_new_block_names_the_old_one():
    """Level, sources and hints go on; what is none of these is left out."""
    segment = writer.SegmentWriter()
    series = [({"a": "b"}, [(1, 3, segment.add(writer.xor_chunk(chunk(1))))])]
    meta = {"level": 3, "sources": [OLD, "no ulid"], "hints": ["from-out-of-order"], "parents": [{"ulid": NEW}]}
    new = json.loads(repaired(build(series, segment, **meta)).meta.data)

    assert (new["ulid"], new["minTime"], new["maxTime"]) == (NEW, 1, 4)
    assert new["compaction"] == {
        "level": 3,
        "sources": [OLD],
        "parents": [{"ulid": OLD, "minTime": 0, "maxTime": 1000}],
        "hints": ["from-out-of-order"],
    }


def test_the_damaged_block_is_put_aside_when_the_new_one_is_there():
    """Until then both names are as they were."""
    segment = writer.SegmentWriter()
    files = build([({"a": "b"}, [(1, 3, segment.add(writer.xor_chunk(chunk(1))))])], segment)
    operations = repair_block(files, NEW).operations
    renames = [operation for operation in operations if isinstance(operation, Rename)]

    assert renames == [Rename(f"{NEW}.tmp-for-creation", NEW), Rename(OLD, f"{OLD}.corrupt")]
    assert operations[-2:] == (renames[1], Sync("."))


@pytest.mark.parametrize("name", ["index", "segments"])
def test_where_nothing_can_be_read_there_is_no_new_block(name):
    """The old one is put aside all the same."""
    segment = writer.SegmentWriter()
    files = build([({"a": "b"}, [(1, 3, segment.add(writer.xor_chunk(chunk(1))))])], segment)
    files = attrs.evolve(files, **{name: {} if name == "segments" else File("index", b"")})
    repair = repair_block(files, NEW)

    assert repair.block is None
    assert repair.operations == (Rename(OLD, f"{OLD}.corrupt"), Sync("."))


def test_contradictions_of_an_index_are_settled():
    """Label sets that come twice become one; chunks that overlap, or are not what was noted, are left out."""
    segment = writer.SegmentWriter()

    def add(first: int) -> int:
        return segment.add(writer.xor_chunk(chunk(first)))

    series = [
        ({"a": "z"}, [(1, 3, add(1)), (3, 5, add(3)), (10, 12, add(10))]),
        ({"a": "b"}, [(1, 3, add(1)), (6, 9, add(6))]),
        ({"a": "z"}, [(20, 22, add(20)), (30, 32, segment.add(writer.xor_chunk([(30, 1.0), (32, 1.0), (32, 2.0)])))]),
    ]
    new = repaired(build(series, segment))

    assert verify_block(new).problems == ()
    assert open_files(new) == {
        Labels(a="b"): samples(*chunk(1)),
        Labels(a="z"): samples(*chunk(1), *chunk(10), *chunk(20)),
    }


def test_deletions_go_on():
    """Under the number that the series has in the new block."""
    series = [({"a": str(i)}, [chunk(1)]) for i in range(3)]
    plain = block_files(series)
    reference = writer.series_references(bytes(plain.index.data), 3)[2]
    files = attrs.evolve(
        block_files(series, stones=writer.tombstones([(reference, 2, 2), (999, 1, 1)])),
        name=f"data/{OLD}",
        meta=File("meta.json", b""),
    )
    new = repaired(files)

    assert verify_block(new).problems == ()
    assert open_files(new)[Labels(a="2")] == samples(chunk(1)[0], chunk(1)[2])
