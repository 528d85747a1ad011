"""What the decoder of logged samples refuses; the records themselves are tested with the log."""

import numpy as np
import pytest
from tests.tsdb import writer

from obsflow import native

DATA = writer.samples_record([(1, 10, 1.0), (2, 10, 2.0)])


@pytest.mark.parametrize(
    ("start", "length"), [(-1, 5), (0, 0), (0, -1), (0, len(DATA) + 1), (len(DATA) + 1, 1), (1, 20)]
)
def test_ranges_that_are_no_record(start, length):
    """A range outside of the data, or one that begins with another type, is refused."""
    with pytest.raises(ValueError, match="outside"):
        native.decode_log_samples(DATA, np.array([start]), np.array([length]))


def test_offsets():
    """Each record owns its samples."""
    found = native.decode_log_samples(DATA + DATA, np.array([0, len(DATA)]), np.full(2, len(DATA)))
    references, times, values, starts, offsets, bad = (column.tolist() for column in found)
    assert (references, times, values, starts) == ([1, 2] * 2, [10] * 4, [1.0, 2.0] * 2, [0] * 4)
    assert (offsets, bad) == ([0, 2, 4], [0, 0])
