"""What operators do to the rows of a frame: dropping names, and telling rows with equal labels apart."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from obsflow.errors import QueryError
from obsflow.model.frames import BoolArray, Frame, LabelColumns
from obsflow.model.labels import METRIC_NAME
from obsflow.query.context import EvalContext
from obsflow.query.order import mark_groups

METADATA_LABELS: Final = (METRIC_NAME, "__type__", "__unit__")
"""What says which metric a series is of, and goes when a value is computed from it."""

NAME_MARK: Final = "\ud800"
"""A label, of a name that no text can spell, which says that the metric name goes at the end of the query."""

SAME_LABELSET: Final = "vector cannot contain metrics with the same labelset"


def drop_name(ctx: EvalContext, frame: Frame, *, whole_range: bool = False) -> Frame:
    """`frame` without metric names; series that become equal are joined, see `merge_equal`.

    Where names go at the end of the query, the series are only marked.
    """
    labels = drop_name_labels(ctx, frame.labels)
    if labels is frame.labels:
        return frame
    nameless = frame.with_values(labels, frame.values)
    if keeps_apart(ctx, frame.labels):
        return nameless
    return merge_equal(ctx, nameless, whole_range=whole_range)


def drop_name_labels(ctx: EvalContext, labels: LabelColumns) -> LabelColumns:
    """The labels of `drop_name`, before any series are joined."""
    return mark_names(ctx, labels) if ctx.run.delays_names else labels.without(METADATA_LABELS)


def keeps_apart(ctx: EvalContext, labels: LabelColumns) -> bool:
    """Whether series of these labels differ without their metric names too: all are of one metric."""
    if ctx.run.delays_names:
        return True
    return labels.derive("apart", lambda: all(len(labels.distinct(name)) < 2 for name in METADATA_LABELS))


def mark_names(ctx: EvalContext, labels: LabelColumns) -> LabelColumns:
    """The labels of series whose names go at the end of the query."""
    mark = ctx.symbols.intern("drop")
    return labels.derive(NAME_MARK, lambda: labels.with_column(NAME_MARK, np.full(len(labels), mark, np.int32)))


def settle_names(ctx: EvalContext, frame: Frame) -> Frame:
    """The frame at the end of the query: marked series lose their names, and those that become equal are joined."""
    if NAME_MARK not in frame.labels.names:
        return frame
    return merge_equal(ctx, Frame(settle_labels(frame.labels), frame.values, frame.present, frame.times))


def settle_labels(labels: LabelColumns) -> LabelColumns:
    """The labels at the end of the query, without marks and without the names of marked series."""
    if NAME_MARK not in labels.names:
        return labels
    kept = labels.column(NAME_MARK) == 0
    labels = labels.without((NAME_MARK,))
    for name in METADATA_LABELS:
        if name in labels.names:
            labels = labels.with_column(name, np.where(kept, labels.column(name), np.int32(0)))
    return labels


def merge_equal(ctx: EvalContext, frame: Frame, *, whole_range: bool = False) -> Frame:
    """`frame` with the series of equal labels joined.

    A step at which two of them have a sample fails; with `whole_range`, in a range, so do samples at any steps.
    """
    if frame.labels.is_distinct:
        return frame
    ids, first = frame.labels.group()
    if whole_range and ctx.ranged:
        frame = frame.compact()
        ids, first = frame.labels.group()
        if len(first) < len(frame):
            raise QueryError(SAME_LABELSET)
        return frame
    ctx.fail(any_row(overlaps(frame.present, ids, len(first))), lambda _step: QueryError(SAME_LABELSET))
    mark_groups(ctx, frame.present, ids, len(first))
    return join_rows(frame, ids, first)


def any_row(marks: BoolArray) -> BoolArray:
    """Bool `[steps]`: the steps at which some row of bool `[rows, steps]` is marked."""
    marked: BoolArray = np.logical_or.reduce(marks, axis=0)
    return marked


def overlaps(present: BoolArray, ids: npt.NDArray[np.int64], count: int) -> BoolArray:
    """Bool `[count, steps]`: where more than one row of an id has a sample."""
    seen = np.zeros((count, present.shape[1]), bool)
    twice = np.zeros_like(seen)
    for row, number in enumerate(ids.tolist()):
        twice[number] |= seen[number] & present[row]
        seen[number] |= present[row]
    return twice


def any_present(present: BoolArray, ids: npt.NDArray[np.int64], count: int) -> BoolArray:
    """Bool `[count, steps]`: where some row of an id has a sample. Rows whose id is not below `count` do not count."""
    seen = np.zeros((count, present.shape[1]), bool)
    order = np.argsort(ids, kind="stable")
    order = order[: int(np.searchsorted(ids[order], count))]
    if len(order):
        sorted_ids = ids[order]
        starts = np.flatnonzero(np.concatenate(([True], sorted_ids[1:] != sorted_ids[:-1])))
        if len(starts) == len(order):
            seen[sorted_ids] = present[order]
        else:
            seen[sorted_ids[starts]] = np.logical_or.reduceat(present[order], starts, axis=0)
    return seen


def concat_frames(frames: Sequence[Frame]) -> Frame:
    """The rows of all frames, which have the same steps, one after the other."""
    labels = frames[0].labels
    for frame in frames[1:]:
        labels = labels.concat(frame.labels)
    values = np.concatenate([frame.values for frame in frames])
    present = np.concatenate([frame.present for frame in frames])
    return Frame(labels, values, present, frames[0].times)


def join_rows(frame: Frame, ids: npt.NDArray[np.int64], first: npt.NDArray[np.int64]) -> Frame:
    """The rows of each id as one, which takes its labels from the first; no two may have a sample at one step."""
    values = frame.values[first]
    present = frame.present[first]
    later = np.ones(len(frame), bool)
    later[first] = False
    for row in np.flatnonzero(later).tolist():
        np.copyto(values[ids[row]], frame.values[row], where=frame.present[row])
        present[ids[row]] |= frame.present[row]
    return Frame(frame.labels.take(first), values, present, frame.times)
