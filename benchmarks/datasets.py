"""The data sets that PromQL is measured on, as blocks on disk, and the queries over each.

D1 is that of Prometheus' own benchmark of range queries. D2 is a fleet of instances with counters, histograms and
gauges, whose counters restart and whose scrapes fail now and then. A restart takes less than a scrape interval, for
2.42 extrapolates a counter that appears close to zero further back than 3.x does.
"""

import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator

import attrs
import numpy as np
import numpy.typing as npt

from benchmarks.blocks import Series, write_block
from obsflow.model.floats import STALE_NAN

VERSION = 1
"""Part of the folder's name: data that change get another."""

D1_INTERVAL_MS, D1_SAMPLES = 10_000, 8640 + 10_000
D2_INTERVAL_MS, D2_SAMPLES, D2_STEPS = 15_000, 960, 721
INSTANCES = 100
SCALES = {"one": 1, "ten": 10, "hundred": 100}
ENDPOINTS = tuple(
    f"/api/{name}" for name in ("pay", "cart", "user", "item", "find", "list", "news", "chat", "save", "sync")
)
STATUSES = {"200": 0.95, "404": 0.03, "500": 0.02}
BOUNDS = {"0.1": 0.5, "0.25": 0.25, "0.5": 0.12, "1": 0.08, "2.5": 0.04, "+Inf": 0.01}
ZONES = ("a", "b", "c")


@attrs.frozen
class Case:
    """A query over `steps` steps."""

    query: str
    steps: int

    @property
    def selects_hundred(self) -> bool:
        """Whether it is about a hundred series of D1, not a thousand."""
        return "a_hundred" in self.query

    @property
    def is_slow(self) -> bool:
        """Whether it looks over a day at each of many steps, which 2.42 does anew for each."""
        return "[1d]" in self.query and "hundred" in self.query and self.steps > 1


@attrs.frozen(eq=False)
class DataSet:
    """A block, and what is asked of it: ranges that end at `end`.

    Samples never lie on a step that is `check_shift` later, nor on the start of its windows: there, 2.42 and 3.x mean
    the same samples.
    """

    name: str
    title: str
    ulid: str
    series: Callable[[], Iterator[Series]]
    end: int
    step: int
    check_shift: int
    cases: tuple[Case, ...]

    def directory(self, root: pathlib.Path) -> pathlib.Path:
        """Where the block is, written now if it is not."""
        directory = root / f"{self.name}-v{VERSION}"
        if not directory.exists():
            building = directory.with_name(f"{directory.name}.{os.getpid()}")
            try:
                write_block(building, self.ulid, self.series())
                building.rename(directory)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        return directory


def default_root() -> pathlib.Path:
    return pathlib.Path(os.environ.get("OBSFLOW_BENCHMARK_DATA") or f"{tempfile.gettempdir()}/obsflow-benchmarks")


def _pairs(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _d1_labels() -> list[tuple[tuple[str, str], ...]]:
    """The label sets in the order in which their values ascend."""
    out = []
    for scale, count in SCALES.items():
        for i in range(count):
            own = {"l": str(i)} if count > 1 else {}
            out += [_pairs(__name__=f"{name}_{scale}", **own) for name in "ab"]
            out += [_pairs(__name__=f"h_{scale}", le=le, **own) for le in (*map(str, range(10)), "+Inf")]
    return out


def d1_series() -> Iterator[Series]:
    """Every value is the number of the step, and a fraction for the series; `sparse` has 372 samples of each label."""
    steps = np.arange(D1_SAMPLES, dtype=np.int64)
    labels = _d1_labels()
    rows = {each: i / len(labels) for i, each in enumerate(labels)}
    part = D1_SAMPLES // 50
    parts = {_pairs(__name__="sparse", l=str(i)): i for i in range(-(-D1_SAMPLES // part))}
    for each in sorted((*rows, *parts)):
        own = steps if each in rows else steps[part * parts[each] : part * (parts[each] + 1)]
        values = own + rows[each] if each in rows else own / D1_SAMPLES
        yield Series(each, own * D1_INTERVAL_MS, values.astype(np.float64))


# One template a line; a number before it names its steps, where they are not 1 and 1,000.
_D1_TEMPLATES = """
1 1000 10000: rate(a_X[1m])
10000: rate(sparse[1m])
double_exponential_smoothing(a_X[1d], 0.3, 0.3)
changes(a_X[1d])
rate(a_X[1d])
absent_over_time(a_X[1d])
a_X
-a_X
1 1000 10000: a_X - b_X
a_X and b_X{l=~'.*[0-4]$'}
a_X or b_X{l=~'.*[0-4]$'}
a_X unless b_X{l=~'.*[0-4]$'}
a_X and b_X{l='notfound'}
abs(a_X)
label_replace(a_X, 'l2', '$1', 'l', '(.*)')
label_join(a_X, 'l2', '-', 'l', 'l')
sum(a_X)
avg(a_X)
sum without (l)(h_X)
sum without (le)(h_X)
sum by (l)(h_X)
sum by (le)(h_X)
100: count_values('value', h_X)
topk(1, a_X)
topk(5, a_X)
rate(a_X[1m]) + rate(b_X[1m])
sum without (l)(rate(a_X[1m]))
sum without (l)(rate(a_X[1m])) / sum without (l)(rate(b_X[1m]))
histogram_quantile(0.9, rate(h_X[5m]))
a_X + on(l) group_right a_one
1: count({__name__!=""})
1: count({__name__!="",l=""})
timestamp(a_X)
"""


def _d1_cases() -> Iterator[Case]:
    for line in _D1_TEMPLATES.strip().splitlines():
        steps, colon, query = line.partition(": ")
        if not colon or not steps.replace(" ", "").isdigit():
            steps, query = "1 1000", line
        for scale in ("one", "hundred") if "_X" in query else ("",):
            for count in steps.split():
                yield Case(query.replace("_X", f"_{scale}"), int(count))


_D2_EPOCH = 1_700_000_040_000  # a whole minute
_RATE = "rate(http_requests_total[5m])"
_BUCKETS = "rate(http_request_duration_seconds_bucket[5m])"
_ERRORS = 'rate(http_requests_total{status="500"}[5m])'
_GAUGE = "http_queue_seconds"
_D2_QUERIES = (
    _RATE,
    f"sum by (instance) ({_RATE})",
    f"sum by (instance) ({_ERRORS}) / sum by (instance) ({_RATE}) > 0.05",
    f"histogram_quantile(0.95, sum by (le, endpoint) ({_BUCKETS}))",
    f"histogram_quantile(0.95, {_BUCKETS})",
    f"avg_over_time({_GAUGE}[10m])",
    f"max by (zone) ({_GAUGE})",
    "http_requests_total",
    f"topk(5, {_RATE})",
    f"quantile_over_time(0.9, {_GAUGE}[10m])",
    f"stddev_over_time({_GAUGE}[10m])",
    f"max_over_time({_GAUGE}[1h])",
    f"deriv({_GAUGE}[10m])",
    f"predict_linear({_GAUGE}[30m], 3600)",
    "increase(http_requests_total[1h])",
    "irate(http_requests_total[2m])",
    f"count by (zone) ({_GAUGE} > 1)",
    f'http_requests_total{{status="200"}} and on (instance, endpoint) {_GAUGE} > 1',
    f'http_requests_total{{status="200"}} unless on (instance, endpoint) {_GAUGE} > 1',
    f"{_RATE} * on (instance, endpoint) group_left {_GAUGE}",
    f'{_ERRORS} / ignoring (status) rate(http_requests_total{{status="200"}}[5m])',
    f'label_replace({_RATE}, "host", "$1", "instance", "(.*):.*")',
    f"sum without (instance) ({_RATE})",
    f"{_RATE} - rate(http_requests_total[5m] offset 30m)",
    'max_over_time(rate(http_requests_total{status="500"}[5m])[30m:1m])',
    'absent(http_requests_total{status="418"})',
    f"quantile by (zone) (0.9, {_GAUGE})",
)


def d2_series() -> Iterator[Series]:
    """10,000 series; no sample is taken at a whole second."""
    rng = np.random.default_rng(7)
    made: list[Series] = []
    for i in range(INSTANCES):
        made += _instance(i, rng)
    yield from sorted(made, key=lambda each: each.labels)


def _instance(i: int, rng: np.random.Generator) -> Iterator[Series]:
    common = {"instance": f"host-{i:03}:9090", "zone": ZONES[i % len(ZONES)]}
    phase = 1000 * int(rng.integers(0, D2_INTERVAL_MS // 1000)) + int(rng.integers(150, 850))
    late = np.where(rng.random(D2_SAMPLES) < 0.1, rng.integers(-100, 101, D2_SAMPLES), 0)
    times = _D2_EPOCH + phase + D2_INTERVAL_MS * np.arange(D2_SAMPLES, dtype=np.int64) + late
    restart = int(rng.integers(D2_SAMPLES // 4, D2_SAMPLES)) if i % 2 else None
    lost, stale = np.zeros(D2_SAMPLES, bool), np.zeros(D2_SAMPLES, bool)
    for first in rng.integers(0, D2_SAMPLES - 60, 2 if i % 5 == 0 else 0).tolist():
        lost[first : first + int(rng.integers(2, 50))] = True
        stale[first] = True  # what a scrape that fails leaves behind
    if restart is not None and lost[restart - 1 : restart + 2].any():
        restart = None
    kept = ~lost | stale

    def series(name: str, values: npt.NDArray[np.float64], **own: str) -> Series:
        labels = _pairs(__name__=name, **common, **own)
        return Series(labels, times[kept], np.where(stale, STALE_NAN, values)[kept])

    for endpoint in ENDPOINTS:
        load = float(rng.lognormal(3.0, 1.0))
        hours = np.arange(D2_SAMPLES) * D2_INTERVAL_MS / 3_600_000
        busy = load * (1.2 + np.sin(hours + i))
        failing = 8.0 if i % 10 == 3 else 1.0
        for status, share in STATUSES.items():
            counts = rng.poisson(busy * share * (failing if status == "500" else 1.0))
            yield series("http_requests_total", _counter(counts, restart), endpoint=endpoint, status=status)
        below = np.cumsum([rng.poisson(busy * share) for share in BOUNDS.values()], axis=0)
        for bound, counts in zip(BOUNDS, below, strict=True):
            total = _counter(counts, restart)
            yield series("http_request_duration_seconds_bucket", total, endpoint=endpoint, le=bound)
        waits = rng.gamma(2.0, 0.2 * (1.5 + np.sin(hours)), D2_SAMPLES)
        yield series(_GAUGE, np.round(waits, 3), endpoint=endpoint)


def _counter(counts: npt.NDArray[np.int64], restart: int | None) -> npt.NDArray[np.float64]:
    """The sum of what was counted at each scrape, from zero again where the process was restarted."""
    total: npt.NDArray[np.float64] = np.cumsum(counts).astype(np.float64) + 50_000 * counts[0]
    if restart is not None:
        total[restart:] = np.cumsum(counts[restart:])
    return total


D1 = DataSet(
    name="D1",
    title="D1: 1,494 series, up to 18,640 samples at 10 s, steps at 10 s",
    ulid="01HA0000000000000000000001",
    series=d1_series,
    end=(D1_SAMPLES - 1) * D1_INTERVAL_MS,
    step=D1_INTERVAL_MS,
    check_shift=D1_INTERVAL_MS // 2,
    cases=tuple(_d1_cases()),
)
D2 = DataSet(
    name="D2",
    title="D2: 10,000 series, 960 samples at 15 s, steps at 15 s",
    ulid="01HA0000000000000000000002",
    series=d2_series,
    # Seven seconds past, so that no step of a subquery, which is a whole minute, is where its window starts.
    end=_D2_EPOCH + (D2_SAMPLES - 1) * D2_INTERVAL_MS + 7_000,
    step=D2_INTERVAL_MS,
    check_shift=0,
    cases=tuple(Case(query, D2_STEPS) for query in _D2_QUERIES),
)
DATA_SETS = (D1, D2)
