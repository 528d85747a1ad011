"""A backtest: the loop over recorded data in virtual time.

Series that the rules record, and `ALERTS*`, come from this run and never from the recording; but where the recording
has a group's output, the group is evaluated at the very offset within its interval at which it was evaluated then.
"""

from collections.abc import Callable, Iterator, Mapping

import attrs
import numpy as np

from obsflow.alertmanager import Alertmanager, Compat, Config, Decision, Delivered, Notify, Silence, parse_compat
from obsflow.flow.config import CaptureInfo, PrometheusConfig
from obsflow.flow.evaluators import ALERT_SERIES, BatchEvaluator, ScheduledGroup
from obsflow.flow.external_url import recorded_external_url
from obsflow.flow.loop import Flow, SampleRejected
from obsflow.flow.phase import DISCOVERY_MS, TimedGroup, recorded_offsets
from obsflow.flow.replay import HidingStore
from obsflow.flow.restoring import RestoringGroup
from obsflow.flow.timeline import Machine
from obsflow.model.notifications import Notification
from obsflow.model.storage import Queryable
from obsflow.notify import Renderer, Request
from obsflow.rules import (
    EvaluationFailed,
    GroupMachine,
    RecordingRule,
    RestorePolicy,
    RuleFile,
    RuleGroup,
    Transition,
    group_offset,
)
from obsflow.tsdb.database import Database
from obsflow.tsdb.memory import TSDB

_DELIVERY_MS = 2
"""How long a delivery takes, where a `compat` compares with the end of one: it is never instant.

With a drift of 1 ms a flush, a repeat interval of three group intervals and more is kept, and one of one or two takes a
group interval longer. Measured with Alertmanager 0.25 and a receiver on the same machine: 25 % of the repeats were
on time for one group interval, 57 % for two, 90 % for three, all for five and more.
"""

_PROMETHEUS_URL = "http://localhost:9090"
_ALERTMANAGER_URL = "http://localhost:9093"


@attrs.frozen(eq=False)
class Scenario:
    """Everything that a backtest replays. `start` and `end` in ms, both included.

    `template_files` are the texts of the template files that the Alertmanager configuration names, `secret_files` the
    contents by path of its secret files. Without an Alertmanager configuration there are alerts and no notifications.
    """

    database: Database
    rule_files: tuple[RuleFile, ...]
    start: int
    end: int
    prometheus: PrometheusConfig = attrs.field(factory=PrometheusConfig)
    alertmanager: Config | None = None
    template_files: tuple[str, ...] = ()
    secret_files: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    silences: tuple[Silence, ...] = ()
    info: CaptureInfo = attrs.field(factory=CaptureInfo)

    @property
    def compat(self) -> Compat:
        """Whose habits the router has. Raises ValueError for a name that nobody has."""
        return parse_compat(self.info.compat)


@attrs.frozen(eq=False)
class BacktestResult:
    """What would have happened, each tuple in order of time.

    `notifications` have the integration's configuration beside them. `rejected` are the samples that were lost because
    two rules write the same series. `ticked_rules` names the rules that had to be evaluated tick by tick; `written`
    holds the series that the rules wrote.
    """

    notifications: tuple[tuple[Notification, object], ...]
    transitions: tuple[Transition, ...]
    decisions: tuple[Decision, ...]
    failures: tuple[EvaluationFailed, ...]
    rejected: tuple[SampleRejected, ...]
    evaluations: int
    ticked_rules: tuple[str, ...]
    written: Queryable = attrs.field(repr=False)
    renderer: Renderer = attrs.field(repr=False)

    def requests(self) -> Iterator[tuple[Notification, Request]]:
        """Each notification with the request that its receiver would have got."""
        for notification, config in self.notifications:
            yield notification, self.renderer.render(notification, config)


def run_backtest(
    scenario: Scenario, progress: Callable[[int], None] | None = None, *, threads: int = 1
) -> BacktestResult:
    """Replay the scenario. `progress` is told the time reached, in ms, whenever something happened.

    Up to `threads` threads take part in reading recorded samples, as in `Engine`.
    """
    return _Run(scenario, threads).run(progress)


class _Run:
    """The machines of one backtest."""

    def __init__(self, scenario: Scenario, threads: int) -> None:
        self.scenario = scenario
        self.compat = scenario.compat
        self.schedule = self._schedule()
        self.written = TSDB(symbols=scenario.database.symbols)
        recorded = HidingStore(scenario.database, _written_names([each.group for each in self.schedule]))
        step_ms = scenario.prometheus.global_.evaluation_interval_ms
        self.evaluator = BatchEvaluator(self.schedule, recorded, self.written, default_step_ms=step_ms, threads=threads)
        self.router = self._router()
        machines = [self._machine(each) for each in self.schedule]
        self.flow = Flow(
            machines,
            self.router,
            self.written,
            router_known_from=self._router_known_from(),
            sending_ms=self.compat.sending_ms,
        )

    def run(self, progress: Callable[[int], None] | None) -> BacktestResult:
        notifications: list[tuple[Notification, object]] = []
        others: dict[type, list[object]] = {Transition: [], Decision: [], EvaluationFailed: [], SampleRejected: []}
        routes = self.scenario.alertmanager
        answer_after_ms = _DELIVERY_MS if self.compat.repeat_after_completion else 0
        for now, effect in self.flow.run(self.scenario.end):
            if routes is not None and isinstance(effect, Notify):
                notifications.append((effect.notification, routes.integration(effect.notification).config))
                self.flow.schedule(Delivered(effect.delivery), now + answer_after_ms)
            elif type(effect) in others:
                others[type(effect)].append(effect)
            if progress is not None:
                progress(now)
        transitions, decisions, failures, rejected = (tuple(each) for each in others.values())
        return BacktestResult(
            tuple(notifications),
            transitions,  # type: ignore[arg-type] # each list holds its own kind
            decisions,  # type: ignore[arg-type]
            failures,  # type: ignore[arg-type]
            rejected,  # type: ignore[arg-type]
            sum(each.times.size * len(each.group.rules) for each in self.schedule),
            tuple(rule.name for rule in self.evaluator.ticked),
            self.written,
            self._renderer(),
        )

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

    def _machine(self, scheduled: ScheduledGroup) -> Machine:
        """The group as a server has it that just started, where it is known when it did."""
        started = self.scenario.info.prometheus.started
        machine = GroupMachine(
            scheduled.group,
            self.evaluator,
            interval_ms=scheduled.interval_ms,
            offset_ms=scheduled.offset_ms,
            start=self.scenario.start if not scheduled.times.size else int(scheduled.times[0]),
            query_offset_ms=scheduled.query_offset_ms,
            external_labels=self.scenario.prometheus.external_labels,
            external_url=self._external_url("prometheus", _PROMETHEUS_URL),
            restore=None if started is None else RestorePolicy(),
        )
        return machine if started is None else RestoringGroup(machine, self.scenario.database, until=started)

    def _router(self) -> Alertmanager | None:
        scenario = self.scenario
        if scenario.alertmanager is None:
            return None
        started = scenario.info.alertmanager.started
        return Alertmanager(
            scenario.alertmanager,
            compat=self.compat,
            started_at=scenario.start if started is None else started,
            silences=scenario.silences,
            explains=True,
        )

    def _router_known_from(self) -> int | None:
        """From when on alerts arrive: the sender has discovered its Alertmanagers, and they have started."""
        info = self.scenario.info
        if not self.compat.loses_alerts_at_start:
            return None
        discovered = None if info.prometheus.started is None else info.prometheus.started + DISCOVERY_MS
        return max((time for time in (discovered, info.alertmanager.started) if time is not None), default=None)

    def _renderer(self) -> Renderer:
        version = self.scenario.info.alertmanager.version if self.compat.name.startswith("alertmanager") else ""
        return Renderer(
            self.scenario.template_files,
            external_url=self._external_url("alertmanager", _ALERTMANAGER_URL),
            version=version,
            files=self.scenario.secret_files,
        )

    def _external_url(self, server: str, default: str) -> str:
        """What the capture says, else what the server itself would have said, else where it usually is."""
        scenario = self.scenario
        said: str | None = getattr(scenario.info, server).external_url
        if said is not None:
            return said
        return recorded_external_url(scenario.database, f"{server}_build_info", scenario.start, scenario.end) or default


def _written_names(groups: list[RuleGroup]) -> frozenset[str]:
    """The metric names whose series come from the rules."""
    recorded = {rule.record for group in groups for rule in group.rules if isinstance(rule, RecordingRule)}
    return ALERT_SERIES | recorded
