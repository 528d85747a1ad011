"""The engine: a query and the times at which it is asked, to an answer."""

import types
from collections.abc import Callable, Iterator

import attrs
import numpy as np

from obsflow.errors import LimitExceededError, QueryError
from obsflow.model.frames import Frame, LabelColumns, TimeArray
from obsflow.model.storage import Queryable
from obsflow.promql import Dialect, parse
from obsflow.promql.ast import Expr, MatrixSelector, Subquery, ValueType
from obsflow.query.annotations import Annotations
from obsflow.query.context import MAX_TIME, EvalContext, QueryRun, Value
from obsflow.query.evaluators import EVALUATORS, check_supported
from obsflow.query.limits import Deadline, Limits
from obsflow.query.plan import Plan, unwrap
from obsflow.query.raw import read_range_vector
from obsflow.query.result import Batch, RawSeries, Result, Scalar, String
from obsflow.query.series import settle_names

_MAX_PLANS = 1024


@attrs.frozen(eq=False)
class _Piece:
    """What a batch gave at the steps `start:end`."""

    start: int
    end: int
    frame: Frame
    annotations: Annotations
    failures: dict[int, QueryError]


class Engine:
    """Evaluates PromQL over a store. All times are ms since the epoch.

    `lookback_ms` is how far an instant selector looks back for a sample; `default_step_ms` the step of a subquery that
    names none. `threads` is how many threads may take part in one pass over samples; they end with the pass. `clock`
    gives seconds, such as `time.monotonic`, and is what `Limits.max_seconds` is measured by; without it there is none.
    An expression may be given as text, or as a tree to save parsing it; annotations then name no place.
    """

    def __init__(
        self,
        database: Queryable,
        *,
        dialect: Dialect = Dialect.prometheus,
        lookback_ms: int = 300_000,
        default_step_ms: int = 60_000,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        threads: int = 1,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._database = database
        self._dialect = dialect
        self._lookback_ms = lookback_ms
        self._default_step_ms = default_step_ms
        self._limits = limits
        self._threads = threads
        self._clock = clock
        self._plans: dict[str | int, Plan] = {}

    def query(self, expr: str | Expr, time: int) -> Result:
        """The value at one time.

        Raises QuerySyntaxError for a text that does not parse, QueryError for a query that cannot be evaluated,
        LimitExceededError for one that costs too much.
        """
        _check_times(time, time)
        with _Evaluating():
            run = self._start(self._plan(expr), step_ms=0, range_ms=0, deadline=self._deadline())
            root = unwrap(run.plan.expr)
            ctx = EvalContext(run, np.array([time], np.int64), time, time, ranged=False)
            if isinstance(root, MatrixSelector | Subquery):
                value: Frame | RawSeries | Scalar | String = read_range_vector(ctx, root)
            else:
                value = _instant_value(ctx, ctx.evaluate(root))
        return self._finish(run, value, is_range=False)

    def query_range(self, expr: str | Expr, start: int, end: int, step: int) -> Result:
        """The values at `start`, `start + step`, ... up to `end`: a matrix, its series sorted by labels.

        Raises as `query` does, and ValueError for a step that is not positive.
        """
        if step <= 0:
            raise ValueError(f"the step of a range query must be positive: {step} ms")
        _check_times(start, end)
        with _Evaluating():
            plan = self._plan(expr)
            if plan.type not in (ValueType.SCALAR, ValueType.VECTOR):
                raise QueryError(
                    f'invalid expression type "{plan.type.value}" for range query, must be Scalar or instant Vector'
                )
            steps = max(0, (end - start) // step + 1)
            self._limits.check("max_steps", steps)
            run = self._start(plan, step_ms=step, range_ms=end - start, deadline=self._deadline())
            times = np.arange(start, start + steps * step, step, dtype=np.int64)
            ctx = EvalContext(run, times, start, end, ranged=True)
            frame = _to_frame(ctx, ctx.evaluate(plan.expr)) if steps else _no_series(ctx)
        return self._finish(run, _sort(frame.compact()), is_range=True)

    def query_batch(self, expr: str | Expr, times: TimeArray) -> Batch:
        """The values at each of `times` (int64 ms, ascending), as if `query` were called for each.

        A step that fails does not fail the others. Raises QuerySyntaxError, QueryError for a query that cannot be
        evaluated at any time, and LimitExceededError if all of it together takes too long.
        """
        with _Evaluating():
            plan = self._plan(expr)
        if plan.type not in (ValueType.SCALAR, ValueType.VECTOR):
            raise QueryError(f"a batch gives scalars or instant vectors, not a {plan.type.value}")
        if len(times):
            _check_times(int(times[0]), int(times[-1]))
        with _Evaluating():
            pieces = list(
                self._evaluate_pieces(plan, np.ascontiguousarray(times, np.int64), 0, len(times), self._deadline())
            )
        return self._join_pieces(pieces, times, plan.text)

    def _plan(self, expr: str | Expr) -> Plan:
        key = expr if isinstance(expr, str) else id(expr)  # a plan keeps its tree alive, so the id stays its own
        plan = self._plans.get(key)
        if plan is None:
            text, tree = (expr, parse(expr, self._dialect)) if isinstance(expr, str) else (None, expr)
            check_supported(tree)
            plan = Plan.of(tree, text, self._limits)
            if len(self._plans) >= _MAX_PLANS:
                self._plans.clear()
            self._plans[key] = plan
        return plan

    def _start(self, plan: Plan, step_ms: int, range_ms: int, deadline: Deadline | None) -> QueryRun:
        return QueryRun(
            database=self._database,
            plan=plan,
            limits=self._limits,
            lookback_ms=self._lookback_ms,
            default_step_ms=self._default_step_ms,
            step_ms=step_ms,
            range_ms=range_ms,
            annotations=Annotations(plan.text),
            evaluators=EVALUATORS,
            threads=self._threads,
            deadline=deadline,
            delays_names=self._dialect.delayed_name_removal,
            uses_start_times=self._dialect.use_start_timestamps,
            has_type_labels=self._dialect.type_and_unit_labels,
        )

    def _deadline(self) -> Deadline | None:
        seconds = self._limits.max_seconds
        return None if self._clock is None or seconds is None else Deadline(self._clock, self._clock(), seconds)

    def _finish(self, run: QueryRun, value: Frame | RawSeries | Scalar | String, *, is_range: bool) -> Result:
        if isinstance(value, Frame) and value.present.size > self._limits.max_result_samples:
            self._limits.check("max_result_samples", int(np.count_nonzero(value.present)))
        _report_damage(run)
        return Result(value, is_range, run.annotations.warnings, run.annotations.infos)

    def _evaluate_pieces(
        self, plan: Plan, times: TimeArray, start: int, end: int, deadline: Deadline | None
    ) -> Iterator[_Piece]:
        """Evaluate steps in one pass; where that fails, halve them until the steps at fault are alone."""
        if start == end:
            return
        run = self._start(plan, step_ms=0, range_ms=0, deadline=deadline)
        alone = end - start == 1
        anchor = int(times[start]) if alone else None
        failures: dict[int, QueryError] = {}
        ctx = EvalContext(run, times[start:end], anchor, anchor, ranged=False, failures=failures)
        if alone or not plan.range_bound:
            try:
                frame = _to_frame(ctx, ctx.evaluate(plan.expr))
            except QueryError as error:
                if isinstance(error, LimitExceededError) and error.limit == "max_seconds":
                    raise
                failures[0] = error
                frame = _no_series(ctx)
                if alone:
                    yield _Piece(start, end, frame, run.annotations, failures)
                    return
            else:
                _report_damage(run)
                yield _Piece(start, end, frame, run.annotations, failures)
                return
        middle = (start + end) // 2
        yield from self._evaluate_pieces(plan, times, start, middle, deadline)
        yield from self._evaluate_pieces(plan, times, middle, end, deadline)

    def _join_pieces(self, pieces: list[_Piece], times: TimeArray, text: str | None) -> Batch:
        """One frame of the pieces, series of equal labels in one row. It may hold what all passes together may."""
        failures = {piece.start + step: error for piece in pieces for step, error in piece.failures.items()}
        frame = self._join_frames(pieces, times)
        if failures:
            present = frame.present.copy()
            present[:, list(failures)] = False
            frame = Frame(frame.labels, frame.values, present, times)
        annotations = Annotations(text)
        for piece in pieces:
            annotations.merge(piece.annotations)
        return Batch(frame.compact(), failures, annotations.warnings, annotations.infos)

    def _join_frames(self, pieces: list[_Piece], times: TimeArray) -> Frame:
        if len(pieces) == 1 and pieces[0].frame.labels.is_distinct:
            return pieces[0].frame
        labels = LabelColumns.unlabelled(self._database.symbols, 0)
        for piece in pieces:
            labels = labels.concat(piece.frame.labels)
        ids, first = labels.group()
        shape = (len(first), len(times))
        self._limits.check("max_samples", len(first) * len(times) // max(1, len(pieces)))
        values, present = np.zeros(shape), np.zeros(shape, bool)
        row = 0
        for piece in pieces:
            rows = ids[row : row + len(piece.frame)]
            values[rows, piece.start : piece.end] = piece.frame.values
            present[rows, piece.start : piece.end] = piece.frame.present
            row += len(piece.frame)
        return Frame(labels.take(first), values, present, times)


class _Evaluating:
    """Floats follow IEEE 754 without a word; a stack that has no room for the expression is a limit like any other."""

    __slots__ = ("_errors",)

    def __enter__(self) -> None:
        self._errors = np.errstate(all="ignore")
        self._errors.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._errors.__exit__(kind, raised, trace)
        if kind is RecursionError:
            raise LimitExceededError(
                "the expression is nested deeper than the call stack has room for", "max_depth"
            ) from None


def _check_times(start: int, end: int) -> None:
    if not (-MAX_TIME <= start <= MAX_TIME and -MAX_TIME <= end <= MAX_TIME):
        raise QueryError(f"the query looks too far from the epoch: from {start} ms to {end} ms")


def _instant_value(ctx: EvalContext, value: Value) -> Frame | Scalar | String:
    time = int(ctx.times[0])
    if isinstance(value, Frame):
        return ctx.checked(settle_names(ctx, value.compact()))
    if isinstance(value, str):
        return String(value, time)
    return Scalar(float(value[0]), time)


def _to_frame(ctx: EvalContext, value: Value) -> Frame:
    assert not isinstance(value, str)
    if isinstance(value, Frame):
        return ctx.checked(settle_names(ctx, value))
    labels = LabelColumns.unlabelled(ctx.symbols, 1)
    return ctx.frame(labels, value[np.newaxis], np.ones((1, ctx.steps), bool))


def _sort(frame: Frame) -> Frame:
    """The series by labels; without a copy if they are."""
    return frame if frame.labels.is_sorted else frame.take(frame.labels.sort_order)


def _no_series(ctx: EvalContext) -> Frame:
    shape = (0, ctx.steps)
    return ctx.frame(LabelColumns.unlabelled(ctx.symbols, 0), np.zeros(shape), np.zeros(shape, bool))


def _report_damage(run: QueryRun) -> None:
    if run.damaged_chunks:
        run.annotations.warn(f"{run.damaged_chunks} damaged chunks were read up to their fault")
