"""When a series changed its level."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import attrs

from obsflow.incident.evidence.records import Series

MIN_SAMPLES: Final = 3


@attrs.frozen
class ChangePoint:
    """A series that has one level before `time`, the first sample after the change (ms), and another from there on.

    `explained` is the part of the variance that the two levels account for, 0 to 1.
    """

    time: int
    before: float
    after: float
    explained: float


def find_change_point(series: Series, *, min_samples: int = MIN_SAMPLES) -> ChangePoint | None:
    """The one change of level that fits best, if two levels fit better than one; else None.

    Of all splits with at least `min_samples` finite values on each side it is the one that leaves the least sum of
    squares around the two means (the earliest of equals). It counts if n·ln(SS₁/SS₂) > 3·ln n, with SS₁ and SS₂ the
    sums of squares around one mean and two. The left side is twice what the log-likelihood of normal errors gains. Yao
    ("Estimating the number of change-points via Schwarz' criterion", 1988) asks 2·ln n of it, Zhang and Siegmund ("A
    modified Bayes information criterion", Biometrics 2007) 3·ln n + Σ ln(nᵢ/n) with n₁ and n₂ samples on the sides,
    which for two or more is no less than the former; without that sum, which is at most -2·ln 2, this is the
    strictest. All sums are exact. ValueError if `min_samples` < 1.
    """
    if min_samples < 1:
        raise ValueError("a level needs at least one sample")
    known = [(t, v) for t, v in zip(series.times, series.values, strict=True) if math.isfinite(v)]
    n = len(known)
    if n < 2 * min_samples:
        return None
    exact = [Fraction(value) for _, value in known]
    total = sum(exact, Fraction())
    around_one = sum((value * value for value in exact), Fraction()) - total * total / n
    split, gained, left = _best_split(exact, total, min_samples)
    if gained == 0 or not _fits_better(n, around_one, around_one - gained):
        return None
    return ChangePoint(
        time=known[split][0],
        before=float(left / split),
        after=float((total - left) / (n - split)),
        explained=float(gained / around_one),
    )


def _best_split(values: Sequence[Fraction], total: Fraction, min_samples: int) -> tuple[int, Fraction, Fraction]:
    """How many values are before the change, what the sum of squares loses by it, and the sum of those values."""
    n = len(values)
    best, gained, of_best = min_samples, Fraction(-1), Fraction()
    left = Fraction()
    for split in range(1, n - min_samples + 1):
        left += values[split - 1]
        if split >= min_samples:
            off = left * n - total * split
            gain = off * off / (n * split * (n - split))
            if gain > gained:
                best, gained, of_best = split, gain, left
    return best, gained, of_best


def _fits_better(n: int, around_one: Fraction, around_two: Fraction) -> bool:
    """Whether two levels are worth their parameters."""
    if around_two == 0:
        return True
    ratio = around_one / around_two
    logarithm = math.log(ratio.numerator) - math.log(ratio.denominator)  # integers of any size
    return n * logarithm > 3 * math.log(n)
