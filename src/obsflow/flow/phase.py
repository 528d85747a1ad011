"""When rules were evaluated: read off what they wrote."""

import collections
from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.durations import MINUTE_MS
from obsflow.model.floats import is_stale
from obsflow.model.frames import TimeArray
from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import Queryable
from obsflow.rules import AlertingRule, RecordingRule, RuleGroup

DISCOVERY_MS = 5_000
"""A Prometheus that starts knows its targets and Alertmanagers after the first round of discovery."""

_STARTUP_MS = 15 * MINUTE_MS
"""How long a server may take to read its log before it evaluates anything."""

_SECOND_MS = 1000


@attrs.frozen(eq=False)
class TimedGroup:
    """A group with what is in effect for it; its samples are stamped `query_offset_ms` before each evaluation."""

    group: RuleGroup
    interval_ms: int
    query_offset_ms: int


@attrs.frozen(eq=False)
class _Output:
    """What a rule writes: the labels, with the metric name, that all of its series have."""

    group: int
    labels: Mapping[str, str]

    @property
    def name(self) -> tuple[str, str]:
        return self.labels[METRIC_NAME], self.labels.get("alertname", "")

    def is_rivalled_by(self, other: "_Output") -> bool:
        """Whether a series of this rule may as well be the other's; one that fixes fewer labels gives way."""
        can_be_both = all(other.labels.get(name, value) == value for name, value in self.labels.items())
        return can_be_both and not other.labels.items() < self.labels.items()

    def matchers(self) -> list[Matcher]:
        return [Matcher(name, MatchOp.EQUAL, value) for name, value in self.labels.items()]


def recorded_offsets(store: Queryable, groups: Sequence[TimedGroup], start: int, end: int) -> list[int | None]:
    """The offset within its interval at which each group was evaluated; None where nothing that it wrote tells.

    What a group alone can have written comes first. Where other groups write series of the same names, those times
    count that are no evaluation of theirs.
    """
    outputs = [_output(i, rule) for i, each in enumerate(groups) for rule in each.group.rules]
    by_name: dict[tuple[str, str], list[_Output]] = collections.defaultdict(list)
    for output in outputs:
        by_name[output.name].append(output)
    rivals = {
        id(one): {two.group for two in by_name[one.name] if one.is_rivalled_by(two)} - {one.group} for one in outputs
    }
    of_group = [[output for output in outputs if output.group == i] for i in range(len(groups))]
    offsets = [
        _most_common(_times(store, (each for each in mine if not rivals[id(each)]), start, end), timed)
        for mine, timed in zip(of_group, groups, strict=True)
    ]
    for i, timed in enumerate(groups):
        if offsets[i] is None:
            times = _times(store, of_group[i], start, end)
            for rival in sorted(set().union(*(rivals[id(each)] for each in of_group[i]))):
                times = times[~_is_evaluation(times, groups[rival], offsets[rival])]
            offsets[i] = _most_common(times, timed)
    return offsets


def recorded_start(store: Queryable, groups: Sequence[RuleGroup], started: int, min_time: int) -> int:
    """When a server that started at `started` (ms) began to evaluate rules: after it had read its log.

    By the first thing that it then did: write what a rule records, find an alert active, or scrape a target, which it
    did not know before a round of discovery. Where the data, which begins at `min_time`, says nothing of that, it is
    taken to begin at once, or with the data.
    """
    end = started + _STARTUP_MS
    scraped, _ = _samples(store, "up", started, end)
    _, since = _samples(store, "ALERTS_FOR_STATE", started, end)
    recorded = {rule.record for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
    written = [_samples(store, name, started, end)[0] for name in sorted(recorded)]
    active_at = since.astype(np.int64) * _SECOND_MS
    times = np.concatenate((*written, scraped - DISCOVERY_MS, active_at[active_at > started - _SECOND_MS]))
    return max(started, int(times.min()) if times.size else min_time)


def _output(group: int, rule: AlertingRule | RecordingRule) -> _Output:
    if isinstance(rule, RecordingRule):
        return _Output(group, {**rule.labels, METRIC_NAME: rule.record})
    fixed = {name: text for name, text in rule.labels.items() if "{{" not in text}
    return _Output(group, {**fixed, METRIC_NAME: "ALERTS", "alertname": rule.alert})


def _times(store: Queryable, outputs: Iterable[_Output], start: int, end: int) -> TimeArray:
    """Distinct times, ascending, of what was written: some of them, not all.

    The first and the last sample of every run need no decoding, and a month of chunks has hundreds of them.
    """
    runs = [store.select(output.matchers(), start, end).runs for output in outputs]
    bounds = [bound for each in runs for bound in (each.min_time, each.max_time)]
    return np.unique(np.concatenate(bounds)) if bounds else np.zeros(0, np.int64)


def _most_common(times: TimeArray, timed: TimedGroup) -> int | None:
    """The offset within the interval at which most of the times fall; None without any time."""
    if not times.size:
        return None
    offsets, counts = np.unique((times + timed.query_offset_ms) % timed.interval_ms, return_counts=True)
    return int(offsets[np.argmax(counts)])


def _is_evaluation(times: TimeArray, timed: TimedGroup, offset: int | None) -> npt.NDArray[np.bool_]:
    if offset is None:
        return np.zeros(times.size, bool)
    hits: npt.NDArray[np.bool_] = (times + timed.query_offset_ms) % timed.interval_ms == offset
    return hits


def _samples(store: Queryable, name: str, start: int, end: int) -> tuple[TimeArray, npt.NDArray[np.float64]]:
    """The times and values of all samples of a metric from `start` to `end` that are no stale markers."""
    runs = store.select([Matcher(METRIC_NAME, MatchOp.EQUAL, name)], start, end).runs
    times, values, _, _ = native.decode_runs(runs, start, end)
    kept = (times >= start) & (times <= end) & ~is_stale(values)
    return times[kept], values[kept]
