"""Label sets: order, identity, printing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels

LABELS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["", "x", "y", "é", "z" * 9])).map(Labels)


@pytest.mark.parametrize(
    ("labels", "fingerprint"),
    [
        ({"severity": "warning", "job": "foo"}, "9266ef3da838ad95"),
        ({"severity": "critical", "job": "foo"}, "3b15fd163d36582e"),
        ({}, "cbf29ce484222325"),
    ],
)
def test_fingerprint_is_alertmanagers(labels, fingerprint):
    """The hash of a label set is the one that Alertmanager prints."""
    assert f"{Labels(labels).fingerprint:016x}" == fingerprint


def test_empty_values_are_absent():
    """A label without a value is no label."""
    assert Labels(a="", b="1") == Labels(b="1")
    assert Labels(b="1").get("a") == ""
    assert Labels(a="1").with_({"a": ""}) == Labels()


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({"__name__": "up", "job": 'a"b'}, 'up{job="a\\"b"}'),
        ({"__name__": "up"}, "up"),
        ({}, "{}"),
        ({"a b": "x\n"}, '{"a b"="x\\n"}'),
    ],
)
def test_text(labels, text):
    """Labels print as Prometheus prints them."""
    assert str(Labels(labels)) == text


@given(st.lists(LABELS, max_size=8))
def test_columns_hold_what_was_put_in(rows):
    """Columns of ids decode to the label sets they were made of."""
    columns = LabelColumns.from_labels(Symbols(), rows)

    assert columns.decode() == rows
    assert [columns.labels(i) for i in range(len(rows))] == rows


@given(st.lists(LABELS, max_size=8))
def test_groups_are_equal_label_sets(rows):
    """Series share a group exactly if their labels are equal; groups are numbered by first appearance."""
    ids, first = LabelColumns.from_labels(Symbols(), rows).group()

    seen = list(dict.fromkeys(rows))
    assert ids.tolist() == [seen.index(row) for row in rows]
    assert [rows[i] for i in first.tolist()] == seen


@given(st.lists(LABELS, max_size=6), st.lists(LABELS, max_size=6))
def test_concat_and_without(left, right):
    """Columns can be joined, and lose labels, without looking at strings."""
    symbols = Symbols()
    joined = LabelColumns.from_labels(symbols, left).concat(LabelColumns.from_labels(symbols, right))

    assert joined.decode() == left + right
    assert joined.without(["a"]).decode() == [row.without("a") for row in left + right]
    assert joined.only(["a", "b"]).decode() == [row.only(["a", "b"]) for row in left + right]
