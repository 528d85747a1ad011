"""Series of a group put together: aggregation operators, quantiles of classic histograms."""

from typing import Any, Final

import numpy as np

from obsflow.native.memory import (
    F64,
    I64,
    RANKED,
    U8,
    U64,
    BoolArray,
    Float64Array,
    Int64Array,
    Reserve,
    UInt8Array,
    as_array,
    check,
    ffi,
    lib,
    pass_memory,
)

GROUP_OPERATORS: Final[dict[str, int]] = {
    ffi.string(lib.obs_group_name(i)).decode(): i for i in range(lib.obs_group_count())
}
"""The aggregation operators of PromQL that `reduce_groups` knows, by name."""

FOLDING_OPERATORS: Final = frozenset(op for op, index in GROUP_OPERATORS.items() if lib.obs_group_folds(index))
"""Those that take the series one by one, so that `window_groups` knows them too."""


def find_operator(op: str) -> int:
    """The index of an operator. Raises ValueError for an unknown one."""
    index = GROUP_OPERATORS.get(op)
    if index is None:
        raise ValueError(f"no aggregation operator is named {op}")
    return index


class Groups:
    """Rows in groups: group `g` has `order[ends[g - 1] : ends[g]]`, ascending.

    Made from int64 `[rows]` ids below `count`. Raises ValueError for others.
    """

    __slots__ = ("_passed", "count", "ends", "ids", "order")

    def __init__(self, ids: Int64Array, count: int) -> None:
        self.ids = as_array(ids, np.int64, (ids.size,), "groups")
        self.count = count
        self.order, self.ends = np.empty(len(ids), np.int64), np.empty(count + 1, np.int64)
        self._passed = pass_memory(I64, self.order), pass_memory(I64, self.ends)
        check(lib.obs_group_sort(pass_memory(I64, self.ids), len(ids), count, *self._passed))

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.ids)

    def pass_lists(self) -> tuple[Any, Any, int]:
        """The lists as a kernel takes them."""
        return *self._passed, self.count


class ReductionRows:
    """The row and the cells that each of some workers folds series into, over at most `capacity` steps."""

    __slots__ = ("_alive", "capacity", "pointer", "workers")

    def __init__(self, workers: int, capacity: int) -> None:
        self.workers, self.capacity = workers, capacity
        columns = ((F64, np.float64), (U8, np.uint8), *((F64, np.float64),) * 4, (U8, np.uint8))
        self._alive = [
            [pass_memory(ctype, np.empty(capacity, dtype)) for ctype, dtype in columns] for _ in range(workers)
        ]
        self.pointer = ffi.new("obs_group_row[]", self._alive)


reduction_rows = Reserve(ReductionRows, least=1 << 11, most=1 << 18)


def reduce_groups(
    op: str,
    values: Float64Array,
    present: BoolArray,
    groups: Groups,
    params: Float64Array | None = None,
    workers: int = 1,
) -> tuple[Float64Array, BoolArray]:
    """Aggregate the series of each group, in row order.

    `values` and `present` are `[series, steps]`; `params` float64 `[steps]` is the quantile at each step. Up to
    `workers` threads take part. Returns values and present, `[groups, steps]`. Raises ValueError for an unknown
    operator.
    """
    index = find_operator(op)
    n_rows, n_steps = values.shape
    values = as_array(values, np.float64, (n_rows, n_steps), "values")
    present = as_array(present, np.bool_, (n_rows, n_steps), "present")
    if len(groups) != n_rows:
        raise ValueError(f"{len(groups)} rows are in groups, of {n_rows}")
    if lib.obs_group_has_param(index):
        if params is None:
            raise ValueError(f"{op} needs a parameter")
        params = as_array(params, np.float64, (n_steps,), "params")
    out, out_present = np.empty((groups.count, n_steps)), np.empty((groups.count, n_steps), np.bool_)
    folds = op in FOLDING_OPERATORS
    rows = reduction_rows.take(workers, n_steps if folds else 0)
    order, ends, count = groups.pass_lists()
    status = lib.obs_group_reduce(
        index,
        pass_memory(F64, values),
        pass_memory(U8, present),
        order,
        ends,
        n_rows,
        n_steps,
        count,
        ffi.NULL if params is None else pass_memory(F64, params),
        rows.pointer,
        ffi.NULL if folds else pass_memory(U64, np.empty(workers * n_rows, np.uint64)),
        workers,
        pass_memory(F64, out),
        pass_memory(U8, out_present),
    )
    reduction_rows.give(rows)
    check(status)
    return out, out_present


def keep_ranked(
    values: Float64Array,
    present: BoolArray,
    groups: Groups,
    limits: Int64Array,
    *,
    greatest: bool,
    workers: int = 1,
) -> BoolArray:
    """Bool `[rows, steps]`: the `limits` (int64 `[steps]`) greatest, or least, samples of each group and step.

    NaN comes last; which of equal ones stay is as Prometheus' heap has it.
    """
    n_rows, n_steps = values.shape
    values = as_array(values, np.float64, (n_rows, n_steps), "values")
    present = as_array(present, np.bool_, (n_rows, n_steps), "present")
    limits = as_array(limits, np.int64, (n_steps,), "limits")
    if len(groups) != n_rows:
        raise ValueError(f"{len(groups)} rows are in groups, of {n_rows}")
    kept = np.zeros((n_rows, n_steps), np.bool_)
    order, ends, count = groups.pass_lists()
    capacity = lib.obs_rank_heap(pass_memory(I64, limits), ends, n_steps, count)
    status = lib.obs_rank_keep(
        pass_memory(F64, values),
        pass_memory(U8, present),
        order,
        ends,
        n_rows,
        n_steps,
        count,
        pass_memory(I64, limits),
        greatest,
        pass_memory(RANKED, np.empty(workers * capacity * _RANKED_WORDS)),
        capacity,
        workers,
        pass_memory(U8, kept),
    )
    check(status)
    return kept


_RANKED_WORDS: Final = ffi.sizeof("obs_rank_entry") // 8


def histogram_quantile(
    q: Float64Array,
    le: Float64Array,
    rows: Int64Array,
    values: Float64Array,
    present: BoolArray,
    offsets: Int64Array,
    workers: int = 1,
) -> tuple[Float64Array, BoolArray, UInt8Array, Float64Array]:
    """Quantiles of classic histograms.

    `q` float64 `[steps]`; `values` and `present` `[series, steps]`, the cumulative counts. Group `g` has the series
    `rows[offsets[g] : offsets[g + 1]]`, by ascending upper bound, equal ones together; `le` float64 `[rows]` are the
    bounds, without NaN. Up to `workers` threads take part. Returns values, present and uint8 forced,
    `[groups, steps]`; forced is 1 where counts that fell were raised; and float64 `[groups, 3]`: the least and the
    greatest bound where that was so, and by how much at most.
    """
    n_series, n_rows, n_steps, n_groups = len(values), len(le), len(q), len(offsets) - 1
    q, le = as_array(q, np.float64, (n_steps,), "q"), as_array(le, np.float64, (n_rows,), "le")
    rows = as_array(rows, np.int64, (n_rows,), "rows")
    values = as_array(values, np.float64, (n_series, n_steps), "values")
    present = as_array(present, np.bool_, (n_series, n_steps), "present")
    offsets = as_array(offsets, np.int64, (n_groups + 1,), "offsets")
    out, out_present = np.empty((n_groups, n_steps)), np.empty((n_groups, n_steps), np.bool_)
    forced, extents = np.empty((n_groups, n_steps), np.uint8), np.empty((n_groups, 3))
    status = lib.obs_histogram_quantile(
        pass_memory(F64, q),
        pass_memory(F64, le),
        pass_memory(I64, rows),
        pass_memory(F64, values),
        pass_memory(U8, present),
        pass_memory(I64, offsets),
        n_series,
        n_rows,
        n_steps,
        n_groups,
        pass_memory(F64, np.empty(workers * n_rows)),
        pass_memory(F64, np.empty(workers * n_rows)),
        workers,
        pass_memory(F64, out),
        pass_memory(U8, out_present),
        pass_memory(U8, forced),
        pass_memory(F64, extents),
    )
    check(status)
    return out, out_present, forced, extents
