"""From what was recorded around an incident to a diagnosis, in one call."""

import bisect
import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

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
from obsflow.incident.evidence.slow_traces import SlowTrace, find_slow_trace
from obsflow.incident.evidence.traces import Trace, group_traces
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY
from obsflow.model.times import render_rfc3339

MAX_FINDINGS: Final = 5
MIN_STRENGTH: Final = 0.05  # a label below it says next to nothing


class Worse(enum.Enum):
    """Which change of a metric can be trouble: that errors become fewer is none."""

    HIGHER = "higher"
    LOWER = "lower"
    EITHER = "either"

    def is_trouble(self, point: ChangePoint) -> bool:
        """Whether this change of level can be."""
        return self is Worse.EITHER or (self is Worse.HIGHER) == (point.after > point.before)


@attrs.frozen
class Observations:
    """What is known of an incident.

    `metrics` are series by the name of the metric, at the same times, that may be added up; `worse` says of some of
    them in which direction trouble lies. `other` is evidence of the caller's own: health checks, what users report.
    """

    metrics: Mapping[str, Sequence[Series]] = attrs.field(factory=dict)
    logs: Sequence[LogRecord] = ()
    spans: Sequence[Span] = ()
    deploys: Sequence[Deploy] = ()
    alerts: Sequence[Alert] = ()
    other: Sequence[Evidence] = ()
    worse: Mapping[str, Worse] = attrs.field(factory=dict)


@attrs.frozen
class Investigation:
    """What was looked at, and what came of it.

    `deploys` are those from the start of the baseline to the end of the incident, by time, whatever came of them.
    `series`, `logs` and `traces` count what there was in the two windows; `slowest` is the slowest trace of the
    incident.
    """

    baseline: Window
    during: Window
    diagnosis: Diagnosis
    deploys: tuple[Deploy, ...] = ()
    series: int = 0
    logs: int = 0
    traces: int = 0
    slowest: SlowTrace | None = None

    @classmethod
    def of(cls, seen: Observations, baseline: Window, during: Window, **options: Any) -> "Investigation":
        """Investigate; the options are those of `investigate`."""
        whole = Window(min(baseline.start, during.start), max(baseline.end, during.end))
        timed = [(each.time, each) for each in seen.deploys if each.time is not None and each.time in whole]
        return cls(
            baseline=baseline,
            during=during,
            diagnosis=investigate(seen, baseline, during, **options),
            deploys=tuple(deploy for _, deploy in sorted(timed, key=lambda each: (each[0], each[1].service))),
            series=sum(map(len, seen.metrics.values())),
            logs=sum(record.time in whole for record in seen.logs),
            traces=len({span.trace_id for span in seen.spans if span.time in whole}),
            slowest=find_slow_trace(group_traces(seen.spans), during),
        )

    def to_plain(self) -> dict[str, Any]:
        """The investigation as plain data; times in RFC 3339."""
        return {
            "baseline": _window(self.baseline),
            "during": _window(self.during),
            "looked_at": {"series": self.series, "logs": self.logs, "traces": self.traces},
            "deploys": [
                {"time": render_rfc3339(each.time or 0), "service": each.service, "version": each.version or None}
                for each in self.deploys
            ],
            **self.diagnosis.to_plain(),
            "slowest_trace": None if self.slowest is None else self.slowest.to_plain(),
        }


def _window(window: Window) -> dict[str, str]:
    return {"start": render_rfc3339(window.start), "end": render_rfc3339(window.end)}


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
    stays unknown. A label counts if the sum of its series changed its level for the worse; where no label that is of
    one component explains a change, what the series of the metric have in common counts. An operation counts if the
    traces of its root did; the first five findings of each metric and of the traces count. Traces belong to the window
    in which their root begins.
    """
    metrics, windows = sorted(seen.metrics.items()), (baseline, during)
    if onset is None:
        points = (_changed(series, baseline, during, _worse(seen, name)) for name, series in metrics)
        onset = min((point.time for point in points if point and point.time >= baseline.end), default=None)
    evidence = [
        *(
            item
            for metric in metrics
            for item in _of_metric(metric, _worse(seen, metric[0]), windows, component_labels)
        ),
        *(items.of_spike(spike) for spike in find_spikes(cluster_logs(seen.logs), baseline, during)),
        *_of_traces(group_traces(seen.spans), baseline, during),
        *(items.of_deploy(deploy) for deploy in seen.deploys),
        *items.of_alerts(seen.alerts, component_labels),
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


def _worse(seen: Observations, metric: str) -> Worse:
    return seen.worse.get(metric, Worse.EITHER)


def _of_metric(
    metric: tuple[str, Sequence[Series]],
    worse: Worse,
    windows: tuple[Window, Window],
    component_labels: tuple[str, ...],
) -> Iterator[Evidence]:
    name, series = metric
    baseline, during = windows
    explained = False
    for share in explain_change(series, baseline, during)[:MAX_FINDINGS]:
        label, value = share.pair
        point = _changed((each for each in series if each.labels.get(label) == value), baseline, during, worse)
        if point is not None:
            item = items.of_share(share, name, point, component_labels)
            explained = explained or item.subject != ""
            if item.strength >= MIN_STRENGTH:
                yield item
    point = None if explained else _changed(series, baseline, during, worse)
    if point is not None and point.time >= baseline.end:
        yield items.of_change_point(name, common_labels([each.labels for each in series]), point, component_labels)


def _changed(series: Iterable[Series], baseline: Window, during: Window, worse: Worse) -> ChangePoint | None:
    """When the sum of series changed its level for the worse, from the start of the baseline to the incident's end.

    What got worse and then better may have its clearest change where it got better: then the time before that is looked
    at again, as in binary segmentation (Vostrikova, 1981).
    """
    whole = add_up(series)
    first, last = bisect.bisect_left(whole.times, baseline.start), bisect.bisect_left(whole.times, during.end)
    while (point := find_change_point(Series(EMPTY, whole.times[first:last], whole.values[first:last]))) is not None:
        if worse.is_trouble(point):
            return point
        last = bisect.bisect_left(whole.times, point.time)
    return None


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
