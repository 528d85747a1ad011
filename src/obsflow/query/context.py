"""What an expression is evaluated in: the steps, the store, the limits, and what has been worked out already."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.errors import QueryError
from obsflow.model.frames import BoolArray, FloatArray, Frame, LabelColumns, Symbols, TimeArray
from obsflow.model.matchers import Matcher
from obsflow.model.storage import MAX_SAMPLES_A_BYTE, Queryable, Runs, Selection
from obsflow.promql.ast import Anchor, Duration, Expr
from obsflow.promql.durations import resolve_duration
from obsflow.promql.inspect import walk
from obsflow.query.annotations import Annotations, Note
from obsflow.query.limits import Deadline, Limits
from obsflow.query.plan import Plan

MAX_TIME: Final = 1 << 61
"""How far from the epoch, in ms, a query may look; further offsets and ranges still fit an int64."""

Value = Frame | FloatArray | str
"""What an expression evaluates to: an instant vector, a scalar (float64 `[steps]`), or a string."""

_V = TypeVar("_V", bound=Value)

Evaluator = Callable[["EvalContext", Any], Value]


@attrs.define(eq=False)
class QueryRun:
    """One query while it runs: what all its contexts share. `step_ms` and `range_ms` are 0 unless it has a range.

    Up to `threads` threads take part in one pass over samples. With `delays_names` metric names go at the end of the
    query, not where a function computes a new value. With `uses_start_times` the start times of samples count. With
    `has_type_labels` the label `__type__` says what is a counter, not the name.
    """

    database: Queryable
    plan: Plan
    limits: Limits
    lookback_ms: int
    default_step_ms: int
    step_ms: int
    range_ms: int
    annotations: Annotations
    evaluators: Mapping[type, Evaluator]
    threads: int = 1
    deadline: Deadline | None = None
    delays_names: bool = False
    uses_start_times: bool = False
    has_type_labels: bool = False
    damaged_chunks: int = 0
    _loads: list[tuple[Runs, int, int]] = attrs.field(factory=list)
    _loaded: int = 0

    def select(self, matchers: tuple[Matcher, ...], start: int, end: int) -> Selection:
        """The series that pass the matchers, with their samples in `[start, end]` (ms). Raises LimitExceededError."""
        selection = self.database.select(matchers, start, end)
        self.limits.check("max_series", len(selection.labels))
        return selection

    def load(self, runs: Runs, start: int, end: int) -> None:
        """Say that samples are read: all in the runs that touch `[start, end]` (ms). Raises LimitExceededError."""
        limit = self.limits.max_loaded_samples
        self._loads.append((runs, start, end))
        self._loaded += MAX_SAMPLES_A_BYTE * runs.passed.n_bytes
        if self._loaded > limit:  # which it cannot be yet, as a rule: so many they are at most
            self._loaded = sum(each.passed.measure(first, last)[1] for each, first, last in self._loads)
            self.limits.check("max_loaded_samples", self._loaded)

    def count_damage(self, bad: npt.NDArray[np.uint8]) -> None:
        """Take note of the runs (uint8 `[runs]`) that turned out to be corrupt."""
        self.damaged_chunks += int(np.count_nonzero(bad))


@attrs.define(eq=False)
class EvalContext:
    """The steps at which expressions are evaluated.

    `times` is int64 ms `[steps]`, ascending. `start` and `end` are what `start()` and `end()` mean to `@`; None says
    that they are each step's own time. `ranged` says that the steps are one range, over all of which a window function
    may give each label set only once; otherwise every step stands for itself. `failures` collects why a step has no
    value, where the others are wanted all the same; without it the query fails.

    `reordered` marks the steps at which the rows of some frame may come in another order than they would at an instant:
    see `query.order`. `_first` is where what no step changes is evaluated.
    """

    run: QueryRun
    times: TimeArray
    start: int | None
    end: int | None
    ranged: bool
    failures: dict[int, QueryError] | None = None
    memo: dict[int, Value] = attrs.field(factory=dict)
    reordered: BoolArray | None = None
    _first: "EvalContext | None" = None
    _notes: dict[int, tuple[Expr, tuple[Note, ...]]] = attrs.field(factory=dict)
    _grids: dict[bytes, "EvalContext"] = attrs.field(factory=dict)
    _pending: tuple[int, QueryError] | None = None

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.times)

    @property
    def is_instant(self) -> bool:
        """Whether this is the one step of an instant query, whose series have an order."""
        return len(self.times) == 1 and not self.ranged

    @property
    def symbols(self) -> Symbols:
        """The symbols of all labels."""
        return self.run.database.symbols

    def evaluate(self, node: Expr) -> Value:
        """The value of `node` at the steps. What repeats, and what no step changes, is evaluated once."""
        plan = self.run.plan
        number = plan.repeated.get(id(node))
        if number is not None and number in self.memo:
            self._repeat_notes(number, node)
            return self.memo[number]
        if self.run.deadline is not None:
            self.run.deadline.check()
        mark = self.run.annotations.mark
        invariant = plan.pinned if self.start is None else plan.invariant
        if id(node) in invariant and (len(self.times) > 1 or self._first is not None):
            value = self._evaluate_once(node)
        else:
            value = self.run.evaluators[type(node)](self, node)
        value = self.checked(value)
        if number is not None:
            self.memo[number] = value
            self._notes[number] = node, self.run.annotations.since(mark)
        return value

    def vector(self, node: Expr) -> Frame:
        """The value of a node that is an instant vector."""
        value = self.evaluate(node)
        assert isinstance(value, Frame)
        return value

    def scalar(self, node: Expr) -> FloatArray:
        """The value of a node that is a scalar: float64 `[steps]`."""
        value = self.evaluate(node)
        assert isinstance(value, np.ndarray)
        return value

    def string(self, node: Expr) -> str:
        """The value of a node that is a string."""
        value = self.evaluate(node)
        assert isinstance(value, str)
        return value

    def frame(self, labels: LabelColumns, values: FloatArray, present: BoolArray) -> Frame:
        """A frame over the steps of this context."""
        return Frame(labels, values, present, self.times)

    def fail(self, failed: BoolArray, error: Callable[[int], QueryError]) -> None:
        """Give up the steps marked in `failed` (bool `[steps]`); `error` says why of each.

        Where that fails the query, it fails with the first of the steps that one node gives up, once all of the node's
        checks are made.
        """
        if not failed.any():
            return
        steps = np.flatnonzero(failed).tolist()
        if self.failures is None:
            if self._pending is None or steps[0] < self._pending[0]:
                self._pending = steps[0], error(steps[0])
            return
        for step in steps:
            if step not in self.failures:
                self.failures[step] = error(step)

    def checked(self, value: _V) -> _V:
        """The value of a node, if no step was given up; otherwise raises the error of the first that was."""
        if self._pending is not None:
            raise self._pending[1]
        return value

    def instant(self, step: int) -> "EvalContext":
        """One step as an instant of its own, which shares what no step changes."""
        failures: dict[int, QueryError] | None = None if self.failures is None else {}
        own = self.times[step : step + 1]
        return EvalContext(self.run, own, self.start, self.end, ranged=False, failures=failures, first=self._once())

    def positive_duration(self, duration: Duration) -> int:
        """Milliseconds of a range or a step. Raises QueryError unless there are any."""
        duration_ms = self.duration(duration)
        if duration_ms <= 0:
            raise QueryError("duration must be greater than 0")
        return duration_ms

    def duration(self, duration: Duration) -> int:
        """Milliseconds of a duration, which may be an expression."""
        if isinstance(duration, int):
            return duration
        return resolve_duration(duration, step_ms=self.run.step_ms, range_ms=self.run.range_ms)

    def shifted_times(self, offset: Duration, at: int | Anchor | None, times: TimeArray | None = None) -> TimeArray:
        """The times (int64 ms `[steps]`) that a selector with these modifiers looks at, at the steps or at `times`."""
        times = self.times if times is None else times
        offset_ms = self.duration(offset)
        if isinstance(at, Anchor):
            at = self.start if at is Anchor.START else self.end
        if at is None:
            return times - offset_ms if offset_ms else times
        return np.full(len(self.times), max(-MAX_TIME, min(MAX_TIME, at)) - offset_ms, np.int64)

    def subquery(self, times: TimeArray) -> "EvalContext":
        """The context of a subquery's own steps; equal grids are one context, so that they share what they work out."""
        key = times.tobytes()
        known = self._grids.get(key)
        if known is None:
            self.run.limits.check("max_steps", len(times))
            known = self._grids[key] = EvalContext(self.run, times, self.start, self.end, ranged=True)
        return known

    def _repeat_notes(self, number: int, node: Expr) -> None:
        """What was said of an expression is said of each place it stands at."""
        first, notes = self._notes[number]
        if notes:
            places = {id(old): new for (old, _), (new, _) in zip(walk(first), walk(node), strict=True)}
            self.run.annotations.repeat(notes, places)

    def _once(self) -> "EvalContext":
        if self._first is None:
            failures: dict[int, QueryError] | None = None if self.failures is None else {}
            own = self.times[:1]
            self._first = EvalContext(self.run, own, self.start, self.end, ranged=False, failures=failures)
        return self._first

    def _evaluate_once(self, node: Expr) -> Value:
        """A node that has one value, or fails in one way, at all steps."""
        once = self._once()
        value = once.evaluate(node)
        if once.failures:
            error = once.failures[0]
            self.fail(np.ones(self.steps, bool), lambda _step: error)
        return _replicate(value, self.times)


def _replicate(value: Value, times: TimeArray) -> Value:
    """A value of one step at many, without a copy."""
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray):
        return np.broadcast_to(value, times.shape)
    shape = (len(value), len(times))
    return Frame(value.labels, np.broadcast_to(value.values, shape), np.broadcast_to(value.present, shape), times)
