"""Which labels a result can have."""

import pytest

from obsflow.promql import PROMQLTEST, parse
from obsflow.promql.label_sets import result_labels

OPEN = "any"


def labels(*names, expected=(), **values):
    return set(names), set(expected), {name: set(value.split("|")) for name, value in values.items()}


CLOSED = {
    "1": labels(),
    "vector(1)": labels(),
    "sum(a)": labels(),
    "sum by (x, y) (a)": labels("x", "y", expected="xy"),
    'sum by (x) (a{x=""})': labels(x=""),
    'sum by (x) (a{x=~"1|2"})': labels("x", expected="x", x="1|2"),
    "sum by (x) (sum by (y) (a))": labels(),
    "sum without (x) (sum by (x, y) (a))": labels("y", expected="y"),
    "topk(1, sum by (x) (a))": labels("x", expected="x"),
    'count_values("v", a)': labels("v", expected="v"),
    'count_values by (x) ("v", a)': labels("v", "x", expected="vx"),
    'absent(a{x="1", y=~"2", z="", w!="3"})': labels("x", expected="x", x="1"),
    'absent(a{x="1", x="2"})': labels(),
    'absent_over_time(a{x="1"}[5m])': labels("x", expected="x", x="1"),
    "absent(sum(a))": labels(),
    "histogram_quantile(0.9, sum by (le, x) (a))": labels("x", expected="x"),
    'histogram_quantiles(sum by (le) (a), "q", 0.5, 0.9)': labels("q", expected="q"),
    'label_replace(sum(a), "x", "$1", "y", "")': labels("x"),
    'label_join(sum by (x) (a), "y", ",", "x")': labels("x", "y", expected="x"),
    'label_replace(sum by (x) (a{x="1"}), "x", "$1", "y", "")': labels("x"),
    "sum by (x) (a) + sum by (x) (b)": labels("x", expected="x"),
    "sum by (x) (a) + sum by (y) (b)": labels(expected="xy"),
    "a + on (x) b": labels("x"),
    "a > on (x, y) sum by (x) (b)": labels("x", expected="x"),
    "sum by (x, y) (a) + ignoring (y) sum by (x) (b)": labels("x", expected="x"),
    "sum by (x, y) (a) + on (x) group_left (z) sum by (x, z) (b)": labels("x", "y", "z", expected="xyz"),
    "sum by (x, y) (a) + on (x) group_left (y) sum by (x) (b)": labels("x", expected="x"),
    "sum by (x) (a) + on (x) group_right () sum by (x, y) (b)": labels("x", "y", expected="xy"),
    "sum by (x) (a) and b": labels("x", expected="x"),
    "sum by (x) (a) unless b": labels("x", expected="x"),
    "sum by (x) (a) or sum by (y) (b)": labels("x", "y"),
    'sum by (x) (a{x="1"}) or sum by (x) (a{x="2"})': labels("x", expected="x", x="1|2"),
    "sum by (x) (a) + fill (0) sum by (x) (b)": labels("x", expected="x"),
    "2 * sum by (x) (a)": labels("x", expected="x"),
    "-sum by (x) (a)": labels("x", expected="x"),
    "max_over_time(sum by (x) (a)[5m:1m])": labels("x", expected="x"),
    "hour()": labels(),
    "clamp(sum by (x) (a), 0, 1)": labels("x", expected="x"),
    "quantile_over_time(0.5, sum by (x) (a)[5m:1m])": labels("x", expected="x"),
}


@pytest.mark.parametrize(("text", "wanted"), CLOSED.items())
def test_labels_that_can_be_listed(text, wanted):
    """The names, those that the text relies on, and the values that are known."""
    found = result_labels(parse(text, PROMQLTEST))
    values = {name: set(some) for name, some in found.values.items()}

    assert not found.is_open
    assert set(found.names) == wanted[0]
    assert set(found.expected) >= wanted[1] & wanted[0]
    assert {name: some for name, some in values.items() if some != {""}} == {
        name: some for name, some in wanted[2].items() if some != {""}
    }


@pytest.mark.parametrize(
    ("text", "missing", "there"),
    [
        ("a", "", "x"),
        ('a{x=""}', "x", "y"),
        ('a{x=~"|"}', "x", "y"),
        ("sum without (x) (a)", "x", "y"),
        ("a + ignoring (x) b", "x", "y"),
        ('a + b{x=""}', "x", "y"),
        ("histogram_quantile(0.9, rate(a[5m]))", "le", "x"),
        ("sum(b) or a", "", "x"),
        ('a{x=""} or b{y=""}', "", "x y"),
        ('a{x=""} or sum by (x) (b)', "", "x y"),
        ("a + on (x) group_left (y) sum by (x) (b)", "y", "x z"),
        ("info(sum(a))", "", "x"),
        ('label_replace(a{x=""}, "x", "1", "", "")', "", "x"),
        ("a and sum(b)", "", "x"),
    ],
)
def test_labels_that_stay_open(text, missing, there):
    """Any label may be there, but for those that cannot."""
    found = result_labels(parse(text, PROMQLTEST))

    assert found.is_open
    assert not any(map(found.may_have, missing.split()))
    assert all(map(found.may_have, there.split()))
