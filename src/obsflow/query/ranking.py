"""Aggregations that keep some series as they are: `topk`, `bottomk`, `limitk`, `limit_ratio`."""

import functools
import itertools
import math

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import QueryError
from obsflow.model.floats import render_float_g
from obsflow.model.frames import BoolArray, FloatArray, Frame
from obsflow.model.labels import Labels
from obsflow.promql.ast import Aggregation
from obsflow.query.context import EvalContext
from obsflow.query.series import NAME_MARK

_INT64_EDGE = 2.0**63
_HASHES = float(2**64 - 1)


def evaluate_ranking(
    ctx: EvalContext, node: Aggregation, parameter: FloatArray, frame: Frame, groups: native.Groups
) -> Frame:
    """The `k` greatest (`topk`) or least (`bottomk`) samples of each group at each step, NaN last.

    At an instant the groups follow one another, each in order of value.
    """
    limits = _limits(ctx, parameter)
    greatest = node.op == "topk"
    if not ctx.is_instant:
        kept = native.keep_ranked(
            frame.values, frame.present, groups, limits, greatest=greatest, workers=ctx.run.threads
        )
        return Frame(frame.labels, frame.values, kept, frame.times).compact()
    # Least first whatever is asked for, so that there is one order to think of.
    keys, present = np.negative(frame.values[:, 0]) if greatest else frame.values[:, 0], frame.present[:, 0]
    members = np.split(groups.order, groups.ends[: groups.count - 1]) if groups.count else []
    order = [int(rows[i]) for rows in members for i in _heap_order(keys[rows], present[rows], int(limits[0]))]
    return frame.take(np.array(order, np.intp))


def evaluate_limit(
    ctx: EvalContext, _node: Aggregation, parameter: FloatArray, frame: Frame, groups: native.Groups
) -> Frame:
    """The first `k` series of each group that have a sample, step by step (`limitk`)."""
    limits = _limits(ctx, parameter)
    kept = np.zeros(frame.present.shape, bool)
    for group in range(groups.count):
        rows = np.flatnonzero(groups.ids == group)
        kept[rows] = frame.present[rows] & (np.cumsum(frame.present[rows], axis=0) <= limits)
    return Frame(frame.labels, frame.values, kept, frame.times).compact()


def evaluate_ratio(
    ctx: EvalContext, node: Aggregation, ratios: FloatArray, frame: Frame, _groups: native.Groups
) -> Frame:
    """The share of the series whose hash is below the ratio, or, for a negative one, the rest (`limit_ratio`)."""
    assert node.param is not None
    ctx.fail(np.isnan(ratios), lambda _step: QueryError("Ratio value is NaN"))
    greatest, least = float(ratios.max()), float(ratios.min())
    for ratio in [greatest] * (greatest > 1) + [least] * (least < -1):
        ctx.run.annotations.warn(
            f"ratio value should be between -1 and 1, got {render_float_g(ratio)}, "
            f"capping to {render_float_g(math.copysign(1, ratio))}",
            node.param,
        )
    ratios = np.clip(ratios, -1.0, 1.0)
    rows = frame.labels.without((NAME_MARK,)).decode()
    share = np.array([_hash_labels(labels) / _HASHES for labels in rows], np.float64)[:, np.newaxis]
    kept = frame.present & np.where(ratios >= 0, share < ratios, share >= 1.0 + ratios)
    return Frame(frame.labels, frame.values, kept, frame.times).compact()


def _hash_labels(labels: Labels) -> int:
    """XXH64 over the pairs as Prometheus keeps them in memory: every text after its length."""
    data = b""
    for text in itertools.chain.from_iterable(labels.pairs):
        encoded = text.encode("utf-8", "surrogateescape")
        size = len(encoded)
        data += (bytes((size,)) if size < 255 else b"\xff" + size.to_bytes(3, "little")) + encoded
    return native.xxhash64(data)


def _limits(ctx: EvalContext, parameter: FloatArray) -> npt.NDArray[np.int64]:
    """The parameter as whole numbers, cut towards zero. Steps at which that cannot be done fail."""
    ctx.fail(np.isnan(parameter), lambda _step: QueryError("Parameter value is NaN"))
    ctx.fail(parameter >= _INT64_EDGE, lambda step: _cannot_hold(ctx, parameter, step, "overflows"))
    if ctx.ranged and (parameter >= 1).any():  # where no step keeps anything, nobody looks
        ctx.fail(parameter < -_INT64_EDGE, lambda step: _cannot_hold(ctx, parameter, step, "underflows"))
    return np.maximum(parameter, 0).astype(np.int64)


def _cannot_hold(ctx: EvalContext, parameter: FloatArray, step: int, how: str) -> QueryError:
    value = parameter[step] if not ctx.ranged else parameter.max() if how == "overflows" else parameter.min()
    return QueryError(f"Scalar value {render_float_g(float(value))} {how} int64")


def _heap_order(keys: FloatArray, present: BoolArray, limit: int) -> list[int]:
    """The rows of the least `limit` keys, least first.

    Which of several equal keys is pushed out is decided by a binary heap, so the heap is kept as Go's container/heap
    keeps it: the greatest key at the root, and NaN greater than any.
    """
    rows = np.flatnonzero(present)
    keys = keys[rows]
    heap: list[tuple[float, int]] = []
    for first in zip(keys[:limit].tolist(), rows[:limit].tolist(), strict=True):
        heap.append(first)
        _sift_up(heap)
    at = limit
    while heap and at < len(rows):
        root = heap[0][0]
        fits = ~np.isnan(keys[at:]) if math.isnan(root) else keys[at:] < root
        at += int(fits.argmax())  # the next that pushes the root out, or, if there is none, the one that does not
        if not fits[at - len(keys)]:
            break
        heap[0] = float(keys[at]), int(rows[at])
        _sift_down(heap)
        at += 1
    ranked = sorted(heap, key=functools.cmp_to_key(_compare))
    numbers = [row for key, row in ranked if not math.isnan(key)]
    return (
        numbers + [row for _, row in ranked[len(numbers) :]][::-1]
    )  # as Go's insertion sort leaves what is not ordered


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
