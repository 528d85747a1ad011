"""What duration expressions come to."""

import pytest

from obsflow.errors import QueryError
from obsflow.promql import parse
from obsflow.promql.durations import resolve_duration

RESULTS = {
    "5m": 300_000,
    "1.5": 1500,
    "0.0019": 1,
    "0.9999999999": 1000,
    "step()": 15_000,
    "range()": 3_600_000,
    "step() * 2 + 1": 31_000,
    "step() / 7": 2142,
    "-(-step())": 15_000,
    "2 ^ 3 ^ 0": 2000,
    "17 % 5 + step() - step()": 2000,
    "min_of(step(), 5)": 5000,
    "max_of(step(), 5)": 15_000,
    "(step() + 5) * 2": 40_000,
}


@pytest.mark.parametrize(("text", "milliseconds"), RESULTS.items())
def test_durations_resolve_to_whole_milliseconds(text, milliseconds):
    """With a step of 15 s over a range of 1 h; what is less than a millisecond is cut off."""
    duration = parse(f"a[{text}]").range
    assert resolve_duration(duration, 15_000, 3_600_000, positive=True) == milliseconds


@pytest.mark.parametrize(("text", "milliseconds"), [("-5m", -300_000), ("(step() - 20)", -5000), ("-0.0019", -1)])
def test_an_offset_may_be_negative(text, milliseconds):
    """And is cut off towards zero."""
    assert resolve_duration(parse(f"a offset {text}").offset, 15_000, 0) == milliseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / (step() - 15)", "division by zero in duration expression"),
        ("1 % (step() - 15)", "modulo by zero in duration expression"),
        ("5m - 5m", "duration must be greater than 0"),
        ("step() / 1e9", "duration must be greater than 0"),
        ("10 ^ 400", "duration is NaN or infinite"),
        ("(-step()) ^ 0.5", "duration is NaN or infinite"),
        ("(step() - 15) ^ -1", "duration is NaN or infinite"),
        ("(10 ^ 400) % 2", "duration is NaN or infinite"),
        ("1e9 * step()", "duration is out of range"),
        ("min_of((-1 * step()) ^ 0.5, 1)", "duration is NaN or infinite"),
    ],
)
def test_what_is_no_duration_is_an_error_of_the_query(text, message):
    """Only the query knows its step, so only evaluation can tell."""
    with pytest.raises(QueryError) as caught:
        resolve_duration(parse(f"a[{text}]").range, 15_000, 0, positive=True)
    assert str(caught.value) == message
