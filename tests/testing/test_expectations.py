"""Expected texts, and how expectations are paired with what there is."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.errors import ConfigError
from obsflow.model.regex import LabelRegex
from obsflow.schema import compose
from obsflow.testing.expectations import closest, difference, pair_up, read_texts, render_texts, suggest


def texts(text):
    """What is read of a YAML mapping."""
    return read_texts(compose(text, "x.yml").root.entries, "exp_labels")


def test_texts_and_patterns():
    """A scalar is itself whatever its type, nothing is the empty text, a mapping is a pattern."""
    found = texts("{a: x, b: 5, c: true, d: null, e: {regex: 'y+'}}")
    assert {name: found[name] for name in "abcd"} == {"a": "x", "b": "5", "c": "true", "d": ""}
    assert render_texts(found) == '{a="x", b="5", c="true", d="", e=~"y+"}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{a: {regex: 'x('}}", "not a regular expression: x("),
        ("{a: {pattern: x}}", "expected a string, or a mapping with the one key"),
        ("{a: {regex: x, more: y}}", "expected a string, or a mapping with the one key"),
        ("{a: [x]}", "expected a string, or a mapping with the one key"),
    ],
)
def test_what_is_no_text(text, message):
    """It is a problem with its place."""
    with pytest.raises(ConfigError) as caught:
        texts(text)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("exp_labels.a", 1)
    assert message in problem.message


@pytest.mark.parametrize(
    ("expected", "got", "partial", "lines"),
    [
        ({"a": "1"}, {"a": "1"}, False, []),
        ({"a": "1"}, {"a": "2"}, False, ['label a: expected "1", got "2"']),
        ({"a": "1"}, {}, False, ['label a: expected "1", there is none']),
        ({"a": ""}, {}, False, ['label a: expected "", there is none']),
        ({}, {"a": "1"}, False, ['label a: not expected, got "1"']),
        ({}, {"a": "1"}, True, []),
        ({"a": LabelRegex("1+")}, {"a": "11"}, False, []),
        ({"a": LabelRegex("1+")}, {"a": "112"}, False, ['label a: expected =~"1+", got "112"']),
        (
            {"a": "x" * 40},
            {"a": "y" * 40},
            True,
            ["label a:", f'  expected "{"x" * 40}"', f'  got      "{"y" * 40}"'],
        ),
    ],
)
def test_difference(expected, got, partial, lines):
    """A line for each name that is not as expected; long values stand one above the other."""
    assert list(difference(expected, got, "label", partial=partial)) == lines


def test_suggestions():
    """Only a word that is nearly a known one is asked about."""
    assert suggest("Dwon", ["Down", "Up"]) == ', did you mean "Down"?'
    assert suggest("Latency", ["Down", "Up"]) == ""


def test_closest():
    """The candidate with most in common; none if there is nothing in common."""
    assert closest({"a": "1", "b": "2"}, [{"a": "1"}, {"a": "1", "b": "2"}, {}]) == 1
    assert closest({"a": "1"}, [{"a": "2"}]) is None
    assert closest({"a": "1"}, []) is None


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=5), st.integers(0, 4))
def test_as_many_as_possible_are_paired(rows, width):
    """No other way to pair leaves fewer over, and what is left over on both sides adds up."""
    fits = [row[:width] for row in rows]
    pairing = pair_up(range(len(fits)), range(width), lambda i, j: fits[i][j])
    found = len(fits) - len(pairing.missing)

    assert width - len(pairing.unexpected) == found
    assert found == most(fits, width)


def most(fits, width):
    """The most pairs there can be, by trying all ways."""
    places = [*range(width), *itertools.repeat(None, len(fits))]
    return max(
        sum(j is not None and fits[i][j] for i, j in enumerate(chosen))
        for chosen in set(itertools.permutations(places[: width + len(fits)], len(fits)))
    )
