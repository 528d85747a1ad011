"""How an incident turns to the levels of its policy: whom it pages at once, whom later, and when it moves on."""

import attrs

from obsflow.incident.contacts import Urgency
from obsflow.incident.escalation import Move, PageCause, Position, Reached, TargetKind, following, forced, reach
from obsflow.incident.events import (
    ChannelUpdate,
    Escalated,
    EscalationEnded,
    NobodyReached,
    Page,
    PageReason,
    PagesHeld,
    UpdateKind,
)
from obsflow.incident.lifecycle import Observation
from obsflow.incident.state import Cycle, Incident, PlannedPage, Snapshot

_TURNS = (Observation.LEVEL_DUE, Observation.PAGE_DUE, Observation.QUIET_END)


@attrs.frozen
class Paging:
    """Works on one state at one instant, ms; `by` is the person who asked for it, if one did."""

    state: Snapshot
    now: int
    by: str = ""

    def turn_to(self, incident: Incident, move: Move, position: Position, cause: PageCause) -> Incident:
        """Page a level's users and tell its channels, in place of the level before.

        A level with nobody on call is skipped, unless it is not to be, where another comes after it; the first level of
        the next loop waits for its time.
        """
        incident = incident.without_timers(*_TURNS)
        waited_ms = self.now - incident.level_since
        while True:
            position, reached = self._take_turn(position, move)
            self.state.effects.append(Escalated(self.now, incident.number, move, position, cause, self.by, waited_ms))
            is_told = self._tell_channels(incident, position)
            if reached or is_told:
                break
            after, then = following(position, self.state.config.policies)
            is_skipped = position.here.skips_nobody and after in (Move.LEVEL, Move.POLICY)
            self.state.effects.append(NobodyReached(self.now, incident.number, position, is_skipped))
            if not is_skipped:
                break
            move, position, cause, waited_ms = after, then, PageCause.NOBODY_ON_CALL, 0
        incident = attrs.evolve(
            incident, position=position, level_since=self.now, is_started=True, is_exhausted=False, acknowledgers=()
        )
        return self._arm_level(self._page(incident, reached, cause))

    def page_again(self, incident: Incident, cause: PageCause) -> Incident:
        """Page the level's users anew, by the rules of an urgency that rose; the level's time runs on."""
        incident = incident.without_timers(Observation.PAGE_DUE)
        incident = self._page(incident, self._reach(incident.position), cause)
        has_time = incident.has_timer(Observation.LEVEL_DUE) or incident.is_exhausted
        return incident if has_time else self._arm_level(incident)

    def move_on(self, incident: Incident, cause: PageCause) -> Incident:
        """Turn to what comes after the level; at the end of the policy say so, unless somebody asks by hand."""
        way = forced if cause is PageCause.ESCALATED else following
        move, position = way(incident.position, self.state.config.policies)
        if move is not Move.END:
            return self.turn_to(incident, move, position, cause)
        self.state.effects.append(EscalationEnded(self.now, incident.number, position))
        return attrs.evolve(incident, is_exhausted=True)

    def hold(self, incident: Incident, position: Position, *, is_started: bool) -> Incident:
        """Page nobody before the maintenance of the service ends, and then this level."""
        until = self.state.free_at(incident.service, self.now)
        self.state.effects.append(PagesHeld(self.now, incident.number, until))
        held = attrs.evolve(
            incident.without_timers(*_TURNS),
            position=position,
            cycle=None,
            is_started=is_started,
            is_exhausted=False,
            acknowledgers=(),
        )
        return self.state.arm(held, self.now, Observation.QUIET_END)

    def send(self, incident: Incident, planned: PlannedPage) -> None:
        """Page a user by one contact method, with the reason; once in an instant for a level."""
        reached, rule, position = planned.reached, planned.rule, incident.position
        identity = (incident.number, reached.user.name, rule.method.name, position.policy.name, position.level)
        if self.state.sent_at != self.now:
            self.state.sent_at, self.state.sent = self.now, set()
        if identity in self.state.sent:
            return
        self.state.sent.add(identity)
        reason = PageReason(planned.cause, reached.target, reached.on_call, incident.level_since, rule.after_ms)
        self.state.effects.append(
            Page(self.now, incident.number, reached.user.name, rule.method, incident.urgency, position, reason)
        )

    def _take_turn(self, position: Position, move: Move) -> tuple[Position, tuple[Reached, ...]]:
        """The position with the turn of its round robin, and whom it reaches; who has nobody on call is passed over."""
        level, key = position.here, (position.policy.name, position.level)
        if move is Move.AGAIN or level.turns == 1:
            return position, self._reach(position)
        first = self.state.turns.get(key, 0)
        for turn in range(first, first + level.turns):
            taken = attrs.evolve(position, turn=turn % level.turns)
            if reached := self._reach(taken):
                self.state.turns[key] = (turn + 1) % level.turns
                return taken, reached
        return position, ()

    def _reach(self, position: Position) -> tuple[Reached, ...]:
        return reach(position.targets, self.state.config.users, self.state.config.schedules, self.now)

    def _tell_channels(self, incident: Incident, position: Position) -> bool:
        channels = [target.name for target in position.targets if target.kind is TargetKind.CHANNEL]
        for channel in dict.fromkeys(channels):
            self.state.effects.append(
                ChannelUpdate(self.now, incident.number, channel, UpdateKind.TARGET, incident.title)
            )
        return bool(channels)

    def _page(self, incident: Incident, reached: tuple[Reached, ...], cause: PageCause) -> Incident:
        incident = attrs.evolve(incident, cycle=Cycle(self.now, reached, cause))
        for each in reached:
            if each.user.name in incident.acknowledgers:
                continue
            for rule in each.user.rules_for(incident.urgency):
                planned = PlannedPage(each, rule, cause)
                if rule.after_ms == 0:
                    self.send(incident, planned)
                else:
                    incident = self.state.arm(incident, self.now + rule.after_ms, Observation.PAGE_DUE, planned)
        return incident

    def _arm_level(self, incident: Incident) -> Incident:
        """Run the level's time, after the delayed pages: one that is due at the same instant is still sent."""
        incident = attrs.evolve(incident, level_clock=self.now)
        after_ms = incident.position.escalate_after_ms
        if after_ms is None or not escalates(self.state, incident):
            return incident
        return self.state.arm(incident, self.now + after_ms, Observation.LEVEL_DUE)


def escalates(state: Snapshot, incident: Incident) -> bool:
    """Whether an incident of this urgency turns to further levels."""
    return incident.urgency is Urgency.HIGH or state.services[incident.service].low_urgency_escalates
