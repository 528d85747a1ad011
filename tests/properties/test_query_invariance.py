"""What changes a query, its data or its time without changing the answer."""

import re

import attrs
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.properties.test_query import DURATIONS, TIMES, databases, of_result, vectors
from tests.query.store import ListStore

from obsflow.errors import QueryError
from obsflow.model.labels import Labels
from obsflow.promql import parse
from obsflow.promql.ast import Subquery, VectorSelector, children, with_children
from obsflow.query.engine import Engine

GRID_MS = 1_020_000
"""A multiple of every step that a subquery of these tests has."""
_CLOCKS = re.compile(r" @ (?:200|start\(\)|end\(\))")
_ORDERED = re.compile(r"\b(?:sum|avg|stddev|stdvar) ")
_RANKED = re.compile(r"\b(?:topk|bottomk) ")


def timeless(text):
    """The query without what names a time of its own."""
    return _CLOCKS.sub("", text).replace("time()", "3").replace("timestamp(", "abs(")


def outermost(node, change):
    """The tree with `change` made to each selector and subquery that is in no other subquery."""
    if isinstance(node, Subquery | VectorSelector):
        return change(node)
    return with_children(node, tuple(outermost(child, change) for child in children(node)))


def answer(series, query, time):
    return of_result(lambda: Engine(ListStore(series)).query(query, time))


@settings(max_examples=100, deadline=None)
@given(databases(), vectors(2).map(timeless), TIMES, st.integers(-1_000, 1_700_000))
def test_data_and_query_moved_together(series, text, time, moves):
    """Another time for everything gives the same answer."""
    by = moves * GRID_MS
    moved = [(labels, [t + by for t in times], values) for labels, times, values in series]
    assert answer(moved, text, time + by) == answer(series, text, time), text


@settings(max_examples=100, deadline=None)
@given(databases(), vectors(2).map(timeless), TIMES, st.integers(-300_000, 300_000))
def test_an_offset_is_another_time(series, text, time, by):
    """A query that looks back by an offset gives what was given then, also with the offset of its subqueries."""
    assume("predict_linear" not in text)  # it looks ahead from the time of the query
    tree = outermost(parse(text), lambda node: attrs.evolve(node, offset=node.offset + by))
    assert answer(series, tree, time + by) == answer(series, text, time), text


@settings(max_examples=100, deadline=None)
@given(databases(), vectors(2).map(timeless), TIMES, TIMES)
def test_a_query_that_is_pinned(series, text, time, other):
    """With `@` on all that it selects, a query gives at any time what it gives at that one."""
    assume("predict_linear" not in text)
    tree = outermost(parse(text), lambda node: attrs.evolve(node, at=time))
    assert answer(series, tree, other) == answer(series, text, time), text


@settings(max_examples=100, deadline=None)
@given(
    databases(),
    vectors(1).map(timeless),
    st.sampled_from(("rate", "delta", "deriv", "sum_over_time", "max_over_time", "changes", "last_over_time")),
    st.sampled_from(DURATIONS),
    st.sampled_from((17_000, 60_000)),
    TIMES,
)
def test_a_subquery_is_a_range_of_what_was_recorded(series, text, function, duration, step, time):
    """A subquery gives what the range gives of series that were recorded at the same times."""
    name = Labels({"__name__": "recorded"})
    try:
        inner = Engine(ListStore(series)).query_range(text, 0, time, step)
    except QueryError:
        assume(False)  # it may fail outside of the window
    rows = [(labels.with_(dict(name.pairs)), times, values) for labels, times, values in inner.series()]
    assume(len({labels for labels, *_ in rows}) == len(rows))
    subquery = answer(series, f"{function}(({text})[{duration}:{step // 1000}s])", time)
    recorded = answer(rows, f"{function}(recorded[{duration}])", time)
    assert nameless(subquery) == nameless(recorded), text


def nameless(found):
    return (
        found
        if isinstance(found, str)
        else sorted((labels.without("__name__").pairs, v) for labels, v in found.items())
    )


@settings(max_examples=100, deadline=None)
@given(databases(), vectors(2), TIMES, st.randoms(use_true_random=False))
def test_the_order_of_series_does_not_matter(series, text, time, rng):
    """A store may give its series in any order, but to sums and ranks; and to what tells 0 from -0."""
    assume("count_values" not in text)
    text = _RANKED.sub("quantile ", _ORDERED.sub("max ", text)).replace("/", "*")
    shuffled = rng.sample(series, len(series))
    assert unsigned(answer(shuffled, text, time)) == unsigned(answer(series, text, time)), text


def unsigned(found):
    """The answer with one zero: that of several which is met first is the least or greatest."""
    zeros = {1 << 63: 0}
    return found if isinstance(found, str) else {labels: zeros.get(value, value) for labels, value in found.items()}
