"""Which labels explain that a metric changed."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, TypeVar

import attrs

from obsflow.incident.evidence.records import Series, Window
from obsflow.model.labels import EMPTY, METRIC_NAME, Labels

Pair = tuple[str, str]

MIN_EXCESS: Final = 0.1


@attrs.frozen
class LabelShare:
    """How much of a change the series with a label account for.

    `before` and `during` are the sums of their means, `share` their part of the change, `expected_share` their part of
    the whole before: the share they had if every series had changed in proportion. `series` of `of_series` have the
    label; `also` are labels that the very same series have; `common` is what their labels have in common. `coherence`
    is the change of the whole against all that the series moved, Σ (d - b) / Σ |d - b|: 1 where none moved the other
    way, near 0 where they only fluctuate, so that shares mean little. `magnitude` is that change against the greater of
    the sums of all series before and during.
    """

    pair: Pair
    also: tuple[Pair, ...]
    common: Labels
    series: int
    of_series: int
    before: float
    during: float
    share: float
    expected_share: float
    coherence: float
    magnitude: float

    @property
    def excess(self) -> float:
        """How much of what it could explain beyond proportion the label does explain; labels are ranked by it.

        (share - expected) / (1 - expected), the form of Cohen's kappa, 1960: 0 where every series changed in
        proportion, 1 where those with the label account for all of the change, however great a part they had before.
        Where they had everything before, it is what the share has above 1.
        """
        return _excess(self.share, self.expected_share)

    @property
    def severity(self) -> float:
        """The change of the series with the label against the greater of their sums before and during, 0 to 1."""
        greater = max(abs(self.before), abs(self.during))
        return min(1.0, abs(self.during - self.before) / greater) if greater and math.isfinite(greater) else 0.0


def explain_change(
    series: Sequence[Series], before: Window, during: Window, *, min_excess: float = MIN_EXCESS
) -> tuple[LabelShare, ...]:
    """The labels by what they explain of a change between two windows, the most first.

    Every series counts with the mean of its finite values in each window, 0 where it has none; the values are meant to
    be added up, as rates and counts are. With b and d the means before and during, and S the series that have a label:
    share = Σ_S (d - b) / Σ (d - b), the explanatory power of Bhagwan et al., "Adtributor: Revenue Debugging in
    Advertising Systems", NSDI 2014, with the baseline in place of their forecast; expected share = Σ_S b / Σ b, or
    where Σ b is 0 the part of the series that S are: their prior probability. A label that all series have explains
    nothing beyond proportion. A share is above 1 where other series changed the other way. Sums are exact, so their
    order does not matter. Ranked by excess, then by share less expected share, which is more for the label that is more
    specific, then share, then fewer series, then the label; what is below `min_excess` is left out. Nothing is left
    where nothing changed.
    """
    means = [(_mean(each, before), _mean(each, during)) for each in series]
    whole = _Sums.of(means, range(len(means)))
    if whole.change == 0:
        return ()
    moved = sum((abs(Fraction(after) - Fraction(at_first)) for at_first, after in means), Fraction())
    magnitude = abs(whole.change) / max(abs(whole.before), abs(whole.before + whole.change))
    shares = []
    for members, pairs in _by_members(series).items():
        part = _Sums.of(means, members)
        expected = part.before / whole.before if whole.before else Fraction(len(members), len(series))
        share = part.change / whole.change
        if share <= expected or _excess(share, expected) < min_excess:
            continue
        pair, *also = sorted(pairs)
        labels = [series[member].labels for member in members]
        shares.append(
            LabelShare(
                pair=pair,
                also=tuple(also),
                common=common_labels(labels),
                series=len(members),
                of_series=len(series),
                before=_as_float(part.before),
                during=_as_float(part.before + part.change),
                share=_as_float(share),
                expected_share=_as_float(expected),
                magnitude=_as_float(magnitude),
                coherence=abs(_as_float(whole.change / moved)),
            )
        )
    return tuple(sorted(shares, key=_rank))


def _rank(share: LabelShare) -> tuple[object, ...]:
    return (-share.excess, share.expected_share - share.share, -share.share, share.series, share.pair)


Number = TypeVar("Number", float, Fraction)


def _excess(share: Number, expected: Number) -> Number:
    return (share - expected) / (1 - expected) if expected < 1 else share - expected


def common_labels(labels: Sequence[Labels]) -> Labels:
    """What all of some label sets have in common."""
    return Labels(frozenset(labels[0].pairs).intersection(*(other.pairs for other in labels[1:]))) if labels else EMPTY


@attrs.frozen
class _Sums:
    """Sums over some series: their means before, and by how much they changed."""

    before: Fraction
    change: Fraction

    @classmethod
    def of(cls, means: list[tuple[float, float]], members: Sequence[int]) -> "_Sums":
        before = sum((Fraction(means[member][0]) for member in members), Fraction())
        during = sum((Fraction(means[member][1]) for member in members), Fraction())
        return cls(before, during - before)


def _by_members(series: Sequence[Series]) -> dict[tuple[int, ...], list[Pair]]:
    """Which series have which label; labels of the same series are together."""
    members: dict[Pair, list[int]] = {}
    for index, each in enumerate(series):
        for pair in each.labels.pairs:
            if pair[0] != METRIC_NAME:
                members.setdefault(pair, []).append(index)
    together: dict[tuple[int, ...], list[Pair]] = {}
    for pair, indices in members.items():
        together.setdefault(tuple(indices), []).append(pair)
    return together


def _mean(series: Series, window: Window) -> float:
    """The mean of the finite values in a window, or 0."""
    pairs = zip(series.times, series.values, strict=True)
    values = [value for time, value in pairs if window.start <= time < window.end and math.isfinite(value)]
    if not values:
        return 0.0
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def _as_float(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
