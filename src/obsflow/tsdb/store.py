"""A database that is written to: the head and its log, as one machine that says what is to be done to files.

Every change has two halves: what must reach the files, and then what readers see. The edge does the first and reports
`commit`, or `failed`, which leaves everything as it was.
"""

import enum
import itertools
from collections.abc import Iterable, Mapping
from typing import Final, Self

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError, StateError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb import records
from obsflow.tsdb.checkpoint import Checkpointing, LoggedNames, last_covered
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import Decompress, File, HeadFiles
from obsflow.tsdb.head_chunk_writer import ChunkMove, HeadChunkWriter, number_of
from obsflow.tsdb.head_restore import restore_head
from obsflow.tsdb.late_log import LateLog
from obsflow.tsdb.live_head import CHUNK_RANGE_MS, LiveHead
from obsflow.tsdb.log_writer import Encoded, LogWriter
from obsflow.tsdb.operations import MakeDirectory, Operation, Remove, Sync, Truncate
from obsflow.tsdb.replay import Loss, Replay
from obsflow.tsdb.staged import Staged

RETENTION_MS: Final = 15 * 86_400_000

_RECORD_SAMPLES = 2048
"""Samples of one record: damage costs a record, and so many are about a page."""

_ALL, _LATE = 0, 1
"""The logs: of all samples, and of those that came late."""

_BEFORE_ALL = int(np.iinfo(np.int64).min)


@attrs.frozen
class Options:
    """How a database is written. Times are ms, sizes bytes; a retention of 0 is none."""

    chunk_range: int = CHUNK_RANGE_MS
    out_of_order_window: int = 0
    retention: int = RETENTION_MS
    retention_bytes: int = 0
    compress_log: bool = True


class State(enum.Enum):
    """Where a store is between one change and the next."""

    READY = "ready"
    CHANGING = "changing"
    """A change was staged, and its operations are being done."""
    UNDOING = "undoing"
    """They failed, and files may have traces of them."""
    CLOSED = "closed"


class Event(enum.Enum):
    """What is asked of a store, or told to it."""

    STAGE = "stage"
    COMMIT = "commit"
    FAILED = "failed"
    UNDONE = "undone"
    CLOSE = "close"


TRANSITIONS: Final[Mapping[tuple[State, Event], State]] = {
    (State.READY, Event.STAGE): State.CHANGING,
    (State.CHANGING, Event.COMMIT): State.READY,
    (State.CHANGING, Event.FAILED): State.UNDOING,
    (State.UNDOING, Event.UNDONE): State.READY,
    (State.READY, Event.CLOSE): State.CLOSED,
    (State.UNDOING, Event.CLOSE): State.CLOSED,
}
"""What may happen when. Anything else raises StateError and changes nothing."""


@attrs.frozen(eq=False)
class Deleted:
    """What is to be deleted from the head: `[start, end]` (ms, closed) of the series at `rows`."""

    rows: IntArray
    start: int
    end: int


@attrs.frozen(eq=False)
class Change:
    """What was checked and is not in the head yet, and the operations that put it to the log."""

    what: Staged | Deleted | None
    """None for what is not to be seen: logs that go on in other segments."""
    operations: tuple[Operation, ...]


_Mark = tuple[int, int]


class Store:
    """The head with its log. References are the rows of the head's series.

    `problems` tells what was found damaged when the log was read; `unread` what it held and is not kept, by kind.
    """

    def __init__(self, symbols: Symbols, options: Options) -> None:
        self.options = options
        self.state = State.READY
        self.head = LiveHead(
            symbols,
            chunk_range=options.chunk_range,
            out_of_order_window=options.out_of_order_window,
            max_lag=options.chunk_range // 2,
        )
        self.problems: tuple[CorruptionError, ...] = ()
        self.unread: dict[str, int] = {}
        self._logs = (
            LogWriter("wal", 0, compress=options.compress_log),
            LogWriter("wbl", 0, compress=options.compress_log),
        )
        self._marks: tuple[_Mark, ...] = ((0, 0), (0, 0))  # where the logs ended before the change
        self._synced: tuple[_Mark, ...] = self._marks
        self._undo: tuple[Operation, ...] = ()
        self._references = np.zeros(0, np.uint64)  # of each row in the log
        self._n_logged = 0
        self._late_log = LateLog(0)
        self._is_tidying_due = False
        self.losses: tuple[Loss, ...] = ()
        self._chunk_files = HeadChunkWriter(1, 1)
        self._names = LoggedNames.none()
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
        replay = Replay(symbols, decompress_zstd)
        replay.read(files)
        cuts = [time for time in (min_valid_time, replay.min_valid_time) if time is not None]
        self.head.min_valid_time = max(cuts, default=_BEFORE_ALL)
        restored = restore_head(self.head, replay, files.chunks)
        self._references = restored.references
        self._n_logged = len(self._references)
        self._first_reference = replay.references.greatest + 1
        covered = files.checkpoint.number if files.checkpoint else -1
        wal, wbl = self._logs
        wal.segment = max((covered, *files.wal)) + 1
        wbl.segment = max((-1, *files.wbl)) + 1
        self._late_log = LateLog(min(files.wbl, default=wbl.segment))
        self._marks = self._synced = self._ends()
        self._chunk_files = HeadChunkWriter(min(files.chunks, default=1), max(files.chunks, default=0) + 1)
        self._names = LoggedNames(replay.references, restored.references, min(files.wal, default=wal.segment))
        self.problems = (*replay.problems, *restored.problems)
        self.unread, self.losses = dict(replay.unread + restored.skipped), tuple(replay.losses)
        return self

    def _enter(self, event: Event) -> State:
        """The state after an event. Raises StateError where it may not happen now."""
        after = TRANSITIONS.get((self.state, event))
        if after is None:
            raise StateError(f"a store that is {self.state.value} cannot do this: {event.value}")
        return after

    # ---- changes ---------------------------------------------------------------------------------------------

    def series(self, labels: Labels) -> int:
        """The reference of a series, made now if there is none."""
        return self.head.row(labels)

    def stage(self, references: IntArray, times: IntArray, values: npt.NDArray[np.float64]) -> Change:
        """Check samples, and say what puts those that are taken to the log. Raises NotFoundError for no such series."""
        self._enter(Event.STAGE)
        return self.stage_samples(self.head.stage(references, times, values))

    def stage_samples(self, staged: Staged) -> Change:
        """The same for samples that the head has checked, and nothing has changed it since."""
        changing = self._enter(Event.STAGE)
        self._marks = self._ends()
        try:
            change = Change(staged, tuple(self._log_samples(staged)))
        except BaseException:
            self._rewind()
            raise
        self.state = changing
        return change

    def stage_deletion(self, rows: IntArray, start: int, end: int) -> Change:
        """Say what puts to the log that `[start, end]` (ms, closed) is deleted from the series at `rows`."""
        changing = self._enter(Event.STAGE)
        self._marks = self._ends()
        logged = self._references[rows[rows < self._n_logged]].tolist()
        operations: list[Operation] = []
        if logged:
            record = records.encode_tombstones((each, start, end) for each in logged)
            operations += self._write(_ALL, Encoded.of([record]))
        self.state = changing
        return Change(Deleted(rows, start, end), tuple(operations))

    def stage_tidying(self) -> Change | None:
        """After blocks were cut: have the logs go on in other segments, that of late samples with those still of use.

        None where nothing is due. What is of no use when it is there is told by `obsolete`.
        """
        if not self._is_tidying_due:
            return None
        changing = self._enter(Event.STAGE)
        self._marks = self._ends()
        wal, late_log = self._logs
        operations = wal.cut()
        if self._late_log.has_segments(self._marks[_LATE]):
            operations += late_log.cut()
            self._late_log.start_anew(late_log.segment)
            if len((late := self.head.late_samples())[0]):
                operations += [*self._write(_LATE, self._encode(*late)), *late_log.sync()]
        self.state = changing
        return Change(None, tuple(operations))

    def obsolete(self) -> list[Operation]:
        """What removes segments of late samples and files of head chunks of no use; to be told when it is done."""
        log = self._logs[_LATE]
        used = frozenset(map(number_of, self.head.files))
        return [*self._late_log.clear(log, is_written=log.position > 0), *self._chunk_files.drop_unused(used)]

    def removed_obsolete(self) -> None:
        """They are gone."""
        self._late_log.cleared()
        self._chunk_files.dropped()

    def commit(self, change: Change) -> None:
        """The operations are done: the change is there."""
        self.state = self._enter(Event.COMMIT)
        self._n_logged = len(self._references)
        if isinstance(change.what, Staged):
            self.head.commit(change.what)
        elif change.what is None:
            self._late_log.commit()
            self._is_tidying_due = False
        else:
            self.head.delete(change.what.rows, change.what.start, change.what.end)

    def failed(self) -> tuple[Operation, ...]:
        """Some operation of the change was not done: nothing of it is there. Returns what clears the files of it.

        Without that an answer of a later time could not be told from one that was never given, so nothing else may be
        staged before it is `undone`.
        """
        self.state = self._enter(Event.FAILED)
        undo = [list(_undo(log, mark)) for log, mark in zip(self._logs, self._marks, strict=True)]
        if undo[_LATE] and not self._late_log.has_segments(self._marks[_LATE]):  # its directory was new
            undo[_LATE] = [Remove(self._logs[_LATE].directory), Sync(".")]
        self._undo = tuple(itertools.chain(*undo))
        self._rewind()
        return self._undo

    @property
    def undo(self) -> tuple[Operation, ...]:
        """What is still to be done before anything else can be."""
        return self._undo

    def undone(self) -> None:
        """The files are as they were before the change."""
        self.state = self._enter(Event.UNDONE)
        self._undo = ()

    def sync(self) -> list[Operation]:
        """What has the logs reach the disk where they are not known to; to be told when it is done: `synced`."""
        return [
            operation
            for log, end, synced in zip(self._logs, self._ends(), self._synced, strict=True)
            if end != synced
            for operation in log.sync()
        ]

    def synced(self) -> None:
        """The logs have reached the disk as far as they were written."""
        self._synced = self._ends()

    def close(self) -> list[Operation]:
        """What finishes the logs; nothing is staged any more."""
        was, self.state = self.state, self._enter(Event.CLOSE)
        finish = [operation for log in self._logs for operation in log.close()]
        return [*self._undo, *finish] if was is State.UNDOING else finish

    def _ends(self) -> tuple[_Mark, ...]:
        return tuple((log.segment, log.position) for log in self._logs)

    def _rewind(self) -> None:
        for log, (segment, position) in zip(self._logs, self._marks, strict=True):
            log.segment, log.position = segment, position
        self._references = self._references[: self._n_logged]

    def _log_samples(self, staged: Staged) -> Iterable[Operation]:
        if new := self._name_new_series():
            yield from self._write(_ALL, Encoded.of([new]))
        yield from self._write(_ALL, self._encode(*staged.only(native.HEAD_TAKEN)))
        if not staged.is_whole and len((late := staged.only(native.HEAD_LATE))[0]):
            encoded = self._encode(*late)
            yield from self._write(_ALL, encoded)
            yield from self._write(_LATE, encoded)

    def _write(self, number: int, encoded: Encoded) -> list[Operation]:
        """Put records to a log. The name of a new segment must reach the disk too, and that of a new directory."""
        log = self._logs[number]
        before = log.segment, log.position
        operations = log.write(encoded)
        if number == _LATE and not self._late_log.has_segments(before) and log.position:
            operations = [MakeDirectory(log.directory), Sync("."), *operations]
        is_new = log.segment != before[0] or (not before[1] and log.position)
        return [*operations, Sync(log.directory)] if is_new else operations

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

    def checkpoint_due(self) -> int | None:
        """The last segment of the log that a checkpoint is to stand for now; None where it is too short."""
        log = self._logs[_ALL]
        return last_covered(self._names.first_segment, log.segment - (log.position == 0))

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

    def truncate(self, before: int) -> IntArray:
        """What the head has before a time (ms) is in blocks: drop it. Its logs are to be tidied then.

        Returns the references of series that had nothing else and are gone.
        """
        dropped = self.head.truncate(before)
        self._names.drop(self._references[dropped[dropped < len(self._references)]], self._logs[_ALL].segment)
        self._is_tidying_due = True
        return dropped


def _undo(log: LogWriter, mark: _Mark) -> Iterable[Operation]:
    """What makes a log end where it did."""
    segment, position = mark
    if (log.segment, log.position) == mark:
        return
    first_gone = segment + (position > 0)
    for number in range(log.segment, first_gone - 1, -1):  # backwards: segments must follow one another
        yield Remove(_path(log, number))
    if position:
        path = _path(log, segment)
        yield Truncate(path, position)
        yield Sync(path)
    yield Sync(log.directory)


def _path(log: LogWriter, segment: int) -> str:
    return f"{log.directory}/{segment:08d}"
