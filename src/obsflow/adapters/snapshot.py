"""A directory of blocks as they are at one time: hard links of those on disk, and one more."""

import os
import pathlib
import shutil
from collections.abc import Sequence

from obsflow.adapters.files import DirectoryFiles
from obsflow.errors import DataDirectoryError
from obsflow.tsdb.block_writer import CREATING, NewBlock, write_block


def write_snapshot(source: pathlib.Path, ulids: Sequence[str], new: NewBlock | None, target: pathlib.Path) -> None:
    """Make `target` from the blocks of `source` and a new one; what fails leaves nothing of itself there.

    Files of blocks are never changed, only replaced, so links of them stay as they are. Raises DataDirectoryError where
    there is something already, OSError.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataDirectoryError(f"{target}: expected nothing, or an empty directory")
    is_new = not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    files = DirectoryFiles(target)
    try:
        for ulid in ulids:
            shutil.copytree(source / ulid, target / (ulid + CREATING), copy_function=_link)
            (target / (ulid + CREATING)).replace(target / ulid)
        if new is not None:
            files.perform(write_block(new))
    except BaseException:
        for entry in target.iterdir():
            shutil.rmtree(entry, ignore_errors=True)
        if is_new:
            target.rmdir()
        raise
    finally:
        files.close()


def _link(source: str, target: str) -> None:
    """A hard link, or a copy where the file system has none between the two."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
