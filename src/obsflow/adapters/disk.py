"""A database on disk that is written to: files, their lock, when they are synced, and which calls wait for which."""

import contextlib
import io
import os
import pathlib
import secrets
import threading
import time as clock
from collections.abc import Iterator, Mapping, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.adapters.data_directory import decompress_zstd, map_file, read_block, read_log
from obsflow.adapters.files import Durability, Files
from obsflow.adapters.snapshot import write_snapshot
from obsflow.errors import CompactionError, CorruptionError, DataDirectoryError, StateError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Selection
from obsflow.tsdb.appending import Ingesting
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_deletion import delete_from_block
from obsflow.tsdb.block_writer import make_ulid
from obsflow.tsdb.cutting import cut_block
from obsflow.tsdb.files import Skipped
from obsflow.tsdb.live_database import LiveDatabase
from obsflow.tsdb.maintenance import Task, compaction_task, cut_task, plan_compaction, retention_task
from obsflow.tsdb.operations import Operation
from obsflow.tsdb.staged import Appended, refusal
from obsflow.tsdb.store import Change, State, Store

_LOGS = ("wal", "wbl", "chunks_head")
_TAKEN = (native.HEAD_TAKEN, native.HEAD_REPEATED, native.HEAD_LATE)


class DiskTSDB(Ingesting):
    """A database on disk, open for writing: a `Queryable` and an `Appender`. Made by `obsflow.open(path, mode="a")`.

    Threads may share it. Changes are made one after another; queries run beside them, and beside `maintain`, which
    only deletions and `snapshot` wait for, and late samples of a time that is being cut into a block. A failed change
    raises DataDirectoryError, leaves everything as it was, and can be tried again.
    """

    def __init__(
        self,
        root: pathlib.Path,
        files: Files,
        store: Store,
        blocks: Sequence[Block],
        durability: Durability,
        lock: io.FileIO,
        problems: Sequence[CorruptionError] = (),
        decoded_samples: int = 0,
    ) -> None:
        self._root = root
        self._files = files
        self._store = store
        self._durability = durability
        self._decoded_samples = decoded_samples
        self._synced = clock.monotonic()
        self._lock: io.FileIO | None = lock
        self._problems = tuple(problems)
        self._symbols = store.head.registry.symbols
        self._view = LiveDatabase(self._symbols, blocks, store.head, decoded_samples)
        # Taken in this order: what reshapes blocks; what changes files of the log; what reads or changes memory.
        self._reshaping = threading.RLock()
        self._writing = threading.RLock()
        self._memory = threading.Lock()
        self._cut_until: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what is there ---------------------------------------------------------------------------------------

    @property
    def symbols(self) -> Symbols:
        """The symbols of all selections."""
        return self._symbols

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """What was found damaged, in opening and in what was selected since."""
        return (*self._problems, *self._view.problems)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found sound and is of a kind that is not read, in opening and in what was selected since."""
        unread = sorted(self._store.unread.items())
        return (*(Skipped("head", kind, count) for kind, count in unread), *self._view.skipped)

    @property
    def min_time(self) -> int:
        """Time of the first sample, ms; after `max_time` where there is none."""
        return self._view.min_time

    @property
    def max_time(self) -> int:
        """Time of the last sample, ms, closed."""
        return self._view.max_time

    @property
    def series_count(self) -> int:
        """How many label sets there are, in all blocks and the head together."""
        with self._memory:
            head = set(self._store.head.series.keys())
        return len(head.union(*(block.series.keys() for block in self._view.blocks)))

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """The series that pass all matchers and have samples in `[start, end]` (ms, closed), with those samples.

        It is what was there at the time of the call, and stays so.
        """
        with self._memory:
            view = self._view
            newest = view.newest(matchers, start, end)
        return view.select(newest, matchers, start, end)

    # ---- changes ---------------------------------------------------------------------------------------------

    def series(self, labels: Labels | Mapping[str, str]) -> int:
        """The reference of a series, made now if there is none."""
        known = labels if isinstance(labels, Labels) else Labels(labels)
        with self._memory:
            return self._store.series(known)

    def append(self, labels: Labels | Mapping[str, str], time: int, value: float) -> None:
        """Add one sample at `time` (ms). Raises a SampleError that says why where it is not taken."""
        known = labels if isinstance(labels, Labels) else Labels(labels)
        row = self.series(known)
        appended = self.append_columns(np.array([row]), np.array([time]), np.array([value], np.float64))
        if not appended.accepted:
            raise refusal(int(appended.codes[0]), known, time)

    def append_columns(
        self, references: npt.NDArray[np.int64], times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
    ) -> Appended:
        """Add samples: int64 references that `series` gave, int64 times (ms) and float64 values, one of each.

        Samples that are not taken are told in the result. Raises NotFoundError for a reference that is none,
        DataDirectoryError where the log cannot be written; nothing is added then.
        """
        with self._changing():
            with self._memory:
                staged = self._store.head.stage(references, times, values)
            if staged.is_whole or not self._is_being_cut(staged.only(native.HEAD_LATE)[1]):
                self._carry_out(self._store.stage_samples(staged))
                return Appended.of(staged)
        with self._reshaping:
            return self.append_columns(references, times, values)

    def delete(self, matchers: Sequence[Matcher], start: int, end: int) -> None:
        """Delete the samples in `[start, end]` (ms, closed) of all series that pass all matchers.

        Where it fails when it has begun in blocks, some of them are without the samples; it can be repeated.
        """
        with self._reshaping, self._changing():
            with self._memory:
                rows = self._store.head.series.match(matchers).rows
            doing = self._prepare_deletion(matchers, start, end)
            self._carry_out(self._store.stage_deletion(rows, start, end))
            for ulid, operations in doing.items():
                self._files.perform(operations)
                new = Block.open(read_block(self._root / ulid), self._symbols)
                self._show([new if block.meta.ulid == ulid else block for block in self._view.blocks])

    def _prepare_deletion(self, matchers: Sequence[Matcher], start: int, end: int) -> dict[str, list[Operation]]:
        """Have new tombstones beside the old ones of each block; returns what puts them into their place."""
        doing: dict[str, list[Operation]] = {}
        for block in self._view.blocks:
            meta = read_block(self._root / block.meta.ulid).meta
            prepare, operations = delete_from_block(block, meta, matchers, start, end)
            self._files.perform(prepare)
            if operations:
                doing[block.meta.ulid] = operations
        return doing

    def sync(self) -> None:
        """Have everything reach the disk that was appended."""
        with self._changing():
            self._files.perform(self._store.sync())
            self._note_sync()

    def maintain(self, now: int) -> None:
        """Do what is due: cut, compact and remove blocks, move closed chunks of the head to files, shorten logs.

        `now` (ms) names what is made; nothing else depends on it. To be called now and then, every minute or so. Where
        it fails, what is done stays and the rest is done next time.
        """
        with self._reshaping:
            self._cut_blocks(now)
            with told(self._root):
                self._tidy_logs()
                self._move_chunks()
                self._write_checkpoint()
                self._reshape_blocks(now)
            if self._is_sync_due():
                self.sync()

    def snapshot(self, path: str | os.PathLike[str], now: int) -> None:
        """Make a directory of all that is there now, as blocks: those of this one by hard links, and one of the head.

        `path` must not exist, or be empty; `now` (ms) names the block. A Prometheus server opens it as its own.
        Raises DataDirectoryError.
        """
        with self._reshaping, told(self._root):
            with self._writing, self._memory:
                self._check_open()
                head, blocks = self._store.head, self._view.blocks
                last = head.max_time + 1
                new = None if head.max_time < head.min_time else cut_block(head, _ulid(now), head.min_time, last)
            write_snapshot(self._root, [block.meta.ulid for block in blocks], new, pathlib.Path(path))

    def close(self) -> None:
        """Finish the log and give up the lock. Nothing can be done with it any more."""
        with self._reshaping, self._writing:
            if self._lock is None:
                return
            try:
                with told(self._root):
                    self._files.perform(self._store.close())
            finally:
                self._files.close()
                self._lock.close()
                self._lock = None

    # ---- how -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """One change at a time, when nothing of one before it is left that failed."""
        with self._writing, told(self._root):
            self._check_open()
            if self._store.state is State.UNDOING:
                self._files.perform(self._store.undo)
                self._store.undone()
            yield

    def _check_open(self) -> None:
        if self._lock is None:
            raise StateError(f"{self._root} is closed")

    def _is_being_cut(self, late: npt.NDArray[np.int64]) -> bool:
        """Whether some of these times of late samples are of the block that is being cut."""
        return self._cut_until is not None and bool((late < self._cut_until).any())

    def _carry_out(self, change: Change) -> None:
        """The files first, then memory; after a failure neither."""
        try:
            self._files.perform(change.operations)
            if self._is_sync_due():
                self._files.perform(self._store.sync())
                self._note_sync()
        except BaseException:
            undo = self._store.failed()
            with contextlib.suppress(OSError):  # else it is done before the next change
                self._files.perform(undo)
                self._store.undone()
            raise
        with self._memory:
            self._store.commit(change)

    def _is_sync_due(self) -> bool:
        return self._durability.is_due(clock.monotonic() - self._synced)

    def _note_sync(self) -> None:
        self._store.synced()
        self._synced = clock.monotonic()

    def _cut_blocks(self, now: int) -> None:
        while True:
            with self._changing(), self._memory:
                task = cut_task(self._store.head, _ulid(now))
                self._cut_until = None if task is None else task.truncates
            if task is None:
                return
            try:
                self._run(task)
            finally:
                self._cut_until = None

    def _reshape_blocks(self, now: int) -> None:
        """Retention first: what goes need not be compacted."""
        others = sum(_bytes_in(self._root / name) for name in _LOGS) if self._store.options.retention_bytes else 0
        task = retention_task(self._view.blocks, self._store.options, others)
        if task is not None:
            self._run(task)
        failed: set[str] = set()
        while True:
            sound = [block for block in self._view.blocks if block.meta.ulid not in failed]
            chosen = plan_compaction(sound, self._store.options)
            if not chosen:
                return
            try:
                self._run(compaction_task(chosen, _ulid(now)))
            except (CorruptionError, CompactionError) as error:  # the others can be, and these are still read
                failed.update(block.meta.ulid for block in chosen)
                if isinstance(error, CorruptionError) and str(error) not in map(str, self._problems):
                    self._problems = (*self._problems, error)

    def _tidy_logs(self) -> None:
        """Have the logs begin other segments after a cut, so that old ones can go, and remove those of no use."""
        with self._changing():
            with self._memory:
                change = self._store.stage_tidying()
            if change is not None:
                self._carry_out(change)
            with self._memory:
                obsolete = self._store.obsolete()
            self._files.perform(obsolete)
            self._store.removed_obsolete()

    def _move_chunks(self) -> None:
        """Closed chunks take no memory when they are in files. Those are not synced: the log has their samples."""
        with self._changing(), self._memory:
            move = self._store.stage_chunks()
        if move is None:
            return
        try:
            self._files.perform(move.operations)
            files = {part.path: map_file(self._root / part.path) for part in move.parts}
        except BaseException:
            with self._memory:
                self._store.chunks_failed()
            raise
        with self._memory:
            self._store.commit_chunks(move, files)

    def _write_checkpoint(self) -> None:
        with self._changing(), self._memory:
            last = self._store.checkpoint_due()
            if last is None:
                return
            checkpoint = self._store.checkpoint(read_log(self._root, last), last, decompress_zstd)
        self._files.perform(checkpoint)
        self._store.checkpointed(last)

    def _run(self, task: Task) -> None:
        """Do a task: readers see all of it or nothing."""
        blocks = [block for block in self._view.blocks if block.meta.ulid not in task.removes]
        with told(self._root):
            try:
                self._files.perform(task.operations)
                if task.adds is not None:
                    blocks.append(Block.open(read_block(self._root / task.adds), self._symbols))
            except BaseException:
                for operation in task.on_failure:
                    with contextlib.suppress(OSError):  # what stays is not read, and removed when it is opened again
                        self._files.perform((operation,))
                raise
            blocks.sort(key=lambda each: (each.meta.min_time, each.meta.ulid))
            with self._writing:
                self._show(blocks, task.truncates)
            self._files.perform(task.afterwards)

    def _show(self, blocks: Sequence[Block], truncates: int | None = None) -> None:
        """Have queries find these blocks, and in the head nothing before a time (ms)."""
        view = LiveDatabase(self._symbols, blocks, self._store.head, self._decoded_samples)
        with self._memory:
            if truncates is not None:
                self._forget_series(self._store.truncate(truncates))
            self._view = view


def _bytes_in(directory: pathlib.Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def _ulid(now: int) -> str:
    return make_ulid(now, secrets.token_bytes(10))


@contextlib.contextmanager
def told(root: pathlib.Path) -> Iterator[None]:
    """What the operating system refuses is told as what happened to the directory."""
    try:
        yield
    except OSError as error:
        if isinstance(error, DataDirectoryError):
            raise
        told = DataDirectoryError(f"{error.filename or root}: {error.strerror or error}")
        told.errno = error.errno
        raise told from error
