"""Error messages by what they have in common, and which of them are new or more frequent than they were."""

import bisect
import collections
import itertools
from collections.abc import Iterable

import attrs

from obsflow.incident.evidence.rates import ONE_IN_A_THOUSAND, likelihood_ratio, rose
from obsflow.incident.evidence.records import LogRecord, LogSeverity, Window
from obsflow.incident.evidence.templates import SIMILARITY, mask, merge


@attrs.frozen
class LogCluster:
    """Messages of one template. `records` are in order of (time, service, body)."""

    template: str
    records: tuple[LogRecord, ...] = attrs.field(repr=False)

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self.records)

    @property
    def first_at(self) -> int:
        """When it was first seen, ms."""
        return self.records[0].time

    @property
    def last_at(self) -> int:
        """When it was last seen, ms."""
        return self.records[-1].time

    @property
    def services(self) -> tuple[tuple[str, int], ...]:
        """Who says it and how often, the most frequent first."""
        counted = collections.Counter(record.service for record in self.records)
        return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    def count_in(self, window: Window) -> int:
        """How many records lie in a window."""
        return self._before(window.end) - self._before(window.start)

    def records_in(self, window: Window) -> tuple[LogRecord, ...]:
        """The records that lie in a window."""
        return self.records[self._before(window.start) : self._before(window.end)]

    def counts(self, window: Window, step_ms: int) -> tuple[int, ...]:
        """How many records lie in each step of a window; the last step may be shorter. ValueError if `step_ms` < 1."""
        if step_ms < 1:
            raise ValueError("a step is at least 1 ms long")
        edges = [*range(window.start, window.end, step_ms), window.end]
        ranks = [self._before(edge) for edge in edges]
        return tuple(after - before for before, after in itertools.pairwise(ranks))

    def _before(self, time: int) -> int:
        return bisect.bisect_left(self.records, time, key=lambda record: record.time)


def cluster_logs(
    records: Iterable[LogRecord], *, at_least: LogSeverity = LogSeverity.ERROR, similarity: float = SIMILARITY
) -> tuple[LogCluster, ...]:
    """The records that are at least so severe by template, the most frequent first; their order does not matter.

    Records whose severity is not known are left out, unless `at_least` is UNKNOWN. `similarity` is the share of words
    that messages of one cluster have in common, from above 0 to 1; `templates.merge` says how. ValueError otherwise.
    """
    if not 0 < similarity <= 1:
        raise ValueError("expected a similarity above 0 and up to 1")
    masked: dict[str, list[LogRecord]] = {}
    for record in records:
        if record.severity >= at_least:
            masked.setdefault(mask(record.body), []).append(record)
    templates = merge({message: len(found) for message, found in masked.items()}, similarity)
    clusters: dict[str, list[LogRecord]] = {}
    for message, found in masked.items():
        clusters.setdefault(templates[message], []).extend(found)
    made = (LogCluster(template, tuple(sorted(found, key=_order))) for template, found in clusters.items())
    return tuple(sorted(made, key=lambda cluster: (-cluster.count, cluster.template)))


def _order(record: LogRecord) -> tuple[object, ...]:
    return (record.time, record.service, record.body, record.trace_id, record.span_id, record.attributes.pairs)


def find_new(clusters: Iterable[LogCluster], since: int) -> tuple[LogCluster, ...]:
    """The clusters that were never seen before `since`, the earliest first."""
    new = (cluster for cluster in clusters if cluster.first_at >= since)
    return tuple(sorted(new, key=lambda cluster: (cluster.first_at, -cluster.count, cluster.template)))


@attrs.frozen
class LogSpike:
    """A cluster that is more frequent in a window than before: `expected` is what the baseline's rate gives for it.

    `significance` is the likelihood ratio of the two rates, G².
    """

    cluster: LogCluster
    window: Window
    observed: int
    expected: float
    significance: float

    @property
    def is_new(self) -> bool:
        """Whether the baseline has none of it."""
        return self.expected == 0

    @property
    def excess(self) -> float:
        """The part of the messages that the baseline does not account for, 0 to 1."""
        return 1 - self.expected / self.observed

    @property
    def records(self) -> tuple[LogRecord, ...]:
        """The records in the window; there is at least one."""
        return self.cluster.records_in(self.window)

    @property
    def first_at(self) -> int:
        """The first record in the window, ms."""
        return self.records[0].time


def find_spikes(
    clusters: Iterable[LogCluster], baseline: Window, during: Window, *, significant: float = ONE_IN_A_THOUSAND
) -> tuple[LogSpike, ...]:
    """The clusters whose rate rose, the most significant first.

    `rates.likelihood_ratio` is at least `significant`: by default chance alone comes so far once in a thousand.
    """
    spikes = []
    for cluster in clusters:
        before, observed = cluster.count_in(baseline), cluster.count_in(during)
        durations = (baseline.duration_ms, during.duration_ms)
        if (
            rose((before, observed), durations)
            and (g := likelihood_ratio((before, observed), durations)) >= significant
        ):
            spikes.append(LogSpike(cluster, during, observed, before * during.duration_ms / baseline.duration_ms, g))
    return tuple(sorted(spikes, key=lambda spike: (-spike.significance, spike.cluster.template)))
