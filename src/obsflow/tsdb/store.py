"""A database that is written to: the head and its log, as one machine that says what is to be done to files.

Every change has two halves: what must reach the files, and then what readers see. The edge does the first and reports
`commit`, or `failed`, which leaves everything as it was.
"""

from collections.abc import Mapping
from typing import Self

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.model.storage import Runs
from obsflow.tsdb import records
from obsflow.tsdb.block_writer import NewBlock
from obsflow.tsdb.checkpoint import Checkpointing, LoggedNames, last_covered
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import Decompress, File, HeadFiles
from obsflow.tsdb.head_chunk_writer import ChunkMove, HeadChunkWriter, number_of
from obsflow.tsdb.head_restore import restore_head
from obsflow.tsdb.live_head import CHUNK_RANGE_MS, LiveHead, Staged
from obsflow.tsdb.log_writer import Encoded, LogWriter
from obsflow.tsdb.operations import Operation
from obsflow.tsdb.recoding import as_chunks
from obsflow.tsdb.replay import Loss, Replay
from obsflow.tsdb.runs import SourceRuns, assemble

_RECORD_SAMPLES = 2048
"""Samples of one record: damage costs a record, and so many are about a page."""

_BEFORE_ALL = int(np.iinfo(np.int64).min)


@attrs.frozen
class Options:
    """How a database is written. Times are ms, sizes bytes; a retention of 0 is none."""

    chunk_range: int = CHUNK_RANGE_MS
    out_of_order_window: int = 0
    retention: int = 15 * 86_400_000
    retention_bytes: int = 0
    compress_log: bool = True


@attrs.frozen(eq=False)
class Change:
    """Samples that were checked: what will become of each, and what puts those that are taken to the log."""

    staged: Staged
    operations: tuple[Operation, ...]


class Store:
    """The head with its log. References are the rows of the head's series.

    `problems` tells what was found damaged when the log was read; `unread` what it held and is not kept, by kind.
    """

    def __init__(self, symbols: Symbols, options: Options) -> None:
        self.options = options
        self.head = LiveHead(
            symbols,
            chunk_range=options.chunk_range,
            out_of_order_window=options.out_of_order_window,
            max_lag=options.chunk_range // 2,
        )
        self.problems: tuple[CorruptionError, ...] = ()
        self.unread: dict[str, int] = {}
        self._log = LogWriter("wal", 0, compress=options.compress_log)
        self._late_log = LogWriter("wbl", 0, compress=options.compress_log)
        self._references = np.zeros(0, np.uint64)  # of each row in the log
        self._n_logged = 0
        self._first_reference = 1
        self.losses: tuple[Loss, ...] = ()
        self._chunk_files = HeadChunkWriter(1, 1)
        self._names = LoggedNames.none()

    @classmethod
    def replay(
        cls,
        files: HeadFiles,
        symbols: Symbols,
        decompress_zstd: Decompress,
        options: Options,
        *,
        min_valid_time: int | None = None,
    ) -> Self:
        """The store that the log says there was. What came in order before `min_valid_time` (ms) is in blocks."""
        self = cls(symbols, options)
        replay = Replay(symbols, decompress_zstd)
        replay.read(files)
        cuts = [time for time in (min_valid_time, replay.min_valid_time) if time is not None]
        self.head.min_valid_time = max(cuts, default=_BEFORE_ALL)
        restored = restore_head(self.head, replay, files.chunks)
        self._references = restored.references
        self._n_logged = len(self._references)
        self._first_reference = replay.references.greatest + 1
        covered = files.checkpoint.number if files.checkpoint else -1
        self._log.segment = max((covered, *files.wal)) + 1
        self._late_log.segment = max((-1, *files.wbl)) + 1
        self._chunk_files = HeadChunkWriter(min(files.chunks, default=1), max(files.chunks, default=0) + 1)
        self._names = LoggedNames(replay.references, restored.references, min(files.wal, default=self._log.segment))
        self.problems = (*replay.problems, *restored.problems)
        self.unread, self.losses = dict(replay.unread + restored.skipped), tuple(replay.losses)
        return self

    @property
    def is_to_be_recovered(self) -> bool:
        """Whether files are damaged, or end within a record: then they are to be mended and read again."""
        return bool(self.problems) or any(loss.unfinished for loss in self.losses)

    # ---- samples ---------------------------------------------------------------------------------------------

    def series(self, labels: Labels) -> int:
        """The reference of a series, made now if there is none."""
        return self.head.row(labels)

    def stage(self, references: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> Change:
        """Check samples, and say what puts those that are taken to the log. Raises NotFoundError for no such series."""
        staged = self.head.stage(references, times, values)
        operations: list[Operation] = []
        if new := self._name_new_series():
            operations += self._log.write(Encoded.of([new]))
        taken = staged.only(native.HEAD_TAKEN)
        operations += self._log.write(self._encode(*taken))
        if not staged.is_whole and len((late := staged.only(native.HEAD_LATE))[0]):
            operations += self._log.write(self._encode(*late))
            operations += self._late_log.write(self._encode(*late))
        return Change(staged, tuple(operations))

    def commit(self, change: Change) -> None:
        """The operations are done: the samples are there."""
        self._n_logged = len(self._references)
        self.head.commit(change.staged)

    def failed(self) -> None:
        """Some operation of a change was not done: nothing of it is there, and the log goes on in another segment."""
        self._log.skip()
        self._late_log.skip()
        self._references = self._references[: self._n_logged]

    def sync(self) -> list[Operation]:
        """What has the logs reach the disk."""
        return self._log.sync() + self._late_log.sync()

    def close(self) -> list[Operation]:
        """What finishes the logs."""
        return self._log.close() + self._late_log.close()

    def stage_deletion(self, rows: IntArray, start: int, end: int) -> list[Operation]:
        """What puts to the log that `[start, end]` (ms, closed) is deleted from the series at `rows`."""
        logged = self._references[rows[rows < self._n_logged]].tolist()
        if not logged:
            return []
        return self._log.write(Encoded.of([records.encode_tombstones((each, start, end) for each in logged)]))

    def _name_new_series(self) -> bytes:
        """The record that names the series which the log does not know yet; nothing where there is none."""
        known, count = self._n_logged, len(self.head.registry)
        if count == known:
            return b""
        first = max(self._first_reference, int(self._references[known - 1]) + 1 if known else 1)
        new = np.arange(first, first + count - known, dtype=np.uint64)
        self._references = np.concatenate((self._references[:known], new))
        labels = self.head.registry.labels
        return records.encode_series(zip(new.tolist(), map(labels, range(known, count)), strict=True))

    def _encode(self, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> Encoded:
        return Encoded(*native.encode_log_samples(self._references[rows], times, values, _RECORD_SAMPLES))

    # ---- head chunks and checkpoints -------------------------------------------------------------------------

    def stage_chunks(self) -> ChunkMove | None:
        """What writes the chunks that the head has closed to files; None where there is none.

        When it is done, `commit_chunks`; and else `chunks_failed`.
        """
        closed, data = self.head.unmoved()
        if not data:
            return None
        references = self._references[closed.series]
        return self._chunk_files.stage(references, closed.min_time, closed.max_time, data)

    def commit_chunks(self, move: ChunkMove, files: Mapping[str, File]) -> None:
        """The chunks are in files: from now on they are read from there. `files` are those of the move, by path."""
        self._chunk_files.commit()
        for part in move.parts:
            self.head.move(part.count, files[part.path], part.starts)

    def chunks_failed(self) -> None:
        """Some operation was not done: the chunks stay in memory."""
        self._chunk_files.failed()

    def truncated(self, before: int) -> list[Operation]:
        """What the head had before a time (ms) is in blocks: drop it. Returns what removes the files of its chunks.

        The log goes on in another segment, as far as a checkpoint will not reach.
        """
        dropped = self.head.truncate(before)
        self._names.drop(self._references[dropped], self._log.segment)
        used = frozenset(map(number_of, self.head.files))
        return [*self._log.cut(), *self._chunk_files.drop_unused(used)]

    def checkpoint_due(self) -> int | None:
        """The last segment of the log that a checkpoint is to stand for now; None where it is too short."""
        return last_covered(self._names.first_segment, self._log.segment - (self._log.position == 0))

    def checkpoint(self, files: HeadFiles, last: int, decompress_zstd: Decompress) -> Checkpointing:
        """A checkpoint that stands for the segments up to `last`; `files` has them, and the checkpoint before.

        When its operations are done, say `checkpointed`; if one fails, nothing has changed.
        """
        kept = self._names.kept(self._references[: self._n_logged], last)
        return Checkpointing(
            files, last, kept, self.head.min_valid_time, decompress_zstd, compress=self.options.compress_log
        )

    def checkpointed(self, last: int) -> None:
        """The checkpoint is there, and the segments are gone."""
        self._names.forget(last)

    # ---- blocks ----------------------------------------------------------------------------------------------

    def due_range(self) -> tuple[int, int] | None:
        """The half-open interval (ms) to cut from the head next; None while it holds less than 1.5 chunk ranges."""
        head, width = self.head, self.options.chunk_range
        if head.max_time <= head.in_order_from or head.max_time - head.in_order_from <= width * 3 // 2:
            return None
        return head.min_time, (head.min_time // width + 1) * width

    def cut(self, ulid: str, start: int, end: int) -> NewBlock | None:
        """The head's samples in the half-open `[start, end)` (ms) as a block; None where there are none.

        When it is in its place, `truncate` the head.
        """
        table = self.head.series
        found = self.head.runs(np.arange(len(table)), start, end - 1)
        present = np.flatnonzero(np.diff(found.runs.offsets))
        if not len(present):
            return None
        found = found.only(present)
        labels, rank = table.take(present).sort()
        order = np.empty(len(rank), np.int64)
        order[rank] = np.arange(len(rank))
        runs = as_chunks(_without_overlaps(found).take(order))
        compaction = {"level": 1, "sources": [ulid]}
        return NewBlock(ulid, start, end, labels, runs, compaction)


def _without_overlaps(found: SourceRuns) -> Runs:
    if found.is_selection:
        return found.runs
    runs, _ = assemble(found.table(), len(found.runs))
    return runs
