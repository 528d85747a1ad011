"""One pass over samples: chunks in, a frame out."""

import attrs
import numpy as np

from obsflow import native
from obsflow.model.frames import Frame, LabelColumns
from obsflow.model.storage import Runs
from obsflow.query.context import EvalContext


@attrs.frozen(eq=False)
class Stage:
    """Series, and what is made of the windows of each: `windows` has the function and the steps."""

    labels: LabelColumns
    runs: Runs
    windows: native.Windows

    def load(self, ctx: EvalContext) -> None:
        """Say which samples are read. Raises LimitExceededError."""
        windows = self.windows
        ctx.run.load(self.runs, int(windows.times[0]) - windows.range_ms, int(windows.times[-1]))


def run_stage(ctx: EvalContext, stage: Stage) -> Frame:
    """A row for every series that has a value at some step."""
    run = ctx.run
    run.limits.check("max_samples", len(stage.labels) * ctx.steps)
    stage.load(ctx)
    rows = native.window(
        stage.runs, stage.windows, run.threads, pause=None if run.deadline is None else run.deadline.check
    )
    run.count_damage(rows.bad)
    labels, values, present = stage.labels, rows.values, rows.present
    if np.count_nonzero(rows.filled) < len(labels):
        some = np.flatnonzero(rows.filled)
        labels, values, present = labels.subset(some), values[some], present[some]
    return Frame(labels, values, present, ctx.times, is_compact=True)
