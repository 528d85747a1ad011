"""Functions that put the series of an instant into an order."""

import functools
import re

import numpy as np

from obsflow.model.frames import Frame
from obsflow.promql.ast import Call
from obsflow.query.context import EvalContext
from obsflow.query.order import mark_steps

_NUMBERS = re.compile(r"\d+|\D+", re.ASCII)


def evaluate_sort(ctx: EvalContext, call: Call) -> Frame:
    """`sort(v)` and `sort_desc(v)`: by value, NaN last either way. A range has no order."""
    frame = ctx.vector(call.args[0])
    if not ctx.is_instant:
        _warn(ctx, call)
        mark_steps(ctx)
        return frame
    values = frame.values[:, 0]
    keys = np.negative(values) if call.name == "sort_desc" else values
    return frame.take(np.argsort(keys, kind="stable"))


def evaluate_sort_by_label(ctx: EvalContext, call: Call) -> Frame:
    """`sort_by_label(v, labels...)` and its reverse: in the order of a reader, in which 10 comes after 9."""
    frame = ctx.vector(call.args[0])
    if not ctx.is_instant:
        _warn(ctx, call)
        mark_steps(ctx)
        return frame
    names = [ctx.string(argument) for argument in call.args[1:]]
    rows = frame.labels.decode()
    sign = -1 if call.name == "sort_by_label_desc" else 1

    def compare(a: int, b: int) -> int:
        for name in names:
            x, y = rows[a].get(name), rows[b].get(name)
            if x != y:
                return sign if _natural_less(y, x) else -sign
        return sign if rows[b] < rows[a] else -sign

    order = sorted(range(len(rows)), key=functools.cmp_to_key(compare))
    return frame.take(np.array(order, np.intp))


def _warn(ctx: EvalContext, call: Call) -> None:
    """Warn, unless the range is no more than an instant, or an instant is all that is looked at."""
    plan = ctx.run.plan
    is_invariant = id(call) in (plan.pinned if ctx.start is None else plan.invariant)
    if not ctx.ranged or is_invariant or (ctx.steps == 1 and ctx.times[0] == ctx.end):
        return
    ctx.run.annotations.warn("sort is ineffective for range queries since results are always ordered by labels", call)


def _natural_less(a: str, b: str) -> bool:
    """Whether `a` comes first where runs of digits are compared as numbers."""
    parts = zip(_NUMBERS.findall(a), _NUMBERS.findall(b), strict=False)
    for x, y in parts:
        if x == y:
            continue
        if x.isdecimal() and y.isdecimal() and int(x) != int(y):
            return int(x) < int(y)
        return bool(x < y)
    return len(a) < len(b)
