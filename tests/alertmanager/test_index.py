"""Matchers by what they ask for: the index finds what trying each would."""

import hypothesis.strategies as st
from hypothesis import given, settings

from obsflow.alertmanager.index import MatcherIndex, Memo
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp, all_match

MATCHERS = st.builds(
    Matcher,
    st.sampled_from("abc"),
    st.sampled_from(MatchOp),
    st.sampled_from(["", "1", "2", "1|2", "|1", "[12]", ".*"]),
)
LISTS = st.lists(MATCHERS, max_size=3).map(tuple)
LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", "3"])).map(Labels)
STEPS = st.lists(st.tuples(st.integers(0, 5), st.none() | LISTS), max_size=20)


@settings(max_examples=300, deadline=None)
@given(STEPS, LABELS)
def test_the_index_finds_what_trying_each_finds(steps, labels):
    """In the order of their first addition, whatever was replaced and removed before."""
    index, lists = MatcherIndex(), {}
    for key, matchers in steps:
        if matchers is not None:
            index.put(key, matchers)
            lists[key] = matchers
        elif key in lists:
            index.remove(key)
            del lists[key]
    assert index.find(labels) == [key for key, matchers in lists.items() if all_match(matchers, labels)]


def test_what_asks_for_a_value_is_not_tried_on_others():
    """Of two labels the one counts that fewer ask for."""
    tried = []

    class Watched(Matcher):
        def matches(self, value):
            tried.append(self.value)
            return super().matches(value)

    index = MatcherIndex(
        (i, (Watched("severity", MatchOp.EQUAL, "page"), Watched("service", MatchOp.EQUAL, str(i)))) for i in range(100)
    )
    assert index.find(Labels(severity="page", service="77")) == [77]
    assert len(tried) == 2  # the first of all is under the severity


def test_a_memo_asks_once():
    """For all label sets with the same of the labels that count, until it is told to forget."""
    asked = []
    memo = Memo(lambda labels: asked.append(labels) or len(asked), "ab")
    assert [memo[Labels(a="1")], memo[Labels(a="1", c="1")], memo[Labels(a="1", d="")]] == [1, 1, 1]
    assert [memo[Labels(b="1")], memo[Labels(a="1", b="1")], memo[Labels()], memo[Labels(c="1")]] == [2, 3, 4, 4]
    memo.clear()
    assert memo[Labels(a="1")] == 5


def test_a_memo_of_all_labels():
    """None stands for every label."""
    asked = []
    memo = Memo(lambda labels: asked.append(labels) or len(asked), None)
    assert [memo[Labels(a="1")], memo[Labels(a="1", c="1")], memo[Labels(a="1")]] == [1, 2, 1]
