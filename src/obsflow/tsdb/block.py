"""A block: some hours of all series, written once; what is deleted from it lies beside it."""

from collections.abc import Iterator, Mapping
from typing import Self

import attrs
import numpy as np

from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.tsdb.encoding import IntArray, expand
from obsflow.tsdb.files import BlockFiles, Skipped
from obsflow.tsdb.index import Index, decode_index
from obsflow.tsdb.meta import BlockMeta, decode_meta, is_ulid
from obsflow.tsdb.runs import SourceRuns, find_deleted
from obsflow.tsdb.segments import ChunkSegments
from obsflow.tsdb.series import SeriesTable
from obsflow.tsdb.tombstones import Stones, decode_tombstones

_NEVER = (int(np.iinfo(np.int64).max), int(np.iinfo(np.int64).min))


class Block:
    """A block that is open for reading. Chunks are checked when they are first selected.

    `min_time` is when its first chunk starts, `max_time` when its last one ends (ms, closed).
    """

    __slots__ = (
        "_files",
        "_index",
        "_problems",
        "_segments",
        "_stones",
        "_stones_of_rows",
        "_times",
        "max_time",
        "meta",
        "min_time",
    )

    def __init__(self, files: BlockFiles, meta: BlockMeta, index: Index, stones: Stones) -> None:
        self.meta = meta
        self._files = files
        self._index = index
        self._times = index.chunks.times
        self.min_time = int(index.chunks.min_time.min(initial=_NEVER[0]))
        self.max_time = int(index.chunks.max_time.max(initial=_NEVER[1]))
        self._segments = ChunkSegments(files.name, files.segments, index.chunks.reference, self._times)
        self._problems: list[CorruptionError] = list(index.problems)
        self._stones = stones
        rows = {reference: row for row, reference in enumerate(index.references.tolist())} if stones else {}
        self._stones_of_rows = {rows[reference]: gone for reference, gone in stones.items() if reference in rows}
        index.series.prepare()

    @classmethod
    def open(cls, files: BlockFiles, symbols: Symbols) -> Self:
        """Read a block's meta, index and tombstones.

        Damage to single series or to the tombstones is told in `problems`, and so is a meta that contradicts the index;
        raises CorruptionError where no series can be named.
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
        block._problems += block._contradictions()
        return block

    def _contradictions(self) -> Iterator[CorruptionError]:
        """What the meta says and the directory or the index does not. Where the block lies counts as its name."""
        meta, name = self.meta, self._files.meta.name
        directory = self._files.name.replace("\\", "/").rstrip("/").rpartition("/")[2]
        if is_ulid(directory) and meta.ulid != directory:
            yield CorruptionError(f"the block is called {directory}, not {meta.ulid}", name)
            self.meta = attrs.evolve(self.meta, ulid=directory)
        if len(self._times.min_time) and not meta.min_time <= self.min_time <= self.max_time < meta.max_time:
            yield CorruptionError(
                f"chunks lie in [{self.min_time}, {self.max_time}], not in [{meta.min_time}, {meta.max_time})", name
            )
        told = (meta.stats.series, meta.stats.chunks)
        found = (len(self.series), len(self._times.min_time))
        if not self._index.problems and any(a and a != b for a, b in zip(told, found, strict=True)):
            yield CorruptionError(
                f"the index has {found[0]} series and {found[1]} chunks, not {told[0]} and {told[1]}", name
            )

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

    @property
    def size(self) -> int:
        """Bytes of its files."""
        files = self._files
        others = [files.meta, files.index, *([] if files.tombstones is None else [files.tombstones])]
        return sum(len(file.data) for file in (*others, *files.segments.values()))

    def runs(self, rows: IntArray, start: int, end: int) -> SourceRuns:
        """The float chunks of the series at `rows` that touch `[start, end]`."""
        ranges = self._times.between(rows, start, end)
        runs, n_empty = self._segments.runs(ranges)
        deleted: Mapping[int, IntArray] = {}
        if self._stones_of_rows:
            owners = np.repeat(rows, np.diff(runs.offsets))
            deleted = find_deleted(owners, runs.min_time, runs.max_time, self._stones_of_rows)
        return SourceRuns(self._segments.files, runs, n_empty, ranges.in_order, deleted)

    def chunks(self) -> SourceRuns:
        """All chunks of all series, of whatever encoding. Raises CorruptionError if anything of it is damaged."""
        if self._problems:
            raise self._problems[0]
        chunks = self._index.chunks
        runs = attrs.evolve(
            self._segments.all(), offsets=chunks.offsets, min_time=chunks.min_time, max_time=chunks.max_time
        )
        owners, _ = expand(np.diff(chunks.offsets))
        deleted = find_deleted(owners, runs.min_time, runs.max_time, self._stones_of_rows)
        return SourceRuns(self._segments.files, runs, 0, in_order=False, deleted=deleted)

    @property
    def stones(self) -> Stones:
        """What is deleted, by the number that the index gives a series. Raises CorruptionError if that is damaged."""
        if self._files.tombstones is not None and not self._stones:
            decode_tombstones(self._files.tombstones)
        return self._stones

    def touched(self, rows: IntArray, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Those of the series at `rows` with a chunk that touches `[start, end]` (ms): number, first and last time."""
        chunks = self._index.chunks
        counts = np.diff(self._times.between(rows, start, end).offsets)
        for row in rows[counts > 0].tolist():
            own = slice(int(chunks.offsets[row]), int(chunks.offsets[row + 1]))
            first, last = chunks.min_time[own], chunks.max_time[own]
            if ((first <= end) & (last >= start)).any():
                yield int(self._index.references[row]), int(first.min()), int(last.max())
