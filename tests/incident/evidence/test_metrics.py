"""Labels that explain a change, and when a level changed: worked by hand, and against slow twins."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from obsflow.incident.evidence import Series, Window, explain_change, find_change_point
from obsflow.model.labels import Labels
from tests.incident.evidence.cases import series
from tests.oracles.evidence import explained_shares

BEFORE, DURING = Window(0, 2000), Window(2000, 4000)


def level(labels, before, during):
    return series(labels, before, before, during, during)


def brief(shares):
    return [(s.pair, s.series, s.before, s.during, s.share, s.expected_share) for s in shares]


def test_one_endpoint_of_one_service():
    """Only /pay grew, on both of its instances; the errors' code says as much as the path and is told beside it."""
    found = explain_change(
        [
            level({"path": "/pay", "pod": "a", "job": "api"}, 2, 52),
            level({"path": "/pay", "pod": "b", "job": "api"}, 2, 52),
            level({"path": "/list", "pod": "a", "job": "api"}, 8, 8),
            level({"path": "/list", "pod": "b", "job": "api"}, 8, 8),
        ],
        BEFORE,
        DURING,
    )

    assert brief(found) == [(("path", "/pay"), 2, 4.0, 104.0, 1.0, 0.2)]
    assert (found[0].excess, found[0].severity) == (1.0, pytest.approx(100 / 104))
    assert found[0].common == Labels(path="/pay", job="api")
    assert (found[0].also, found[0].of_series) == ((), 4)
    assert (found[0].coherence, found[0].magnitude) == (1.0, pytest.approx(100 / 120))


@pytest.mark.parametrize(
    ("before", "during", "excess"),
    [
        ((80, 20), (1600, 20), 1.0),  # however great its part was before
        ((80, 20), (160, 40), None),  # in proportion
        ((80, 20), (160, 25), 3 / 4),  # 80/85 of the change, 0.8 of the whole: (80/85 - 0.8) / 0.2, less rounding
        ((10, 0), (0, 5), 1.0),  # it had everything: what is above 1 of a share of 2
    ],
)
def test_excess_is_what_could_be_beyond_proportion(before, during, excess):
    """A service with most of the errors can be blamed for all of the new ones."""
    given_ = [level({"a": str(n)}, *pair) for n, pair in enumerate(zip(before, during, strict=True))]
    found = {s.pair: s for s in explain_change(given_, BEFORE, DURING)}.get(("a", "0"))

    assert (found and found.excess) == (excess if excess is None else pytest.approx(excess, abs=0.05))


def test_a_change_of_composition_is_not_coherent():
    """What one series gained the other lost: the shares are great, and say little."""
    (first,) = explain_change([level({"a": "1"}, 50, 81), level({"a": "2"}, 50, 20)], BEFORE, DURING)

    assert (first.pair, first.share, first.coherence, first.magnitude) == (("a", "1"), 31.0, 1 / 61, 1 / 101)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([], []),
        ([level({"a": "1"}, 5, 5), level({"a": "2"}, 1, 1)], []),
        ([level({"a": "1"}, 5, 10), level({"a": "2"}, 1, 2)], []),  # in proportion
        ([level({"a": "1"}, 5, 9)], []),  # every series has it
        (  # one grew, one shrank: a share is above 1
            [level({"a": "1"}, 5, 9), level({"a": "2"}, 5, 4)],
            [(("a", "1"), 1, 5.0, 9.0, Fraction(4, 3), 0.5)],
        ),
        (  # a drop is explained as a spike is
            [level({"a": "1"}, 10, 0), level({"a": "2"}, 10, 10)],
            [(("a", "1"), 1, 10.0, 0.0, 1.0, 0.5)],
        ),
        (  # nothing before: expected is the part of the series
            [level({"a": "1"}, 0, 3), level({"a": "2"}, 0, 1)],
            [(("a", "1"), 1, 0.0, 3.0, 0.75, 0.5)],
        ),
        (  # a series that was not there before, values that are no numbers
            [series({"a": "1"}, 7, 7, start=2000), series({"a": "2"}, 1, math.nan, 1, math.inf)],
            [(("a", "1"), 1, 0.0, 7.0, 1.0, 0.0)],
        ),
        (  # sums beyond a float's range
            [level({"a": "1"}, 0, 1.7e308), level({"a": "2"}, 1e308, 1e308), level({"a": "3"}, 1e308, 1e308)],
            [(("a", "1"), 1, 0.0, 1.7e308, 1.0, 0.0)],
        ),
    ],
)
def test_what_explains_a_change(given_, expected):
    """The part of the change beyond the part of the whole."""
    found = brief(explain_change(given_, BEFORE, DURING))

    assert found == [tuple(float(x) if isinstance(x, Fraction) else x for x in row) for row in expected]


def test_labels_of_the_same_series_are_one():
    """The metric's name is no label that explains."""
    found = explain_change(
        [level({"__name__": "m", "b": "2", "a": "1"}, 1, 5), level({"__name__": "m", "c": "3"}, 1, 1)], BEFORE, DURING
    )

    assert [(s.pair, s.also) for s in found] == [(("a", "1"), (("b", "2"),))]


MEANS = st.floats(0, 1e9) | st.integers(0, 20).map(float)


@settings(deadline=None)
@given(
    means=st.lists(
        st.tuples(st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")), MEANS, MEANS), min_size=1, max_size=8
    ),
    seed=st.integers(0, 99),
    shift=st.integers(0, 10**13),
)
def test_shares_are_those_of_the_slow_twin(means, seed, shift):
    """Whatever the order of the series and the date."""
    assume(sum(Fraction(b) for _, b, _ in means) != sum(Fraction(d) for _, _, d in means))
    given_ = [level(*each) for each in means]
    found = explain_change(given_, BEFORE, DURING, min_excess=0)
    expected = explained_shares(means)

    told = {pair: (s.share, s.expected_share) for s in found for pair in (s.pair, *s.also)}
    assert told == {pair: (float(s), float(e)) for pair, (s, e) in expected.items() if s > e}
    shuffled = [level(*each) for each in random.Random(seed).sample(means, len(means))]
    assert explain_change(shuffled, BEFORE, DURING, min_excess=0) == found
    moved = [Series(s.labels, [t + shift for t in s.times], s.values) for s in given_]
    windows = (Window(w.start + shift, w.end + shift) for w in (BEFORE, DURING))
    assert explain_change(moved, *windows, min_excess=0) == found


@settings(deadline=None)
@given(
    means=st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=9)
)
def test_shares_of_the_values_of_a_label_add_up(means):
    """To 1, and so do the expected ones, if every series has the label: nothing is counted twice, nothing lost."""
    change, whole = sum(d - b for _, b, d in means), sum(b for _, b, _ in means)
    assume(change and whole)
    shares = explained_shares([({"a": value}, b, d) for value, b, d in means])
    told = {
        s.pair: s for s in explain_change([level({"a": v}, b, d) for v, b, d in means], BEFORE, DURING, min_excess=0)
    }

    assert sum(share for share, _ in shares.values()) == sum(expected for _, expected in shares.values()) == 1
    for pair, found in told.items():
        assert (found.share, found.expected_share) == tuple(map(float, shares[pair]))
        assert found.excess > 0
        assert 0 < found.severity <= 1


@settings(deadline=None)
@given(
    levels=st.lists(st.integers(1, 50), min_size=27, max_size=27),
    pair=st.tuples(st.sampled_from(["path", "pod", "zone"]), st.sampled_from("xyz")),
    factor=st.integers(2, 50),
)
def test_a_planted_cause_is_found(levels, pair, factor):
    """If the series of one label alone grew, by one factor, that label is the first."""
    sets = [{"path": p, "pod": q, "zone": z} for p in "xyz" for q in "xyz" for z in "xyz"]
    given_ = [
        level(labels, at, at * (factor if labels[pair[0]] == pair[1] else 1))
        for labels, at in zip(sets, levels, strict=True)
    ]
    first = explain_change(given_, BEFORE, DURING)[0]

    assert (first.pair, first.share) == (pair, 1.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1, 1, 5, 5, 5], (3000, 1.0, 5.0, 1.0)),
        ([5, 5, 5, 5, 1, 1, 1], (4000, 5.0, 1.0, 1.0)),
        ([1, math.nan, 1, 1, 5, 5, math.inf, 5], (4000, 1.0, 5.0, 1.0)),
        ([1, 2, 1, 2, 6, 7, 6, 7], (4000, 1.5, 6.5, 50 / 52)),
        ([0, 0, 0, 0, 5, 10, 10, 10, 10], (4000, 0.0, 9.0, 0.9)),  # as good a step later
        ([1, 1, 1, 1, 1, 1], None),
        ([1, 5, 1, 5, 1, 5, 1, 5], None),
        ([1, 1, 5, 5, 5], None),  # too few to tell
        ([], None),
        ([0, 0, 0, 1e308, 1e308, 1e308], (3000, 0.0, 1e308, 1.0)),
    ],
)
def test_when_the_level_changed(values, expected):
    """The split that leaves the least; none where one level is as good."""
    point = find_change_point(series({}, *values))

    assert (point and (point.time, point.before, point.after, point.explained)) == expected


def test_levels_are_long_enough():
    """The change may be as near to an end as `min_samples` lets it."""
    values = series({}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9)

    assert find_change_point(values, min_samples=1).time == 9000
    assert find_change_point(values) is None
    with pytest.raises(ValueError, match="at least one"):
        find_change_point(values, min_samples=0)


@settings(deadline=None)
@given(
    values=st.lists(st.integers(-20, 20), min_size=6, max_size=20),
    shift=st.integers(0, 10**13),
    up=st.integers(-99, 99),
)
def test_a_change_leaves_the_least_squares(values, shift, up):
    """No other split leaves less; date and level do not matter."""
    point = find_change_point(series({}, *values))
    moved = find_change_point(series({}, *(value + up for value in values), start=shift))
    if point is None:
        assert moved is None
        return
    assert (moved.time - shift, moved.explained) == (point.time, point.explained)
    split = point.time // 1000

    def left(at):
        halves = (values[:at], values[at:])
        return sum(sum((v - Fraction(sum(half), len(half))) ** 2 for v in half) for half in halves)

    assert left(split) == min(left(at) for at in range(3, len(values) - 2))
    assert all(left(at) > left(split) for at in range(3, split))
