"""What counts as equal."""

import math
import sys

import pytest

from obsflow.model.floats import STALE_NAN
from obsflow.testing.promql_tests.comparison import almost_equal

INF, NAN, LEAST = math.inf, math.nan, sys.float_info.min


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1.0, 1.0, True),
        (1.0, 1.0 + 1.9e-6, True),
        (1.0, 1.0 + 2.1e-6, False),
        (1e100, 1.000001e100, True),
        (-1.0, 1.0, False),
        (0.0, -0.0, True),
        (0.0, 1e-300, False),
        (0.0, 1e-320, True),
        (LEAST / 4, LEAST / 4 + 1e-320, True),
        (LEAST / 4, LEAST / 8, False),
        (INF, INF, True),
        (INF, -INF, False),
        (INF, sys.float_info.max, False),
        (sys.float_info.max, sys.float_info.max * (1 - 1e-7), True),
        (NAN, NAN, True),
        (-NAN, NAN, True),
        (NAN, 1.0, False),
        (STALE_NAN, STALE_NAN, True),
        (STALE_NAN, NAN, False),
        (STALE_NAN, 0.0, False),
    ],
)
def test_almost_equal(a, b, equal):
    """To a millionth of the sum of both, next to zero absolutely; a NaN is any other, a stale marker only itself."""
    assert almost_equal(float(a), float(b)) is equal
    assert almost_equal(float(b), float(a)) is equal
