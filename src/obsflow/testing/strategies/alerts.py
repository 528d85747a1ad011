"""The lives of alerts: conditions that come and go, what a sender tells a router of them, and silences."""

import bisect
import itertools
from collections.abc import Iterable, Mapping, Sequence

import attrs
from hypothesis import strategies as st

from obsflow.alertmanager import ReceiveAlerts, Silence
from obsflow.model.alerts import Alert
from obsflow.model.durations import MINUTE_MS
from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.rules import Rule
from obsflow.testing.strategies.label_sets import label_sets, matchers
from obsflow.testing.strategies.series import Series

ALERT_LABELS: Mapping[str, Sequence[str]] = {
    "alertname": ("HighErrorRate", "InstanceDown"),
    "severity": ("critical", "warning"),
    "team": ("api", "web"),
}
"""Labels of alerts, with values, that strategies draw from unless they are told others."""

_MAX_RUNS = 6
_MAX_RUN = 30
_VALID_INTERVALS = 4  # a rule vouches for an alert until four more of its evaluations are missed
_TOLD_RESOLVED = 3


@attrs.frozen
class AlertHistory:
    """When the condition of one alert is true: from the time (ms) of each run on it is, or is not, until the next."""

    labels: Labels
    runs: tuple[tuple[int, bool], ...]

    def is_present(self, time: int) -> bool:
        """Whether the condition is true at `time` (ms)."""
        i = bisect.bisect_right(self.runs, time, key=lambda run: run[0])
        return i > 0 and self.runs[i - 1][1]

    @property
    def end(self) -> int:
        """When the last run begins."""
        return self.runs[-1][0] if self.runs else 0

    def series(self, metric: str, times: Iterable[int]) -> Series:
        """A series that is 1 while the condition is true, and 0 while it is not: for a rule on `metric == 1`."""
        at = tuple(times)
        return Series(self.labels.with_({METRIC_NAME: metric}), at, tuple(float(self.is_present(time)) for time in at))


@attrs.frozen
class AlertStream:
    """What a server that evaluates every `interval_ms` tells its router, but for what it says at the times `lost`."""

    histories: tuple[AlertHistory, ...]
    interval_ms: int = MINUTE_MS
    lost: frozenset[int] = frozenset()

    @property
    def events(self) -> tuple[tuple[int, ReceiveAlerts], ...]:
        """Times (ms) and events, in order of time, for `Alertmanager.receive` or `Flow.schedule`.

        While an alert fires it is told again at every evaluation, with an end four of them ahead; once it is resolved,
        a few times more.
        """
        told: dict[int, list[Alert]] = {}
        for history in self.histories:
            for time, alert in _told(history, self.interval_ms):
                told.setdefault(time, []).append(alert)
        return tuple((time, ReceiveAlerts(tuple(told[time]))) for time in sorted(told) if time not in self.lost)


@attrs.frozen
class HistoryEvaluator:
    """Answers a `GroupMachine`: every expression gives a sample for each history whose condition is true."""

    histories: tuple[AlertHistory, ...]
    value: float = 1.0

    def evaluate(self, _rule: Rule, time: int) -> list[tuple[Labels, float]]:
        """The samples at `time` (ms)."""
        return [(history.labels, self.value) for history in self.histories if history.is_present(time)]

    def query(self, _text: str, _time: int) -> list[tuple[Labels, float]]:
        """Nothing, whatever a template asks."""
        return []


@st.composite
def alert_histories(
    draw: st.DrawFn,
    labels: Labels | st.SearchStrategy[Labels] = Labels(instance="a:80"),  # noqa: B008 - immutable
    *,
    start: int = 0,
    interval_ms: int = MINUTE_MS,
    max_runs: int = _MAX_RUNS,
) -> AlertHistory:
    """The history of one condition, which changes up to `max_runs` times at multiples of `interval_ms` after `start`.

    Runs are up to half an hour of minutes long: beyond the time for which a resolved alert is remembered.
    """
    lengths = draw(st.lists(st.integers(1, _MAX_RUN), max_size=max_runs))
    own = draw(labels) if isinstance(labels, st.SearchStrategy) else labels
    present, time, runs = True, start, []
    for length in lengths:
        runs.append((time, present))
        present, time = not present, time + length * interval_ms
    return AlertHistory(own, (*runs, (time, False)))


@st.composite
def alert_streams(
    draw: st.DrawFn,
    labels: Mapping[str, Sequence[str]] = ALERT_LABELS,
    *,
    start: int = 0,
    interval_ms: int = MINUTE_MS,
    max_alerts: int = 3,
    lossy: bool = False,
) -> AlertStream:
    """What a server tells its router of up to `max_alerts` alerts, which come and go as `alert_histories` say.

    The alerts have different labels, of each of `labels` one of its values or none, but all a name. With `lossy` up to
    half of the events never arrive.
    """
    named = label_sets(labels).filter(lambda each: "alertname" in each)
    keys = draw(st.lists(named, min_size=1, max_size=max_alerts, unique=True))
    histories = tuple(draw(alert_histories(key, start=start, interval_ms=interval_ms)) for key in keys)
    stream = AlertStream(histories, interval_ms)
    times = [time for time, _ in stream.events]
    if not (lossy and times):
        return stream
    return AlertStream(histories, interval_ms, draw(st.frozensets(st.sampled_from(times), max_size=len(times) // 2)))


def _told(history: AlertHistory, interval_ms: int) -> Iterable[tuple[int, Alert]]:
    """The times at which a server tells of an alert, and what it says."""
    for (start, present), (end, _) in itertools.pairwise(history.runs):
        if not present:
            continue
        for time in range(start, end, interval_ms):
            yield time, Alert(history.labels, starts_at=start, ends_at=time + _VALID_INTERVALS * interval_ms)
        for time in range(end, end + _TOLD_RESOLVED * interval_ms, interval_ms):
            if history.is_present(time):
                break
            yield time, Alert(history.labels, starts_at=start, ends_at=end)


@st.composite
def silences(
    draw: st.DrawFn,
    labels: Mapping[str, Sequence[str]] = ALERT_LABELS,
    *,
    start: int = 0,
    end: int = 120 * MINUTE_MS,
) -> Silence:
    """A silence within `start` to `end` (ms), with one matcher or two of the labels. Its id says when it is.

    Set it with `SetSilence`; one that is in the past is refused.
    """
    asked = draw(st.lists(matchers(labels), min_size=1, max_size=2, unique_by=lambda matcher: matcher.name))
    begins, ends = sorted((draw(st.integers(start, end)), draw(st.integers(max(start, 1), end))))
    return Silence(f"silence-{begins}-{ends}", tuple(asked), begins, max(ends, 1))
