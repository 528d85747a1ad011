import pytest
from backports import zstd

from obsflow.adapters.data_directory import decompress_zstd
from obsflow.errors import CorruptionError
from obsflow.tsdb.files import File
from obsflow.tsdb.wal import PAGE_BYTES, Segment
from tests.tsdb import writer

RECORDS = [bytes([i]) * size for i, size in enumerate([1, 0, 300, 40_000, 32_754, 7, 100_000, 5], 1)]


def read(data: bytes, *, is_last: bool = False) -> tuple[list[bytes], list[CorruptionError]]:
    segment = Segment(File("s", data), decompress_zstd, is_last=is_last)
    records = [batch[i].data for batch in segment.records() for i in range(len(batch))]
    return records, segment.problems


@pytest.mark.parametrize(
    ("flag", "compress"),
    [(0, bytes), (0x08, writer.snappy_block), (0x10, zstd.compress)],
    ids=["plain", "snappy", "zstd"],
)
@pytest.mark.parametrize("pad", [False, True])
def test_records_come_back(flag, compress, pad):
    """Records come back whole, however they were compressed and split over pages."""
    assert read(writer.segment(RECORDS, flag, compress, pad=pad)) == (RECORDS, [])


def test_the_live_end_is_no_damage():
    """Wherever the last segment ends, what was whole is there and nothing is wrong."""
    data = writer.segment([b"a" * 100, b"b" * 33_000, b"c" * 50])
    ends = [107, 33_121, 33_178]
    for size in range(33_000, len(data) + 1):
        records, problems = read(data[:size], is_last=True)
        assert len(records) == sum(end <= size for end in ends)
        assert problems == []


def test_an_older_segment_must_be_whole():
    """The same end is damage in a segment that others follow, and told once."""
    data = writer.segment([b"a" * 100, b"b" * 33_000])
    for size in (103, 107, 200, PAGE_BYTES, PAGE_BYTES + 3, len(data) - 1):
        records, problems = read(data[:size])
        assert len(records) == (size >= 107)
        assert len(problems) == (size != 107)


@pytest.mark.parametrize("at", [PAGE_BYTES - 3, PAGE_BYTES + 3, PAGE_BYTES + 5000, PAGE_BYTES + 5030])
def test_reading_goes_on_after_damage(at):
    """A damaged fragment costs its record; at the start of a page it may cost what else starts on that page."""
    records = [bytes([i]) * 1000 for i in range(200)]
    for change in (1, 0x55, 0xFF):
        data = bytearray(writer.segment(records))
        data[at] ^= change
        found, problems = read(bytes(data))
        lost = [record for record in records if record not in found]
        assert found == [record for record in records if record not in lost]
        assert 1 <= len(lost) <= (34 if at < PAGE_BYTES + 7 else 2)
        assert len(problems) == 1
        assert at - 1007 <= problems[0].offset <= at


def test_a_page_of_garbage_is_told_once():
    """A whole page of something else is one problem."""
    records = [bytes([i]) * 1000 for i in range(200)]
    data = bytearray(writer.segment(records))
    data[PAGE_BYTES : 2 * PAGE_BYTES] = b"\xff" * PAGE_BYTES
    found, problems = read(bytes(data))
    assert found[0] == records[0]
    assert found[-1] == records[-1]
    assert len(problems) == 1


def test_a_zeroed_page_is_told():
    """A page that was lost to zeros inside of a record is damage, as the record has no end."""
    data = bytearray(writer.segment([b"a" * 100_000, b"b"]))
    data[PAGE_BYTES : 2 * PAGE_BYTES] = bytes(PAGE_BYTES)
    found, problems = read(bytes(data))
    assert found == [b"b"]
    assert len(problems) == 1


def test_something_after_the_zeros():
    """A type of zero promises zeros up to the end of the page."""
    data = bytearray(writer.segment([b"a" * 10], pad=True)) + writer.segment([b"b"])
    data[500] = 1
    assert read(bytes(data))[0] == [b"a" * 10, b"b"]
    assert [problem.offset for problem in read(bytes(data))[1]] == [17]


@pytest.mark.parametrize("flag", [0x05, 0x06, 0x07, 0x20, 0x18, 0x80])
def test_unknown_types(flag):
    """A type or compression that the format does not have is damage."""
    records, problems = read(writer.segment([b"abc"], flag))
    assert records == []
    assert len(problems) == 1


@pytest.mark.parametrize("flag", [0x08, 0x10])
def test_a_record_that_does_not_decompress(flag):
    """Compressed bytes that are none cost that record only."""
    data = writer.segment([b"\xff" * 20], flag) + writer.segment([b"after"])
    records, problems = read(data)
    assert records == [b"after"]
    assert [problem.offset for problem in problems] == [0]


def test_zstd_must_be_one_whole_frame():
    """A frame that is cut off, or that more follows, is refused."""
    frame = zstd.compress(b"x" * 1000)
    for data in (frame[:-1], frame + b"x", b""):
        with pytest.raises(CorruptionError, match="zstd"):
            decompress_zstd(data)
