"""Segments of the write-ahead log, its checkpoints and the out-of-order log: their records, and what is damaged."""

from collections.abc import Iterator

import attrs
import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb.encoding import ByteArray, IntArray
from obsflow.tsdb.files import Decompress, File

PAGE_BYTES = native.LOG_PAGE_BYTES
HEADER_BYTES = 7

_NO_KIND = 0


@attrs.frozen
class Record:
    """One record, uncompressed, and where its first fragment is."""

    file: str
    offset: int
    data: bytes


@attrs.frozen(eq=False)
class Records:
    """Records of one segment: record `i` is `lengths[i]` bytes from `starts[i]` of `data` on.

    `offsets` are those of their first fragments. `data` holds until the next records are read.
    """

    file: str
    data: ByteArray
    offsets: IntArray
    starts: IntArray
    lengths: IntArray

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, i: int) -> Record:
        start = int(self.starts[i])
        data = self.data[start : start + int(self.lengths[i])].tobytes()
        return Record(self.file, int(self.offsets[i]), data)

    @property
    def kinds(self) -> ByteArray:
        """The type of each; 0 of an empty one."""
        kinds = np.full(len(self), _NO_KIND, np.uint8)
        some = self.lengths > 0
        kinds[some] = self.data[self.starts[some]]
        return kinds

    def take(self, at: IntArray | slice) -> "Records":
        """Those at these indices."""
        return Records(self.file, self.data, self.offsets[at], self.starts[at], self.lengths[at])


class Segment:
    """Reads one segment. A record that is not whole at the end of the last segment is no damage: it is being written.

    Once the records have been read, `problems` has a `CorruptionError` for each place that is damaged, at least one
    record each; `lost` are the bytes that were passed over for it; `unfinished` those of a record that was being
    written, and `sound_end` is where the last whole record ends.
    """

    def __init__(self, file: File, decompress_zstd: Decompress, *, is_last: bool = False) -> None:
        self.file = file
        self.problems: list[CorruptionError] = []
        self._decompress_zstd = decompress_zstd
        self._is_last = is_last
        self._reader = native.LogReader(file.data, is_last=is_last)

    @property
    def lost(self) -> int:
        """Bytes that were passed over, as they are damaged or belong to a record that is."""
        return self._reader.lost

    @property
    def sound_end(self) -> int:
        """Where the last whole record ends."""
        return self._reader.sound_end

    @property
    def unfinished(self) -> int:
        """Bytes at the end that are no whole record yet; 0 in a segment that others follow."""
        if not self._is_last:
            return 0
        tail = self.file.data[self.sound_end :]
        return len(tail) if any(bytes(tail)) and not self._ends_in_damage else 0

    @property
    def _ends_in_damage(self) -> bool:
        return bool(self.problems) and self.problems[-1].offset >= self.sound_end

    def records(self) -> Iterator[Records]:
        """The records, many at a time, those of damaged places left out."""
        name = self.file.name
        for batch in self._reader.batches():
            self.problems += [CorruptionError(native.LOG_FAULTS[code], name, at) for code, at in batch.faults]
            records = Records(name, batch.data, batch.offsets, batch.starts, batch.lengths)
            if batch.is_zstd.any():
                records = self._decompress(records, np.flatnonzero(batch.is_zstd))
            if len(records):
                yield records

    def _decompress(self, records: Records, zstd: IntArray) -> Records:
        """The same, with those at `zstd` decompressed; those that can't be are left out."""
        parts = [records.data]
        starts, lengths = records.starts.copy(), records.lengths.copy()
        end = len(records.data)
        kept = np.ones(len(records), np.bool_)
        for i in zstd.tolist():
            record = records[i]
            try:
                data = self._decompress_zstd(record.data)
            except CorruptionError as error:
                kept[i] = False
                message = f"record does not decompress: {error.message}"
                self.problems.append(CorruptionError(message, record.file, record.offset))
                continue
            parts.append(np.frombuffer(data, np.uint8))
            starts[i], lengths[i] = end, len(data)
            end += len(data)
        return Records(records.file, np.concatenate(parts), records.offsets, starts, lengths).take(np.flatnonzero(kept))
