"""Where series come from: the labels that most of them have, and those that come and go with them."""

from collections.abc import Iterable, Sequence

import attrs
import numpy as np

from obsflow.model.labels import METRIC_NAME
from obsflow.tsdb.encoding import IntArray, offsets_of
from obsflow.tsdb.series import SeriesTable

Ranking = Sequence[tuple[int, str]]
"""Figures and whose they are, the greatest first; of equal ones in the order of their names."""


@attrs.frozen
class Analysis:
    """What `promtool tsdb analyze` tells of a block, with the same figures.

    `churning_pairs` and `churning_names` count series as far as they do not span the whole time: two that last for
    half of it are one. `longest_names` adds up the bytes of a label's distinct values, `widest_names` their number.
    """

    series: int
    label_names: int
    label_pairs: int
    entries: int
    churning_pairs: Ranking
    churning_names: Ranking
    common_pairs: Ranking
    longest_names: Ranking
    widest_names: Ranking
    common_metrics: Ranking


def analyze(series: SeriesTable, first: IntArray, last: IntArray, span: int, limit: int) -> Analysis:
    """Count labels over series that have samples from `first` to `last` (int64 `[series]` ms), within `span` ms.

    Each ranking is cut off after `limit`.
    """
    symbols = series.symbols
    counts = np.diff(series.offsets)
    keys = series.names.astype(np.int64) << 32 | series.values
    distinct, at, uses = np.unique(keys, return_inverse=True, return_counts=True)
    uncovered = np.repeat(span - (last - first), counts)
    pair_names = distinct >> 32
    names, name_at = np.unique(pair_names, return_index=True)
    bounds = np.append(name_at, len(distinct))
    churn = _sum_by(at, uncovered, len(distinct))
    pairs = [f"{symbols[i >> 32]}={symbols[i & 0xFFFFFFFF]}" for i in distinct.tolist()]
    of_names = [symbols[i] for i in names.tolist()]
    sizes = [len(symbols[i & 0xFFFFFFFF].encode("utf-8", "surrogateescape")) for i in distinct.tolist()]
    metrics = pair_names == symbols.find(METRIC_NAME)
    of_metrics = [symbols[i & 0xFFFFFFFF] for i in distinct[metrics].tolist()]
    name_churn = np.diff(offsets_of(churn)[bounds])
    return Analysis(
        series=len(series),
        label_names=len(names),
        label_pairs=len(distinct),
        entries=len(keys),
        churning_pairs=_rank(_share(churn, span), pairs, limit),
        churning_names=_rank(_share(name_churn, span), of_names, limit),
        common_pairs=_rank(uses.tolist(), pairs, limit),
        longest_names=_rank(np.diff(offsets_of(np.array(sizes, np.int64))[bounds]).tolist(), of_names, limit),
        widest_names=_rank(np.diff(bounds).tolist(), of_names, limit),
        common_metrics=_rank(uses[metrics].tolist(), of_metrics, limit),
    )


def _sum_by(groups: IntArray, amounts: IntArray, count: int) -> IntArray:
    """Exact sums, which floats are too short for."""
    sums = np.zeros(count, np.int64)
    np.add.at(sums, groups, amounts)
    return sums


def _share(sums: IntArray, span: int) -> list[int]:
    """How many times the whole span fits into each sum, as far as a float tells."""
    return [int(float(each) / float(span)) if span else 0 for each in sums.tolist()]


def _rank(figures: Sequence[int], texts: Iterable[str], limit: int) -> Ranking:
    return sorted(zip(figures, texts, strict=True), key=lambda each: (-each[0], each[1]))[:limit]
