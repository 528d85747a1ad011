"""Compaction: which blocks are to become one, and that one.

Plans are those of Prometheus' levelled compactor. Chunks go over as they are, whatever their encoding; only where some
of a series overlap, or are deleted in part, are their samples encoded again.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from obsflow.errors import CompactionError
from obsflow.model.frames import LabelColumns
from obsflow.model.storage import ENCODING_RAW, ENCODING_RAW_STARTS, FLOAT_CHUNKS, Runs
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_writer import NewBlock, remove_block, write_block
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.meta import FROM_OUT_OF_ORDER, FROM_SELECTED_SERIES, FROM_STALE_SERIES, BlockMeta
from obsflow.tsdb.operations import Operation
from obsflow.tsdb.recoding import encode_raw
from obsflow.tsdb.runs import RunTable, assemble, join
from obsflow.tsdb.tombstones import merge_intervals

SMALLEST_RANGE = 2 * 3_600_000
LARGEST_RANGE = 31 * 86_400_000
_STEPS, _FACTOR = 10, 3
_MOST_TOMBSTONES = 0.05
_PARTIAL = (FROM_STALE_SERIES, FROM_SELECTED_SERIES)
"""Hints of blocks that hold some series only: they are never mixed with others."""


def block_ranges(smallest: int = SMALLEST_RANGE, retention: int = 0) -> tuple[int, ...]:
    """The widths of blocks, ms: each thrice the one before, up to 31 days or a tenth of what is kept (0: for ever)."""
    largest = max(smallest, min(LARGEST_RANGE, retention // 10 if retention else LARGEST_RANGE))
    ranges = (smallest * _FACTOR**i for i in range(_STEPS))
    return tuple(each for each in ranges if each <= largest)


# ---- plans -----------------------------------------------------------------------------------------------------------


def plan(metas: Sequence[BlockMeta], ranges: Sequence[int]) -> tuple[BlockMeta, ...]:
    """The blocks to compact into one now, in order of time; none if nothing is to be done.

    Blocks that overlap come first; then those that fill an aligned range of `ranges` (ms, ascending), or lie before a
    newer block; then a wide one of which much is deleted. The newest block of all is left alone. Blocks whose
    compaction failed are left out: of ranges, as Prometheus does it, and of overlaps, which it tries for ever.
    """
    classes = {
        FROM_STALE_SERIES: [meta for meta in metas if FROM_STALE_SERIES in meta.hints],
        FROM_SELECTED_SERIES: [meta for meta in metas if _class_of(meta) == FROM_SELECTED_SERIES],
        "": [meta for meta in metas if not _class_of(meta)],
    }
    for name in ("", FROM_STALE_SERIES, FROM_SELECTED_SERIES):
        found = _plan_class(sorted(classes[name], key=lambda meta: meta.min_time), ranges)
        if found:
            return tuple(found)
    return ()


def _class_of(meta: BlockMeta) -> str:
    return next((hint for hint in _PARTIAL if hint in meta.hints), "")


def _plan_class(metas: list[BlockMeta], ranges: Sequence[int]) -> list[BlockMeta]:
    if not metas:
        return []
    found = _overlapping(metas)
    if found:
        return found
    settled = metas[:-1]
    return _of_one_range(settled, ranges) or _with_many_tombstones(settled, ranges)


def _overlapping(metas: Sequence[BlockMeta]) -> list[BlockMeta]:
    """The first blocks that overlap, one with the next; sorted by where they begin."""
    group: list[BlockMeta] = []
    end = metas[0].max_time
    for before, meta in itertools.pairwise(metas):
        if meta.min_time < end:
            group = group or [before]
            group.append(meta)
        elif group and not any(each.is_failed for each in group):
            break
        else:
            group = []
        end = max(end, meta.max_time)
    return [] if any(each.is_failed for each in group) else group


def _of_one_range(metas: Sequence[BlockMeta], ranges: Sequence[int]) -> list[BlockMeta]:
    if not metas:
        return []
    newest = metas[-1].min_time
    for width in ranges[1:]:
        for part in split_by_range(metas, width):
            start, end = part[0].min_time, part[-1].max_time
            if len(part) > 1 and (end - start == width or end <= newest) and not any(each.is_failed for each in part):
                return part
    return []


def split_by_range(metas: Sequence[BlockMeta], width: int) -> list[list[BlockMeta]]:
    """Blocks, sorted by where they begin, by the aligned range of `width` ms that holds them; others are left out."""
    parts: list[list[BlockMeta]] = []
    i = 0
    while i < len(metas):
        end = metas[i].min_time // width * width + width
        part: list[BlockMeta] = []
        while i < len(metas) and metas[i].max_time <= end:
            part.append(metas[i])
            i += 1
        if part:
            parts.append(part)
        else:
            i += 1
    return parts


def _with_many_tombstones(metas: Sequence[BlockMeta], ranges: Sequence[int]) -> list[BlockMeta]:
    for meta in reversed(metas):
        stats = meta.stats
        if meta.max_time - meta.min_time < ranges[len(ranges) // 2]:
            # a small one is not worth it, unless there is nothing left of it
            return [meta] if stats.tombstones and stats.tombstones >= stats.series else []
        if stats.tombstones / (stats.series + 1) > _MOST_TOMBSTONES:
            return [meta]
    return []


# ---- merging ---------------------------------------------------------------------------------------------------------


def compact(blocks: Sequence[Block], ulid: str, *, compatible: bool = False) -> Iterator[Operation]:
    """What puts one block into the place of others; see `merge`."""
    new = merge(blocks, ulid, compatible=compatible)
    if new is not None:
        yield from write_block(new)
    for block in blocks:
        yield from remove_block(block.meta.ulid)


def merge(blocks: Sequence[Block], ulid: str, *, compatible: bool = False) -> NewBlock | None:
    """One block with all that the given ones hold and was not deleted; None where that is nothing.

    They share their symbols. Of samples at one time that of the block that begins first stays, as in queries. What is
    encoded again has at most 120 samples a chunk, with the windows that make it shortest, or is `compatible`. Raises
    CorruptionError where a block is damaged: what could still be read of it would be lost with it; and CompactionError
    where chunks overlap that cannot be written again.
    """
    blocks = sorted(blocks, key=lambda block: (block.meta.min_time, block.meta.ulid))
    labels, numbers = _unite([block.series.take(np.arange(len(block.series))) for block in blocks])
    tables = [block.chunks().table(number) for block, number in zip(blocks, numbers, strict=True)]
    table, stones = _apply_stones(join(tables))
    table = _without_copies(table)
    _check_overlaps(table, labels)
    runs, problems = assemble(table, len(labels)) if len(table) else (table.to_runs(np.zeros(len(labels) + 1, int)), [])
    if problems:
        raise problems[0]
    present = np.flatnonzero(np.diff(runs.offsets))
    if not len(present):
        return None
    rank = {number: i for i, number in enumerate(present.tolist())}
    runs = encode_raw(_without_starts(runs, labels), compatible=compatible)
    return NewBlock(
        ulid=ulid,
        min_time=min(block.meta.min_time for block in blocks),
        max_time=max(block.meta.max_time for block in blocks),
        labels=labels.subset(present),
        runs=runs.take(present),
        compaction=_provenance([block.meta for block in blocks]),
        stones={rank[number]: merge_intervals(gone) for number, gone in stones.items()},
    )


def _provenance(metas: Sequence[BlockMeta]) -> Mapping[str, Any]:
    hints = [hint for hint in _PARTIAL if any(hint in meta.hints for meta in metas)]
    if all(FROM_OUT_OF_ORDER in meta.hints for meta in metas):
        hints.append(FROM_OUT_OF_ORDER)
    parents = [{"ulid": meta.ulid, "minTime": meta.min_time, "maxTime": meta.max_time} for meta in metas]
    provenance: dict[str, Any] = {
        "level": max(meta.level for meta in metas) + 1,
        "sources": sorted({source for meta in metas for source in meta.sources}),
        "parents": parents,
    }
    return provenance | ({"hints": sorted(hints)} if hints else {})


def _unite(parts: Sequence[LabelColumns]) -> tuple[LabelColumns, list[IntArray]]:
    """The label sets of all blocks, each once and sorted; and which of them those of each block are."""
    labels = parts[0]
    for other in parts[1:]:
        labels = labels.concat(other)
    distinct, rank = labels.of_groups.sort()
    ends = np.cumsum([len(part) for part in parts])
    return distinct, np.split(rank[labels.group()[0]], ends[:-1])


def _apply_stones(table: RunTable) -> tuple[RunTable, dict[int, IntArray]]:
    """The chunks of which something is left; and by series what stays deleted, for it cannot be taken out of chunks."""
    kept = np.ones(len(table), np.bool_)
    deleted: dict[int, IntArray] = {}
    stones: dict[int, IntArray] = {}
    for run, intervals in table.deleted.items():
        gone = merge_intervals(intervals)
        first, last = int(table.min_time[run]), int(table.max_time[run])
        if ((gone[:, 0] <= first) & (gone[:, 1] >= last)).any():
            kept[run] = False
        elif table.encoding[run] in FLOAT_CHUNKS:
            deleted[run] = gone
        else:
            series = int(table.series[run])
            inside = np.clip(gone, first, last)[(gone[:, 0] <= last) & (gone[:, 1] >= first)]
            stones[series] = np.concatenate((stones.get(series, inside[:0]), inside))
    return attrs.evolve(table, deleted=deleted).take(np.flatnonzero(kept)), stones


def _neighbours(table: RunTable) -> tuple[IntArray, IntArray, IntArray]:
    """Runs in the order of series and time; and of which of these one begins before another of its series has ended."""
    order = np.lexsort((np.arange(len(table)), table.max_time, table.min_time, table.series))
    owner, first, last = table.series[order], table.min_time[order], table.max_time[order]
    closes = np.flatnonzero((owner[1:] == owner[:-1]) & (first[1:] <= last[:-1]))
    return order, np.unique(owner[closes]), owner


def _without_copies(table: RunTable) -> RunTable:
    """The runs without those that others are byte for byte: a block may hold what another one does."""
    order, crowded, owner = _neighbours(table)
    seen: dict[tuple[int, int, int, int, bytes], int] = {}
    kept = np.ones(len(table), np.bool_)
    for run in np.sort(order[np.isin(owner, crowded)]).tolist():
        if run in table.deleted:
            continue
        start = int(table.start[run])
        data = bytes(table.files[int(table.file[run])].data[start : start + int(table.length[run])])
        times = int(table.min_time[run]), int(table.max_time[run])
        key = (int(table.series[run]), *times, int(table.encoding[run]), data)
        kept[run] = seen.setdefault(key, run) == run
    return table if kept.all() else table.take(np.flatnonzero(kept))


def _check_overlaps(table: RunTable, labels: LabelColumns) -> None:
    """Raise CompactionError for chunks that overlap and cannot be decoded."""
    order, crowded, owner = _neighbours(table)
    if not len(crowded):
        return
    fixed = ~np.isin(table.encoding, FLOAT_CHUNKS)
    before, reach, is_fixed = -1, 0, False
    for run in order[np.isin(owner, crowded)].tolist():
        series, last = int(table.series[run]), int(table.max_time[run])
        if series != before or table.min_time[run] > reach:
            before, reach, is_fixed = series, last, bool(fixed[run])
            continue
        if is_fixed or fixed[run]:
            file = table.files[int(table.file[run])].name
            raise CompactionError(
                f"{labels.labels(series)}: chunks overlap at {table.min_time[run]} that are no float samples ({file})"
            )
        reach = max(reach, last)


def _without_starts(runs: Runs, labels: LabelColumns) -> Runs:
    """Raw runs without the start times that none of their samples has."""
    with_starts = np.flatnonzero(runs.encoding == ENCODING_RAW_STARTS)
    for run in with_starts.tolist():
        start, length = int(runs.start[run]), int(runs.length[run])
        data = runs.buffers[int(runs.buffer[run])][start + length // 3 * 2 : start + length]
        if np.frombuffer(data, np.int64).any():
            series = int(np.searchsorted(runs.offsets, run, "right")) - 1
            raise CompactionError(f"{labels.labels(series)}: chunks overlap whose samples have start times")
    if not len(with_starts):
        return runs
    encoding, length_of = runs.encoding.copy(), runs.length.copy()
    encoding[with_starts] = ENCODING_RAW
    length_of[with_starts] = length_of[with_starts] // 3 * 2
    return attrs.evolve(runs, encoding=encoding, length=length_of)
