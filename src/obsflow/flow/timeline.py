"""One order for everything that happens: by time, events before timers, then sequence."""

import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Machine(Protocol):
    """What the timeline drives. Machines read no clock: `now` is always an argument, in ms."""

    def receive(self, event: Any, now: int) -> None:
        """Take a fact in."""

    def poll(self, now: int) -> Iterable[Any]:
        """Decide what is due, and return it as effects."""

    def next_timer(self) -> int | None:
        """When to poll next, or None."""


_EVENT, _TIMER = 0, 1
_FIRST, _LAST = 0, 1


class Timeline:
    """Delivers events and fires timers of many machines in one order.

    Timers of one instant fire in the order in which their machines were added, those of machines that are to be last
    after all others.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, tuple[int, int], int, Machine, Any]] = []
        self._sequence = itertools.count()
        self._rank: dict[int, tuple[int, int]] = {}
        self._armed: dict[int, int | None] = {}

    def add(self, machine: Machine, *, is_last: bool = False) -> None:
        """Drive this machine from now on."""
        self._rank[id(machine)] = (_LAST if is_last else _FIRST, next(self._sequence))
        self._arm(machine)

    def remove(self, machine: Machine) -> None:
        """Drive this machine no more; events that it was to receive are lost."""
        del self._rank[id(machine)]
        self._armed.pop(id(machine), None)
        self._heap = [entry for entry in self._heap if entry[4] is not machine]
        heapq.heapify(self._heap)

    def schedule(self, machine: Machine, event: Any, at: int) -> None:
        """Let the machine receive the event at `at`."""
        heapq.heappush(self._heap, (at, _EVENT, (_FIRST, 0), next(self._sequence), machine, event))

    def receive(self, machine: Machine, event: Any, now: int) -> None:
        """Let the machine receive the event at once, and be polled after the other events of this instant.

        What an event makes a machine decide waits for a poll, due or not.
        """
        machine.receive(event, now)
        self._arm(machine, at_latest=now)

    def next_timer(self) -> int | None:
        """The time of the next event or timer, or None."""
        self._discard_stale()
        return self._heap[0][0] if self._heap else None

    def poll(self, now: int, perform: Callable[[Any, int], None]) -> None:
        """Let everything happen that is due at `now`; each effect goes to `perform` before anything else happens."""
        while (due := self.next_timer()) is not None and due <= now:
            _, kind, _, _, machine, event = heapq.heappop(self._heap)
            if kind == _EVENT:
                self.receive(machine, event, now)
                continue
            self._armed[id(machine)] = None
            for effect in machine.poll(now):
                perform(effect, now)
            self._arm(machine)

    def _arm(self, machine: Machine, at_latest: int | None = None) -> None:
        timer = machine.next_timer()
        if at_latest is not None:
            timer = at_latest if timer is None else min(timer, at_latest)
        if timer != self._armed.get(id(machine)):
            self._armed[id(machine)] = timer
            if timer is not None:
                entry = (timer, _TIMER, self._rank[id(machine)], next(self._sequence), machine, None)
                heapq.heappush(self._heap, entry)

    def _discard_stale(self) -> None:
        """Drop timers that were moved since they were armed."""
        heap = self._heap
        while heap and heap[0][1] == _TIMER and self._armed[id(heap[0][4])] != heap[0][0]:
            heapq.heappop(heap)
