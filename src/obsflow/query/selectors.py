"""Instant vector selectors, and `timestamp()`, which alone sees when a sample was taken."""

import numpy as np

from obsflow import native
from obsflow.model.frames import FloatArray, Frame, TimeArray
from obsflow.model.storage import Selection
from obsflow.promql.ast import Call, RangeMode, VectorSelector
from obsflow.query.boundaries import evaluate_smoothed
from obsflow.query.context import EvalContext
from obsflow.query.plan import unwrap
from obsflow.query.series import drop_name


def evaluate_selector(ctx: EvalContext, node: VectorSelector) -> Frame:
    """The newest sample of each series in the lookback before each step, unless a stale marker came after it."""
    if node.mode is RangeMode.SMOOTHED:
        return evaluate_smoothed(ctx, node)
    times = ctx.shifted_times(node.offset, node.at)
    selection = _select(ctx, node, times)
    values, present, _, bad = native.select_instant(selection.runs, times, ctx.run.lookback_ms)
    ctx.run.count_damage(bad)
    return ctx.frame(selection.labels, values, present).compact()


def evaluate_timestamp(ctx: EvalContext, call: Call) -> Frame:
    """`timestamp(v)`: seconds; of a selector's samples their own time, of anything else the step."""
    argument = unwrap(call.args[0])
    if not isinstance(argument, VectorSelector):
        frame = ctx.vector(argument)
        values: FloatArray = np.broadcast_to(ctx.times / 1000.0, frame.values.shape)
        return drop_name(ctx, ctx.frame(frame.labels, values, frame.present))
    times = ctx.shifted_times(argument.offset, argument.at)
    selection = _select(ctx, argument, times)
    _, present, taken, bad = native.select_instant(selection.runs, times, ctx.run.lookback_ms, want_times=True)
    assert taken is not None
    ctx.run.count_damage(bad)
    return drop_name(ctx, ctx.frame(selection.labels, taken / 1000.0, present).compact())


def _select(ctx: EvalContext, node: VectorSelector, times: TimeArray) -> Selection:
    run = ctx.run
    selection = run.select(node.matchers, int(times[0]) - run.lookback_ms + 1, int(times[-1]))
    run.limits.check("max_samples", len(selection.labels) * len(times))
    return selection
