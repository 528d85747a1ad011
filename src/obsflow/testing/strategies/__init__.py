"""Hypothesis strategies: properties of alerting rules, over all plausible series.

    from obsflow.testing import strategies as obs

    @given(obs.series_for(RULE_EXPRESSION))
    def test_it(series):
        engine = obsflow.Engine(obs.store(series))

They need Hypothesis, which nothing else in obsflow does: `pip install obsflow[hypothesis]`. Times are ms; strategies
draw from Hypothesis alone, and shrink to few, short, flat series and plain selectors.
"""

from obsflow.testing.strategies.alerts import (
    ALERT_LABELS,
    AlertHistory,
    AlertStream,
    HistoryEvaluator,
    alert_histories,
    alert_streams,
    silences,
)
from obsflow.testing.strategies.expressions import expressions, queries
from obsflow.testing.strategies.label_sets import (
    LABELS,
    METRICS,
    label_names,
    label_sets,
    label_values,
    matchers,
    metric_names,
)
from obsflow.testing.strategies.patterns import texts_matching
from obsflow.testing.strategies.rules import rule_files, rule_groups, rule_texts
from obsflow.testing.strategies.selected import series_for
from obsflow.testing.strategies.series import STALE, Series, is_stale_marker, render_load, series, store
from obsflow.testing.strategies.signals import (
    BOUNDS,
    TIMES,
    counters,
    counts,
    family,
    gauges,
    histograms,
    interrupted,
    jittered,
    scrape_times,
)

__all__ = [
    "ALERT_LABELS",
    "BOUNDS",
    "LABELS",
    "METRICS",
    "STALE",
    "TIMES",
    "AlertHistory",
    "AlertStream",
    "HistoryEvaluator",
    "Series",
    "alert_histories",
    "alert_streams",
    "counters",
    "counts",
    "expressions",
    "family",
    "gauges",
    "histograms",
    "interrupted",
    "is_stale_marker",
    "jittered",
    "label_names",
    "label_sets",
    "label_values",
    "matchers",
    "metric_names",
    "queries",
    "render_load",
    "rule_files",
    "rule_groups",
    "rule_texts",
    "scrape_times",
    "series",
    "series_for",
    "silences",
    "store",
    "texts_matching",
]
