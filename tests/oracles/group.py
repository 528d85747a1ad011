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


def keep_ranked(rows, groups, n_groups, limits, *, greatest):
    """Which cells are among the `limits[step]` first of their group; a list of booleans for each row.

    As Prometheus does it: one value after the other onto a heap whose root is the next to go. Of equal values it is
    then the order in which they came, and container/heap, that decide.
    """
    kept = [[False] * len(limits) for _ in rows]
    for step, limit in enumerate(limits):
        for group in range(n_groups):
            heap = []
            for row, cells in enumerate(rows):
                if groups[row] != group or cells[step] is None or limit < 1:
                    continue
                entry = (-cells[step] if greatest else cells[step], row)
                if len(heap) < limit:
                    heap.append(entry)
                    _up(heap, len(heap) - 1)
                elif entry[0] < heap[0][0] or (math.isnan(heap[0][0]) and not math.isnan(entry[0])):
                    heap[0] = entry
                    _down(heap, 0)
            for _, row in heap:
                kept[row][step] = True
    return kept


def _goes_before(a, b):
    return math.isnan(a[0]) or a[0] > b[0]


def _up(heap, child):
    parent = (child - 1) // 2
    if child and _goes_before(heap[child], heap[parent]):
        heap[child], heap[parent] = heap[parent], heap[child]
        _up(heap, parent)


def _down(heap, parent):
    children = [child for child in (2 * parent + 1, 2 * parent + 2) if child < len(heap)]
    if not children:
        return
    first = children[0]
    if len(children) == 2 and _goes_before(heap[children[1]], heap[first]):
        first = children[1]
    if _goes_before(heap[first], heap[parent]):
        heap[first], heap[parent] = heap[parent], heap[first]
        _down(heap, first)
