"""A backtest: the loop over recorded data in virtual time.

Series that the rules record, and `ALERTS*`, come from this run and never from the recording; but where the recording
has a group's output, the group is evaluated at the very offset within its interval at which it was evaluated then.
"""

from collections.abc import Callable, Iterator
from functools import cached_property

import attrs

from obsflow.alertmanager import Alertmanager, Decision, Delivered, Grouped, Notify
from obsflow.flow.dependencies import SteppedGroup
from obsflow.flow.loop import Flow, SampleRejected
from obsflow.flow.phase import DISCOVERY_MS
from obsflow.flow.played import AnnotationBook, Hearing, play_group
from obsflow.flow.replay import UnionStore
from obsflow.flow.restoring import RestoringGroup
from obsflow.flow.scenario import Scenario
from obsflow.flow.stage import PlayedGroups, Stage, external_url
from obsflow.flow.timeline import Machine
from obsflow.model.notifications import Notification
from obsflow.model.storage import Queryable
from obsflow.notify import Renderer, Request
from obsflow.rules import EvaluationFailed, GroupMachine, RestorePolicy, Transition

_DELIVERY_MS = 2
"""How long a delivery takes, where a `compat` compares with the end of one: it is never instant.

With a drift of 1 ms a flush, a repeat interval of three group intervals and more is kept, and one of one or two takes a
group interval longer. Measured with Alertmanager 0.25 and a receiver on the same machine: 25 % of the repeats were
on time for one group interval, 57 % for two, 90 % for three, all for five and more.
"""

_ALERTMANAGER_URL = "http://localhost:9093"


@attrs.frozen(eq=False, slots=False)  # with slots there is no place for a cached property
class BacktestResult:
    """What would have happened, each tuple in order of time.

    `notifications` have the integration's configuration beside them. `rejected` are the samples that were lost because
    two rules write the same series. `stepped` names the groups that had to be led from tick to tick, and why; `written`
    holds the series that the rules wrote, and `store` those together with the recorded ones, as the rules saw them.
    """

    notifications: tuple[tuple[Notification, object], ...]
    transitions: tuple[Transition, ...]
    decisions: tuple[Decision, ...]
    grouped: tuple[Grouped, ...]
    failures: tuple[EvaluationFailed, ...]
    rejected: tuple[SampleRejected, ...]
    evaluations: int
    stepped: tuple[SteppedGroup, ...]
    written: Queryable = attrs.field(repr=False)
    store: Queryable = attrs.field(repr=False)
    _make_renderer: Callable[[], Renderer] = attrs.field(repr=False)

    @cached_property
    def renderer(self) -> Renderer:
        """What makes requests of the notifications. Raises TemplateSyntaxError for a template file that is none."""
        return self._make_renderer()

    def requests(self) -> Iterator[tuple[Notification, Request]]:
        """Each notification with the requests that its receiver would have got, one after the other."""
        for notification, config in self.notifications:
            for request in self.renderer.render_all(notification, config):
                yield notification, request


def run_backtest(
    scenario: Scenario, progress: Callable[[int], None] | None = None, *, threads: int = 1, stepwise: bool = False
) -> BacktestResult:
    """Replay the scenario. `progress` is told the time reached, in ms, whenever something happened.

    Each rule is evaluated over the whole time at once, and its alerts are followed from change to change, where that is
    sound; `stepwise` leads every group from tick to tick instead, to the same result. Up to `threads` threads take part
    in reading recorded samples, as in `Engine`.
    """
    stage = Stage(scenario, threads)
    numbers = range(len(stage.groups))
    played = [None if stepwise or number in stage.stepped else stage.play(number) for number in numbers]
    return run_stage(stage, played, progress)


def run_stage(stage: Stage, played: PlayedGroups, progress: Callable[[int], None] | None = None) -> BacktestResult:
    """Run the loop over groups of which some have been played."""
    return _Run(stage, played).run(progress)


class _Run:
    """The machines of one backtest."""

    def __init__(self, stage: Stage, played: PlayedGroups) -> None:
        self.stage = stage
        self.scenario = stage.scenario
        self.compat = stage.scenario.compat
        self.played = played
        self.router = self._router()
        self.hearing = self._hearing()
        self.flow = Flow(
            [self._machine(number) for number in range(len(stage.groups))],
            self.router,
            stage.appended,
            router_known_from=self._router_known_from(),
            sending_ms=self.compat.sending_ms,
        )

    def run(self, progress: Callable[[int], None] | None) -> BacktestResult:
        notifications: list[tuple[Notification, object]] = []
        others: dict[type, list[object]] = {
            Transition: [],
            Decision: [],
            Grouped: [],
            EvaluationFailed: [],
            SampleRejected: [],
        }
        routes = self.scenario.alertmanager
        book = None
        if self.hearing is not None and self.hearing.is_spared:
            book = AnnotationBook([rule for played in self.played if played for rule in played.values()])
        answer_after_ms = _DELIVERY_MS if self.compat.repeat_after_completion else 0
        for now, effect in self.flow.run(self.scenario.end):
            if routes is not None and isinstance(effect, Notify):
                told = effect.notification if book is None else book.annotate(effect.notification)
                notifications.append((told, routes.integration(told).config))
                self.flow.schedule(Delivered(effect.delivery), now + answer_after_ms)
            elif type(effect) in others:
                others[type(effect)].append(effect)
            if progress is not None:
                progress(now)
        transitions, decisions, grouped, failures, rejected = (tuple(each) for each in others.values())
        written = self.stage.written(self.played)
        return BacktestResult(
            tuple(notifications),
            transitions,  # type: ignore[arg-type] # each list holds its own kind
            decisions,  # type: ignore[arg-type]
            grouped,  # type: ignore[arg-type]
            failures,  # type: ignore[arg-type]
            rejected,  # type: ignore[arg-type]
            sum(each.times.size * len(each.group.rules) for each in self.stage.groups),
            tuple(self.stage.stepped.values()),
            written,
            UnionStore(self.stage.recorded, written),
            self._renderer,
        )

    def _machine(self, number: int) -> Machine:
        """The group as a server has it that just started, where it is known when it did."""
        scheduled, played = self.stage.groups[number], self.played[number]
        if played is not None:
            return play_group(scheduled, self.stage.evaluator, played, self.hearing)
        started = self.scenario.info.prometheus.started
        context = self.stage.context(scheduled)
        machine = GroupMachine(
            scheduled.group,
            self.stage.evaluator,
            interval_ms=scheduled.interval_ms,
            offset_ms=scheduled.offset_ms,
            start=self.scenario.start if not scheduled.times.size else int(scheduled.times[0]),
            query_offset_ms=scheduled.query_offset_ms,
            external_labels=context.external_labels,
            external_url=context.external_url,
            restore=None if started is None else RestorePolicy(),
        )
        return machine if started is None else RestoringGroup(machine, self.scenario.database, until=started)

    def _hearing(self) -> Hearing | None:
        """What the router has to hear of alerts; None without one."""
        if self.router is None:
            return None
        compat = self.compat
        tells_apart = compat.sending_ms or compat.inhibition_keeps_one_source or compat.loses_alerts_at_start
        return Hearing(self.router_started_at, is_spared=not tells_apart)

    @property
    def router_started_at(self) -> int:
        """When the router was started, in ms."""
        started = self.scenario.info.alertmanager.started
        return self.scenario.start if started is None else started

    def _router(self) -> Alertmanager | None:
        scenario = self.scenario
        if scenario.alertmanager is None:
            return None
        return Alertmanager(
            scenario.alertmanager,
            compat=self.compat,
            started_at=self.router_started_at,
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
            external_url=external_url(self.scenario, "alertmanager", _ALERTMANAGER_URL),
            version=version,
            files=self.scenario.secret_files,
        )
