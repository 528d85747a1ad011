"""Which series of one side of a binary operator belong to which of the other."""

from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.errors import QueryError
from obsflow.model.frames import BoolArray, Frame, IdArray, LabelColumns, group_columns
from obsflow.model.labels import METRIC_NAME, Labels, quote
from obsflow.promql.ast import Cardinality, VectorMatching
from obsflow.query.context import EvalContext
from obsflow.query.series import NAME_MARK, any_present, any_row, concat_frames, join_rows, overlaps

Rows = npt.NDArray[np.int64]
Index = Rows | slice
"""Which rows: their numbers, or `slice(None)` for all."""


@attrs.frozen(eq=False)
class Signatures:
    """The match groups of two sides: int64 ids `[series]` for either; equal ids match. There are `count` of them."""

    left: Rows
    right: Rows
    count: int

    @cached_property
    def right_of_left(self) -> Rows | None:
        """For each series on the left the one on the right of its group, or -1; None if a group has several there."""
        return _only_row(self.right, self.count, self.left) if self.is_right_distinct else None

    @cached_property
    def left_of_right(self) -> Rows | None:
        """The same, the other way round."""
        is_distinct = len(np.unique(self.left)) == len(self.left)
        return _only_row(self.left, self.count, self.right) if is_distinct else None

    @cached_property
    def is_right_distinct(self) -> bool:
        """Whether no two series on the right are of one group."""
        return len(np.unique(self.right)) == len(self.right)

    @cached_property
    def is_each_left_once(self) -> bool:
        """Whether no two pairs are of one group."""
        ids = self.left[self.pairs[0]]
        return len(np.unique(ids)) == len(ids)

    @cached_property
    def pairs(self) -> tuple[Index, Index]:
        """All pairs of a series on the left and one on the right with equal ids, by the left: the rows of either."""
        order = np.argsort(self.right, kind="stable")
        ordered = self.right[order]
        start = np.searchsorted(ordered, self.left, "left")
        counts = np.searchsorted(ordered, self.left, "right") - start
        left = np.repeat(np.arange(len(self.left)), counts)
        within = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
        right = order[np.repeat(start, counts) + within]
        return _index(left, len(self.left)), _index(right, len(self.right))


def _only_row(ids: Rows, count: int, wanted: Rows) -> Rows:
    rows = np.full(count, -1)
    rows[ids] = np.arange(len(ids))
    return rows[wanted]


def _index(rows: Rows, count: int) -> Index:
    """The rows; a slice where they are all of `count` in order, so that taking them copies nothing."""
    return slice(None) if len(rows) == count and bool((rows == np.arange(count)).all()) else rows


def signatures(left: LabelColumns, right: LabelColumns, matching: VectorMatching) -> Signatures:
    """Number the match groups: by the `on` labels, or by all but the name and the `ignoring` labels."""
    return left.derive(("signatures", right, matching.on, matching.labels), lambda: _sign(left, right, matching))


def _sign(left: LabelColumns, right: LabelColumns, matching: VectorMatching) -> Signatures:
    names = match_labels(left, right, matching)
    if not names:
        count = min(1, len(left) + len(right))
        return Signatures(np.zeros(len(left), np.int64), np.zeros(len(right), np.int64), count)
    columns = np.concatenate((_stack(left, names), _stack(right, names)), axis=1)
    ids, first = group_columns(columns)
    return Signatures(ids[: len(left)], ids[len(left) :], len(first))


def match_labels(left: LabelColumns, right: LabelColumns, matching: VectorMatching) -> list[str]:
    """The names of the labels that are compared, sorted."""
    present = {*left.names, *right.names}
    if matching.on:
        return sorted(present.intersection(matching.labels))
    return sorted(present.difference(matching.labels, (METRIC_NAME, NAME_MARK)))


def fill_missing(many: Frame, one: Frame, ids: Signatures, matching: VectorMatching) -> tuple[Frame, Frame, Signatures]:
    """Both sides with a row for each match group that stands in where a side has no sample and the other has one.

    Such a row has the labels that are matched and no others.
    """
    names = match_labels(many.labels, one.labels, matching)
    labels = many.labels.concat(one.labels).only(names).take(_first_rows(ids))
    groups = np.arange(ids.count)
    any_many = any_present(many.present, ids.left, ids.count)
    any_one = any_present(one.present, ids.right, ids.count)
    left, right = ids.left, ids.right
    if matching.fill_left is not None:
        missing = any_one & ~any_many
        many = concat_frames((many, Frame(labels, np.full(missing.shape, matching.fill_left), missing, many.times)))
        left = np.concatenate((left, groups))
    if matching.fill_right is not None:
        missing = any_many & ~any_one
        one = concat_frames((one, Frame(labels, np.full(missing.shape, matching.fill_right), missing, one.times)))
        right = np.concatenate((right, groups))
    return many, one, Signatures(left, right, ids.count)


def _first_rows(ids: Signatures) -> Rows:
    """The first row of each match group, counted through the left side and then the right."""
    return np.unique(np.concatenate((ids.left, ids.right)), return_index=True)[1].astype(np.int64)


def partner_present(own: Frame, other: Frame, ids: Rows, own_ids: Rows, count: int, partner: Rows | None) -> BoolArray:
    """Bool `[series, steps]`: where some series of `other`, of groups `ids`, is there in the group of each of `own`.

    `partner` is the only one there, where that is so.
    """
    if partner is None:
        return any_present(other.present, ids, count)[own_ids]
    if not len(other):
        return np.zeros(own.present.shape, bool)
    found = other.present[partner]  # -1 takes some row, whose samples do not count
    alone = partner < 0
    if alone.any():
        found[alone] = False
    return found


def prepare_one_side(
    ctx: EvalContext, many: Frame, one: Frame, ids: Signatures, matching: VectorMatching
) -> tuple[Frame, Signatures]:
    """The "one" side, on the right, with at most one sample of each match group at each step.

    Series that take turns, and cannot be told apart by what the result takes from them, become one row. Returns the
    frame and the ids. A step at which a group has two samples fails, if both sides have any or one is filled in.
    """
    if ids.is_right_distinct:
        return one, ids
    twice = overlaps(one.present, ids.right, ids.count)
    if matching.fill_left is None and matching.fill_right is None:
        twice &= any_row(many.present)
    ctx.fail(any_row(twice), lambda step: _duplicate_error(one, ids.right, matching, step))
    keys, first = group_columns(
        np.concatenate((ids.right[np.newaxis].astype(np.int32), _stack(one.labels, list(matching.include))))
    )
    return join_rows(one, keys, first), Signatures(ids.left, ids.right[first], ids.count)


def _duplicate_error(one: Frame, ids: Rows, matching: VectorMatching, step: int) -> QueryError:
    """The first two rows of one match group at a step."""
    seen: dict[int, int] = {}
    for row in np.flatnonzero(one.present[:, step]).tolist():
        first = seen.setdefault(int(ids[row]), row)
        if first != row:
            break
    pair = sorted((one.labels.labels(first), one.labels.labels(row)), key=_render)
    side = "left" if matching.cardinality is Cardinality.ONE_TO_MANY else "right"
    shown = pair[0].only(matching.labels) if matching.on else pair[0].without(METRIC_NAME, *matching.labels)
    return QueryError(
        f"found duplicate series for the match group {_render(shown)} on the {side} hand-side of the operation: "
        f"[{_render(pair[0])}, {_render(pair[1])}];many-to-many matching not allowed: "
        "matching labels must be unique on one side"
    )


def _render(labels: Labels) -> str:
    """All labels in braces, the name too, as Prometheus' errors show them."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs if name != NAME_MARK) + "}"


def _stack(labels: LabelColumns, names: list[str]) -> IdArray:
    if not names:
        return np.zeros((0, len(labels)), np.int32)
    return np.stack([labels.column(name) for name in names])
