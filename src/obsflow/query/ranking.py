"""`topk` and `bottomk`: which series of a group are kept at each step, and in which order."""

import functools
import math

import numpy as np
import numpy.typing as npt

from obsflow.errors import QueryError
from obsflow.model.floats import render_float_g
from obsflow.model.frames import BoolArray, FloatArray, Frame
from obsflow.promql.ast import Aggregation
from obsflow.query.context import EvalContext

_INT64_EDGE = 2.0**63


def evaluate_ranking(
    ctx: EvalContext, node: Aggregation, frame: Frame, ids: npt.NDArray[np.int64], groups: int
) -> Frame:
    """The `k` greatest (`topk`) or least (`bottomk`) samples of each group at each step, NaN last.

    At an instant the groups follow one another, each in order of value.
    """
    assert node.param is not None
    limits = _limits(ctx, ctx.scalar(node.param))
    # Least first whatever is asked for, so that there is one order to think of.
    keys = np.negative(frame.values) if node.op == "topk" else frame.values
    kept = np.zeros(frame.present.shape, bool)
    order: list[int] = []
    members = np.split(np.argsort(ids, kind="stable"), np.cumsum(np.bincount(ids, minlength=groups))[:-1])
    for rows in members if len(frame) else ():
        kept[rows] = _keep_least(keys[rows], frame.present[rows], limits)
        if ctx.is_instant:
            order += [int(rows[i]) for i in _heap_order(keys[rows, 0], frame.present[rows, 0], int(limits[0]))]
    if ctx.is_instant:
        return Frame(frame.labels, frame.values, kept, frame.times).take(np.array(order, np.intp))
    return Frame(frame.labels, frame.values, kept, frame.times).compact()


def _limits(ctx: EvalContext, parameter: FloatArray) -> npt.NDArray[np.int64]:
    """The parameter as whole numbers, cut towards zero. Steps at which that cannot be done fail."""
    ctx.fail(np.isnan(parameter), lambda _step: QueryError("Parameter value is NaN"))
    ctx.fail(parameter >= _INT64_EDGE, lambda step: _cannot_hold(parameter, step, "overflows"))
    if ctx.ranged and (parameter >= 1).any():  # where no step keeps anything, nobody looks
        ctx.fail(parameter < -_INT64_EDGE, lambda step: _cannot_hold(parameter, step, "underflows"))
    return np.maximum(parameter, 0).astype(np.int64)


def _cannot_hold(parameter: FloatArray, step: int, how: str) -> QueryError:
    return QueryError(f"Scalar value {render_float_g(float(parameter[step]))} {how} int64")


def _keep_least(keys: FloatArray, present: BoolArray, limits: npt.NDArray[np.int64]) -> BoolArray:
    """Bool `[rows, steps]`: the least `limits[step]` keys of each step."""
    count = present.sum(axis=0)
    if (limits >= count).all():
        return present
    rank_key = np.where(present & ~np.isnan(keys), keys, np.inf)
    # Numbers, then NaN, then what is not there.
    kind = np.where(present, np.isnan(keys).astype(np.int8), np.int8(2))
    order = np.lexsort((rank_key, kind), axis=0)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(len(keys))[:, np.newaxis], axis=0)
    kept: BoolArray = (rank < limits) & present
    for step in _undecided_steps(rank_key, kind, order, np.minimum(limits, count), count).tolist():
        kept[:, step] = False
        kept[_heap_order(keys[:, step], present[:, step], int(limits[step])), step] = True
    return kept


def _undecided_steps(
    rank_key: FloatArray,
    kind: npt.NDArray[np.int8],
    order: npt.NDArray[np.int64],
    cut: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The steps at which the last key that is kept equals the first that is not."""
    steps = np.flatnonzero((cut > 0) & (cut < count))
    last, following = order[cut[steps] - 1, steps], order[cut[steps], steps]
    same = (rank_key[last, steps] == rank_key[following, steps]) & (kind[last, steps] == kind[following, steps])
    undecided: npt.NDArray[np.int64] = steps[same]
    return undecided


def _heap_order(keys: FloatArray, present: BoolArray, limit: int) -> list[int]:
    """The rows of the least `limit` keys, least first.

    Which of several equal keys is pushed out is decided by a binary heap, so the heap is kept as Go's container/heap
    keeps it: the greatest key at the root, and NaN greater than any.
    """
    heap: list[tuple[float, int]] = []
    for row in np.flatnonzero(present).tolist():
        key = float(keys[row])
        if len(heap) < limit:
            heap.append((key, row))
            _sift_up(heap)
        elif limit > 0 and (heap[0][0] > key or (math.isnan(heap[0][0]) and not math.isnan(key))):
            heap[0] = (key, row)
            _sift_down(heap)
    return [row for _, row in sorted(heap, key=functools.cmp_to_key(_compare))]


def _above(a: tuple[float, int], b: tuple[float, int]) -> bool:
    """Whether `a` belongs nearer to the root than `b`."""
    return math.isnan(a[0]) or a[0] > b[0]


def _compare(a: tuple[float, int], b: tuple[float, int]) -> int:
    return int(_above(a, b)) - int(_above(b, a))


def _sift_up(heap: list[tuple[float, int]]) -> None:
    child = len(heap) - 1
    while child:
        parent = (child - 1) // 2
        if not _above(heap[child], heap[parent]):
            return
        heap[child], heap[parent] = heap[parent], heap[child]
        child = parent


def _sift_down(heap: list[tuple[float, int]]) -> None:
    parent = 0
    while (child := 2 * parent + 1) < len(heap):
        if child + 1 < len(heap) and _above(heap[child + 1], heap[child]):
            child += 1
        if not _above(heap[child], heap[parent]):
            return
        heap[parent], heap[child] = heap[child], heap[parent]
        parent = child
