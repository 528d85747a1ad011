"""The operators of PromQL on columns of floats, in Go's sense."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from obsflow.model.frames import BoolArray, FloatArray

ARITHMETIC: Final[dict[str, Callable[[Any, Any], FloatArray]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,  # the sign of the dividend, as in C
    "^": np.power,
    "atan2": np.arctan2,
}

COMPARISONS: Final[dict[str, Callable[[Any, Any], BoolArray]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def go_min(a: FloatArray, b: FloatArray) -> FloatArray:
    """Go's `math.Min`: NaN spreads, but not over -Inf; -0 is below +0."""
    out: FloatArray = np.minimum(a, b)
    out = np.where((a == -np.inf) | (b == -np.inf), -np.inf, out)
    return np.where((a == 0) & (b == 0) & (np.signbit(a) | np.signbit(b)), -0.0, out)


def go_max(a: FloatArray, b: FloatArray) -> FloatArray:
    """Go's `math.Max`: NaN spreads, but not over +Inf; +0 is above -0."""
    out: FloatArray = np.maximum(a, b)
    out = np.where((a == np.inf) | (b == np.inf), np.inf, out)
    return np.where((a == 0) & (b == 0) & ~(np.signbit(a) & np.signbit(b)), 0.0, out)
