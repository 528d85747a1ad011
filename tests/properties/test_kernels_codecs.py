"""Codecs and hashes against their twins, and against bytes that nobody wrote."""

import itertools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import hashes, xor, xor2

from obsflow import native
from obsflow.errors import CorruptionError

some = settings(max_examples=80, deadline=None)

SPECIAL_BITS = [
    0, 1 << 63, 0x7FF0000000000002, 0x7FF8000000000001, 0x7FF0000000000000, 0xFFF8000000000000,
    0x3FF0000000000000, 0x3FF0000000000001, 0x4000000000000000, (1 << 64) - 1, 1, 1 << 32,
]  # fmt: skip
value_bits = st.one_of(
    st.sampled_from(SPECIAL_BITS),
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 1000).map(lambda n: xor.bits_of(n / 10)),
)
# The edges of every width of a change of interval, in both encodings, and one beyond.
EDGES = [0, *(sign * (1 << n - 1) + by for n in (13, 14, 17, 20) for sign in (-1, 1) for by in (-1, 0, 1, 2)), 1 << 40]
intervals = st.one_of(st.just(15_000), st.sampled_from(EDGES).map(lambda edge: 15_000 + edge), st.integers(0, 1 << 62))


@st.composite
def chunks(draw, max_size=40):
    """Times and bits of values, as a chunk might hold them."""
    size = draw(st.integers(0, max_size))
    time = draw(st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.just(1_700_000_000_000)))
    times, values = [], []
    for _ in range(size):
        times.append(time)
        values.append(values[-1] if values and draw(st.booleans()) else draw(value_bits))
        time = (time + draw(intervals) + (1 << 63)) % (1 << 64) - (1 << 63)
    return times, values


def as_columns(times, values):
    return np.array(times, np.int64), np.array(values, np.uint64).view(np.float64)


def as_lists(times, values, *starts):
    return times.tolist(), values.view(np.uint64).tolist(), *(column.tolist() for column in starts)


@some
@given(chunks())
def test_xor_encode(chunk):
    """A chunk has the bytes that the format prescribes, and decodes to the bits that went in."""
    data = native.xor_encode(*as_columns(*chunk))

    assert data == xor.encode(*chunk)
    assert as_lists(*native.xor_decode(data)) == chunk
    assert as_lists(*native.xor_decode(data + b"\0")) == chunk


@some
@given(chunks(), st.lists(st.integers(0, 40), max_size=3))
def test_xor_append(chunk, cuts):
    """Appending bit by bit, with the chunk read back in between, gives the same bytes as one go."""
    times, values = as_columns(*chunk)
    ends = sorted({min(cut, len(times)) for cut in cuts} | {len(times)})
    data, first = native.xor_encode(times[:0], values[:0]), 0
    for end in ends:
        appender = native.XorAppender.from_chunk(data)
        appender.append(times[first:end], values[first:end])
        data, first = appender.to_bytes(), end
        assert len(appender) == end

    assert data == native.xor_encode(times, values)


@some
@given(st.lists(chunks(max_size=10), max_size=5))
def test_xor_encode_many(several):
    """Many chunks in one call are the same as one call each."""
    times, values = as_columns(*([x for chunk in several for x in chunk[part]] for part in (0, 1)))
    offsets = np.cumsum([0, *(len(chunk[0]) for chunk in several)])
    data, ends = native.xor_encode_many(times, values, offsets)

    assert [data[a:b] for a, b in itertools.pairwise(ends)] == [xor.encode(*chunk) for chunk in several]


@some
@given(chunks(), st.data())
def test_xor2_decode(chunk, data):
    """A chunk, with or without start times, decodes to the bits that went in."""
    start_times = st.one_of(st.sampled_from([0, *chunk[0][:3], 1_700_000_000_000]), st.integers(-(1 << 63), 1 << 62))
    starts = data.draw(st.one_of(st.none(), st.lists(start_times, min_size=len(chunk[0]), max_size=len(chunk[0]))))
    written, expected = xor2.encode(*chunk, starts), (*chunk, starts or [0] * len(chunk[0]))

    assert xor2.decode(written) == (*expected, True)
    assert as_lists(*native.xor2_decode(written)) == expected
    assert as_lists(*native.xor2_decode(written + b"\0")) == expected


@pytest.mark.parametrize("size", [127, 128, 129, 300])
def test_xor2_of_many_samples(size):
    """From its 128th sample on a chunk has start times, whether there are any or not."""
    chunk = [15_000 * i for i in range(size)], [xor2.STALE if i % 50 == 7 else i // 3 for i in range(size)]

    assert as_lists(*native.xor2_decode(xor2.encode(*chunk))) == (*chunk, [0] * size)


CODECS = pytest.mark.parametrize(("twin", "decode"), [(xor, native.xor_decode), (xor2, native.xor2_decode)])


@CODECS
@some
@given(chunk=chunks(max_size=12), data=st.data())
def test_chunk_damage(twin, decode, chunk, data):
    """A damaged chunk decodes to what the format makes of it, or is reported as corrupt."""
    damaged = bytearray(twin.encode(*chunk))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(damaged) * 8 - 1))
        damaged[at // 8] ^= 0x80 >> at % 8
    del damaged[data.draw(st.integers(0, len(damaged))) :]
    check_decoding(twin, decode, bytes(damaged))


@CODECS
@some
@given(
    data=st.tuples(st.integers(0, 30), st.binary(max_size=60)).map(lambda drawn: struct.pack(">H", drawn[0]) + drawn[1])
)
def test_chunk_noise(twin, decode, data):
    """Any bytes at all decode to what the format makes of them, or are reported as corrupt."""
    check_decoding(twin, decode, data)


@CODECS
@given(chunk=chunks(max_size=6))
@settings(max_examples=20, deadline=None)
def test_chunk_truncation(twin, decode, chunk):
    """Every proper prefix of a chunk is reported as corrupt, or holds all samples."""
    data = twin.encode(*chunk)
    for end in range(len(data)):
        check_decoding(twin, decode, data[:end])


def check_decoding(twin, decode, data):
    *columns, whole = twin.decode(data)
    if whole:
        assert as_lists(*decode(data)) == tuple(columns)
    else:
        with pytest.raises(CorruptionError):
            decode(data)


@some
@given(st.binary(max_size=200), st.data())
def test_hashes(data, source):
    """Checksums and hashes are those of their definitions, also of ranges in a buffer."""
    start = source.draw(st.integers(0, len(data)))
    length = source.draw(st.integers(0, len(data) - start))
    sums = native.crc32c_many(memoryview(data), np.array([start, 0]), np.array([length, len(data)]))

    assert sums.tolist() == [hashes.crc32c(data[start : start + length]), hashes.crc32c(data)]
    assert native.crc32c(data) == hashes.crc32c(data)
    assert native.fnv1a64(data) == hashes.fnv1a64(data)
    assert native.xxhash64(data) == hashes.xxhash64(data)


def literal(text):
    head = bytes([len(text) - 1 << 2]) if len(text) <= 60 else bytes([60 << 2, len(text) - 1])
    return head + text, len(text)


# Elements of a Snappy block, and how much each decodes to.
elements = st.one_of(
    st.binary(min_size=1, max_size=80).map(literal),
    st.builds(lambda n, offset: (bytes([n - 4 << 2 | 1, offset]), n), st.integers(4, 11), st.integers(0, 40)),
    st.builds(lambda n, offset: (bytes([n - 1 << 2 | 2, offset, 0]), n), st.integers(1, 64), st.integers(0, 90)),
    st.builds(lambda n, offset: (bytes([n - 1 << 2 | 3, offset, 0, 0, 0]), n), st.integers(1, 64), st.integers(0, 90)),
)


@some
@given(st.lists(elements, max_size=8), st.sampled_from([0, 0, 0, -1, 2]), st.sampled_from([b"", b"", b"\x08", b"\xf4"]))
def test_snappy(block, wrong_by, junk):
    """A block decodes to what its elements say, or is reported as corrupt."""
    length = max(0, sum(n for _, n in block) + wrong_by)
    data = bytes([length & 0x7F | 0x80, length >> 7]) + b"".join(element for element, _ in block) + junk
    if snappy_accepts(data):
        assert native.snappy_decode(data) == hashes.snappy_decode(data)
    else:
        with pytest.raises(CorruptionError):
            native.snappy_decode(data)


def snappy_accepts(data):
    try:
        hashes.snappy_decode(data)
    except hashes.SnappyError:
        return False
    return True
