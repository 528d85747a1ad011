"""The write-ahead log as it is written: records into pages, pages into segments."""

from collections.abc import Iterator, Sequence

import attrs
import numpy as np

from obsflow import native
from obsflow.tsdb.encoding import Buffer, ByteArray, IntArray
from obsflow.tsdb.operations import Append, Operation, Sync

SEGMENT_BYTES = 128 << 20


@attrs.frozen(eq=False)
class Encoded:
    """Records one after another: record `i` is the bytes `ends[i - 1]:ends[i]` of `data`."""

    data: Buffer | ByteArray
    ends: IntArray

    @classmethod
    def of(cls, records: Sequence[bytes]) -> "Encoded":
        """The records as one piece."""
        return cls(b"".join(records), np.cumsum([len(record) for record in records], dtype=np.int64))

    def after(self, count: int) -> "Encoded":
        """Without the first `count`."""
        if not count:
            return self
        start = int(self.ends[count - 1])
        return Encoded(self.data[start:], self.ends[count:] - start)


class LogWriter:
    """Writes a log in `directory`, from a new segment on, as a server does when it starts.

    A record is never split up between segments. What it returns is to be appended: the writer counts
    on it. If that fails, `skip` the segment.
    """

    def __init__(
        self, directory: str, segment: int, *, compress: bool = True, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.directory = directory
        self.segment = segment
        self.position = 0
        self._compress = compress
        self._segment_bytes = segment_bytes

    @property
    def path(self) -> str:
        """The segment that is being written."""
        return f"{self.directory}/{self.segment:08d}"

    def write(self, records: Encoded) -> list[Operation]:
        """Put records at the end. A segment that is full is synced."""
        operations: list[Operation] = []
        while len(records.ends):
            framed = native.frame_log(
                records.data,
                records.ends,
                position=self.position,
                limit=self._limit(records),
                compress=self._compress,
            )
            if framed.records:
                operations.append(Append(self.path, framed.data))
                self.position = framed.position
                records = records.after(framed.records)
            if len(records.ends):
                operations += self.cut()
        return operations

    def _limit(self, records: Encoded) -> int:
        """A segment may be longer where one record alone is."""
        return self._segment_bytes if self.position else max(self._segment_bytes, 2 * int(records.ends[0]) + 64)

    def sync(self) -> list[Operation]:
        """Have what was written reach the disk."""
        return [Sync(self.path)] if self.position else []

    def cut(self) -> list[Operation]:
        """Finish the segment, and go on in another; nothing is done where it is empty."""
        if not self.position:
            return []
        operations = list(self._finish())
        self.segment += 1
        self.position = 0
        return operations

    def skip(self) -> None:
        """Leave the segment as it is, whatever of it was written, and go on in another."""
        self.segment += 1
        self.position = 0

    def close(self) -> list[Operation]:
        """Finish the segment."""
        return list(self._finish()) if self.position else []

    def _finish(self) -> Iterator[Operation]:
        padding = -self.position % native.LOG_PAGE_BYTES
        if padding:
            self.position += padding
            yield Append(self.path, bytes(padding))
        yield Sync(self.path)
