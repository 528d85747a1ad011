"""A block: some hours of all series, written once."""

from typing import Self

import numpy as np

from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import BlockFiles, Skipped
from obsflow.tsdb.index import Index, decode_index
from obsflow.tsdb.meta import BlockMeta, decode_meta
from obsflow.tsdb.runs import RunTable
from obsflow.tsdb.segments import ChunkSegments
from obsflow.tsdb.series import SeriesTable
from obsflow.tsdb.tombstones import Stones, decode_tombstones


class Block:
    """A block that is open for reading. Chunks are checked when they are first selected.

    `min_time` is when its first chunk starts, `max_time` when its last one ends (ms, closed).
    """

    __slots__ = ("_chunks", "_files", "_index", "_problems", "_segments", "_stones", "max_time", "meta", "min_time")

    def __init__(self, meta: BlockMeta, index: Index, segments: ChunkSegments, stones: Stones) -> None:
        self.meta = meta
        self._index = index
        self._chunks = index.chunks
        self.min_time = int(index.chunks.min_time.min(initial=np.iinfo(np.int64).max))
        self.max_time = int(index.chunks.max_time.max(initial=np.iinfo(np.int64).min))
        self._segments = segments
        self._files = segments.files
        self._problems: list[CorruptionError] = list(index.problems)
        rows = {reference: row for row, reference in enumerate(index.references.tolist())} if stones else {}
        self._stones = {rows[reference]: gone for reference, gone in stones.items() if reference in rows}

    @classmethod
    def open(cls, files: BlockFiles, symbols: Symbols) -> Self:
        """Read a block's meta, index and tombstones.

        Damage to single series or to the tombstones is told in `problems`; raises CorruptionError where no series can
        be named.
        """
        meta = decode_meta(files.meta)
        index = decode_index(files.index, symbols)
        segments = ChunkSegments(files.name, files.segments, index.chunks.reference)
        problem: CorruptionError | None = None
        stones: Stones = {}
        if files.tombstones is not None:
            try:
                stones = decode_tombstones(files.tombstones)
            except CorruptionError as error:
                problem = error
        block = cls(meta, index, segments, stones)
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

    def runs(self, rows: IntArray, start: int, end: int) -> RunTable:
        """The float chunks of the series at `rows` that touch `[start, end]`; `series` counts within `rows`."""
        owner, chunks = self._chunks.between(rows, start, end)
        readable = self._segments.readable(chunks)
        owner, chunks = owner[readable], chunks[readable]
        table = RunTable(
            files=self._files,
            series=owner,
            file=self._segments.file_of(chunks),
            start=self._segments.start[chunks],
            length=self._segments.length[chunks],
            encoding=self._segments.encoding[chunks],
            min_time=self._chunks.min_time[chunks],
            max_time=self._chunks.max_time[chunks],
        )
        return table.delete(rows, self._stones)
