"""Entries of an index against their plain twins, and against bytes that nobody wrote."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tsdb import writer

from obsflow import native

some = settings(max_examples=100, deadline=None)
GREATEST = (1 << 64) - 1


def varints(body):
    """The values of a body, one byte after another; the greatest for what is none."""
    out, at = [], 0
    while at < len(body):
        end = at
        while end < len(body) and body[end] >= 0x80:
            end += 1
        part = body[at : end + 1]
        value = sum((byte & 0x7F) << 7 * i for i, byte in enumerate(part))
        is_whole = end < len(body) and len(part) <= 10 and value <= GREATEST
        out.append(value if is_whole else GREATEST)
        at = end + 1
    return out


bodies = st.one_of(
    st.lists(st.integers(0, GREATEST), max_size=12).map(lambda values: b"".join(map(writer.uvarint, values))),
    st.binary(max_size=30),
)


@some
@given(st.lists(bodies, max_size=6), st.binary(max_size=3))
def test_bodies(given_bodies, gap):
    """Each body has the values of its own bytes, whatever follows it."""
    data = gap.join(given_bodies)
    lengths = np.array([len(each) for each in given_bodies], np.int64)
    starts = np.cumsum(lengths + len(gap)) - lengths - len(gap)
    values, offsets = native.decode_index_entries(data, starts, lengths)

    found = [values[a:b].tolist() for a, b in zip(offsets.tolist(), offsets.tolist()[1:], strict=False)]
    assert found == [varints(each) for each in given_bodies]


@some
@given(
    st.lists(st.binary(min_size=1, max_size=200), max_size=6), st.integers(0, 40), st.sampled_from([1, 16]), st.data()
)
def test_entries(given_bodies, position, alignment, data):
    """All entries are found where they are aligned; none are, if a bit of one is another."""
    section, expected = b"", []
    for body in given_bodies:
        section += bytes(-(position + len(section)) % alignment) + writer.uvarint(len(body))
        expected.append((len(section), len(body)))
        section += body + writer.crc32c(body)
    section += bytes(data.draw(st.integers(0, 20)))
    found = native.find_index_entries(section, position, alignment)
    assert found is not None
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected
    if expected:
        start, length = data.draw(st.sampled_from(expected))
        damaged = bytearray(section)
        damaged[data.draw(st.integers(start, start + length + 3))] ^= 1 << data.draw(st.integers(0, 7))
        assert native.find_index_entries(bytes(damaged), position, alignment) is None


@some
@given(st.binary(max_size=100), st.integers(0, 20), st.sampled_from([1, 4, 16]))
def test_any_bytes(section, position, alignment):
    """Bytes of nobody give entries that lie in them, or none."""
    columns = native.find_index_entries(section, position, alignment) or (np.zeros(0, np.int64),) * 2
    for start, length in zip(*(column.tolist() for column in columns), strict=True):
        assert section[start + length : start + length + 4] == writer.crc32c(section[start : start + length])


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, 4), (3, 1), (4, 0), (0, -1)])
def test_a_body_outside_of_the_data(start, length):
    """Such a range is refused."""
    with pytest.raises(ValueError, match=r"outside|more"):
        native.decode_index_entries(b"abc", np.array([start]), np.array([length]))
