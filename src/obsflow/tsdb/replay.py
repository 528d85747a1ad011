"""Replay of the write-ahead log: series by reference, and their samples as columns in the order of the log."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb import records
from obsflow.tsdb.encoding import ByteArray, IntArray, MaskArray, expand, offsets_of
from obsflow.tsdb.files import Decompress, File, HeadFiles
from obsflow.tsdb.references import References
from obsflow.tsdb.registry import SeriesRegistry
from obsflow.tsdb.wal import Record, Records, Segment


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


@attrs.frozen
class Loss:
    """What of one file is lost: at least so many records, so many bytes, and the samples where it is known how many.

    `unfinished` are bytes at the end of the last segment that are no whole record: it was being written. `sound_end` is
    where the last whole record ends.
    """

    file: str
    records: int
    bytes: int
    samples: int
    unfinished: int = 0
    sound_end: int = 0


class Replay:
    """What the log says, gathered record by record.

    A label set may have had several references; `registry` has each once, and `first_references` uint64 the first of
    each row. `unread` counts what was skipped, by kind. `min_valid_time` (ms) is where the checkpoint says that the log
    was cut off: what came in order before was dropped from the head. `losses` are told of each file that has any.
    """

    def __init__(self, symbols: Symbols, decompress_zstd: Decompress) -> None:
        self._decompress_zstd = decompress_zstd
        self.problems: list[CorruptionError] = []
        self.losses: list[Loss] = []
        self.registry = SeriesRegistry(symbols)
        self.references = References()
        self.deletions: list[Deletion] = []
        self.unread: Counter[str] = Counter()
        self.min_valid_time: int | None = None
        self.in_order = True  # else older samples may come after newer ones of their series
        self._first: list[npt.NDArray[np.uint64]] = []
        self._parts: list[LoggedSamples] = []
        self._logged = 0
        self._out_of_order = False
        self._nameless = 0
        self._malformed = 0

    def read(self, files: HeadFiles) -> None:
        """Replay the checkpoint, the log's segments after it, and the out-of-order log.

        Where the checkpoint is damaged, older segments that are still there are replayed too.
        """
        covered = -1
        if files.checkpoint is not None:
            self._read_log(files.checkpoint.segments, is_live=False)
            covered = files.checkpoint.number if not self.problems else -1
            self.in_order = not self.problems or min(files.wal, default=covered) > files.checkpoint.number
        self._read_log({number: file for number, file in files.wal.items() if number > covered}, after=covered)
        self._out_of_order = True
        self._read_log(files.wbl)

    @property
    def first_references(self) -> npt.NDArray[np.uint64]:
        """The first reference of each row."""
        return np.concatenate(self._first) if self._first else np.zeros(0, np.uint64)

    def label_pairs(self, order: IntArray) -> tuple[IntArray, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The label sets of rows, as `SeriesTable` takes them: offsets, and symbols of names and of values."""
        table = self.registry.table
        counts = np.diff(table.offsets)[order]
        owner, within = expand(counts)
        at = table.offsets[order][owner] + within
        return offsets_of(counts), table.names[at], table.values[at]

    def parts(self) -> Iterator[LoggedSamples]:
        """All samples that were replayed, part by part. They are given up here: ask once, for them or `samples`."""
        parts, self._parts = self._parts[::-1], []
        while parts:
            yield parts.pop()

    def samples(self) -> LoggedSamples:
        """All samples that were replayed. They are given up here: ask once."""
        if not self._parts:
            none = np.zeros(0, np.int64)
            return LoggedSamples(none, none, np.zeros(0), np.zeros(0, np.bool_))
        parts, self._parts = self._parts, []
        names = ("rows", "times", "values", "out_of_order")
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return LoggedSamples(**columns, starts=_join_starts(parts))

    def _read_log(self, segments: Mapping[int, File], *, is_live: bool = True, after: int = -1) -> None:
        newest = max(segments, default=-1)
        expected = after + 1 if after >= 0 else min(segments, default=0)
        for number, file in sorted(segments.items()):
            if number != expected:
                self.problems.append(
                    CorruptionError(f"segments {expected} to {number - 1} before it are missing", file.name)
                )
            expected = number + 1
            self._read_segment(Segment(file, self._decompress_zstd, is_last=is_live and number == newest))

    def _read_segment(self, segment: Segment) -> None:
        problems, nameless, malformed = len(self.problems), self._nameless, self._malformed
        for batch in segment.records():
            self._apply(batch)
        malformed_records = len(self.problems) - problems
        self.problems += segment.problems
        lost = segment.lost + self._malformed - malformed
        nameless = self._nameless - nameless
        if lost or nameless or segment.unfinished or segment.problems:
            count = malformed_records + len(segment.problems)
            end = segment.unfinished, segment.sound_end
            self.losses.append(Loss(segment.file.name, count, lost, nameless, *end))

    def _apply(self, batch: Records) -> None:
        kinds = batch.kinds
        series = np.flatnonzero(kinds == records.SERIES)
        if len(series) and not self._add_series(batch.take(series)):
            # a reference is given anew here, so that the order of the records matters
            for first, end in _stretches(kinds):
                if kinds[first] == records.SERIES:
                    self._add_series(batch.take(slice(first, end)), may_change=True)
                else:
                    self._apply_others(batch.take(slice(first, end)), kinds[first:end])
        else:
            self._apply_others(batch, kinds)

    def _apply_others(self, batch: Records, kinds: ByteArray) -> None:
        """All but series."""
        samples = (kinds == records.SAMPLES) | (kinds == records.SAMPLES_V2)
        done = 0
        for i in np.flatnonzero(~samples & (kinds != records.SERIES)).tolist():
            kind = int(kinds[i])
            if kind == records.TOMBSTONES:  # which only concerns what comes before it
                self._add_samples(batch.take(np.flatnonzero(samples[done:i]) + done))
                done = i
            try:
                self._apply_record(kind, batch[i])
            except CorruptionError as error:
                self._tell_malformed(error.message, batch, i)
        self._add_samples(batch.take(np.flatnonzero(samples[done:]) + done))

    def _apply_record(self, kind: int, record: Record) -> None:
        if kind == records.TOMBSTONES:
            for reference, min_time, max_time in records.decode_tombstones(record):
                self._delete(reference, min_time, max_time)
        elif kind == records.MIN_VALID_TIME:
            self.min_valid_time = records.decode_min_valid_time(record)
        elif kind not in records.WITHOUT_SAMPLES:
            self.unread[records.record_kind(kind)] += 1

    def _tell_malformed(self, message: str, batch: Records, i: int) -> None:
        self.problems.append(CorruptionError(f"malformed record: {message}", batch.file, int(batch.offsets[i])))
        self._malformed += int(batch.lengths[i])

    def _add_series(self, batch: Records, *, may_change: bool = False) -> bool:
        """Name series; unless one `may_change`, nothing is done and False returned where a reference has another."""
        found = native.decode_log_series(batch.data, batch.starts, batch.lengths)
        rows = self._rows(batch, found)
        known = self.references.find(found.references)
        if not may_change and ((known >= 0) & (known != rows)).any():
            return False
        for i in np.flatnonzero(found.bad).tolist():
            self._tell_malformed("series record ends within a series", batch, i)
        new, at = np.unique(rows, return_index=True)
        first_new = sum(map(len, self._first))
        self._first.append(found.references[at[new >= first_new]])
        self.references.add(found.references, rows)
        return True

    def _rows(self, batch: Records, found: native.LoggedSeries) -> IntArray:
        """The rows of series, made for those that have none."""
        firsts = found.firsts
        places = zip(found.starts[firsts].tolist(), found.lengths[firsts].tolist(), strict=True)
        texts = [batch.data[at : at + length].tobytes().decode("utf-8", "surrogateescape") for at, length in places]
        symbols = self.registry.symbols.intern_all(texts)[found.numbers]
        rows = np.empty(len(found.references), np.int64)
        plain = np.flatnonzero(found.plain)
        counts = np.diff(found.offsets)[plain]
        owner, within = expand(counts)
        pairs = symbols[found.offsets[plain][owner] + within].reshape(-1, 2)
        offsets = offsets_of(counts // 2)
        odd = np.flatnonzero(~found.plain)
        if not len(odd):
            return self.registry.rows_of_ids(offsets, *_columns(pairs))
        # in order of the log, so that rows count up as they come
        labels = [_labels(found, texts, i) for i in range(len(rows))]
        rows[:] = self.registry.rows(labels)
        return rows

    def _delete(self, reference: int, min_time: int, max_time: int) -> None:
        (row,) = self.references.find(np.array([reference], np.uint64)).tolist()
        if row >= 0:
            self.deletions.append(Deletion(reference, row, min_time, max_time, self._logged))

    def _add_samples(self, batch: Records) -> None:
        if not len(batch):
            return
        bad: list[CorruptionError] = []
        samples = records.decode_samples(batch, bad)
        lengths = dict(zip(batch.offsets.tolist(), batch.lengths.tolist(), strict=True))
        self._malformed += sum(lengths[problem.offset] for problem in bad)
        self.problems += bad
        rows, times, values, starts = (
            self.references.find(samples.references),
            samples.times,
            samples.values,
            samples.starts,
        )
        if len(rows) and rows.min() < 0:
            known = rows >= 0
            unknown = len(rows) - int(known.sum())
            self.unread["samples of series that the log does not name"] += unknown
            self._nameless += unknown
            rows, times, values = rows[known], times[known], values[known]
            starts = None if starts is None else starts[known]
        late = np.full(len(rows), self._out_of_order)
        self._parts.append(LoggedSamples(rows, times, values, late, starts))
        self._logged += len(rows)


def _columns(pairs: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


def _labels(found: native.LoggedSeries, texts: list[str], i: int) -> Labels:
    own = found.numbers[found.offsets[i] : found.offsets[i + 1]].tolist()
    return Labels((texts[name], texts[value]) for name, value in zip(own[::2], own[1::2], strict=True))


def _stretches(kinds: ByteArray) -> list[tuple[int, int]]:
    """Where records of series, and others, follow one another."""
    edges = np.flatnonzero(np.diff(kinds == records.SERIES)) + 1
    cuts = [0, *edges.tolist(), len(kinds)]
    return list(itertools.pairwise(cuts))


def _join_starts(parts: list[LoggedSamples]) -> IntArray | None:
    """The start times of all samples, if any part has some."""
    if all(part.starts is None for part in parts):
        return None
    return np.concatenate(
        [np.zeros(len(part.rows), np.int64) if part.starts is None else part.starts for part in parts]
    )
