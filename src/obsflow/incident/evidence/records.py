"""What the three pillars are made of: log records, spans, series; and readers of plain records."""

import enum
import itertools
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self

import attrs

from obsflow.errors import Problem
from obsflow.incident.evidence.plain import OnProblem, Place, read_each
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.times import parse_time

MS_NS: Final = 1_000_000

_SHORTEST: Final = "expected no end before the start"


class LogSeverity(enum.IntEnum):
    """How bad a log record is, as OpenTelemetry orders them; UNKNOWN is below all."""

    UNKNOWN = 0
    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    FATAL = 6

    @classmethod
    def of_number(cls, number: int) -> Self:
        """OpenTelemetry's number from 1 to 24, four to a severity; anything else is unknown."""
        return cls((number + 3) // 4) if 1 <= number <= 24 else cls(0)

    @classmethod
    def of_text(cls, text: str) -> Self:
        """The name that loggers give it, in any case; a name that is not known is UNKNOWN."""
        return cls(_SEVERITIES.get(text.strip().lower(), 0))


_SEVERITIES: Final = {
    name: severity
    for severity, names in enumerate(
        (
            (),
            ("trace", "verbose", "finest"),
            ("debug", "dbug", "fine"),
            ("info", "information", "informational", "notice"),
            ("warn", "warning"),
            ("error", "err", "eror", "severe"),
            ("fatal", "critical", "crit", "alert", "emerg", "emergency", "panic"),
        )
    )
    for name in names
}


class SpanStatus(enum.Enum):
    """What a span says of its outcome."""

    UNSET = "unset"
    OK = "ok"
    ERROR = "error"


@attrs.frozen
class LogRecord:
    """One line of a log. `time` is ms; ids are lower-case hexadecimal, or empty."""

    time: int
    severity: LogSeverity
    body: str
    attributes: Labels = EMPTY
    trace_id: str = ""
    span_id: str = ""
    service: str = ""


@attrs.frozen
class Span:
    """One operation of a trace. Unlike all other times these are nanoseconds: spans are often shorter than a ms.

    `parent_id` is empty for a root.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    service: str
    start_ns: int
    end_ns: int
    status: SpanStatus = SpanStatus.UNSET
    attributes: Labels = EMPTY
    message: str = ""

    @property
    def duration_ns(self) -> int:
        """How long it took."""
        return self.end_ns - self.start_ns

    @property
    def time(self) -> int:
        """When it began, in ms."""
        return self.start_ns // MS_NS

    @property
    def component(self) -> str:
        """Who is answerable for its time: the peer or the database that a client span calls, else its own service."""
        for name in _PEERS:
            if self.attributes.get(name):
                return self.attributes.get(name)
        return self.service


_PEERS: Final = ("peer.service", "service.peer.name", "db.system.name", "db.system")


def _integers(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(map(operator.index, values))


def _floats(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(map(float, values))


def _same_length(instance: "Series", _: Any, values: Sequence[float]) -> None:
    if len(values) != len(instance.times):
        raise ValueError("a series has as many values as times")
    if any(after <= before for before, after in itertools.pairwise(instance.times)):
        raise ValueError("the times of a series grow")


@attrs.frozen
class Series:
    """A metric: `times` in ms, growing, and a value at each. ValueError otherwise.

    A query's result is `[Series(*each) for each in result.series()]`.
    """

    labels: Labels
    times: tuple[int, ...] = attrs.field(converter=_integers)
    values: tuple[float, ...] = attrs.field(converter=_floats, validator=_same_length)


def _after_start(instance: "Window", _: Any, end: int) -> None:
    if end <= instance.start:
        raise ValueError("a window ends after its start")


@attrs.frozen
class Window:
    """The half-open stretch of time from `start` to before `end`, ms. ValueError if it is empty."""

    start: int
    end: int = attrs.field(validator=_after_start)

    @property
    def duration_ms(self) -> int:
        """How long it is."""
        return self.end - self.start

    def __contains__(self, time: int) -> bool:
        return self.start <= time < self.end


def read_logs(
    records: Iterable[object], source: str = "logs", *, on_problem: OnProblem | None = None
) -> tuple[LogRecord, ...]:
    """Log records from plain objects.

    `time` is ms or RFC 3339; `severity` a name or OpenTelemetry's number; `body`, `service`, `trace_id`, `span_id` are
    strings, `attributes` an object of strings, numbers and booleans. Only `time` and `body` must be there; other fields
    are refused. ConfigError holds every problem with its path, unless `on_problem` hears of them: then the records that
    are wrong are left out.
    """
    found: list[Problem] = []
    return read_each(places_of(records, source, found), read_log, found, on_problem)


def read_spans(
    records: Iterable[object], source: str = "spans", *, on_problem: OnProblem | None = None
) -> tuple[Span, ...]:
    """Spans from plain objects.

    `trace_id`, `span_id`, `name`, `start_ns` and `end_ns` must be there; `parent_id`, `service`, `message`, `status`
    (`unset`, `ok`, `error`) and `attributes` may. Problems are told as `read_logs` tells them.
    """
    found: list[Problem] = []
    return read_each(places_of(records, source, found), read_span, found, on_problem)


def places_of(records: Iterable[object], source: str, found: list[Problem]) -> list[Place]:
    """The places of plain records; noted, and none, where there is no list of them."""
    if isinstance(records, str | bytes | Mapping) or not isinstance(records, Iterable):
        Place(records, "", source, found).wrong("expected a list of objects")
        return []
    return [Place(record, f"[{index}]", source, found) for index, record in enumerate(records)]


_LOG_FIELDS: Final = frozenset({"time", "severity", "body", "attributes", "trace_id", "span_id", "service"})
_SPAN_FIELDS: Final = frozenset(
    {"trace_id", "span_id", "parent_id", "name", "service", "start_ns", "end_ns", "status", "attributes", "message"}
)


def is_object(place: Place, known: frozenset[str], needed: tuple[str, ...]) -> bool:
    """Whether the place holds an object; notes the fields that are missing and those that nobody reads."""
    fields = place.fields()
    if fields is None:
        if place.is_absent():
            place.wrong("expected an object, found nothing")
        return False
    for name in fields:
        if name not in known:
            place.at(name).wrong("unknown field")
    for name in needed:
        if fields.get(name) is None:
            place.at(name).wrong("required, and not there")
    return True


def read_log(place: Place) -> LogRecord | None:
    """The log record at a place, as `read_logs` reads it; None where it is none."""
    if not is_object(place, _LOG_FIELDS, ("time", "body")):
        return None
    return LogRecord(
        time=read_time(place.at("time")),
        severity=_read_severity(place.at("severity")),
        body=place.at("body").text(),
        attributes=_read_attributes(place.at("attributes")),
        trace_id=place.at("trace_id").text().lower(),
        span_id=place.at("span_id").text().lower(),
        service=place.at("service").text(),
    )


def read_span(place: Place) -> Span | None:
    """The span at a place, as `read_spans` reads it; None where it is none."""
    if not is_object(place, _SPAN_FIELDS, ("trace_id", "span_id", "name", "start_ns", "end_ns")):
        return None
    start, end = place.at("start_ns").natural(), place.at("end_ns").natural()
    if start is not None and end is not None and end < start:
        place.at("end_ns").wrong(_SHORTEST)
    status = place.at("status")
    text = status.text().lower() or "unset"
    known = {each.value: each for each in SpanStatus}
    if text not in known:
        status.wrong("expected unset, ok or error")
    for name in ("trace_id", "span_id"):
        if place.at(name).value == "":
            place.at(name).wrong("expected an id")
    return Span(
        trace_id=place.at("trace_id").text().lower(),
        span_id=place.at("span_id").text().lower(),
        parent_id=place.at("parent_id").text().lower(),
        name=place.at("name").text(),
        service=place.at("service").text(),
        start_ns=start or 0,
        end_ns=end or 0,
        status=known.get(text, SpanStatus.UNSET),
        attributes=_read_attributes(place.at("attributes")),
        message=place.at("message").text(),
    )


def read_time(place: Place) -> int:
    """Milliseconds, or RFC 3339; 0, with the problem noted, where it is neither."""
    if isinstance(place.value, str) and not place.value.isdigit():
        try:
            return parse_time(place.value)
        except (ValueError, OverflowError):
            place.wrong("expected ms since the epoch or an RFC 3339 time")
            return 0
    return place.natural() or 0


def _read_severity(place: Place) -> LogSeverity:
    if isinstance(place.value, int) and not isinstance(place.value, bool):
        return LogSeverity.of_number(place.natural(24) or 0)
    return LogSeverity.of_text(place.text())


def _read_attributes(place: Place) -> Labels:
    """Attributes as labels: numbers and booleans in their JSON text; empty values are no labels."""
    attributes = {}
    for name in place.fields() or ():
        value = place.at(name)
        match value.value:
            case None:
                continue
            case bool(flag):
                attributes[name] = "true" if flag else "false"
            case int() | float():
                number = value.number()
                attributes[name] = render_number(value.value) if number is not None else ""
            case _:
                attributes[name] = value.text()
    return Labels(attributes)


def render_number(value: float) -> str:
    """The shortest text of a number; a whole one has no point."""
    return repr(value).removesuffix(".0")
