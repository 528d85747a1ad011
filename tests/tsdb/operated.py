"""Files that operations are done to, in memory: what a data directory would hold."""

from collections.abc import Iterable

from obsflow.tsdb.files import BlockFiles, File
from obsflow.tsdb.operations import Append, MakeDirectory, Operation, Remove, Rename, Sync, WriteFile


class MemoryFiles:
    """Bytes by path. Fails where the edge would."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.directories: set[str] = set()

    def perform(self, operations: Iterable[Operation]) -> None:
        """Do them in order."""
        for operation in operations:
            match operation:
                case Append(path, data):
                    self.data[path] = self.data.get(path, b"") + data
                case WriteFile(path, data):
                    assert path not in self.data, f"{path} is there already"
                    self.data[path] = data
                case Rename(source, target):
                    self._rename(source, target)
                case Remove(path):
                    self._drop(path)
                case MakeDirectory(path):
                    self.directories.add(path)
                case Sync(path):
                    below = (*self.data, *self.directories)
                    assert path == "." or any(each == path or each.startswith(path + "/") for each in below), path

    def _rename(self, source: str, target: str) -> None:
        moved = {path: data for path, data in self.data.items() if path == source or path.startswith(source + "/")}
        assert moved, f"{source} is not there"
        assert not any(path.startswith(target + "/") for path in self.data), f"{target} is there already"
        for path, data in moved.items():
            del self.data[path]
            self.data[target + path.removeprefix(source)] = data

    def _drop(self, path: str) -> None:
        for name in [name for name in self.data if name == path or name.startswith(path + "/")]:
            del self.data[name]

    @property
    def names(self) -> list[str]:
        """The blocks that are there whole."""
        return sorted({path.partition("/")[0] for path in self.data if "." not in path.partition("/")[0]})

    def block(self, ulid: str) -> BlockFiles:
        """The files of a block."""
        files = {path.removeprefix(ulid + "/"): data for path, data in self.data.items() if path.startswith(ulid + "/")}
        return BlockFiles(
            name=f"data/{ulid}",
            meta=File(f"data/{ulid}/meta.json", files["meta.json"]),
            index=File(f"data/{ulid}/index", files["index"]),
            segments={
                int(name.removeprefix("chunks/")): File(f"data/{ulid}/{name}", data)
                for name, data in sorted(files.items())
                if name.startswith("chunks/")
            },
            tombstones=File(f"data/{ulid}/tombstones", files["tombstones"]),
        )
