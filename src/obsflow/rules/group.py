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
from obsflow.rules.recording import RecordingState
from obsflow.rules.restoring import ForStateRead, RestorePolicy
from obsflow.rules.written import WrittenSeries

_TICKS_BEFORE_RESTORE = 2
"""The first evaluation may come before there is enough data, and before recording rules have caught up."""

RuleState = AlertingState | RecordingState


@attrs.frozen
class GroupReloaded:
    """The group's configuration changed; what its rules remember goes to those of the same name and labels."""

    group: RuleGroup


class GroupMachine:
    """Evaluates a group at the times `t` with `t % interval_ms == offset_ms` from `start` on, rule by rule.

    `poll` evaluates one rule, and `next_timer` stays at the tick until the last rule of the group has run, so that its
    driver writes the samples of one rule before the next one asks. A tick that was missed is skipped; only the latest
    one is evaluated. All times and durations are in ms; `query_offset_ms` is the group's own if it has one. With
    `restore`, the group asks after its second tick for the `for` state of an earlier run.
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
        self._ticks_before_restore = _TICKS_BEFORE_RESTORE if restore else 0
        self._ended: list[WrittenSeries] = []  # of rules that are gone, until the next tick
        self._reloaded: GroupReloaded | None = None
        self._index = 0
        self._tick = start + (self._offset_ms - start) % interval_ms
        self._configure(group)

    @property
    def group(self) -> RuleGroup:
        """The group as it is evaluated."""
        return self._group

    @property
    def rules(self) -> tuple[RuleState, ...]:
        """The state of each rule, in order."""
        return self._states

    def receive(self, event: GroupReloaded | ForStateRead, now: int) -> None:
        """Take in a changed configuration, which waits for the end of a tick, or the `for` state of an earlier run."""
        match event:
            case GroupReloaded():
                self._reloaded = event
                if self._index == 0:
                    self._reload()
            case ForStateRead(index=index) if self._restore is not None and self._awaits_restore(index):
                state = self._states[index]
                assert isinstance(state, AlertingState)
                state.restore_for_state(event, now, self._restore)
            case _:
                raise StateError(f"this rule group does not wait for {event!r}")

    def next_timer(self) -> int | None:
        """When the next rule is due; None for a group without rules."""
        return self._tick if self._states or self._ended else None

    def poll(self, now: int) -> list[Effect]:
        """Evaluate the next rule, if it is due, and return what follows from it."""
        if now < self._tick or self.next_timer() is None:
            return []
        if self._index == 0:
            self._tick = now - (now - self._offset_ms) % self._interval_ms
        effects = self._states[self._index].evaluate(self._tick) if self._states else []
        self._index += 1
        if self._index >= len(self._states):
            effects += self._finish()
        return effects

    def _finish(self) -> list[Effect]:
        """End the tick: series of rules that are gone end with it."""
        effects = [effect for each in self._ended for effect in each.replace((), self._tick - self._query_offset_ms)]
        self._ended = []
        self._index = 0
        self._tick += self._interval_ms
        self._reload()
        if self._ticks_before_restore:
            self._ticks_before_restore -= 1
            if self._ticks_before_restore == 0:
                effects += self._ask_for_state()
        return effects

    def _ask_for_state(self) -> list[Effect]:
        assert self._restore is not None
        time = self._tick - self._interval_ms
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
        self._states: tuple[RuleState, ...] = tuple(
            AlertingState(rule, context, is_restored=not self._ticks_before_restore)
            if isinstance(rule, AlertingRule)
            else RecordingState(rule, context)
            for rule in group.rules
        )

    def _reload(self) -> None:
        """Hand the state of each old rule to the new one of the same kind, name and labels: the first to the first."""
        if self._reloaded is None:
            return
        old: dict[object, deque[RuleState]] = defaultdict(deque)
        for state in self._states:
            old[_identity(state)].append(state)
        self._configure(self._reloaded.group)
        self._reloaded = None
        for state in self._states:
            if same := old[_identity(state)]:
                state.adopt(same.popleft())  # type: ignore[arg-type]
        self._ended += [state.written for states in old.values() for state in states]

    def snapshot(self) -> Mapping[str, Any]:
        """The state as plain data, for a machine of the same group to `restore`."""
        return {
            "tick": self._tick,
            "index": self._index,
            "ticks_before_restore": self._ticks_before_restore,
            "ended": [written.snapshot() for written in self._ended],
            "rules": [state.snapshot() for state in self._states],
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Become what `snapshot` described. Raises StateError if it was of other rules."""
        if len(data["rules"]) != len(self._states):
            raise StateError(f"a snapshot of {len(data['rules'])} rules does not fit a group of {len(self._states)}")
        self._tick, self._index = data["tick"], data["index"]
        self._ticks_before_restore = data["ticks_before_restore"]
        self._ended = [WrittenSeries.restore(each) for each in data["ended"]]
        for state, each in zip(self._states, data["rules"], strict=True):
            state.restore(each)


def _identity(state: RuleState) -> object:
    return type(state), state.rule.name, tuple(sorted(state.rule.labels.items()))
