"""A backtest: the loop over recorded data in virtual time.

Series that the rules record, and `ALERTS*`, come from this run and never from the recording; but where the recording has
a group's output, the group is evaluated at the very offsets at which it was evaluated then.
"""

from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np

from obsflow.alertmanager import Alertmanager, Compat, Config, Decision, Delivered, Notify, Silence
from obsflow.errors import ConfigError, Problem
from obsflow.flow.config import CaptureInfo, PrometheusConfig
from obsflow.flow.evaluators import ALERT_SERIES, BatchEvaluator
from obsflow.flow.external_url import recorded_external_url
from obsflow.flow.loop import Flow
from obsflow.flow.phase import recorded_offset, recorded_times
from obsflow.flow.replay import HidingStore
from obsflow.model.frames import TimeArray
from obsflow.model.notifications import Notification
from obsflow.model.storage import Queryable
from obsflow.notify import Renderer, Request
from obsflow.rules import EvaluationFailed, GroupMachine, RecordingRule, RuleFile, RuleGroup, Transition, group_offset
from obsflow.tsdb import TSDB

_DELIVERY_MS = 5
"""How long a delivery takes under a `compat` that compares with its completion."""


@attrs.frozen(eq=False)
class Scenario:
    """Everything that a backtest replays. `start` and `end` in ms, both included.

    `template_files` are the texts of the template files that the Alertmanager configuration names.
    """

    database: Queryable
    rule_files: tuple[RuleFile, ...]
    start: int
    end: int
    prometheus: PrometheusConfig = PrometheusConfig()
    alertmanager: Config | None = None
    template_files: tuple[str, ...] = ()
    silences: tuple[Silence, ...] = ()
    info: CaptureInfo = CaptureInfo()

    @property
    def compat(self) -> Compat:
        """Whose habits the router has."""
        return Compat.parse(self.info.compat)


@attrs.frozen
class SentNotification:
    """A notification that left, and the configuration entry that it left through."""

    notification: Notification
    config: object = attrs.field(repr=False)


@attrs.frozen(eq=False)
class BacktestResult:
    """What would have happened, in order of time."""

    notifications: tuple[SentNotification, ...]
    transitions: tuple[Transition, ...]
    failures: tuple[EvaluationFailed, ...]
    decisions: tuple[Decision, ...]
    evaluations: int
    ticked_rules: tuple[str, ...]
    renderer: Renderer

    def requests(self) -> Iterator[tuple[Notification, Request]]:
        """Each notification with the request that its receiver would have got."""
        for sent in self.notifications:
            yield sent.notification, self.renderer.render(sent.notification, sent.config)


def run_backtest(scenario: Scenario, progress: Callable[[int], None] | None = None) -> BacktestResult:
    """Replay the scenario. `progress` is told the time reached, in ms, after every instant at which something happened."""
    return _Run(scenario).run(progress)


class _Run:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.written = TSDB(symbols=scenario.database.symbols)
        groups = [(group, self._schedule(group)) for file in scenario.rule_files for group in file.groups]
        recorded = HidingStore(scenario.database, _written_names([group for group, _ in groups]))
        step = scenario.prometheus.global_.evaluation_interval_ms
        self.evaluator = BatchEvaluator(groups, recorded, self.written, default_step_ms=step)
        self.machines = [self._machine(group, times) for group, times in groups]
        self.evaluations = sum(times.size * len(group.rules) for group, times in groups)
        self.router = self._router()

    def run(self, progress: Callable[[int], None] | None) -> BacktestResult:
        flow = Flow(self.machines, self.router, self.written)
        collected: dict[type, list[object]] = {
            kind: [] for kind in (SentNotification, Transition, EvaluationFailed, Decision)
        }
        for now, effect in flow.run(self.scenario.end):
            if isinstance(effect, Notify):
                collected[SentNotification].append(SentNotification(effect.notification, effect.config))
                flow.schedule(Delivered(effect.delivery), now + self._delivery_ms)
            else:
                collected[type(effect)].append(effect)
            if progress is not None:
                progress(now)
        sent, transitions, failures, decisions = (tuple(each) for each in collected.values())
        ticked = tuple(rule.record if isinstance(rule, RecordingRule) else rule.alert for rule in self.evaluator.ticked)
        return BacktestResult(sent, transitions, failures, decisions, self.evaluations, ticked, self._renderer())  # type: ignore[arg-type]

    def _interval(self, group: RuleGroup) -> int:
        return group.interval_ms or self.scenario.prometheus.global_.evaluation_interval_ms

    def _query_offset(self, group: RuleGroup) -> int:
        own = group.query_offset_ms
        return self.scenario.prometheus.global_.rule_query_offset_ms if own is None else own
