"""The instants of an incident, how each is known or why it is not, and the durations between them."""

import enum
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from obsflow.incident.events import IncidentOpened, IncidentResolved, NoteAdded, NoteKind, Transition
from obsflow.incident.evidence import Investigation
from obsflow.incident.lifecycle import IncidentState
from obsflow.incident.timeline import Entry, first_note


class TimeSource(enum.Enum):
    """How a time is known, or why it is not."""

    ANALYSIS = "the analysis says so"
    NOTE = "noted"
    INVESTIGATION = "found by the investigation"
    RECORD = "the record of the incident"
    NO_DEPLOYMENT = "no deployment before the detection is known"
    NO_ONSET = "nobody noted when it began, and no investigation found it"
    NOT_ACKNOWLEDGED = "nobody acknowledged it"
    NO_DECISION = "nobody noted a decision"
    NO_MITIGATION = "nobody noted when users were well again"
    STILL_OPEN = "the incident is still open"


@attrs.frozen
class Times:
    """The instants of an incident in ms, and the durations between them; None is unknown.

    Detection counts from the start; acknowledgement, mitigation and resolution from detection; `total_ms` is from the
    start to the end. `deployed_at` and `decided_at` are the last deployment known before detection, and the first
    decision. `sources` says by key how each is known, or why not.
    """

    started_at: int | None
    detected_at: int
    acknowledged_at: int | None
    mitigated_at: int | None
    resolved_at: int | None
    deployed_at: int | None = None
    decided_at: int | None = None
    sources: Mapping[str, TimeSource] = attrs.field(factory=dict, eq=False)

    @property
    def detect_ms(self) -> int | None:
        """Time to detect."""
        return _between(self.started_at, self.detected_at)

    @property
    def acknowledge_ms(self) -> int | None:
        """Time to acknowledge."""
        return _between(self.detected_at, self.acknowledged_at)

    @property
    def mitigate_ms(self) -> int | None:
        """Time to mitigate."""
        return _between(self.detected_at, self.mitigated_at)

    @property
    def resolve_ms(self) -> int | None:
        """Time to resolve."""
        return _between(self.detected_at, self.resolved_at)

    @property
    def total_ms(self) -> int | None:
        """How long it lasted."""
        return _between(self.started_at, self.resolved_at)


@attrs.frozen
class Instant:
    """A time of the report: its name, its key in JSON, and where it is; `is_asked` where a report lacks it without."""

    name: str
    key: str
    value: Callable[[Times], int | None]
    is_asked: bool = True


@attrs.frozen
class Span:
    """A duration of the report: its name, its key in JSON, and the keys of the instants that it is between."""

    name: str
    key: str
    value: Callable[[Times], int | None]
    start: str
    end: str

    def explain(self, times: Times) -> str:
        """Between what it is, or which of these is not known."""
        missing = [each.name.lower() for each in INSTANTS if each.key in self.ends and each.value(times) is None]
        return f"needs {' and '.join(missing)}" if missing else f"{self.start} to {self.end}"

    @property
    def ends(self) -> tuple[str, str]:
        """The keys of both instants."""
        return (self.start, self.end)


INSTANTS: Final = (
    Instant("Deployment", "deployed", lambda times: times.deployed_at, is_asked=False),
    Instant("Start", "started", lambda times: times.started_at),
    Instant("Detected", "detected", lambda times: times.detected_at),
    Instant("Acknowledged", "acknowledged", lambda times: times.acknowledged_at),
    Instant("Decision", "decided", lambda times: times.decided_at, is_asked=False),
    Instant("Mitigated", "mitigated", lambda times: times.mitigated_at),
    Instant("Resolved", "resolved", lambda times: times.resolved_at),
)
"""The five that every report has, and with them those of a deployment and of what was decided about it."""

SPANS: Final = (
    Span("TTD", "ttd", lambda times: times.detect_ms, "started", "detected"),
    Span("TTA", "tta", lambda times: times.acknowledge_ms, "detected", "acknowledged"),
    Span("TTM", "ttm", lambda times: times.mitigate_ms, "detected", "mitigated"),
    Span("TTR", "ttr", lambda times: times.resolve_ms, "detected", "resolved"),
    Span("Total", "total", lambda times: times.total_ms, "started", "resolved"),
)


def find_times(
    entries: tuple[Entry, ...],
    opened: IncidentOpened,
    started_at: int | None,
    mitigated_at: int | None,
    investigation: Investigation | None,
) -> Times:
    """The times that a timeline tells; what people say in `started_at` and `mitigated_at` goes before."""
    onset, mitigation, decision = (
        first_note(entries, kind) for kind in (NoteKind.ONSET, NoteKind.MITIGATION, NoteKind.DECISION)
    )
    effects = [entry.effect for entry in entries]
    acknowledged = next(
        (e.time for e in effects if isinstance(e, Transition) and e.to_state is IncidentState.ACKNOWLEDGED), None
    )
    resolved = next((each.time for each in effects if isinstance(each, IncidentResolved)), None)
    found = investigation.diagnosis.onset if investigation else None
    if found is not None and found > opened.time:  # trouble that came later is not what was detected
        found = None
    known: dict[str, tuple[int | None, TimeSource]] = {
        "deployed": _deployed(entries, opened, investigation),
        "started": _first(
            (started_at, TimeSource.ANALYSIS),
            (_occurred(onset), TimeSource.NOTE),
            (found, TimeSource.INVESTIGATION),
            (None, TimeSource.NO_ONSET),
        ),
        "detected": (opened.time, TimeSource.RECORD),
        "acknowledged": _first((acknowledged, TimeSource.RECORD), (None, TimeSource.NOT_ACKNOWLEDGED)),
        "decided": _first((_occurred(decision), TimeSource.NOTE), (None, TimeSource.NO_DECISION)),
        "mitigated": _first(
            (mitigated_at, TimeSource.ANALYSIS),
            (_occurred(mitigation), TimeSource.NOTE),
            (None, TimeSource.NO_MITIGATION),
        ),
        "resolved": _first((resolved, TimeSource.RECORD), (None, TimeSource.STILL_OPEN)),
    }
    return Times(
        started_at=known["started"][0],
        detected_at=opened.time,
        acknowledged_at=acknowledged,
        mitigated_at=known["mitigated"][0],
        resolved_at=resolved,
        deployed_at=known["deployed"][0],
        decided_at=known["decided"][0],
        sources={key: source for key, (_, source) in known.items()},
    )


def _deployed(
    entries: tuple[Entry, ...], opened: IncidentOpened, investigation: Investigation | None
) -> tuple[int | None, TimeSource]:
    """The last deployment before the detection, by whomever it is known."""
    noted = (
        (entry.time, TimeSource.NOTE)
        for entry in entries
        if isinstance(entry.effect, NoteAdded) and entry.effect.kind is NoteKind.DEPLOYMENT
    )
    deploys = investigation.deploys if investigation else ()
    found = ((each.time, TimeSource.INVESTIGATION) for each in deploys if each.time is not None)
    before = [(time, source) for time, source in (*noted, *found) if time <= opened.time]
    return max(before, key=lambda each: each[0], default=(None, TimeSource.NO_DEPLOYMENT))


def _occurred(note: NoteAdded | None) -> int | None:
    return None if note is None else note.occurred_at


def _first(*candidates: tuple[int | None, TimeSource]) -> tuple[int | None, TimeSource]:
    """The first that is known; else the last, which says why not."""
    return next((each for each in candidates if each[0] is not None), candidates[-1])


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start
