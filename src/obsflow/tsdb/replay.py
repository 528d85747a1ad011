"""Replay of the write-ahead log: series by reference, and their samples as columns in the order of the log."""

from collections import Counter
from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.errors import CorruptionError
from obsflow.model.labels import Labels
from obsflow.tsdb import records
from obsflow.tsdb.encoding import IntArray, MaskArray
from obsflow.tsdb.files import Decompress, File, HeadFiles
from obsflow.tsdb.wal import Record, read_segment

_BATCH_BYTES = 1 << 23


@attrs.frozen(eq=False)
class LoggedSamples:
    """Samples in the order of the log. `out_of_order` marks those of the out-of-order log.

    `starts` are their start times (ms, 0 for none); None where none has any.
    """

    rows: IntArray
    times: IntArray
    values: npt.NDArray[np.float64]
    out_of_order: MaskArray
    starts: IntArray | None = None


@attrs.frozen
class Deletion:
    """A closed interval (ms) that was deleted from a series, when the log held `logged` samples."""

    reference: int
    row: int
    min_time: int
    max_time: int
    logged: int


class Replay:
    """What the log says, gathered record by record.

    A label set may have had several references: `rows` has them all, and `first_references` the first of each row.
    `unread` counts what was skipped, by kind. `min_valid_time` (ms) is where the checkpoint says that the log was cut
    off: what came in order before was dropped from the head.
    """

    def __init__(self, decompress_zstd: Decompress) -> None:
        self._decompress_zstd = decompress_zstd
        self.problems: list[CorruptionError] = []
        self.rows: dict[int, int] = {}
        self.labels: list[Labels] = []
        self.first_references: list[int] = []
        self.deletions: list[Deletion] = []
        self._row_of: dict[Labels, int] = {}
        self.unread: Counter[str] = Counter()
        self.min_valid_time: int | None = None
        self._batch: list[Record] = []
        self._batch_bytes = 0
        self._parts: list[LoggedSamples] = []
        self._logged = 0
        self._out_of_order = False

    def read(self, files: HeadFiles) -> None:
        """Replay the checkpoint, the log's segments after it, and the out-of-order log.

        Where the checkpoint is damaged, older segments that are still there are replayed too.
        """
        covered = -1
        if files.checkpoint is not None:
            self._read_log(files.checkpoint.segments, is_live=False)
            covered = files.checkpoint.number if not self.problems else -1
        self._read_log({number: file for number, file in files.wal.items() if number > covered}, after=covered)
        self._out_of_order = True
        self._read_log(files.wbl)

    def samples(self) -> LoggedSamples:
        """All samples that were replayed."""
        self._flush()
        if not self._parts:
            none = np.zeros(0, np.int64)
            return LoggedSamples(none, none, np.zeros(0), np.zeros(0, np.bool_))
        names = ("rows", "times", "values", "out_of_order")
        columns = {name: np.concatenate([getattr(part, name) for part in self._parts]) for name in names}
        return LoggedSamples(**columns, starts=self._starts())

    def _starts(self) -> IntArray | None:
        """The start times of all samples, if any part has some."""
        columns = [part.starts for part in self._parts]
        if all(column is None for column in columns):
            return None
        lengths = [len(part.rows) for part in self._parts]
        zeros = (
            np.zeros(length, np.int64) if column is None else column
            for column, length in zip(columns, lengths, strict=True)
        )
        return np.concatenate(list(zeros))

    def _read_log(self, segments: Mapping[int, File], *, is_live: bool = True, after: int = -1) -> None:
        newest = max(segments, default=-1)
        expected = after + 1 if after >= 0 else min(segments, default=0)
        for number, file in sorted(segments.items()):
            if number != expected:
                self.problems.append(
                    CorruptionError(f"segments {expected} to {number - 1} before it are missing", file.name)
                )
            expected = number + 1
            for record in read_segment(
                file, self._decompress_zstd, self.problems, is_last=is_live and number == newest
            ):
                self._apply(record)
        self._flush()

    def _apply(self, record: Record) -> None:
        kind = record.data[0] if record.data else 0
        try:
            if kind in (records.SAMPLES, records.SAMPLES_V2):
                self._batch.append(record)
                self._batch_bytes += len(record.data)
                if self._batch_bytes >= _BATCH_BYTES:
                    self._flush()
            elif kind == records.SERIES:
                for reference, labels in records.decode_series(record):
                    self._add_series(reference, labels)
            elif kind == records.TOMBSTONES:
                self._flush()
                for reference, min_time, max_time in records.decode_tombstones(record):
                    self._delete(reference, min_time, max_time)
            elif kind == records.MIN_VALID_TIME:
                self.min_valid_time = records.decode_min_valid_time(record)
            elif kind not in records.WITHOUT_SAMPLES:
                self.unread[records.record_kind(kind)] += 1
        except CorruptionError as error:
            self.problems.append(CorruptionError(f"malformed record: {error.message}", record.file, record.offset))

    def _add_series(self, reference: int, labels: Labels) -> None:
        row = self._row_of.setdefault(labels, len(self.labels))
        if row == len(self.labels):
            self.labels.append(labels)
            self.first_references.append(reference)
        self.rows[reference] = row

    def _delete(self, reference: int, min_time: int, max_time: int) -> None:
        row = self.rows.get(reference)
        if row is not None:
            self.deletions.append(Deletion(reference, row, min_time, max_time, self._logged))

    def _flush(self) -> None:
        if self._batch:
            batch, self._batch, self._batch_bytes = self._batch, [], 0
            self._add(records.decode_samples(batch, self.problems))

    def _add(self, samples: records.SampleColumns) -> None:
        references, inverse = np.unique(samples.references, return_inverse=True)
        rows = np.array([self.rows.get(reference, -1) for reference in references.tolist()], np.int64)[inverse]
        known = rows >= 0
        if unknown := len(rows) - int(known.sum()):
            self.unread["samples of series that the log does not name"] += unknown
        rows = rows[known]
        ooo = np.full(len(rows), self._out_of_order)
        starts = None if samples.starts is None else samples.starts[known]
        self._parts.append(LoggedSamples(rows, samples.times[known], samples.values[known], ooo, starts))
        self._logged += len(rows)
