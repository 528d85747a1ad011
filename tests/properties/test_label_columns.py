"""Label columns order and group series as their label sets do."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.model.frames import LabelColumns, Symbols, group_columns
from obsflow.model.labels import Labels

LABELS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(("", "1", "2", "10", "z")), max_size=5).map(Labels)


@settings(max_examples=200, deadline=None)
@given(st.lists(LABELS, max_size=12))
def test_columns_sort_and_group_as_label_sets(labels):
    """The order is stable and that of `Labels`; groups are numbered in order of appearance."""
    columns = LabelColumns.from_labels(Symbols(), labels)
    assert columns.decode() == labels
    assert columns.sort_order.tolist() == sorted(range(len(labels)), key=labels.__getitem__)
    ids, first = columns.group()
    numbers = {}
    assert ids.tolist() == [numbers.setdefault(each, len(numbers)) for each in labels]
    assert first.tolist() == [labels.index(each) for each in numbers]


def test_groups_of_the_largest_symbols_stay_apart():
    """Many columns of large ids do not run over."""
    columns = np.array([[2**31 - 1, 5, 2**31 - 1, 0]] * 5 + [[1, 2, 1, 4]], np.int32)
    ids, first = group_columns(columns)
    assert (ids.tolist(), first.tolist()) == ([0, 1, 0, 2], [0, 1, 3])
