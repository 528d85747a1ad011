"""What the incident machine is told, and what it asks for: its events and effects, and the reasons it leaves behind."""

import enum

import attrs

from obsflow.incident.contacts import ContactMethod, Urgency
from obsflow.incident.escalation import Move, PageCause, Position, Target
from obsflow.incident.lifecycle import IncidentReason, IncidentState, Observation
from obsflow.incident.operations import OperationEvent
from obsflow.incident.schedule import OnCall
from obsflow.model.notifications import Notification, NotifiedAlert

# -- events from sources, which know a service and a key


@attrs.frozen
class Trigger:
    """Something is wrong: opens the incident of the key, or adds to the one that is open.

    With `is_whole`, `alerts` are all that there are of the key, and those it had before are none any more.
    """

    service: str
    key: str
    title: str
    urgency: Urgency
    alerts: tuple[NotifiedAlert, ...] = ()
    is_whole: bool = False


@attrs.frozen
class SourceAcknowledge:
    """The source says that somebody looks at it."""

    service: str
    key: str


@attrs.frozen
class SourceResolve:
    """The source says that it is over; `alerts` as they ended, and what else the key has ends now."""

    service: str
    key: str
    alerts: tuple[NotifiedAlert, ...] = ()


# -- events from people, who know the number of an incident


@attrs.frozen
class Acknowledge:
    """Somebody takes the incident: escalation stops."""

    incident: int
    by: str


@attrs.frozen
class Unacknowledge:
    """Somebody gives it back: escalation goes on."""

    incident: int
    by: str


@attrs.frozen
class Snooze:
    """Nobody is paged until `until` (ms), which is after now."""

    incident: int
    by: str
    until: int


@attrs.frozen
class Unsnooze:
    """The snooze ends early."""

    incident: int
    by: str


@attrs.frozen
class Reassign:
    """To another policy, from its first level, or else to users. One of both is given."""

    incident: int
    by: str
    policy: str = ""
    users: tuple[str, ...] = ()


@attrs.frozen
class Escalate:
    """On to the next level now; takes an acknowledgement or a snooze back. After the last comes the first again."""

    incident: int
    by: str


@attrs.frozen
class Merge:
    """The incident is part of another open one, which takes its alerts and keys."""

    incident: int
    by: str
    into: int


class NoteKind(enum.Enum):
    """What a note is about. The timeline and the report read it."""

    NOTE = "note"
    ONSET = "onset"  # when the trouble began, as found later
    DEPLOYMENT = "deployment"
    FINDING = "finding"
    CAUSE = "cause"
    DECISION = "decision"
    ACTION = "action"
    MITIGATION = "mitigation"  # users are well again
    COMMUNICATION = "communication"


@attrs.frozen
class AddNote:
    """Something to remember. `occurred_at` (ms) is when it happened, if not now."""

    incident: int
    by: str
    text: str
    kind: NoteKind = NoteKind.NOTE
    occurred_at: int | None = None


@attrs.frozen
class Resolve:
    """Somebody says that it is over."""

    incident: int
    by: str


PersonEvent = Acknowledge | Unacknowledge | Snooze | Unsnooze | Reassign | Escalate | Merge | AddNote | Resolve
SourceEvent = Trigger | SourceAcknowledge | SourceResolve
Event = Notification | SourceEvent | PersonEvent | OperationEvent

# -- effects; every one has the time, ms, and the number of its incident


@attrs.frozen
class PageReason:
    """Why a user is paged: what made the level turn to them, by which target, and since when they wait (ms).

    `on_call` says why the schedule named them; `after_ms` is the delay of the user's own rule.
    """

    cause: PageCause
    target: Target
    on_call: OnCall | None
    level_since: int
    after_ms: int


@attrs.frozen
class IncidentOpened:
    """A key without an open incident was triggered."""

    time: int
    incident: int
    service: str
    key: str
    title: str
    urgency: Urgency


@attrs.frozen
class AlertsReceived:
    """A source's word on an incident that is open: alerts as they are now, and whether the key is over."""

    time: int
    incident: int
    key: str
    observation: Observation
    alerts: tuple[NotifiedAlert, ...]


@attrs.frozen
class Transition:
    """A change of state, with its reason; `by` is empty where nobody did it, `elapsed_ms` the time in the old state."""

    time: int
    incident: int
    from_state: IncidentState
    to_state: IncidentState
    reason: IncidentReason
    by: str
    elapsed_ms: int


@attrs.frozen
class Snoozed:
    """Nobody is paged until `until` (ms)."""

    time: int
    incident: int
    by: str
    until: int


@attrs.frozen
class PartlyAcknowledged:
    """Somebody acknowledged, and `missing` more have to."""

    time: int
    incident: int
    by: str
    missing: int


@attrs.frozen
class Reminder:
    """Remember whoever acknowledged that the incident is still open, `elapsed_ms` after that. This pages nobody."""

    time: int
    incident: int
    user: str
    elapsed_ms: int


@attrs.frozen
class PagesHeld:
    """Nobody is paged: the service is in maintenance, at least until `until` (ms)."""

    time: int
    incident: int
    until: int


@attrs.frozen
class MaintenanceChanged:
    """A service is in maintenance until `until` (ms), which is now where it ends early. `incident` is 0."""

    time: int
    incident: int
    service: str
    by: str
    until: int


@attrs.frozen
class Reloaded:
    """Another configuration is in force. `incident` is 0."""

    time: int
    incident: int = 0


@attrs.frozen
class IncidentResolved:
    """It is over, `duration_ms` after it was opened. `into` is the incident that it was merged into."""

    time: int
    incident: int
    reason: IncidentReason
    by: str
    duration_ms: int
    into: int | None = None


@attrs.frozen
class IncidentMerged:
    """Another incident became part of this one, with its alerts and keys."""

    time: int
    incident: int
    merged: int
    by: str


@attrs.frozen
class Page:
    """Reach a user, by a contact method. `position` is the level that does."""

    time: int
    incident: int
    user: str
    method: ContactMethod
    urgency: Urgency
    position: Position
    reason: PageReason


@attrs.frozen
class Escalated:
    """The escalation came to a level, by a person or by itself; `waited_ms` is how long the one before had."""

    time: int
    incident: int
    move: Move
    position: Position
    cause: PageCause
    by: str
    waited_ms: int


@attrs.frozen
class NobodyReached:
    """A level had nobody on call. `is_skipped` says that the next one is turned to at once."""

    time: int
    incident: int
    position: Position
    is_skipped: bool


@attrs.frozen
class EscalationEnded:
    """Nobody is left to turn to: the incident waits, and nobody is paged any more."""

    time: int
    incident: int
    position: Position


class UpdateKind(enum.Enum):
    """Why a channel or a status page hears of an incident."""

    TARGET = "a level of the policy turns to the channel"
    STATE = "the incident changed its state"
    NOTE = "somebody noted something for others"


@attrs.frozen
class ChannelUpdate:
    """Tell a channel."""

    time: int
    incident: int
    channel: str
    kind: UpdateKind
    text: str


class PublicStatus(enum.Enum):
    """What a status page says of an incident."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


@attrs.frozen
class StatusUpdate:
    """Tell the status page."""

    time: int
    incident: int
    component: str
    status: PublicStatus
    kind: UpdateKind


@attrs.frozen
class NoteAdded:
    """A note, as it was given."""

    time: int
    incident: int
    by: str
    text: str
    kind: NoteKind
    occurred_at: int


class IgnoredReason(enum.Enum):
    """Why a source's word changes nothing."""

    UNKNOWN = "no incident has this key"
    OVER = "the incident of this key is over"


@attrs.frozen
class Ignored:
    """A source's word that changes nothing: there is no open incident of that key. `incident` is the last, or 0."""

    time: int
    incident: int
    service: str
    key: str
    observation: Observation
    reason: IgnoredReason


Effect = (
    IncidentOpened
    | AlertsReceived
    | Transition
    | Snoozed
    | PartlyAcknowledged
    | Reminder
    | PagesHeld
    | MaintenanceChanged
    | Reloaded
    | IncidentResolved
    | IncidentMerged
    | Page
    | Escalated
    | NobodyReached
    | EscalationEnded
    | ChannelUpdate
    | StatusUpdate
    | NoteAdded
    | Ignored
)
