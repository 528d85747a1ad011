"""Which labels have most series: the figures counted one by one."""

import collections

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb.analysis import analyze
from obsflow.tsdb.series import SeriesTable

SPAN = 100
LABEL_SETS = st.dictionaries(
    st.sampled_from(("__name__", "a", "b")), st.sampled_from(("x", "y", "é" * 3, "\udcff")), min_size=1
)


def ranked(counts, limit):
    return sorted(((count, name) for name, count in counts.items()), key=lambda each: (-each[0], each[1]))[:limit]


@given(
    st.lists(st.tuples(LABEL_SETS, st.integers(0, SPAN), st.integers(0, SPAN)), unique_by=lambda each: Labels(each[0])),
    st.integers(0, 5),
)
def test_figures_are_those_counted_one_by_one(series, limit):
    """Pairs, names, values, and how much of the time each series misses."""
    labels = [each for each, *_ in series]
    first = np.array([min(a, b) for _, a, b in series], np.int64)
    last = np.array([max(a, b) for _, a, b in series], np.int64)
    found = analyze(SeriesTable.from_labels(Symbols(), map(Labels, labels)), first, last, SPAN, limit)
    pairs, missed, missed_by_name = (collections.Counter() for _ in range(3))
    values = collections.defaultdict(set)
    for each, a, b in zip(labels, first.tolist(), last.tolist(), strict=True):
        for name, value in each.items():
            pairs[f"{name}={value}"] += 1
            missed[f"{name}={value}"] += SPAN - (b - a)
            missed_by_name[name] += SPAN - (b - a)
            values[name].add(value)
    sizes = {name: sum(len(v.encode("utf-8", "surrogateescape")) for v in of) for name, of in values.items()}

    assert (found.series, found.label_names, found.label_pairs) == (len(series), len(values), len(pairs))
    assert found.entries == sum(pairs.values())
    assert found.common_pairs == ranked(pairs, limit)
    assert found.churning_pairs == ranked({pair: n // SPAN for pair, n in missed.items()}, limit)
    assert found.churning_names == ranked({name: n // SPAN for name, n in missed_by_name.items()}, limit)
    assert found.longest_names == ranked(sizes, limit)
    assert found.widest_names == ranked({name: len(of) for name, of in values.items()}, limit)
    names = {pair.partition("=")[2]: n for pair, n in pairs.items() if pair.startswith("__name__=")}
    assert found.common_metrics == ranked(names, limit)


def test_a_block_of_one_instant():
    """No time at all is missed where there is none."""
    table = SeriesTable.from_labels(Symbols(), [Labels(a="b")])

    assert analyze(table, np.zeros(1, np.int64), np.zeros(1, np.int64), 0, 5).churning_names == [(0, "a")]
