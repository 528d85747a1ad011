"""A data directory as one store: all blocks and the head."""

import itertools
from collections.abc import Callable, Sequence
from typing import Protocol, Self

import attrs
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
        parts = [part for source in sources if (part := find_part(source, matchers, start, end)) is not None]
        return combine(self._symbols, parts, self._note)

    def _note(self, problem: CorruptionError) -> None:
        self._bad_runs.setdefault((problem.file, problem.offset), problem)


def open_blocks(files: Sequence[BlockFiles], symbols: Symbols) -> tuple[list[Block], list[CorruptionError]]:
    """Blocks in order of time, and what is wrong with those that cannot be read.

    Those that another was made of are left out: a server deletes them some time after it is there.
    """
    blocks, problems = open_all_blocks(files, symbols)
    return without_replaced(blocks), problems


def open_all_blocks(files: Sequence[BlockFiles], symbols: Symbols) -> tuple[list[Block], list[CorruptionError]]:
    """The same with those that another was made of."""
    problems: list[CorruptionError] = []
    blocks: list[Block] = []
    for each in files:
        try:
            blocks.append(Block.open(each, symbols))
        except CorruptionError as error:
            problems.append(error)
    return sorted(blocks, key=lambda block: (block.meta.min_time, block.meta.ulid)), problems


def without_replaced(blocks: Sequence[Block]) -> list[Block]:
    """The blocks but for those that another of them was made of, if that is sound."""
    replaced = {parent for block in blocks if not block.problems for parent in block.meta.parents}
    return [block for block in blocks if block.meta.ulid not in replaced]


def blocks_end(blocks: Sequence[Block]) -> int | None:
    """When the blocks that were cut in order end, ms; None without any."""
    return max((block.meta.max_time for block in blocks if block.meta.is_in_order), default=None)


_Question = tuple[tuple[Matcher, ...], tuple[Source, ...]]


@attrs.frozen(eq=False)
class Part:
    """What one source has for a question: `labels` and `found` have a row for each series, `bounds` are its times."""

    bounds: tuple[int, int]
    labels: LabelColumns
    found: SourceRuns


def find_part(source: Source, matchers: Sequence[Matcher], start: int, end: int) -> Part | None:
    """The series of a source that pass all matchers and have samples in `[start, end]` (ms); None where none has."""
    matched = source.series.match(matchers)
    if not len(matched.rows):
        return None
    found = source.runs(matched.rows, start, end)
    if not len(found):
        return None
    present = found.present
    bounds = source.min_time, source.max_time
    return Part(bounds, matched.labels(present), found if present is None else found.only(present))


United = tuple[LabelColumns, list[IntArray]]
"""The label sets of several parts, each once; and which of them those of each part are."""


def combine(
    symbols: Symbols,
    parts: Sequence[Part],
    note: Callable[[CorruptionError], None],
    unite: "Callable[[Sequence[LabelColumns]], United] | None" = None,
) -> Selection:
    """The parts as one selection: label sets that several have are one series; of two samples the first part's stays.

    `note` gets what turns out damaged. `unite` may know the label sets of the parts already.
    """
    if not parts:
        return Selection(LabelColumns.unlabelled(symbols, 0), no_runs())
    if len(parts) == 1:
        found = parts[0].found
        if found.is_selection:
            return Selection(parts[0].labels, found.runs)
        return _merge(parts[0].labels, found.table(), note)
    labels, numbers = (unite or unite_labels)([part.labels for part in parts])
    if _follow_one_another(parts, numbers):
        runs = [(part.found.runs, each) for part, each in zip(parts, numbers, strict=True)]
        return Selection(labels, follow(runs, len(labels)))
    tables = [part.found.table(each) for part, each in zip(parts, numbers, strict=True)]
    return _merge(labels, join(tables), note)


def _merge(labels: LabelColumns, table: RunTable, note: Callable[[CorruptionError], None]) -> Selection:
    """The runs as a selection, without overlaps and what was deleted."""
    runs, problems = assemble(table, len(labels))
    for problem in problems:
        note(problem)
    selection = Selection(labels, runs)
    kept = np.diff(runs.offsets) > 0  # deletions may leave nothing of a series
    return selection if kept.all() else selection.take(np.flatnonzero(kept))


def _follow_one_another(parts: Sequence[Part], numbers: Sequence[IntArray]) -> bool:
    """Whether all runs can be taken as they are, those of one part before those of the next."""
    return (
        all(part.found.is_selection for part in parts)
        and all(before.bounds[1] < after.bounds[0] for before, after in itertools.pairwise(parts))
        and all(np.bincount(each).max() == 1 for each in numbers)  # a damaged index may have a label set twice
    )


def unite_labels(parts: Sequence[LabelColumns]) -> United:
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
