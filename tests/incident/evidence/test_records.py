"""Log records and spans from plain objects: what is read, and what is refused and where."""

import pytest

from obsflow.errors import ConfigError
from obsflow.incident.evidence import (
    LogRecord,
    LogSeverity,
    Series,
    Span,
    SpanStatus,
    Window,
    read_logs,
    read_spans,
)
from obsflow.model.labels import Labels

SPAN = {"trace_id": "T1", "span_id": "A", "name": "GET /", "start_ns": 1, "end_ns": "5000000"}


def problems(read, records):
    with pytest.raises(ConfigError) as caught:
        read(records)
    return [(problem.path, problem.message) for problem in caught.value.problems]


def test_a_log_record_is_read():
    """Times as ms or RFC 3339, severities by name or number, attributes as labels."""
    records = read_logs(
        [
            {
                "time": 1500,
                "body": "b",
                "severity": "Warning",
                "attributes": {"n": 1, "f": 2.5, "b": True, "e": "", "x": None},
            },
            {
                "time": "1970-01-01T00:00:02Z",
                "body": "c",
                "severity": 17,
                "trace_id": "AB",
                "span_id": "C",
                "service": "s",
            },
            {"time": "12", "body": "d", "severity": "whatever"},
        ]
    )

    assert records == (
        LogRecord(1500, LogSeverity.WARN, "b", Labels(n="1", f="2.5", b="true")),
        LogRecord(2000, LogSeverity.ERROR, "c", Labels(), "ab", "c", "s"),
        LogRecord(12, LogSeverity.UNKNOWN, "d"),
    )


def test_a_span_is_read():
    """Ids in lower case; what is left out is empty."""
    assert read_spans([SPAN, {**SPAN, "status": "ERROR", "parent_id": "B", "message": "m", "service": "s"}]) == (
        Span("t1", "a", "", "GET /", "", 1, 5_000_000),
        Span("t1", "a", "b", "GET /", "s", 1, 5_000_000, SpanStatus.ERROR, message="m"),
    )


@pytest.mark.parametrize(
    ("read", "records", "found"),
    [
        (read_logs, {}, [("", "expected a list of objects")]),
        (read_logs, 7, [("", "expected a list of objects")]),
        (read_logs, [None], [("[0]", "expected an object, found nothing")]),
        (read_logs, [7], [("[0]", "expected an object, found a number")]),
        (read_logs, [{1: 2}], [("[0]", "expected keys that are strings")]),
        (read_logs, [{"time": 1}], [("[0].body", "required, and not there")]),
        (read_logs, [{"time": "soon", "body": ""}], [("[0].time", "expected ms since the epoch or an RFC 3339 time")]),
        (read_logs, [{"time": -1, "body": ""}], [("[0].time", "expected an integer from 0 to 18446744073709551615")]),
        (read_logs, [{"time": 1.5, "body": ""}], [("[0].time", "expected an integer, found a number")]),
        (read_logs, [{"time": True, "body": ""}], [("[0].time", "expected an integer, found a boolean")]),
        (read_logs, [{"time": 1, "body": []}], [("[0].body", "expected a string, found a list")]),
        (read_logs, [{"time": 1, "body": "", "level": "x"}], [("[0].level", "unknown field")]),
        (
            read_logs,
            [{"time": 1, "body": "", "attributes": {"a": [1]}}, {"time": 1, "body": "", "attributes": 3}],
            [
                ("[0].attributes.a", "expected a string, found a list"),
                ("[1].attributes", "expected an object, found a number"),
            ],
        ),
        (
            read_logs,
            [{"time": 1, "body": "", "attributes": {"a": float("inf"), "b": 10**400}}],
            [("[0].attributes.a", "expected a finite number"), ("[0].attributes.b", "expected a finite number")],
        ),
        (read_spans, [{**SPAN, "end_ns": 0}], [("[0].end_ns", "expected no end before the start")]),
        (read_spans, [{**SPAN, "status": "bad"}], [("[0].status", "expected unset, ok or error")]),
        (read_spans, [{**SPAN, "span_id": ""}], [("[0].span_id", "expected an id")]),
        (read_spans, [SPAN, {"name": 3}], [
            ("[1].trace_id", "required, and not there"),
            ("[1].span_id", "required, and not there"),
            ("[1].start_ns", "required, and not there"),
            ("[1].end_ns", "required, and not there"),
            ("[1].name", "expected a string, found a number"),
        ]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_path(read, records, found):
    """Every problem of every record at once."""
    assert problems(read, records) == found


def test_what_is_good_survives_what_is_bad():
    """With `on_problem` the records that are wrong are left out and told."""
    told = []
    read = read_logs(
        [{"time": 1, "body": "a"}, {"time": "x", "body": 1}, {"time": 2, "body": "b"}], on_problem=told.append
    )

    assert [record.body for record in read] == ["a", "b"]
    assert [problem.path for problem in told] == ["[1].time", "[1].body"]


@pytest.mark.parametrize(
    ("number", "severity"),
    [(0, "UNKNOWN"), (1, "TRACE"), (4, "TRACE"), (5, "DEBUG"), (12, "INFO"), (13, "WARN"), (17, "ERROR"), (20, "ERROR"),
     (21, "FATAL"), (24, "FATAL"), (25, "UNKNOWN"), (-1, "UNKNOWN")],
)  # fmt: skip
def test_four_numbers_make_a_severity(number, severity):
    """As OpenTelemetry counts from 1 to 24."""
    assert LogSeverity.of_number(number) is LogSeverity[severity]


@pytest.mark.parametrize(
    ("text", "severity"),
    [("error", "ERROR"), (" ERR ", "ERROR"), ("Critical", "FATAL"), ("notice", "INFO"), ("", "UNKNOWN")],
)
def test_loggers_have_their_own_names(text, severity):
    """In any case; what is not known stays unknown."""
    assert LogSeverity.of_text(text) is LogSeverity[severity]


def test_series_and_windows_are_sound():
    """Times grow, values are as many, windows are not empty."""
    for make in (
        lambda: Series(Labels(), (1, 2), (0.0,)),
        lambda: Series(Labels(), (2, 2), (0.0, 0.0)),
        lambda: Window(5, 5),
    ):
        with pytest.raises(ValueError, match=r"series|window"):
            make()


@pytest.mark.parametrize(
    ("attributes", "component"),
    [
        ({}, "api"),
        ({"db.system": "postgresql"}, "postgresql"),
        ({"db.system": "postgresql", "peer.service": "orders-db"}, "orders-db"),
    ],
)
def test_a_client_span_blames_whom_it_calls(attributes, component):
    """The peer before the kind of database before the service itself."""
    assert Span("t", "s", "", "n", "api", 0, 1, attributes=Labels(attributes)).component == component
