"""Whether something is more frequent than it was, or only happens to be."""

import math
from typing import Final

ONE_IN_A_THOUSAND: Final = 10.828  # what the chi-squared of one degree of freedom exceeds so often
ONE_IN_A_HUNDRED: Final = 6.635


def likelihood_ratio(counts: tuple[int, int], exposures: tuple[int, int]) -> float:
    """G² of two Poisson rates against one.

    With k₀ and k₁ events in exposures d₀ and d₁ (ms, or traces), one rate for both expects eᵢ = (k₀ + k₁)·dᵢ/(d₀ + d₁),
    and G² = 2·Σ kᵢ·ln(kᵢ/eᵢ): twice the difference of the log-likelihoods Σ kᵢ·ln λᵢ - λᵢ at λᵢ = kᵢ and at λᵢ = eᵢ,
    whose Σ λᵢ are the same. By Wilks' theorem it tends to the chi-squared of one degree of freedom. Rayson and Garside,
    "Comparing Corpora using Frequency Profiling", 2000, compare counts so, after Dunning, "Accurate Methods for the
    Statistics of Surprise and Coincidence", 1993, who says why: it holds for rare events, as Pearson's does not.
    """
    rate = sum(counts) / sum(exposures)
    parts = (k * math.log(k / (rate * d)) for k, d in zip(counts, exposures, strict=True) if k)
    return max(0.0, 2 * math.fsum(parts))


def rose(counts: tuple[int, int], exposures: tuple[int, int]) -> bool:
    """Whether the second rate is above the first."""
    return counts[1] * exposures[0] > counts[0] * exposures[1]
