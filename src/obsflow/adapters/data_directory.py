"""Opens a Prometheus data directory: lists and maps its files, and hands them to the storage."""

import mmap
import os
import pathlib
import re
import sys
from collections.abc import Callable

from obsflow.errors import CorruptionError, DataDirectoryError
from obsflow.tsdb.database import Database
from obsflow.tsdb.files import BlockFiles, Checkpoint, DataDirectory, File, HeadFiles

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_NUMBER = re.compile(r"\d{6,}", re.ASCII)
_CHECKPOINT = re.compile(r"checkpoint\.(\d+)")
_HEAD_DIRECTORIES = ("wal", "wbl", "chunks_head")
_MAX_RECORD_BYTES = 1 << 27
_ATTEMPTS = 5


def open_database(path: str | os.PathLike[str], *, decoded_samples: int = 0) -> Database:
    """Read the data directory of a Prometheus server, which may be running, as it is now.

    Up to `decoded_samples` samples, of 16 bytes each, stay decoded: those of selectors that are asked again and again.
    Nothing is written and no lock is taken. What is damaged is told in the database's `problems`. Raises
    DataDirectoryError for a path that is no data directory or cannot be read.
    """
    root = pathlib.Path(path)
    try:
        return Database.open(read_directory(root), decompress_zstd, decoded_samples=decoded_samples)
    except OSError as error:
        if isinstance(error, DataDirectoryError):
            raise
        raise DataDirectoryError(f"{error.filename or root}: {error.strerror or error}") from error


def decompress_zstd(data: bytes) -> bytes:
    """Undo zstd. Raises CorruptionError for what is not one whole frame, or grows beyond what a log record may hold."""
    decompressor = zstd.ZstdDecompressor()
    try:
        out: bytes = decompressor.decompress(data, max_length=_MAX_RECORD_BYTES)
    except zstd.ZstdError as error:
        raise CorruptionError(f"zstd: {error}") from None
    if not decompressor.eof or decompressor.unused_data:
        raise CorruptionError("zstd: not one whole frame")
    return out


def read_directory(root: pathlib.Path, *, may_be_empty: bool = False) -> DataDirectory:
    """Map everything. A server may delete files between listing and opening, so the listing is repeated then.

    Raises DataDirectoryError for a path that is no data directory, OSError where it cannot be read.
    """
    if not root.is_dir():
        raise _refuse(root)
    for _ in range(_ATTEMPTS - 1):
        try:
            return _read_once(root, may_be_empty)
        except FileNotFoundError:
            continue
    return _read_once(root, may_be_empty)


def _refuse(path: pathlib.Path) -> DataDirectoryError:
    if (path / "meta.json").exists():
        found = "a single block: give the directory that holds it"
    elif path.is_dir():
        found = "none of them"
    else:
        found = "a file" if path.exists() else "nothing"
    return DataDirectoryError(
        f"{path}: expected a Prometheus data directory, with blocks named by ULID, wal or chunks_head; found {found}"
    )


def _read_once(root: pathlib.Path, may_be_empty: bool) -> DataDirectory:
    # The head goes first: what a server moves from it into a new block meanwhile is then still found, if twice.
    head = _read_head(root)
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())  # by the listing: it may be gone by now
    blocks = [name for name in names if _ULID.fullmatch(name)]
    if not may_be_empty and not blocks and not any(name in names for name in _HEAD_DIRECTORIES):
        raise _refuse(root)
    return DataDirectory([read_block(root / name) for name in blocks], head)


def read_block(root: pathlib.Path) -> BlockFiles:
    """Map the files of one block's directory."""
    return BlockFiles(
        name=str(root),
        meta=_require(root / "meta.json", _read_file),
        index=_require(root / "index", map_file),
        segments=_numbered(root / "chunks", map_file),
        tombstones=_read_file(root / "tombstones") if (root / "tombstones").exists() else None,
    )


def _read_head(root: pathlib.Path) -> HeadFiles:
    log = root / "wal"
    return HeadFiles(
        chunks=_numbered(root / "chunks_head", map_file),
        wal=_numbered(log, _read_file),
        checkpoint=_newest_checkpoint(log),
        wbl=_numbered(root / "wbl", _read_file),
    )


def read_log(root: pathlib.Path, last: int) -> HeadFiles:
    """The segments of the log up to `last`, and the newest checkpoint."""
    log = root / "wal"
    segments = {number: file for number, file in _numbered(log, map_file).items() if number <= last}
    return HeadFiles(wal=segments, checkpoint=_newest_checkpoint(log))


def _newest_checkpoint(log: pathlib.Path) -> Checkpoint | None:
    found = [(int(match[1]), path) for path in _entries(log) if (match := _CHECKPOINT.fullmatch(path.name))]
    if not found:
        return None
    *older, (number, path) = sorted(found)
    return Checkpoint(number, _numbered(path, _read_file), tuple(each for each, _ in older))


def _numbered(directory: pathlib.Path, read: Callable[[pathlib.Path], File]) -> dict[int, File]:
    """The files of a directory whose names are numbers, by number; none where there is no directory."""
    paths = [path for path in _entries(directory) if _NUMBER.fullmatch(path.name) and path.is_file()]
    return {int(path.name): read(path) for path in sorted(paths)}


def _entries(directory: pathlib.Path) -> list[pathlib.Path]:
    return list(directory.iterdir()) if directory.is_dir() else []


def _require(path: pathlib.Path, read: Callable[[pathlib.Path], File]) -> File:
    """A file that must be there; an empty one in its place, which its reader reports, while its directory is."""
    try:
        return read(path)
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise
        return File(str(path), b"")


def _read_file(path: pathlib.Path) -> File:
    return File(str(path), path.read_bytes())


def map_file(path: pathlib.Path) -> File:
    """Map a file, which may grow; what is added later is not in what is returned."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return File(str(path), b"")  # which cannot be mapped
        return File(str(path), memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
