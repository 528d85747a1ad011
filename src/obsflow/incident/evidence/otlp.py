"""Logs and traces as OTLP 1.x has them in JSON: lower camel case, ids in hexadecimal, 64-bit integers as text."""

import base64
import binascii
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

import attrs

from obsflow.errors import Problem
from obsflow.incident.evidence.plain import OnProblem, Place, parse_documents, read_each
from obsflow.incident.evidence.records import MS_NS, LogRecord, LogSeverity, Span, SpanStatus, render_number
from obsflow.model.labels import EMPTY, Labels

_SERVICE: Final = "service.name"
_MAX_DEPTH: Final = 32
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_STATUSES: Final = {
    0: SpanStatus.UNSET,
    1: SpanStatus.OK,
    2: SpanStatus.ERROR,
    "STATUS_CODE_UNSET": SpanStatus.UNSET,
    "STATUS_CODE_OK": SpanStatus.OK,
    "STATUS_CODE_ERROR": SpanStatus.ERROR,
}
_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Document = str | bytes | Mapping[str, Any]
T = TypeVar("T")


def read_otlp_logs(
    document: Document, source: str = "logs", *, on_problem: OnProblem | None = None
) -> tuple[LogRecord, ...]:
    """The log records of `resourceLogs`: an object, or JSON text, also of several documents one after the other.

    Attributes of the resource and the record are one set, the record's own before the resource's; a record without a
    time has the one at which it was observed. Fields that are not known are passed over, as OTLP asks. ConfigError
    holds every problem with the line of its document and its path, unless `on_problem` hears of them.
    """
    return _read(document, source, log_reader(), on_problem)


def read_otlp_spans(
    document: Document, source: str = "spans", *, on_problem: OnProblem | None = None
) -> tuple[Span, ...]:
    """The spans of `resourceSpans`, read and refused as `read_otlp_logs` does."""
    return _read(document, source, span_reader(), on_problem)


@attrs.frozen
class OtlpReader(Generic[T]):
    """Reads the records of one kind, whose lists are named, from the outermost, in `names`.

    `resources` has the attributes of the resource that the last place belongs to: each place is read before the next is
    asked for.
    """

    names: tuple[str, str, str]
    record: Callable[[Place, Labels], T | None]
    resources: list[Labels] = attrs.field(factory=list)

    def places(self, root: Place) -> Iterator[Place]:
        """The places of the records under a document."""
        return _records(root, self.names, self.resources)

    def read(self, place: Place) -> T | None:
        """The record at the last place; None, with the problems noted, where it is none."""
        return self.record(place, self.resources[-1])


def log_reader() -> OtlpReader[LogRecord]:
    """What reads `resourceLogs`."""
    return OtlpReader(("resourceLogs", "scopeLogs", "logRecords"), _read_log)


def span_reader() -> OtlpReader[Span]:
    """What reads `resourceSpans`."""
    return OtlpReader(("resourceSpans", "scopeSpans", "spans"), _read_span)


def _read(document: Document, source: str, reader: OtlpReader[T], on_problem: OnProblem | None) -> tuple[T, ...]:
    found: list[Problem] = []
    if isinstance(document, str | bytes):
        roots = parse_documents(document, source, found)
    else:
        roots = [Place(document, "", source, found)]
    return read_each((place for root in roots for place in reader.places(root)), reader.read, found, on_problem)


def _records(root: Place, names: tuple[str, str, str], resources: list[Labels]) -> Iterator[Place]:
    """The places of the records; before each, the attributes of its resource are the last of `resources`."""
    outer, middle, inner = names
    fields = root.fields()
    if fields is None:
        if root.is_absent():
            root.wrong("expected an object")
        return
    if fields and outer not in fields:
        root.at(outer).wrong("required, and not there")
    for resource in root.at(outer).items():
        if resource.fields() is None:
            continue
        resource.at("resource").fields()
        resources[:] = [_attributes(resource.at("resource").at("attributes"))]
        for scope in resource.at(middle).items():
            scope.fields()
            yield from scope.at(inner).items()


def _read_log(place: Place, resource: Labels) -> LogRecord | None:
    if not _is_object(place):
        return None
    stamps = [place.at("timeUnixNano"), place.at("observedTimeUnixNano")]
    times = [stamp.natural() for stamp in stamps]
    time = next((time for time in times if time), 0)
    if not time and all(stamp.is_absent() or known == 0 for stamp, known in zip(stamps, times, strict=True)):
        stamps[0].wrong("expected a time, and no observed time is there either")
    severity = LogSeverity.of_number(place.at("severityNumber").natural(24) or 0)
    name = place.at("severityText").text()
    body = _any_value(place.at("body"))
    return LogRecord(
        time=time // MS_NS,
        severity=severity or LogSeverity.of_text(name),
        body=_render(body),
        attributes=resource.with_(_attributes(place.at("attributes"))),
        trace_id=_identity(place.at("traceId"), 32),
        span_id=_identity(place.at("spanId"), 16),
        service=resource.get(_SERVICE),
    )


def _read_span(place: Place, resource: Labels) -> Span | None:
    if not _is_object(place):
        return None
    start, end = _instant(place.at("startTimeUnixNano")), _instant(place.at("endTimeUnixNano"))
    if start and end and end < start:
        place.at("endTimeUnixNano").wrong("expected no end before the start")
    status = place.at("status")
    status.fields()
    return Span(
        trace_id=_identity(place.at("traceId"), 32, needed=True),
        span_id=_identity(place.at("spanId"), 16, needed=True),
        parent_id=_identity(place.at("parentSpanId"), 16),
        name=place.at("name").text(),
        service=resource.get(_SERVICE),
        start_ns=start,
        end_ns=end,
        status=_status(status.at("code")),
        attributes=resource.with_(_attributes(place.at("attributes"))),
        message=status.at("message").text(),
    )


def _instant(place: Place) -> int:
    """Nanoseconds; zero is no time."""
    time = place.natural()
    if time == 0 or place.is_absent():
        place.wrong("required, and not there")
    return time or 0


def _is_object(place: Place) -> bool:
    if place.is_absent():
        place.wrong("expected an object, found nothing")
    return place.fields() is not None


def _status(place: Place) -> SpanStatus:
    """The code of a status: its number, or as older exporters write it, its name."""
    code = place.value
    if code is None:
        return SpanStatus.UNSET
    if isinstance(code, bool) or not isinstance(code, int | str) or code not in _STATUSES:
        place.wrong("expected a status code: 0, 1 or 2")
        return SpanStatus.UNSET
    return _STATUSES[code]


def _identity(place: Place, digits: int, *, needed: bool = False) -> str:
    """The hexadecimal id in lower case; one of zeros alone is none."""
    text = place.text()
    if text and (len(text) != digits or not _HEX.issuperset(text)):
        place.wrong(f"expected {digits} hexadecimal digits")
        return ""
    if not text.strip("0"):
        if needed:
            place.wrong("expected an id that is not zero")
        return ""
    return text.lower()


def _attributes(place: Place) -> Labels:
    """Attributes as labels: values that are no strings in their JSON text; empty values are no labels."""
    if place.is_absent():
        return EMPTY
    return Labels({key: _render(value) for key, value in _key_values(place, 0).items()})


def _key_values(place: Place, depth: int) -> dict[str, object]:
    pairs = {}
    for item in place.items():
        if item.fields() is None:
            if item.is_absent():
                item.wrong("expected an object, found nothing")
            continue
        pairs[item.at("key").text()] = _any_value(item.at("value"), depth)
    return pairs


def _any_value(place: Place, depth: int = 0) -> object:
    """What an AnyValue holds: a string, number, boolean, list, dict or None. Bytes stay base64."""
    fields = place.fields()
    if not fields:
        return None
    if depth > _MAX_DEPTH:
        place.wrong("nested too deeply")
        return None
    kinds = [kind for kind in _READERS if fields.get(kind) is not None]
    if len(kinds) > 1:
        place.wrong(f"expected one value, found {' and '.join(kinds)}")
        return None
    return _READERS[kinds[0]](place.at(kinds[0]), depth) if kinds else None


def _boolean(place: Place, _: int) -> bool:
    if not isinstance(place.value, bool):
        place.wrong("expected true or false")
    return place.value is True


def _integer(place: Place, _: int) -> int:
    value = place.value
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    if isinstance(value, str) and digits.isascii() and digits.isdigit() and len(digits) <= 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        place.wrong("expected a 64-bit integer")
        return 0
    return value


def _double(place: Place, _: int) -> float:
    if isinstance(place.value, str) and place.value in _NOT_FINITE:
        return _NOT_FINITE[place.value]
    if isinstance(place.value, float):  # NaN, as some JSON writers have it
        return place.value
    return place.number() or 0.0


def _bytes(place: Place, _: int) -> str:
    text = place.text()
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        place.wrong("expected base64")
    return text


def _list(place: Place, depth: int) -> list[object]:
    place.fields()
    return [_any_value(item, depth + 1) for item in place.at("values").items()]


def _object(place: Place, depth: int) -> dict[str, object]:
    place.fields()
    return _key_values(place.at("values"), depth + 1)


_READERS: Final[dict[str, Callable[[Place, int], object]]] = {
    "stringValue": lambda place, _: place.text(),
    "boolValue": _boolean,
    "intValue": _integer,
    "doubleValue": _double,
    "arrayValue": _list,
    "kvlistValue": _object,
    "bytesValue": _bytes,
}


def _render(value: object) -> str:
    """A value as text."""
    match value:
        case None:
            return ""
        case str():
            return value
        case float():
            return render_number(value)
        case _:
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
