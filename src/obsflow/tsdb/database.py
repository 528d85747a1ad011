"""A data directory as one store: all blocks and the head."""

import itertools
from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np

from obsflow.errors import CorruptionError
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Selection
from obsflow.tsdb.block import Block
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import BlockFiles, DataDirectory, Decompress, Skipped
from obsflow.tsdb.head import Head
from obsflow.tsdb.runs import RunTable, SourceRuns, assemble, follow, join, no_runs
from obsflow.tsdb.selections import Selections
from obsflow.tsdb.series import SeriesTable


class Source(Protocol):
    """A part of a database: series of its own, and their samples."""

    @property
    def series(self) -> SeriesTable:
        """The label sets."""

    @property
    def min_time(self) -> int:
        """Time of the first sample, ms."""

    @property
    def max_time(self) -> int:
        """Time of the last sample, ms, closed."""

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """What was found damaged so far."""

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found so far and is not read."""

    def runs(self, rows: IntArray, start: int, end: int) -> SourceRuns:
        """The runs of the series at `rows` that touch `[start, end]`; others may come along."""


class Database:
    """A read-only union of sources that share their symbols; a `Queryable`.

    A label set that several sources have is one series. Where their samples overlap, those of the source named first
    stay.
    """

    def __init__(
        self,
        symbols: Symbols,
        sources: Sequence[Source],
        problems: Sequence[CorruptionError] = (),
        decoded_samples: int = 0,
    ) -> None:
        self._symbols = symbols
        self._sources = tuple(sources)
        self._problems = tuple(problems)
        self._bad_runs: dict[tuple[str, int], CorruptionError] = {}
        self._kept = Selections(decoded_samples)

    @classmethod
    def open(cls, directory: DataDirectory, decompress_zstd: Decompress, *, decoded_samples: int = 0) -> Self:
        """Read the blocks and replay the head. A block that cannot be read is left out and told in `problems`."""
        symbols = Symbols()
        blocks, problems = open_blocks(directory.blocks, symbols)
        head = Head.replay(directory.head, symbols, decompress_zstd, min_valid_time=blocks_end(blocks))
        return cls(symbols, (*blocks, head), problems, decoded_samples)

    @property
    def symbols(self) -> Symbols:
        """The symbols of all selections."""
        return self._symbols

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """What was found damaged, in opening and in what was selected since."""
        found = (problem for source in self._sources for problem in source.problems)
        return (*self._problems, *list(self._bad_runs.values()), *found)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found sound and is of a kind that is not read, in opening and in what was selected since."""
        return tuple(notice for source in self._sources for notice in source.skipped)

    @property
    def min_time(self) -> int:
        """Time of the first sample, ms; after `max_time` where there is none."""
        return min((source.min_time for source in self._sources), default=np.iinfo(np.int64).max)

    @property
    def max_time(self) -> int:
        """Time of the last sample, ms, closed."""
        return max((source.max_time for source in self._sources), default=np.iinfo(np.int64).min)

    @property
    def series_count(self) -> int:
        """How many label sets there are, in all sources together."""
        return len(set().union(*(source.series.keys() for source in self._sources)))

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """The series that pass all matchers and have samples in `[start, end]` (ms, closed), with those samples.

        Series and samples beyond the interval may come along. Series are in the order of their source, or sorted by
        label set where several sources answer: the order in which Prometheus adds them up. Selections are kept, so that
        what is asked again is there already.
        """
        sources = tuple([source for source in self._sources if source.min_time <= end and source.max_time >= start])
        if not sources:
            return Selection(LabelColumns.unlabelled(self._symbols, 0), no_runs())
        start = max(start, min([source.min_time for source in sources]))
        end = min(end, max([source.max_time for source in sources]))
        question = (tuple(matchers), sources)
        known = self._kept.find(question, start, end)
        if known is not None:
            return known
        start, end = self._kept.extend(question, start, end)
        selection = self._search(question, start, end)
        self._kept.keep(question, start, end, selection)
        return selection

    def _search(self, question: "_Question", start: int, end: int) -> Selection:
        matchers, sources = question
        parts: list[_Part] = []
        for source in sources:
            matched = source.series.match(matchers)
            if not len(matched.rows):
                continue
            found = source.runs(matched.rows, start, end)
            if len(found):
                present = found.present
                parts.append((source, matched.labels(present), found if present is None else found.only(present)))
        if not parts:
            return Selection(LabelColumns.unlabelled(self._symbols, 0), no_runs())
        if len(parts) == 1:
            ((_, labels, found),) = parts
            return Selection(labels, found.runs) if found.is_selection else self._merge(labels, found.table())
        labels, numbers = _unite([part for _, part, _ in parts])
        numbered = [(found, each) for (_, _, found), each in zip(parts, numbers, strict=True)]
        if _follow_one_another(parts, numbers):
            return Selection(labels, follow([(found.runs, each) for found, each in numbered], len(labels)))
        return self._merge(labels, join([found.table(each) for found, each in numbered]))

    def _merge(self, labels: LabelColumns, table: RunTable) -> Selection:
        """The runs as a selection, without overlaps and what was deleted."""
        runs, problems = assemble(table, len(labels))
        for problem in problems:
            self._bad_runs.setdefault((problem.file, problem.offset), problem)
        selection = Selection(labels, runs)
        kept = np.diff(runs.offsets) > 0  # deletions may leave nothing of a series
        return selection if kept.all() else selection.take(np.flatnonzero(kept))


def open_blocks(files: Sequence[BlockFiles], symbols: Symbols) -> tuple[list[Block], list[CorruptionError]]:
    """Blocks in order of time, and what is wrong with those that cannot be read.

    Those that another was made of are left out: a server deletes them some time after it is there.
    """
    problems: list[CorruptionError] = []
    blocks: list[Block] = []
    for each in files:
        try:
            blocks.append(Block.open(each, symbols))
        except CorruptionError as error:
            problems.append(error)
    replaced = {parent for block in blocks if not block.problems for parent in block.meta.parents}
    blocks = [block for block in blocks if block.meta.ulid not in replaced]
    return sorted(blocks, key=lambda block: (block.meta.min_time, block.meta.ulid)), problems


def blocks_end(blocks: Sequence[Block]) -> int | None:
    """When the blocks that were cut in order end, ms; None without any."""
    return max((block.meta.max_time for block in blocks if block.meta.is_in_order), default=None)


_Question = tuple[tuple[Matcher, ...], tuple[Source, ...]]


_Part = tuple[Source, LabelColumns, SourceRuns]


def _follow_one_another(parts: Sequence[_Part], numbers: Sequence[IntArray]) -> bool:
    """Whether all runs can be taken as they are, those of one part before those of the next."""
    return (
        all(found.is_selection for *_, found in parts)
        and all(before.max_time < after.min_time for (before, *_), (after, *_) in itertools.pairwise(parts))
        and all(np.bincount(each).max() == 1 for each in numbers)  # a damaged index may have a label set twice
    )


def _unite(parts: Sequence[LabelColumns]) -> tuple[LabelColumns, list[IntArray]]:
    """The label sets of several sources, each once and sorted; and which of them those of each source are."""
    labels = parts[0]
    if all(_is_equal(labels, other) for other in parts[1:]) and labels.is_sorted and labels.is_distinct:
        return labels, [np.arange(len(labels))] * len(parts)
    for other in parts[1:]:
        labels = labels.concat(other)
    distinct, rank = labels.of_groups.sort()
    ends = np.cumsum([len(part) for part in parts])
    return distinct, np.split(rank[labels.group()[0]], ends[:-1])


def _is_equal(a: LabelColumns, b: LabelColumns) -> bool:
    return a.names == b.names and np.array_equal(a.columns, b.columns)
