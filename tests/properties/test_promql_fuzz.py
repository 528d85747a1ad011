"""Whatever the text, parsing gives a tree or a QuerySyntaxError that points into it."""

import contextlib
import itertools
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.promql.trees import expressions

from obsflow.errors import QuerySyntaxError
from obsflow.promql import PROMETHEUS, PROMQLTEST, parse
from obsflow.promql.lexer import KEYWORDS, Kind, tokenize
from obsflow.promql.printer import render

FRAGMENTS = [
    *sorted(KEYWORDS),
    *"()[]{},:=@+-*/%^<>!~#.\\'\"`\n _0",
    *(
        "==",
        "!=",
        "=~",
        "!~",
        "</",
        ">/",
        "0x",
        "1e",
        "5m",
        "1h30m",
        "inf",
        "a",
        "a:b",
        "rate",
        '"\\xff"',
        '{a=~"',
        '"s"',
        "start()",
    ),
]
soup = st.lists(st.sampled_from(FRAGMENTS), max_size=30).flatmap(
    lambda parts: st.sampled_from(["", " "]).map(lambda gap: gap.join(parts))
)


def check(text):
    for dialect in (PROMETHEUS, PROMQLTEST):
        try:
            tree = parse(text, dialect)
        except QuerySyntaxError as error:
            start, end = error.span
            assert 0 <= start <= end <= len(text)
            assert error.message
            assert str(error)
        else:
            assert render(tree)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40) | soup)
@example("\x00")
@example("\ud800")
@example("a[5m")
@example("\\" * 50)
def test_any_text_is_a_tree_or_an_error(text):
    """Nothing else ever comes out."""
    check(text)


@st.composite
def mutations(draw):
    text = render(draw(expressions()))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 4)))
        text = text[:start] + draw(st.sampled_from(["", *FRAGMENTS])) + text[end:]
    return text


@settings(max_examples=200, deadline=None)
@given(mutations())
def test_a_damaged_query_is_a_tree_or_an_error(text):
    """However close to a good one it is."""
    check(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40) | soup)
def test_tokens_lie_in_order_and_end_the_text(text):
    """Tokens do not overlap, and END is the last unless something makes no sense."""
    tokens = tokenize(text)
    ends = [token.end for token in tokens]
    assert ends == sorted(ends)
    assert all(before.end <= after.start for before, after in itertools.pairwise(tokens))
    assert tokens[-1].kind in (Kind.END, Kind.ERROR)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(FRAGMENTS), st.sampled_from(FRAGMENTS))
def test_long_texts_end(one, other):
    """A text of 20,000 fragments is read through without a stack overflow."""
    with contextlib.suppress(QuerySyntaxError):
        parse((one + " " + other) * 10_000, PROMQLTEST)


HOSTILE = [
    *(
        "(",
        "-",
        "sum(",
        "a+",
        "2^",
        "a[(",
        "a offset -",
        "a[1+",
        "[5m:]",
        "a[5m:]",
        "a @ 1 ",
        "1 == bool ",
        "{",
        "[",
        "by ",
    ),
    *(
        "#",
        "#\n",
        " ",
        "\n",
        ":",
        ".",
        "1",
        "1_",
        "1e",
        "5m",
        "0x",
        "f",
        "\0",
        "\ud800",
        "\U0001f600",
        "fill(",
        "min_of(",
    ),
    *('"', "'", "`", "\\", '"\\x', "a{b=", 'a{b="', "end(", " anchored", ",", "=", "!", "nan ", "_", "a:"),
]
MEGABYTE = 1 << 20


@pytest.mark.parametrize("fragment", HOSTILE)
@pytest.mark.parametrize("start", ["", "a", 'a{b="', "a[", "sum by ("])
def test_a_megabyte_of_anything_is_a_tree_or_an_error(start, fragment):
    """Refused as soon as it is too deep or makes no sense, whatever follows."""
    check(start + fragment * (MEGABYTE // len(fragment)))


def count_calls(text):
    """How many functions are called to read a text: a clock that is the same on every machine."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        with contextlib.suppress(QuerySyntaxError):
            parse(text, PROMQLTEST)
    finally:
        sys.setprofile(None)
    return calls


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["", "a", 'a{b="c",', "a[", "sum by (", "label_join(a, 'b', 'c', ", "# ", '"', "a offset "]),
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3).map(" ".join),
    st.sampled_from(["", "}", "]", ") (a)", ")", '"']),
)
def test_twice_the_text_is_at_most_twice_the_work(start, fragment, end):
    """Reading takes time in proportion to the length."""
    once, twice = (count_calls(start + (fragment + " ") * count + end) for count in (500, 1000))
    assert twice <= 2.2 * once + 100
