"""What can be asked of a tree."""

import pytest

from obsflow.promql import PROMQLTEST, parse
from obsflow.promql.ast import ValueType, children, with_children
from obsflow.promql.inspect import metric_names, selectors, value_type, walk


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("1", ValueType.SCALAR),
        ("5m", ValueType.SCALAR),
        ("'a'", ValueType.STRING),
        ("a", ValueType.VECTOR),
        ("(-a)", ValueType.VECTOR),
        ("a[5m]", ValueType.MATRIX),
        ("a[5m:]", ValueType.MATRIX),
        ("1 + 2", ValueType.SCALAR),
        ("1 + a", ValueType.VECTOR),
        ("a and b", ValueType.VECTOR),
        ("sum(a)", ValueType.VECTOR),
        ("time()", ValueType.SCALAR),
        ("rate(a[5m])", ValueType.VECTOR),
    ],
)
def test_every_expression_has_a_type(text, type_):
    """One of four."""
    assert value_type(parse(text)) is type_


def test_selectors_come_in_the_order_of_the_text():
    """Wherever they stand, once for each time they are written."""
    tree = parse("topk(scalar(a), rate(b[5m])) / on (x) max_over_time(c[1h:]) > a")
    assert [selector.name for selector in selectors(tree)] == ["a", "b", "c", "a"]


def test_a_walk_knows_the_way():
    """Each node comes with the nodes above it, outermost first."""
    ways = [
        (type(node).__name__, [type(above).__name__ for above in ancestors])
        for node, ancestors in walk(parse("sum(rate(a[5m]))"))
    ]
    assert ways == [
        ("Aggregation", []),
        ("Call", ["Aggregation"]),
        ("MatrixSelector", ["Aggregation", "Call"]),
        ("VectorSelector", ["Aggregation", "Call", "MatrixSelector"]),
    ]


NAMES = [
    ("1", set()),
    ("a + rate(b[5m])", {"a", "b"}),
    ('{"c.d"}', {"c.d"}),
    ('{__name__=~"a|b|c", __name__!="b"}', {"a", "c"}),
    ('{__name__=~"a|", job="x"}', {"a"}),
    ('{__name__="a", __name__="b"}', set()),
    ('{__name__=~"a.*"}', None),
    ('a or {job="x"}', None),
    ('{__name__!="a", job="x"}', None),
    ("info(a)", {"a", "target_info"}),
    ('info(a, {x="y"})', {"a", "target_info"}),
    ('info(a, {__name__="b_info"})', {"a", "b_info"}),
    ('info(a, {__name__=~".+_info"})', None),
]


@pytest.mark.parametrize(("text", "names"), NAMES)
def test_the_metrics_that_a_query_can_touch(text, names):
    """None where they cannot be listed."""
    assert metric_names(parse(text, PROMQLTEST)) == (None if names is None else frozenset(names))


@pytest.mark.parametrize(
    "text", ["1", "'a'", "a", "a[5m]", "a[5m:]", "(a)", "-a", "a + b", "sum(a)", "topk(1, a)", "round(a, 2)"]
)
def test_a_node_over_its_own_children_is_itself(text):
    """Taking a node apart and putting it together changes nothing."""
    tree = parse(text)
    assert with_children(tree, children(tree)) == tree


def test_children_can_be_replaced():
    """In the order in which they are given."""
    assert with_children(parse("topk(1, a)"), children(parse("topk(2, b)"))) == parse("topk(2, b)")
