"""Functions that look at start times, the slow and obvious way: (time, value, start) one after the other."""

import itertools

from obsflow.model.floats import float_bits

STALE = 0x7FF0000000000002


def window(samples, end, range_ms):
    """The samples in `(end - range_ms, end]` that are no stale markers."""
    return [(t, v, s) for t, v, s in samples if end - range_ms < t <= end and float_bits(v) != STALE]


def restarts(before, after):
    """Whether the counter of the later sample is another than that of the one before it."""
    (time_a, a, start_a), (time_b, b, start_b) = before, after
    if b < a:
        return True
    if start_b == 0 or start_b >= time_b or start_b < time_a:
        return False
    if start_b > time_a:
        return True
    return start_a != 0 and start_a < time_a  # it starts at the sample before, which knew its own start


def overlaps(before, after):
    return after[2] != 0 and after[2] < before[0] and after[2] != before[2]


def pairs(samples):
    return list(itertools.pairwise(samples))


def increase(samples, end, range_ms, *, per_second=False):
    if not samples:
        return None
    (first_time, first, start), (last_time, last, _) = samples[0], samples[-1]
    result = last - first
    for before, after in pairs(samples):
        if restarts(before, after):
            result += before[1]
    to_start, to_end = (first_time - (end - range_ms)) / 1000, (end - last_time) / 1000
    sampled = (last_time - first_time) / 1000
    spacing = sampled / (len(samples) - 1) if len(samples) > 1 else 0.0
    if start != 0 and end - range_ms < start < first_time:
        to_start, sampled = 0.0, (last_time - start) / 1000
        result += first
    elif len(samples) == 1:
        return None
    else:
        if to_start >= spacing * 1.1:
            to_start = spacing / 2
        if result > 0 and first >= 0 and sampled * (first / result) < to_start:
            to_start = sampled * (first / result)
    if to_end >= spacing * 1.1:
        to_end = spacing / 2
    factor = (sampled + to_start + to_end) / sampled if sampled != 0 else 1.0
    if per_second:
        factor /= range_ms / 1000
    return result * factor


def rate(samples, end, range_ms):
    return increase(samples, end, range_ms, per_second=True)


def irate(samples, _end, _range_ms):
    if len(samples) < 2:
        return None
    before, after = samples[-2:]
    rise = after[1] if restarts(before, after) else after[1] - before[1]
    return rise / ((after[0] - before[0]) / 1000)


def resets(samples, _end, _range_ms):
    return float(sum(restarts(*pair) for pair in pairs(samples))) if samples else None


FUNCTIONS = {"increase": increase, "irate": irate, "rate": rate, "resets": resets}


def start_timestamp(samples, time, lookback_ms):
    """Of the newest sample in the lookback, unless that is a stale marker."""
    seen = [(v, s) for t, v, s in samples if time - lookback_ms < t <= time]
    return seen[-1][1] / 1000 if seen and float_bits(seen[-1][0]) != STALE else None
