"""histogram_quantile of one classic histogram at one step."""

import math

from tests.oracles.window import INF, NAN, divide

SMALLEST_NORMAL = 2.0**-1022
LARGEST = 1.7976931348623157e308


def almost_equal(a, b):
    if math.isnan(a) and math.isnan(b):
        return True
    size, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or size < SMALLEST_NORMAL:
        return difference < 1e-12 * SMALLEST_NORMAL
    return difference / min(LARGEST, size) < 1e-12


def merge(buckets):
    """Buckets of one bound become one."""
    merged = []
    for bound, count in buckets:
        if merged and merged[-1][0] == bound:
            merged[-1] = (bound, merged[-1][1] + count)
        else:
            merged.append((bound, count))
    return merged


def raise_falling(counts):
    """Counts that never fall, and whether that took more than rounding explains."""
    out, before, forced = [counts[0]], counts[0], False
    for count in counts[1:]:
        if count == before:
            out.append(count)
        elif almost_equal(before, count):
            out.append(before)
        elif count < before:
            out.append(before)
            forced = True
        else:
            out.append(count)
            before = count
    return out, forced


def search(n, reaches):
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if reaches(middle):
            high = middle
        else:
            low = middle + 1
    return low


def quantile(q, buckets):
    """(value, forced) of ascending (bound, count)."""
    if math.isnan(q):
        return NAN, False
    if q < 0:
        return -INF, False
    if q > 1:
        return INF, False
    if buckets[-1][0] != INF:
        return NAN, False
    buckets = merge(buckets)
    bounds = [bound for bound, _ in buckets]
    counts, forced = raise_falling([count for _, count in buckets])
    if len(counts) < 2 or counts[-1] == 0:
        return NAN, forced
    rank = q * counts[-1]
    at = search(len(counts) - 1, lambda i: counts[i] >= rank)
    if at == len(counts) - 1:
        return bounds[-2], forced
    if at == 0 and bounds[0] <= 0:
        return bounds[0], forced
    start = bounds[at - 1] if at else 0.0
    below = counts[at - 1] if at else None
    count = counts[at] if below is None else counts[at] - below
    rank = rank if below is None else rank - below
    return start + (bounds[at] - start) * divide(rank, count), forced
