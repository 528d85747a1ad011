"""A database on disk that is written to: files, their lock, and when they are synced."""

import fcntl
import io
import os
import pathlib
import re
import secrets
import shutil
import time as clock
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, Self

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.adapters.data_directory import decompress_zstd, map_file, read_block, read_directory, read_log
from obsflow.errors import CorruptionError, DataDirectoryError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Selection
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_writer import make_ulid, write_block
from obsflow.tsdb.database import Database, blocks_end, open_blocks
from obsflow.tsdb.live_head import refusal
from obsflow.tsdb.operations import Append, MakeDirectory, Operation, Remove, Rename, Sync, Truncate, WriteFile
from obsflow.tsdb.recovery import plan_recovery
from obsflow.tsdb.store import Options, Store


class Files(Protocol):
    """What carries out operations. Raises OSError for one that was not done, or not whole."""

    def perform(self, operations: Iterable[Operation]) -> None:
        """Carry them out in order, up to the first that fails."""

    def close(self) -> None:
        """Close what is open."""


class DirectoryFiles:
    """The files of a directory. A file that is appended to stays open until another one is."""

    def __init__(self, root: pathlib.Path) -> None:
        self._root = root
        self._open: dict[str, io.FileIO] = {}

    def perform(self, operations: Iterable[Operation]) -> None:
        """Carry out operations in order, up to the first that fails. Raises OSError."""
        for operation in operations:
            self._perform(operation)

    def _perform(self, operation: Operation) -> None:
        match operation:
            case Append(path, data):
                _write_all(self._appendable(path), data)
            case WriteFile(path, data):
                with (self._root / path).open("xb", buffering=0) as file:
                    _write_all(file, data)
            case Truncate(path, length):
                if (self._root / path).exists():
                    os.truncate(self._root / path, length)
            case Sync(path):
                self._sync(path)
            case MakeDirectory(path):
                (self._root / path).mkdir(parents=True, exist_ok=True)
            case Rename(source, target):
                self._forget(source)
                (self._root / source).replace(self._root / target)
            case Remove(path):
                self._forget(path)
                _remove(self._root / path)

    def close(self) -> None:
        """Close what is open."""
        for file in self._open.values():
            file.close()
        self._open.clear()

    def _appendable(self, path: str) -> io.FileIO:
        file = self._open.get(path)
        if file is None:
            directory = path.rpartition("/")[0]
            for other in [other for other in self._open if other.rpartition("/")[0] == directory]:
                self._open.pop(other).close()
            (self._root / directory).mkdir(parents=True, exist_ok=True)
            file = self._open[path] = (self._root / path).open("ab", buffering=0)
        return file

    def _sync(self, path: str) -> None:
        file = self._open.get(path)
        if file is not None:
            os.fdatasync(file.fileno())
            return
        descriptor = os.open(self._root / path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _forget(self, path: str) -> None:
        for name in [name for name in self._open if name == path or name.startswith(path + "/")]:
            self._open.pop(name).close()


def _remove(path: pathlib.Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


@attrs.frozen
class Durability:
    """When what is appended is synced: `seconds` after the last sync at the latest; 0 for each append, None for never.

    Without it the operating system keeps what was written when the process dies, and may lose some when power fails.
    """

    seconds: float | None

    @classmethod
    def parse(cls, text: str | float) -> Self:
        """`process` (as Prometheus does it), `commit`, or a number of seconds. Raises ValueError."""
        if isinstance(text, str):
            if text not in _DURABILITIES:
                raise ValueError(f"expected 'process', 'commit' or a number of seconds, not {text!r}")
            return cls(_DURABILITIES[text])
        return cls(float(text))

    def is_due(self, elapsed: float) -> bool:
        """Whether to sync, so many seconds after the last time."""
        return self.seconds is not None and elapsed >= self.seconds


_DURABILITIES = {"process": None, "commit": 0.0}


def open_writable(
    path: str | os.PathLike[str],
    *,
    durability: str | float = "process",
    options: Options = Options(),  # noqa: B008
) -> "DiskTSDB":
    """Open a data directory, which is made if it is not there, as its only writer.

    Raises DataDirectoryError where another process writes it, or it cannot be read.
    """
    root = pathlib.Path(path)
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = _lock(root)
        try:
            return _open_locked(root, lock, Durability.parse(durability), options)
        except BaseException:
            lock.close()
            raise
    except OSError as error:
        if isinstance(error, DataDirectoryError):
            raise
        raise DataDirectoryError(f"{error.filename or root}: {error.strerror or error}") from error


def _lock(root: pathlib.Path) -> io.FileIO:
    """The lock that a Prometheus server takes too."""
    lock = (root / "lock").open("ab", buffering=0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise DataDirectoryError(f"{root}: another process has it open for writing") from error
    return lock


def _open_locked(root: pathlib.Path, lock: io.FileIO, durability: Durability, options: Options) -> "DiskTSDB":
    files = DirectoryFiles(root)
    unfinished = sorted(entry.name for entry in root.iterdir() if _UNFINISHED.search(entry.name))
    files.perform(Remove(name) for name in unfinished)
    directory = read_directory(root, may_be_empty=True)
    symbols = Symbols()
    blocks, problems = open_blocks(directory.blocks, symbols)
    store = Store.replay(directory.head, symbols, decompress_zstd, options, min_valid_time=blocks_end(blocks))
    problems = [*problems, *store.problems]
    if store.is_to_be_recovered:
        files.perform(plan_recovery(directory.head, decompress_zstd).operations)
        head = read_directory(root, may_be_empty=True).head
        store = Store.replay(head, symbols, decompress_zstd, options, min_valid_time=blocks_end(blocks))
    return DiskTSDB(root, files, store, blocks, durability, lock, problems)


_UNFINISHED = re.compile(r"\.tmp(-for-(creation|deletion))?$")


@attrs.frozen(eq=False)
class Appended:
    """What became of a column of samples: how many were taken, and a code for each, 0 for those.

    `codes` uint8 `[n]` are `native`'s HEAD_ numbers.
    """

    accepted: int
    codes: npt.NDArray[np.uint8]


class DiskTSDB:
    """A database on disk, open for writing: a `Queryable` and an `Appender`. Made by `open_writable`.

    One thread at a time may use it.
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
    ) -> None:
        self._root = root
        self._files = files
        self._store = store
        self._blocks = list(blocks)
        self._symbols = store.head.registry.symbols
        self._durability = durability
        self._synced = clock.monotonic()
        self._view: Database | None = None
        self._lock: io.FileIO | None = lock
        self.problems = tuple(problems)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def symbols(self) -> Symbols:
        """The symbols of all selections."""
        return self._symbols

    def series(self, labels: Labels | Mapping[str, str]) -> int:
        """The reference of a series, made now if there is none."""
        return self._store.series(labels if isinstance(labels, Labels) else Labels(labels))

    def append(self, labels: Labels | Mapping[str, str], time: int, value: float) -> None:
        """Add one sample at `time` (ms). Raises a StateError that says why where it is not taken."""
        row = self.series(labels)
        appended = self.append_columns(np.array([row]), np.array([time]), np.array([value], np.float64))
        if not appended.accepted:
            raise refusal(int(appended.codes[0]), Labels(labels), time)

    def append_columns(
        self, references: npt.NDArray[np.int64], times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
    ) -> Appended:
        """Add samples: int64 references that `series` gave, int64 times (ms) and float64 values, one of each.

        Samples that are not taken are told in the result. Raises NotFoundError for a reference that is none, OSError
        where the log cannot be written; nothing is added then.
        """
        change = self._store.stage(references, times, values)
        self._do(change.operations, undo=True)
        self._store.commit(change)
        self._view = None
        staged = change.staged
        if staged.is_whole:
            return Appended(len(times), staged.codes)
        taken = np.isin(staged.codes, (native.HEAD_TAKEN, native.HEAD_REPEATED, native.HEAD_LATE))
        return Appended(int(taken.sum()), staged.codes)

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """The series that pass all matchers and have samples in `[start, end]` (ms, closed), with those samples."""
        return self._database.select(matchers, start, end)

    def delete(self, matchers: Sequence[Matcher], start: int, end: int) -> None:
        """Delete the samples in `[start, end]` (ms, closed) of all series that pass all matchers."""
        head = self._store.head
        rows = head.series.match(matchers).rows
        self._do(self._store.stage_deletion(rows, start, end), undo=True)
        head.delete(rows, start, end)
        self._view = None

    def maintain(self, now: int) -> None:
        """Cut what is due from the head into blocks. `now` (ms) names them."""
        while due := self._store.due_range():
            block = self._store.cut(make_ulid(now, secrets.token_bytes(10)), *due)
            if block is not None:
                self._do(write_block(block))
                self._blocks.append(Block.open(read_block(self._root / block.ulid), self._symbols))
                self._blocks.sort(key=lambda each: (each.meta.min_time, each.meta.ulid))
            self._do(self._store.truncated(due[1]))
            self._view = None
        self._move_chunks()
        self._checkpoint()

    def _move_chunks(self) -> None:
        move = self._store.stage_chunks()
        if move is None:
            return
        try:
            self._do(move.operations)
        except OSError:
            self._store.chunks_failed()
            raise
        files = {part.path: map_file(self._root / part.path) for part in move.parts}
        self._store.commit_chunks(move, files)

    def _checkpoint(self) -> None:
        last = self._store.checkpoint_due()
        if last is None:
            return
        files = read_log(self._root, last)
        self._do(self._store.checkpoint(files, last, decompress_zstd))
        self._store.checkpointed(last)

    def sync(self) -> None:
        """Have everything reach the disk that was appended."""
        self._do(self._store.sync())
        self._synced = clock.monotonic()

    def close(self) -> None:
        """Finish the log and give up the lock."""
        if self._lock is None:
            return
        try:
            self._do(self._store.close())
        finally:
            self._files.close()
            self._lock.close()
            self._lock = None

    @property
    def _database(self) -> Database:
        if self._view is None:
            self._view = Database(self._symbols, (*self._blocks, self._store.head))
        return self._view

    def _do(self, operations: Iterable[Operation], *, undo: bool = False) -> None:
        try:
            self._files.perform(operations)
            if undo and self._durability.is_due(clock.monotonic() - self._synced):
                self._files.perform(self._store.sync())
                self._synced = clock.monotonic()
        except OSError:
            if undo:
                self._store.failed()
            raise
