"""How a rule gets its result: asked at every tick, or read off a frame of its whole history. Both give the same."""

from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.errors import QueryError
from obsflow.flow.dependencies import Dependencies, Place, ScheduledGroup
from obsflow.flow.replay import FrameStore, UnionStore, select_frame
from obsflow.model.frames import Frame, LabelColumns, TimeArray
from obsflow.model.labels import EMPTY, METRIC_NAME, Labels
from obsflow.model.storage import Queryable, Selection
from obsflow.promql.ast import Expr
from obsflow.query.engine import Engine
from obsflow.query.result import Result, Scalar
from obsflow.rules import AlertingRule, RecordingRule, Rule
from obsflow.rules.context import Vector
from obsflow.rules.history import Sightings
from obsflow.rules.recording import SAME_LABELS, limit_exceeded


class InstantEvaluator:
    """Asks the engine at every tick: what a live server does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def evaluate(self, rule: Rule, time: int) -> Vector:
        """The rule's result at `time`. Raises QueryError."""
        return vector_of(self._engine.query(rule.expr, time))

    def query(self, text: str, time: int) -> Vector:
        """The result of any query at `time`, for templates. Raises QueryError."""
        return vector_of(self._engine.query(text, time))


def vector_of(result: Result) -> Vector:
    """The samples that a rule makes of a result; a scalar is one without labels. Raises QueryError for any other."""
    if isinstance(result.value, Scalar):
        return [(EMPTY, result.value.value)]
    if result.type != "vector":
        raise QueryError("rule result is not a vector or scalar")
    return result.vector()


@attrs.define
class _History:
    """A rule's results at all of its times."""

    frame: Frame
    failures: Mapping[int, QueryError]
    labels: dict[int, Labels] = attrs.field(factory=dict)
    _by_step: npt.NDArray[np.bool_] | None = None

    def at(self, time: int) -> Vector:
        step = int(np.searchsorted(self.frame.times, time))
        if step in self.failures:
            raise self.failures[step]
        if self._by_step is None:
            self._by_step = np.ascontiguousarray(self.frame.present.T)
        rows = np.flatnonzero(self._by_step[step])
        values = self.frame.values[rows, step].tolist()
        return [(self._labels_of(row), value) for row, value in zip(rows.tolist(), values, strict=True)]

    def _labels_of(self, row: int) -> Labels:
        labels = self.labels.get(row)
        if labels is None:
            labels = self.labels[row] = self.frame.labels.labels(row)
        return labels


@attrs.frozen(eq=False)
class Recordings:
    """What recording rules write over all of the time: their series, and by id of the rule why some steps fail."""

    series: FrameStore
    by_rule: dict[int, tuple[Selection, Mapping[int, str]]] = attrs.field(factory=dict)


class BatchEvaluator:
    """Evaluates each rule over its whole history in one pass where that is sound, and tick by tick where it is not.

    `recorded` is the data without what the rules write; `written` is where the effects of the rules go in this run.
    `recordings` may be those of another evaluator whose recording rules are the same.
    """

    def __init__(
        self,
        groups: Sequence[ScheduledGroup],
        recorded: Queryable,
        written: Queryable,
        *,
        default_step_ms: int,
        threads: int = 1,
        recordings: "Recordings | None" = None,
    ) -> None:
        self._instant = InstantEvaluator(Engine(UnionStore(recorded, written), default_step_ms=default_step_ms))
        self.recordings = recordings or Recordings(FrameStore(recorded.symbols))
        self._engine = Engine(
            UnionStore(recorded, self.recordings.series), default_step_ms=default_step_ms, threads=threads
        )
        self.dependencies = Dependencies(groups)
        self._places = {id(place.rule): place for place in self.dependencies.places}
        self._batchable = self.dependencies.batchable
        self._histories: dict[int, _History] = {}

    @property
    def ticked(self) -> list[Rule]:
        """The rules that are asked tick by tick, because they read what they or later rules write."""
        return [place.rule for key, place in self._places.items() if key not in self._batchable]

    def evaluate(self, rule: Rule, time: int) -> Vector:
        """The rule's result at `time`, one of the times of its group. Raises QueryError."""
        if id(rule) not in self._batchable:
            return self._instant.evaluate(rule, time)
        return self._history(self._places[id(rule)]).at(time)

    def query(self, text: str, time: int) -> Vector:
        """The result of any query at `time`, for templates. Raises QueryError."""
        return self._instant.query(text, time)

    def sightings(self, rule: AlertingRule, times: TimeArray, expr: Expr | None = None) -> Sightings:
        """The result of a batchable rule at all of its ticks, which are `times` (int64 ms).

        `expr` is asked instead of its own expression; it must read no more than that does.
        """
        history = self._evaluate(self._places[id(rule)], expr)
        rows, steps = np.nonzero(history.frame.present)
        failures = {step: str(error) for step, error in history.failures.items()}
        labels = history.frame.labels.decode()
        return Sightings(times, labels, rows, steps, history.frame.values[rows, steps], failures)

    def recorded(self, rule: RecordingRule) -> tuple[Selection, Mapping[int, str]]:
        """What a batchable rule writes, and why it writes nothing at some of its steps.

        The rule cannot be evaluated by tick after that.
        """
        self._prepare(self._places[id(rule)])
        self._histories.pop(id(rule), None)
        return self.recordings.by_rule[id(rule)]

    def _history(self, place: Place) -> _History:
        known = self._histories.get(id(place.rule))
        if known is None:
            known = self._histories[id(place.rule)] = self._evaluate(place)
        return known

    def _prepare(self, place: Place) -> None:
        """Let there be what a recording rule writes, for those that read it."""
        rule = place.rule
        assert isinstance(rule, RecordingRule)
        if id(rule) not in self.recordings.by_rule:
            frame, failures = _record(rule, place.limit, self._history(place))
            selection = select_frame(frame, list(failures))
            self.recordings.by_rule[id(rule)] = selection, failures
            self.recordings.series.add(rule.record, selection)

    def _evaluate(self, place: Place, expr: Expr | None = None) -> _History:
        for producer in place.reads:
            self._prepare(producer)
        try:
            batch = self._engine.query_batch(place.rule.expr if expr is None else expr, place.times)
        except QueryError as error:  # at every time alike
            nothing = np.zeros((0, len(place.times)))
            labels = LabelColumns.unlabelled(self.recordings.series.symbols, 0)
            frame = Frame(labels, nothing, nothing.astype(bool), place.times)
            return _History(frame, dict.fromkeys(range(len(place.times)), error))
        return _History(batch.frame, batch.failures)


def _record(rule: RecordingRule, limit: int, history: _History) -> tuple[Frame, Mapping[int, str]]:
    """What a recording rule writes, and why it fails at some steps and writes nothing.

    It fails where two of its samples get the same labels, or more than `limit` are left.
    """
    frame = history.frame
    labels = frame.labels
    for name, value in {**rule.labels, METRIC_NAME: rule.record}.items():
        labels = labels.with_column(name, np.full(len(labels), labels.symbols.intern(value), np.int32))
    failures: dict[int, str] = {}
    if limit:
        sizes = frame.present.sum(axis=0)
        failures = {step: limit_exceeded(limit, int(sizes[step])) for step in np.flatnonzero(sizes > limit).tolist()}
    if labels.is_distinct:
        failures.update((step, str(error)) for step, error in history.failures.items())
        return _without_steps(Frame(labels, frame.values, frame.present, frame.times), failures), failures
    groups, first = labels.group()
    counts = np.zeros((len(first), len(frame.times)), np.int64)
    np.add.at(counts, groups, frame.present)
    failures.update(dict.fromkeys(np.flatnonzero(np.any(counts > 1, axis=0)).tolist(), SAME_LABELS))
    failures.update((step, str(error)) for step, error in history.failures.items())
    values = np.zeros(counts.shape)
    rows, steps = np.nonzero(frame.present)
    values[groups[rows], steps] = frame.values[rows, steps]
    return _without_steps(Frame(labels.take(first), values, counts > 0, frame.times), failures), failures


def _without_steps(frame: Frame, steps: Iterable[int]) -> Frame:
    """The frame without a sample at these steps."""
    gone = list(steps)
    if not gone:
        return frame
    present = frame.present.copy()
    present[:, gone] = False
    return Frame(frame.labels, frame.values, present, frame.times)
