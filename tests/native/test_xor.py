"""XOR chunks by hand, and their limits."""

import numpy as np
import pytest
from tests.native.tables import bits
from tests.oracles import xor

from obsflow import native
from obsflow.errors import CorruptionError

STALE = np.array([0x7FF0000000000002], np.uint64).view(np.float64)[0]


def chunk_of(text):
    """A chunk from its bits, in groups, padded to bytes."""
    stream = text.replace(" ", "")
    stream += "0" * (-len(stream) % 8)
    return int(stream or "0", 2).to_bytes(len(stream) // 8, "big")


ONE = format(xor.bits_of(1.0), "064b")
START = format(2, "08b") + ONE  # time 1 ms, value 1


@pytest.mark.parametrize(
    ("text", "times", "values"),
    [
        ("0000000000000000", [], []),
        ("0000000000000001" + START, [1], [1.0]),
        ("0000000000000010" + START + "00001111 0", [1, 16], [1.0, 1.0]),
        ("0000000000000011" + START + "00001111 0 00", [1, 16, 31], [1.0, 1.0, 1.0]),
        ("0000000000000011" + START + "00001111 0 10 10000000000000 0", [1, 16, 31 + 8192], [1.0] * 3),
        ("0000000000000011" + START + "00001111 0 10 11111111111111 0", [1, 16, 30], [1.0] * 3),
        ("0000000000000011" + START + "00001111 0 110 10000000000000000 0", [1, 16, 31 + 65536], [1.0] * 3),
        ("0000000000000011" + START + "00001111 0 1110 1" + "0" * 19 + "0", [1, 16, 31 + 524288], [1.0] * 3),
        ("0000000000000011" + START + "00001111 0 1111" + "1" * 64 + "0", [1, 16, 30], [1.0] * 3),
        # 1.0 ^ 2.0 has its 10 highest bits but one set
        ("0000000000000010" + START + "00001111 11 00001 001011 11111111111", [1, 16], [1.0, 2.0]),
        # a window that is reused before any was opened: all 64 bits
        ("0000000000000010" + START + "00001111 10" + ONE, [1, 16], [1.0, 0.0]),
        ("0000000000000010" + START + "00001111 11 00000 000000" + ONE, [1, 16], [1.0, 0.0]),
    ],
)
def test_decodes(text, times, values):
    """Every field of the format is read as the format says."""
    decoded = native.xor_decode(chunk_of(text))

    assert decoded[0].tolist() == times
    assert decoded[1].tolist() == values


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00000000",
        "0000000000000001",
        "0000000000000001" + "1" * 80,
        "0000000000000001" + START[:-8],
        "0000000000000010" + START,
        "1111111111111111" + START + "00001111 0",
        # a window of 31 zeros and 63 bits
        "0000000000000010" + START + "00001111 11 11111 111111" + ONE,
    ],
)
def test_refuses(text):
    """A chunk that ends inside a sample, or has a window wider than a value, is corrupt."""
    with pytest.raises(CorruptionError):
        native.xor_decode(chunk_of(text))


@pytest.mark.parametrize("tail", [1, 2, 3, 40])
def test_bytes_after_the_last_sample(tail):
    """Bytes after the last sample do not matter, and an appender does not keep them."""
    times, values = np.arange(10) * 15_000, np.arange(10) / 10
    data = native.xor_encode(times, values)

    assert native.xor_decode(data + b"\xff" * tail)[0].tolist() == times.tolist()
    assert native.XorAppender.from_chunk(data + b"\xff" * tail).to_bytes() == data


def test_bits_of_nans_survive():
    """A stale marker, an ordinary NaN and any payload come back with their bits."""
    values = np.array([1, STALE, np.nan, STALE, -0.0, 0.0, np.inf, 2], np.float64)
    values.view(np.uint64)[2] = 0xFFF8DEADBEEF0001

    assert bits(native.xor_decode(native.xor_encode(np.arange(8), values))[1]) == bits(values)


def test_a_chunk_has_at_most_65535_samples():
    """One sample more is refused, and changes nothing."""
    times, values = np.arange(65_535), np.zeros(65_535)
    appender = native.XorAppender()
    appender.append(times, values)
    before = appender.to_bytes()
    with pytest.raises(ValueError, match="65535"):
        appender.append(times[:1], values[:1])

    assert appender.to_bytes() == before
    assert len(appender) == len(native.xor_decode(before)[0]) == 65_535


def test_an_empty_appender():
    """A chunk without samples is its count."""
    assert native.XorAppender().to_bytes() == b"\0\0" == native.xor_encode(np.zeros(0, np.int64), np.zeros(0))


@pytest.mark.parametrize("offsets", [[0, 3], [1, 0], [-1, 2], [0, 2, 1], [0, 70_000]])
def test_encoding_many_checks_its_offsets(offsets):
    """Offsets that leave the samples, fall, or ask for too large a chunk are refused."""
    n = 70_000 if offsets[-1] == 70_000 else 2
    with pytest.raises(ValueError, match="offsets"):
        native.xor_encode_many(np.arange(n), np.zeros(n), np.array(offsets))


@pytest.mark.parametrize(
    ("times", "values", "error"),
    [
        (np.arange(2, dtype=np.int32), np.zeros(2), TypeError),
        (np.arange(2), np.zeros(2, np.float32), TypeError),
        (np.arange(2), np.zeros(3), ValueError),
        (np.zeros((2, 1), np.int64), np.zeros(2), ValueError),
    ],
)
def test_columns_are_checked(times, values, error):
    """Arrays of another dtype or length are refused before C sees them."""
    with pytest.raises(error):
        native.xor_encode(times, values)


def test_strided_columns():
    """A column need not be contiguous."""
    times, values = np.arange(20)[::2], np.arange(20.0)[::2]

    assert native.xor_encode(times, values) == native.xor_encode(times.copy(), values.copy())
