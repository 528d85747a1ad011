"""A measurement that compares two answers tells where they differ."""

import pytest
from benchmarks import datasets
from benchmarks.agreement import difference
from benchmarks.promql import DIALECT

import obsflow
from obsflow.promql import parse

ANSWER = [
    {"metric": {"__name__": "x", "i": "0"}, "values": [[0, "1"], [15, "2.5"]]},
    {"metric": {"__name__": "x", "i": "1"}, "values": [[15, "NaN"]]},
]


@pytest.fixture(scope="module")
def result():
    store = obsflow.TSDB()
    store.append({"__name__": "x", "i": "0"}, 0, 1.0)
    store.append({"__name__": "x", "i": "0"}, 15_000, 2.5)
    store.append({"__name__": "x", "i": "1"}, 15_000, float("nan"))
    return obsflow.Engine(store).query_range("x", 0, 15_000, 15_000)


def changed(row, values, metric=None):
    """The answer with one series otherwise."""
    answer = [dict(each) for each in ANSWER]
    answer[row] = {"metric": metric or answer[row]["metric"], "values": values}
    return answer


def test_equal_answers_have_no_difference(result):
    """NaN is equal to NaN, and the order of the series does not count."""
    assert difference(result, ANSWER[::-1]) == ""


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ANSWER[:1], "1 series are only ours, 0 only theirs"),
        (changed(1, [[15, "NaN"]], {"i": "1"}), "1 series are only ours, 1 only theirs"),
        (changed(0, [[0, "1"]]), "at 15000 ms: only ours"),
        (changed(1, [[0, "1"], [15, "NaN"]]), "at 0 ms: only theirs"),
        (changed(0, [[0, "1"], [15, "2.50001"]]), "at 15000 ms: 2.5, not 2.50001"),
        (changed(1, [[15, "1"]]), "at 15000 ms: nan, not 1.0"),
    ],
)
def test_the_first_difference_is_told(result, answer, told):
    """A series, a sample or a value that only one side has."""
    assert told in difference(result, answer)


def test_the_queries_are_those_of_the_benchmark():
    """D1 has every case that 2.42 can run, and all queries parse."""
    assert len(datasets.D1.cases) == 125
    for data_set in datasets.DATA_SETS:
        for case in data_set.cases:
            parse(case.query, DIALECT)
