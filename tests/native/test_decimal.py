"""Decimals: what Go's ParseFloat takes in an exposition, and what it does not."""

import math

import numpy as np
import pytest

from obsflow import native

NUMBERS = {
    "0": 0.0, "-0": -0.0, "+1": 1.0, "1.": 1.0, ".5": 0.5, "007": 7.0, "1e3": 1e3, "1E+3": 1e3, "-2.5e-3": -0.0025,
    "inf": math.inf, "+Inf": math.inf, "-INFINITY": -math.inf, "iNfInItY": math.inf,
    "9007199254740993": 9007199254740992.0,  # half way, to even
    "9007199254740993.00000000000000000000000001": 9007199254740994.0,
    "1.7976931348623157e308": 1.7976931348623157e308, "1.7976931348623158e308": 1.7976931348623157e308,
    "4.9e-324": 5e-324, "2.4703282292062327208e-324": 0.0, "2.4703282292062327209e-324": 5e-324,
    "2.2250738585072011e-308": 2.225073858507201e-308, "1e-400": 0.0,
    "1" + "0" * 400 + "e-400": 1.0, "0." + "0" * 400 + "1e401": 1.0,
    "1e-99999999999999999999": 0.0, "0e99999999999999999999": 0.0,
}  # fmt: skip
NO_NUMBERS = (
    "", "+", ".", "e5", "1e", "1e+", "1.2.3", "--1", "+nan", "-NaN", "infinit", "1_0", "0x1", "0x1p3", " 1", "1 ",
    "1\0", "1\u00e9", "nano", "in",
)  # fmt: skip
TOO_LARGE = ("1e309", "-1.8e308", "1.7976931348623159e308", "9" * 400, "1e99999999999999999999")
BOUNDS = {
    1.0: "1.0", 0.0: "0.0", 0.1: "0.1", 2.5: "2.5", 100000.0: "100000.0", 1e6: "1e+06", 1234567.0: "1.234567e+06",
    0.0001: "0.0001", 0.00001: "1e-05", 1e100: "1e+100", -17.0: "-17.0", 0.1 + 0.2: "0.30000000000000004",
    5e-324: "5e-324", 2.0**60: "1.152921504606847e+18", math.inf: "+Inf", -math.inf: "-Inf", 1e22: "1e+22",
    1e23: "1e+23",
    2.0**-44: "5.684341886080802e-14", 9007199254740993.0: "9.007199254740992e+15", 123456.7: "123456.7",
    9.5e-7: "9.5e-07", 1.7976931348623157e308: "1.7976931348623157e+308",
}  # fmt: skip


def read(*texts):
    parts = [text.encode() for text in texts]
    lengths = np.array([len(part) for part in parts], np.int64)
    return native.parse_decimals(b"".join(parts), np.cumsum(lengths) - lengths, lengths)


@pytest.mark.parametrize(("text", "value"), NUMBERS.items(), ids=lambda x: str(x)[:20])
def test_numbers(text, value):
    """A decimal is the double nearest to it, and of two as near the even one."""
    (found,), (state,) = read(text)
    assert (state, found, math.copysign(1, found)) == (0, value, math.copysign(1, value))


@pytest.mark.parametrize("text", NO_NUMBERS, ids=repr)
def test_no_numbers(text):
    """What is no decimal as a whole is none."""
    assert read(text)[1] == [1]


@pytest.mark.parametrize("text", TOO_LARGE, ids=lambda text: text[:20])
def test_too_large(text):
    """A decimal beyond the doubles is told apart from an infinity."""
    assert read(text)[1] == [2]


@pytest.mark.parametrize("text", ["nan", "NaN", "NAN"])
def test_one_nan(text):
    """There is one NaN, which is not the stale marker."""
    assert read(text)[0].view(np.uint64) == [0x7FF8000000000001]


@pytest.mark.parametrize(("value", "text"), BOUNDS.items(), ids=str)
def test_bounds(value, text):
    """A bound is written as OpenMetrics wants it."""
    assert native.render_openmetrics_float(value) == text


@pytest.mark.parametrize(("value", "text"), [(math.nan, "NaN"), (-0.0, "0.0")])
def test_bounds_without_a_sign(value, text):
    """A NaN and a zero have none."""
    assert native.render_openmetrics_float(value) == text


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, 4), (4, 0), (0, -1), (1 << 62, 1)])
def test_ranges_outside(start, length):
    """A range that leaves the buffer is refused."""
    with pytest.raises(ValueError, match="outside"):
        native.parse_decimals(b"123", np.array([start]), np.array([length]))
