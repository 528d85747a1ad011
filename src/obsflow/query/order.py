"""The order of rows, where it decides a result.

A sum takes its series in the order of the vector, and among equals `topk` keeps by it. At an instant that order is
made of what is there: ranks by value, groups by their first series. A frame has one order for all its steps. So what
puts rows into an order marks the steps at which an instant would have had another, and an aggregation that depends on
it asks those steps again, each as the instant it stands for.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from obsflow.model.frames import BoolArray, Frame
from obsflow.promql.ast import Aggregation
from obsflow.query.context import EvalContext

_ZERO_SIGNS: Final = frozenset(("max", "min"))
"""What depends on the order only where both zeros are there: the first of them is the result."""


def mark_steps(ctx: EvalContext, steps: BoolArray | None = None) -> None:
    """Note that the rows of a frame may have another order at these steps (bool `[steps]`), or at all."""
    if ctx.is_instant or not ctx.run.plan.order_bound:
        return
    marks = np.ones(ctx.steps, bool) if steps is None else steps
    ctx.reordered = marks if ctx.reordered is None else ctx.reordered | marks


def mark_groups(ctx: EvalContext, present: BoolArray, ids: npt.NDArray[np.int64], count: int) -> None:
    """Note where groups of rows, numbered by their first rows, do not follow one another by the first row present.

    `present` is `[rows, steps]`, `ids` int64 `[rows]` below `count`.
    """
    if count < 2 or ctx.is_instant or not ctx.run.plan.order_bound:
        return
    partial = np.flatnonzero(~present.all(axis=0))
    if not len(partial):
        return
    first = np.full((count, len(partial)), -1)
    for row in range(len(ids) - 1, -1, -1):
        first[ids[row], present[row, partial]] = row
    marks = np.zeros(ctx.steps, bool)
    marks[partial] = ((first >= 0) & (first < np.maximum.accumulate(first, axis=0))).any(axis=0)
    mark_steps(ctx, marks)


def settle_order(ctx: EvalContext, node: Aggregation, frame: Frame) -> Frame:
    """`frame`, the value of `node`, with the marked steps asked again if the order decides it."""
    if ctx.reordered is None or id(node) not in ctx.run.plan.order_bound:
        return frame
    steps = ctx.reordered
    if node.op in _ZERO_SIGNS:
        steps = steps & (frame.present & (frame.values == 0)).any(axis=0)
    again = np.flatnonzero(steps).tolist()
    return _replace_steps(frame, {step: _ask(ctx, node, step) for step in again}) if again else frame


def _ask(ctx: EvalContext, node: Aggregation, step: int) -> Frame:
    own = ctx.instant(step)
    with ctx.run.annotations.silent():
        frame = own.vector(node)
    if ctx.failures is not None and own.failures:
        ctx.failures.setdefault(step, own.failures[0])
    return frame


def _replace_steps(frame: Frame, columns: dict[int, Frame]) -> Frame:
    """`frame` with other samples at some steps: those of frames of one step."""
    labels = frame.labels
    for column in columns.values():
        labels = labels.concat(column.labels)
    ids, first = labels.group()
    shape = (len(first), len(frame.times))
    values, present = np.zeros(shape), np.zeros(shape, bool)
    values[: len(frame)], present[: len(frame)] = frame.values, frame.present
    present[:, list(columns)] = False
    row = len(frame)
    for step, column in columns.items():
        rows = ids[row : row + len(column)]
        values[rows, step] = column.values[:, 0]
        present[rows, step] = column.present[:, 0]
        row += len(column)
    return Frame(labels.take(first), values, present, frame.times)
