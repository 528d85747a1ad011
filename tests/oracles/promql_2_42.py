"""Where Prometheus 2.42 computes otherwise than 3.x does: the same slow and obvious way, rule by rule."""

import math

import attrs

from tests.oracles.promql import Habits


def rate_to_zero(*, per_second):
    """`rate` and `increase`: a counter that begins within the window is extended to its zero, if that is near."""

    def evaluate(samples, start, end, _time):
        if len(samples) < 2:
            return None
        (first_time, first), (last_time, last) = samples[0], samples[-1]
        result = last - first
        previous = first
        for _, value in samples[1:]:
            if value < previous:
                result += previous
            previous = value
        to_start, to_end = (first_time - start) / 1000, (end - last_time) / 1000
        sampled = (last_time - first_time) / 1000
        spacing = sampled / (len(samples) - 1)
        if result > 0 and first >= 0:
            to_zero = sampled * (first / result)
            to_start = min(to_start, to_zero)
        extended = sampled
        extended += to_start if to_start < spacing * 1.1 else spacing / 2
        extended += to_end if to_end < spacing * 1.1 else spacing / 2
        factor = extended / sampled
        if per_second:
            factor /= (end - start) / 1000
        return result * factor

    return evaluate


def plain_sum(values, _=None):
    """`sum`: one after the other, nothing compensated."""
    result = values[0]
    for value in values[1:]:
        result += value
    return result


def running_mean(values, _=None):
    """`avg`: a mean that each value moves."""
    mean = values[0]
    for n, value in enumerate(values[1:], 2):
        if math.isinf(mean) and (mean == value or math.isfinite(value)):
            continue
        mean += value / n - mean / n
    return mean


def running_mean_over_time(samples, *_):
    """`avg_over_time`: as `avg`, compensated."""
    mean = compensation = 0.0
    for n, (_, value) in enumerate(samples, 1):
        if math.isinf(mean) and (mean == value or math.isfinite(value)):
            continue
        moved = value / n - mean / n
        new = mean + moved
        compensation += (mean - new) + moved if abs(mean) >= abs(moved) else (moved - new) + mean
        mean = new
    return mean if math.isinf(mean) else mean + compensation


def monotonic(buckets):
    """`histogram_quantile`: counts that fall are raised, however little they fall, and one that is NaN is no start."""
    out, highest = [], buckets[0][1]
    for bound, count in buckets:
        highest = max(highest, count)
        out.append((bound, max(count, highest)))
    return out


DIFFERENCES = {
    "a counter that begins within its window is extended to its zero": {
        "windows": {"rate": rate_to_zero(per_second=True), "increase": rate_to_zero(per_second=False)}
    },
    "sums are not compensated": {"reductions": {"sum": plain_sum}},
    "the mean of a group is a running mean": {"reductions": {"avg": running_mean}},
    "the mean of a window is a running mean": {"windows": {"avg_over_time": running_mean_over_time}},
    "counts of buckets are taken exactly, and compared with NaN if that is the first": {"monotonic": monotonic},
}


def habits(names):
    """3.x with the named habits of 2.42."""
    found = Habits()
    for name in names:
        for part, change in DIFFERENCES[name].items():
            new = getattr(found, part) | change if isinstance(change, dict) else change
            found = attrs.evolve(found, **{part: new})
    return found
