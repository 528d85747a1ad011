"""OTLP in JSON: the encodings of the specification, and what is refused and where."""

import contextlib
import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.errors import ConfigError, ObsflowError
from obsflow.incident.evidence import (
    LogRecord,
    LogSeverity,
    Span,
    SpanStatus,
    read_logs,
    read_otlp_logs,
    read_otlp_spans,
    read_spans,
)
from obsflow.model.labels import Labels

TRACE, SPAN_ID, PARENT = "5B8EFFF798038103D269B633813FC60C", "EEE19B7EC3C1B174", "EEE19B7EC3C1B173"

RESOURCE = {"attributes": [
    {"key": "service.name", "value": {"stringValue": "payment-api"}},
    {"key": "zone", "value": {"stringValue": "a"}},
]}  # fmt: skip
SPANS = {"resourceSpans": [{
    "resource": RESOURCE,
    "scopeSpans": [{"scope": {"name": "lib"}, "spans": [{
        "traceId": TRACE, "spanId": SPAN_ID, "parentSpanId": PARENT, "name": "I'm a server span",
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000, "kind": 2,
        "attributes": [{"key": "zone", "value": {"stringValue": "b"}}, {"key": "n", "value": {"intValue": "-12"}}],
        "status": {"code": 2, "message": "boom"}, "droppedAttributesCount": 1,
    }]}],
}]}  # fmt: skip
LOGS = {"resourceLogs": [{
    "resource": RESOURCE,
    "scopeLogs": [{"logRecords": [{
        "timeUnixNano": "1544712660300000000", "observedTimeUnixNano": "1544712660400000000", "severityNumber": 17,
        "severityText": "Information", "traceId": TRACE, "spanId": SPAN_ID,
        "body": {"stringValue": "Example log record"},
    }]}],
}]}  # fmt: skip


def changed(document, way, value):
    """A copy in which the value at `way` is another; None removes it."""
    document = copy.deepcopy(document)
    inner = document
    for step in way[:-1]:
        inner = inner[step]
    if value is None:
        del inner[way[-1]]
    else:
        inner[way[-1]] = value
    return document


A_SPAN = ("resourceSpans", 0, "scopeSpans", 0, "spans", 0)
A_LOG = ("resourceLogs", 0, "scopeLogs", 0, "logRecords", 0)


def test_a_span_is_read():
    """Ids in hexadecimal, times in text or numbers, the resource's attributes below the span's own."""
    expected = Span(
        TRACE.lower(), SPAN_ID.lower(), PARENT.lower(), "I'm a server span", "payment-api",
        1544712660000000000, 1544712661000000000, SpanStatus.ERROR,
        Labels({"service.name": "payment-api", "zone": "b", "n": "-12"}), "boom",
    )  # fmt: skip

    assert read_otlp_spans(SPANS) == (expected,)
    assert read_otlp_spans(json.dumps(SPANS)) == (expected,)
    assert read_otlp_spans(b" \n".join([json.dumps(SPANS, indent=1).encode()] * 2) + b"\n") == (expected,) * 2


def test_a_log_record_is_read():
    """The number of a severity counts before its name."""
    assert read_otlp_logs(LOGS) == (
        LogRecord(
            1544712660300, LogSeverity.ERROR, "Example log record",
            Labels({"service.name": "payment-api", "zone": "a"}), TRACE.lower(), SPAN_ID.lower(), "payment-api",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("way", "value", "field", "expected"),
    [
        (("timeUnixNano",), None, "time", 1544712660400),
        (("timeUnixNano",), "0", "time", 1544712660400),
        (("severityNumber",), None, "severity", LogSeverity.INFO),
        (("severityNumber",), 0, "severity", LogSeverity.INFO),
        (("traceId",), "", "trace_id", ""),
        (("traceId",), "0" * 32, "trace_id", ""),
        (("body",), None, "body", ""),
        (("body",), {}, "body", ""),
        (("body",), {"intValue": 5}, "body", "5"),
        (("body",), {"doubleValue": 2.0}, "body", "2"),
        (("body",), {"doubleValue": "NaN"}, "body", "nan"),
        (("body",), {"boolValue": False}, "body", "false"),
        (("body",), {"bytesValue": "AQI="}, "body", "AQI="),
        (("body",), {"arrayValue": {"values": [{"intValue": "1"}, {}]}}, "body", "[1,null]"),
        (("body",), {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {}}}]}}, "body", '{"k":[]}'),
    ],
)
def test_every_encoding_of_a_log_record(way, value, field, expected):
    """Absent and zero are the same; values of every kind become text."""
    (record,) = read_otlp_logs(changed(LOGS, A_LOG + way, value))

    assert getattr(record, field) == expected


@pytest.mark.parametrize(
    ("code", "status"), [(0, "UNSET"), (1, "OK"), (2, "ERROR"), ("STATUS_CODE_ERROR", "ERROR"), (None, "UNSET")]
)
def test_every_status(code, status):
    """By number, by the name that older exporters write, or left out."""
    (read,) = read_otlp_spans(changed(SPANS, (*A_SPAN, "status", "code"), code))

    assert read.status is SpanStatus[status]


def nested(depth):
    value = {"stringValue": "x"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


@pytest.mark.parametrize(
    ("read", "document", "way", "value", "path", "message"),
    [
        (read_otlp_spans, SPANS, ("resourceSpans",), 3, "", "expected a list, found a number"),
        (read_otlp_spans, SPANS, ("resourceSpans", 0), "x", "", "expected an object, found 'x'"),
        (read_otlp_spans, SPANS, A_SPAN, 3, "", "expected an object, found a number"),
        (read_otlp_spans, SPANS, (*A_SPAN, "traceId"), "zz", "", "expected 32 hexadecimal digits"),
        (read_otlp_spans, SPANS, (*A_SPAN, "traceId"), "0" * 32, "", "expected an id that is not zero"),
        (read_otlp_spans, SPANS, (*A_SPAN, "parentSpanId"), "12", "", "expected 16 hexadecimal digits"),
        (read_otlp_spans, SPANS, (*A_SPAN, "name"), 1, "", "expected a string, found a number"),
        (read_otlp_spans, SPANS, (*A_SPAN, "endTimeUnixNano"), "1", "", "expected no end before the start"),
        (read_otlp_spans, SPANS, (*A_SPAN, "endTimeUnixNano"), "1e3", "", "expected an integer, found '1e3'"),
        (read_otlp_spans, SPANS, (*A_SPAN, "startTimeUnixNano"), "0", "", "required, and not there"),
        (read_otlp_logs, LOGS, (*A_LOG, "timeUnixNano"), "soon", "", "expected an integer, found 'soon'"),
        (read_otlp_spans, SPANS, (*A_SPAN, "status", "code"), 3, "", "expected a status code: 0, 1 or 2"),
        (read_otlp_spans, SPANS, (*A_SPAN, "status", "code"), [], "", "expected a status code: 0, 1 or 2"),
        (read_otlp_spans, SPANS, (*A_SPAN, "attributes", 1, "value"), {"intValue": "9" * 19}, ".intValue",
         "expected a 64-bit integer"),
        (read_otlp_logs, LOGS, (*A_LOG, "severityNumber"), 25, "", "expected an integer from 0 to 24"),
        (read_otlp_logs, LOGS, (*A_LOG, "body"), {"stringValue": "", "intValue": 1}, "",
         "expected one value, found stringValue and intValue"),
        (read_otlp_logs, LOGS, (*A_LOG, "body"), {"bytesValue": "?"}, ".bytesValue", "expected base64"),
        (read_otlp_logs, LOGS, (*A_LOG, "body"), {"boolValue": 1}, ".boolValue", "expected true or false"),
        (read_otlp_logs, LOGS, (*A_LOG, "body"), {"doubleValue": "1"}, ".doubleValue",
         "expected a number, found '1'"),
        (read_otlp_logs, LOGS, (*A_LOG, "body"), nested(33), ".arrayValue.values[0]" * 33, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_path(read, document, way, value, path, message):
    """The way of keys and indices to the value."""
    with pytest.raises(ConfigError) as caught:
        read(changed(document, way, value))
    (problem,) = caught.value.problems
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).lstrip(".")

    assert (problem.path, problem.message) == (shown + path, message)


@pytest.mark.parametrize("document", ["{}", "", "{} {}", b"", {}])
def test_nothing_is_read_from_nothing(document):
    """An empty request is a request."""
    assert read_otlp_spans(document) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", [(1, 2, "not JSON: Expecting property name enclosed in double quotes")]),
        ("\n {]", [(2, 3, "not JSON: Expecting property name enclosed in double quotes")]),
        ("[" * 100_000, [(1, 1, "nested too deeply")]),
        ("9" * 5000, [(1, 1, "a number with too many digits")]),
        (b"{}\n{\xff", [(2, 2, "not UTF-8 at byte 4")]),
        ("[]", [(1, 1, "expected an object, found a list")]),
        ('{"data": []}', [(1, 1, "required, and not there")]),
        ("\nnull", [(2, 1, "expected an object")]),
        (json.dumps(LOGS), [(1, 1, "required, and not there")]),
        ("{}\n{!}\n{}\n[]\n{", [(2, 2, "not JSON: Expecting property name enclosed in double quotes"),
                               (5, 2, "not JSON: Expecting property name enclosed in double quotes"),
                               (4, 1, "expected an object, found a list")]),
        ('{\n"a":\n!}\n{!}', [(3, 1, "not JSON: Expecting value")]),  # nobody knows where the next one begins
    ],
)  # fmt: skip
def test_what_is_no_trace_is_refused_with_its_place(text, found):
    """Text that is no JSON, and JSON that is something else: all of it, line by line."""
    with pytest.raises(ConfigError) as caught:
        read_otlp_spans(text)

    assert [(problem.line, problem.column, problem.message) for problem in caught.value.problems] == found


NAMES = ["key", "value", "values", "stringValue", "arrayValue", "attributes", "time", "body", "span_id"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([TRACE, "1"])
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(
    document=st.sampled_from([SPANS, LOGS]),
    way=st.lists(st.integers(0, 11), min_size=1, max_size=10),
    value=JSON,
    lenient=st.booleans(),
)
def test_hostile_input_is_a_value_or_an_error_of_ours(document, way, value, lenient):
    """Whatever stands wherever in a document."""
    document = copy.deepcopy(document)
    inner, steps = document, []
    for step in way:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner))) if isinstance(inner, list) else []
        if not keys:
            break
        steps.append((inner, keys[step % len(keys)]))
        inner = inner[keys[step % len(keys)]]
    holder, key = steps[-1]
    holder[key] = value
    for read in (read_otlp_spans, read_otlp_logs):
        try:
            assert isinstance(read(document, on_problem=print if lenient else None), tuple)
        except ObsflowError:
            assert not lenient


@settings(deadline=None, max_examples=200)
@given(records=JSON, text=st.text() | st.binary())
def test_hostile_records_and_texts_are_refused(records, text):
    """Anything at all."""
    for read, given_ in ((read_logs, records), (read_spans, records), (read_otlp_logs, text), (read_otlp_spans, text)):
        with contextlib.suppress(ObsflowError):
            assert isinstance(read(given_), tuple)
