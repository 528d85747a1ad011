"""Checkpoints of the write-ahead log: what its oldest segments still have to say, written anew, so that they can go."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.tsdb import records
from obsflow.tsdb.encoding import MaskArray
from obsflow.tsdb.files import Decompress, File, HeadFiles
from obsflow.tsdb.log_writer import Encoded, LogWriter
from obsflow.tsdb.operations import MakeDirectory, Operation, Remove, Rename, Sync
from obsflow.tsdb.records import LoggedMetadata, SampleColumns
from obsflow.tsdb.references import References
from obsflow.tsdb.wal import Record, Records, Segment

_RECORD_SAMPLES = 2048
_RECORD_METADATA = 1024


def last_covered(first: int, newest: int) -> int | None:
    """The last segment that a checkpoint is to stand for, of those from `first` to the `newest`, which stays.

    None where there are less than four: two thirds of the older ones are mostly obsolete (as Prometheus reckons).
    """
    older = newest - 1
    last = first + max(older - first, 0) * 2 // 3
    return last if last > first else None


def checkpoint_path(number: int) -> str:
    """The directory of the checkpoint that stands for the segments up to `number`."""
    return f"wal/checkpoint.{number:08d}"


class LoggedNames:
    """Which references a log has for its series, and how long they must be known.

    A series may have had several references. One that was dropped is needed while segments may have samples of it.
    """

    def __init__(self, references: References, first: npt.NDArray[np.uint64], first_segment: int) -> None:
        keys, rows = references.all()
        is_other = ~np.isin(keys, first)
        self._others = dict(zip(keys[is_other].tolist(), rows[is_other].tolist(), strict=True))
        own = keys[~is_other]
        self._own = dict(zip(rows[~is_other].tolist(), own.tolist(), strict=True)) if self._others else {}
        self._dropped: dict[int, int] = {}
        self._gone = np.zeros(0, np.uint64)
        self.first_segment = first_segment

    @classmethod
    def none(cls) -> "LoggedNames":
        """Those of a log that is not there yet."""
        return cls(References(), np.zeros(0, np.uint64), 0)

    def drop(self, references: npt.NDArray[np.uint64], segment: int) -> None:
        """Series were dropped, when the log was in this segment."""
        gone = set(references.tolist())
        self._gone = np.union1d(self._gone, references)
        others = [other for other, row in self._others.items() if self._own.get(row) in gone]
        self._dropped |= dict.fromkeys((*gone, *others), segment)
        for other in others:
            del self._others[other]

    def kept(self, references: npt.NDArray[np.uint64], last: int) -> npt.NDArray[np.uint64]:
        """The references, ascending, that a checkpoint of the segments up to `last` must name.

        `references` are those of all series that there ever were.
        """
        alive = np.setdiff1d(references, self._gone)
        more = [*self._others, *(each for each, segment in self._dropped.items() if segment > last)]
        return np.union1d(alive, np.array(more, np.uint64))

    def forget(self, last: int) -> None:
        """The segments up to `last` are gone."""
        self.first_segment = max(self.first_segment, last + 1)
        self._dropped = {each: segment for each, segment in self._dropped.items() if segment > last}


class Checkpointing:
    """A checkpoint that is being made: iterate over its operations, and do them in order.

    It keeps the series `kept` (uint64, ascending), their samples and exemplars from `min_time` (ms) on, deletions that
    reach so far, the newest metadata, and records that are not understood. What it stands for is removed at last; files
    that are damaged, which `problems` then tells, get another name instead.
    """

    def __init__(
        self,
        files: HeadFiles,
        last: int,
        kept: npt.NDArray[np.uint64],
        min_time: int,
        decompress_zstd: Decompress,
        *,
        compress: bool = True,
    ) -> None:
        self.last = last
        self.problems: list[CorruptionError] = []
        self._files = files
        self._kept = kept
        self._min_time = min_time
        self._decompress_zstd = decompress_zstd
        self._compress = compress
        self._metadata: dict[int, LoggedMetadata] = {}

    def __iter__(self) -> Iterator[Operation]:
        before = self._files.checkpoint
        if before is not None and before.number >= self.last:
            yield from self._clear()  # it was made, and what it stands for not removed
            return
        target = checkpoint_path(self.last)
        unfinished = f"{target}.tmp"
        yield Remove(unfinished)
        yield MakeDirectory(unfinished)
        log = LogWriter(unfinished, 0, compress=self._compress)
        for encoded in self._contents():
            yield from log.write(encoded)
        yield from log.close()
        yield Sync(unfinished)
        yield Rename(unfinished, target)
        yield Sync("wal")
        yield from self._clear()

    @property
    def _sources(self) -> list[tuple[str, File]]:
        """Paths and files of all segments that it stands for, oldest first."""
        before = self._files.checkpoint
        out: list[tuple[str, File]] = []
        covered = -1
        if before is not None:
            covered = before.number
            directory = checkpoint_path(covered)
            out += [(f"{directory}/{number:08d}", file) for number, file in sorted(before.segments.items())]
        wal = sorted(self._files.wal.items())
        return out + [(f"wal/{number:08d}", file) for number, file in wal if covered < number <= self.last]

    def _contents(self) -> Iterator[Encoded]:
        yield Encoded.of([records.encode_min_valid_time(self._highest_min_valid_time())])
        for _, file in self._sources:
            segment = Segment(file, self._decompress_zstd)
            for batch in segment.records():
                yield from self._keep(batch)
            self.problems += segment.problems
        newest = [each for _, each in sorted(self._metadata.items())]
        for i in range(0, len(newest), _RECORD_METADATA):
            yield Encoded.of([records.encode_metadata(newest[i : i + _RECORD_METADATA])])

    def _highest_min_valid_time(self) -> int:
        """That of the checkpoint before, if it is later than ours."""
        highest = self._min_time
        for _, file in self._sources[:1]:
            for batch in Segment(file, self._decompress_zstd).records():
                if batch.kinds[0] == records.MIN_VALID_TIME and batch.lengths[0] > 8:
                    highest = max(highest, records.decode_min_valid_time(batch[0]))
                break
        return highest

    def _keep(self, batch: Records) -> Iterator[Encoded]:
        """What stays of some records: series first, as they may be, and then all in order."""
        kinds = batch.kinds
        if len(series := np.flatnonzero(kinds == records.SERIES)):
            yield from self._keep_series(batch.take(series))
        samples = (kinds == records.SAMPLES) | (kinds == records.SAMPLES_V2)
        done = 0
        for i in np.flatnonzero(~samples & (kinds != records.SERIES)).tolist():
            yield from self._keep_samples(batch.take(np.flatnonzero(samples[done:i]) + done))
            done = i
            try:
                kept = self._keep_record(int(kinds[i]), batch[i])
            except CorruptionError as error:
                self._tell_malformed(error.message, batch, i)
                continue
            if kept:
                yield Encoded.of([kept])
        yield from self._keep_samples(batch.take(np.flatnonzero(samples[done:]) + done))

    def _tell_malformed(self, message: str, batch: Records, i: int) -> None:
        self.problems.append(CorruptionError(f"malformed record: {message}", batch.file, int(batch.offsets[i])))

    def _keep_series(self, batch: Records) -> Iterator[Encoded]:
        data, ends, bad = native.keep_log_series(batch.data, batch.starts, batch.lengths, self._kept)
        for i in np.flatnonzero(bad).tolist():
            self._tell_malformed("series record ends within a series", batch, i)
        ends = ends[np.diff(ends, prepend=0) > 0]
        if len(ends):
            yield Encoded(data, ends)

    def _keep_samples(self, batch: Records) -> Iterator[Encoded]:
        if not len(batch):
            return
        samples = records.decode_samples(batch, self.problems)
        at = np.flatnonzero((samples.times >= self._min_time) & self._is_kept(samples.references))
        if not len(at):
            return
        references, times, values = samples.references[at], samples.times[at], samples.values[at]
        starts = None if samples.starts is None else samples.starts[at]
        if starts is None or not starts.any():
            yield Encoded(*native.encode_log_samples(references, times, values, _RECORD_SAMPLES))
            return
        for i in range(0, len(at), _RECORD_SAMPLES):
            part = slice(i, i + _RECORD_SAMPLES)
            columns = SampleColumns(references[part], times[part], values[part], starts[part])
            yield Encoded.of([records.encode_samples_with_starts(columns)])

    def _is_kept(self, references: npt.NDArray[np.uint64]) -> MaskArray:
        if not len(self._kept):
            return np.zeros(len(references), np.bool_)
        at = np.minimum(np.searchsorted(self._kept, references), len(self._kept) - 1)
        kept: MaskArray = self._kept[at] == references
        return kept

    def _names(self, reference: int) -> bool:
        return bool(self._is_kept(np.array([reference], np.uint64))[0])

    def _keep_record(self, kind: int, record: Record) -> bytes:
        """What stays of a record that is neither of series nor of samples. Raises CorruptionError."""
        match kind:
            case records.TOMBSTONES:
                stones = [each for each in records.decode_tombstones(record) if self._names(each[0])]
                stones = [each for each in stones if each[2] >= self._min_time]
                return records.encode_tombstones(stones) if stones else b""
            case records.EXEMPLARS:
                found = [each for each in records.decode_exemplars(record) if each.time >= self._min_time]
                found = [each for each in found if self._names(each.reference)]
                return records.encode_exemplars(found) if found else b""
            case records.METADATA:
                for each in records.decode_metadata(record):
                    if self._names(each.reference):
                        self._metadata[each.reference] = each
                return b""
            case records.MIN_VALID_TIME:
                return b""
        return record.data  # of a type that may mean something to another reader

    def _clear(self) -> Iterator[Operation]:
        """What removes that for which the checkpoint stands; what is damaged is kept under another name."""
        damaged = {problem.file for problem in self.problems}
        before = self._files.checkpoint
        covered = before.number if before is not None else -1
        for number, file in sorted(self._files.wal.items()):
            path = f"wal/{number:08d}"
            if number <= self.last:
                yield Rename(path, f"{path}.corrupt") if file.name in damaged else Remove(path)
        if before is not None and covered < self.last:
            directory = checkpoint_path(covered)
            if any(file.name in damaged for file in before.segments.values()):
                yield Rename(directory, f"wal/corrupt-checkpoint.{covered:08d}")
            else:
                yield Remove(directory)
        if before is not None:
            yield from (Remove(checkpoint_path(number)) for number in before.older)
        yield Sync("wal")
