"""How an answer is held against what a test script expects: each function gives the differences it finds."""

import itertools
import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from obsflow.model.floats import STALE_NAN_BITS, float_bits, render_float_g
from obsflow.model.labels import Labels
from obsflow.query.result import Result, Scalar, String
from obsflow.testing.promql_tests.script import Evaluation
from obsflow.testing.series_notation import Value

_TOLERANCE: Final = 1e-6
_LEAST_NORMAL: Final = sys.float_info.min

Vector = Sequence[tuple[Labels, float]]


def almost_equal(a: float, b: float) -> bool:
    """Whether two values are equal but for a millionth; any NaN is like another, a stale marker only like its kind."""
    if STALE_NAN_BITS in (float_bits(a), float_bits(b)):
        return float_bits(a) == float_bits(b)
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    total, distance = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or total < _LEAST_NORMAL:
        return distance < _TOLERANCE * _LEAST_NORMAL
    return distance / min(total, sys.float_info.max) < _TOLERANCE


def result_differences(command: Evaluation, result: Result) -> Iterator[str]:
    """Differences of the answer to a query in the form in which the script asks it."""
    match result.value:
        case Scalar(value=value):
            yield from scalar_differences(command, value)
        case String(value=text):
            if text != (command.string or ""):
                yield f"expected the string {command.string or ''!r}, got {text!r}"
        case _ if command.string is not None:
            yield f"expected a string, got a {result.type}"
        case _ if result.type == "vector":
            yield from vector_differences(command, result.vector())
        case _:
            yield from _matrix_differences(command, result)


def scalar_differences(command: Evaluation, value: float) -> Iterator[str]:
    """Differences of a scalar."""
    if command.scalar is None:
        yield f"expected a vector, got the scalar {render_float_g(value)}"
    elif not almost_equal(command.scalar, value):
        yield f"expected {render_float_g(command.scalar)}, got {render_float_g(value)}"


def vector_differences(command: Evaluation, vector: Vector) -> Iterator[str]:
    """Differences of an instant vector, whose order counts where the script says so."""
    if command.scalar is not None:
        yield f"expected a scalar, got a vector of {len(vector)} series"
        return
    expected = {series.labels: (position, series.values[0]) for position, series in enumerate(command.series)}
    for position, (labels, value) in enumerate(vector):
        if labels not in expected:
            yield f"unexpected series {labels} with {render_float_g(value)}"
            continue
        place, wanted = expected[labels]
        if not isinstance(wanted, float) or not almost_equal(wanted, value):
            yield f"expected {_render(wanted)} for {labels}, got {render_float_g(value)}"
        if command.expected("ordered") and place != position:
            yield f"expected {labels} at position {place + 1}, it is at {position + 1}"
    yield from _missing(expected, [labels for labels, _ in vector])


def _matrix_differences(command: Evaluation, result: Result) -> Iterator[str]:
    series = result.series()
    if command.scalar is not None or command.expected("ordered"):
        wanted = "a scalar" if command.scalar is not None else "an ordered vector"
        yield f"expected {wanted}, got a matrix of {len(series)} series"
        return
    for (before, *_), (after, *_) in itertools.pairwise(series):
        if after < before:
            yield f"a matrix is sorted, but {before} comes before {after}"
    expected = {one.labels: one.values for one in command.series}
    for labels, times, values in series:
        if labels not in expected:
            yield f"unexpected series {labels} with {len(times)} samples"
            continue
        if len(expected[labels]) > len(command.grid.times):
            yield f"{len(expected[labels])} values of {labels} for {len(command.grid.times)} steps"
        wanted_points = {
            time: value for time, value in zip(command.grid.times, expected[labels], strict=False) if value is not None
        }
        yield from _point_differences(labels, wanted_points, dict(zip(times.tolist(), values.tolist(), strict=True)))
    yield from _missing(expected, [labels for labels, *_ in series])


def _point_differences(labels: Labels, expected: Mapping[int, Value], points: dict[int, float]) -> Iterator[str]:
    for time in sorted(expected.keys() | points.keys()):
        wanted, value = expected.get(time), points.get(time)
        if value is None or not isinstance(wanted, float) or not almost_equal(wanted, value):
            yield f"expected {_render(wanted)} for {labels} at {time} ms, got {_render(value)}"


def _missing(expected: Collection[Labels], found: Collection[Labels]) -> Iterator[str]:
    for labels in expected:
        if labels not in found:
            yield f"expected series {labels} is not there"


def _render(value: Value) -> str:
    match value:
        case None:
            return "no sample"
        case float():
            return "a stale marker" if float_bits(value) == STALE_NAN_BITS else render_float_g(value)
        case _:
            return value.text
