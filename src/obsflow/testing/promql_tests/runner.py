"""Runs PromQL test scripts: every query in every form in which it must give the same answer."""

import enum
import math
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import numpy as np

from obsflow.errors import ObsflowError, QueryError
from obsflow.model.floats import parse_go_float
from obsflow.model.frames import Frame
from obsflow.model.labels import BUCKET_LABEL, METRIC_NAME, Labels
from obsflow.promql import PROMQLTEST, Dialect, Expr, parse, render
from obsflow.promql.ast import Call, Subquery, VectorSelector, children, with_children
from obsflow.query.context import MAX_TIME
from obsflow.query.engine import Engine
from obsflow.query.plan import STEP_BOUND_FUNCTIONS
from obsflow.query.result import Result
from obsflow.testing.promql_tests.comparison import result_differences, scalar_differences, vector_differences
from obsflow.testing.promql_tests.histogram_use import histogram_use
from obsflow.testing.promql_tests.script import Clear, Evaluation, Load, Malformed, Script
from obsflow.testing.series_notation import Series
from obsflow.tsdb.memory import TSDB

_AROUND_MS: Final = 60_000
_BOUNDS: Final = ("start()", "end()", "range()", "step()")
_STEP_BOUND: Final = STEP_BOUND_FUNCTIONS - {"info"}  # whose lookup `@` pins
_BASE_SUFFIXES: Final = ("_bucket", "_count", "_sum")
_ANNOTATIONS: Final = (("warn", "warning"), ("info", "info"))


class Verdict(enum.Enum):
    """How an evaluation ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@attrs.frozen
class Outcome:
    """What became of one evaluation, and why it did not pass."""

    file: str
    line: int
    verdict: Verdict
    message: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


def run_script(script: Script, dialect: Dialect = PROMQLTEST) -> Iterator[Outcome]:
    """Execute the commands of a script: one outcome an evaluation, and one for all else that failed."""
    data = _DataSet(dialect)
    for command in script.commands:
        match command:
            case Clear():
                data = _DataSet(dialect)
            case Load():
                for message in data.load(command):
                    yield Outcome(script.file, command.line, Verdict.FAILED, message)
            case Malformed(line=line, problem=problem):
                message = problem.message if problem.line == line else f"line {problem.line}: {problem.message}"
                yield Outcome(script.file, line, Verdict.FAILED, message)
            case Evaluation(line=line):
                yield Outcome(script.file, line, *_judge(command, data, dialect))


class _DataSet:
    """The series since the last `clear`: those of floats in a store, of those with histograms only the labels."""

    def __init__(self, dialect: Dialect) -> None:
        self._store = TSDB()
        self.engine = Engine(self._store, dialect=dialect)
        self.histograms: set[Labels] = set()

    def load(self, command: Load) -> list[str]:
        """Add the series of a command, of equal ones the last. Returns what could not be added."""
        problems = []
        for series, starts in {series.labels: (series, starts) for series, starts in command.series}.values():
            if series.has_histograms:
                self.histograms.add(series.labels)
            if command.with_nhcb and (base := _nhcb_of(series)) is not None:
                self.histograms.add(base)
            for i, value in enumerate(series.values):
                if isinstance(value, float):
                    offset = None if starts is None else starts.offsets[i]
                    time = i * command.step
                    try:
                        self._append(series.labels, time, value, 0 if offset is None else time + offset)
                    except ObsflowError as error:
                        problems.append(f"{series.labels}: {error}")
                        break
        return problems

    def _append(self, labels: Labels, time: int, value: float, start: int) -> None:
        if max(time, abs(start)) > MAX_TIME:
            raise QueryError(f"a sample is too far from the epoch to be asked for: {time} ms, started at {start} ms")
        self._store.append(labels, time, value, start=start)


def _nhcb_of(series: Series) -> Labels | None:
    """The native histogram with custom buckets that a classic series becomes part of, if it does."""
    base, _, suffix = series.labels.name.rpartition("_")
    if not base or f"_{suffix}" not in _BASE_SUFFIXES or not any(isinstance(v, float) for v in series.values):
        return None
    if suffix == "bucket":
        try:
            bound = parse_go_float(series.labels.get(BUCKET_LABEL))
        except ValueError:
            return None
        if math.isnan(bound):
            return None
    return series.labels.without(BUCKET_LABEL).with_({METRIC_NAME: base})


def _judge(command: Evaluation, data: _DataSet, dialect: Dialect) -> tuple[Verdict, str]:
    try:
        tree = parse(command.expr, dialect)
        if reason := histogram_use(command, tree, data.histograms):
            return Verdict.SKIPPED, reason
        message = next(_differences(command, tree, data.engine), "")
    except ObsflowError as error:
        message = _first_line(error)
    return (Verdict.FAILED, message) if message else (Verdict.PASSED, "")


def _differences(command: Evaluation, tree: Expr, engine: Engine) -> Iterator[str]:
    """What the query answers otherwise than expected, in all its forms."""
    grid = command.grid
    if command.is_range:
        yield from _check(command, lambda: engine.query_range(command.expr, grid.start, grid.end, grid.step))
        return
    yield from _instant_differences(command, command.expr, grid.end, engine)
    yield from _batch_differences(command, engine)
    if any(isinstance(node, Call) and node.name in _STEP_BOUND for node in _unpinned(tree)):
        return
    pinned = render(_pin(tree, grid.end))
    for time in _other_times(grid.end):
        for difference in _instant_differences(command, pinned, time, engine):
            yield f"as {pinned} at {time} ms: {difference}"


def _check(command: Evaluation, query: Callable[[], Result]) -> Iterator[str]:
    """Differences of one way to ask, which may have to fail."""
    try:
        result = query()
    except QueryError as error:
        yield from _failure_differences(command, error)
        return
    if command.expected("fail"):
        yield "expected a failure, there was none"
        return
    yield from _annotation_differences(command, result)
    yield from result_differences(command, result)


def _failure_differences(command: Evaluation, error: QueryError) -> Iterator[str]:
    message, expected = _first_line(error), command.expected("fail")
    if not expected:
        yield message
    for failure in expected:
        if not failure.accepts(message):
            yield f"expected {failure}, got: {message}"


def _annotation_differences(command: Evaluation, result: Result) -> Iterator[str]:
    for (kind, noun), texts in zip(_ANNOTATIONS, (result.warnings, result.infos), strict=True):
        expected = command.expected(kind)
        if command.expected(f"no_{kind}"):
            yield from (f"unexpected {noun}: {text}" for text in texts)
        for expectation in expected:
            if not any(expectation.accepts(text) for text in texts):
                yield f"expected {expectation}, got {', '.join(texts) or 'none'}"
        for text in texts if expected else ():
            if not any(expectation.accepts(text) for expectation in expected):
                yield f"unexpected {noun}: {text}"


def _instant_differences(command: Evaluation, expr: str, time: int, engine: Engine) -> Iterator[str]:
    """Differences at one time, and in the middle of a range around it."""
    yield from _check(command, lambda: engine.query(expr, time))
    if command.expected("fail") or command.string is not None or command.gives_range_vector:
        return
    if any(bound in expr for bound in _BOUNDS):
        return
    result = engine.query_range(expr, time - _AROUND_MS, time + _AROUND_MS, _AROUND_MS)
    if not command.expected("ordered"):
        assert isinstance(result.value, Frame)
        for difference in _step_differences(command, result.value, 1):
            yield f"in a range: {difference}"


def _batch_differences(command: Evaluation, engine: Engine) -> Iterator[str]:
    """Differences in the middle of many times that are asked together."""
    if command.string is not None or command.gives_range_vector or command.expected("ordered"):
        return
    time = command.grid.end
    times = np.array([time - _AROUND_MS, time, time + _AROUND_MS], np.int64)
    try:
        batch = engine.query_batch(command.expr, times)
        failure = batch.failures.get(1)
    except QueryError as error:
        failure = error
    if failure is not None:
        differences = _failure_differences(command, failure)
    elif command.expected("fail"):
        differences = iter(("expected a failure, there was none",))
    else:
        differences = _step_differences(command, batch.frame, 1)
    yield from (f"in a batch: {difference}" for difference in differences)


def _step_differences(command: Evaluation, frame: Frame, step: int) -> Iterator[str]:
    """Differences of one step of many."""
    present = frame.present[:, step]
    values = frame.values[present, step].tolist()
    if command.scalar is not None and len(values) == 1:
        return scalar_differences(command, values[0])
    return vector_differences(
        command, list(zip(frame.labels.take(np.flatnonzero(present)).decode(), values, strict=True))
    )


def _other_times(time: int) -> tuple[int, ...]:
    """When a query whose selectors are all pinned must answer the same."""
    return (-10 * time, 0, time // 5, time, 10 * time) if time else (-1000, 0, 1000)


def _pin(node: Expr, time: int) -> Expr:
    """The expression with `@ time` at everything that selects, and has no time of its own or one of the query's."""
    match node:
        case VectorSelector(at=at) | Subquery(at=at):
            return node if isinstance(at, int) else attrs.evolve(node, at=time)
        case Call(name="info", args=(vector, *matchers)):
            return with_children(node, (_pin(vector, time), *matchers))
        case _:
            return with_children(node, tuple(_pin(child, time) for child in children(node)))


def _unpinned(node: Expr) -> Iterator[Expr]:
    """The nodes that `_pin` looks at."""
    yield node
    if not isinstance(node, Subquery):
        for child in children(node):
            yield from _unpinned(child)


def _first_line(error: ObsflowError) -> str:
    return str(error).split("\n", 1)[0]
