"""Names that go at the end of the query: which operators mark them, keep the mark, and forget it."""

import pytest

from obsflow.errors import QueryError
from obsflow.promql import PROMQLTEST
from tests.query.cases import ask, engine

SAMPLES = {'a{i="1"}': [-4], 'b{i="1"}': [4]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("abs(a)", {'{i="1"}': 4.0}),
        ("abs(a) == ignoring(x) b", {'a{i="1"}': 4.0}),
        ("abs(a) == bool b", {'{i="1"}': 1.0}),
        ("label_replace(a == bool b, 'n', '$1', '__name__', '(.*)')", {'{i="1", n="a"}': 0.0}),
        ("label_replace(a == bool on(i) b, 'n', '$1', '__name__', '(.*)')", {'{i="1"}': 0.0}),
        ("label_replace(a + b, 'n', '$1', '__name__', '(.*)')", {'{i="1"}': 0.0}),
        ("abs(a) and b", {'{i="1"}': 4.0}),
        ("sum by (__name__) (abs(a))", {"{}": 4.0}),
    ],
)
def test_names_at_the_end(query, expected):
    """As Prometheus' evaluator passes its flag on; a comparison that filters does not."""
    assert ask(SAMPLES, query, dialect=PROMQLTEST) == expected


def test_types_and_units_go_with_the_name_of_a_group():
    """Groups that differ in them alone are one label set at the end."""
    samples = {'a{__type__="gauge"}': [1], "a": [2]}
    with pytest.raises(QueryError, match="same labelset"):
        engine(samples, dialect=PROMQLTEST).query("max without (j) (abs(a))", 0)


def test_the_hash_of_a_ratio_knows_no_marks():
    """What is kept of a vector is kept of any function of it, whose names are there to the end."""
    samples = {f'a{{i="{i}"}}': [i] for i in "bcdefghijkl"}
    samples = {key: [float(n)] for n, key in enumerate(samples)}
    half = ask(samples, "limit_ratio(0.5, a)", dialect=PROMQLTEST)
    assert 0 < len(half) < len(samples)
    assert sorted(ask(samples, "limit_ratio(0.5, abs(a))", dialect=PROMQLTEST).values()) == sorted(half.values())
