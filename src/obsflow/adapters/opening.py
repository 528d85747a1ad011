"""`obsflow.open`: a data directory, to read it or to write it."""

import os
import pathlib
import re
from typing import Literal, overload

from obsflow.adapters.data_directory import decompress_zstd, open_database, read_directory
from obsflow.adapters.disk import DiskTSDB, told
from obsflow.adapters.files import DirectoryFiles, Durability, Files, lock_directory
from obsflow.model.frames import Symbols
from obsflow.tsdb.block_writer import remove_block
from obsflow.tsdb.database import Database, blocks_end, open_all_blocks, without_replaced
from obsflow.tsdb.live_head import CHUNK_RANGE_MS
from obsflow.tsdb.log_end import mend
from obsflow.tsdb.operations import MakeDirectory, Operation, Remove, Sync
from obsflow.tsdb.recovery import plan_recovery
from obsflow.tsdb.store import RETENTION_MS, Options, Store


@overload
def open_directory(path: str | os.PathLike[str], mode: Literal["r"] = "r", *, decoded_samples: int = 0) -> Database: ...


@overload
def open_directory(
    path: str | os.PathLike[str],
    mode: Literal["a"],
    *,
    decoded_samples: int = 0,
    durability: Literal["process", "commit"] | float = "process",
    out_of_order_window: int = 0,
    retention: int = RETENTION_MS,
    retention_bytes: int = 0,
    chunk_range: int = CHUNK_RANGE_MS,
    compress_log: bool = True,
) -> DiskTSDB: ...


def open_directory(
    path: str | os.PathLike[str],
    mode: str = "r",
    *,
    decoded_samples: int = 0,
    durability: str | float = "process",
    out_of_order_window: int = 0,
    retention: int = RETENTION_MS,
    retention_bytes: int = 0,
    chunk_range: int = CHUNK_RANGE_MS,
    compress_log: bool = True,
) -> Database | DiskTSDB:
    """Open a data directory, to read it (`mode="r"`) or as its one writer (`mode="a"`).

    Reading takes a picture of it as it is now, of a server or a writer that may be running, and touches nothing.
    Up to `decoded_samples` samples of 16 bytes, those of selectors that are asked again and again, stay decoded.

    Writing makes the directory if it is not there, and what follows is for it alone. `durability` says when what is
    appended is synced: `process` leaves that to the operating system, as Prometheus does; `commit` does it before each
    call returns; a number of seconds, when so long ago was the last time. Samples may be older than the newest of their
    series where they are at most `out_of_order_window` ms older than the newest of all. Blocks go that are `retention`
    ms older than the newest, or the oldest when all take more than `retention_bytes`; 0 keeps them. Blocks are cut at
    multiples of `chunk_range` ms.

    Raises DataDirectoryError for a path that is no data directory, cannot be read or made, or is being written by
    another process; ValueError for another mode or durability.
    """
    if mode == "r":
        return open_database(path, decoded_samples=decoded_samples)
    if mode != "a":
        raise ValueError(f"mode: expected 'r' or 'a', found {mode!r}")
    options = Options(
        chunk_range=chunk_range,
        out_of_order_window=out_of_order_window,
        retention=retention,
        retention_bytes=retention_bytes,
        compress_log=compress_log,
    )
    return open_writable(path, durability=durability, options=options, decoded_samples=decoded_samples)


_UNFINISHED = re.compile(r"\.tmp(-for-(creation|deletion))?$")


def open_writable(
    path: str | os.PathLike[str],
    *,
    durability: str | float = "process",
    options: Options = Options(),  # noqa: B008
    decoded_samples: int = 0,
    files: Files | None = None,
) -> DiskTSDB:
    """Open a data directory, which is made if it is not there, as its only writer.

    `files` carries out what is to be done to files, in place of the operating system. Raises DataDirectoryError where
    another process writes it, or it cannot be read or made.
    """
    root = pathlib.Path(path)
    durable = Durability.parse(durability)
    with told(root):
        root.mkdir(parents=True, exist_ok=True)
        lock = lock_directory(root)
        try:
            performer = DirectoryFiles(root) if files is None else files
            _prepare(root, performer)
            directory = read_directory(root, may_be_empty=True)
            symbols = Symbols()
            found, problems = open_all_blocks(directory.blocks, symbols)
            blocks = without_replaced(found)
            for block in found:
                if block not in blocks:  # whoever made others of it did not get to this
                    performer.perform(remove_block(block.meta.ulid))
            cut = blocks_end(blocks)
            store = Store.replay(directory.head, symbols, decompress_zstd, options, min_valid_time=cut)
            problems += store.problems
            if not store.problems:
                performer.perform(mend(directory.head))
            else:  # what is damaged gets another name, and what is sound of it stays
                performer.perform(plan_recovery(directory.head, decompress_zstd).operations)
                head = read_directory(root, may_be_empty=True).head
                store = Store.replay(head, symbols, decompress_zstd, options, min_valid_time=cut)
            return DiskTSDB(root, performer, store, blocks, durable, lock, problems, decoded_samples)
        except BaseException:
            lock.close()
            raise


def _prepare(root: pathlib.Path, files: Files) -> None:
    """Remove what was not finished, and have the directories of the logs."""
    operations: list[Operation] = [
        Remove(entry.relative_to(root).as_posix())
        for directory in (root, root / "wal", root / "chunks_head")
        if directory.is_dir()
        for entry in sorted(directory.iterdir())
        if _UNFINISHED.search(entry.name)
    ]
    late = root / "wbl"
    if late.is_dir() and not any(late.iterdir()):
        operations.append(Remove("wbl"))
    operations += [MakeDirectory("wal"), MakeDirectory("chunks_head"), Sync(".")]
    files.perform(operations)
