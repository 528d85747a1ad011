"""Queries over a fleet of instances, from text to answer, with every chunk decoded anew."""

from collections.abc import Sequence

import attrs
import numpy as np

from benchmarks import Table, data, median_ns
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, all_match
from obsflow.model.storage import Selection
from obsflow.query.engine import Engine

INSTANCES, SAMPLES, STEPS, STEP_MS = 100, 960, 721, data.INTERVAL_MS
BOUNDS = ("0.1", "0.25", "0.5", "1", "2.5", "+Inf")
ENDPOINTS = tuple(
    f"/api/{name}" for name in ("pay", "cart", "user", "item", "find", "list", "news", "chat", "save", "sync")
)
STATUSES = ("200", "404", "500")
ZONES = ("a", "b", "c")

RATE = "rate(http_requests_total[5m])"
BUCKET_RATE = "rate(http_request_duration_seconds_bucket[5m])"
RANGES = {
    "selector": "http_requests_total",
    "rate": RATE,
    "sum by (instance) of it": f"sum by (instance) ({RATE})",
    "error ratio above 5 %": (
        f'sum by (instance) (rate(http_requests_total{{status="500"}}[5m])) / sum by (instance) ({RATE}) > 0.05'
    ),
    "histogram_quantile by (le, endpoint)": f"histogram_quantile(0.95, sum by (le, endpoint) ({BUCKET_RATE}))",
    "histogram_quantile per series": f"histogram_quantile(0.95, {BUCKET_RATE})",
    "avg_over_time": "avg_over_time(gauge[10m])",
    "max by (zone)": "max by (zone) (gauge)",
    "topk": f"topk(5, {RATE})",
}
ONE_STEP = {
    "selector": 'http_requests_total{status="200",endpoint="/api/pay"}',
    "rate": 'rate(http_requests_total{status="200",endpoint="/api/pay"}[5m])',
    "sum by (zone) of it": 'sum by (zone) (rate(http_requests_total{status="200",endpoint="/api/pay"}[5m]))',
    "comparison": 'http_requests_total{status="200",endpoint="/api/pay"} > 100',
    "error ratio above 5 %": (
        'rate(http_requests_total{status="500",endpoint="/api/pay"}[5m])'
        ' / ignoring(status) rate(http_requests_total{status="200",endpoint="/api/pay"}[5m]) > 0.05'
    ),
}


@attrs.frozen(eq=False)
class Fleet:
    """The chunks of many metrics in memory. A selection is remembered, so that finding series costs nothing here."""

    symbols: Symbols
    metrics: dict[str, Selection]
    known: dict[tuple[Matcher, ...], Selection] = attrs.field(factory=dict)

    def select(self, matchers: Sequence[Matcher], _start: int, _end: int) -> Selection:
        """All chunks of the series that match."""
        key = tuple(matchers)
        if key not in self.known:
            whole = self.metrics[next(matcher.value for matcher in key if matcher.name == "__name__")]
            rows = [row for row, labels in enumerate(whole.labels.decode()) if all_match(key, labels)]
            self.known[key] = whole.take(np.array(rows, np.intp))
        return self.known[key]


def fleet() -> Fleet:
    """100 instances with 30 counters, 60 buckets and 10 gauges each; counters reset, and some scrapes are missing."""
    symbols = Symbols()
    kinds = {
        "http_requests_total": [(("endpoint", e), ("status", s)) for e in ENDPOINTS for s in STATUSES],
        "http_request_duration_seconds_bucket": [(("endpoint", e), ("le", b)) for e in ENDPOINTS for b in BOUNDS],
        "gauge": [(("shard", str(i)),) for i in range(10)],
    }
    rng = np.random.default_rng(5)
    metrics = {}
    for name, variants in kinds.items():
        labels = [
            Labels({"__name__": name, "instance": f"host-{i:03}:9090", "zone": ZONES[i % 3], **dict(variant)})
            for i in range(INSTANCES)
            for variant in variants
        ]
        shape = (len(labels), SAMPLES)
        if name == "gauge":
            values = rng.integers(0, 10_000, shape) / 100
        else:
            values = np.cumsum(rng.poisson(20, shape), axis=1).astype(np.float64)
            restart = SAMPLES // 3 + np.arange(len(labels)) // len(variants)  # another time for each instance
            values -= np.where(
                np.arange(SAMPLES) >= restart[:, np.newaxis], values[np.arange(len(labels)), restart, np.newaxis], 0
            )
            if name.endswith("_bucket"):
                values = np.cumsum(values.reshape(-1, len(BOUNDS), SAMPLES), axis=1).reshape(shape)
        times = data.regular_times(len(labels), SAMPLES) + np.repeat(rng.integers(0, STEP_MS, len(labels)), SAMPLES)
        samples = data.Samples(times, values.ravel(), *shape)
        metrics[name] = Selection(LabelColumns.from_labels(symbols, labels), data.chunked(samples))
    return Fleet(symbols, metrics)


def run(rounds: int) -> list[Table]:
    """Ranges and single steps."""
    store = fleet()
    asked = Engine(store)
    end = int(data.regular_times(1, SAMPLES)[-1])
    start = end - (STEPS - 1) * STEP_MS
    ranges, steps = [], []
    for name, query in RANGES.items():
        result = asked.query_range(query, start, end, STEP_MS).value
        ns = median_ns(lambda query=query: asked.query_range(query, start, end, STEP_MS), rounds)
        ranges.append((name, f"`{query}`", f"{len(result.labels):,}", f"{ns / 1e6:.1f}"))
    for name, query in ONE_STEP.items():
        size = len(asked.query(query, end).vector())
        ns = median_ns(lambda query=query: asked.query(query, end), rounds, 100)
        steps.append((name, f"`{query}`", f"{size:,}", f"{ns / 1e6:.3f}"))
    columns = ("what", "query", "series", "ms")
    counts = ", ".join(f"{len(selection):,} {name}" for name, selection in store.metrics.items())
    return [
        Table(f"{counts} x {SAMPLES} samples at 15 s, {STEPS} steps at 15 s", columns, tuple(ranges)),
        Table("One step over 100 series", columns, tuple(steps)),
    ]
