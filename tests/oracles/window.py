"""Range functions over a list of (time, value) at a time, in the order of operations that Prometheus has."""

import itertools
import math
import struct

STALE = 0x7FF0000000000002
NAN, INF = math.nan, math.inf


def is_stale(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0] == STALE


def divide(a, b):
    """IEEE division, which Python refuses for zero."""
    if b == 0:
        if a == 0 or math.isnan(a):
            return NAN
        return math.copysign(INF, a) * math.copysign(1.0, b)
    return a / b


def kahan(value, total, lost):
    new = total + value
    if math.isinf(new):
        return new, 0.0
    if abs(total) >= abs(value):
        return new, lost + ((total - new) + value)
    return new, lost + ((value - new) + total)


def quantile(q, values):
    """The q-quantile; NaN sorts first, -0 before 0."""
    if math.isnan(q):
        return NAN
    if q < 0:
        return -INF
    if q > 1:
        return INF
    ordered = sorted(values, key=lambda v: (not math.isnan(v), 0 if math.isnan(v) else v, math.copysign(1, v)))
    rank = q * (len(ordered) - 1)
    lower = max(0, math.floor(rank))
    upper = min(len(ordered) - 1, lower + 1)
    weight = rank - math.floor(rank)
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


def extrapolated(samples, start, end, range_ms, counter, per_second):
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    result = last[1] - first[1]
    if counter:
        for (_, before), (_, value) in itertools.pairwise(samples):
            if value < before:
                result += before
    to_start, to_end = (first[0] - start) / 1000, (end - last[0]) / 1000
    sampled = (last[0] - first[0]) / 1000
    average = sampled / (len(samples) - 1)
    threshold = average * 1.1
    if to_start >= threshold:
        to_start = average / 2
    if counter and result > 0 and first[1] >= 0:
        to_zero = sampled * (first[1] / result)
        to_start = min(to_start, to_zero) if not math.isnan(to_zero) else to_start
    if to_end >= threshold:
        to_end = average / 2
    factor = divide(sampled + to_start + to_end, sampled) if sampled else 1.0
    if per_second:
        factor /= range_ms // 1000 + range_ms % 1000 * 1_000_000 / 1e9
    return result * factor


def newest_two(samples, rate):
    if len(samples) < 2 or samples[-1][0] == samples[-2][0]:
        return None
    (t0, before), (t1, value) = samples[-2:]
    change = value if rate and value < before else value - before
    return change / ((t1 - t0) / 1000) if rate else change


def pairs(samples, counts):
    if not samples:
        return None
    return float(sum(counts(a[1], b[1]) for a, b in itertools.pairwise(samples)))


def total(values):
    running, lost = 0.0, 0.0
    for value in values:
        running, lost = kahan(value, running, lost)
    return running if math.isinf(running) else running + lost


def average(values):
    """Prometheus' average: a sum, until it would overflow, and then a running mean."""
    running, lost, mean, incremental = values[0], 0.0, 0.0, False
    count = 1
    for value in values[1:]:
        count += 1
        if not incremental:
            new, new_lost = kahan(value, running, lost)
            if not math.isinf(new):
                running, lost = new, new_lost
                continue
            incremental, mean, lost = True, running / (count - 1), lost / (count - 1)
        q = (count - 1) / count
        mean, lost = kahan(value / count, q * mean, q * lost)
    return mean + lost if incremental else running / count + lost / count


def variance(values):
    mean = mean_lost = squares = squares_lost = 0.0
    for count, value in enumerate(values, 1):
        delta = value - (mean + mean_lost)
        mean, mean_lost = kahan(delta / count, mean, mean_lost)
        squares, squares_lost = kahan(delta * (value - (mean + mean_lost)), squares, squares_lost)
    return (squares + squares_lost) / len(values)


def deviation(values):
    squared = variance(values)
    return math.sqrt(squared) if not squared < 0 else NAN


def extreme(samples, better):
    time, value = samples[0]
    for t, v in samples[1:]:
        if better(v, value) or math.isnan(value):
            time, value = t, v
    return time, value


def median_deviation(values):
    if any(map(math.isnan, values)):
        return NAN
    median = quantile(0.5, values)
    return quantile(0.5, [abs(value - median) for value in values])


def regression(samples, origin):
    """Slope and intercept of the least squares line."""
    sums = [(0.0, 0.0)] * 4
    for time, y in samples:
        x = (time - origin) / 1e3
        sums = [kahan(term, *each) for term, each in zip((x, y, x * y, x * x), sums, strict=True)]
    first = samples[0][1]
    if all(i == 0 or y == first for i, (_, y) in enumerate(samples)):
        return (NAN, NAN) if math.isinf(first) else (0.0, first)
    n = float(len(samples))
    sum_x, sum_y, sum_xy, sum_xx = (running + lost for running, lost in sums)
    slope = divide(sum_xy - sum_x * sum_y / n, sum_xx - sum_x * sum_x / n)
    return slope, sum_y / n - slope * sum_x / n


def smoothed(values, smoothing, trending):
    before, level, trend = 0.0, values[0], values[1] - values[0]
    for i, value in enumerate(values[1:]):
        scaled = smoothing * value
        if i:
            trend = trending * (level - before) + (1 - trending) * trend
        before, level = level, scaled + (1 - smoothing) * (level + trend)
    return level


def of_values(function):
    return lambda samples, *_: function([value for _, value in samples]) if samples else None


def of_two(function):
    return lambda samples, *rest: function(samples, rest[-1]) if len(samples) >= 2 else None


def predicted(samples, params):
    slope, intercept = regression(samples, round(params[1] * 1000))
    return slope * params[0] + intercept


# Each takes the samples of a window, its start and end, the range, and the parameters of the step.
FUNCTIONS = {
    "rate": lambda s, start, end, r, _: extrapolated(s, start, end, r, True, True),
    "increase": lambda s, start, end, r, _: extrapolated(s, start, end, r, True, False),
    "delta": lambda s, start, end, r, _: extrapolated(s, start, end, r, False, False),
    "irate": lambda s, *_: newest_two(s, True),
    "idelta": lambda s, *_: newest_two(s, False),
    "changes": lambda s, *_: pairs(s, lambda a, b: a != b and not (math.isnan(a) and math.isnan(b))),
    "resets": lambda s, *_: pairs(s, lambda a, b: b < a),
    "deriv": of_two(lambda s, _: regression(s, s[0][0])[0]),
    "predict_linear": of_two(predicted),
    "double_exponential_smoothing": of_two(lambda s, params: smoothed([v for _, v in s], *params)),
    "sum_over_time": of_values(total),
    "avg_over_time": of_values(average),
    "min_over_time": lambda s, *_: extreme(s, lambda v, best: v < best)[1] if s else None,
    "max_over_time": lambda s, *_: extreme(s, lambda v, best: v > best)[1] if s else None,
    "count_over_time": of_values(lambda values: float(len(values))),
    "present_over_time": of_values(lambda _: 1.0),
    "first_over_time": of_values(lambda values: values[0]),
    "last_over_time": of_values(lambda values: values[-1]),
    "stddev_over_time": of_values(deviation),
    "stdvar_over_time": of_values(variance),
    "mad_over_time": of_values(median_deviation),
    "quantile_over_time": lambda s, _a, _b, _r, params: quantile(params[0], [v for _, v in s]) if s else None,
    "ts_of_min_over_time": lambda s, *_: extreme(s, lambda v, best: v <= best)[0] / 1000 if s else None,
    "ts_of_max_over_time": lambda s, *_: extreme(s, lambda v, best: v >= best)[0] / 1000 if s else None,
    "ts_of_first_over_time": lambda s, *_: s[0][0] / 1000 if s else None,
    "ts_of_last_over_time": lambda s, *_: s[-1][0] / 1000 if s else None,
}


def window(function, series, times, range_ms, params=()):
    """The result of every series (a list of (time, value)) at every step; None where absent."""
    out = []
    for samples in series:
        row = []
        for i, time in enumerate(times):
            start = time - range_ms
            inside = [(t, v) for t, v in samples if start < t <= time and not is_stale(v)]
            row.append(FUNCTIONS[function](inside, start, time, range_ms, [each[i] for each in params]))
        out.append(row)
    return out


def instant(series, times, lookback_ms):
    """(time, value) of the sample that each series has at each step; None where it has none."""
    out = []
    for samples in series:
        row = []
        for time in times:
            seen = [sample for sample in samples if time - lookback_ms < sample[0] <= time]
            row.append(seen[-1] if seen and not is_stale(seen[-1][1]) else None)
        out.append(row)
    return out
