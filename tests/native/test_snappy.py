"""Snappy blocks by hand."""

import pytest

from obsflow import native
from obsflow.errors import CorruptionError

WORKS = {
    "nothing": ("00", b""),
    "a literal": ("0308 6f6273", b"obs"),
    "a literal of 61 bytes": ("3d f03c" + "61" * 61, b"a" * 61),
    "a literal with a length of two bytes": ("ac02 f42b01" + "62" * 300, b"b" * 300),
    "a copy with a short offset": ("07 08616263 0103", b"abcabca"),
    "a copy that overlaps itself": ("0b 0061 2601 00", b"a" * 11),
    "a copy of two bytes that overlaps": ("08 046162 1602 00", b"abababab"),
    "a copy with a long offset": ("06 08616263 0b03000000", b"abcabc"),
}
FAILS = {
    "no bytes": "",
    "a length that never ends": "ff" * 11,
    "a length beyond 32 bits": "ffffffffff01 00",
    "a length that the data cannot reach": "ff7f 0061",
    "a literal that is cut off": "0308 6f62",
    "a literal whose length is cut off": "3d f0",
    "a literal of 4 GiB": "0a fcffffffff 61",
    "a literal longer than the whole": "0208 6f6273",
    "less than it says": "04 08 6f6273",
    "more than it says": "04 08616263 0103",
    "a copy before the start": "07 08616263 0104",
    "a copy from nowhere": "07 08616263 0100",
    "a copy whose offset is cut off": "07 08616263 0e03",
}


@pytest.mark.parametrize(("text", "expected"), WORKS.values(), ids=WORKS.keys())
def test_decodes(text, expected):
    """Every kind of element decodes."""
    data = bytes.fromhex(text)

    assert native.snappy_decode(data) == native.snappy_decode(memoryview(data)) == expected


@pytest.mark.parametrize("text", FAILS.values(), ids=FAILS.keys())
def test_refuses(text):
    """A block that is not whole and consistent is corrupt."""
    with pytest.raises(CorruptionError):
        native.snappy_decode(bytes.fromhex(text))
