"""The loop from a metric to a notification: rule groups and the router on one timeline, around one store.

A `Flow` is itself a machine. Whoever drives it calls `poll` when `next_timer` says so, carries out what comes back, and
reports `Delivered` or `DeliveryFailed`. Live, the driver waits for the clock; in a backtest it does not.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, Self

import attrs

from obsflow.alertmanager import OBSFLOW, Alertmanager, Compat, Config, ReceiveAlerts, Silence
from obsflow.errors import StateError
from obsflow.flow.evaluators import InstantEvaluator
from obsflow.flow.restoring import RestoringGroup
from obsflow.flow.timeline import Machine, Timeline
from obsflow.model.alerts import Alert
from obsflow.model.durations import MINUTE_MS
from obsflow.model.floats import STALE_NAN, float_bits
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.storage import Appender, Queryable
from obsflow.query.engine import Engine
from obsflow.rules import (
    GroupMachine,
    GroupReloaded,
    GroupRemoved,
    RestorePolicy,
    RuleFile,
    RuleGroup,
    SendAlerts,
    WriteSamples,
    group_offset,
)

_BATCH = 64
"""How many alerts a sender puts into one request, where sending takes time."""


class Store(Queryable, Appender, Protocol):
    """What a loop reads from and writes to."""


@attrs.frozen
class SampleRejected:
    """The store did not take what a rule wrote at `time` (ms): another rule had written to that series."""

    time: int
    labels: Labels
    value: float
    error: str


class Flow:
    """Rule groups that write to a store and tell a router, and the router's notifications.

    Effects that stay inside are carried out here: samples are written before the next rule runs, alerts reach the
    router at the instant of their evaluation, or in batches of which each takes `sending_ms`. `poll` returns everything
    else in the order in which it was decided, and a `SampleRejected` for each sample that is lost because two rules
    write the same series.
    Alerts of before `router_known_from` (ms) are lost, as a server loses them that has not discovered its router yet.
    `build` makes the machine of a group that begins at a time (ms); rules are reloaded where it is given.
    """

    def __init__(
        self,
        groups: Sequence[Machine],
        router: Alertmanager | None,
        store: Appender,
        *,
        router_known_from: int | None = None,
        sending_ms: int = 0,
        build: "Callable[[RuleGroup, int], GroupMachine] | None" = None,
    ) -> None:
        self._store = store
        self._router = router
        self._router_known_from = router_known_from
        self._sending_ms = sending_ms
        self._sent_at = 0  # when the last batch arrives
        self._timeline = Timeline()
        self._outbox: list[Any] = []
        self._build = build
        self._groups: dict[tuple[str, str], GroupMachine | RestoringGroup] = {}  # by file and name
        self._leaving: list[GroupMachine | RestoringGroup] = []
        for group in groups:
            self._timeline.add(group)
            if isinstance(group, (GroupMachine, RestoringGroup)):
                self._groups[group.group.source, group.group.name] = group
        if router is not None:
            self._timeline.add(router, is_last=True)

    @classmethod
    def over(
        cls,
        store: "Store",
        rules: Sequence[RuleFile],
        routes: Config | None,
        *,
        start: int,
        evaluation_interval_ms: int = MINUTE_MS,
        external_labels: Labels = EMPTY,
        external_url: str = "",
        compat: Compat = OBSFLOW,
        silences: tuple[Silence, ...] = (),
        restore: RestorePolicy | None = None,
        records_health: bool = False,
    ) -> Self:
        """A loop over a store that somebody else fills, from `start` (ms) on.

        Each group is evaluated at the offset within its interval at which Prometheus would evaluate it. With `restore`
        the alerts of an earlier run go on as far as the store knows of them; `records_health` writes a series for each
        rule that says whether its last evaluation failed.
        """
        evaluator = InstantEvaluator(Engine(store, default_step_ms=evaluation_interval_ms))

        def build(group: RuleGroup, start: int, restore: RestorePolicy | None = None) -> GroupMachine:
            interval_ms = group.interval_ms or evaluation_interval_ms
            return GroupMachine(
                group,
                evaluator,
                interval_ms=interval_ms,
                offset_ms=group_offset(group.source, group.name, interval_ms),
                start=start,
                external_labels=external_labels,
                external_url=external_url,
                restore=restore,
                records_health=records_health,
            )

        machines = [build(group, start, restore) for file in rules for group in file.groups]
        groups = machines if restore is None else [RestoringGroup(each, store, until=start) for each in machines]
        router = None
        if routes is not None:
            router = Alertmanager(routes, compat=compat, started_at=start, silences=silences, explains=True)
        return cls(groups, router, store, build=build)

    def receive(self, event: Any, now: int) -> None:
        """Give the router an event: a silence, or what became of a delivery."""
        if self._router is not None:
            self._timeline.receive(self._router, event, now)

    def schedule(self, event: Any, at: int) -> None:
        """Give the router an event at a time to come."""
        if self._router is not None:
            self._timeline.schedule(self._router, event, at)

    def reload_rules(self, files: Sequence[RuleFile], now: int) -> None:
        """Evaluate these groups from now on (ms), instead of those before; what is due is to be polled first.

        Groups are told apart by file and name. One that is as it was goes on untouched. One that changed keeps what
        its rules of the same name and labels remember. A new one begins at its next slot. One that is missing ends,
        and its series two intervals later; under another name it is another. Raises StateError without `build`.
        """
        if self._build is None:
            raise StateError("this loop does not know how to make a rule group")
        before, self._groups = self._groups, {}
        for group in (group for file in files for group in file.groups):
            key = group.source, group.name
            fresh = self._build(group, now + 1)
            machine = self._groups[key] = before.pop(key, fresh)
            if machine is fresh:
                self._timeline.add(fresh)
            elif machine.group != group:
                self._timeline.receive(machine, GroupReloaded(group, fresh.interval_ms, fresh.offset_ms), now)
        for machine in before.values():
            self._timeline.receive(machine, GroupRemoved(), now)
            self._leaving.append(machine)

    def next_timer(self) -> int | None:
        """When `poll` has something to do, or None."""
        return self._timeline.next_timer()

    def poll(self, now: int) -> list[Any]:
        """Let everything happen that is due, and return the effects that are somebody else's to carry out."""
        self._timeline.poll(now, self._perform)
        for machine in [each for each in self._leaving if each.next_timer() is None]:
            self._leaving.remove(machine)
            self._timeline.remove(machine)
        effects, self._outbox = self._outbox, []
        return effects

    def run(self, until: int) -> Iterable[tuple[int, Any]]:
        """Poll in virtual time up to and including `until`; yields (time, effect)."""
        while (now := self.next_timer()) is not None and now <= until:
            for effect in self.poll(now):
                yield now, effect

    def _perform(self, effect: Any, now: int) -> None:
        match effect:
            case WriteSamples(time=time, samples=samples):
                for labels, value in samples:
                    self._write(labels, time, value)
            case SendAlerts(alerts=alerts):
                if self._router_known_from is None or now >= self._router_known_from:
                    self._send(alerts, now)
            case _:
                self._outbox.append(effect)

    def _send(self, alerts: Sequence[Alert], now: int) -> None:
        """One batch after the other, as a sender does that waits for each answer."""
        size = _BATCH if self._sending_ms else len(alerts)
        for first in range(0, len(alerts), size):
            self._sent_at = max(self._sent_at, now) + self._sending_ms
            self.schedule(ReceiveAlerts(tuple(alerts[first : first + size])), self._sent_at)

    def _write(self, labels: Labels, time: int, value: float) -> None:
        try:
            self._store.append(labels, time, value)
        except StateError as error:
            if float_bits(value) != float_bits(STALE_NAN):  # that a series goes on elsewhere is no loss
                self._outbox.append(SampleRejected(time, labels, value, str(error)))
