"""An expression at one time, taken apart: which part had which values, and which part had none, and why."""

import enum
from collections.abc import Iterator, Sequence

import attrs

from obsflow.errors import QueryError
from obsflow.flow.thresholds import find_threshold
from obsflow.model.frames import Frame
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import Matcher
from obsflow.model.storage import Queryable
from obsflow.promql.ast import (
    Binary,
    Expr,
    MatrixSelector,
    Paren,
    StringLiteral,
    Subquery,
    ValueType,
    VectorSelector,
    children,
)
from obsflow.promql.inspect import value_type
from obsflow.promql.printer import render
from obsflow.promql.signatures import COMPARISONS
from obsflow.query.engine import Engine
from obsflow.query.result import Scalar

_MAX_SHOWN = 5
_MAX_VALUES = 8
_EVER = -(1 << 62)


class Verdict(enum.Enum):
    """What is to be said of a part of an expression."""

    HOLDS = "has a result"
    NOTHING = "has no result"
    FALSE = "compared, no value passes"
    NO_SUCH_METRIC = "there is no series of this name"
    NO_SUCH_SERIES = "there is no series with these labels"
    NO_SAMPLES = "its series have no sample then"
    FAILED = "cannot be evaluated"


@attrs.frozen(eq=False)
class Condition:
    """A part of an expression at one time.

    `values` are some of its `count` samples. Where it compares a vector with a number, `threshold` says with which, and
    `parts` has the vector. Where there is no result, `parts` are those that have to do with it. `detail` adds to the
    verdict: the error, the labels that there are, the time of the last sample.
    """

    expr: str
    verdict: Verdict
    count: int = 0
    values: tuple[tuple[Labels, float], ...] = ()
    threshold: tuple[str, float] | None = None
    detail: str = ""
    last_sample_at: int | None = None
    parts: "tuple[Condition, ...]" = ()

    def walk(self) -> "Iterator[tuple[int, Condition]]":
        """The condition and its parts, each with its depth, from above."""
        yield 0, self
        for part in self.parts:
            for depth, each in part.walk():
                yield depth + 1, each


class Examiner:
    """Takes expressions apart over a store, which the engine reads."""

    def __init__(self, store: Queryable, engine: Engine) -> None:
        self._store = store
        self._engine = engine

    def examine(self, expr: Expr, time: int) -> Condition:
        """What an expression and its parts were at `time` (ms)."""
        while isinstance(expr, Paren):
            expr = expr.expr
        text = render(expr)
        if isinstance(expr, VectorSelector):
            return self._selector(expr, text, expr.matchers, time)
        if isinstance(expr, MatrixSelector):
            return self._selector(expr, text, expr.selector.matchers, time)
        try:
            values = self._values(expr, time)
        except QueryError as error:
            return Condition(text, Verdict.FAILED, detail=str(error), parts=self._parts(expr, time))
        shown = tuple(values[:_MAX_SHOWN])
        threshold = find_threshold(expr)
        if threshold is not None:
            verdict = Verdict.HOLDS if values else Verdict.FALSE
            part = self.examine(threshold.expr, time)
            if part.verdict is not Verdict.HOLDS:
                verdict = Verdict.NOTHING
            return Condition(text, verdict, len(values), shown, (threshold.op, threshold.value), parts=(part,))
        is_logical = isinstance(expr, Binary) and (expr.op in COMPARISONS or expr.op in ("and", "or", "unless"))
        if values:
            return Condition(
                text, Verdict.HOLDS, len(values), shown, parts=self._parts(expr, time) if is_logical else ()
            )
        parts = self._parts(expr, time)
        compared = is_logical and all(part.verdict is Verdict.HOLDS for part in parts)
        return Condition(text, Verdict.FALSE if compared else Verdict.NOTHING, parts=parts)

    def _parts(self, expr: Expr, time: int) -> tuple[Condition, ...]:
        """The vectors beneath an expression."""
        below = children(expr)
        vectors = [each for each in below if value_type(each) in (ValueType.VECTOR, ValueType.MATRIX)]
        return tuple(self.examine(each, time) for each in vectors if not isinstance(each, Subquery | StringLiteral))

    def _values(self, expr: Expr, time: int) -> Sequence[tuple[Labels, float]]:
        value = self._engine.query(expr, time).value
        if isinstance(value, Scalar):
            return [(Labels(), value.value)]
        if isinstance(value, Frame):
            return list(zip(value.labels.decode(), value.values[:, 0].tolist(), strict=True))
        return []

    def _selector(self, expr: Expr, text: str, matchers: Sequence[Matcher], time: int) -> Condition:
        try:
            result = self._engine.query(expr, time)
        except QueryError as error:
            return Condition(text, Verdict.FAILED, detail=str(error))
        found = list(result.series())
        if found:
            values = tuple((labels, float(column[-1])) for labels, _, column in found[:_MAX_SHOWN])
            return Condition(text, Verdict.HOLDS, len(found), values)
        at = getattr(expr.selector if isinstance(expr, MatrixSelector) else expr, "offset", 0)
        until = time - at if isinstance(at, int) else time
        selected = self._store.select(matchers, _EVER, until)
        if len(selected):
            times = [int(each) for each in selected.runs.max_time if each <= until]
            return Condition(text, Verdict.NO_SAMPLES, last_sample_at=max(times, default=None))
        return self._missing(text, matchers, until)

    def _missing(self, text: str, matchers: Sequence[Matcher], until: int) -> Condition:
        """Which matcher leaves nothing."""
        names = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
        if names and not len(self._store.select(names, _EVER, until)):
            return Condition(text, Verdict.NO_SUCH_METRIC)
        for matcher in matchers:
            if matcher.name == METRIC_NAME:
                continue
            others = self._store.select([each for each in matchers if each is not matcher], _EVER, until)
            values = {others.labels.symbols[i] for i in others.labels.column(matcher.name).tolist()} - {""}
            if len(others):
                seen = ", ".join(sorted(values)[:_MAX_VALUES]) or "no values at all"
                more = ", ..." if len(values) > _MAX_VALUES else ""
                return Condition(text, Verdict.NO_SUCH_SERIES, detail=f"{matcher}: `{matcher.name}` has {seen}{more}")
        return Condition(text, Verdict.NO_SUCH_SERIES)
