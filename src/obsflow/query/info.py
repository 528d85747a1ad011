"""`info(v, {matchers})`: the labels of info metrics, such as `target_info`, added to the series of the same target."""

import functools
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import QueryError
from obsflow.model.frames import BoolArray, FloatArray, Frame, IdArray, LabelColumns, TimeArray, group_columns
from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.promql.ast import Call, Expr, Subquery, VectorSelector, children
from obsflow.promql.inspect import DEFAULT_INFO_METRIC
from obsflow.query.context import EvalContext
from obsflow.query.series import any_present, any_row, merge_equal

_IDENTIFYING: Final = ("instance", "job")
"""What names a target, for every info metric."""


@attrs.frozen(eq=False)
class Choice:
    """Which labels are added, from which info metrics: the matchers of metric names, and those of other labels."""

    names: tuple[Matcher, ...]
    data: tuple[Matcher, ...]

    @classmethod
    def of(cls, call: Call) -> "Choice":
        """What the second argument asks for, if there is one."""
        selector = call.args[1] if len(call.args) > 1 else None
        given = selector.matchers if isinstance(selector, VectorSelector) else ()
        names = tuple(matcher for matcher in given if matcher.name == METRIC_NAME)
        if not names:
            names = (Matcher(METRIC_NAME, MatchOp.EQUAL, DEFAULT_INFO_METRIC),)
        elif not any(matcher.op.is_positive for matcher in names):
            names = (*names, Matcher(METRIC_NAME, MatchOp.REGEX, ".+_info"))
        return cls(names, tuple(matcher for matcher in given if matcher.name != METRIC_NAME))

    @property
    def keeps_unmatched(self) -> bool:
        """Whether a series without info stays: if nothing is asked of the labels that it would have got."""
        return all(matcher.matches("") for matcher in self.data)

    def exempts(self, labels: LabelColumns) -> BoolArray:
        """Bool `[series]`: which are of the info metrics themselves, and get no labels."""
        distinct, inverse = np.unique(labels.column(METRIC_NAME), return_inverse=True)
        names = [labels.symbols[symbol] for symbol in distinct.tolist()]
        return np.array([all(matcher.matches(name) for matcher in self.names) for name in names], bool)[inverse]

    def adds(self, label: str) -> bool:
        """Whether a label of an info metric is one of those that are added."""
        return label != METRIC_NAME and (not self.data or any(matcher.name == label for matcher in self.data))


def evaluate_info(ctx: EvalContext, call: Call) -> Frame:
    """The vector with the labels that the newest sample of each info metric of a target has. Raises QueryError."""
    choice = Choice.of(call)
    base = ctx.vector(call.args[0])
    exempt = choice.exempts(base.labels)
    info, taken = _select_info(ctx, call.args[0], choice, base.take(~exempt))
    winners = _newest(ctx, base, info, taken)
    return merge_equal(ctx, _enrich(ctx, choice, base, exempt, info, winners))


def _select_info(ctx: EvalContext, argument: Expr, choice: Choice, base: Frame) -> tuple[Frame, FloatArray]:
    """The info series of the targets of `base`, and the times float64 `[series, steps]`, s, of their samples.

    They are looked at where the first selector of the argument looks.
    """
    times = _reference_times(ctx, argument)
    lookback_ms = ctx.run.lookback_ms
    selection = ctx.run.select((*choice.names, *choice.data), int(times[0]) - lookback_ms + 1, int(times[-1]))
    ctx.run.limits.check("max_samples", len(selection.labels) * ctx.steps)
    ctx.run.load(selection.runs, int(times[0]) - lookback_ms, int(times[-1]))
    taken, present, _, bad = native.window(selection.runs, native.Windows("select_seconds", times, lookback_ms))
    ctx.run.count_damage(bad)
    present &= _of_targets(base, selection.labels)
    return ctx.frame(selection.labels, np.ones(taken.shape), present), taken


def _of_targets(base: Frame, info: LabelColumns) -> BoolArray:
    """Bool `[info series, steps]`: where each identifying label that any series has is one that some series has."""
    eligible = np.ones((len(info), len(base.times)), bool)
    identified = np.zeros(len(base.times), bool)
    for name in _IDENTIFYING:
        named = base.take(base.labels.column(name) != 0)
        values, ids = np.unique(named.labels.column(name), return_inverse=True)
        there = any_present(named.present, ids, len(values))
        asked = any_row(there)
        # The row after the last value is for those that no series has.
        at = np.where(np.isin(info.column(name), values), np.searchsorted(values, info.column(name)), len(values))
        eligible &= np.concatenate((there, np.zeros((1, len(asked)), bool)))[at] | ~asked
        identified |= asked
    return eligible & identified


def _reference_times(ctx: EvalContext, argument: Expr) -> TimeArray:
    """Where the first selector of an expression looks, seen through the subqueries around it; int64 ms `[steps]`."""
    times = ctx.times
    pending: list[tuple[Expr, TimeArray]] = [(argument, times)]
    while pending:
        node, seen = pending.pop()
        if isinstance(node, Subquery | VectorSelector):
            seen = ctx.shifted_times(node.offset, node.at, seen)
        if isinstance(node, VectorSelector):
            return seen
        pending += [(child, seen) for child in reversed(children(node))]
    return times


def _newest(ctx: EvalContext, base: Frame, info: Frame, taken: FloatArray) -> BoolArray:
    """Bool `[info series, steps]`: the newest sample of each info metric of a target. A step with two of them fails."""
    ids, first = info.labels.only((METRIC_NAME, *_IDENTIFYING)).group()
    if len(first) == len(info):
        return info.present
    newest = np.full((len(first), ctx.steps), -np.inf)
    np.maximum.at(newest, ids, np.where(info.present, taken, -np.inf))
    winners: BoolArray = info.present & (taken == newest[ids])
    count = np.zeros(newest.shape, np.int64)
    np.add.at(count, ids, winners)
    twice = (count > 1) & any_row(base.present)

    def error(step: int) -> QueryError:
        group = int(np.flatnonzero(twice[:, step])[0])
        rows = np.flatnonzero((ids == group) & winners[:, step])[:2].tolist()
        a, b = (f"{info.labels.labels(row)} @ {round(taken[row, step] * 1000)}" for row in rows)
        return QueryError(f"found duplicate series for info metric: existing {a}, new {b}")

    ctx.fail(any_row(twice), error)
    return winners


def _enrich(ctx: EvalContext, choice: Choice, base: Frame, exempt: BoolArray, info: Frame, winners: BoolArray) -> Frame:
    """A row for each series and each set of info series that it meets on its way."""
    of_base, of_info = _targets(base.labels, info.labels)
    met = {target: _patterns(winners, np.flatnonzero(of_info == target)) for target in np.unique(of_base).tolist()}
    rows: list[int] = []
    sources: list[list[int]] = []
    present: list[BoolArray] = []
    for row, target in enumerate(of_base.tolist()):
        if exempt[row]:
            rows, sources, present = [*rows, row], [*sources, []], [*present, base.present[row]]
            continue
        for members, steps in met[target]:
            here = base.present[row] & steps
            if (members or choice.keeps_unmatched) and here.any():
                rows, sources, present = [*rows, row], [*sources, members], [*present, here]
    at = np.array(rows, np.int64)
    there = np.stack(present) if present else np.zeros((0, ctx.steps), bool)
    added = _added_labels(ctx, choice, info.labels, sources, there)
    labels = base.labels.take(at)
    for name, column in added.items():
        own = labels.column(name)
        labels = labels.with_column(name, np.where(own != 0, own, column))
    return ctx.frame(labels, base.values[at], there)


def _targets(base: LabelColumns, info: LabelColumns) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number the targets of both, alike."""
    columns = [np.concatenate((base.column(name), info.column(name))) for name in _IDENTIFYING]
    ids = group_columns(np.stack(columns))[0]
    return ids[: len(base)], ids[len(base) :]


def _patterns(winners: BoolArray, rows: npt.NDArray[np.intp]) -> list[tuple[list[int], BoolArray]]:
    """The sets of info series of one target that are there together, and bool `[steps]` when they are."""
    if not len(rows):
        return [([], np.ones(winners.shape[1], bool))]
    distinct, inverse = np.unique(winners[rows], axis=1, return_inverse=True)
    return [(rows[distinct[:, number]].tolist(), inverse.ravel() == number) for number in range(distinct.shape[1])]


def _same(error: QueryError, _step: int) -> QueryError:
    return error


def _added_labels(
    ctx: EvalContext, choice: Choice, info: LabelColumns, sources: list[list[int]], present: BoolArray
) -> dict[str, IdArray]:
    """Label name to int32 `[rows]`: what the info series of each row add. Steps at which two disagree fail."""
    added: dict[str, IdArray] = {}
    for name in filter(choice.adds, info.names):
        column, ids = np.zeros(len(sources), np.int32), info.column(name)
        for row, members in enumerate(sources):
            for member in members:
                value = int(ids[member])
                if value and column[row] and column[row] != value:
                    error = QueryError(f"conflicting label: {name}")
                    ctx.fail(present[row], functools.partial(_same, error))
                column[row] = value or column[row]
        added[name] = column
    return added
