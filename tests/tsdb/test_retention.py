"""Which blocks go."""

import pytest

from obsflow.tsdb.meta import BlockMeta
from obsflow.tsdb.retention import Retention, StoredBlock, expired, replaced


def stored(*blocks):
    """Blocks by their end and size, named A, B, ... in that order."""
    return [StoredBlock(BlockMeta(chr(65 + i), end - 10, end), size) for i, (end, size) in enumerate(blocks)]


FOUR = stored((10, 1), (20, 2), (40, 4), (30, 3))


@pytest.mark.parametrize(
    ("retention", "other_bytes", "now", "gone"),
    [
        (Retention(), 100, 1000, []),
        (Retention(duration=31), 0, 0, []),
        (Retention(duration=30), 0, 0, ["A"]),
        (Retention(duration=20), 0, 0, ["B", "A"]),
        (Retention(duration=1), 0, 0, ["D", "B", "A"]),
        # by the clock even the newest goes
        (Retention(duration=30, by_clock=True), 0, 50, ["B", "A"]),
        (Retention(duration=30, by_clock=True), 0, 70, ["C", "D", "B", "A"]),
        (Retention(duration=30, by_clock=True), 0, 20, []),
        # the newest are counted first, after what is no block
        (Retention(size=10), 0, 0, []),
        (Retention(size=9), 0, 0, ["A"]),
        (Retention(size=9), 2, 0, ["B", "A"]),
        (Retention(size=3), 0, 0, ["C", "D", "B", "A"]),
        (Retention(size=9, duration=20), 0, 0, ["B", "A"]),
    ],
)
def test_expired(retention, other_bytes, now, gone):
    """Old ones go, by the newest block's end or by the clock; then the oldest, until there is room."""
    assert expired(FOUR, retention, other_bytes=other_bytes, now=now) == gone


def test_what_says_that_it_can_go():
    """A block that calls itself deletable goes; without blocks nothing does."""
    blocks = [StoredBlock(BlockMeta("A", 0, 10, is_deletable=True), 1), StoredBlock(BlockMeta("B", 0, 20), 1)]
    assert expired(blocks, Retention()) == ["A"]
    assert expired([], Retention(duration=1, size=1)) == []


def test_what_was_replaced():
    """The parents of a block that is there go, whether or not all of them are still there."""
    metas = [BlockMeta("A", 0, 10), BlockMeta("B", 10, 20), BlockMeta("C", 0, 20, parents=("A", "X"))]
    assert replaced(metas) == ["A"]
