"""Chunks that Prometheus wrote: their checksums, and the same bytes back."""

import numpy as np
from tests.external import shared
from tests.oracles import xor

from obsflow import native

HEADER = bytes.fromhex("85bd40dd01000000")


def records(data):
    """(encoding, chunk, the checksummed range, the checksum) of every chunk of a segment."""
    at = len(HEADER)
    while at < len(data):
        length, shift = 0, 0
        while True:
            byte = data[at]
            at, length, shift = at + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        end = at + 1 + length
        yield data[at], data[at + 1 : end], (at, end - at), int.from_bytes(data[end : end + 4], "big")
        at = end + 4


def segments():
    root = shared("captures", "payment-incidents", "data")
    return [path.read_bytes() for path in sorted(root.glob("*/chunks/0*"))]


def test_checksums():
    """Every checksum of every segment is ours."""
    for data in segments():
        assert data[: len(HEADER)] == HEADER
        rows = [(*where, expected) for _, _, where, expected in records(data)]
        starts, lengths, expected = np.array(rows, np.int64).T.copy()

        assert native.crc32c_many(data, starts, lengths).tolist() == expected.tolist()


def test_chunks_re_encode_to_their_own_bytes():
    """Decoding a chunk of Prometheus and encoding it again gives its bytes, but for one left at the end."""
    seen = 0
    for data in segments():
        for encoding, chunk, _, _ in records(data):
            assert encoding == 1
            times, values = native.xor_decode(chunk)
            again = native.xor_encode(times, values)
            assert again == chunk[: len(again)]
            assert chunk[len(again) :] in {b"", b"\0"}
            assert native.XorAppender.from_chunk(chunk).to_bytes() == again
            seen += 1

    assert seen > 100


def test_chunks_decode_as_the_format_says():
    """Chunks of Prometheus decode to the same samples bit by bit."""
    for data in segments()[:2]:
        for _, chunk, _, _ in list(records(data))[::40]:
            times, values = native.xor_decode(chunk)

            assert (times.tolist(), values.view(np.uint64).tolist(), True) == xor.decode(chunk)
