"""How a rule gets its result: asked at every tick, or read off a frame of its whole history.

Both give the same answers. A rule may be evaluated over its history at once if what it reads does not depend on when it
is asked: recorded data, or rules that were themselves evaluated so and whose sample of an instant is there before this
rule runs at that instant. Rules that read themselves, a later rule, or `ALERTS` are asked tick by tick.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
import numpy as np

from obsflow.errors import QueryError
from obsflow.flow.replay import FrameStore, UnionStore
from obsflow.model.frames import Frame, TimeArray
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.storage import Queryable
from obsflow.promql.ast import VectorSelector
from obsflow.promql.inspect import selectors
from obsflow.query import Engine
from obsflow.rules import AlertingRule, RecordingRule, RuleGroup

Rule = AlertingRule | RecordingRule
Vector = Sequence[tuple[Labels, float]]

ALERT_SERIES = frozenset({"ALERTS", "ALERTS_FOR_STATE"})


class InstantEvaluator:
    """Asks the engine at every tick: what a live server does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def evaluate(self, rule: Rule, time: int) -> Vector:
        """The rule's result at `time`. Raises QueryError."""
        return self._engine.query(rule.expr, time).vector()

    def query(self, text: str, time: int) -> Vector:
        """The result of any query at `time`, for templates. Raises QueryError."""
        return self._engine.query(text, time).vector()


@attrs.frozen
class _Place:
    """A rule in the order of evaluation: which group, which rule of it, and at which times."""

    group: int
    index: int
    rule: Rule
    times: TimeArray = attrs.field(eq=False, repr=False)


@attrs.define
class _History:
    """A rule's results at all of its times."""

    frame: Frame
    present: np.ndarray  # [steps, series], so that a step is a row
    failures: Mapping[int, QueryError]
    labels: dict[int, Labels]

    def at(self, step: int) -> Vector:
        if step in self.failures:
            raise self.failures[step]
        rows = np.flatnonzero(self.present[step]).tolist()
        values = self.frame.values[rows, step].tolist()
        return [(self._labels(row), value) for row, value in zip(rows, values, strict=True)]

    def _labels(self, row: int) -> Labels:
        labels = self.labels.get(row)
        if labels is None:
            labels = self.labels[row] = self.frame.labels.labels(row)
        return labels


class BatchEvaluator:
    """Evaluates each rule over its whole history in one pass where that is sound, and tick by tick where it is not.

    `recorded` is the data without what the rules write; `written` is where the effects of the rules go in this run.
    """

    def __init__(
        self,
        groups: Sequence[tuple[RuleGroup, TimeArray]],
        recorded: Queryable,
        written: Queryable,
        *,
        default_step_ms: int,
    ) -> None:
        self._instant = InstantEvaluator(Engine(UnionStore(recorded, written), default_step_ms=default_step_ms))
        self._frames = FrameStore(recorded.symbols)
        self._engine = Engine(UnionStore(recorded, self._frames), default_step_ms=default_step_ms)
        self._histories: dict[int, _History] = {}
        self._places = {
            id(rule): _Place(g, i, rule, times)
            for g, (group, times) in enumerate(groups)
            for i, rule in enumerate(group.rules)
        }
        self._batchable = _find_batchable(list(self._places.values()))
        self._group_labels = {id(rule): group.labels for group, _ in groups for rule in group.rules}

    @property
    def ticked(self) -> list[Rule]:
        """The rules that are asked tick by tick, because they read what they or later rules write."""
        return [place.rule for key, place in self._places.items() if key not in self._batchable]

    def evaluate(self, rule: Rule, time: int) -> Vector:
        """The rule's result at `time`, one of the times of its group. Raises QueryError."""
        if id(rule) not in self._batchable:
            return self._instant.evaluate(rule, time)
        history = self._history(self._places[id(rule)])
        return history.at(int(np.searchsorted(history.frame.times, time)))

    def query(self, text: str, time: int) -> Vector:
        """The result of any query at `time`, for templates. Raises QueryError."""
        return self._instant.query(text, time)

    def _history(self, place: _Place) -> _History:
        known = self._histories.get(id(place.rule))
        if known is None:
            for producer in self._batchable[id(place.rule)]:
                self._history(producer)
            batch = self._engine.query_batch(place.rule.expr, place.times)
            present = np.ascontiguousarray(batch.frame.present.T)
            known = _History(batch.frame, present, batch.failures, {})
            self._histories[id(place.rule)] = known
            if isinstance(place.rule, RecordingRule):
                self._record(place.rule, known)
        return known

    def _record(self, rule: RecordingRule, history: _History) -> None:
        """Make the output of a recording rule visible to the rules that read it."""
        labels = history.frame.labels
        fixed = {**self._group_labels[id(rule)], **rule.labels, METRIC_NAME: rule.record}
        for name, value in fixed.items():
            labels = labels.with_column(name, np.full(len(labels), labels.symbols.intern(value), np.int32))
        frame = attrs.evolve(history.frame, labels=labels)
        self._frames.add(rule.record, frame, list(history.failures))


def _find_batchable(places: list[_Place]) -> dict[int, list[_Place]]:
    """The rules that can be evaluated over their history at once, each with the rules it reads."""
    producers: dict[str, list[_Place]] = {}
    for place in places:
        names = (place.rule.record,) if isinstance(place.rule, RecordingRule) else ALERT_SERIES
        for name in names:
            producers.setdefault(name, []).append(place)
    reads = {id(place.rule): list(_producers(place, producers)) for place in places}
    batchable = {id(place.rule) for place in places}
    changed = True
    while changed:
        lost = {
            id(place.rule)
            for place in places
            if id(place.rule) in batchable
            and any(id(p.rule) not in batchable or not _is_before(p, place) for p in reads[id(place.rule)])
        }
        batchable -= lost
        changed = bool(lost)
    return {key: reads[key] for key in reads if key in batchable}


def _producers(place: _Place, producers: Mapping[str, Iterable[_Place]]) -> Iterator[_Place]:
    for selector in selectors(place.rule.expr):
        for name, written_by in producers.items():
            if _can_read(selector, name):
                yield from written_by


def _can_read(selector: VectorSelector, name: str) -> bool:
    return all(matcher.matches(name) for matcher in selector.matchers if matcher.name == METRIC_NAME)


def _is_before(producer: _Place, reader: _Place) -> bool:
    """Whether the reader sees the producer's sample of every instant not after its own, and no other reason to tick."""
    if not isinstance(producer.rule, RecordingRule):
        return False  # ALERTS is the lifecycle's work, which happens tick by tick
    if (producer.group, producer.index) < (reader.group, reader.index):
        return True
    return producer.group != reader.group and not np.intersect1d(producer.times, reader.times).size
