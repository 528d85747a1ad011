"""Blocks, and a head that is written to, as one store: what blocks answer is kept while the head goes on."""

from collections.abc import Sequence

import attrs
import numpy as np

from obsflow.errors import CorruptionError
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Selection
from obsflow.tsdb.block import Block
from obsflow.tsdb.database import Database, Part, United, combine, unite_labels
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import File, Skipped
from obsflow.tsdb.live_head import LiveHead
from obsflow.tsdb.runs import SourceRuns
from obsflow.tsdb.series import MatchedSeries, SeriesTable

_MAX_KEPT, _MAX_KEPT_ROWS = 256, 1 << 20


@attrs.define(eq=False)
class _Matched:
    """The series of the head that pass some matchers, and the labels of those that had samples when last asked."""

    table: SeriesTable
    matched: MatchedSeries
    present: IntArray | None = None
    labels: LabelColumns | None = None


class LiveDatabase:
    """Some blocks and the head. It stands for the blocks as they are: with others it is another one.

    `newest` reads the head, and may not be called while the head is changed; `select` then reads the blocks, and may be
    called at any time. Neither changes what was answered before.
    """

    def __init__(self, symbols: Symbols, blocks: Sequence[Block], head: LiveHead, decoded_samples: int = 0) -> None:
        self.blocks = tuple(blocks)
        self._symbols = symbols
        self._old = Database(symbols, blocks, (), decoded_samples)
        self._head = head
        self._matched: dict[tuple[Matcher, ...], _Matched] = {}
        self._kept_rows = 0
        self._united: dict[tuple[LabelColumns, ...], United] = {}

    @property
    def problems(self) -> tuple[CorruptionError, ...]:
        """What was found damaged in the blocks so far."""
        return self._old.problems

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was found so far and is not read."""
        return self._old.skipped

    @property
    def min_time(self) -> int:
        """Time of the first sample, ms; after `max_time` where there is none."""
        return min(self._old.min_time, self._head.min_time)

    @property
    def max_time(self) -> int:
        """Time of the last sample, ms, closed."""
        return max(self._old.max_time, self._head.max_time)

    def newest(self, matchers: Sequence[Matcher], start: int, end: int) -> Part | None:
        """What the head has for a question, with bounds as they are now; None where it has nothing."""
        head = self._head
        if head.min_time > end or head.max_time < start:
            return None
        known = self._match(tuple(matchers))
        if not len(known.matched.rows):
            return None
        found = head.runs(known.matched.rows, start, end)
        if not len(found):
            return None
        present = found.present
        if known.labels is None or not _is_same(present, known.present):
            known.labels, known.present = known.matched.labels(present), present
        # a chunk stays whole in the head when blocks have the beginning of it
        bounds = int(found.runs.min_time.min()), head.max_time
        return Part(bounds, known.labels, found if present is None else found.only(present))

    def select(self, newest: Part | None, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """The series that pass all matchers, with their samples in `[start, end]` (ms, closed), of blocks and head."""
        old = self._old.select(matchers, start, end)
        if newest is None:
            return old
        parts = [newest]
        if len(old):
            files = tuple(File("blocks", buffer) for buffer in old.runs.buffers)
            found = SourceRuns(files, old.runs, 0, in_order=True)
            parts.insert(0, Part((self._old.min_time, self._old.max_time), old.labels, found))
        return combine(self._symbols, parts, _ignore, self._unite)

    def _match(self, matchers: tuple[Matcher, ...]) -> _Matched:
        table = self._head.series
        known = self._matched.get(matchers)
        if known is None or known.table is not table:
            known = _Matched(table, table.match(matchers))
            self._kept_rows += len(known.matched.rows)
            if len(self._matched) >= _MAX_KEPT or self._kept_rows > _MAX_KEPT_ROWS:
                self._matched.clear()
                self._kept_rows = len(known.matched.rows)
            self._matched[matchers] = known
        return known

    def _unite(self, parts: Sequence[LabelColumns]) -> United:
        """The label sets of both: the same as before where they are."""
        key = tuple(parts)
        united = self._united.get(key)
        if united is None:
            united = unite_labels(parts)
            if len(self._united) >= _MAX_KEPT:
                self._united.clear()
            if len(united[0]) <= _MAX_KEPT_ROWS:
                self._united[key] = united
        return united


def _is_same(a: IntArray | None, b: IntArray | None) -> bool:
    if a is None or b is None:
        return a is b
    return np.array_equal(a, b)


def _ignore(_: CorruptionError) -> None:
    """What the head holds was never read from a file, and blocks note their own."""
