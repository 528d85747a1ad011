"""Where a record begins that a writer has not finished."""

import numpy as np
import pytest

from obsflow import native
from obsflow.tsdb.log_end import PAGE_BYTES, torn_from

RECORDS = [bytes([i]) * length for i, length in enumerate((10, 300, 40_000, 7, 32_761, 70_000, 1, 5_000))]


def framed(records: list[bytes], position: int = 0) -> tuple[bytes, list[int]]:
    """The records as a segment, and where each ends in it."""
    out, ends = b"", []
    for record in records:
        found = native.frame_log(
            record, np.array([len(record)]), position=position + len(out), limit=1 << 30, compress=False
        )
        out += found.data
        ends.append(len(out))
    return out, ends


def test_every_cut_is_found() -> None:
    """However a segment is cut off, what is left of the record that was cut begins where the one before it ended."""
    data, ends = framed(RECORDS)
    starts = [0, *ends]
    cuts = {*range(400), *(at + by for at in ends for by in (-9, -8, -7, -1, 1, 2, 6, 7, 8, 9))}
    cuts |= set(range(0, len(data), 977))
    for cut in sorted(each for each in cuts if 0 <= each <= len(data)):
        found = torn_from(data[:cut])
        whole = max(start for start in starts if start <= cut)
        rest = data[whole:cut]
        if rest.strip(b"\0"):
            assert found is not None, cut
            assert data[whole:found].strip(b"\0") == b"", cut
            assert whole <= found < cut
        else:
            assert found is None, cut


@pytest.mark.parametrize("padding", [0, 5, 1000])
def test_a_whole_segment_has_no_torn_end(padding: int) -> None:
    """With zeros behind it or without."""
    data, _ = framed(RECORDS)
    assert torn_from(data + bytes(min(padding, -len(data) % PAGE_BYTES))) is None
    assert torn_from(b"") is None


def test_damage_is_left_alone() -> None:
    """A length that points beyond the end, with sound records after it, is no cut; nor is a type that is none."""
    data, ends = framed([b"a" * 100, b"b" * 100, b"c" * 100])
    longer = bytearray(data)
    longer[ends[0] + 1] = 0x40
    assert torn_from(bytes(longer)) is None
    unknown = bytearray(data)
    unknown[ends[1]] = 0x47
    assert torn_from(bytes(unknown)) is None
