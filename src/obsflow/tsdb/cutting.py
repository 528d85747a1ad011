"""Blocks cut from the head."""

import attrs
import numpy as np

from obsflow.model.storage import Runs
from obsflow.tsdb.block_writer import CREATING, NewBlock, remove_block
from obsflow.tsdb.live_head import LiveHead
from obsflow.tsdb.operations import Operation, Remove
from obsflow.tsdb.recoding import as_chunks
from obsflow.tsdb.runs import SourceRuns, assemble

_EVER = np.iinfo(np.int64)


def due_range(head: LiveHead) -> tuple[int, int] | None:
    """The half-open interval (ms) to cut from the head next; None while it holds less than 1.5 chunk ranges.

    No sample that comes in order is taken for that interval any more.
    """
    width = head.chunk_range
    if head.max_time <= head.in_order_from or head.max_time - head.in_order_from <= width * 3 // 2:
        return None
    return head.min_time, (head.min_time // width + 1) * width


def cut_block(head: LiveHead, ulid: str, start: int, end: int) -> NewBlock | None:
    """The head's samples in the half-open `[start, end)` (ms) as a block; None where there are none."""
    table = head.series
    found = _within(head.runs(np.arange(len(table)), start, end - 1), start, end)
    present = np.flatnonzero(np.diff(found.runs.offsets))
    if not len(present):
        return None
    found = found.only(present)
    labels, rank = table.take(present).sort()
    order = np.empty(len(rank), np.int64)
    order[rank] = np.arange(len(rank))
    runs = _without_overlaps(found).take(order)
    if not (left := np.diff(runs.offsets) > 0).all():  # deletions may leave nothing of a series
        labels, runs = labels.subset(np.flatnonzero(left)), runs.take(np.flatnonzero(left))
        if not len(runs):
            return None
    compaction = {"level": 1, "sources": [ulid]}
    return NewBlock(ulid, start, end, labels, as_chunks(runs), compaction)


def abandon_block(ulid: str) -> tuple[Operation, ...]:
    """What removes as much of a new block as is there: each of these is to be tried."""
    return (Remove(ulid + CREATING), *remove_block(ulid))


def _within(found: SourceRuns, start: int, end: int) -> SourceRuns:
    """Without the samples that runs of late ones have before `start` or from `end` on."""
    runs = found.runs
    reaching = np.flatnonzero((runs.min_time < start) | (runs.max_time >= end)).tolist()
    if not reaching:
        return found
    outside = np.array([(_EVER.min, start - 1), (end, _EVER.max)], np.int64)
    deleted = dict(found.deleted)
    for run in reaching:
        deleted[run] = np.concatenate((deleted[run], outside)) if run in deleted else outside
    return attrs.evolve(found, deleted=deleted)


def _without_overlaps(found: SourceRuns) -> Runs:
    if found.is_selection:
        return found.runs
    runs, _ = assemble(found.table(), len(found.runs))
    return runs
