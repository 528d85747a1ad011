"""What recorded data holds: its metrics, their labels and values, and which of them fall."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import WITH_STARTS, Queryable, Selection

_FEWEST_FALLS = 5
_LEAST_SHARE = 0.1
"""Of the changes of a gauge more than these are falls; a counter falls only when its process restarts."""


@attrs.frozen(eq=False)
class Inventory:
    """The series of a store between two times (ms), asked for as they are needed."""

    store: Queryable
    start: int
    end: int
    _known: dict[tuple[Matcher, ...], Selection] = attrs.field(factory=dict, init=False, repr=False)
    _falling: dict[tuple[Matcher, ...], bool | None] = attrs.field(factory=dict, init=False, repr=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all metrics."""
        named = self._select((Matcher(METRIC_NAME, MatchOp.NOT_EQUAL, ""),))
        return frozenset(_values(named, METRIC_NAME))

    @cached_property
    def target_labels(self) -> frozenset[str]:
        """The labels that a target gives to all of its series, as `up` has them."""
        return frozenset(self.labels("up"))

    def labels(self, name: str) -> Mapping[str, frozenset[str]]:
        """The labels of a metric, each with its values."""
        found = self._select((Matcher(METRIC_NAME, MatchOp.EQUAL, name),))
        names = (each for each in found.labels.names if each != METRIC_NAME)
        values = {each: frozenset(_values(found, each)) for each in names}
        return {each: some for each, some in values.items() if some}

    def has(self, matchers: Iterable[Matcher]) -> bool:
        """Whether any series passes the matchers."""
        return len(self._select(tuple(matchers))) > 0

    def falls(self, matchers: Iterable[Matcher]) -> bool | None:
        """Whether the samples of the matching series fall too often for a counter; None if there are too few to say."""
        key = tuple(matchers)
        if key not in self._falling:
            self._falling[key] = _falls(self._select(key), self.start, self.end)
        return self._falling[key]

    def _select(self, matchers: tuple[Matcher, ...]) -> Selection:
        if matchers not in self._known:
            self._known[matchers] = self.store.select(matchers, self.start, self.end)
        return self._known[matchers]


def _values(selection: Selection, name: str) -> Sequence[str]:
    symbols = selection.labels.symbols
    return [symbols[each] for each in np.unique(selection.labels.column(name)) if each]


def _falls(selection: Selection, start: int, end: int) -> bool | None:
    if np.isin(selection.runs.encoding, WITH_STARTS).any():
        return None
    data, offsets, _ = native.unpack_runs(selection.runs, start, end)
    falls = changes = 0
    for first, last in itertools.pairwise(offsets):
        values = _samples(data, int(first), int(last))
        steps = np.diff(values[~np.isnan(values)])
        falls += int((steps < 0).sum())
        changes += int((steps != 0).sum())
    if changes < _FEWEST_FALLS:
        return None
    return falls >= _FEWEST_FALLS and falls > _LEAST_SHARE * changes


def _samples(data: npt.NDArray[np.int64], first: int, last: int) -> npt.NDArray[np.float64]:
    """The values of one raw run: after its times."""
    return data[first + last : 2 * last].view(np.float64)
