"""Runs of samples on their way from several sources into one selection: ordered, merged, without what was deleted."""

import itertools
from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.storage import WITH_STARTS, Runs
from obsflow.tsdb.encoding import IntArray, offsets_of
from obsflow.tsdb.files import File
from obsflow.tsdb.tombstones import Stones, is_deleted


@attrs.frozen(eq=False)
class ChunkMetas:
    """The chunks of many series: series `i` has the chunks `offsets[i]:offsets[i + 1]`. Times are closed, ms."""

    offsets: IntArray
    min_time: IntArray
    max_time: IntArray
    reference: IntArray

    @property
    def times(self) -> native.ChunkTimes:
        """When they are, for kernels."""
        return native.ChunkTimes(self.offsets, self.min_time, self.max_time)


@attrs.frozen(eq=False)
class SourceRuns:
    """What one source has of some series, in their order: `runs`, which lie in `files`; `n_empty` series have none.

    `in_order` says that the runs of each series follow one another in time and do not overlap. `deleted` holds for
    single runs the closed intervals, int64 `[n, 2]` ms, that are deleted from them.
    """

    files: tuple[File, ...]
    runs: Runs
    n_empty: int
    in_order: bool
    deleted: Mapping[int, IntArray] = attrs.field(factory=dict)

    def __len__(self) -> int:
        return len(self.runs.start)

    @property
    def is_selection(self) -> bool:
        """Whether a query can take the runs as they are."""
        return self.in_order and not self.deleted

    @property
    def present(self) -> IntArray | None:
        """The series that have any runs; None for all."""
        return np.flatnonzero(np.diff(self.runs.offsets)) if self.n_empty else None

    def only(self, present: IntArray) -> "SourceRuns":
        """The same runs, counted without the series that have none."""
        runs = self.runs
        offsets = np.append(runs.offsets[present], runs.offsets[-1])
        return attrs.evolve(self, runs=attrs.evolve(runs, offsets=offsets), n_empty=0)

    def table(self, series: IntArray | None = None) -> "RunTable":
        """The runs in any order; of series `series[i]` instead of `i`, where that is given."""
        runs = self.runs
        numbers = np.arange(len(runs)) if series is None else series
        return RunTable(
            files=self.files,
            series=np.repeat(numbers, runs.offsets[1:] - runs.offsets[:-1]),
            file=runs.buffer,
            start=runs.start,
            length=runs.length,
            encoding=runs.encoding,
            min_time=runs.min_time,
            max_time=runs.max_time,
            deleted=self.deleted,
        )


def find_deleted(rows: IntArray, min_time: IntArray, max_time: IntArray, stones: Stones) -> Mapping[int, IntArray]:
    """What `stones`, by row, delete from runs: by run, which is of the series at `rows` and has these times."""
    deleted: dict[int, IntArray] = {}
    if not stones:
        return deleted
    runs = np.flatnonzero(np.isin(rows, list(stones)))
    for run, row in zip(runs.tolist(), rows[runs].tolist(), strict=True):
        gone = stones[row]
        if ((gone[:, 0] <= max_time[run]) & (gone[:, 1] >= min_time[run])).any():
            deleted[run] = gone
    return deleted


@attrs.frozen(eq=False)
class RunTable:
    """Runs of the series of a selection, in any order and overlapping as they may. Columns have one row a run.

    `series` says whose a run is. `deleted` holds for single runs the closed intervals, int64 `[n, 2]` ms, that are
    deleted from them.
    """

    files: tuple[File, ...]
    series: IntArray
    file: npt.NDArray[np.signedinteger]
    start: IntArray
    length: IntArray
    encoding: npt.NDArray[np.uint8]
    min_time: IntArray
    max_time: IntArray
    deleted: Mapping[int, IntArray] = attrs.field(factory=dict)

    def __len__(self) -> int:
        return len(self.series)

    def take(self, at: IntArray) -> "RunTable":
        """The runs at the given indices, in that order."""
        deleted = (
            {i: self.deleted[run] for i, run in enumerate(at.tolist()) if run in self.deleted} if self.deleted else {}
        )
        return RunTable(self.files, **{name: getattr(self, name)[at] for name in _COLUMNS}, deleted=deleted)

    def to_runs(self, offsets: IntArray) -> Runs:
        """The runs as a query takes them; series `i` has those at `offsets[i]:offsets[i + 1]`."""
        return Runs(
            buffers=tuple(file.data for file in self.files),
            offsets=offsets,
            buffer=self.file.astype(np.int32),
            start=self.start,
            length=self.length,
            encoding=self.encoding,
            min_time=self.min_time,
            max_time=self.max_time,
        )


_NONE = np.zeros(0, np.int64)
_COLUMNS = ("series", "file", "start", "length", "encoding", "min_time", "max_time")


def join(tables: Sequence[RunTable]) -> RunTable:
    """All runs of the tables, those of the first table first."""
    if len(tables) == 1:
        return tables[0]
    first_file = offsets_of(np.array([len(table.files) for table in tables], np.int64))
    first_run = offsets_of(np.array([len(table) for table in tables], np.int64)).tolist()
    shifted = [attrs.evolve(table, file=table.file + at) for table, at in zip(tables, first_file, strict=False)]
    return RunTable(
        tuple(file for table in tables for file in table.files),
        **{name: np.concatenate([getattr(table, name) for table in shifted]) for name in _COLUMNS},
        deleted={
            at + run: gone for table, at in zip(tables, first_run, strict=False) for run, gone in table.deleted.items()
        },
    )


def follow(parts: Sequence[tuple[Runs, IntArray]], series: int) -> Runs:
    """The runs of sources that follow one another in time, of `series` series: number `i` of a part is `numbers[i]`."""
    counts = [np.diff(runs.offsets) for runs, _ in parts]
    total = np.zeros(series, np.int64)
    for (_, numbers), count in zip(parts, counts, strict=True):
        total[numbers] += count
    offsets = offsets_of(total)
    free = offsets[:-1].copy()
    order = np.empty(offsets[-1], np.int64)
    before = 0
    for (runs, numbers), count in zip(parts, counts, strict=True):
        at = np.arange(len(runs.start))
        order[np.repeat(free[numbers] - runs.offsets[:-1], count) + at] = at + before
        free[numbers] += count
        before += len(at)
    first_buffer = itertools.accumulate([len(runs.buffers) for runs, _ in parts], initial=0)
    buffer = [runs.buffer + np.int32(first) for (runs, _), first in zip(parts, first_buffer, strict=False)]
    return Runs(
        buffers=native.SharedBuffers(itertools.chain(*[runs.buffers for runs, _ in parts])),
        offsets=offsets,
        buffer=np.concatenate(buffer)[order],
        **{name: np.concatenate([getattr(runs, name) for runs, _ in parts])[order] for name in _COLUMNS[2:]},
    )


def assemble(table: RunTable, series: int) -> tuple[Runs, list[CorruptionError]]:
    """The runs of `series` series in the order of series and time, as a query takes them.

    Where runs of a series overlap they become one raw run; of samples at one time the one from the earliest run in the
    table stays. Deleted samples are gone. Returns also what turned out damaged where it had to be decoded.
    """
    order = np.lexsort((table.min_time, table.series))
    groups = _overlapping(table, order)
    problems: list[CorruptionError] = []
    if groups is not None:
        mixed = np.bincount(groups)[groups] > 1
        mixed |= np.isin(order, list(table.deleted))
        merged = _merge(table, order[mixed], groups[mixed], problems)
        table = join((table.take(order[~mixed]), merged))
        order = np.lexsort((table.min_time, table.series))
    table = table.take(order)
    return table.to_runs(offsets_of(np.bincount(table.series, minlength=series))), problems


def _overlapping(table: RunTable, order: IntArray) -> IntArray | None:
    """The group of each run in `order`, such that runs that overlap share one; None where nothing is to be merged."""
    owner, first, last = table.series[order], table.min_time[order], table.max_time[order]
    breaks = (owner[1:] != owner[:-1]) | (first[1:] > last[:-1])
    if breaks.all() and not table.deleted:
        return None
    groups = np.zeros(len(order), np.int64)
    reach = last[0]
    for i, (same, start, end) in enumerate(
        zip((owner[1:] == owner[:-1]).tolist(), first[1:].tolist(), last[1:].tolist(), strict=True), 1
    ):
        overlaps = same and start <= reach
        groups[i] = groups[i - 1] + (not overlaps)
        reach = max(reach, end) if overlaps else end
    return groups


def _merge(table: RunTable, runs: IntArray, groups: IntArray, problems: list[CorruptionError]) -> RunTable:
    """One raw run for each group of runs; none where all of a group is deleted."""
    order = np.lexsort((runs, groups))
    runs, groups = runs[order], groups[order]
    times, values, starts, offsets, bad = native.decode_runs_and_starts(
        table.take(runs).to_runs(np.arange(len(runs) + 1))
    )
    for run in runs[bad.astype(np.bool_)].tolist():
        file = table.files[int(table.file[run])]
        problems.append(CorruptionError("chunk ends within a sample", file.name, int(table.start[run])))
    kept = np.ones(len(times), np.bool_)
    for i, run in enumerate(runs.tolist()):
        if run in table.deleted:
            part = slice(offsets[i], offsets[i + 1])
            kept[part] = ~is_deleted(times[part], table.deleted[run])
    group = np.repeat(groups, np.diff(offsets))[kept]
    order = np.lexsort((times[kept], group))  # stable: the earliest run's sample comes first
    group, times, values, starts = group[order], times[kept][order], values[kept][order], starts[kept][order]
    new = np.ones(len(times), np.bool_)
    new[1:] = (group[1:] != group[:-1]) | (times[1:] != times[:-1])
    distinct, first = np.unique(groups, return_index=True)
    counts = np.bincount(np.searchsorted(distinct, group[new]), minlength=len(distinct))
    known = starts[new] if np.isin(table.encoding[runs], WITH_STARTS).any() else None
    return raw_runs(times[new], values[new], counts, table.series[runs[first]], known)


def no_runs() -> Runs:
    """The runs of no series."""
    return raw_runs(np.zeros(0, np.int64), np.zeros(0), _NONE, _NONE).to_runs(offsets_of(_NONE))


def raw_runs(
    times: IntArray,
    values: npt.NDArray[np.float64],
    counts: IntArray,
    series: IntArray,
    starts: IntArray | None = None,
) -> RunTable:
    """A raw run for each of consecutive stretches of `counts` samples, which belong to `series`; none for none."""
    some = counts > 0
    runs = Runs.from_arrays(times, values, offsets_of(counts), starts)
    (data,) = runs.buffers
    return RunTable(
        files=(File("memory", data),),
        series=series[some],
        file=runs.buffer.astype(np.int64),
        start=runs.start,
        length=runs.length,
        encoding=runs.encoding,
        min_time=runs.min_time,
        max_time=runs.max_time,
    )
