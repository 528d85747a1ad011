"""XOR chunks with chosen windows: as short as can be, never longer than the plain ones, and the same samples."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import xor, xor_windows
from tests.properties.test_kernels_codecs import as_columns, as_lists, chunks

from obsflow import native
from obsflow.model.storage import ENCODING_XOR, ENCODING_XOR2, Runs

some = settings(max_examples=80, deadline=None)


def runs_of(pieces, encoding=ENCODING_XOR):
    """A table of chunks, each of a series of its own."""
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    n = len(pieces)
    return Runs(
        buffers=(b"".join(pieces),),
        offsets=np.arange(n + 1),
        buffer=np.zeros(n, np.int32),
        start=np.cumsum(lengths) - lengths,
        length=lengths,
        encoding=np.full(n, encoding, np.uint8),
        min_time=np.zeros(n, np.int64),
        max_time=np.zeros(n, np.int64),
    )


@st.composite
def narrow_chunks(draw, max_size=9):
    """Chunks whose changes have few leading and trailing zeros in common, so that windows are worth a choice."""
    size = draw(st.integers(1, max_size))
    change = st.builds(
        lambda word, shift: (word << shift) & ((1 << 64) - 1),
        st.integers(0, (1 << 12) - 1),
        st.integers(0, 60),
    )
    bits = [draw(st.integers(0, (1 << 64) - 1))]
    for _ in range(size - 1):
        bits.append(bits[-1] ^ draw(change))
    return [1_700_000_000_000 + 15_000 * i for i in range(size)], bits


@some
@given(st.one_of(narrow_chunks(), chunks(max_size=9)))
def test_no_choice_of_windows_is_shorter(chunk):
    """A chunk takes as many bits as the best of all ways to cut its changes into windows."""
    times, bits = chunk
    data, ends = native.xor_encode_shortest(*as_columns(*chunk), np.array([0, len(times)]))
    saved = xor_windows.reusing_bits(bits) - xor_windows.least_bits(bits)
    plain_bits = plain_length(times, bits)

    assert ends.tolist() == [0, len(data)]
    assert saved >= 0
    assert len(data) == -(-(plain_bits - saved) // 8)


def plain_length(times, bits):
    """Bits of the plain chunk, its header among them."""
    total, window = 16, None
    for i, time in enumerate(times):
        if i == 0:
            total += len(xor.uvarint((time << 1 ^ time >> 63) & xor.MASK)) + 64
            continue
        delta = time - times[i - 1] & xor.MASK
        before = times[i - 1] - times[i - 2] & xor.MASK if i > 1 else 0
        total += len(xor.uvarint(delta)) if i == 1 else len(xor.dod_field(xor.signed(delta - before & xor.MASK)))
        text, window = xor.value_field(bits[i] ^ bits[i - 1], window)
        total += len(text)
    return total


@some
@given(st.lists(st.one_of(narrow_chunks(80), chunks(max_size=80)), max_size=4))
def test_same_samples_in_fewer_bytes(given_chunks):
    """All chunks of one call decode to the bits that went in, and none is longer than the plain one."""
    times = [time for each, _ in given_chunks for time in each]
    bits = [word for _, each in given_chunks for word in each]
    offsets = np.cumsum([0, *(len(each) for each, _ in given_chunks)])
    data, ends = native.xor_encode_shortest(*as_columns(times, bits), offsets)

    for i, chunk in enumerate(given_chunks):
        piece = data[ends[i] : ends[i + 1]]
        assert as_lists(*native.xor_decode(piece)) == chunk
        assert xor.decode(piece) == (*chunk, True)
        assert len(piece) <= len(native.xor_encode(*as_columns(*chunk)))


@some
@given(st.lists(narrow_chunks(60), min_size=1, max_size=4), st.binary(max_size=3))
def test_chunks_are_shortened(given_chunks, tail):
    """A chunk is written again if that makes it shorter, with the same samples; bytes after it are dropped."""
    plain = [native.xor_encode(*as_columns(*chunk)) + tail for chunk in given_chunks]
    data, starts, lengths = native.xor_shorten(runs_of(plain))

    for i, chunk in enumerate(given_chunks):
        piece = bytes(data[starts[i] : starts[i] + lengths[i]])
        shortest, _ = native.xor_encode_shortest(*as_columns(*chunk), np.array([0, len(chunk[0])]))
        assert piece == (shortest if len(shortest) < len(plain[i]) else b"")


@some
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.sampled_from([ENCODING_XOR, ENCODING_XOR2, 2]))
def test_only_sound_xor_chunks_are_shortened(pieces, encoding):
    """Bytes that are no XOR chunk stay as they are; what is written again decodes to the same."""
    data, starts, lengths = native.xor_shorten(runs_of(pieces, encoding))

    assert encoding == ENCODING_XOR or not lengths.any()
    for i in np.flatnonzero(lengths):
        piece = bytes(data[starts[i] : starts[i] + lengths[i]])
        assert len(piece) < len(pieces[i])
        assert xor.decode(piece) == xor.decode(pieces[i])


def test_more_changes_than_are_looked_back_over():
    """A long chunk of one window, with a wide change now and then, is no longer than the plain one."""
    n = 5000
    values = np.cumsum(np.arange(n) % 7 + 1.0)
    values[::1500] = 0.1
    times = np.arange(n) * 1000
    data, _ = native.xor_encode_shortest(times, values, np.array([0, n]))

    assert len(data) < len(native.xor_encode(times, values))
    assert native.xor_decode(data)[1].tolist() == values.tolist()
