"""A rule group as a machine: when its rules are due, and what follows from each of them."""

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

import attrs

from obsflow.errors import StateError
from obsflow.model.labels import EMPTY, Labels
from obsflow.rules.alerting import AlertingState
from obsflow.rules.config import AlertingRule, RuleGroup
from obsflow.rules.context import DEFAULT_RESEND_DELAY_MS, Evaluator, RuleContext
from obsflow.rules.effects import Effect
from obsflow.rules.health import health_series
from obsflow.rules.recording import RecordingState
from obsflow.rules.restoring import TICKS_BEFORE_RESTORE, ForStateRead, RestorePolicy
from obsflow.rules.written import WrittenSeries

_INTERVALS_BEFORE_END = 2
"""A group that is renamed goes on under its new name meanwhile: series that it writes do not end."""

RuleState = AlertingState | RecordingState


@attrs.frozen
class GroupReloaded:
    """The group's configuration changed; what its rules remember goes to those of the same name and labels.

    `interval_ms` and `offset_ms` None leave the times of its evaluations as they are.
    """

    group: RuleGroup
    interval_ms: int | None = None
    offset_ms: int | None = None


@attrs.frozen
class GroupRemoved:
    """The group is no longer configured. A server that shuts down removes nothing: its series do not end."""


class GroupMachine:
    """Evaluates a group at the times `t` with `t % interval_ms == offset_ms` from `start` on, rule by rule.

    `poll` evaluates one rule, and `next_timer` stays at the tick until the last rule of the group has run, so that its
    driver writes the samples of one rule before the next one asks. A tick that was missed is skipped; only the latest
    one is evaluated. All times and durations are in ms; `query_offset_ms` is the group's own if it has one. With
    `restore`, the group asks after its second tick for the `for` state of an earlier run. With `records_health`, each
    evaluation writes a series besides that says whether it succeeded.

    Once removed, the group evaluates nothing more. Two intervals later its series end, at the time of the removal.
    """

    def __init__(
        self,
        group: RuleGroup,
        evaluator: Evaluator,
        *,
        interval_ms: int,
        offset_ms: int,
        start: int,
        query_offset_ms: int = 0,
        external_labels: Labels = EMPTY,
        external_url: str = "",
        resend_delay_ms: int = DEFAULT_RESEND_DELAY_MS,
        restore: RestorePolicy | None = None,
        records_health: bool = False,
    ) -> None:
        self._interval_ms = interval_ms
        self._offset_ms = offset_ms % interval_ms
        self._default_query_offset_ms = query_offset_ms
        self._context = RuleContext(
            group=group.name,
            evaluator=evaluator,
            interval_ms=interval_ms,
            external_labels=external_labels,
            external_url=external_url.rstrip("/"),
            resend_delay_ms=resend_delay_ms,
        )
        self._restore = restore
        self._ticks_before_restore = TICKS_BEFORE_RESTORE if restore else 0
        self._ended: list[WrittenSeries] = []  # of rules that are gone, until the next tick
        self._reloaded: tuple[GroupReloaded, int] | None = None
        self._removed_at: int | None = None
        self._records_health = records_health
        self._decided: list[Effect] = []  # by an event, at `_decided_at`
        self._decided_at = start
        self._states: tuple[RuleState, ...] = ()
        self._health: tuple[WrittenSeries, ...] = ()  # of each rule, what it was said to be
        self._index = 0
        self._tick = start + (self._offset_ms - start) % interval_ms
        self._configure(group)

    @property
    def group(self) -> RuleGroup:
        """The group as it is evaluated."""
        return self._group

    @property
    def interval_ms(self) -> int:
        """How far apart its ticks are."""
        return self._interval_ms

    @property
    def offset_ms(self) -> int:
        """Where in the interval its ticks are."""
        return self._offset_ms

    @property
    def rules(self) -> tuple[RuleState, ...]:
        """The state of each rule, in order."""
        return self._states

    def receive(self, event: GroupReloaded | GroupRemoved | ForStateRead, now: int) -> None:
        """Take in a new configuration, which waits for the end of a tick, a removal, or the state of an earlier run.

        Raises StateError if it does not wait for such an event, or was removed.
        """
        if self._removed_at is not None:
            raise StateError(f"a rule group that was removed does not wait for {event!r}")
        match event:
            case GroupReloaded():
                self._reloaded = event, now
                if self._index == 0:
                    self._reload()
            case GroupRemoved():
                self._remove(now)
            case ForStateRead(index=index) if self._restore is not None and self._awaits_restore(index):
                state = self._states[index]
                assert isinstance(state, AlertingState)
                self._decided += state.restore_for_state(event, now, self._restore)
                self._decided_at = now
            case _:
                raise StateError(f"this rule group does not wait for {event!r}")

    def next_timer(self) -> int | None:
        """When the next rule is due, or what else is to be done; None if there is nothing."""
        if self._decided:
            return self._decided_at
        if self._removed_at is not None:
            return self._removed_at + _INTERVALS_BEFORE_END * self._interval_ms if self._ended else None
        return self._tick if self._states or self._ended else None

    def poll(self, now: int) -> list[Effect]:
        """Evaluate the next rule, if it is due, and return what follows from it."""
        if self._decided:
            decided, self._decided = self._decided, []
            return decided
        due = self.next_timer()
        if due is None or now < due:
            return []
        if self._removed_at is not None:
            return self._end_series(self._removed_at)
        if self._index == 0:
            self._tick = now - (now - self._offset_ms) % self._interval_ms
        effects = self._evaluate() if self._states else []
        self._index += 1
        if self._index >= len(self._states):
            effects += self._finish()
        return effects

    def _evaluate(self) -> list[Effect]:
        state = self._states[self._index]
        effects = state.evaluate(self._tick)
        if self._records_health:
            sample = (self._health_series[self._index], float(not state.status.last_error))
            effects += self._health[self._index].replace((sample,), self._tick - self._query_offset_ms)
        return effects

    def _end_series(self, time: int) -> list[Effect]:
        effects = [effect for each in self._ended for effect in each.replace((), time - self._query_offset_ms)]
        self._ended = []
        return effects

    def _remove(self, now: int) -> None:
        """Forget all rules: also those that are still to be evaluated in this tick."""
        self._removed_at = now
        self._ended += [*(state.written for state in self._states), *self._health]
        self._ended = [written for written in self._ended if written.snapshot()]
        self._states, self._health, self._index, self._reloaded = (), (), 0, None

    def _finish(self) -> list[Effect]:
        """End the tick: series of rules that are gone end with it."""
        time = self._tick
        effects = self._end_series(time)
        self._index = 0
        self._tick += self._interval_ms
        self._reload()
        if self._ticks_before_restore:
            self._ticks_before_restore -= 1
            if self._ticks_before_restore == 0:
                effects += self._ask_for_state(time)
        return effects

    def _ask_for_state(self, time: int) -> list[Effect]:
        assert self._restore is not None
        asked = (
            state.for_state_query(index, time, self._restore)
            for index, state in enumerate(self._states)
            if isinstance(state, AlertingState)
        )
        return [read for read in asked if read is not None]

    def _awaits_restore(self, index: int) -> bool:
        if self._ticks_before_restore or not 0 <= index < len(self._states):
            return False
        state = self._states[index]
        return isinstance(state, AlertingState) and not state.is_restored

    @property
    def _query_offset_ms(self) -> int:
        own = self._group.query_offset_ms
        return self._default_query_offset_ms if own is None else own

    def _configure(self, group: RuleGroup) -> None:
        self._group = group
        context = attrs.evolve(
            self._context, group=group.name, limit=group.limit, query_offset_ms=self._query_offset_ms
        )
        self._states = tuple(
            AlertingState(rule, context, is_restored=not self._ticks_before_restore)
            if isinstance(rule, AlertingRule)
            else RecordingState(rule, context)
            for rule in group.rules
        )
        self._health = tuple(WrittenSeries() for _ in group.rules)
        self._health_series = tuple(
            health_series(
                f"{group.source};{group.name}",
                "alerting" if isinstance(rule, AlertingRule) else "recording",
                rule.name,
                index,
            )
            for index, rule in enumerate(group.rules)
        )

    def _reload(self) -> None:
        """Hand the state of each old rule to the new one of the same kind, name and labels: the first to the first."""
        if self._reloaded is None:
            return
        event, now = self._reloaded
        self._reloaded = None
        self._reschedule(event, now)
        old: dict[object, deque[tuple[RuleState, WrittenSeries]]] = defaultdict(deque)
        for state, health in zip(self._states, self._health, strict=True):
            old[_identity(state)].append((state, health))
        self._configure(event.group)
        taken_over = list(self._health)
        for i, state in enumerate(self._states):
            if same := old[_identity(state)]:
                before, taken_over[i] = same.popleft()
                state.adopt(before)  # type: ignore[arg-type]
        self._health = tuple(taken_over)
        self._ended += [
            written for pairs in old.values() for state, health in pairs for written in (state.written, health)
        ]

    def _reschedule(self, event: GroupReloaded, now: int) -> None:
        """Move the next tick to the next slot after `now` of a new interval."""
        interval_ms = event.interval_ms or self._interval_ms
        offset_ms = (self._offset_ms if event.offset_ms is None else event.offset_ms) % interval_ms
        if (interval_ms, offset_ms) == (self._interval_ms, self._offset_ms):
            return
        after = max(now, self._tick - self._interval_ms)  # never before a tick that was
        self._set_times(interval_ms, offset_ms)
        self._tick = after - (after - offset_ms) % interval_ms + interval_ms

    def _set_times(self, interval_ms: int, offset_ms: int) -> None:
        self._interval_ms, self._offset_ms = interval_ms, offset_ms
        self._context = attrs.evolve(self._context, interval_ms=interval_ms)

    def snapshot(self) -> Mapping[str, Any]:
        """The state as plain data, for a machine of the same group to `restore`.

        Raises StateError while effects of an event, or a new configuration, wait for a poll.
        """
        if self._decided or self._reloaded is not None:
            raise StateError("a rule group that took an event in is to be polled before its state is taken")
        return {
            "interval": self._interval_ms,
            "offset": self._offset_ms,
            "removed_at": self._removed_at,
            "health": [written.snapshot() for written in self._health],
            "tick": self._tick,
            "index": self._index,
            "ticks_before_restore": self._ticks_before_restore,
            "ended": [written.snapshot() for written in self._ended],
            "rules": [state.snapshot() for state in self._states],
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Become what `snapshot` described. Raises StateError if it was of other rules."""
        expected = 0 if data["removed_at"] is not None else len(self._states)
        if len(data["rules"]) != expected:
            raise StateError(f"a snapshot of {len(data['rules'])} rules does not fit a group of {expected}")
        self._set_times(data["interval"], data["offset"])
        self._configure(self._group)
        if data["removed_at"] is not None:
            self._remove(data["removed_at"])
        self._tick, self._index = data["tick"], data["index"]
        self._health = tuple(WrittenSeries.restore(each) for each in data["health"])
        self._ticks_before_restore = data["ticks_before_restore"]
        self._ended = [WrittenSeries.restore(each) for each in data["ended"]]
        for state, each in zip(self._states, data["rules"], strict=True):
            state.restore(each)


def _identity(state: RuleState) -> object:
    return type(state), state.rule.name, tuple(sorted(state.rule.labels.items()))
