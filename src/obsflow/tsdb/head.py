"""The head as a server would find it again: closed chunks from their files, the rest from the write-ahead log."""

from collections import Counter
from typing import Self

import attrs
import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.storage import FLOAT_CHUNKS
from obsflow.tsdb.encoding import IntArray, MaskArray, offsets_of
from obsflow.tsdb.files import Decompress, File, HeadFiles, Skipped
from obsflow.tsdb.head_chunks import HeadChunk, decode_head_chunks
from obsflow.tsdb.replay import Deletion, LoggedSamples, Replay
from obsflow.tsdb.restoring import kept_samples
from obsflow.tsdb.runs import RunTable, SourceRuns, find_deleted, join, raw_runs
from obsflow.tsdb.segments import chunk_kind
from obsflow.tsdb.series import SeriesTable
from obsflow.tsdb.tombstones import Stones

_EVER = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
"""The interval with which the log says that a series was removed."""


class Head:
    """What a head held when its files were read.

    `min_time` is the time of its first sample, `max_time` of its last (ms, closed).
    """

    __slots__ = ("_table", "_times", "max_time", "min_time", "problems", "series", "skipped")

    def __init__(
        self,
        series: SeriesTable,
        table: RunTable,
        problems: tuple[CorruptionError, ...] = (),
        skipped: tuple[Skipped, ...] = (),
    ) -> None:
        order = np.lexsort((table.min_time, table.series))
        self._table = table.take(order)
        offsets = offsets_of(np.bincount(self._table.series, minlength=len(series)))
        self._times = native.ChunkTimes(offsets, self._table.min_time, self._table.max_time)
        self.min_time = int(table.min_time.min(initial=_EVER[1]))
        self.max_time = int(table.max_time.max(initial=_EVER[0]))
        self.series = series
        self.problems = problems
        self.skipped = skipped

    @classmethod
    def replay(
        cls, files: HeadFiles, symbols: Symbols, decompress_zstd: Decompress, *, min_valid_time: int | None = None
    ) -> Self:
        """Replay the files of a head. What came in order before `min_valid_time` (ms) is in blocks, and left out.

        So is what came before the time that the checkpoint names, which a server had dropped from its head.
        """
        replay = Replay(symbols, decompress_zstd)
        replay.read(files)
        cuts = [time for time in (min_valid_time, replay.min_valid_time) if time is not None]
        min_valid_time = max(cuts, default=None)
        samples = replay.samples()
        # A server orders the series of its head by reference.
        order = np.argsort(replay.first_references, kind="stable")
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        chunks = _Chunks(replay, rank, min_valid_time)
        for _, file in sorted(files.chunks.items()):
            chunks.add(file)
        samples = attrs.evolve(samples, rows=rank[samples.rows])
        deletions = [attrs.evolve(deletion, row=int(rank[deletion.row])) for deletion in replay.deletions]
        table = chunks.table()
        deleted = find_deleted(table.series, table.min_time, table.max_time, _stones(deletions))
        raw = _newer_than_chunks(samples, deletions, chunks, min_valid_time)
        counts = replay.unread + chunks.skipped
        return cls(
            SeriesTable(symbols, *replay.label_pairs(order)),
            join((attrs.evolve(table, deleted=deleted), raw)),
            (*replay.problems, *chunks.problems),
            tuple(Skipped("head", kind, count) for kind, count in sorted(counts.items())),
        )

    def runs(self, rows: IntArray, start: int, end: int) -> SourceRuns:
        """The runs of the series at `rows` that touch `[start, end]`."""
        ranges = self._times.between(rows, start, end)
        found = self._table.take(ranges.chunks())
        n_empty = int(np.count_nonzero(ranges.offsets[1:] == ranges.offsets[:-1]))
        return SourceRuns(found.files, found.to_runs(ranges.offsets), n_empty, ranges.in_order, found.deleted)


class _Chunks:
    """The head's chunks that are of use, as they come from their files."""

    def __init__(self, replay: Replay, rank: IntArray, min_valid_time: int | None) -> None:
        self._references = replay.references
        self._rank = rank
        self._min_valid_time = _EVER[0] if min_valid_time is None else min_valid_time
        self._removed = {each.reference for each in replay.deletions if (each.min_time, each.max_time) == _EVER}
        self._files: list[File] = []
        self._rows: list[tuple[int, int, HeadChunk]] = []
        self.problems: list[CorruptionError] = []
        self.skipped: Counter[str] = Counter()

    def add(self, file: File) -> None:
        """The chunks of one more file."""
        number = len(self._files)
        self._files.append(file)
        chunks = decode_head_chunks(file, self.problems)
        rows = self._references.find(np.array([chunk.reference for chunk in chunks], np.uint64))
        for chunk, row in zip(chunks, rows.tolist(), strict=True):
            in_block = chunk.max_time < self._min_valid_time and not chunk.is_out_of_order
            if in_block or chunk.reference in self._removed:
                continue
            if row < 0:
                self.skipped["head chunks of series that the log does not name"] += 1
            elif chunk.encoding not in FLOAT_CHUNKS:
                self.skipped[chunk_kind(chunk.encoding)] += 1
            else:
                self._rows.append((int(self._rank[row]), number, chunk))

    def table(self) -> RunTable:
        """All of them as runs."""
        columns = np.array(
            [(row, n, c.start, c.length, c.encoding, c.min_time, c.max_time) for row, n, c in self._rows], np.int64
        ).reshape(-1, 7)
        rows, numbers, start, length, encoding, first, last = columns.T
        return RunTable(tuple(self._files), rows, numbers, start, length, encoding.astype(np.uint8), first, last)

    def covers(self, samples: LoggedSamples) -> MaskArray:
        """Which of the samples lie within an in-order chunk of their series, and so are in it already."""
        if not self._rows:
            return np.zeros(len(samples.rows), np.bool_)
        intervals = np.array(
            [(row, chunk.min_time, chunk.max_time) for row, _, chunk in self._rows if not chunk.is_out_of_order],
            np.int64,
        ).reshape(-1, 3)
        count = len(intervals)
        rows = np.concatenate((intervals[:, 0], samples.rows))
        times = np.concatenate((intervals[:, 1], samples.times))
        order = np.lexsort((np.arange(len(rows)) >= count, times, rows))
        # In this order the chunk that a sample may lie in is the last chunk before it.
        places = np.maximum.accumulate(np.where(order < count, np.arange(len(order)), -1))
        covered = np.zeros(len(rows), np.bool_)
        after = places >= 0
        chunk, item = order[places[after]], order[after]
        covered[item] = (intervals[chunk, 0] == rows[item]) & (times[item] <= intervals[chunk, 2])
        return covered[count:]


def _newer_than_chunks(
    samples: LoggedSamples, deletions: list[Deletion], chunks: _Chunks, min_valid_time: int | None
) -> RunTable:
    """The logged samples that are in no chunk, a raw run for each series; of equal times the first logged stays."""
    kept = ~chunks.covers(samples)
    if min_valid_time is not None:
        kept &= samples.times >= min_valid_time
    kept |= samples.out_of_order  # these may be in no block yet, however old they are
    kept &= kept_samples(samples, deletions)
    order = np.lexsort((samples.times, samples.rows))
    order = order[kept[order]]
    rows, times = samples.rows[order], samples.times[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (rows[1:] != rows[:-1]) | (times[1:] != times[:-1])
    series, counts = np.unique(rows[new], return_counts=True)
    starts = None if samples.starts is None else samples.starts[order][new]
    return raw_runs(times[new], samples.values[order][new], counts, series, starts)


def _stones(deletions: list[Deletion]) -> Stones:
    """What is deleted from the series' chunks, by row."""
    stones: dict[int, list[tuple[int, int]]] = {}
    for deletion in deletions:
        interval = (deletion.min_time, deletion.max_time)
        if interval != _EVER:
            stones.setdefault(deletion.row, []).append(interval)
    return {row: np.array(intervals, np.int64) for row, intervals in stones.items()}
