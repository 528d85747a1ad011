"""The tables of functions and aggregations."""

from obsflow.promql.ast import ValueType
from obsflow.promql.signatures import AGGREGATIONS, FUNCTIONS

EXPERIMENTAL = (
    "double_exponential_smoothing end histogram_quantiles info mad_over_time max_of min_of range sort_by_label "
    "sort_by_label_desc start start_timestamp step ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time "
    "ts_of_min_over_time"
)


def test_there_are_ninety_functions():
    """Those of Prometheus 3.14, of which 17 are experimental."""
    assert len(FUNCTIONS) == 90
    assert sorted(name for name, signature in FUNCTIONS.items() if signature.experimental) == EXPERIMENTAL.split()


def test_there_are_fourteen_aggregations():
    """Six of them with a parameter, two of them experimental."""
    assert len(AGGREGATIONS) == 14
    assert sum(signature.parameter is not None for signature in AGGREGATIONS.values()) == 6
    assert [name for name, signature in AGGREGATIONS.items() if signature.experimental] == ["limitk", "limit_ratio"]


def test_arity():
    """Optional arguments at the end, repeated ones with the type of the last."""
    assert (FUNCTIONS["round"].least, FUNCTIONS["round"].most) == (1, 2)
    assert (FUNCTIONS["label_join"].least, FUNCTIONS["label_join"].most) == (3, None)
    assert (FUNCTIONS["histogram_quantiles"].least, FUNCTIONS["histogram_quantiles"].most) == (3, 12)
    assert FUNCTIONS["label_join"].argument(7) is ValueType.STRING
