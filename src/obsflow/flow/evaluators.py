"""How a rule gets its result: asked at every tick, or read off a frame of its whole history.

Both give the same answers. A rule may be evaluated over its history at once if what it reads does not depend on when it
is asked: recorded data, or rules that were themselves evaluated so and whose sample of an instant is there before this
rule runs at that instant. Rules that read themselves, a later rule, `ALERTS`, or a series that two rules may write are
asked tick by tick.
"""

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.errors import QueryError
from obsflow.flow.replay import FrameStore, UnionStore
from obsflow.model.frames import Frame, LabelColumns, TimeArray
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.storage import Queryable
from obsflow.promql.ast import VectorSelector
from obsflow.promql.inspect import selectors
from obsflow.query.engine import Engine
from obsflow.rules import RecordingRule, Rule, RuleGroup
from obsflow.rules.context import Vector

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


@attrs.frozen(eq=False)
class ScheduledGroup:
    """A group and the times of its evaluations, int64 ms; its queries are asked `query_offset_ms` before each."""

    group: RuleGroup
    interval_ms: int
    query_offset_ms: int
    times: TimeArray

    @property
    def offset_ms(self) -> int:
        """Where in its interval the group is evaluated."""
        return int(self.times[0]) % self.interval_ms if self.times.size else 0


@attrs.frozen(eq=False)
class _Place:
    """A rule in the order of evaluation, and the times at which its query is asked.

    `is_contested` says that another rule may write the same series, and that the first to write at an instant wins.
    """

    rank: tuple[int, int]  # group, rule in it
    rule: Rule
    limit: int
    times: TimeArray
    is_contested: bool = False
    reads: "list[_Place]" = attrs.field(factory=list)

    def is_seen_by(self, reader: "_Place") -> bool:
        """Whether the reader, at any of its times, has before it all that this rule has written until then."""
        if not isinstance(self.rule, RecordingRule) or self.is_contested:
            return False  # ALERTS comes from the lifecycle, tick by tick
        if self.rank < reader.rank:
            return True
        return self.rank[0] != reader.rank[0] and not np.intersect1d(self.times, reader.times).size


@attrs.define
class _History:
    """A rule's results at all of its times."""

    frame: Frame
    present: npt.NDArray[np.bool_]  # [steps, series], so that a step is a row
    failures: Mapping[int, QueryError]
    labels: dict[int, Labels] = attrs.field(factory=dict)

    def at(self, time: int) -> Vector:
        step = int(np.searchsorted(self.frame.times, time))
        if step in self.failures:
            raise self.failures[step]
        rows = np.flatnonzero(self.present[step])
        values = self.frame.values[rows, step].tolist()
        return [(self._labels_of(row), value) for row, value in zip(rows.tolist(), values, strict=True)]

    def _labels_of(self, row: int) -> Labels:
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
        groups: Sequence[ScheduledGroup],
        recorded: Queryable,
        written: Queryable,
        *,
        default_step_ms: int,
        threads: int = 1,
    ) -> None:
        self._instant = InstantEvaluator(Engine(UnionStore(recorded, written), default_step_ms=default_step_ms))
        self._frames = FrameStore(recorded.symbols)
        self._engine = Engine(UnionStore(recorded, self._frames), default_step_ms=default_step_ms, threads=threads)
        self._places = {id(place.rule): place for place in _place_rules(groups)}
        self._batchable = _find_batchable(list(self._places.values()))
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

    def _history(self, place: _Place) -> _History:
        known = self._histories.get(id(place.rule))
        if known is None:
            for producer in place.reads:
                self._history(producer)
            known = self._histories[id(place.rule)] = self._evaluate(place)
            if isinstance(place.rule, RecordingRule):
                self._frames.add(place.rule.record, *_record(place.rule, place.limit, known))
        return known

    def _evaluate(self, place: _Place) -> _History:
        try:
            batch = self._engine.query_batch(place.rule.expr, place.times)
        except QueryError as error:  # at every time alike
            nothing = np.zeros((0, len(place.times)))
            labels = LabelColumns.unlabelled(self._frames.symbols, 0)
            frame = Frame(labels, nothing, nothing.astype(bool), place.times)
            return _History(frame, frame.present.T, dict.fromkeys(range(len(place.times)), error))
        return _History(batch.frame, np.ascontiguousarray(batch.frame.present.T), batch.failures)


def _place_rules(groups: Sequence[ScheduledGroup]) -> list[_Place]:
    """All rules in order, each with the rules whose output it reads."""
    contested = _find_contested([rule for scheduled in groups for rule in scheduled.group.rules])
    places = [
        _Place((g, r), rule, scheduled.group.limit, scheduled.times - scheduled.query_offset_ms, id(rule) in contested)
        for g, scheduled in enumerate(groups)
        for r, rule in enumerate(scheduled.group.rules)
    ]
    producers: dict[str, list[_Place]] = {}
    for place in places:
        for name in (place.rule.record,) if isinstance(place.rule, RecordingRule) else ALERT_SERIES:
            producers.setdefault(name, []).append(place)
    for place in places:
        for selector in selectors(place.rule.expr):
            for name, written_by in producers.items():
                if _can_read(selector, name):
                    place.reads.extend(written_by)
    return places


def _find_contested(rules: Sequence[Rule]) -> set[int]:
    """The recording rules (by id) whose series another rule may write too: no label that both set keeps them apart."""
    by_name: dict[str, list[RecordingRule]] = {}
    for rule in rules:
        if isinstance(rule, RecordingRule):
            by_name.setdefault(rule.record, []).append(rule)
    return {
        id(one)
        for same in by_name.values()
        for one in same
        for other in same
        if one is not other and all(other.labels.get(name, value) == value for name, value in one.labels.items())
    }


def _can_read(selector: VectorSelector, name: str) -> bool:
    return all(matcher.matches(name) for matcher in selector.matchers if matcher.name == METRIC_NAME)


def _find_batchable(places: list[_Place]) -> set[int]:
    """The rules (by id) that can be evaluated over their history at once: what they read can, and is seen in time."""
    batchable: set[int] = set()
    grown = True
    while grown:  # from nothing upwards, so that rules that read each other never get in
        grown = False
        for place in places:
            if id(place.rule) not in batchable and all(
                id(each.rule) in batchable and each.is_seen_by(place) for each in place.reads
            ):
                batchable.add(id(place.rule))
                grown = True
    return batchable


def _record(rule: RecordingRule, limit: int, history: _History) -> tuple[Frame, Sequence[int]]:
    """What a recording rule writes, and the steps at which it fails and writes nothing.

    It fails where two of its samples get the same labels, or more than `limit` are left.
    """
    frame = history.frame
    labels = frame.labels
    for name, value in {**rule.labels, METRIC_NAME: rule.record}.items():
        labels = labels.with_column(name, np.full(len(labels), labels.symbols.intern(value), np.int32))
    groups, first = labels.group()
    counts = np.zeros((len(first), len(frame.times)), np.int64)
    np.add.at(counts, groups, frame.present)
    fails: npt.NDArray[np.bool_] = np.any(counts > 1, axis=0)
    if limit:
        fails |= frame.present.sum(axis=0) > limit
    fails[list(history.failures)] = True
    values = np.zeros(counts.shape)
    rows, steps = np.nonzero(frame.present & ~fails)
    values[groups[rows], steps] = frame.values[rows, steps]
    recorded = Frame(labels.take(first), values, (counts == 1) & ~fails, frame.times)
    return recorded, np.flatnonzero(fails).tolist()
