"""Every bit that flips in a block, and every length that it is cut to: what is found is true, and loss is told."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tsdb.contents import Contents, equal, everything
from tests.tsdb.operated import MemoryFiles

from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.backfill import BlockBuilder
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_deletion import delete_from_block
from obsflow.tsdb.block_writer import make_ulid, write_block
from obsflow.tsdb.compaction import compact
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import BlockFiles, File

ULID = make_ulid(1, bytes(10))


def small_block() -> BlockFiles:
    """Two series, one with a deletion."""
    builder = BlockBuilder()
    builder.add(Labels({"__name__": "up", "job": "api"}), [1000, 2000, 3000], [1.0, 0.1, 7.0])
    builder.add(Labels({"__name__": "up", "job": "db"}), [1500, 2500], [2.0, 3.0])
    files = MemoryFiles()
    for new in builder.blocks(lambda _: ULID):
        files.perform(write_block(new))
    block = Block.open(files.block(ULID), Symbols())
    prepare, do = delete_from_block(block, files.block(ULID).meta, [equal("job", "db")], 0, 2000)
    assert do
    files.perform([*prepare, *do])
    return files.block(ULID)


FILES = small_block()
PARTS = {
    "index": FILES.index,
    "meta": FILES.meta,
    "tombstones": FILES.tombstones,
    "segments": FILES.segments[1],
}


def with_part(part: str, data: bytes) -> BlockFiles:
    file = File(PARTS[part].name, data)
    return attrs.evolve(FILES, **{part: {1: file} if part == "segments" else file})


def opened(files: BlockFiles) -> tuple[Contents, Database]:
    block = Block.open(files, Symbols())
    database = Database(block.series.symbols, [block])
    return everything(database), database


ORIGINAL = opened(FILES)[0]
UNDELETED = opened(attrs.evolve(FILES, tombstones=None))[0]


def check(part: str, data: bytes) -> None:
    """Either an error that names the file, or true samples, and a problem where not all are found."""
    files = with_part(part, data)
    try:
        found, database = opened(files)
    except CorruptionError as error:
        assert error.file == PARTS[part].name
        return
    truth = UNDELETED if part == "tombstones" else ORIGINAL
    for labels, samples in found.items():
        assert set(samples) <= set(truth[labels])
    if found != ORIGINAL:
        assert database.problems
        with pytest.raises(CorruptionError):
            list(compact([Block.open(files, Symbols())], make_ulid(2, bytes(10))))


@pytest.mark.parametrize("part", PARTS)
def test_every_bit(part):
    """A bit that flips anywhere in a file."""
    sound = bytes(PARTS[part].data)
    for bit in range(8 * len(sound)):
        data = bytearray(sound)
        data[bit // 8] ^= 1 << bit % 8
        check(part, bytes(data))


@pytest.mark.parametrize("part", PARTS)
def test_every_length(part):
    """A file that ends too early, anywhere."""
    sound = bytes(PARTS[part].data)
    for size in range(len(sound)):
        check(part, sound[:size])


@settings(max_examples=200, deadline=None)
@given(
    part=st.sampled_from(sorted(PARTS)), data=st.binary(max_size=80), keep=st.integers(0, 400), at=st.integers(0, 400)
)
def test_any_bytes(part, data, keep, at):
    """Bytes of nobody, after some and instead of some that were written."""
    sound = bytes(PARTS[part].data)
    check(part, sound[:keep] + data + sound[keep + at :])


def test_a_missing_segment():
    """Chunks whose file is gone are told, and the block is not compacted without them."""
    files = attrs.evolve(FILES, segments={})
    found, database = opened(files)
    assert found == {}
    assert database.problems
    with pytest.raises(CorruptionError):
        list(compact([Block.open(files, Symbols())], make_ulid(2, bytes(10))))
