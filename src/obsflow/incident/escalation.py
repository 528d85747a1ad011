"""Escalation policies: who is asked first, who next and when, how often, and what happens at the end."""

import enum
from collections.abc import Mapping

import attrs

from obsflow.incident.contacts import User
from obsflow.incident.schedule import OnCall, Schedule


class TargetKind(enum.Enum):
    """Who or what a level turns to."""

    USER = "user"
    SCHEDULE = "schedule"
    CHANNEL = "channel"


@attrs.frozen
class Target:
    """A user, whoever is on call in a schedule, or a channel that is told but answers nothing."""

    kind: TargetKind
    name: str


@attrs.frozen
class Level:
    """Targets that are turned to at once; the next level follows `escalate_after_ms` later, or never if None.

    With `round_robin` each incident turns to one of the users and schedules, the next to the next; channels are always
    told. `acknowledgements` is how many of those who were paged have to acknowledge, None for all of them. Where nobody
    is on call the next level is turned to at once, or with `skips_nobody` false after the time of this one.
    """

    targets: tuple[Target, ...]
    escalate_after_ms: int | None
    round_robin: bool = False
    acknowledgements: int | None = 1
    skips_nobody: bool = True

    @property
    def turns(self) -> int:
        """How many turns a round robin has; 1 for a level without."""
        return max(1, sum(target.kind is not TargetKind.CHANNEL for target in self.targets)) if self.round_robin else 1

    def of_turn(self, turn: int) -> tuple[Target, ...]:
        """Whom the level turns to in a turn of its round robin; everybody without one."""
        if not self.round_robin:
            return self.targets
        people = [target for target in self.targets if target.kind is not TargetKind.CHANNEL]
        return tuple(
            target
            for target in self.targets
            if target.kind is TargetKind.CHANNEL or target is people[turn % len(people)]
        )


@attrs.frozen
class Policy:
    """Levels, gone through once and `repeat` times more; then the policy `then` takes over, if there is one.

    After a snooze or an acknowledgement that timed out the policy goes on at the level where it stood, or, with
    `resumes_at_first`, begins again.
    """

    name: str
    levels: tuple[Level, ...]
    repeat: int = 0
    then: str | None = None
    resumes_at_first: bool = False

    @classmethod
    def of_users(cls, users: tuple[str, ...]) -> "Policy":
        """The policy of an incident that is assigned to users: they are paged, and nobody after them."""
        return cls("", (Level(tuple(Target(TargetKind.USER, user) for user in users), None),))


@attrs.frozen
class Position:
    """Where an escalation stands: level, loop and the turn of a round robin all count from 0."""

    policy: Policy
    level: int = 0
    loop: int = 0
    turn: int = 0

    @property
    def here(self) -> Level:
        """The level."""
        return self.policy.levels[self.level]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Whom this level turns to."""
        return self.here.of_turn(self.turn)

    @property
    def escalate_after_ms(self) -> int | None:
        """How long this level has to acknowledge."""
        return self.here.escalate_after_ms


class Move(enum.Enum):
    """How an escalation comes to a level, or to its end."""

    START = "the first level"
    AGAIN = "the level where it stood"
    LEVEL = "the next level"
    LOOP = "the first level again"
    POLICY = "the next policy"
    FORCED = "the first level again, by hand"
    END = "nothing: the policy is exhausted"


class PageCause(enum.Enum):
    """Why a level of a policy turned to its targets when it did."""

    OPENED = "the incident was opened"
    NOT_ACKNOWLEDGED = "nobody acknowledged in time"
    NOBODY_ON_CALL = "the level before had nobody on call"
    ESCALATED = "escalated by hand"
    REASSIGNED = "reassigned"
    RESUMED = "the incident waits again"
    WORSENED = "the urgency rose"
    QUIET_ENDED = "the maintenance of the service ended"
    POLICY_CHANGED = "the configuration gave it another policy"
    LEVEL_GONE = "the configuration had its level no more"


def following(position: Position, policies: Mapping[str, Policy]) -> tuple[Move, Position]:
    """What comes after a position, and the position then; at the end it stays."""
    policy = position.policy
    if position.level + 1 < len(policy.levels):
        return Move.LEVEL, attrs.evolve(position, level=position.level + 1, turn=0)
    if position.loop < policy.repeat:
        return Move.LOOP, Position(policy, 0, position.loop + 1)
    if policy.then is not None and policy.then in policies:
        return Move.POLICY, Position(policies[policy.then])
    return Move.END, position


def forced(position: Position, policies: Mapping[str, Policy]) -> tuple[Move, Position]:
    """What comes after a position if somebody insists: at the end the policy's first level, in the same loop."""
    move, after = following(position, policies)
    return (move, after) if move is not Move.END else (Move.FORCED, attrs.evolve(position, level=0, turn=0))


def resumed(position: Position) -> Position:
    """Where an escalation goes on after it was stopped."""
    return Position(position.policy) if position.policy.resumes_at_first else position


@attrs.frozen
class Reached:
    """A user whom a level reaches, by which of its targets; `on_call` says why the schedule named the user."""

    user: User
    target: Target
    on_call: OnCall | None = None


def reach(
    targets: tuple[Target, ...], users: Mapping[str, User], schedules: Mapping[str, Schedule], now: int
) -> tuple[Reached, ...]:
    """The users behind targets at an instant, each once, by the first target that names them.

    Users and schedules that a configuration has no more are passed over.
    """
    found: dict[str, Reached] = {}
    for target in targets:
        if target.kind is TargetKind.USER and target.name in users:
            found.setdefault(target.name, Reached(users[target.name], target))
        elif target.kind is TargetKind.SCHEDULE and target.name in schedules:
            for each in schedules[target.name].on_call(now):
                found.setdefault(each.user, Reached(users[each.user], target, each))
    return tuple(found.values())
