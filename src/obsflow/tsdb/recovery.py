"""What is damaged in a head's files, in numbers, and what makes them sound again. Nothing is thrown away."""

from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.tsdb import records
from obsflow.tsdb.checkpoint import checkpoint_path
from obsflow.tsdb.files import Decompress, File, HeadFiles
from obsflow.tsdb.head_chunk_writer import path_of
from obsflow.tsdb.head_chunks import HEADER, HEADER_BYTES, decode_head_chunks, record_of
from obsflow.tsdb.log_writer import Encoded, LogWriter
from obsflow.tsdb.operations import Append, Operation, Remove, Rename, Sync, Truncate, WriteFile
from obsflow.tsdb.replay import Loss, Replay
from obsflow.tsdb.wal import Records, Segment

_FILLED_GAP_MAX = 1000


@attrs.frozen
class Damage:
    """What is wrong with one file. `loss` is in numbers; of head chunks, `records` are chunks.

    What a damaged file of head chunks had is mostly still in the log.
    """

    file: str
    loss: Loss
    problems: tuple[CorruptionError, ...]


@attrs.frozen
class Report:
    """The damage of a head's files, by file; `problems` has all of it in the order in which it was found."""

    damages: tuple[Damage, ...]
    problems: tuple[CorruptionError, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged. A record that was being written when the writer died is no damage."""
        return not self.problems

    @property
    def records(self) -> int:
        """At least so many records and head chunks are lost."""
        return sum(each.loss.records for each in self.damages)

    @property
    def bytes(self) -> int:
        """So many bytes are lost."""
        return sum(each.loss.bytes for each in self.damages)

    @property
    def samples(self) -> int:
        """So many samples are known to be lost: those whose series the log does not name any more."""
        return sum(each.loss.samples for each in self.damages)

    @property
    def unfinished(self) -> int:
        """Bytes of records that were never whole."""
        return sum(each.loss.unfinished for each in self.damages)


@attrs.frozen
class Recovery:
    """What is damaged, and the operations that make it sound again; none where nothing is to be done.

    A damaged file is kept beside its sound rest, as `<name>.<checksum>.corrupt`. After any of the operations the
    directory can be read; when all are done, it is to be read anew.
    """

    report: Report
    operations: tuple[Operation, ...]


def plan_recovery(files: HeadFiles, decompress_zstd: Decompress) -> Recovery:
    """Look for damage in the log, its checkpoint, the log of late samples and the head's chunks."""
    replay = Replay(Symbols(), decompress_zstd)
    replay.read(files)
    losses = {loss.file: loss for loss in replay.losses}
    operations = list(_mend_logs(files, losses, decompress_zstd))
    log_is_sound = not replay.problems
    problems = list(replay.problems)
    damages = []
    spoilt: dict[int, list[CorruptionError]] = {}
    for number, file in sorted(files.chunks.items()):
        found: list[CorruptionError] = []
        chunks = decode_head_chunks(file, found)
        if found:
            spoilt[number] = found
            problems += found
            sound = sum(len(record_of(file, chunk)) for chunk in chunks)
            used = len(bytes(file.data).rstrip(b"\0"))
            lost = Loss(file.name, len(found), max(0, used - HEADER_BYTES - sound), 0)
            damages.append(Damage(file.name, lost, tuple(found)))
    for number in spoilt if not log_is_sound else list(spoilt)[:1]:
        operations += _mend_chunks(files.chunks, number, spoilt[number], keep_later=not log_is_sound)
    logs = [
        Damage(loss.file, loss, tuple(each for each in replay.problems if each.file == loss.file))
        for loss in replay.losses
    ]
    return Recovery(Report((*logs, *damages), tuple(problems)), tuple(operations))


# ---- logs --------------------------------------------------------------------------------------------------------


def _mend_logs(files: HeadFiles, losses: Mapping[str, Loss], decompress_zstd: Decompress) -> Iterator[Operation]:
    before = files.checkpoint
    if before is not None and min(files.wal, default=before.number + 1) > before.number:
        # else the segments that it stands for are still there, and are read as well as long as it is damaged
        for number, file in sorted(before.segments.items()):
            path = f"{checkpoint_path(before.number)}/{number:08d}"
            kept = f"wal/checkpoint-{before.number:08d}.{number:08d}"
            yield from _mend_segment(path, kept, file, losses, decompress_zstd, is_last=False)
    for directory, segments in (("wal", files.wal), ("wbl", files.wbl)):
        newest = max(segments, default=-1)
        for number, file in sorted(segments.items()):
            path = f"{directory}/{number:08d}"
            yield from _mend_segment(path, path, file, losses, decompress_zstd, is_last=number == newest)
        missing = sorted(set(range(min(segments, default=0), newest)) - set(segments))
        if missing and len(missing) <= _FILLED_GAP_MAX:  # a server opens only logs without gaps
            yield from (WriteFile(f"{directory}/{number:08d}", b"") for number in missing)
            yield Sync(directory)


def _mend_segment(
    path: str, kept: str, file: File, losses: Mapping[str, Loss], decompress_zstd: Decompress, *, is_last: bool
) -> Iterator[Operation]:
    loss = losses.get(file.name)
    if loss is None:
        return
    if loss.records:
        yield from _replace(path, kept, file, _sound_rest(file, decompress_zstd, is_last=is_last))
    elif loss.unfinished:
        yield Truncate(path, loss.sound_end)
        yield Sync(path)


def _replace(path: str, kept: str, file: File, data: bytes) -> Iterator[Operation]:
    """Keep a file under another name, and put its sound rest in its place."""
    kept = f"{kept}.{native.crc32c(file.data):08x}.corrupt"
    for target, content in ((kept, bytes(file.data)), (f"{path}.tmp", data)):
        yield Remove(target)  # what an attempt before this may have left
        yield WriteFile(target, content)
        yield Sync(target)
    yield Rename(f"{path}.tmp", path)
    yield Sync(path.rpartition("/")[0])


def _sound_rest(file: File, decompress_zstd: Decompress, *, is_last: bool) -> bytes:
    """A segment of the records that are sound; of those that end too early, what is whole."""
    log = LogWriter("", 0, segment_bytes=1 << 62)
    out = []
    for batch in Segment(file, decompress_zstd, is_last=is_last).records():
        sound = [part for i in range(len(batch)) if (part := _sound_part(batch, i))]
        out += [each.data for each in log.write(Encoded.of(sound)) if isinstance(each, Append)]
    return b"".join(out)


def _sound_part(batch: Records, i: int) -> bytes:
    record = batch[i]
    one = batch.take(slice(i, i + 1))
    problems: list[CorruptionError] = []
    kind = record.data[0] if record.data else 0
    try:
        if kind in (records.SAMPLES, records.SAMPLES_V2):
            samples = records.decode_samples(one, problems)
            if not problems:
                return record.data
            if kind == records.SAMPLES_V2:
                return records.encode_samples_with_starts(samples)
            columns = samples.references, samples.times, samples.values
            return native.encode_log_samples(*columns, max(1, len(samples.times)))[0].tobytes()
        if kind == records.SERIES:
            found = native.decode_log_series(one.data, one.starts, one.lengths)
            kept = np.unique(found.references)
            return native.keep_log_series(one.data, one.starts, one.lengths, kept)[0].tobytes()
        for read in _READERS.get(kind, ()):
            for _ in read(record):
                pass
    except CorruptionError:
        return b""
    return record.data


_READERS = {records.TOMBSTONES: (records.decode_tombstones,)}
"""Of records without samples those whose damage is told."""


# ---- head chunks -------------------------------------------------------------------------------------------------


def _mend_chunks(
    files: Mapping[int, File], damaged: int, problems: list[CorruptionError], *, keep_later: bool
) -> Iterator[Operation]:
    """Cut the chunks off at the first damage: the log has the samples of all that follow.

    Readers take from the log only what is newer than the chunks of a series. Where the log is damaged too, all sound
    chunks are kept.
    """
    later = [number for number in sorted(files, reverse=True) if number > damaged]
    if not keep_later:
        for number in later:
            path = path_of(number)
            yield Rename(path, f"{path}.{native.crc32c(files[number].data):08x}.corrupt")
    file = files[damaged]
    end = min(problem.offset for problem in problems)
    chunks = [chunk for chunk in decode_head_chunks(file, []) if keep_later or chunk.start < end]
    path = path_of(damaged)
    if chunks or keep_later:
        yield from _replace(path, path, file, HEADER + b"".join(record_of(file, chunk) for chunk in chunks))
    else:
        yield Rename(path, f"{path}.{native.crc32c(file.data):08x}.corrupt")
