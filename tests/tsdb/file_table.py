"""Files in memory: what operations make of them."""

import re
from collections.abc import Iterable

from obsflow.tsdb.files import Checkpoint, DataDirectory, File, HeadFiles
from obsflow.tsdb.operations import Append, MakeDirectory, Operation, Remove, Rename, Sync, Truncate, WriteFile


class FileTable(dict[str, bytes]):
    """Contents by path. `synced` are paths that were synced since they last changed."""

    def __init__(self, *contents: dict[str, bytes]) -> None:
        super().__init__(*contents)
        self.synced: set[str] = set()

    def perform(self, operations: Iterable[Operation], *, count: int | None = None) -> int:
        """Carry out operations, at most so many; returns how many there were."""
        done = 0
        for operation in operations:
            if count is not None and done == count:
                break
            self._perform(operation)
            done += 1
        return done

    def _perform(self, operation: Operation) -> None:
        match operation:
            case Append(path, data):
                self[path] = self.get(path, b"") + data
                self.synced.discard(path)
            case WriteFile(path, data):
                assert path not in self, f"{path} is there"
                self[path] = data
            case Truncate(path, length):
                if path in self:
                    self[path] = self[path][:length]
            case Rename(source, target):
                moved = [path for path in self if path == source or path.startswith(source + "/")]
                assert moved, f"{source} is not there"
                for path in moved:
                    self[target + path[len(source) :]] = self.pop(path)
            case Remove(path):
                for gone in [each for each in self if each == path or each.startswith(path + "/")]:
                    del self[gone]
            case Sync(path):
                self.synced.add(path)
            case MakeDirectory():
                pass

    def head(self) -> HeadFiles:
        """What a reader finds of a head."""
        checkpoints = sorted({int(m[1]) for path in self if (m := re.match(r"wal/checkpoint\.(\d+)/", path))})
        newest = None
        if checkpoints:
            number = checkpoints[-1]
            older = tuple(checkpoints[:-1])
            newest = Checkpoint(number, self._numbered(f"wal/checkpoint.{number:08d}"), older)
        parts = {name: self._numbered(name) for name in ("chunks_head", "wal", "wbl")}
        return HeadFiles(parts["chunks_head"], parts["wal"], newest, parts["wbl"])

    def directory(self) -> DataDirectory:
        """The same, with no blocks."""
        return DataDirectory((), self.head())

    def _numbered(self, directory: str) -> dict[int, File]:
        found = ((re.fullmatch(rf"{re.escape(directory)}/(\d+)", path), data) for path, data in sorted(self.items()))
        return {int(match[1]): File(match[0], data) for match, data in found if match}
