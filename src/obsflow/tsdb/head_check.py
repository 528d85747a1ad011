"""Everything that a head is made of read: its log, the log of late samples, its chunk files."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import attrs
import numpy as np

from obsflow.errors import CorruptionError
from obsflow.model.labels import Labels
from obsflow.model.storage import FLOAT_CHUNKS, Runs
from obsflow.tsdb import records
from obsflow.tsdb.chunk_check import find_faults
from obsflow.tsdb.files import Decompress, File, HeadFiles
from obsflow.tsdb.head_chunks import CRC_BYTES, HEADER_BYTES, HeadChunk, decode_head_chunks
from obsflow.tsdb.segments import chunk_kind
from obsflow.tsdb.wal import Record, Records, Segment

_PADDING = slice(5, HEADER_BYTES)
_STRUCTURED: Mapping[int, tuple[str, Callable[[Record], Iterable[object]]]] = {
    records.TOMBSTONES: ("tombstones", records.decode_tombstones),
    records.EXEMPLARS: ("exemplars", records.decode_exemplars),
    records.MARKERS: ("chunk_markers", records.decode_markers),
    records.METADATA: ("metadata", records.decode_metadata),
}
"""Records that are read one by one, what they hold, and how."""


class _LogCheck:
    """Reads one log after the other; the series that they name stay known."""

    def __init__(self, decompress_zstd: Decompress) -> None:
        self._decompress_zstd = decompress_zstd
        self.counts: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()
        self.problems: list[CorruptionError] = []
        self.notes: list[str] = []
        self.series: dict[int, Labels] = {}
        self._known = np.zeros(0, np.uint64)  # their references

    def read(self, segments: Mapping[int, File], *, is_live: bool, after: int | None = None) -> None:
        """The segments of a log; `after` is the number that the first of them must follow, if it matters."""
        newest = max(segments, default=-1)
        expected = min(segments, default=0) if after is None else after + 1
        for number, file in sorted(segments.items()):
            if number > expected:
                message = f"segments {expected} to {number - 1} before it are missing"
                self.problems.append(CorruptionError(message, file.name))
            expected = number + 1
            self.counts["segments"] += 1
            self.counts["bytes"] += len(file.data)
            self._read_segment(Segment(file, self._decompress_zstd, is_last=is_live and number == newest))

    def _read_segment(self, segment: Segment) -> None:
        malformed: list[CorruptionError] = []
        for batch in segment.records():
            self.counts["records"] += len(batch)
            kinds = batch.kinds
            for kind in np.unique(kinds).tolist():
                own = batch.take(np.flatnonzero(kinds == kind))
                if kind == records.SERIES:
                    self._read_series(own, malformed)
                elif kind not in (records.SAMPLES, records.SAMPLES_V2):
                    self._read_others(kind, own, malformed)
            self._read_samples(
                batch.take(np.isin(kinds, (records.SAMPLES, records.SAMPLES_V2)).nonzero()[0]), malformed
            )
        faults = (*segment.problems, *malformed)
        self.problems += faults
        if faults:
            self.lost.update(records=len(faults), bytes=segment.lost)
        if segment.unfinished:
            self.notes.append(
                f"{segment.file.name}: offset {segment.sound_end}: "
                f"{segment.unfinished} bytes of a record that was being written when it ended"
            )

    def _read_series(self, batch: Records, malformed: list[CorruptionError]) -> None:
        for i in range(len(batch)):
            record = batch[i]
            try:
                for reference, labels in records.decode_series(record):
                    if self.series.setdefault(reference, labels) != labels:
                        message = f"reference {reference} is given to a second series"
                        malformed.append(CorruptionError(message, record.file, record.offset))
            except CorruptionError as error:
                malformed.append(_malformed(error, record))

    def _read_samples(self, batch: Records, malformed: list[CorruptionError]) -> None:
        samples = records.decode_samples(batch, malformed)
        self.counts["samples"] += len(samples.times)
        if len(self._known) != len(self.series):
            self._known = np.array(list(self.series), np.uint64)
        nameless = int(np.count_nonzero(~np.isin(samples.references, self._known)))
        if nameless:
            self.unread["samples of series that the log does not name"] += nameless

    def _read_others(self, kind: int, batch: Records, malformed: list[CorruptionError]) -> None:
        for i in range(len(batch)):
            record = batch[i]
            try:
                if kind in _STRUCTURED:
                    what, decode = _STRUCTURED[kind]
                    self.counts[what] += sum(1 for _ in decode(record))
                elif kind == records.MIN_VALID_TIME:
                    records.decode_min_valid_time(record)
                else:
                    self.unread[records.record_kind(kind)] += 1
            except CorruptionError as error:
                malformed.append(_malformed(error, record))


def _malformed(error: CorruptionError, record: Record) -> CorruptionError:
    return CorruptionError(f"malformed record: {error.message}", record.file, record.offset)


@attrs.frozen(eq=False)
class HeadCheck:
    """What a head has whole and what at least is lost, by kind; what is damaged; and what is worth knowing."""

    counts: Mapping[str, int]
    lost: Mapping[str, int]
    problems: list[CorruptionError]
    notes: list[str]


def check_head(files: HeadFiles, decompress_zstd: Decompress) -> HeadCheck:
    """Read all files of a head. Nothing is raised for what is damaged."""
    log = _LogCheck(decompress_zstd)
    covered: int | None = None
    if files.checkpoint is not None:
        log.read(files.checkpoint.segments, is_live=False)
        covered = files.checkpoint.number
    log.read(files.wal, is_live=True, after=None if covered is None else min([covered, *[n - 1 for n in files.wal]]))
    log.read(files.wbl, is_live=True)
    counts = {"series": len(log.series), "samples": 0, "records": 0, "segments": 0} | log.counts
    problems, notes = log.problems, log.notes
    chunks = _check_chunk_files(files.chunks, log, problems, notes)
    counts["chunks"] = chunks
    counts["bytes"] = counts.get("bytes", 0) + sum(len(file.data) for file in files.chunks.values())
    notes += [f"{count} {kind}: not decoded" for kind, count in sorted(log.unread.items())]
    return HeadCheck(counts, dict(log.lost), problems, notes)


def _check_chunk_files(
    files: Mapping[int, File], log: _LogCheck, problems: list[CorruptionError], notes: list[str]
) -> int:
    """Read the closed chunks; returns how many are whole."""
    for (before, _), (number, file) in itertools.pairwise(sorted(files.items())):
        if number != before + 1:
            problems.append(CorruptionError(f"file {before + 1:06d} before it is missing", file.name))
    count, orphans, others = 0, 0, Counter[str]()
    ends: dict[int, int] = {}
    for _, file in sorted(files.items()):
        faults: list[CorruptionError] = []
        chunks = decode_head_chunks(file, faults)
        if not faults:
            faults += _check_rest(file, chunks)
        faults += _check_order(file, chunks, ends)
        orphans += sum(1 for chunk in chunks if chunk.reference not in log.series)
        others.update(chunk_kind(chunk.encoding) for chunk in chunks if chunk.encoding not in FLOAT_CHUNKS)
        wrong = _decode(file, [chunk for chunk in chunks if chunk.encoding in FLOAT_CHUNKS])
        problems += faults + wrong
        count += len(chunks) - len(wrong)
    if orphans:
        notes.append(f"{orphans} chunks in chunks_head of series that the log does not name")
    notes += [f"{n} {kind} in chunks_head: sums checked, not decoded" for kind, n in sorted(others.items())]
    return count


def _check_rest(file: File, chunks: list[HeadChunk]) -> list[CorruptionError]:
    """The header ends with zeros, and nothing but zeros follows the last chunk."""
    end = max([HEADER_BYTES, *[chunk.start + chunk.length + CRC_BYTES for chunk in chunks]])
    rest = np.frombuffer(file.data, np.uint8)[end:]
    problems = []
    if any(file.data[_PADDING]):
        problems.append(CorruptionError("expected zeros at the end of the header", file.name, _PADDING.start))
    if rest.any():
        where = end + int(np.flatnonzero(rest)[0])
        problems.append(CorruptionError("expected zeros after the last chunk", file.name, where))
    return problems


def _check_order(file: File, chunks: list[HeadChunk], ends: dict[int, int]) -> list[CorruptionError]:
    """Chunks of a series that were in order follow one another; `ends` remembers when the last one of each did."""
    problems = []
    for chunk in chunks:
        if chunk.is_out_of_order:
            continue
        if chunk.min_time <= ends.get(chunk.reference, chunk.min_time - 1):
            problems.append(CorruptionError("chunk begins before the one before it ended", file.name, chunk.start))
        ends[chunk.reference] = chunk.max_time
    return problems


def _decode(file: File, chunks: list[HeadChunk]) -> list[CorruptionError]:
    n = len(chunks)
    fields = [(each.start, each.length, each.min_time, each.max_time) for each in chunks]
    start, length, min_time, max_time = np.ascontiguousarray(np.array(fields, np.int64).reshape(n, 4).T)
    encoding = np.array([each.encoding for each in chunks], np.uint8)
    offsets, buffer = np.arange(n + 1), np.zeros(n, np.int32)
    runs = Runs((file.data,), offsets, buffer, start, length, encoding, min_time, max_time)
    return [CorruptionError(message, file.name, int(start[at])) for at, message in find_faults(runs)[1]]
