"""What the edge hands in: buffers under the names that errors give them, in the shape of a data directory."""

from collections.abc import Callable, Mapping, Sequence

import attrs

from obsflow.tsdb.encoding import Buffer

Decompress = Callable[[bytes], bytes]
"""Undoes zstd. Raises `CorruptionError` for bytes that are not a zstd frame."""


@attrs.frozen(eq=False)
class File:
    """The bytes of one file. They must not change while anything that was read from them is in use."""

    name: str
    data: Buffer


@attrs.frozen(eq=False)
class BlockFiles:
    """The files of one block directory. `segments` are those of `chunks/` by their number, which counts from 1."""

    name: str
    meta: File
    index: File
    segments: Mapping[int, File]
    tombstones: File | None = None


@attrs.frozen(eq=False)
class Checkpoint:
    """`checkpoint.<number>`: what the log's segments up to and including `number` still had to say.

    `older` are the numbers of checkpoints before it that were not removed.
    """

    number: int
    segments: Mapping[int, File]
    older: tuple[int, ...] = ()


@attrs.frozen(eq=False)
class HeadFiles:
    """The files of a head: `chunks_head/`, `wal/` with its newest checkpoint, and `wbl/`; each by its number."""

    chunks: Mapping[int, File] = attrs.field(factory=dict)
    wal: Mapping[int, File] = attrs.field(factory=dict)
    checkpoint: Checkpoint | None = None
    wbl: Mapping[int, File] = attrs.field(factory=dict)


@attrs.frozen(eq=False)
class DataDirectory:
    """All files of a data directory that are read."""

    blocks: Sequence[BlockFiles]
    head: HeadFiles


@attrs.frozen
class Skipped:
    """Something sound that is not read: how many of what `kind` in which file or directory."""

    file: str
    kind: str
    count: int

    def __str__(self) -> str:
        return f"{self.file}: {self.count} {self.kind} not read"
