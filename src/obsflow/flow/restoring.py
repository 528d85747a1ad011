"""Goes on with the `for` state of an earlier run of the same server, which a store still holds."""

from typing import Any

import attrs
import numpy as np

from obsflow import native
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import Queryable
from obsflow.rules import ForStateRead, GroupMachine, ReadForState


class RestoringGroup:
    """A group machine whose question for the `for` state of an earlier run is answered from a store.

    The earlier run ended at `until` (ms): what the store holds of later times, the run of this group wrote that is
    played again.
    """

    def __init__(self, machine: GroupMachine, store: Queryable, until: int) -> None:
        self._machine = machine
        self._store = store
        self._until = until

    def receive(self, event: Any, now: int) -> None:
        """Give the group an event."""
        self._machine.receive(event, now)

    def next_timer(self) -> int | None:
        """When the group has something to do, or None."""
        return self._machine.next_timer()

    def poll(self, now: int) -> list[Any]:
        """The effects of the group, less its questions."""
        effects: list[Any] = []
        for effect in self._machine.poll(now):
            if isinstance(effect, ReadForState):
                asked = attrs.evolve(effect, end=min(effect.end, self._until))
                self._machine.receive(ForStateRead(asked.index, read_for_state(self._store, asked)), now)
            else:
                effects.append(effect)
        return effects


def read_for_state(store: Queryable, asked: ReadForState) -> tuple[tuple[Labels, int, float], ...]:
    """The last sample of each series that is asked for: labels, time in ms, value."""
    if asked.end < asked.start:
        return ()
    matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in asked.labels.pairs]
    selection = store.select(matchers, asked.start, asked.end)
    times, values, offsets, _ = native.decode_runs(selection.runs, asked.start, asked.end)
    found = []
    for row, labels in enumerate(selection.labels.decode()):
        first, end = offsets[row], offsets[row + 1]
        last = first + int(np.searchsorted(times[first:end], asked.end, side="right")) - 1
        if last >= first and times[last] >= asked.start:
            found.append((labels, int(times[last]), float(values[last])))
    return tuple(found)
