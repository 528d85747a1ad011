"""Things to write tests with, that live in virtual time: an engine, rules and routes on a timeline, a router alone.

Time begins at 0 and moves when it is told to. Durations and times are texts such as `1h30m`, or ms.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from obsflow.alertmanager import (
    OBSFLOW,
    Alertmanager,
    Compat,
    Config,
    Delivered,
    Notify,
    ReceiveAlerts,
    SetSilence,
    Silence,
    parse_matchers,
)
from obsflow.flow.evaluators import vector_of
from obsflow.flow.loop import Flow
from obsflow.flow.timeline import Timeline
from obsflow.model.alerts import Alert
from obsflow.model.durations import DAY_MS, MINUTE_MS, parse_duration
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.notifications import Notification
from obsflow.promql import PROMETHEUS, Dialect
from obsflow.query.engine import Engine
from obsflow.query.result import Scalar
from obsflow.rules import GroupMachine, RuleFile, Transition
from obsflow.rules.alerting import AlertingState
from obsflow.testing.rule_tests.data import Loader, input_of
from obsflow.testing.rule_tests.evaluators import RuleEvaluator
from obsflow.tsdb.memory import TSDB

Duration = str | int
_LONG_MS = 36_500 * DAY_MS  # an alert fires until it is said that it is over


def to_ms(duration: Duration) -> int:
    """A duration in ms. Raises ValueError for a text that is none."""
    return duration if isinstance(duration, int) else parse_duration(duration)


class VirtualEngine:
    """A store that takes series in the notation of tests, and an engine over it."""

    def __init__(self, dialect: Dialect = PROMETHEUS) -> None:
        self.store = TSDB()
        self.engine = Engine(self.store, dialect=dialect)

    def load(self, interval: Duration, *series: str) -> None:
        """Add series such as `up{job="a"} 1x5 0`, their samples `interval` apart from 0 on. Raises ValueError."""
        Loader(input_of(series, 0, to_ms(interval)), self.store).load_all()

    def query(self, expr: str, at: Duration) -> dict[str, float] | float:
        """The answer at a time: a number for a scalar, else the values of an instant vector by their labels as text.

        Raises QuerySyntaxError, QueryError.
        """
        result = self.engine.query(expr, to_ms(at))
        if isinstance(result.value, Scalar):
            return result.value.value
        return {str(labels): value for labels, value in vector_of(result)}


class VirtualTimeline:
    """Rules, and routes if there are any, over a store in memory.

    Groups are evaluated at 0 and every interval of theirs after it; deliveries succeed at once. `effects` are all that
    the loop decided, with their times in ms, and `now` is how far time has come.
    """

    def __init__(
        self,
        rules: Iterable[RuleFile],
        routes: Config | None = None,
        *,
        evaluation_interval: Duration = MINUTE_MS,
        external_labels: Mapping[str, str] = EMPTY,
        external_url: str = "",
        compat: Compat = OBSFLOW,
        silences: tuple[Silence, ...] = (),
    ) -> None:
        interval = to_ms(evaluation_interval)
        self.store = TSDB()
        self.engine = Engine(self.store, default_step_ms=interval)
        evaluator = RuleEvaluator(self.engine, None)
        self._machines = [
            GroupMachine(
                group,
                evaluator,
                interval_ms=group.interval_ms or interval,
                offset_ms=0,
                start=0,
                external_labels=Labels(external_labels),
                external_url=external_url,
            )
            for file in rules
            for group in file.groups
        ]
        router = None
        if routes is not None:
            router = Alertmanager(routes, compat=compat, started_at=0, silences=silences, explains=True)
        self._flow = Flow(self._machines, router, self.store, sending_ms=compat.sending_ms)
        self._loaders: list[Loader] = []
        self.now = -1
        self.effects: list[tuple[int, Any]] = []

    def load(self, interval: Duration, *series: str) -> None:
        """Give it series such as `up{job="a"} 1x5 0` from 0 on, no sample before its time. Raises ValueError."""
        self._loaders.append(Loader(input_of(series, 0, to_ms(interval)), self.store))

    def advance(self, by: Duration) -> list[Any]:
        """Let time pass, and return what was decided on the way. The first step includes the evaluation at 0."""
        until, before = max(self.now, 0) + to_ms(by), len(self.effects)
        while (now := self._flow.next_timer()) is not None and now <= until:
            self._load_until(now)
            for effect in self._flow.poll(now):
                self.effects.append((now, effect))
                if isinstance(effect, Notify):
                    self._flow.schedule(Delivered(effect.delivery), now)
        self._load_until(until)
        self.now = until
        return [effect for _, effect in self.effects[before:]]

    def _load_until(self, time: int) -> None:
        for loader in self._loaders:
            loader.load_until(time)

    @property
    def notifications(self) -> list[Notification]:
        """All notifications so far."""
        return [effect.notification for _, effect in self.effects if isinstance(effect, Notify)]

    @property
    def transitions(self) -> list[Transition]:
        """All changes of alerts so far."""
        return [effect for _, effect in self.effects if isinstance(effect, Transition)]

    def alerts(self, state: str = "firing") -> list[Labels]:
        """The labels of the alerts that are `firing` or `pending` now."""
        return sorted(
            alert.labels
            for machine in self._machines
            for rule in machine.rules
            if isinstance(rule, AlertingState)
            for alert in rule.alerts
            if alert.state.series_value == state
        )

    def query(self, expr: str) -> dict[str, float]:
        """The values of an instant vector now, by their labels as text. Raises QuerySyntaxError, QueryError."""
        return {str(labels): value for labels, value in vector_of(self.engine.query(expr, max(self.now, 0)))}


class VirtualRouter:
    """An Alertmanager to which alerts are sent by hand; deliveries succeed at once."""

    def __init__(self, routes: Config, compat: Compat = OBSFLOW) -> None:
        self.router = Alertmanager(routes, compat=compat, started_at=0, explains=True)
        self._timeline = Timeline()
        self._timeline.add(self.router)
        self._silences = 0
        self._fired_at: dict[Labels, int] = {}
        self.now = 0
        self.effects: list[tuple[int, Any]] = []

    def fire(self, labels: Mapping[str, str], annotations: Mapping[str, str] = EMPTY) -> None:
        """Send an alert that fires from now on until `resolve` says that it is over."""
        own = Labels(labels)
        started = self._fired_at.setdefault(own, self.now)
        self.send(Alert(own, Labels.of_annotations(annotations), started, self.now + _LONG_MS))

    def resolve(self, labels: Mapping[str, str]) -> None:
        """Say that an alert is over now."""
        own = Labels(labels)
        self.send(Alert(own, starts_at=self._fired_at.pop(own, self.now), ends_at=self.now))

    def send(self, *alerts: Alert) -> None:
        """Send alerts as they are."""
        self._receive(ReceiveAlerts(alerts))

    def silence(self, matchers: str, duration: Duration) -> None:
        """Silence what these matchers pass, such as `team="db", severity=~"page|ticket"`, from now on.

        Raises MatcherSyntaxError.
        """
        self._silences += 1
        silence = Silence(f"#{self._silences}", parse_matchers(matchers), self.now, self.now + to_ms(duration))
        self._receive(SetSilence(silence))

    def advance(self, by: Duration) -> list[Notification]:
        """Let time pass, and return the notifications that left on the way."""
        until, before = self.now + to_ms(by), len(self.effects)
        while (now := self._timeline.next_timer()) is not None and now <= until:
            self._timeline.poll(now, self._perform)
        self.now = until
        return self._notifications(self.effects[before:])

    @property
    def notifications(self) -> list[Notification]:
        """All notifications so far."""
        return self._notifications(self.effects)

    def _notifications(self, effects: Sequence[tuple[int, Any]]) -> list[Notification]:
        return [effect.notification for _, effect in effects if isinstance(effect, Notify)]

    def _receive(self, event: Any) -> None:
        self._timeline.receive(self.router, event, self.now)

    def _perform(self, effect: Any, now: int) -> None:
        self.effects.append((now, effect))
        if isinstance(effect, Notify):
            self._timeline.receive(self.router, Delivered(effect.delivery), now)
