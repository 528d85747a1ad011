"""Disks that fail: a double of the adapter's files that cuts writes short, refuses operations, dies or loses power."""

import errno
import os
import pathlib
import shutil
from collections.abc import Iterable

from obsflow.adapters.files import DirectoryFiles
from obsflow.tsdb.operations import Append, MakeDirectory, Operation, Remove, Rename, Sync, Truncate, WriteFile

Fault = str
"""`full`: refused for want of space; `short`: half of a write is done before that, and all else is broken."""

_ERRORS = {"full": errno.ENOSPC, "short": errno.EIO}


class Died(BaseException):
    """The process is gone in the middle of an operation, or before it."""


class Disk:
    """The files of a directory, which fail at operation `at` (counted from 0), or from there on if it is `lasting`.

    `dies` ends the process there instead; half of a write is done then. `lose_power` takes away what was not synced:
    the ends of files, the names of new ones, and renames.
    """

    def __init__(
        self,
        root: pathlib.Path,
        fault: Fault = "short",
        at: int | None = None,
        *,
        lasting: bool = False,
        dies: bool = False,
    ) -> None:
        self.root = root
        self.fault, self.at, self.lasting, self.dies = fault, at, lasting, dies
        self.count = 0
        self.dead = False
        self.appended: set[str] = set()  # directories with files that were appended to, but for those of blocks
        self._inner = DirectoryFiles(root)
        self._synced: dict[str, int] = {}  # length that is safe, of files that were written
        self._unnamed: set[str] = set()  # new names that are not
        self._renamed: list[tuple[str, str]] = []

    def perform(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            number, self.count = self.count, self.count + 1
            if self.dead:
                raise Died
            if self.at is not None and (number >= self.at if self.lasting else number == self.at):
                self._fail(operation)
            self._note(operation, before=True)
            if isinstance(operation, Append) and operation.path.count("/") == 1 and ".tmp" not in operation.path:
                self.appended.add(operation.path.partition("/")[0])
            self._inner.perform((operation,))
            self._note(operation, before=False)

    def _fail(self, operation: Operation) -> None:
        if (self.fault == "short" or self.dies) and isinstance(operation, (Append, WriteFile)):
            half = type(operation)(operation.path, operation.data[: len(operation.data) // 2])
            self._note(half, before=True)
            self._inner.perform((half,))
        if self.dies:
            self.dead = True
            raise Died
        number = errno.ENOSPC if isinstance(operation, (Append, WriteFile)) else _ERRORS[self.fault]
        raise OSError(number, os.strerror(number))

    def _note(self, operation: Operation, *, before: bool) -> None:
        match operation:
            case Append(path) | WriteFile(path) | MakeDirectory(path):
                if before and not (self.root / path).exists():
                    self._unnamed.add(path)
                    if not isinstance(operation, MakeDirectory):
                        self._synced[path] = 0
                elif before and not isinstance(operation, MakeDirectory):
                    self._synced.setdefault(path, (self.root / path).stat().st_size)
            case Truncate(path, length):
                self._synced[path] = min(self._synced.get(path, length), length)
            case Sync(path) if not before:
                self._note_sync(path)
            case Rename(source, target) if not before:
                self._renamed.append((source, target))
                self._synced = {_moved(path, source, target): size for path, size in self._synced.items()}
                self._unnamed = {_moved(path, source, target) for path in self._unnamed}
            case Remove(path) if not before:
                self._synced = {name: size for name, size in self._synced.items() if not _is_in(name, path)}
                self._unnamed = {name for name in self._unnamed if not _is_in(name, path)}

    def _note_sync(self, path: str) -> None:
        full = self.root / path
        if full.is_dir():
            parent = "" if path == "." else path
            self._unnamed = {name for name in self._unnamed if name.rpartition("/")[0] != parent}
            self._renamed = [each for each in self._renamed if each[1].rpartition("/")[0] != parent]
        else:
            self._synced[path] = full.stat().st_size

    def lose_power(self) -> None:
        """What was written and not synced is gone."""
        self.close()
        for path, size in self._synced.items():
            if (self.root / path).is_file():
                os.truncate(self.root / path, size)
        for path in self._unnamed:
            target = self.root / path
            if target.is_dir():
                shutil.rmtree(target)
            else:
                target.unlink(missing_ok=True)
        for source, target in reversed(self._renamed):
            if (self.root / target).exists():
                (self.root / target).rename(self.root / source)

    def close(self) -> None:
        self._inner.close()


def _is_in(path: str, parent: str) -> bool:
    return path == parent or path.startswith(parent + "/")


def _moved(path: str, source: str, target: str) -> str:
    return target + path[len(source) :] if _is_in(path, source) else path
