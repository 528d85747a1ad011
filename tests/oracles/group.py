"""Aggregation of one list of values at a time."""

import math

from tests.oracles.window import NAN, average, extreme, kahan, quantile


def total(values):
    running, lost = values[0], 0.0
    for value in values[1:]:
        running, lost = kahan(value, running, lost)
    return running + lost


def variance(values):
    """Welford's, without compensation; a first value that is not finite has none."""
    mean, squares = values[0], (0.0 if math.isfinite(values[0]) else NAN)
    for count, value in enumerate(values[1:], 2):
        delta = value - mean
        mean += delta / count
        squares += delta * (value - mean)
    return squares / len(values)


def deviation(values):
    squared = variance(values)
    return math.sqrt(squared) if not squared < 0 else NAN


OPERATORS = {
    "sum": lambda values, _: total(values),
    "avg": lambda values, _: average(values),
    "min": lambda values, _: extreme([(0, v) for v in values], lambda v, best: v < best)[1],
    "max": lambda values, _: extreme([(0, v) for v in values], lambda v, best: v > best)[1],
    "count": lambda values, _: float(len(values)),
    "group": lambda _values, _: 1.0,
    "stdvar": lambda values, _: variance(values),
    "stddev": lambda values, _: deviation(values),
    "quantile": lambda values, q: quantile(q, values),
}


def reduce_groups(op, rows, groups, n_groups, params):
    """`rows` hold a value or None at each step; the result too, a row for each group."""
    out = []
    for group in range(n_groups):
        mine = [row for row, g in zip(rows, groups, strict=True) if g == group]
        result = []
        for step, param in enumerate(params):
            values = [row[step] for row in mine if row[step] is not None]
            result.append(OPERATORS[op](values, param) if values else None)
        out.append(result)
    return out
