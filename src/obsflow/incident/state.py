"""What the incident machine remembers between events, apart from what it does with it."""

import heapq

import attrs

from obsflow.incident.contacts import NotificationRule, Urgency
from obsflow.incident.escalation import Position, Reached
from obsflow.incident.events import Effect, PageCause
from obsflow.incident.lifecycle import IncidentState, Observation
from obsflow.model.labels import Labels
from obsflow.model.notifications import NotifiedAlert

Key = tuple[str, str]  # service, what the source calls it


@attrs.frozen
class PlannedPage:
    """A page that waits for its delay."""

    reached: Reached
    rule: NotificationRule
    cause: PageCause


@attrs.frozen
class Timer:
    """Something that happens to an incident at an instant, ms, unless it is stopped before."""

    at: int
    sequence: int
    observation: Observation
    page: PlannedPage | None = None


@attrs.frozen
class Incident:
    """An incident as it is now. Times are ms; `since` is when its state began, `level_since` the level of its policy.

    `keys` are those that sources know it by, `open_keys` the ones that are not over. `is_exhausted` says that the
    policy has nobody left.
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
    alerts: tuple[NotifiedAlert, ...] = ()
    timers: tuple[Timer, ...] = ()
    is_exhausted: bool = False
    acknowledged_by: str = ""
    snoozed_until: int | None = None
    merged_into: int | None = None

    def with_alerts(self, alerts: tuple[NotifiedAlert, ...]) -> "Incident":
        """With the latest word on alerts, which are known by their labels."""
        merged: dict[Labels, NotifiedAlert] = {alert.labels: alert for alert in self.alerts}
        merged.update((alert.labels, alert) for alert in alerts)
        return attrs.evolve(self, alerts=tuple(merged.values()))

    def without_timers(self, *observations: Observation) -> "Incident":
        """With the timers of these kinds stopped."""
        left = tuple(timer for timer in self.timers if timer.observation not in observations)
        return attrs.evolve(self, timers=left)

    def has_timer(self, observation: Observation) -> bool:
        """Whether a timer of this kind runs."""
        return any(timer.observation is observation for timer in self.timers)


@attrs.define
class Snapshot:
    """Everything that a machine remembers; to be given back to `restore` and not otherwise touched."""

    incidents: dict[int, Incident] = attrs.field(factory=dict)
    keys: dict[Key, int] = attrs.field(factory=dict)  # the last incident of each
    timers: list[tuple[int, int, int]] = attrs.field(factory=list)  # (when, sequence, incident)
    sequence: int = 0
    now: int | None = None
    effects: list[Effect] = attrs.field(factory=list)

    def copy(self) -> "Snapshot":
        """A state that goes its own way from here."""
        return Snapshot(
            dict(self.incidents), dict(self.keys), list(self.timers), self.sequence, self.now, list(self.effects)
        )

    def arm(self, incident: Incident, at: int, observation: Observation, page: PlannedPage | None = None) -> Incident:
        """The incident with a timer more."""
        self.sequence += 1
        heapq.heappush(self.timers, (at, self.sequence, incident.number))
        timer = Timer(at, self.sequence, observation, page)
        return attrs.evolve(incident, timers=(*incident.timers, timer))

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
