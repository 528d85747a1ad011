import numpy as np
import pytest

from obsflow.model.floats import STALE_NAN
from tests.query.cases import MINUTE, ask, engine, shown, store


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (0, {"x": 1}),
        (59_999, {"x": 1}),
        (60_000, {"x": 2}),
        (60_000 + 299_999, {"x": 2}),
        (60_000 + 300_000, {}),
        (-1, {}),
    ],
)
def test_lookback_is_open_on_the_left_and_closed_on_the_right(time, expected):
    """A sample is seen from its own time until just before it is as old as the lookback."""
    assert ask({"x": [1, 2]}, "x", time) == expected


def test_a_stale_marker_ends_a_series_at_once():
    """After a stale marker there is no value, though older samples lie within the lookback."""
    samples = {"x": [1, STALE_NAN], "y": [1, float("nan")]}
    assert ask(samples, '{__name__=~"x|y"}', MINUTE) == {"y": "NaN"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("x offset 2m", 3.0),
        ("x offset -2m", 7.0),
        ("x @ 60", 1.0),
        ("x @ 60 offset -1m", 2.0),
        ("x offset 1m @ 360", 5.0),
        ("x @ start()", 5.0),
        ("x @ end() offset 1m", 4.0),
    ],
)
def test_offset_and_at_move_the_time_that_is_looked_at(query, expected):
    """`@` fixes the time and offset moves back from it, whichever is written first."""
    assert ask({"x": list(range(10))}, query, 5 * MINUTE) == {"x": expected}


def test_start_and_end_are_those_of_a_range_query():
    """In a range `@ start()` and `@ end()` are its bounds; in a batch every step is its own."""
    asked = engine({"x": list(range(10))})
    range_ = asked.query_range("x @ start() + x @ end()", 2 * MINUTE, 4 * MINUTE, MINUTE).value
    assert range_.values.tolist() == [[6.0, 6.0, 6.0]]
    batch = asked.query_batch("x @ start() + x @ end()", np.array([2, 3, 4]) * MINUTE)
    assert batch.frame.values.tolist() == [[4.0, 6.0, 8.0]]


def test_timestamp_sees_when_a_sample_was_taken_only_through_a_bare_selector():
    """`timestamp(x)` is the sample's time, parentheses or not; of anything computed it is the step's."""
    asked = engine({"x": [1, 2]})
    for query, expected in (("timestamp(x)", 60.0), ("timestamp((x))", 60.0), ("timestamp(abs(x))", 100.0)):
        assert shown(asked.query(query, 100_000).vector()) == {"{}": expected}, query


def test_a_selector_that_occurs_twice_is_selected_once():
    """Equal selections of one query reach the store once."""
    database = store({"x": [1]})
    from obsflow.query.engine import Engine

    Engine(database).query("x + x * x", 0)
    assert database.selections == 1


def test_a_range_vector_is_its_samples_without_stale_markers():
    """`x[3m]` at an instant gives the samples in the window, by series, sorted by labels."""
    asked = engine({'x{i="b"}': [1, 2, STALE_NAN, 4, 5], 'x{i="a"}': [None, None, 7], "x": [9]})
    assert asked.query("x[3m]", 3 * MINUTE).to_dict() == {
        "resultType": "matrix",
        "result": [
            {"metric": {"__name__": "x", "i": "a"}, "values": [[120, "7"]]},
            {"metric": {"__name__": "x", "i": "b"}, "values": [[60, "2"], [180, "4"]]},
        ],
    }
