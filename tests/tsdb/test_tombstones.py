import numpy as np
import pytest

from obsflow.errors import CorruptionError
from obsflow.tsdb.files import File
from obsflow.tsdb.tombstones import decode_tombstones, is_deleted
from tests.tsdb import writer


def test_no_tombstones():
    """The file that a server writes where nothing was deleted is empty but for its frame."""
    data = writer.tombstones([])
    assert data == bytes.fromhex("0130ba300100000000")
    assert decode_tombstones(File("tombstones", data)) == {}


def test_intervals_by_series():
    """All intervals of a series come under its reference, in the order in which they stand."""
    stones = decode_tombstones(File("tombstones", writer.tombstones([(3, -10, 20), (900, 1, 1), (3, 40, 50)])))
    assert {reference: gone.tolist() for reference, gone in stones.items()} == {3: [[-10, 20], [40, 50]], 900: [[1, 1]]}


def test_intervals_are_closed():
    """Both ends of an interval are deleted."""
    gone = is_deleted(np.array([9, 10, 15, 20, 21]), np.array([[10, 20]]))
    assert gone.tolist() == [False, True, True, True, False]


def test_intervals_may_overlap_in_any_order():
    """A time is deleted by whichever interval covers it, one that begins long before too."""
    intervals = [(50, 60), (0, 30), (5, 6), (5, 5), (58, 70), (90, 80)]
    times = list(range(-5, 100))
    expected = [any(first <= time <= last for first, last in intervals) for time in times]
    assert is_deleted(np.array(times), np.array(intervals)).tolist() == expected


def test_every_damage_is_an_error():
    """No truncation and no flipped bit goes unseen, as the checksum covers all but the frame."""
    data = writer.tombstones([(3, -10, 20), (900, 1, 1)])
    for size in range(len(data)):
        with pytest.raises(CorruptionError):
            decode_tombstones(File("tombstones", data[:size]))
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptionError):
            decode_tombstones(File("tombstones", bytes(damaged)))
