"""Chunks found by kernels, against their twins, in times and bytes that nobody wrote."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import chunks, hashes

from obsflow import native

some = settings(max_examples=150, deadline=None)

EXTREMES = [-(1 << 63), (1 << 63) - 1]
any_time = st.integers(-20, 60) | st.sampled_from(EXTREMES)
any_interval = st.tuples(any_time, any_time)


@st.composite
def ordered(draw):
    """Chunks as a sound index has them; some touch, some leave gaps."""
    edges = sorted(draw(st.sets(any_time, max_size=16)))
    return list(zip(edges[::2], edges[1::2], strict=False))


series_of_intervals = st.lists(ordered() | st.lists(any_interval, max_size=5), max_size=6)


def columns_of(series):
    offsets = np.cumsum([0, *map(len, series)]).astype(np.int64)
    times = np.array([interval for each in series for interval in each], np.int64).reshape(-1, 2)
    return offsets, times[:, 0], times[:, 1]


@some
@given(series_of_intervals, any_interval, st.data())
def test_chunks_between_two_times(series, interval, data):
    """Exactly the chunks that touch the interval where a series is in order; what lies between, too, where not."""
    rows = data.draw(st.lists(st.integers(0, len(series) - 1), max_size=8)) if series else []
    offsets, *times = columns_of(series)
    found = native.ChunkTimes(offsets, *times).between(np.array(rows, np.int64), *interval)
    expected = [[int(offsets[row]) + i for i in chunks.between(series[row], *interval)] for row in rows]
    assert np.diff(found.offsets).tolist() == [len(each) for each in expected]
    assert found.chunks().tolist() == list(itertools.chain(*expected))
    assert found.in_order == all(chunks.is_in_order(series[row]) for row in rows)


def uvarint(value, width=1):
    groups = [value >> 7 * i & 0x7F for i in range(max(width, (value.bit_length() + 6) // 7))]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


@st.composite
def written_chunks(draw):
    """The bytes of a chunk, sound or not."""
    payload = draw(st.binary(min_size=0, max_size=12))
    body = bytes([draw(st.sampled_from([0, 1, 2, 4, 255]))]) + payload
    length = draw(st.just(len(payload)) | st.integers(0, 1 << 35))
    checksum = hashes.crc32c(body) ^ draw(st.sampled_from([0, 0, 0, 1 << 31, 1]))
    return uvarint(length, draw(st.integers(1, 6))) + body + checksum.to_bytes(4, "big")


@st.composite
def stores(draw):
    """Segments by number, and references to chunks, beside them, and to nowhere."""
    segments, references = {}, []
    for number in draw(st.sets(st.integers(-1, 3), max_size=3)):
        data = bytearray(draw(st.binary(max_size=8)))
        for chunk in draw(st.lists(written_chunks(), max_size=4)):
            references.append(number << 32 | len(data))
            data += chunk
        segments[number] = bytes(data[: len(data) - draw(st.integers(0, 6))])
    near = st.builds(lambda number, at: number << 32 | at, st.integers(-2, 4), st.integers(0, 60))
    references += draw(st.lists(near | st.integers(-(1 << 63), (1 << 63) - 1), max_size=6))
    return segments, draw(st.permutations(references))


def ranges(counts):
    """Ranges of so many chunks, one after another."""
    offsets = np.cumsum([0, *counts]).astype(np.int64)
    return native.ChunkRanges(offsets[:-1].copy(), offsets, in_order=True)


@some
@given(stores(), st.data())
def test_chunks_are_located_and_checked(store, data):
    """Each chunk has the state, place and encoding of its bytes; the second time, unread no more, the same."""
    segments, references = store
    n = len(references)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=4)))
    counts = np.diff([0, *cuts, n])
    times = native.ChunkTimes(np.array([0, n]), np.arange(n), np.arange(n) + 5)
    files = native.ChunkFiles(times, np.array(references, np.int64), segments)
    expected = [chunks.locate(segments, reference) for reference in references]
    kept = [i for i, (state, _) in enumerate(expected) if state == native.CHUNK_READABLE]
    numbers = sorted(segments)
    for _ in range(2):
        found = files.locate(ranges(counts))
        assert files.state.tolist() == [state for state, _ in expected]
        places = zip(found.start, found.length, found.encoding, strict=True)
        assert list(places) == [expected[i][1] for i in kept]
        assert found.segment.tolist() == [numbers.index(references[i] >> 32) for i in kept]
        assert found.min_time.tolist() == kept
        assert (found.max_time - found.min_time).tolist() == [5] * len(kept)
        assert found.offsets.tolist() == np.searchsorted(kept, np.cumsum([0, *counts])).tolist()
        assert found.n_empty == np.count_nonzero(np.diff(found.offsets) == 0)
        assert found.is_damaged == any(state >= native.CHUNK_MISSING for state, _ in expected)
    encodings = files.encodings(np.arange(n)).tolist()
    assert encodings == [0 if place is None else place[2] for _, place in expected]


@pytest.mark.parametrize("offsets", [[0, 3], [-1, 2], [2, 1], [0, 1 << 62]])
def test_offsets_outside_of_the_chunks(offsets):
    """Series that claim chunks which are not there are refused."""
    with pytest.raises(ValueError, match="outside"):
        native.ChunkTimes(np.array(offsets), np.zeros(2, np.int64), np.zeros(2, np.int64))


@pytest.mark.parametrize("row", [-1, 1, 1 << 62])
def test_rows_outside_of_the_series(row):
    """A row that is not there is refused."""
    times = native.ChunkTimes(np.array([0, 2]), np.arange(2), np.arange(2))
    with pytest.raises(ValueError, match="outside"):
        times.between(np.array([row]), 0, 9)


@pytest.mark.parametrize(
    ("first", "offsets"), [(-1, [0, 1]), (0, [0, 3]), (2, [0, 1]), (0, [2, 1]), (1 << 62, [0, 1]), (0, [-5, 1])]
)
def test_ranges_outside_of_the_chunks(first, offsets):
    """Ranges that leave the chunks are refused, whatever they say of their number."""
    times = native.ChunkTimes(np.array([0, 2]), np.arange(2), np.arange(2))
    files = native.ChunkFiles(times, np.array([8, 8]), {0: bytes(40)})
    with pytest.raises(ValueError, match=r"outside|measured"):
        files.locate(native.ChunkRanges(np.array([first]), np.array(offsets), in_order=True))
    with pytest.raises(ValueError, match="outside"):
        files.encodings(np.array([2]))
