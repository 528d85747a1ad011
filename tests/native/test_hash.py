"""Checksums and hashes: published vectors."""

import numpy as np
import pytest
from obsflow._kernels import lib
from tests.oracles import hashes

from obsflow import native


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)],
)
def test_crc32c(data, expected):
    """CRC-32C has the values of RFC 3720, with and without the processor's instruction."""
    assert native.crc32c(data) == native.crc32c(bytearray(data)) == native.crc32c(memoryview(data)) == expected
    assert lib.obs_hash_crc32c_portable(data, len(data)) == expected


@pytest.mark.parametrize("length", [*range(70), 1000])
def test_crc32c_lengths(length):
    """Every tail of the word-wise loop is right."""
    data = bytes(i * 7 % 251 for i in range(length))

    assert native.crc32c(data) == lib.obs_hash_crc32c_portable(data, length) == hashes.crc32c(data)


@pytest.mark.parametrize(("start", "length"), [(0, 6), (6, 0), (3, 3), (5, 1)])
def test_crc32c_of_ranges(start, length):
    """A range may touch the end of its buffer."""
    sums = native.crc32c_many(b"abcdef", np.array([start]), np.array([length]))

    assert sums.tolist() == [native.crc32c(b"abcdef"[start : start + length])]


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, -1), (0, 7), (7, 0), (1, 2**63 - 1), (2**63 - 1, 1)])
def test_crc32c_outside_the_buffer(start, length):
    """A range that leaves its buffer is an error."""
    with pytest.raises(ValueError, match="outside"):
        native.crc32c_many(b"abcdef", np.array([start]), np.array([length]))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_xxhash64(data, expected):
    """XXH64 has the values that its authors publish."""
    assert native.xxhash64(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", 0xCBF29CE484222325), (b"a", 0xAF63DC4C8601EC8C), (b"foobar", 0x85944171F73967E8)]
)
def test_fnv1a64(data, expected):
    """FNV-1a has the values that its authors publish."""
    assert native.fnv1a64(data) == expected
