"""Who would have been paged, and again while nobody answers: notifications handed to incidents, in virtual time."""

from collections.abc import Iterable, Sequence
from typing import Any

from obsflow.incident import Acknowledge, AddNote, Config, IncidentOpened, Incidents, Page
from obsflow.model.notifications import Notification


def page(
    notifications: Iterable[Notification],
    config: Config,
    end: int,
    *,
    acknowledged_after_ms: int | None = None,
    notes: Sequence[AddNote] = (),
) -> tuple[Any, ...]:
    """The effects of the incidents that notifications open, until `end` (ms), in order of time.

    Only receivers that are services have incidents; of a receiver with several integrations the first that is told
    counts. Nobody acknowledges, or whoever is paged first does so `acknowledged_after_ms` later. Notes are made when
    what they tell happened: while there is no incident yet, when it opens; after `end`, at `end`.
    """
    responders = _Responders(config, acknowledged_after_ms, notes)
    told: dict[str, tuple[str, int]] = {}
    for each in sorted(notifications, key=lambda notification: notification.time):
        integration = told.setdefault(each.receiver, (each.integration, each.index))
        if each.receiver in config.services and integration == (each.integration, each.index):
            responders.take(each)
    responders.advance(end)
    responders.finish(end)
    return tuple(responders.effects)


class _Responders:
    """Incidents, somebody who acknowledges them, and those who take notes."""

    def __init__(self, config: Config, acknowledged_after_ms: int | None, notes: Sequence[AddNote]) -> None:
        self._machine = Incidents(config)
        self._after_ms = acknowledged_after_ms
        self._notes = notes
        self._waiting: list[tuple[int, Acknowledge | AddNote]] = []  # in order of time
        self._paged: set[int] = set()
        self.effects: list[Any] = []

    def take(self, notification: Notification) -> None:
        """Hand on a notification, after everything that was due before it."""
        self.advance(notification.time - 1)
        self._machine.receive(notification, notification.time)
        self._poll(notification.time)

    def advance(self, until: int) -> None:
        """Let time pass up to and including `until` (ms)."""
        while True:
            answer = self._waiting[0][0] if self._waiting else None
            due = min((each for each in (answer, self._machine.next_timer()) if each is not None), default=until + 1)
            if due > until:
                return
            if due == answer:  # before the timers of that instant
                self._give(self._waiting.pop(0)[1], due)
            self._poll(due)

    def finish(self, end: int) -> None:
        """Take the notes of what happened after the end."""
        for _, event in self._waiting:
            if isinstance(event, AddNote):
                self._machine.receive(event, end)
        self._poll(end)

    def _give(self, event: Acknowledge | AddNote, now: int) -> None:
        if isinstance(event, AddNote) or self._machine.incident(event.incident).state.is_open:
            self._machine.receive(event, now)

    def _poll(self, now: int) -> None:
        for effect in self._machine.poll(now):
            self.effects.append(effect)
            if isinstance(effect, IncidentOpened):
                own = (note for note in self._notes if note.incident == effect.incident)
                self._wait((max(now, note.occurred_at or now), note) for note in own)
            if self._after_ms is not None and isinstance(effect, Page) and effect.incident not in self._paged:
                self._paged.add(effect.incident)
                self._wait([(effect.time + self._after_ms, Acknowledge(effect.incident, effect.user))])

    def _wait(self, events: Iterable[tuple[int, Acknowledge | AddNote]]) -> None:
        self._waiting = sorted([*self._waiting, *events], key=lambda each: each[0])
