"""Instant vector selectors, and `timestamp()`, which alone sees when a sample was taken."""

import numpy as np

from obsflow import native
from obsflow.model.frames import FloatArray, Frame
from obsflow.promql.ast import Call, RangeMode, VectorSelector
from obsflow.query.boundaries import evaluate_smoothed
from obsflow.query.context import EvalContext
from obsflow.query.plan import unwrap
from obsflow.query.series import drop_name
from obsflow.query.stages import Stage, run_stage


def evaluate_selector(ctx: EvalContext, node: VectorSelector) -> Frame:
    """The newest sample of each series in the lookback before each step, unless a stale marker came after it."""
    if node.mode is RangeMode.SMOOTHED:
        return evaluate_smoothed(ctx, node)
    return run_stage(ctx, selector_stage(ctx, node))


def evaluate_timestamp(ctx: EvalContext, call: Call) -> Frame:
    """`timestamp(v)`: seconds; of a selector's samples their own time, of anything else the step."""
    argument = unwrap(call.args[0])
    if isinstance(argument, VectorSelector):
        return drop_name(ctx, run_stage(ctx, selector_stage(ctx, argument, "select_seconds")))
    frame = ctx.vector(argument)
    values: FloatArray = np.broadcast_to(ctx.times / 1000.0, frame.values.shape)
    return drop_name(ctx, ctx.frame(frame.labels, values, frame.present))


def selector_stage(ctx: EvalContext, node: VectorSelector, function: str = "select") -> Stage:
    """The series of a selector without a range, and how they are looked at."""
    times = ctx.shifted_times(node.offset, node.at)
    lookback_ms = ctx.run.lookback_ms
    selection = ctx.run.select(node.matchers, int(times[0]) - lookback_ms + 1, int(times[-1]))
    return Stage(selection.labels, selection.runs, native.Windows(function, times, lookback_ms))
