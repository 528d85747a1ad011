"""The rules of a scenario on their stage: when each group is evaluated, by whom, and what its alerts go through."""

from collections.abc import Mapping, Sequence

import numpy as np

from obsflow.flow.dependencies import ALERT_SERIES, ScheduledGroup, split
from obsflow.flow.evaluators import BatchEvaluator
from obsflow.flow.external_url import recorded_external_url
from obsflow.flow.phase import TimedGroup, recorded_offsets
from obsflow.flow.played import play_rules, select_alerts
from obsflow.flow.replay import FrameStore, HidingStore, LazyStore, UnionStore
from obsflow.flow.restoring import past_active_times
from obsflow.flow.scenario import Scenario
from obsflow.model.labels import Labels
from obsflow.model.storage import Queryable
from obsflow.rules import AlertingRule, RecordingRule, RuleContext, RuleGroup, group_offset
from obsflow.rules.history import PlayedRule
from obsflow.tsdb.memory import TSDB

PlayedGroups = Sequence["Mapping[int, PlayedRule] | None"]
"""For each group the history of its alerting rules by their number; None for one that is led from tick to tick."""

_PROMETHEUS_URL = "http://localhost:9090"


class Stage:
    """Where the groups of a scenario are evaluated, and those of them, by number, that are led from tick to tick.

    Series that the rules write go to `appended`; those of `recorded` that have their names are hidden. What recording
    rules write is evaluated once for this stage and the one `beside`, whose recording rules are the same.
    """

    def __init__(self, scenario: Scenario, threads: int, *, beside: "Stage | None" = None) -> None:
        self.scenario = scenario
        self.groups, self.stepped = split(self._schedule())
        self.appended = TSDB(symbols=scenario.database.symbols)
        self.recorded = HidingStore(scenario.database, _written_names([each.group for each in self.groups]))
        step_ms = scenario.prometheus.global_.evaluation_interval_ms
        self.evaluator: BatchEvaluator = BatchEvaluator(
            self.groups,
            self.recorded,
            self.appended,
            default_step_ms=step_ms,
            threads=threads,
            recordings=None if beside is None else beside.evaluator.recordings,
        )
        self._external_url = external_url(scenario, "prometheus", _PROMETHEUS_URL)

    def play(self, number: int) -> dict[int, PlayedRule]:
        """The alerting rules of a group, by their number, over their history."""
        group = self.groups[number]
        return play_rules(group, self.evaluator, self.context(group), lambda rule: self.past(number, rule))

    def past(self, number: int, rule: int) -> dict[Labels, int] | None:
        """Since when (ms) the alerts of an earlier run of a rule count as active; None where none is known of."""
        started, group = self.scenario.info.prometheus.started, self.groups[number]
        alerting = group.group.rules[rule]
        if started is None or not isinstance(alerting, AlertingRule):
            return None
        return past_active_times(alerting, self.context(group), group.times, self.scenario.database, started)

    def context(self, scheduled: ScheduledGroup) -> RuleContext:
        """The surroundings of the rules of a group."""
        return RuleContext(
            group=scheduled.group.name,
            evaluator=self.evaluator,
            interval_ms=scheduled.interval_ms,
            query_offset_ms=scheduled.query_offset_ms,
            limit=scheduled.group.limit,
            external_labels=self.scenario.prometheus.external_labels,
            external_url=self._external_url,
        )

    def written(self, played: PlayedGroups) -> Queryable:
        """The series that the rules wrote."""
        return UnionStore(LazyStore(self.appended.symbols, lambda: self._played_series(played)), self.appended)

    def _played_series(self, played: PlayedGroups) -> FrameStore:
        store = FrameStore(self.appended.symbols)
        for group, rules in zip(self.groups, played, strict=True):
            if rules is not None:
                for rule in group.group.rules:
                    if isinstance(rule, RecordingRule):
                        store.add(rule.record, self.evaluator.recorded(rule)[0])
                for name in ALERT_SERIES:
                    store.add(name, select_alerts(rules.values(), name, group.query_offset_ms, store.symbols))
        return store

    def _schedule(self) -> list[ScheduledGroup]:
        """When each group is evaluated: as it was when the data was recorded, or where Prometheus would put it."""
        scenario = self.scenario
        groups = [self._timed(group) for file in scenario.rule_files for group in file.groups]
        offsets = recorded_offsets(scenario.database, groups, scenario.start, scenario.end)
        return [self._scheduled(*each) for each in zip(groups, offsets, strict=True)]

    def _timed(self, group: RuleGroup) -> TimedGroup:
        settings = self.scenario.prometheus.global_
        return TimedGroup(
            group,
            group.interval_ms or settings.evaluation_interval_ms,
            settings.rule_query_offset_ms if group.query_offset_ms is None else group.query_offset_ms,
        )

    def _scheduled(self, timed: TimedGroup, offset: int | None) -> ScheduledGroup:
        group, interval_ms = timed.group, timed.interval_ms
        if offset is None:
            # Prometheus hashes the path; only the name of the file is the same wherever the replay runs.
            offset = group_offset(group.source.rpartition("/")[2], group.name, interval_ms)
        first = self.scenario.start + (offset - self.scenario.start) % interval_ms
        times = np.arange(first, self.scenario.end + 1, interval_ms, dtype=np.int64)
        return ScheduledGroup(group, interval_ms, timed.query_offset_ms, times)


def external_url(scenario: Scenario, server: str, default: str) -> str:
    """Where a server is found: as the capture says, else as the server itself would have, else where it usually is."""
    said: str | None = getattr(scenario.info, server).external_url
    if said is not None:
        return said
    return recorded_external_url(scenario.database, f"{server}_build_info", scenario.start, scenario.end) or default


def _written_names(groups: list[RuleGroup]) -> frozenset[str]:
    """The metric names whose series come from the rules."""
    recorded = {rule.record for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
    return ALERT_SERIES | recorded
