"""What the incident machine remembers between events, apart from what it does with it."""

import copy
import heapq
from collections.abc import Iterable

import attrs

from obsflow.incident.config import Config, Service
from obsflow.incident.contacts import NotificationRule, Urgency
from obsflow.incident.escalation import PageCause, Position, Reached
from obsflow.incident.events import Effect
from obsflow.incident.heartbeats import Heartbeat, Pulse
from obsflow.incident.lifecycle import IncidentState, Observation
from obsflow.incident.maintenance import Window, free_at
from obsflow.incident.operations import Change
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, NotifiedAlert

Key = tuple[str, str]  # service, what the source calls it

HELD = frozenset({Observation.LEVEL_DUE, Observation.PAGE_DUE, Observation.QUIET_END})
"""The timers that wait for the end of a maintenance."""
_RANKS = {Observation.PAGE_DUE: 1, Observation.LEVEL_DUE: 2}


@attrs.frozen
class PlannedPage:
    """A page that waits for its delay."""

    reached: Reached
    rule: NotificationRule
    cause: PageCause


@attrs.frozen
class Timer:
    """Something that happens to an incident at `at`, ms, unless it is stopped; `due` is when but for a maintenance."""

    at: int
    sequence: int
    observation: Observation
    page: PlannedPage | None = None
    due: int = 0


@attrs.frozen
class Cycle:
    """Users whose rules run, since when (ms), and why."""

    since: int
    reached: tuple[Reached, ...]
    cause: PageCause


@attrs.frozen
class Incident:
    """An incident as it is now. Times are ms; `since` is when its state began, `level_since` the level of its policy.

    `keys` are those that sources know it by, `open_keys` the ones that are not over; `reports` are alerts, each with
    the key that told of it. `level_clock` is from when the time of the level runs. `is_started` says that its policy
    has turned to a level, `is_exhausted` that it has nobody left, `is_assigned` that somebody chose it.
    `acknowledgers` are those who acknowledged at this level.
    """

    number: int
    service: str
    title: str
    urgency: Urgency
    state: IncidentState
    opened_at: int
    since: int
    position: Position
    level_since: int
    keys: tuple[Key, ...]
    open_keys: frozenset[Key]
    reports: tuple[tuple[Key, NotifiedAlert], ...] = ()
    timers: tuple[Timer, ...] = ()
    cycle: Cycle | None = None
    level_clock: int = 0
    is_started: bool = False
    is_assigned: bool = False
    is_exhausted: bool = False
    acknowledged_by: str = ""
    acknowledgers: tuple[str, ...] = ()
    snoozed_until: int | None = None
    merged_into: int | None = None

    @property
    def alerts(self) -> tuple[NotifiedAlert, ...]:
        """The last word on every alert."""
        return tuple(alert for _, alert in self.reports)

    @property
    def missing_acknowledgements(self) -> int:
        """How many people have to acknowledge before it is acknowledged; 1 where nobody is paged."""
        paged = 1 if self.cycle is None else len(self.cycle.reached)
        wanted = self.position.here.acknowledgements
        return max(1, min(paged, paged if wanted is None else wanted) - len(self.acknowledgers))

    def with_reports(self, reports: Iterable[tuple[Key, NotifiedAlert]]) -> "Incident":
        """With the latest word on alerts, which are known by the key and their labels."""
        merged: dict[tuple[Key, Labels], NotifiedAlert] = {(key, alert.labels): alert for key, alert in self.reports}
        merged.update(((key, alert.labels), alert) for key, alert in reports)
        return attrs.evolve(self, reports=tuple((key, alert) for (key, _), alert in merged.items()))

    def ended_reports(self, key: Key, at: int) -> tuple[NotifiedAlert, ...]:
        """The alerts of a key that fire, as they are if they end at an instant, ms."""
        return tuple(
            attrs.evolve(alert, status=AlertStatus.RESOLVED, ends_at=at)
            for each, alert in self.reports
            if each == key and alert.status is AlertStatus.FIRING
        )

    def without_reports(self, key: Key) -> "Incident":
        """Without the alerts of a key."""
        return attrs.evolve(self, reports=tuple(each for each in self.reports if each[0] != key))

    def without_timers(self, *observations: Observation) -> "Incident":
        """With the timers of these kinds stopped."""
        left = tuple(timer for timer in self.timers if timer.observation not in observations)
        return attrs.evolve(self, timers=left)

    def has_timer(self, observation: Observation) -> bool:
        """Whether a timer of this kind runs."""
        return any(timer.observation is observation for timer in self.timers)


@attrs.define
class Snapshot:
    """Everything that a machine remembers; to be given back to `restore` and not otherwise touched.

    `services` are those of the configuration, and those that it has no more while they have open incidents.
    """

    config: Config
    services: dict[str, Service] = attrs.field(factory=dict)
    incidents: dict[int, Incident] = attrs.field(factory=dict)
    keys: dict[Key, int] = attrs.field(factory=dict)  # the last incident of each
    timers: list[tuple[int, int, int]] = attrs.field(factory=list)  # (when, sequence, incident)
    windows: dict[str, tuple[Window, ...]] = attrs.field(factory=dict)  # maintenance, by service
    pulses: dict[Key, Pulse] = attrs.field(factory=dict)  # by service and heartbeat
    changes: dict[str, tuple[Change, ...]] = attrs.field(factory=dict)  # the latest of each service
    turns: dict[tuple[str, int], int] = attrs.field(factory=dict)  # whose turn it is, by policy and level
    sent: set[tuple[object, ...]] = attrs.field(factory=set)  # the pages of the instant `sent_at`
    sent_at: int | None = None
    sequence: int = 0
    now: int | None = None
    effects: list[Effect] = attrs.field(factory=list)

    def copy(self) -> "Snapshot":
        """A state that goes its own way from here."""
        copied = copy.copy(self)
        for field in attrs.fields(Snapshot):
            value = getattr(self, field.name)
            if isinstance(value, dict | list | set):
                setattr(copied, field.name, value.copy())
        return copied

    def free_at(self, service: str, at: int) -> int:
        """The first instant, from `at` on, at which a service is not in maintenance."""
        return free_at((*self.services[service].maintenance, *self.windows.get(service, ())), at)

    def arm(self, incident: Incident, due: int, observation: Observation, page: PlannedPage | None = None) -> Incident:
        """The incident with a timer more."""
        self.sequence += 1
        at = self._run_at(incident, due, observation)
        heapq.heappush(self.timers, (at, self.sequence, incident.number))
        timer = Timer(at, self.sequence, observation, page, due)
        return attrs.evolve(incident, timers=(*incident.timers, timer))

    def rearm(self, incident: Incident, wanted: "list[Wanted]") -> Incident:
        """The incident with these timers: as it is where it has them, and otherwise in the order of an instant."""
        has = [((timer.due, timer.observation, timer.page), timer.at) for timer in incident.timers]
        if has == [(each, self._run_at(incident, *each[:2])) for each in wanted]:
            return incident
        incident = attrs.evolve(incident, timers=())
        for due, observation, page in sorted(wanted, key=lambda each: _RANKS.get(each[1], 0)):
            incident = self.arm(incident, due, observation, page)
        return incident

    def _run_at(self, incident: Incident, due: int, observation: Observation) -> int:
        at = self.free_at(incident.service, due) if observation in HELD else due
        return at if self.now is None else max(at, self.now)

    def next_timer(self) -> tuple[Incident, Timer] | None:
        """The first timer that still runs, and whose it is. Those that were stopped leave here."""
        while self.timers:
            _, sequence, number = self.timers[0]
            incident = self.incidents[number]
            for timer in incident.timers:
                if timer.sequence == sequence:
                    return incident, timer
            heapq.heappop(self.timers)
        return None

    def next_missed(self) -> tuple[int, Key] | None:
        """The first heartbeat that will be missed, and when (ms)."""
        return min(((each.due, key) for key, each in self.pulses.items() if each.due is not None), default=None)

    def heartbeat(self, key: Key) -> Heartbeat | None:
        """A heartbeat by its service and name."""
        service = self.services.get(key[0])
        return next((each for each in service.heartbeats if each.name == key[1]), None) if service else None


Wanted = tuple[int, Observation, PlannedPage | None]
"""A timer that an incident should have: when it is due (ms), what it says, and the page."""
