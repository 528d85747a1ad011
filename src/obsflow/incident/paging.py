"""How an incident turns to the levels of its policy: whom it pages at once, whom later, and when it moves on."""

import attrs

from obsflow.errors import StateError
from obsflow.incident.config import Config
from obsflow.incident.contacts import Urgency
from obsflow.incident.escalation import Move, Position, Reached, TargetKind, following, reach
from obsflow.incident.events import (
    ChannelUpdate,
    Escalated,
    EscalationEnded,
    NobodyReached,
    Page,
    PageCause,
    PageReason,
    UpdateKind,
)
from obsflow.incident.lifecycle import Observation
from obsflow.incident.state import Incident, PlannedPage, Snapshot


@attrs.frozen
class Paging:
    """Works on one state at one instant, ms; `by` is the person who asked for it, if one did."""

    config: Config
    state: Snapshot
    now: int
    by: str = ""

    def turn_to(self, incident: Incident, move: Move, position: Position, cause: PageCause) -> Incident:
        """Page a level's users and tell its channels, in place of the level before.

        A level with nobody on call is skipped, where another comes after it; the first level of the next loop waits
        for its time.
        """
        incident = incident.without_timers(Observation.LEVEL_DUE, Observation.PAGE_DUE)
        waited_ms = self.now - incident.level_since
        while True:
            self.state.effects.append(Escalated(self.now, incident.number, move, position, cause, self.by, waited_ms))
            reached = self._reach(position)
            is_told = self._tell_channels(incident, position)
            if reached or is_told:
                break
            move, after = following(position, self.config.policies)
            is_skipped = move in (Move.LEVEL, Move.POLICY)
            self.state.effects.append(NobodyReached(self.now, incident.number, position, is_skipped))
            if not is_skipped:
                break
            position, cause, waited_ms = after, PageCause.NOBODY_ON_CALL, 0
        incident = attrs.evolve(incident, position=position, level_since=self.now, is_exhausted=False)
        return self._arm_level(self._page(incident, reached, cause))

    def page_again(self, incident: Incident, cause: PageCause) -> Incident:
        """Page the level's users anew, by the rules of an urgency that rose; the level's time runs on."""
        incident = incident.without_timers(Observation.PAGE_DUE)
        incident = self._page(incident, self._reach(incident.position), cause)
        has_time = incident.has_timer(Observation.LEVEL_DUE) or incident.is_exhausted
        return incident if has_time else self._arm_level(incident)

    def move_on(self, incident: Incident, cause: PageCause) -> Incident:
        """Turn to what comes after the level; at the end of the policy say so, once."""
        move, position = following(incident.position, self.config.policies)
        if move is not Move.END:
            return self.turn_to(incident, move, position, cause)
        self.state.effects.append(EscalationEnded(self.now, incident.number, position))
        return attrs.evolve(incident, is_exhausted=True)

    def check_moves(self, incident: Incident) -> None:
        """Raises StateError if nothing comes after the level."""
        if following(incident.position, self.config.policies)[0] is Move.END:
            raise StateError(f"incident {incident.number} has no level to escalate to")

    def send(self, incident: Incident, planned: PlannedPage) -> None:
        """Page a user by one contact method, with the reason."""
        reached, rule = planned.reached, planned.rule
        reason = PageReason(planned.cause, reached.target, reached.on_call, incident.level_since, rule.after_ms)
        self.state.effects.append(
            Page(self.now, incident.number, reached.user.name, rule.method, incident.urgency, incident.position, reason)
        )

    def _reach(self, position: Position) -> tuple[Reached, ...]:
        return reach(position.targets, self.config.users, self.config.schedules, self.now)

    def _tell_channels(self, incident: Incident, position: Position) -> bool:
        channels = [target.name for target in position.targets if target.kind is TargetKind.CHANNEL]
        for channel in dict.fromkeys(channels):
            self.state.effects.append(
                ChannelUpdate(self.now, incident.number, channel, UpdateKind.TARGET, incident.title)
            )
        return bool(channels)

    def _page(self, incident: Incident, reached: tuple[Reached, ...], cause: PageCause) -> Incident:
        for each in reached:
            for rule in each.user.rules_for(incident.urgency):
                planned = PlannedPage(each, rule, cause)
                if rule.after_ms == 0:
                    self.send(incident, planned)
                else:
                    incident = self.state.arm(incident, self.now + rule.after_ms, Observation.PAGE_DUE, planned)
        return incident

    def _arm_level(self, incident: Incident) -> Incident:
        """Run the level's time, after the delayed pages: one that is due at the same instant is still sent."""
        after_ms = incident.position.escalate_after_ms
        escalates = incident.urgency is Urgency.HIGH or self.config.services[incident.service].low_urgency_escalates
        if after_ms is None or not escalates:
            return incident
        return self.state.arm(incident, self.now + after_ms, Observation.LEVEL_DUE)
