import numpy as np
import pytest

from obsflow.errors import QueryError
from obsflow.promql import PROMQLTEST
from tests.query.cases import MINUTE, ask, engine

SAMPLES = {
    'a{i="1",j="x"}': [6],
    'a{i="2",j="x"}': [7],
    'b{i="1",k="p"}': [2],
    'b{i="3",k="p"}': [4],
    'info{i="1",v="new"}': [1],
    'info{i="2",v="old"}': [1],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a + 1", {'{i="1", j="x"}': 7.0, '{i="2", j="x"}': 8.0}),
        ("10 - a", {'{i="1", j="x"}': 4.0, '{i="2", j="x"}': 3.0}),
        ("-a % 4", {'{i="1", j="x"}': -2.0, '{i="2", j="x"}': -3.0}),
        ("a > 6", {'a{i="2", j="x"}': 7.0}),
        ("6 < a", {'a{i="2", j="x"}': 7.0}),
        ("a > bool 6", {'{i="1", j="x"}': 0.0, '{i="2", j="x"}': 1.0}),
        ("a / on(i) b", {'{i="1"}': 3.0}),
        ("a > on(i) b", {'{i="1"}': 6.0}),
        ("a / ignoring(j, k) b", {'{i="1"}': 3.0}),
        ("a > ignoring(j, k) b", {'a{i="1"}': 6.0}),
        ("a * on(i) group_left(v) info", {'{i="1", j="x", v="new"}': 6.0, '{i="2", j="x", v="old"}': 7.0}),
        ("info * on(i) group_right(v) a", {'{i="1", j="x", v="new"}': 6.0, '{i="2", j="x", v="old"}': 7.0}),
        ("b < on(i) group_right a", {'a{i="1", j="x"}': 2.0}),
        ("a and on(i) b", {'a{i="1", j="x"}': 6.0}),
        ("a unless on(i) b", {'a{i="2", j="x"}': 7.0}),
        ("b or on(i) a", {'b{i="1", k="p"}': 2.0, 'b{i="3", k="p"}': 4.0, 'a{i="2", j="x"}': 7.0}),
        ("a == 6 or a == 7", {'a{i="1", j="x"}': 6.0, 'a{i="2", j="x"}': 7.0}),
        ("a + on(nothing) missing", {}),
        ("vector(1) atan2 vector(1)", {"{}": np.pi / 4}),
        ("vector(2) ^ 3 ^ 2", {"{}": 512.0}),
    ],
)
def test_an_operator_keeps_the_labels_and_values_that_prometheus_keeps(query, expected):
    """Arithmetic and `bool` drop the name, filters keep it; matching decides over the rest."""
    assert ask(SAMPLES, query) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "b{i='1'} + on(k) b",
            (
                'found duplicate series for the match group {k="p"} on the right hand-side of the operation: '
                '[{__name__="b", i="1", k="p"}, {__name__="b", i="3", k="p"}];'
                "many-to-many matching not allowed: matching labels must be unique on one side"
            ),
        ),
        (
            "b + on(j) group_right a",
            (
                "found duplicate series for the match group {} on the left hand-side of the operation: "
                '[{__name__="b", i="1", k="p"}, {__name__="b", i="3", k="p"}];'
                "many-to-many matching not allowed: matching labels must be unique on one side"
            ),
        ),
        (
            "a > on(j) a{i='1'}",
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        ),
        (
            "a * on() group_left(i) b{i='1'}",
            "multiple matches for labels: grouping labels must ensure unique matches",
        ),
        ('label_replace(a, "i", "", "", "")', "vector cannot contain metrics with the same labelset"),
        ('abs({__name__=~"c|d"})', "vector cannot contain metrics with the same labelset"),
    ],
)
def test_ambiguity_is_an_error_in_the_words_of_prometheus(query, message):
    """What cannot be matched one way only is refused, and the message shows which series are at fault."""
    with pytest.raises(QueryError) as caught:
        ask({**SAMPLES, "c": [1], "d": [1]}, query)
    assert str(caught.value) == message


def test_duplicates_of_the_one_side_do_not_matter_where_the_other_is_empty():
    """Steps at which a side has no sample are not checked."""
    samples = {"a": [None, 1], 'b{i="1"}': [1, None], 'b{i="2"}': [1, None]}
    asked = engine(samples, lookback_ms=MINUTE)
    result = asked.query_range("a + on() group_left b", 0, MINUTE, MINUTE)
    assert result.series() == []


def test_series_that_take_turns_are_one_match():
    """Two series of one match group match the same other series as long as they are never there together."""
    samples = {"a": [1, 1, 1], 'b{v="old"}': [10, None, None], 'b{v="new"}': [None, 20, 30]}
    asked = engine(samples, lookback_ms=MINUTE)
    plain = asked.query_range("a + on() b", 0, 2 * MINUTE, MINUTE).value
    assert plain.values.tolist() == [[11.0, 21.0, 31.0]]
    grouped = asked.query_range("a + on() group_left(v) b", 0, 2 * MINUTE, MINUTE).value
    assert [str(labels) for labels in grouped.labels.decode()] == ['{v="new"}', '{v="old"}']
    assert grouped.present.tolist() == [[False, True, True], [True, False, False]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a + on(i) fill(0) b", {'{i="1"}': 8.0, '{i="2"}': 7.0, '{i="3"}': 4.0}),
        ("a + on(i) fill_left(1) b", {'{i="1"}': 8.0, '{i="3"}': 5.0}),
        ("a + on(i) fill_right(1) b", {'{i="1"}': 8.0, '{i="2"}': 8.0}),
        ("a > on(i) fill(5) b", {'{i="1"}': 6.0, '{i="2"}': 7.0, '{i="3"}': 5.0}),
        ("a * on(i) group_left(v) fill(2) b", {'{i="1", j="x"}': 12.0, '{i="2", j="x"}': 14.0, '{i="3"}': 8.0}),
        ("a + on(i) fill(0) missing", {'{i="1"}': 6.0, '{i="2"}': 7.0}),
        ("missing + fill(0) missing", {}),
    ],
)
def test_a_missing_side_is_filled(query, expected):
    """`fill` stands in for a sample that one side lacks, with the labels that are matched."""
    assert ask(SAMPLES, query, dialect=PROMQLTEST) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [("1 + 2 * 3", 7.0), ("-2 ^ 2", -4.0), ("7 % -4", 3.0), ("1 / 0", np.inf), ("2 > bool 1", 1.0), ("+(-1)", -1.0)],
)
def test_scalars_follow_ieee(query, expected):
    """Operators between scalars give scalars."""
    assert engine({}).query(query, 0).value.value == expected


def test_a_filled_side_is_checked_even_if_the_other_is_empty():
    """Two samples of one match group fail where a value would stand in for what is missing."""
    samples = {'b{i="1"}': [1], 'b{i="2"}': [1]}
    with pytest.raises(QueryError, match="found duplicate series"):
        ask(samples, "missing + on() fill_right(1) b", dialect=PROMQLTEST)
    assert ask(samples, "missing + on() b", dialect=PROMQLTEST) == {}


def test_the_first_two_of_a_match_group_are_named():
    """In the order of the vector, whatever group comes first."""
    samples = {
        'a{i="1"}': [1],
        'b{i="1",j="x"}': [1],
        'b{i="2",j="x"}': [1],
        'b{i="2",j="y"}': [1],
        'b{i="1",j="y"}': [1],
    }
    with pytest.raises(QueryError, match=r'match group \{i="2"\} on the right'):
        ask(samples, "a + on(i) b")
