"""Series of a group put together: aggregation operators, quantiles of classic histograms."""

from typing import Final

import numpy as np

from obsflow.native.memory import (
    CELLS,
    F64,
    I64,
    U8,
    U64,
    BoolArray,
    Float64Array,
    Int64Array,
    UInt8Array,
    as_array,
    check,
    ffi,
    lib,
    pass_memory,
)

_CELL_DOUBLES: Final = ffi.sizeof("obs_group_cell") // 8
GROUP_OPERATORS: Final[dict[str, int]] = {
    ffi.string(lib.obs_group_name(i)).decode(): i for i in range(lib.obs_group_count())
}
"""The aggregation operators of PromQL that `reduce_groups` knows, by name."""


def reduce_groups(
    op: str,
    values: Float64Array,
    present: BoolArray,
    groups: Int64Array,
    n_groups: int,
    params: Float64Array | None = None,
) -> tuple[Float64Array, BoolArray]:
    """Aggregate the series of each group, in row order.

    `values` and `present` are `[series, steps]`; `groups` int64 `[series]` is below `n_groups`; `params` float64
    `[steps]` is the quantile at each step. Returns values and present, `[n_groups, steps]`. Raises ValueError for an
    unknown operator.
    """
    index = GROUP_OPERATORS.get(op)
    if index is None:
        raise ValueError(f"no aggregation operator is named {op}")
    n_rows, n_steps = values.shape
    values = as_array(values, np.float64, (n_rows, n_steps), "values")
    present = as_array(present, np.bool_, (n_rows, n_steps), "present")
    groups = as_array(groups, np.int64, (n_rows,), "groups")
    if lib.obs_group_has_param(index):
        if params is None:
            raise ValueError(f"{op} needs a parameter")
        params = as_array(params, np.float64, (n_steps,), "params")
    out, out_present = np.empty((n_groups, n_steps)), np.empty((n_groups, n_steps), np.bool_)
    scratch_views = [
        pass_memory(CELLS, np.empty(n_steps * _CELL_DOUBLES)),
        pass_memory(U64, np.empty(n_rows, np.uint64)),
        pass_memory(I64, np.empty(n_rows, np.int64)),
        pass_memory(I64, np.empty(n_groups + 1, np.int64)),
    ]
    status = lib.obs_group_reduce(
        index,
        pass_memory(F64, values),
        pass_memory(U8, present),
        pass_memory(I64, groups),
        n_rows,
        n_steps,
        n_groups,
        ffi.NULL if params is None else pass_memory(F64, params),
        ffi.new("obs_group_scratch *", scratch_views),
        pass_memory(F64, out),
        pass_memory(U8, out_present),
    )
    check(status)
    return out, out_present


def histogram_quantile(
    q: Float64Array, le: Float64Array, values: Float64Array, present: BoolArray, offsets: Int64Array
) -> tuple[Float64Array, BoolArray, UInt8Array, Float64Array]:
    """Quantiles of classic histograms.

    `q` float64 `[steps]`; `le` float64 `[rows]`, the upper bounds, without NaN; `values` and `present` `[rows, steps]`,
    the cumulative counts. Group `g` has the rows `offsets[g]:offsets[g + 1]`, by ascending bound, equal ones together.
    Returns values, present and uint8 forced, `[groups, steps]`; forced is 1 where counts that fell were raised; and
    float64 `[groups, 3]`: the least and the greatest bound where that was so, and by how much at most.
    """
    n_rows, n_steps, n_groups = len(le), len(q), len(offsets) - 1
    q, le = as_array(q, np.float64, (n_steps,), "q"), as_array(le, np.float64, (n_rows,), "le")
    values = as_array(values, np.float64, (n_rows, n_steps), "values")
    present = as_array(present, np.bool_, (n_rows, n_steps), "present")
    offsets = as_array(offsets, np.int64, (n_groups + 1,), "offsets")
    out, out_present = np.empty((n_groups, n_steps)), np.empty((n_groups, n_steps), np.bool_)
    forced, extents = np.empty((n_groups, n_steps), np.uint8), np.empty((n_groups, 3))
    status = lib.obs_histogram_quantile(
        pass_memory(F64, q),
        pass_memory(F64, le),
        pass_memory(F64, values),
        pass_memory(U8, present),
        pass_memory(I64, offsets),
        n_rows,
        n_steps,
        n_groups,
        pass_memory(F64, np.empty(n_rows)),
        pass_memory(F64, np.empty(n_rows)),
        pass_memory(F64, out),
        pass_memory(U8, out_present),
        pass_memory(U8, forced),
        pass_memory(F64, extents),
    )
    check(status)
    return out, out_present, forced, extents
