"""The files of a data directory as they are written: operations done in order, and the lock of their one writer."""

import fcntl
import io
import os
import pathlib
import shutil
import threading
from collections.abc import Iterable
from typing import Protocol, Self

import attrs

from obsflow.errors import DataDirectoryError
from obsflow.tsdb.operations import Append, MakeDirectory, Operation, Remove, Rename, Sync, Truncate, WriteFile


@attrs.frozen
class Durability:
    """When what is appended is synced: `seconds` after the last sync at the latest; 0 for each change, None for never.

    Without it the operating system keeps what was written when the process dies, and may lose some when power fails.
    """

    seconds: float | None

    @classmethod
    def parse(cls, text: str | float) -> Self:
        """`process` (as Prometheus does it), `commit`, or a number of seconds. Raises ValueError."""
        if isinstance(text, str):
            if text not in _DURABILITIES:
                raise ValueError(f"durability: expected process, commit or seconds, found {text!r}")
            return cls(_DURABILITIES[text])
        if not text >= 0:
            raise ValueError(f"durability: expected seconds, found {text}")
        return cls(float(text))

    def is_due(self, elapsed: float) -> bool:
        """Whether to sync now, so many seconds after the last time."""
        return self.seconds is not None and elapsed >= self.seconds


_DURABILITIES = {"process": None, "commit": 0.0}


class Files(Protocol):
    """What carries out operations. Raises OSError for one that was not done, or not whole."""

    def perform(self, operations: Iterable[Operation]) -> None:
        """Carry them out in order, up to the first that fails."""

    def close(self) -> None:
        """Close what is open."""


class DirectoryFiles:
    """The files of a directory. A file that is appended to stays open until another one is beside it.

    Threads may use it at the same time for different directories in it.
    """

    def __init__(self, root: pathlib.Path) -> None:
        self._root = root
        self._open: dict[str, io.FileIO] = {}
        self._names = threading.Lock()  # of `_open`

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
        with self._names:
            for file in self._open.values():
                file.close()
            self._open.clear()

    def _appendable(self, path: str) -> io.FileIO:
        with self._names:
            file = self._open.get(path)
            if file is None:
                directory = path.rpartition("/")[0]
                for other in [other for other in self._open if other.rpartition("/")[0] == directory]:
                    self._open.pop(other).close()
                file = self._open[path] = (self._root / path).open("ab", buffering=0)
            return file

    def _sync(self, path: str) -> None:
        with self._names:
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
        with self._names:
            for name in [name for name in self._open if name == path or name.startswith(path + "/")]:
                self._open.pop(name).close()


def lock_directory(root: pathlib.Path) -> io.FileIO:
    """Take the lock that a Prometheus server takes too. Raises DataDirectoryError where another process has it."""
    lock = (root / "lock").open("ab", buffering=0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise DataDirectoryError(f"{root}: another process has it open for writing") from error
    return lock


def _remove(path: pathlib.Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]
