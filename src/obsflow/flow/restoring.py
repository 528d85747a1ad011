"""Goes on with the alerts of an earlier run of the same server, which a store still holds."""

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from obsflow import native
from obsflow.model.frames import TimeArray
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import Queryable
from obsflow.rules import (
    AlertingRule,
    ForStateRead,
    GroupMachine,
    ReadForState,
    RestorePolicy,
    RuleContext,
    RuleGroup,
)
from obsflow.rules.alerting import AlertingState
from obsflow.rules.restoring import TICKS_BEFORE_RESTORE, past_alerts, restore_active_at


class RestoringGroup:
    """A group machine whose question for the `for` state of an earlier run is answered from a store.

    The earlier run ended at `until` (ms): what the store holds of later times, the run of this group wrote that is
    played again.
    """

    def __init__(self, machine: GroupMachine, store: Queryable, until: int) -> None:
        self._machine = machine
        self._store = store
        self._until = until

    @property
    def group(self) -> RuleGroup:
        """The group as it is evaluated."""
        return self._machine.group

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
                self._machine.receive(read_for_state(self._store, asked), now)
            else:
                effects.append(effect)
        return effects


def past_active_times(
    rule: AlertingRule, context: RuleContext, times: Sequence[int] | TimeArray, store: Queryable, until: int
) -> dict[Labels, int]:
    """Since when (ms) the alerts of an earlier run, which ended at `until`, count as active.

    They are looked up after the second of the rule's evaluations, which are at `times` (ms).
    """
    policy = RestorePolicy()
    if len(times) < TICKS_BEFORE_RESTORE:
        return {}
    now = int(times[TICKS_BEFORE_RESTORE - 1])
    asked = AlertingState(rule, context).for_state_query(0, now, policy)
    if asked is None:
        return {}
    past = past_alerts(read_for_state(store, attrs.evolve(asked, end=min(asked.end, until))))
    return {
        labels: restore_active_at(now, rule.for_ms, each.down_at, each.active_at, policy.grace_period_ms)
        for labels, each in past.items()
    }


def read_for_state(store: Queryable, asked: ReadForState) -> ForStateRead:
    """The answer to a group's question, from what the store holds."""
    firing = _last_samples(store, asked.firing_labels, asked) if asked.reads_firing else ()
    return ForStateRead(asked.index, _last_samples(store, asked.labels, asked), firing)


def _last_samples(store: Queryable, labels: Labels, asked: ReadForState) -> tuple[tuple[Labels, int, float], ...]:
    """The last sample of each series that has these labels: labels, time in ms, value."""
    if asked.end < asked.start:
        return ()
    matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in labels.pairs]
    selection = store.select(matchers, asked.start, asked.end)
    times, values, offsets, _ = native.decode_runs(selection.runs, asked.start, asked.end)
    found = []
    for row, own in enumerate(selection.labels.decode()):
        first, end = offsets[row], offsets[row + 1]
        last = first + int(np.searchsorted(times[first:end], asked.end, side="right")) - 1
        if last >= first and times[last] >= asked.start:
            found.append((own, int(times[last]), float(values[last])))
    return tuple(found)
