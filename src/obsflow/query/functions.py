"""The functions of PromQL by name."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from obsflow.model.frames import FloatArray, Frame, LabelColumns
from obsflow.promql.ast import Call
from obsflow.query.arithmetic import go_max, go_min
from obsflow.query.context import EvalContext, Value
from obsflow.query.dates import DATE_PARTS
from obsflow.query.histograms import (
    evaluate_histogram_fraction,
    evaluate_histogram_quantile,
    evaluate_histogram_quantiles,
    evaluate_native_only,
)
from obsflow.query.info import evaluate_info
from obsflow.query.labelling import (
    evaluate_absent,
    evaluate_absent_over_time,
    evaluate_label_join,
    evaluate_label_replace,
)
from obsflow.query.selectors import evaluate_timestamp
from obsflow.query.series import drop_name
from obsflow.query.sorting import evaluate_sort, evaluate_sort_by_label
from obsflow.query.start_times import evaluate_start_timestamp
from obsflow.query.windows import (
    PLAIN_WINDOW_FUNCTIONS,
    evaluate_predict_linear,
    evaluate_quantile_over_time,
    evaluate_smoothing,
    evaluate_window,
)

_LOG2_OF_E: Final = 1.44269504088896340736
_LOG10_OF_2: Final = 0.30102999566398119521


def evaluate_call(ctx: EvalContext, call: Call) -> Value:
    """Any function call."""
    return IMPLEMENTATIONS[call.name](ctx, call)


def _log2(x: FloatArray) -> FloatArray:
    """As Go computes it: exact for powers of two."""
    fraction, exponent = np.frexp(x)
    exact = fraction == 0.5
    return np.where(exact, exponent - 1.0, np.log(fraction) * _LOG2_OF_E + exponent)


def _log10(x: FloatArray) -> FloatArray:
    """As Go computes it."""
    return _log2(x) * _LOG10_OF_2


def _sgn(x: FloatArray) -> FloatArray:
    """The sign; zeros and NaN as they are."""
    return np.where(x < 0, -1.0, np.where(x > 0, 1.0, x))


def _round(x: FloatArray, nearest: FloatArray) -> FloatArray:
    """To a multiple of `nearest`, ties up."""
    inverse = 1.0 / nearest
    return np.asarray(np.floor(x * inverse + 0.5) / inverse)


def _elementwise(function: Callable[..., FloatArray], *, defaults: Sequence[float] = ()) -> "Implementation":
    """A function of a vector and of scalars, value by value. `defaults` stand for scalars that are left out."""

    def evaluate(ctx: EvalContext, call: Call) -> Frame:
        frame = ctx.vector(call.args[0])
        scalars = [ctx.scalar(argument) for argument in call.args[1:]]
        scalars += [np.full(ctx.steps, default) for default in defaults[len(scalars) :]]
        return drop_name(ctx, frame.with_values(frame.labels, function(frame.values, *scalars)))

    return evaluate


def _clamp(ctx: EvalContext, call: Call) -> Frame:
    """`clamp(v, min, max)`: nothing where min is above max."""
    frame = ctx.vector(call.args[0])
    least, greatest = ctx.scalar(call.args[1]), ctx.scalar(call.args[2])
    values = go_max(least, go_min(greatest, frame.values))
    return drop_name(ctx, ctx.frame(frame.labels, values, frame.present & ~(greatest < least)).compact())


def _date_part(ctx: EvalContext, call: Call) -> Frame:
    part = DATE_PARTS[call.name]
    if not call.args:
        return _unlabelled(ctx, part(ctx.times / 1000.0).astype(np.float64))
    frame = ctx.vector(call.args[0])
    return drop_name(ctx, frame.with_values(frame.labels, part(frame.values).astype(np.float64)))


def _unlabelled(ctx: EvalContext, scalar: FloatArray) -> Frame:
    labels = LabelColumns.unlabelled(ctx.symbols, 1)
    return ctx.frame(labels, scalar[np.newaxis], np.ones((1, ctx.steps), bool))


def _vector(ctx: EvalContext, call: Call) -> Frame:
    return _unlabelled(ctx, ctx.scalar(call.args[0]))


def _scalar(ctx: EvalContext, call: Call) -> FloatArray:
    """The one sample of a step, NaN where there is not exactly one."""
    frame = ctx.vector(call.args[0])
    if not len(frame):
        return np.full(ctx.steps, np.nan)
    row = frame.present.argmax(axis=0)
    value = frame.values[row, np.arange(ctx.steps)]
    return np.where(frame.present.sum(axis=0) == 1, value, np.nan)


def _time(ctx: EvalContext, _call: Call) -> FloatArray:
    return ctx.times / 1000.0


def _bound(name: str) -> "Implementation":
    """`start()` and `end()` in seconds; without bounds every step is its own."""

    def evaluate(ctx: EvalContext, _call: Call) -> FloatArray:
        bound: int | None = getattr(ctx, name)
        return ctx.times / 1000.0 if bound is None else np.full(ctx.steps, bound / 1000.0)

    return evaluate


def _constant(value: float) -> "Implementation":
    return lambda ctx, _call: np.full(ctx.steps, value)


def _scalars(function: Callable[..., FloatArray]) -> "Implementation":
    return lambda ctx, call: function(*(ctx.scalar(argument) for argument in call.args))


Implementation = Callable[[EvalContext, Call], Value]

_MATH: Final[dict[str, Callable[..., FloatArray]]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "clamp_max": go_min,
    "clamp_min": go_max,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda x: x * 180 / np.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": _log10,
    "log2": _log2,
    "rad": lambda x: x * np.pi / 180,
    "sgn": _sgn,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}

IMPLEMENTATIONS: Final[dict[str, Implementation]] = {
    **{name: _elementwise(function) for name, function in _MATH.items()},
    **dict.fromkeys(PLAIN_WINDOW_FUNCTIONS, evaluate_window),
    **dict.fromkeys(DATE_PARTS, _date_part),
    **dict.fromkeys(("sort", "sort_desc"), evaluate_sort),
    **dict.fromkeys(("sort_by_label", "sort_by_label_desc"), evaluate_sort_by_label),
    **{f"histogram_{part}": evaluate_native_only for part in ("avg", "count", "stddev", "stdvar", "sum")},
    "absent": evaluate_absent,
    "absent_over_time": evaluate_absent_over_time,
    "clamp": _clamp,
    "end": _bound("end"),
    "double_exponential_smoothing": evaluate_smoothing,
    "histogram_fraction": evaluate_histogram_fraction,
    "histogram_quantile": evaluate_histogram_quantile,
    "histogram_quantiles": evaluate_histogram_quantiles,
    "info": evaluate_info,
    "label_join": evaluate_label_join,
    "label_replace": evaluate_label_replace,
    "max_of": _scalars(go_max),
    "min_of": _scalars(go_min),
    "pi": _constant(np.pi),
    "predict_linear": evaluate_predict_linear,
    "quantile_over_time": evaluate_quantile_over_time,
    "range": lambda ctx, _call: np.full(ctx.steps, ctx.run.range_ms / 1000.0),
    "round": _elementwise(_round, defaults=(1.0,)),
    "scalar": _scalar,
    "start": _bound("start"),
    "start_timestamp": evaluate_start_timestamp,
    "step": lambda ctx, _call: np.full(ctx.steps, ctx.run.step_ms / 1000.0 if ctx.run.range_ms else 0.0),
    "time": _time,
    "timestamp": evaluate_timestamp,
    "vector": _vector,
}
"""Function name to implementation; with what is missing, the functions of `promql.signatures`."""
