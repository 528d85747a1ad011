import pytest

from obsflow.errors import QueryError
from obsflow.promql import PROMQLTEST
from tests.query.cases import MINUTE, ask, engine

SAMPLES = {
    'x{instance="a",job="1"}': [1, 2],
    'x{instance="b",job="1",data="own"}': [3, 4],
    'x{instance="c",job="1"}': [5, 6],
    'target_info{instance="a",job="1",data="d",version="v"}': [1, 1],
    'target_info{instance="b",job="1",data="d",version="v"}': [1, 1],
    'build_info{instance="a",job="1",build="b"}': [1, 1],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "info(x)",
            {
                'x{data="d", instance="a", job="1", version="v"}',
                'x{data="own", instance="b", job="1", version="v"}',
                'x{instance="c", job="1"}',
            },
        ),
        (
            'info(x, {version=~".+"})',
            {'x{instance="a", job="1", version="v"}', 'x{data="own", instance="b", job="1", version="v"}'},
        ),
        ('info(x{instance="a"}, {__name__="build_info"})', {'x{build="b", instance="a", job="1"}'}),
        (
            'info(x{instance="a"}, {__name__!="other"})',
            {'x{build="b", data="d", instance="a", job="1", version="v"}'},
        ),
        ('info(target_info{instance="a"})', {'target_info{data="d", instance="a", job="1", version="v"}'}),
        ("info(vector(1))", {"{}"}),
        ('info(abs(x{instance="a"}))', {'{data="d", instance="a", job="1", version="v"}'}),
        ("info(missing)", set()),
    ],
)
def test_info_adds_the_labels_of_the_target(query, expected):
    """A target is its instance and job; what a series has itself stays, and info metrics get nothing."""
    assert set(ask(SAMPLES, query, dialect=PROMQLTEST)) == expected


def test_the_newest_info_counts_and_the_lookup_goes_where_the_vector_looks():
    """A label changes with the info series, at the time that the selector in the argument looks at."""
    samples = {
        'x{instance="a"}': [1, 1, 1, 1],
        'target_info{instance="a",v="old"}': [1, 1, None, None],
        'target_info{instance="a",v="new"}': [None, None, 1, 1],
    }
    asked = engine(samples, dialect=PROMQLTEST)
    frame = asked.query_range("info(x)", 0, 3 * MINUTE, MINUTE).value
    assert [labels["v"] for labels in frame.labels.decode()] == ["new", "old"]
    assert frame.present.tolist() == [[False, False, True, True], [True, True, False, False]]
    for query in ("info(x offset 2m)", "info(x @ 60)", "info(last_over_time((x offset 1m)[3m:1m] @ 120))"):
        assert [labels["v"] for labels, _ in asked.query(query, 3 * MINUTE).vector()] == ["old"], query


@pytest.mark.parametrize(
    ("infos", "message"),
    [
        (
            {'target_info{instance="a",v="1"}': [1], 'target_info{instance="a",v="2"}': [1]},
            (
                r'found duplicate series for info metric: existing target_info\{instance="a", v="1"\} @ 0, '
                r'new target_info\{instance="a", v="2"\} @ 0'
            ),
        ),
        ({'target_info{instance="a",v="1"}': [1], 'build_info{instance="a",v="2"}': [1]}, "conflicting label: v"),
    ],
)
def test_info_that_contradicts_itself_is_an_error(infos, message):
    """Two series of one metric at one time, and two metrics with other values for one label."""
    with pytest.raises(QueryError, match=message):
        ask({'x{instance="a"}': [1], **infos}, 'info(x, {__name__=~".+_info"})', dialect=PROMQLTEST)
