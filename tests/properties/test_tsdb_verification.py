"""Whatever the bytes are, verification says what is wrong with them and raises nothing; a repair of it can be read."""

import random
import struct

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tsdb import writer
from tests.tsdb.contents import block_files, directory, everything, log

import obsflow
from obsflow.adapters.data_directory import decompress_zstd, read_directory
from obsflow.adapters.files import DirectoryFiles
from obsflow.cli.tsdb_dump import render_seconds
from obsflow.tsdb.block_repair import repair_block
from obsflow.tsdb.files import BlockFiles, File, HeadFiles
from obsflow.tsdb.verification import verify, verify_block

ULIDS = ("01M83P43ZCZ74E6477Q17422B3", "01M83P442ZEVB16NZPE5NBZ4GS")
CHUNKS = [[(10 * c + time, time / 7) for time in range(5)] for c in range(2)]
SERIES = [({"__name__": "up", "job": f"api-{i}"}, CHUNKS) for i in range(3)]
_SECTIONS = (0, 4, 5)  # in the table of contents: symbols, postings, their table


def sound_block(stones: bytes | None = None) -> BlockFiles:
    block = block_files(SERIES, stones=stones)
    return attrs.evolve(block, name=f"x/{ULIDS[0]}", meta=File("meta.json", writer.meta(ULIDS[0], 0, 10_000)))


def resum(data: bytearray) -> None:
    """Make the sums of the sections right again, as far as they still lie in the file."""
    toc = len(data) - 52
    for section in _SECTIONS:
        (at,) = struct.unpack_from(">Q", data, toc + 8 * section)
        at += -at % 4 if section == 4 else 0
        size = int.from_bytes(data[at : at + 4], "big") if at < toc else toc
        if at + 8 + size <= toc:
            data[at + 4 + size : at + 8 + size] = writer.crc32c(bytes(data[at + 4 : at + 4 + size]))
    data[-4:] = writer.crc32c(bytes(data[toc:-4]))


@pytest.mark.parametrize("seed", range(300))
def test_an_index_whose_sums_hold_and_that_is_nonsense(seed):
    """Bytes that a writer, not a disk, got wrong: other numbers, lengths and offsets under right sums."""
    chance = random.Random(seed)
    data = bytearray(sound_block().index.data)
    for _ in range(chance.randrange(1, 4)):
        data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    resum(data)
    files = attrs.evolve(sound_block(), index=File("index", bytes(data)))

    assert verify_block(files).is_sound == (data == bytearray(sound_block().index.data))
    repair_block(files, ULIDS[1])


@given(st.sampled_from(("meta", "index", "tombstones", "segments")), st.binary(max_size=300), st.booleans())
def test_files_of_nothing_but_chance(name, content, begins_well):
    """Some of which begin as they should."""
    block = sound_block(writer.tombstones([]))
    original = block.segments[1].data if name == "segments" else getattr(block, name).data
    file = File(name, (bytes(original[:8]) if begins_well else b"") + content)
    part = verify_block(attrs.evolve(block, **{name: {1: file} if name == "segments" else file}))

    assert not part.is_sound


@given(st.lists(st.binary(max_size=60), max_size=5), st.binary(max_size=200))
def test_a_head_of_nothing_but_chance(records, chunks):
    """Records whose sums hold and that mean nothing, and head chunks."""
    files = HeadFiles(
        chunks={1: File("c", b"\x01\x30\xbc\x91\x01\0\0\0" + chunks)}, wal=log(writer.segment(records)), wbl=log(chunks)
    )
    (part,) = verify(directory(head=files), decompress_zstd)

    assert part.counts["records"] >= len(records)


@pytest.mark.parametrize("seed", range(60))
def test_a_repaired_block_is_sound_and_has_nothing_new(seed, tmp_path):
    """However much is damaged."""
    chance = random.Random(seed)
    block = writer.write_block(tmp_path, ULIDS[0], SERIES, stones=[(SERIES[1][0], 3, 11)])
    before = {name: set(samples) for name, samples in samples_of(tmp_path).items()}
    for name in chance.sample(("index", "chunks/000001", "tombstones", "meta.json"), chance.randrange(1, 4)):
        data = bytearray((block / name).read_bytes())
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (block / name).write_bytes(data[: chance.choice((len(data), chance.randrange(len(data)) + 1))])
    (files,) = read_directory(tmp_path).blocks
    DirectoryFiles(tmp_path).perform(repair_block(files, ULIDS[1]).operations)
    (tmp_path / "wal").mkdir()

    assert all(part.is_sound for part in verify(read_directory(tmp_path), decompress_zstd))
    undeleted = {(time, bits) for chunk in CHUNKS for time, bits in [(t, writer.bits_of(v)) for t, v in chunk]}
    for labels, samples in samples_of(tmp_path).items():
        assert set(samples) <= before[labels] | undeleted


def samples_of(path):
    return everything(obsflow.open(path))


@given(st.integers(-(10**15), 10**15))
def test_seconds_come_back_as_the_same_millisecond(time):
    """For a parser that multiplies the float by 1000 and cuts off."""
    assert int(float(render_seconds(time)) * 1000) == time
