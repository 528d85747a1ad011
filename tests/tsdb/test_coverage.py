"""Which bytes of a file belong to something."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.errors import CorruptionError
from obsflow.tsdb.coverage import find_strays, lengths_at
from obsflow.tsdb.encoding import Cursor
from obsflow.tsdb.files import File


@given(st.binary(max_size=20))
def test_lengths_are_those_that_a_cursor_reads(data):
    """At every position and beyond; a varint of more than five bytes is no length."""
    at = np.arange(-2, len(data) + 3)
    values, widths = lengths_at(np.frombuffer(data, np.uint8), at)
    for position, value, width in zip(at.tolist(), values.tolist(), widths.tolist(), strict=True):
        cursor = Cursor(data, "", position, position + 5)
        try:
            expected = (cursor.uvarint(), cursor.position - position) if position >= 0 else (0, 0)
        except CorruptionError:
            expected = (0, 0)
        assert width == expected[1]
        assert value == expected[0] or not width


@pytest.mark.parametrize(
    ("ranges", "may_be_zero", "expected"),
    [
        ([(0, 10)], False, []),
        ([(5, 10), (0, 5)], False, []),
        ([(0, 4), (6, 10)], True, []),
        ([(0, 4), (6, 10)], False, [(4, "2 bytes belong to nothing")]),
        ([(0, 4), (7, 10)], True, [(6, "expected zeros as padding")]),
        ([(0, 8)], False, [(8, "2 bytes belong to nothing")]),
        ([], False, [(0, "10 bytes belong to nothing")]),
        ([(0, 6), (5, 10)], False, [(5, "bytes belong to two things at once")]),
        ([(0, 10), (2, 3)], False, [(2, "bytes belong to two things at once")]),
        ([(0, 5), (0, 5), (5, 10)], False, [(0, "bytes belong to two things at once")]),
    ],
)
def test_bytes_of_nothing_and_of_two_things(ranges, may_be_zero, expected):
    """Each gap and each overlap, with where it begins."""
    file = File("f", b"\1\1\1\1\0\0\1\1\1\1")
    starts, ends = np.array(ranges, np.int64).reshape(-1, 2).T
    found = find_strays(file, starts, ends, may_be_zero=may_be_zero)

    assert [(problem.offset, problem.message) for problem in found] == expected
