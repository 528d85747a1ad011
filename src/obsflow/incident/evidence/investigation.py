"""From what was recorded around an incident to a diagnosis, in one call."""

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from obsflow.incident.evidence import items
from obsflow.incident.evidence.causes import Diagnosis, Judgement, diagnose
from obsflow.incident.evidence.change_points import ChangePoint, find_change_point
from obsflow.incident.evidence.comparison import compare_traces, count_origins
from obsflow.incident.evidence.critical_path import operation_of
from obsflow.incident.evidence.items import COMPONENT_LABELS, Deploy, Evidence
from obsflow.incident.evidence.logs import cluster_logs, find_spikes
from obsflow.incident.evidence.records import LogRecord, Series, Span, Window
from obsflow.incident.evidence.shares import common_labels, explain_change
from obsflow.incident.evidence.traces import Trace, group_traces
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY

MAX_FINDINGS: Final = 5


@attrs.frozen
class Observations:
    """What is known of an incident.

    `metrics` are series by the name of the metric, at the same times, that may be added up. `other` is evidence of the
    caller's own: health checks, what users report.
    """

    metrics: Mapping[str, Sequence[Series]] = attrs.field(factory=dict)
    logs: Sequence[LogRecord] = ()
    spans: Sequence[Span] = ()
    deploys: Sequence[Deploy] = ()
    alerts: Sequence[Alert] = ()
    other: Sequence[Evidence] = ()


def investigate(
    seen: Observations,
    baseline: Window,
    during: Window,
    *,
    onset: int | None = None,
    judgement: Judgement | None = None,
    component_labels: tuple[str, ...] = COMPONENT_LABELS,
) -> Diagnosis:
    """What the incident in `during` has that `baseline` has not, as ranked hypotheses.

    Without an `onset` it is the first change of level of a metric's sum after `baseline`; without such a change it
    stays unknown. A label counts if the sum of its series changed its level; where no label explains a change, what
    the series of the metric have in common counts. An operation counts if the traces of its root did; the first five
    findings of each metric and of the traces count. Traces belong to the window in which their root begins.
    """
    metrics = sorted(seen.metrics.items())
    if onset is None:
        points = (_changed(series, baseline, during) for _, series in metrics)
        onset = min((point.time for point in points if point and point.time >= baseline.end), default=None)
    evidence = [
        *(item for name, series in metrics for item in _of_metric(name, series, baseline, during, component_labels)),
        *(items.of_spike(spike) for spike in find_spikes(cluster_logs(seen.logs), baseline, during)),
        *_of_traces(group_traces(seen.spans), baseline, during),
        *(items.of_deploy(deploy) for deploy in seen.deploys),
        *(items.of_alert(alert, component_labels) for alert in seen.alerts),
        *seen.other,
    ]
    return diagnose(evidence, onset, judgement)


def add_up(series: Iterable[Series]) -> Series:
    """The sum of series at every time at which one of them has a value; without labels."""
    sums: dict[int, float] = {}
    for each in series:
        for time, value in zip(each.times, each.values, strict=True):
            sums[time] = sums.get(time, 0.0) + value
    times = sorted(sums)
    return Series(EMPTY, times, [sums[time] for time in times])


def _of_metric(
    metric: str, series: Sequence[Series], baseline: Window, during: Window, component_labels: tuple[str, ...]
) -> Iterator[Evidence]:
    explained = False
    for share in explain_change(series, baseline, during)[:MAX_FINDINGS]:
        name, value = share.pair
        point = _changed((each for each in series if each.labels.get(name) == value), baseline, during)
        if point is not None:
            explained = True
            yield items.of_share(share, metric, point, component_labels)
    point = None if explained else _changed(series, baseline, during)
    if point is not None and point.time >= baseline.end:
        yield items.of_change_point(metric, common_labels([each.labels for each in series]), point, component_labels)


def _changed(series: Iterable[Series], baseline: Window, during: Window) -> ChangePoint | None:
    """When the sum of series changed its level, from the start of the baseline to the end of the incident."""
    whole = add_up(series)
    first, last = bisect.bisect_left(whole.times, baseline.start), bisect.bisect_left(whole.times, during.end)
    return find_change_point(Series(EMPTY, whole.times[first:last], whole.values[first:last]))


def _of_traces(traces: Sequence[Trace], baseline: Window, during: Window) -> Iterator[Evidence]:
    normal, slow = (
        [t for t in traces if window.start <= t.root.span.time < window.end] for window in (baseline, during)
    )
    growths: list[Evidence] = []
    for root in sorted({operation_of(trace.root) for trace in slow}):
        before, after = ([trace for trace in side if operation_of(trace.root) == root] for side in (normal, slow))
        began_at = _slower_since([*before, *after])
        if began_at is not None and before:
            found = compare_traces(after, before)
            growths += (items.of_growth(growth, began_at) for growth in found if growth.share > 0)
    growths.sort(key=lambda item: (-item.strength, item.statement))
    yield from growths[:MAX_FINDINGS]
    yield from (items.of_origin(origin) for origin in count_origins(slow, normal)[:MAX_FINDINGS])


def _slower_since(traces: Sequence[Trace]) -> int | None:
    """The time of the trace from which on they take longer, ms; None if they do not."""
    durations = [trace.root.span.duration_ns for trace in traces]
    point = find_change_point(Series(EMPTY, range(len(durations)), durations))
    return traces[point.time].root.span.time if point and point.after > point.before else None
