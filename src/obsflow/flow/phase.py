"""When a group was evaluated: read off the times of what it wrote."""

import numpy as np

from obsflow.model.frames import TimeArray
from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import Queryable
from obsflow.rules import AlertingRule, RecordingRule, RuleGroup


def recorded_times(store: Queryable, group: RuleGroup, start: int, end: int) -> TimeArray:
    """Distinct times, ms ascending, at which the group's rules wrote samples to the store: some, not all of them."""
    found = [_times(store, _written_by(rule), start, end) for rule in group.rules]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def recorded_offset(times: TimeArray, interval_ms: int) -> int | None:
    """The offset within the interval at which most of the times fall; None without any time."""
    if not times.size:
        return None
    offsets, counts = np.unique(times % interval_ms, return_counts=True)
    return int(offsets[np.argmax(counts)])


def _written_by(rule: AlertingRule | RecordingRule) -> list[Matcher]:
    if isinstance(rule, RecordingRule):
        return [Matcher(METRIC_NAME, MatchOp.EQUAL, rule.record)]
    return [Matcher(METRIC_NAME, MatchOp.EQUAL, "ALERTS"), Matcher("alertname", MatchOp.EQUAL, rule.alert)]


def _times(store: Queryable, matchers: list[Matcher], start: int, end: int) -> TimeArray:
    """The first and the last sample of every run, which need no decoding: a month of chunks has hundreds of them."""
    runs = store.select(matchers, start, end).runs
    return np.concatenate((runs.min_time, runs.max_time))
