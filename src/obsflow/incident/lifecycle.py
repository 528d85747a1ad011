"""The life of an incident as a table: state and observation → next state, what is done, and why.

The words are PagerDuty's. Sources (monitoring) may say anything at any time, and what cannot matter any more is
ignored; people and timers may only do what the table allows.
"""

import enum
from typing import Final

import attrs

from obsflow.errors import StateError


class IncidentState(enum.Enum):
    """Where an incident is in its life. NONE is a key without an incident."""

    NONE = "none"
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self in (IncidentState.TRIGGERED, IncidentState.ACKNOWLEDGED, IncidentState.SNOOZED)


class Observation(enum.Enum):
    """What a source, a person or a timer says about one incident."""

    TRIGGER = "the source triggers"
    WORSEN = "the source triggers, with a higher urgency"
    SOURCE_ACKNOWLEDGE = "the source acknowledges"
    SOURCE_RESOLVE = "the source resolves"
    PART_RESOLVE = "the source resolves one of several keys"
    ACKNOWLEDGE = "somebody acknowledges"
    PART_ACKNOWLEDGE = "somebody acknowledges, and the level asks for more"
    UNACKNOWLEDGE = "somebody takes the acknowledgement back"
    SNOOZE = "somebody snoozes"
    UNSNOOZE = "somebody ends the snooze"
    REASSIGN = "somebody reassigns"
    ESCALATE = "somebody escalates"
    MERGE = "somebody merges it into another"
    NOTE = "somebody notes"
    RESOLVE = "somebody resolves"
    PAGE_DUE = "a delayed page is due"
    LEVEL_DUE = "nobody acknowledged in time"
    ACKNOWLEDGE_TIMEOUT = "the acknowledgement timed out"
    REMINDER_DUE = "the acknowledgement is to be remembered"
    SNOOZE_END = "the snooze ended"
    AUTO_RESOLVE = "the auto-resolve time passed"
    QUIET_END = "the maintenance of the service ended"
    POLICY_CHANGED = "the configuration gives it another policy"
    LEVEL_GONE = "the configuration has its level no more"


class IncidentReason(enum.Enum):
    """Why an incident changed its state."""

    OPENED = "triggered by the source"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGED_BY_SOURCE = "acknowledged by the source"
    UNACKNOWLEDGED = "acknowledgement taken back"
    SNOOZED = "snoozed"
    UNSNOOZED = "snooze ended early"
    SNOOZE_ENDED = "snooze ended"
    ACKNOWLEDGE_TIMEOUT = "acknowledged, and not resolved in time"
    REASSIGNED = "reassigned"
    ESCALATED = "escalated by hand"
    RESOLVED = "resolved by hand"
    RESOLVED_BY_SOURCE = "resolved by the source"
    AUTO_RESOLVED = "open for the auto-resolve time"
    MERGED = "merged into another incident"


class Action(enum.Enum):
    """What a step does besides changing the state. A change of state stops every timer first.

    EXPIRE comes before what pages, so that at one instant an incident is resolved rather than told to somebody else.
    """

    START = "page the first level of the policy"
    RESUME = "page the level at which the policy stood, or its first"
    TURN = "page the level at which the policy stands"
    NEXT = "page the next level"
    AGAIN = "page the level anew, by the higher urgency"
    SEND = "send the delayed page"
    SPARE = "stop the delayed pages of who acknowledged"
    AWAIT = "run the acknowledgement timeout"
    REMIND = "remember who acknowledged"
    SLEEP = "run the snooze"
    EXPIRE = "run the auto-resolve time"
    CLOSE = "say that it is resolved"


@attrs.frozen
class Step:
    """One cell of the table. `reason` is None where the state stays."""

    next: IncidentState
    actions: tuple[Action, ...] = ()
    reason: IncidentReason | None = None


_NONE, _TRIGGERED, _ACKNOWLEDGED, _SNOOZED, _RESOLVED = IncidentState
_OPENED = Step(_TRIGGERED, (Action.EXPIRE, Action.START), IncidentReason.OPENED)
_BY_SOURCE = Step(_ACKNOWLEDGED, (Action.EXPIRE, Action.AWAIT), IncidentReason.ACKNOWLEDGED_BY_SOURCE)
_BY_PERSON = Step(_ACKNOWLEDGED, (Action.EXPIRE, Action.AWAIT), IncidentReason.ACKNOWLEDGED)
_ASLEEP = Step(_SNOOZED, (Action.SLEEP,), IncidentReason.SNOOZED)
_FORWARD = Step(_TRIGGERED, (Action.EXPIRE, Action.NEXT), IncidentReason.ESCALATED)
_HANDED_ON = Step(_TRIGGERED, (Action.EXPIRE, Action.START), IncidentReason.REASSIGNED)


def _back(reason: IncidentReason) -> Step:
    return Step(_TRIGGERED, (Action.EXPIRE, Action.RESUME), reason)


def _closed(reason: IncidentReason) -> Step:
    return Step(_RESOLVED, (Action.CLOSE,), reason)


TABLE: Final[dict[tuple[IncidentState, Observation], Step]] = {
    (_NONE, Observation.TRIGGER): _OPENED,
    (_NONE, Observation.SOURCE_ACKNOWLEDGE): Step(_NONE),
    (_NONE, Observation.SOURCE_RESOLVE): Step(_NONE),
    (_TRIGGERED, Observation.TRIGGER): Step(_TRIGGERED),
    (_TRIGGERED, Observation.WORSEN): Step(_TRIGGERED, (Action.AGAIN,)),
    (_TRIGGERED, Observation.SOURCE_ACKNOWLEDGE): _BY_SOURCE,
    (_TRIGGERED, Observation.SOURCE_RESOLVE): _closed(IncidentReason.RESOLVED_BY_SOURCE),
    (_TRIGGERED, Observation.PART_RESOLVE): Step(_TRIGGERED),
    (_TRIGGERED, Observation.ACKNOWLEDGE): _BY_PERSON,
    (_TRIGGERED, Observation.PART_ACKNOWLEDGE): Step(_TRIGGERED, (Action.SPARE,)),
    (_TRIGGERED, Observation.SNOOZE): _ASLEEP,
    (_TRIGGERED, Observation.REASSIGN): Step(_TRIGGERED, (Action.START,)),
    (_TRIGGERED, Observation.ESCALATE): Step(_TRIGGERED, (Action.NEXT,)),
    (_TRIGGERED, Observation.MERGE): _closed(IncidentReason.MERGED),
    (_TRIGGERED, Observation.NOTE): Step(_TRIGGERED),
    (_TRIGGERED, Observation.RESOLVE): _closed(IncidentReason.RESOLVED),
    (_TRIGGERED, Observation.PAGE_DUE): Step(_TRIGGERED, (Action.SEND,)),
    (_TRIGGERED, Observation.LEVEL_DUE): Step(_TRIGGERED, (Action.NEXT,)),
    (_TRIGGERED, Observation.AUTO_RESOLVE): _closed(IncidentReason.AUTO_RESOLVED),
    (_TRIGGERED, Observation.QUIET_END): Step(_TRIGGERED, (Action.TURN,)),
    (_TRIGGERED, Observation.POLICY_CHANGED): Step(_TRIGGERED, (Action.START,)),
    (_TRIGGERED, Observation.LEVEL_GONE): Step(_TRIGGERED, (Action.TURN,)),
    (_ACKNOWLEDGED, Observation.TRIGGER): Step(_ACKNOWLEDGED),
    (_ACKNOWLEDGED, Observation.WORSEN): Step(_ACKNOWLEDGED),
    (_ACKNOWLEDGED, Observation.SOURCE_ACKNOWLEDGE): Step(_ACKNOWLEDGED),
    (_ACKNOWLEDGED, Observation.SOURCE_RESOLVE): _closed(IncidentReason.RESOLVED_BY_SOURCE),
    (_ACKNOWLEDGED, Observation.PART_RESOLVE): Step(_ACKNOWLEDGED),
    (_ACKNOWLEDGED, Observation.ACKNOWLEDGE): Step(_ACKNOWLEDGED),
    (_ACKNOWLEDGED, Observation.UNACKNOWLEDGE): _back(IncidentReason.UNACKNOWLEDGED),
    (_ACKNOWLEDGED, Observation.SNOOZE): _ASLEEP,
    (_ACKNOWLEDGED, Observation.REASSIGN): _HANDED_ON,
    (_ACKNOWLEDGED, Observation.ESCALATE): _FORWARD,
    (_ACKNOWLEDGED, Observation.MERGE): _closed(IncidentReason.MERGED),
    (_ACKNOWLEDGED, Observation.NOTE): Step(_ACKNOWLEDGED),
    (_ACKNOWLEDGED, Observation.RESOLVE): _closed(IncidentReason.RESOLVED),
    (_ACKNOWLEDGED, Observation.ACKNOWLEDGE_TIMEOUT): _back(IncidentReason.ACKNOWLEDGE_TIMEOUT),
    (_ACKNOWLEDGED, Observation.REMINDER_DUE): Step(_ACKNOWLEDGED, (Action.REMIND,)),
    (_ACKNOWLEDGED, Observation.AUTO_RESOLVE): _closed(IncidentReason.AUTO_RESOLVED),
    (_ACKNOWLEDGED, Observation.POLICY_CHANGED): Step(_ACKNOWLEDGED),
    (_ACKNOWLEDGED, Observation.LEVEL_GONE): Step(_ACKNOWLEDGED),
    (_SNOOZED, Observation.TRIGGER): Step(_SNOOZED),
    (_SNOOZED, Observation.WORSEN): Step(_SNOOZED),
    (_SNOOZED, Observation.SOURCE_ACKNOWLEDGE): Step(_SNOOZED),
    (_SNOOZED, Observation.SOURCE_RESOLVE): _closed(IncidentReason.RESOLVED_BY_SOURCE),
    (_SNOOZED, Observation.PART_RESOLVE): Step(_SNOOZED),
    (_SNOOZED, Observation.ACKNOWLEDGE): _BY_PERSON,
    (_SNOOZED, Observation.SNOOZE): Step(_SNOOZED, (Action.SLEEP,)),
    (_SNOOZED, Observation.UNSNOOZE): _back(IncidentReason.UNSNOOZED),
    (_SNOOZED, Observation.REASSIGN): _HANDED_ON,
    (_SNOOZED, Observation.ESCALATE): _FORWARD,
    (_SNOOZED, Observation.MERGE): _closed(IncidentReason.MERGED),
    (_SNOOZED, Observation.NOTE): Step(_SNOOZED),
    (_SNOOZED, Observation.RESOLVE): _closed(IncidentReason.RESOLVED),
    (_SNOOZED, Observation.SNOOZE_END): _back(IncidentReason.SNOOZE_ENDED),
    (_SNOOZED, Observation.POLICY_CHANGED): Step(_SNOOZED),
    (_SNOOZED, Observation.LEVEL_GONE): Step(_SNOOZED),
    (_RESOLVED, Observation.TRIGGER): _OPENED,
    (_RESOLVED, Observation.SOURCE_ACKNOWLEDGE): Step(_RESOLVED),
    (_RESOLVED, Observation.SOURCE_RESOLVE): Step(_RESOLVED),
    (_RESOLVED, Observation.NOTE): Step(_RESOLVED),
    (_RESOLVED, Observation.RESOLVE): Step(_RESOLVED),
}
"""The legal cells. Every other pair is refused by `advance`. What triggers a resolved key is another incident."""


def advance(state: IncidentState, observation: Observation) -> Step:
    """What follows from an observation in a state. Raises StateError for a pair that is not allowed."""
    step = TABLE.get((state, observation))
    if step is None:
        raise StateError(f"not allowed on an incident that is {state.value}: {observation.value}")
    return step
