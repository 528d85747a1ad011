"""Label sets by number against a dictionary of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow import native

some = settings(max_examples=80, deadline=None)
label_sets = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), max_size=3).map(tuple)
steps = st.lists(
    st.tuples(st.sampled_from(["add", "add", "find", "remove"]), st.lists(label_sets, max_size=30)), max_size=12
)


def columns(sets):
    offsets = np.cumsum([0, *map(len, sets)]).astype(np.int64)
    names, values = np.array([pair for each in sets for pair in each], np.int32).reshape(-1, 2).T.copy()
    return offsets, names, values


def read_back(sets):
    pairs = list(zip(sets.names.tolist(), sets.values.tolist(), strict=True))
    ends = sets.offsets.tolist()
    return [tuple(pairs[a:b]) for a, b in itertools.pairwise(ends)]


@some
@given(steps)
def test_numbers(history):
    """Each distinct label set gets the next number once, keeps it, and gets another when it comes after its removal."""
    sets, numbers, in_order = native.LabelSets(), {}, []
    for what, asked in history:
        if what == "add":
            for each in asked:
                if each not in numbers:
                    numbers[each] = len(in_order)
                    in_order.append(each)
            are_new = len(in_order) % 2 == 1
            assert sets.add(*columns(asked), are_new=are_new).tolist() == [numbers[each] for each in asked]
        elif what == "find":
            assert sets.find(*columns(asked)).tolist() == [numbers.get(each, -1) for each in asked]
        else:
            gone = [numbers.pop(each) for each in dict.fromkeys(asked) if each in numbers]
            for _ in range(2):  # those that are not there are left alone
                sets.remove(np.array(gone, np.int64))
        assert len(sets) == len(in_order)
    assert read_back(sets) == in_order
    assert sets.find(*columns(in_order)).tolist() == [numbers.get(each, -1) for each in in_order]


def test_many():
    """Tables grow, and views that were taken before stay as they were."""
    sets = native.LabelSets()
    every = [((1, i), (2, i % 7), (3, i // 1000)) for i in range(20_000)]
    first = sets.add(*columns(every[:100]))
    names, offsets = sets.names, sets.offsets
    copies = names.copy(), offsets.copy()
    assert sets.add(*columns(every)).tolist() == list(range(20_000))
    assert first.tolist() == list(range(100))
    assert (names == copies[0]).all()
    assert (offsets == copies[1]).all()
    odd = np.arange(1, 20_000, 2)
    sets.remove(odd)
    found = sets.find(*columns(every))
    assert found[odd].tolist() == [-1] * len(odd)
    assert found[::2].tolist() == list(range(0, 20_000, 2))
    assert sets.add(*columns(every[1:3])).tolist() == [20_000, 2]


def test_order_and_length_tell_label_sets_apart():
    """Pairs in another order are another label set, and a part of one too; the empty one is one as well."""
    sets = native.LabelSets()
    every = [((1, 1), (2, 2)), ((2, 2), (1, 1)), ((1, 1),), (), ((2, 2),), ((1, 2), (2, 1))]
    assert sets.add(*columns(every)).tolist() == list(range(6))
    assert sets.nbytes > 0


@pytest.mark.parametrize("offsets", [[0, 3], [-1, 1], [2, 1], [0, 1 << 62]])
def test_pairs_outside_of_the_table(offsets):
    """A label set that claims pairs which are not there is refused, and nothing is added."""
    sets = native.LabelSets()
    asked = np.array(offsets), np.zeros(2, np.int32), np.zeros(2, np.int32)
    for call in (sets.find, sets.add):
        with pytest.raises(ValueError, match="outside"):
            call(*asked)
    assert len(sets) == 0


@pytest.mark.parametrize("row", [-1, 1, 1 << 40])
def test_rows_that_are_not_there(row):
    """They cannot be removed."""
    sets = native.LabelSets()
    sets.add(*columns([((1, 1),)]))
    with pytest.raises(ValueError, match="outside"):
        sets.remove(np.array([row]))
