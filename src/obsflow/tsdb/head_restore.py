"""A live head put together again: closed chunks stay in their files, and only newer samples come from the log."""

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.storage import ENCODING_XOR
from obsflow.tsdb.encoding import IntArray, MaskArray, offsets_of
from obsflow.tsdb.files import File
from obsflow.tsdb.head_chunks import OUT_OF_ORDER, read_head_chunks
from obsflow.tsdb.live_head import LiveHead
from obsflow.tsdb.replay import LoggedSamples, Replay
from obsflow.tsdb.restoring import kept_samples
from obsflow.tsdb.runs import RunTable, join

_EVER = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)


@attrs.frozen(eq=False)
class Restored:
    """What was put back: `references` uint64, of each row of the head; what was `skipped`, by kind; and `problems`."""

    references: npt.NDArray[np.uint64]
    skipped: Counter[str]
    problems: tuple[CorruptionError, ...]


def restore_head(head: LiveHead, replay: Replay, files: Mapping[int, File]) -> Restored:
    """Put to an empty head what was replayed, and the chunks of `files`, by number.

    Its rows are in order of the references. What came in order before the head's `min_valid_time` is left out.
    """
    first = replay.first_references
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = head.registry.rows_of_ids(*replay.label_pairs(order))
    chunks = _Chunks(replay, rank, head.min_valid_time)
    for _, file in sorted(files.items()):
        chunks.add(file)
    parts: Iterable[LoggedSamples]
    if replay.deletions or not replay.in_order:
        samples = replay.samples()
        kept = kept_samples(samples, replay.deletions)
        samples = _take(attrs.evolve(samples, rows=rank[samples.rows]), kept)
        parts = (samples,) if replay.in_order else _by_time(samples)
    else:
        parts = (attrs.evolve(part, rows=rank[part.rows]) for part in replay.parts())
    if chunks.n_rows:
        parts = _with_chunks(head, chunks, parts)
    for part in parts:
        if part.out_of_order.any():
            late = _take(part, part.out_of_order)
            head.restore_late(late.rows, late.times, late.values)
        in_order = _take(part, ~part.out_of_order)
        head.restore(in_order.rows, in_order.times, in_order.values)
    _delete(head, replay, rank, chunks)
    return Restored(first[order], chunks.skipped, tuple(chunks.problems))


def _take(samples: LoggedSamples, kept: MaskArray) -> LoggedSamples:
    if kept.all():
        return samples
    starts = None if samples.starts is None else samples.starts[kept]
    return LoggedSamples(
        samples.rows[kept], samples.times[kept], samples.values[kept], samples.out_of_order[kept], starts
    )


class _Chunks:
    """The head's chunks that are of use, as they come from their files."""

    def __init__(self, replay: Replay, rank: IntArray, min_valid_time: int) -> None:
        self._references = replay.references
        self._rank = rank
        self._min_valid_time = min_valid_time
        removed = [each.reference for each in replay.deletions if (each.min_time, each.max_time) == _EVER]
        self._removed = np.array(removed, np.uint64)
        self._files: list[File] = []
        self._newest = np.full(len(rank), _EVER[0])
        self._in_order: list[RunTable] = []
        self._late: list[RunTable] = []
        self.problems: list[CorruptionError] = []
        self.skipped: Counter[str] = Counter()

    @property
    def n_rows(self) -> int:
        """How many chunks there are."""
        return sum(map(len, (*self._in_order, *self._late)))

    def add(self, file: File) -> None:
        """The chunks of one more file."""
        self._files.append(file)
        found = read_head_chunks(file, self.problems)
        is_late = (found.encodings & OUT_OF_ORDER) != 0
        # what is in a block may be of a series that the log has forgotten
        wanted = (found.max_time >= self._min_valid_time) | is_late
        known = self._references.find(found.references)
        nameless = wanted & (known < 0)
        if nameless.any():
            self.skipped["head chunks of series that the log does not name"] += int(nameless.sum())
        # of those that are encoded in another way the log has the samples
        wanted &= (known >= 0) & ((found.encodings & ~np.uint8(OUT_OF_ORDER)) == ENCODING_XOR)
        if len(self._removed):
            wanted &= ~np.isin(found.references, self._removed)
        at = np.flatnonzero(wanted)
        table = RunTable(
            (),
            self._rank[known[at]],
            np.full(len(at), len(self._files) - 1),
            found.starts[at],
            found.lengths[at],
            np.full(len(at), ENCODING_XOR, np.uint8),
            found.min_time[at],
            found.max_time[at],
        )
        late = np.flatnonzero(is_late[at])
        if len(late):
            self._late.append(table.take(late))
            table = table.take(np.flatnonzero(~is_late[at]))
        self._in_order.append(self._without_overlaps(table, file))

    def _without_overlaps(self, table: RunTable, file: File) -> RunTable:
        """Chunks that come after all that their series had before them."""
        order = np.argsort(table.series, kind="stable")
        series, first, last = table.series[order], table.min_time[order], table.max_time[order]
        before = self._newest[series]
        same = np.zeros(len(order), np.bool_)
        same[1:] = series[1:] == series[:-1]
        before[1:][same[1:]] = last[:-1][same[1:]]
        if (first <= before).any() or (last < first).any():
            kept = []
            for i, row in enumerate(table.series.tolist()):
                if table.min_time[i] <= self._newest[row] or table.max_time[i] < table.min_time[i]:
                    message = "head chunk overlaps the one before it"
                    self.problems.append(CorruptionError(message, file.name, int(table.start[i])))
                else:
                    self._newest[row] = table.max_time[i]
                    kept.append(i)
            return table.take(np.array(kept, np.int64))
        np.maximum.at(self._newest, series, last)
        return table

    def in_order(self) -> RunTable:
        """Those whose samples came in order, as runs."""
        return self._table(self._in_order)

    def late(self) -> RunTable:
        """The others."""
        return self._table(self._late)

    def _table(self, tables: list[RunTable]) -> RunTable:
        table = join([attrs.evolve(each, files=()) for each in (*tables, _no_chunks())])
        return attrs.evolve(table, files=tuple(self._files))

    def decode(self, table: RunTable, *, late: bool) -> LoggedSamples:
        """The samples of chunks; a damaged one gives those before the damage."""
        times, values, offsets, bad = native.decode_runs(table.to_runs(np.arange(len(table) + 1)))
        for run in np.flatnonzero(bad).tolist():
            name = self._files[int(table.file[run])].name
            self.problems.append(CorruptionError("chunk ends within a sample", name, int(table.start[run])))
        rows = np.repeat(table.series, np.diff(offsets))
        return LoggedSamples(rows, times, values, np.full(len(rows), late))


def _with_chunks(head: LiveHead, chunks: _Chunks, parts: Iterable[LoggedSamples]) -> list[LoggedSamples]:
    """Put the chunks to the head, and return the samples that are not in them.

    Where the log has samples that lie between the chunks of a series, one of them was lost: those after it are decoded,
    so that the samples between can be added.
    """
    table = chunks.in_order()
    samples = _join([_take(part, ~_covered(head, table, part)) for part in parts])
    late = samples.out_of_order
    uncovered = ~late
    last = np.full(len(head.registry), _EVER[0])
    np.maximum.at(last, table.series, table.max_time)
    between = np.flatnonzero(uncovered & (samples.times < last[samples.rows]))
    between = between[~_are_late(samples, between)]
    gap = np.full(len(head.registry), _EVER[1])
    np.minimum.at(gap, samples.rows[between], samples.times[between])
    torn = table.min_time > gap[table.series]
    out: list[LoggedSamples] = []
    newest = _mapped(head, table.take(np.flatnonzero(~torn)))
    mended = np.zeros(len(head.registry), np.bool_)
    mended[table.series[torn]] = True
    mended[newest] = True
    if mended.any():
        lost_from = chunks.decode(table.take(np.flatnonzero(torn | np.isin(table.series, newest))), late=False)
        out.append(_in_order(lost_from, _take(samples, mended[samples.rows] & uncovered)))
    out.append(_take(samples, uncovered & ~mended[samples.rows]))
    late_chunks = chunks.late()
    if len(late_chunks) or late.any():
        out.append(_in_order(chunks.decode(late_chunks, late=True), _take(samples, late)))
    return out


def _mapped(head: LiveHead, table: RunTable) -> IntArray:
    """Put chunks to the head; returns the rows of series whose chunks do not decode, and are not there."""
    spoilt: list[int] = []
    while True:
        try:
            head.restore_chunks(table.take(np.flatnonzero(~np.isin(table.series, spoilt))))
        except CorruptionError as error:
            numbers = [i for i, file in enumerate(table.files) if file.name == error.file]
            at = np.flatnonzero(np.isin(table.file, numbers) & (table.start == error.offset))
            if not len(at):
                raise
            spoilt += table.series[at].tolist()
        else:
            return np.array(sorted(set(spoilt)), np.int64)


def _covered(head: LiveHead, table: RunTable, samples: LoggedSamples) -> MaskArray:
    """Which of the samples that came in order are in a block, or lie in a chunk of their series."""
    order = np.lexsort((table.min_time, table.series))
    offsets = offsets_of(np.bincount(table.series, minlength=len(head.registry)))
    times = table.min_time[order], table.max_time[order]
    covered = native.find_covered(samples.rows, samples.times, offsets, *times)
    return (covered | (samples.times < head.min_valid_time)) & ~samples.out_of_order


def _join(parts: list[LoggedSamples]) -> LoggedSamples:
    names = ("rows", "times", "values", "out_of_order")
    if not parts:
        none = np.zeros(0, np.int64)
        return LoggedSamples(none, none, np.zeros(0), np.zeros(0, np.bool_))
    return LoggedSamples(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _are_late(samples: LoggedSamples, at: IntArray) -> MaskArray:
    """Which of the samples are in the log of late samples too."""
    late = np.flatnonzero(samples.out_of_order)
    if not len(late) or not len(at):
        return np.zeros(len(at), np.bool_)
    keys = set(zip(samples.rows[late].tolist(), samples.times[late].tolist(), strict=True))
    asked = zip(samples.rows[at].tolist(), samples.times[at].tolist(), strict=True)
    return np.fromiter((key in keys for key in asked), np.bool_, len(at))


def _by_time(samples: LoggedSamples) -> tuple[LoggedSamples, ...]:
    return _in_order(_take(samples, ~samples.out_of_order)), _in_order(_take(samples, samples.out_of_order))


def _in_order(*parts: LoggedSamples) -> LoggedSamples:
    """The samples of all parts by series and time; of equal times that of the first part stays."""
    all_ = _join(list(parts))
    order = np.lexsort((all_.times, all_.rows))
    rows, times = all_.rows[order], all_.times[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (rows[1:] != rows[:-1]) | (times[1:] != times[:-1])
    order = order[new]
    return LoggedSamples(all_.rows[order], all_.times[order], all_.values[order], all_.out_of_order[order])


def _delete(head: LiveHead, replay: Replay, rank: IntArray, chunks: _Chunks) -> None:
    """Delete from the chunks what was deleted since they were closed; of samples that were logged later, nothing."""
    if not replay.deletions or not chunks.n_rows:
        return
    table = join([chunks.in_order(), chunks.late()])
    for deletion in replay.deletions:
        row = int(rank[deletion.row])
        own = (table.series == row) & (table.min_time <= deletion.max_time) & (table.max_time >= deletion.min_time)
        if own.any():
            end = min(deletion.max_time, int(table.max_time[own].max()))
            head.delete(np.array([row], np.int64), max(deletion.min_time, head.min_valid_time), end)


def _no_chunks() -> RunTable:
    none = np.zeros(0, np.int64)
    return RunTable((), none, none, none, none, np.zeros(0, np.uint8), none, none)
