"""`chunks_head/` as it is written: chunks that the head has closed."""

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.storage import ENCODING_XOR
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.head_chunks import HEADER, HEADER_BYTES
from obsflow.tsdb.operations import Append, Operation, Remove, Truncate

FILE_BYTES = 128 << 20


@attrs.frozen(eq=False)
class Written:
    """`count` chunks that one file gets: where in it their data begin."""

    path: str
    count: int
    starts: IntArray


@attrs.frozen(eq=False)
class ChunkMove:
    """Chunks on their way to files: the operations, and what each file then holds, in the order of the chunks."""

    operations: tuple[Operation, ...]
    parts: tuple[Written, ...]


class HeadChunkWriter:
    """Writes the files of head chunks, from a new one on, as a server does when it starts.

    What `stage` returns is to be appended; then say `commit`, or `failed`: the file is then cut off first.
    """

    def __init__(self, first: int, number: int, *, file_bytes: int = FILE_BYTES) -> None:
        self._first = self._first_used = first  # of the files that are there, and are of use
        self._number = number
        self._position = 0
        self._file_bytes = file_bytes
        self._staged: tuple[int, int] | None = None
        self._undo: tuple[Operation, ...] = ()

    @property
    def path(self) -> str:
        """The file that is being written."""
        return path_of(self._number)

    def stage(
        self,
        references: npt.NDArray[np.uint64],
        min_time: IntArray,
        max_time: IntArray,
        data: Sequence[bytes],
    ) -> ChunkMove:
        """XOR chunks of the series `references`, oldest first of each, with their closed times (ms)."""
        operations, parts = list(self._undo), []
        ends = np.cumsum([len(chunk) for chunk in data], dtype=np.int64)
        number, position, done = self._number, self._position, 0
        while done < len(data):
            before = int(ends[done - 1]) if done else 0
            most = ends - before + _CHUNK_BYTES_MAX * np.arange(1 - done, len(data) + 1 - done)
            room = self._file_bytes - max(position, HEADER_BYTES)
            end = max(int(np.searchsorted(most, room, "right")), done)
            if end == done and position:
                number, position = number + 1, 0
                continue
            end = max(end, done + 1)
            part = slice(done, end)
            encoded, starts = native.encode_head_chunks(
                b"".join(data[part]),
                ends[part] - before,
                references[part],
                min_time[part],
                max_time[part],
                ENCODING_XOR,
            )
            header = b"" if position else HEADER
            at = position + len(header)
            operations.append(Append(path_of(number), header + encoded))
            parts.append(Written(path_of(number), end - done, starts + at))
            position, done = at + len(encoded), end
        self._staged = number, position
        return ChunkMove(tuple(operations), tuple(parts))

    def commit(self) -> None:
        """The operations are done."""
        if self._staged is not None:
            self._number, self._position = self._staged
        self._staged, self._undo = None, ()

    def failed(self) -> None:
        """Some operation was not done: what is there of the chunks is taken away before others are written."""
        if self._staged is None:
            return
        number, _ = self._staged
        gone = [Remove(path_of(each)) for each in range(number, self._number - (self._position == 0), -1)]
        kept = [Truncate(self.path, self._position)] if self._position else []
        self._staged, self._undo = None, (*gone, *kept)

    def drop_unused(self, used: frozenset[int]) -> list[Operation]:
        """What removes the oldest files, up to the first of the numbers `used`: the others must follow one another."""
        end = min((number for number in used if number >= self._first), default=self._number)
        end = min(end, self._number)
        self._first_used = max(self._first, end)
        return [Remove(path_of(number)) for number in range(self._first, end)]

    def dropped(self) -> None:
        """They are gone."""
        self._first = self._first_used


_CHUNK_BYTES_MAX = 25 + 5 + 4
"""What a chunk takes at most besides its data."""


def path_of(number: int) -> str:
    """The path of a file of head chunks."""
    return f"chunks_head/{number:06d}"


def number_of(name: str) -> int:
    """The number of a file of head chunks; -1 for another file."""
    last = name.rpartition("/")[2]
    return int(last) if last.isdecimal() else -1
