"""A database that is written to: the head and its log, as one machine that says what is to be done to files.

Every change has two halves: what must reach the files, and then what readers see. The edge does the first and reports
`commit`, or `failed`, which leaves everything as it was.
"""

from collections.abc import Sequence
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
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import Decompress, HeadFiles
from obsflow.tsdb.live_head import CHUNK_RANGE_MS, LiveHead, Staged
from obsflow.tsdb.log_writer import Encoded, LogWriter
from obsflow.tsdb.operations import Operation
from obsflow.tsdb.recoding import as_chunks
from obsflow.tsdb.replay import Deletion, LoggedSamples, Replay
from obsflow.tsdb.runs import SourceRuns, assemble
from obsflow.tsdb.tombstones import is_deleted

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
        replay = Replay(decompress_zstd)
        replay.read(files)
        samples = replay.samples()
        cuts = [time for time in (min_valid_time, replay.min_valid_time) if time is not None]
        self.head.min_valid_time = max(cuts, default=_BEFORE_ALL)
        references = np.array(replay.first_references, np.uint64)
        order = np.argsort(references, kind="stable")
        rows = np.empty(len(order), np.int64)
        rows[order] = self.head.registry.rows([replay.labels[i] for i in order.tolist()])
        kept = _not_deleted(samples, replay.deletions)
        for late, restore in ((False, self.head.restore), (True, self.head.restore_late)):
            at = np.flatnonzero(kept & (samples.out_of_order == late))
            restore(rows[samples.rows[at]], samples.times[at], samples.values[at])
        self._references = references[order]
        self._n_logged = len(order)
        self._first_reference = max(replay.rows, default=0) + 1
        covered = files.checkpoint.number if files.checkpoint else -1
        self._log.segment = max((covered, *files.wal)) + 1
        self._late_log.segment = max((-1, *files.wbl)) + 1
        self.problems, self.unread = tuple(replay.problems), dict(replay.unread)
        return self

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


def _not_deleted(samples: LoggedSamples, deletions: Sequence[Deletion]) -> npt.NDArray[np.bool_]:
    """Which of the samples were not deleted after they were logged."""
    kept = np.ones(len(samples.rows), np.bool_)
    for deletion in deletions:
        own = np.flatnonzero(samples.rows[: deletion.logged] == deletion.row)
        interval = np.array([(deletion.min_time, deletion.max_time)], np.int64)
        kept[own[is_deleted(samples.times[own], interval)]] = False
    return kept
