"""The functions and aggregations of PromQL: what they take and what they give."""

from typing import Final

import attrs

from obsflow.promql.ast import ValueType

_S = ValueType.SCALAR
_T = ValueType.STRING
_V = ValueType.VECTOR
_M = ValueType.MATRIX


@attrs.frozen
class Signature:
    """The type of a function.

    With `variadic` 0 every argument is required. Otherwise the last of `arguments` may be left out, or be repeated up
    to `variadic` times; -1 sets no limit.
    """

    arguments: tuple[ValueType, ...]
    returns: ValueType
    variadic: int = 0
    experimental: bool = False

    @property
    def least(self) -> int:
        """How many arguments there must be."""
        return len(self.arguments) - (self.variadic != 0)

    @property
    def most(self) -> int | None:
        """How many arguments there may be; None is any number."""
        return None if self.variadic < 0 else self.least + self.variadic

    def argument(self, index: int) -> ValueType:
        """The type of the argument at `index`, counted from 0; repeated ones have that of the last."""
        return self.arguments[min(index, len(self.arguments) - 1)]


def _all(names: str, signature: Signature) -> dict[str, Signature]:
    return dict.fromkeys(names.split(), signature)


FUNCTIONS: Final[dict[str, Signature]] = {
    **_all("abs ceil floor exp sqrt ln log2 log10 sgn deg rad", Signature((_V,), _V)),
    **_all("sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh", Signature((_V,), _V)),
    **_all("absent sort sort_desc timestamp", Signature((_V,), _V)),
    **_all(
        "histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar",
        Signature((_V,), _V),
    ),
    **_all(
        "minute hour day_of_week day_of_month day_of_year days_in_month month year", Signature((_V,), _V, variadic=1)
    ),
    **_all("rate increase delta irate idelta resets changes deriv", Signature((_M,), _V)),
    **_all(
        "avg_over_time min_over_time max_over_time sum_over_time count_over_time stddev_over_time stdvar_over_time "
        "first_over_time last_over_time present_over_time absent_over_time",
        Signature((_M,), _V),
    ),
    **_all(
        "mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_min_over_time ts_of_max_over_time",
        Signature((_M,), _V, experimental=True),
    ),
    **_all("time pi", Signature((), _S)),
    **_all("start end range step", Signature((), _S, experimental=True)),
    **_all("min_of max_of", Signature((_S, _S), _S, experimental=True)),
    **_all("clamp_min clamp_max", Signature((_V, _S), _V)),
    **_all("sort_by_label sort_by_label_desc", Signature((_V, _T), _V, variadic=-1, experimental=True)),
    "clamp": Signature((_V, _S, _S), _V),
    "double_exponential_smoothing": Signature((_M, _S, _S), _V, experimental=True),
    "histogram_fraction": Signature((_S, _S, _V), _V),
    "histogram_quantile": Signature((_S, _V), _V),
    "histogram_quantiles": Signature((_V, _T, _S, _S), _V, variadic=9, experimental=True),
    "info": Signature((_V, _V), _V, variadic=1, experimental=True),
    "label_join": Signature((_V, _T, _T, _T), _V, variadic=-1),
    "label_replace": Signature((_V, _T, _T, _T, _T), _V),
    "predict_linear": Signature((_M, _S), _V),
    "quantile_over_time": Signature((_S, _M), _V),
    "round": Signature((_V, _S), _V, variadic=1),
    "scalar": Signature((_V,), _S),
    "start_timestamp": Signature((_V,), _V, experimental=True),
    "vector": Signature((_S,), _V),
}


@attrs.frozen
class AggregationSignature:
    """What an aggregation takes before its vector: nothing, or one parameter of the type `parameter`."""

    parameter: ValueType | None = None
    experimental: bool = False


AGGREGATIONS: Final[dict[str, AggregationSignature]] = {
    **dict.fromkeys(("sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"), AggregationSignature()),
    **dict.fromkeys(("topk", "bottomk", "quantile"), AggregationSignature(_S)),
    **dict.fromkeys(("limitk", "limit_ratio"), AggregationSignature(_S, experimental=True)),
    "count_values": AggregationSignature(_T),
}

SET_OPERATORS: Final = frozenset(("and", "or", "unless"))
COMPARISONS: Final = frozenset(("==", "!=", "<", "<=", ">", ">="))
