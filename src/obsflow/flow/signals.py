"""What a store has that tells how services are: availability, traffic, errors, latency, resources, restarts.

Found by the names that client libraries, OpenTelemetry, cAdvisor and kube-state-metrics give them, and by what alerting
rules read.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs
import numpy as np

from obsflow.incident.evidence import COMPONENT_LABELS, Deploy, Series, Worse, component_in
from obsflow.model.durations import MINUTE_MS, SECOND_MS, render_duration
from obsflow.model.frames import LabelColumns
from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import Queryable
from obsflow.promql import render
from obsflow.promql.ast import Expr, MatrixSelector, VectorSelector
from obsflow.promql.inspect import walk
from obsflow.query.engine import Engine

MAX_STEPS: Final = 240
_LEAST_SAMPLES: Final = 4  # in the window of a rate, so that one scrape may be lost

_OWN: Final = ("prometheus_", "promhttp_", "alertmanager_", "net_conntrack_", "go_")  # of the monitoring itself
_MONITORS: Final = ("prometheus_build_info", "alertmanager_build_info", "node_exporter_build_info")
_REQUESTS: Final = ("requests_total", "request_total", "_handled_total")
_FAILURES: Final = ("_errors_total", "_failures_total", "_failed_total", "_exceptions_total", "_oom_events_total")
_TIMES: Final = ("_seconds_sum", "_milliseconds_sum")
_OF_REQUESTS: Final = ("request", "http", "rpc", "query")
_STATUSES: Final = {
    "status": "5..",
    "code": "5..",
    "status_code": "5..",
    "http_status_code": "5..",
    "http_response_status_code": "5..",
    "response_code": "5..",
    "grpc_code": "Unknown|DeadlineExceeded|Internal|Unavailable|DataLoss",
}
_LEVELS: Final = (
    "process_resident_memory_bytes",
    "container_memory_usage_bytes",
    "container_memory_working_set_bytes",
)
_CPU: Final = ("process_cpu_seconds_total", "container_cpu_usage_seconds_total")
_RESTARTS: Final = "kube_pod_container_status_restarts_total"
_BUCKET: Final = "_bucket"
_STARTS: Final = "process_start_time_seconds"
_DEPLOYED: Final = tuple(name for name in COMPONENT_LABELS if name not in ("pod", "node"))  # a new version has new pods


@attrs.frozen
class Sampling:
    """Over which time series are looked at, how often, and over what a rate is taken; all in ms."""

    start: int
    end: int
    step: int
    rate: int


def plan_sampling(engine: Engine, start: int, end: int) -> Sampling:
    """At most `MAX_STEPS` steps from `start` to `end`; a rate over four scrapes, or over a step where that is longer.

    How far scrapes are apart is what the samples of `up` say, by the median; without any, a minute.
    """
    span = end - start
    scrapes = engine.query(f"up[{render_duration(span)}]", end).series()
    gaps = np.concatenate([np.zeros(0, np.int64), *(np.diff(times) for _, times, _ in scrapes)])
    apart = round(float(np.median(gaps))) if len(gaps) else MINUTE_MS
    if apart >= SECOND_MS:
        apart = round(apart / SECOND_MS) * SECOND_MS
    step = max(apart, -(-span // MAX_STEPS))
    return Sampling(start, end, step, max(_LEAST_SAMPLES * apart, step))


@attrs.frozen
class Signal:
    """A query, in which direction its result means trouble, and the jobs whose series do not count."""

    query: str
    worse: Worse = Worse.EITHER
    but: frozenset[str] = frozenset()


def find_signals(store: Queryable, sampling: Sampling, alerts: Iterable[Expr] = ()) -> tuple[Signal, ...]:
    """What to ask, each query once: by what metrics are called, and for every selector of the alerts' expressions.

    The results are meant to be added up. Of a latency it is the time that requests spent in a second, which is how many
    were under way at once (Little's law). What monitoring tells of itself counts only if an alert reads it: its load
    goes with everything that it watches.
    """
    everything = store.select([Matcher(METRIC_NAME, MatchOp.NOT_EQUAL, "")], sampling.start, sampling.end).labels
    rate = render_duration(sampling.rate)
    monitors = _monitors(everything)
    found = {query: Signal(query, worse, monitors) for query, worse in _of_names(everything, rate)}
    found |= {query: Signal(query) for expr in alerts for query in _of_alert(expr, rate) if query not in found}
    return tuple(found.values())


def sample(engine: Engine, signals: Sequence[Signal], sampling: Sampling) -> dict[str, list[Series]]:
    """The series of each signal that has any, by its query; one that has the same as another before it says no more."""
    found: dict[str, list[Series]] = {}
    for signal in signals:
        result = engine.query_range(signal.query, sampling.start, sampling.end, sampling.step)
        series = [
            Series(labels, times.tolist(), values.tolist())
            for labels, times, values in result.series()
            if labels.get("job") not in signal.but
        ]
        if series and series not in found.values():
            found[signal.query] = series
    return found


def find_deploys(engine: Engine, sampling: Sampling) -> tuple[Deploy, ...]:
    """The versions that a component turned to, by its `..._build_info`, in order of time.

    A version that none of its targets had before, or had any more: that a target follows others is no deploy, and that
    a version comes back is one.
    """
    result = engine.query_range('{__name__=~".+_build_info"}', sampling.start, sampling.end, sampling.step)
    seen: dict[tuple[str, str], dict[int, set[str]]] = {}
    for labels, times, _ in result.series():
        version, component = labels.get("version") or labels.get("revision"), component_in(labels, _DEPLOYED)
        if version and component:
            at = seen.setdefault((labels.get(METRIC_NAME), component), {})
            for time in times.tolist():
                at.setdefault(time, set()).add(version)
    deploys = {
        (time, component, version)
        for (_, component), versions in seen.items()
        for before, time in itertools.pairwise(sorted(versions))
        for version in versions[time] - versions[before]
    }
    return tuple(Deploy(*each) for each in sorted(deploys))


def _of_names(labels: LabelColumns, rate: str) -> Iterator[tuple[str, Worse]]:
    column = labels.column(METRIC_NAME)
    for symbol in np.unique(column).tolist():
        name = labels.symbols[symbol]
        if name.startswith(_OWN):
            continue
        if name == "up" or name.endswith("_up"):
            yield name, Worse.LOWER
        elif name in _LEVELS:
            yield name, Worse.HIGHER
        elif name == _STARTS:
            yield f"changes({name}[{rate}])", Worse.HIGHER
        elif name.endswith(_FAILURES) or name in _CPU or name == _RESTARTS or _is_time(name):
            yield f"rate({name}[{rate}])", Worse.HIGHER
        elif name.endswith(_REQUESTS) and not name.startswith("node_"):
            yield f"rate({name}[{rate}])", Worse.EITHER
            rows = labels.take(column == symbol)
            for label, failed in _STATUSES.items():
                if rows.column(label).any():
                    yield f'rate({name}{{{label}=~"{failed}"}}[{rate}])', Worse.HIGHER


def _is_time(name: str) -> bool:
    return name.endswith(_TIMES) and any(part in name for part in _OF_REQUESTS)


def _monitors(labels: LabelColumns) -> frozenset[str]:
    """The jobs of the monitoring itself."""
    column = labels.column(METRIC_NAME)
    ids = [symbol for symbol in map(labels.symbols.find, _MONITORS) if symbol > 0]
    jobs = np.unique(labels.column("job")[np.isin(column, ids)]).tolist()
    return frozenset(labels.symbols[job] for job in jobs if job)


def _of_alert(expr: Expr, rate: str) -> Iterator[str]:
    """Its selectors: what it takes a range of is a counter; of a histogram, its sum stands for its buckets."""
    for node, above in walk(expr):
        if not isinstance(node, VectorSelector) or node.name.startswith("ALERTS"):
            continue
        name = node.name
        matchers = node.matchers
        if name.endswith(_BUCKET):
            name = name.removesuffix(_BUCKET) + "_sum"
            rest = (matcher for matcher in matchers if matcher.name not in (METRIC_NAME, "le"))
            matchers = (Matcher(METRIC_NAME, MatchOp.EQUAL, name), *rest)
        text = render(VectorSelector(name, matchers, (0, 0)))
        yield f"rate({text}[{rate}])" if any(isinstance(each, MatrixSelector) for each in above) else text
