"""A block: some hours of all series, written once."""

from collections.abc import Mapping
from typing import Self

import numpy as np

from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import BlockFiles, Skipped
from obsflow.tsdb.index import Index, decode_index
from obsflow.tsdb.meta import BlockMeta, decode_meta
from obsflow.tsdb.runs import SourceRuns, find_deleted
from obsflow.tsdb.segments import ChunkSegments
from obsflow.tsdb.series import SeriesTable
from obsflow.tsdb.tombstones import Stones, decode_tombstones


class Block:
    """A block that is open for reading. Chunks are checked when they are first selected.

    `min_time` is when its first chunk starts, `max_time` when its last one ends (ms, closed).
    """

    __slots__ = ("_index", "_problems", "_segments", "_stones", "_times", "max_time", "meta", "min_time")

    def __init__(self, files: BlockFiles, meta: BlockMeta, index: Index, stones: Stones) -> None:
        self.meta = meta
        self._index = index
        self._times = index.chunks.times
        self.min_time = int(index.chunks.min_time.min(initial=np.iinfo(np.int64).max))
        self.max_time = int(index.chunks.max_time.max(initial=np.iinfo(np.int64).min))
        self._segments = ChunkSegments(files.name, files.segments, index.chunks.reference, self._times)
        self._problems: list[CorruptionError] = list(index.problems)
        rows = {reference: row for row, reference in enumerate(index.references.tolist())} if stones else {}
        self._stones = {rows[reference]: gone for reference, gone in stones.items() if reference in rows}
        index.series.prepare()

    @classmethod
    def open(cls, files: BlockFiles, symbols: Symbols) -> Self:
        """Read a block's meta, index and tombstones.

        Damage to single series or to the tombstones is told in `problems`; raises CorruptionError where no series can
        be named.
        """
        meta = decode_meta(files.meta)
        index = decode_index(files.index, symbols)
        problem: CorruptionError | None = None
        stones: Stones = {}
        if files.tombstones is not None:
            try:
                stones = decode_tombstones(files.tombstones)
            except CorruptionError as error:
                problem = error
        block = cls(files, meta, index, stones)
        if problem is not None:
            block._problems.append(problem)
        return block

    @property
    def series(self) -> SeriesTable:
        """The label sets, in the order of `Labels`."""
        return self._index.series

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """What was found damaged so far."""
        return (*self._problems, *self._segments.problems)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found so far and is not read."""
        return self._segments.skipped

    def runs(self, rows: IntArray, start: int, end: int) -> SourceRuns:
        """The float chunks of the series at `rows` that touch `[start, end]`."""
        ranges = self._times.between(rows, start, end)
        runs, n_empty = self._segments.runs(ranges)
        deleted: Mapping[int, IntArray] = {}
        if self._stones:
            owners = np.repeat(rows, np.diff(runs.offsets))
            deleted = find_deleted(owners, runs.min_time, runs.max_time, self._stones)
        return SourceRuns(self._segments.files, runs, n_empty, ranges.in_order, deleted)
