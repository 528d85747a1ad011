"""Small spans, records and series."""

from obsflow.incident.evidence import LogRecord, LogSeverity, Series, Span, SpanStatus
from obsflow.model.labels import Labels

MS = 1_000_000


def span(identity, parent, start, end, service="s", *, trace="t", name="", failed=False, message="", **attributes):
    """A span whose times are nanoseconds."""
    status = SpanStatus.ERROR if failed else SpanStatus.UNSET
    labels = Labels({key.replace("_", "."): value for key, value in attributes.items()})
    return Span(trace, identity, parent, name or identity, service, start, end, status, labels, message)


def error(time, body, service="api", severity=LogSeverity.ERROR):
    return LogRecord(time, severity, body, service=service)


def series(labels, *values, step=1000, start=0):
    times = tuple(range(start, start + step * len(values), step))
    return Series(Labels(labels), times, values)
