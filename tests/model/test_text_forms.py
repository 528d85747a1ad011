"""Durations, times, floats and regular expressions in the forms that the reference servers use."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.model.durations import parse_duration, render_duration
from obsflow.model.floats import parse_go_float, render_float, render_float_g
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.regex import LabelRegex, Regex, RegexError
from obsflow.model.times import parse_time, render_rfc3339


@pytest.mark.parametrize(
    ("text", "ms"),
    [("0", 0), ("5m", 300_000), ("1h30m", 5_400_000), ("1y2w3d4h5m6s7ms", 33_019_506_007), ("90s", 90_000)],
)
def test_durations_parse(text, ms):
    """Units descend, each at most once."""
    assert parse_duration(text) == ms


@pytest.mark.parametrize("text", ["", "5", "1.5h", "5m1h", "1m1m", "-1m", "1h ", "99999y"])
def test_other_durations_are_refused(text):
    """Nothing else is a duration."""
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.integers(0, 9 * 10**12))
def test_durations_round_trip(ms):
    """A printed duration parses to itself."""
    assert parse_duration(render_duration(ms)) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1795411299.5", 1_795_411_299_500),
        ("2026-11-23T05:21:40.823Z", 1_795_411_300_823),
        ("2026-11-23T07:21:40+02:00", 1_795_411_300_000),
        ("2026-11-23T03:21:40.823999-02:00", 1_795_411_300_823),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_times_parse(text, ms):
    """RFC 3339, or seconds since the epoch."""
    assert parse_time(text) == ms


@given(st.integers(-(10**12), 10**14))
def test_times_round_trip(ms):
    """A printed time parses to itself."""
    assert parse_time(render_rfc3339(ms)) == ms


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", "2026-11-23", "1e", "inf"])
def test_other_times_are_refused(text):
    """Nothing else is a time."""
    with pytest.raises(ValueError, match="cannot parse"):
        parse_time(text)


@pytest.mark.parametrize(
    ("value", "plain", "short"),
    [
        (0.0, "0", "0"),
        (-0.0, "-0", "-0"),
        (1e6, "1000000", "1e+06"),
        (123456789.0, "123456789", "1.23456789e+08"),
        (1e-5, "0.00001", "1e-05"),
        (0.0001, "0.0001", "0.0001"),
        (1e21, "1000000000000000000000", "1e+21"),
        (3.3529411764705843, "3.3529411764705843", "3.3529411764705843"),
        (math.inf, "+Inf", "+Inf"),
        (-math.inf, "-Inf", "-Inf"),
        (math.nan, "NaN", "NaN"),
    ],
)
def test_floats_print_as_go_prints_them(value, plain, short):
    """Both of the forms in which Prometheus writes a number."""
    assert render_float(value) == plain
    assert render_float_g(value) == short


@given(st.floats(allow_nan=False))
def test_floats_round_trip(value):
    """Printing loses nothing."""
    for render in (render_float, render_float_g):
        assert struct.pack("<d", parse_go_float(render(value))) == struct.pack("<d", value)


@pytest.mark.parametrize("text", ["", "1,5", " 1", "0x", "infinit", "1e", "--1", "1__0", "_1", "1_e3", "nanx"])
def test_other_floats_are_refused(text):
    """Nothing else is a number."""
    with pytest.raises(ValueError, match="not a number"):
        parse_go_float(text)


@pytest.mark.parametrize(
    ("pattern", "value", "hit"),
    [
        ("5..", "503", True),
        ("5..", "1503", False),
        ("a|b", "b", True),
        ("a|b", "ab", False),
        (".*", "two\nlines", True),
        ("(?i)x", "X", True),
        (r"\Qa.b\E", "a.b", True),
        ("", "", True),
    ],
)
def test_label_patterns_match_whole_values(pattern, value, hit):
    """Patterns are anchored, and a dot matches a newline."""
    assert LabelRegex(pattern).matches(value) is hit
    assert Matcher("l", MatchOp.NOT_REGEX, pattern).matches(value) is not hit


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"\1", r"\C", "a)(b", "x{1001}"])
def test_patterns_that_go_refuses_are_refused(pattern):
    """Look-around, back-references and unbalanced parentheses are errors, not surprises."""
    with pytest.raises(RegexError):
        LabelRegex(pattern)


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "result"),
    [
        ("(a+)(b)?", "<$1$2>", "aab-a", "<aab>-<a>"),
        ("(?P<n>x)", "${n}y$$", "axb", "axy$b"),
        ("x", "$1_", "x", ""),
        ("", "-", "ab", "-a-b-"),
    ],
)
def test_replacement_follows_go(pattern, replacement, text, result):
    """`$1_` names a group `1_` that does not exist; `$$` is a dollar."""
    assert Regex(pattern).replace_all(replacement, text) == result
