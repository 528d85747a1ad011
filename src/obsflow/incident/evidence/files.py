"""Files of log records, spans and deploys: OTLP in JSON or plain records, one document after the other or as a list."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

import attrs

from obsflow.errors import Problem
from obsflow.incident.evidence.items import Deploy
from obsflow.incident.evidence.otlp import OtlpReader, log_reader, span_reader
from obsflow.incident.evidence.plain import OnProblem, Place, parse_documents, read_each
from obsflow.incident.evidence.records import (
    LogRecord,
    Span,
    is_object,
    places_of,
    read_log,
    read_span,
    read_time,
)

T = TypeVar("T")

_DEPLOY_FIELDS: Final = frozenset({"time", "service", "version"})


def parse_log_file(
    text: str | bytes, source: str = "logs", *, on_problem: OnProblem | None = None
) -> tuple[LogRecord, ...]:
    """The log records of a file: each document is OTLP, with `resourceLogs`, or a plain record, or a list of these.

    ConfigError holds every problem with the line at which its document begins, and its path; with `on_problem` what is
    wrong is told and left out.
    """
    return _parse(text, source, read_log, log_reader(), on_problem)


def parse_span_file(
    text: str | bytes, source: str = "spans", *, on_problem: OnProblem | None = None
) -> tuple[Span, ...]:
    """The spans of a file: `resourceSpans` of OTLP, or plain; read and refused as `parse_log_file` does."""
    return _parse(text, source, read_span, span_reader(), on_problem)


def parse_deploy_file(
    text: str | bytes, source: str = "deploys", *, on_problem: OnProblem | None = None
) -> tuple[Deploy, ...]:
    """The deploys of a file, read as `read_deploys` and refused as `parse_log_file` does."""
    return _parse(text, source, _read_deploy, None, on_problem)


def read_deploys(
    records: Iterable[object], source: str = "deploys", *, on_problem: OnProblem | None = None
) -> tuple[Deploy, ...]:
    """Deploys from plain objects: `time` in ms or RFC 3339, `service`, and perhaps `version`."""
    found: list[Problem] = []
    return read_each(places_of(records, source, found), _read_deploy, found, on_problem)


def _read_deploy(place: Place) -> Deploy | None:
    if not is_object(place, _DEPLOY_FIELDS, ("time", "service")):
        return None
    return Deploy(read_time(place.at("time")), place.at("service").text(), place.at("version").text())


def _parse(
    text: str | bytes,
    source: str,
    plain: Callable[[Place], T | None],
    otlp: OtlpReader[T] | None,
    on_problem: OnProblem | None,
) -> tuple[T, ...]:
    found: list[Problem] = []
    reader = _Mixed(plain, otlp)
    places = (place for root in parse_documents(text, source, found) for place in reader.places(root))
    return read_each(places, reader.read, found, on_problem)


@attrs.define
class _Mixed(Generic[T]):
    """Reads records of either kind; `is_otlp` says of which the last place is."""

    plain: Callable[[Place], T | None]
    otlp: OtlpReader[T] | None
    is_otlp: bool = False

    def places(self, root: Place) -> Iterator[Place]:
        if self.otlp is not None and isinstance(root.value, Mapping) and self.otlp.names[0] in root.value:
            self.is_otlp = True
            yield from self.otlp.places(root)
            return
        self.is_otlp = False
        yield from root.items() if isinstance(root.value, list) else (root,)

    def read(self, place: Place) -> T | None:
        return self.otlp.read(place) if self.is_otlp and self.otlp is not None else self.plain(place)
