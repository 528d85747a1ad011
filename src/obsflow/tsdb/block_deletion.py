"""Deletion from a block: what is deleted stays in its chunks until it is compacted, and its tombstones say so."""

from collections.abc import Sequence

import numpy as np

from obsflow.model.matchers import Matcher
from obsflow.tsdb.block import Block
from obsflow.tsdb.files import File
from obsflow.tsdb.meta import with_tombstones
from obsflow.tsdb.operations import Operation, Remove, Rename, Sync, WriteFile
from obsflow.tsdb.tombstones import add_interval, encode_tombstones

_NEW = ".tmp"


def delete_from_block(
    block: Block, meta: File, matchers: Sequence[Matcher], start: int, end: int
) -> tuple[list[Operation], list[Operation]]:
    """What deletes `[start, end]` (ms, closed) of the series that pass all matchers: to prepare it, and to do it.

    Both are empty where that deletes nothing more. `meta` is the block's `meta.json`, of which all else stays. The
    block is opened again when it is done. Raises CorruptionError where its tombstones are damaged: this would hide it.
    """
    before = block.stones
    stones = dict(before)
    rows = block.series.match(matchers).rows if start <= end else np.zeros(0, np.int64)
    for series, first, last in block.touched(rows, start, end):
        add_interval(stones, series, max(start, first), min(end, last))
    if len(stones) == len(before) and all(np.array_equal(gone, before[series]) for series, gone in stones.items()):
        return [], []
    count = sum(len(intervals) for intervals in stones.values())
    new = {"tombstones": encode_tombstones(stones), "meta.json": with_tombstones(meta, count)}
    prepare: list[Operation] = []
    for name, data in new.items():
        path = f"{block.meta.ulid}/{name}{_NEW}"
        prepare += [Remove(path), WriteFile(path, data), Sync(path)]
    names = [f"{block.meta.ulid}/{name}" for name in new]
    return prepare, [*(Rename(name + _NEW, name) for name in names), Sync(block.meta.ulid)]
