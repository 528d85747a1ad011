"""The rules of a test in virtual time: machines for a loop, and what there is to see of them at a time."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs
import numpy as np

from obsflow.flow.dependencies import ALERT_SERIES, ScheduledGroup, SteppedGroup, split
from obsflow.flow.evaluators import BatchEvaluator
from obsflow.flow.played import Hearing, play_group, play_rules, select_alerts
from obsflow.flow.replay import FrameStore, UnionStore
from obsflow.flow.timeline import Machine
from obsflow.model.frames import TimeArray
from obsflow.model.labels import Labels
from obsflow.model.storage import Queryable
from obsflow.promql import Dialect
from obsflow.query.engine import Engine
from obsflow.rules import AlertingRule, AlertState, GroupMachine, RecordingRule, RuleContext, RuleGroup
from obsflow.rules.alerting import AlertingState
from obsflow.rules.history import PlayedRule
from obsflow.testing.rule_tests.constants import take_constants
from obsflow.testing.rule_tests.data import InputData, Loader
from obsflow.testing.rule_tests.evaluators import RuleEvaluator, has_plain_evaluation, is_batchable
from obsflow.testing.rule_tests.idle import without_idle
from obsflow.tsdb.memory import TSDB


@attrs.frozen
class ActiveView:
    """An alert of a rule as it was at a time."""

    labels: Labels
    annotations: Labels
    state: AlertState


@attrs.frozen
class Surroundings:
    """What a test says of the server that its rules run in. Times are ms; `interval` is that of the evaluations."""

    start: int
    end: int
    interval: int
    dialect: Dialect
    external_labels: Labels
    external_url: str
    uses_group_intervals: bool = False
    has_router: bool = False


class _Rule(Protocol):
    """An alerting rule that can be looked at."""

    @property
    def rule(self) -> AlertingRule:
        """The rule as it was configured."""

    def views(self, time: int) -> Iterator[ActiveView]:
        """The alerts that it remembers at `time` (ms)."""


@attrs.frozen
class _Idle:
    """A rule that the test gives nothing to read."""

    rule: AlertingRule

    def views(self, time: int) -> Iterator[ActiveView]:  # noqa: ARG002 - it has none at any time
        return iter(())


@attrs.frozen
class _Stepped:
    """A rule that is led from tick to tick: it is as it is now."""

    rule: AlertingRule
    state: AlertingState

    def views(self, time: int) -> Iterator[ActiveView]:  # noqa: ARG002 - it cannot look back
        return (ActiveView(each.labels, self.state.annotations(each), each.state) for each in self.state.alerts)


@attrs.frozen
class _Played:
    """A rule whose whole history is known."""

    rule: AlertingRule
    played: PlayedRule

    def views(self, time: int) -> Iterator[ActiveView]:
        tick = int(np.searchsorted(self.played.times, time, side="right")) - 1
        for alert in self.played.alerts:
            stay = next((each for each in alert.stays if each.start <= tick < each.end), None)
            if stay is not None:
                yield ActiveView(alert.labels, self.played.annotations(alert, tick), stay.state)


class RuleReplay:
    """The groups of a test over the series that it gives.

    `machines` are the groups in order; whoever drives them loads samples with `loader` as time goes on, and writes to
    `written`. `queryable` and `engine` see all that is stored.

    Rules that the test gives nothing to read are left out. Input samples and those that rules write share a store where
    they may be of the same series, or where rules may look ahead; there, every rule is led from tick to tick. Elsewhere
    that is done only to groups that need it.
    """

    def __init__(self, groups: Sequence[RuleGroup], data: InputData, around: Surroundings) -> None:
        self._around = around
        self._rules: dict[str, list[_Rule]] = {}
        self._had_samples: set[int] = set()
        groups, idle = without_idle(groups, data.labels)
        for rule in idle:
            if isinstance(rule, AlertingRule):
                self._rules.setdefault(rule.alert, []).append(_Idle(rule))
        is_batched = has_plain_evaluation(around.dialect) and is_batchable(groups, data)
        self.written = TSDB()
        recorded = TSDB(symbols=self.written.symbols) if is_batched else self.written
        self._frames = FrameStore(self.written.symbols)
        self.schedule = [self._scheduled(group) for group in groups]
        self.loader = Loader(data, recorded)
        stores: list[Queryable] = [recorded]
        if is_batched:
            self.loader.load_until(self.last_tick)
            constants = take_constants(self.schedule, self.written.symbols, around.interval)
            self._had_samples |= constants.writing
            self.schedule = constants.schedule
            stores += [constants.store, self._frames, self.written]
        self.queryable: Queryable = UnionStore(*stores) if is_batched else recorded
        self.engine = Engine(self.queryable, default_step_ms=around.interval, dialect=around.dialect)
        batch: BatchEvaluator | None = None
        stepped: dict[int, SteppedGroup] = {}
        if is_batched:
            self.schedule, stepped = split(self.schedule)
            batch = BatchEvaluator(self.schedule, recorded, self.written, default_step_ms=around.interval)
        self._evaluator = RuleEvaluator(self.engine, batch)
        self.machines = [
            self._step(each) if batch is None or number in stepped else self._play(each, batch)
            for number, each in enumerate(self.schedule)
        ]

    @property
    def last_tick(self) -> int:
        """The time of the last evaluation, in ms; without rules, when it would have been."""
        around = self._around
        times = [int(each.times[-1]) for each in self.schedule]
        return max(times, default=around.end - (around.end - around.start) % around.interval)

    @property
    def alert_names(self) -> list[str]:
        """The names of all alerting rules."""
        return list(self._rules)

    def rules(self, name: str) -> list[AlertingRule]:
        """The alerting rules of a name."""
        return [each.rule for each in self._rules.get(name, ())]

    def alerts(self, name: str, time: int) -> list[ActiveView]:
        """The alerts that the rules of a name remember at `time` (ms), which the loop has reached and not passed."""
        return [view for rule in self._rules.get(name, ()) for view in rule.views(time)]

    @property
    def had_samples(self) -> set[int]:
        """The rules, by id, whose queries ever had a result."""
        return self._had_samples | self._evaluator.had_samples

    def _scheduled(self, group: RuleGroup) -> ScheduledGroup:
        around = self._around
        interval = (around.uses_group_intervals and group.interval_ms) or around.interval
        return ScheduledGroup(group, interval, group.query_offset_ms or 0, ticks(around.start, interval, around.end))

    def _step(self, scheduled: ScheduledGroup) -> Machine:
        around = self._around
        machine = GroupMachine(
            scheduled.group,
            self._evaluator,
            interval_ms=scheduled.interval_ms,
            offset_ms=scheduled.offset_ms,
            start=around.start,
            external_labels=around.external_labels,
            external_url=around.external_url,
        )
        for state in machine.rules:
            if isinstance(state, AlertingState):
                self._rules.setdefault(state.rule.alert, []).append(_Stepped(state.rule, state))
        return machine

    def _play(self, scheduled: ScheduledGroup, batch: BatchEvaluator) -> Machine:
        around, group = self._around, scheduled.group
        context = RuleContext(
            group=group.name,
            evaluator=self._evaluator,
            interval_ms=scheduled.interval_ms,
            query_offset_ms=scheduled.query_offset_ms,
            limit=group.limit,
            external_labels=around.external_labels,
            external_url=around.external_url,
        )
        played = play_rules(scheduled, batch, context)
        for each in played.values():
            self._rules.setdefault(each.rule.alert, []).append(_Played(each.rule, each))
            if each.alerts:
                self._had_samples.add(id(each.rule))
        for rule in group.rules:
            if isinstance(rule, RecordingRule):
                selection, _ = batch.recorded(rule)
                if len(selection):
                    self._frames.add(rule.record, selection)
                    self._had_samples.add(id(rule))
        if any(each.transitions for each in played.values()):
            for name in ALERT_SERIES:
                series = select_alerts(played.values(), name, scheduled.query_offset_ms, self.written.symbols)
                self._frames.add(name, series)
        hearing = Hearing(around.start, is_spared=False) if around.has_router else None
        return play_group(scheduled, batch, played, hearing)


def ticks(start: int, interval: int, end: int) -> TimeArray:
    """int64 ms: `start`, `start + interval`, ... up to and including `end`."""
    return np.arange(start, end + 1, interval, dtype=np.int64)
