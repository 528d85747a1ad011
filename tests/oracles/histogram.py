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


def join(extents):
    """One extent for all: (least bound, greatest bound, greatest difference)."""
    low, high, difference = INF, -INF, 0.0
    for extent in extents:
        if extent is not None:
            low, high, difference = min(low, extent[0]), max(high, extent[1]), max(difference, extent[2])
    return low, high, difference


def raise_falling(bounds, counts):
    """Counts that never fall, and the extent of what that took beyond rounding, or None."""
    out, before, forced = [counts[0]], counts[0], None
    for bound, count in zip(bounds[1:], counts[1:], strict=True):
        if count == before:
            out.append(count)
        elif almost_equal(before, count):
            out.append(before)
        elif count < before:
            out.append(before)
            forced = join((forced, (bound, bound, before - count)))
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
    """(value, extent of what was forced, or None) of ascending (bound, count)."""
    if math.isnan(q):
        return NAN, None
    if q < 0:
        return -INF, None
    if q > 1:
        return INF, None
    if buckets[-1][0] != INF:
        return NAN, None
    buckets = merge(buckets)
    bounds = [bound for bound, _ in buckets]
    counts, forced = raise_falling(bounds, [count for _, count in buckets])
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
