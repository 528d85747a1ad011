"""Files of records of either kind, of deploys, and of anything else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.errors import ConfigError
from obsflow.incident.evidence import Deploy, parse_deploy_file, parse_log_file, parse_span_file, read_deploys
from tests.incident.evidence.test_otlp import JSON, LOGS, SPANS

LOG = {"time": 5, "severity": "error", "body": "plain"}
SPAN = {"trace_id": "t", "span_id": "s", "name": "plain", "start_ns": 1, "end_ns": 2}
DEPLOY = {"time": "1970-01-01T00:00:01Z", "service": "api", "version": "v2"}


def lines(*documents):
    return "\n".join(json.dumps(document) for document in documents)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (lines(LOG), ["plain"]),
        (lines(LOGS), ["Example log record"]),
        (lines(LOG, LOGS, LOG), ["plain", "Example log record", "plain"]),
        (lines([LOG, LOG]), ["plain", "plain"]),
        (json.dumps(LOGS, indent=2) + lines(LOG), ["Example log record", "plain"]),
    ],
)
def test_a_file_holds_either_kind(text, expected):
    """OTLP and plain records, a document each or in a list, as text or bytes."""
    assert [record.body for record in parse_log_file(text)] == expected
    assert [record.body for record in parse_log_file(text.encode())] == expected


def test_spans_and_deploys_are_read_alike():
    """The same rules for all three."""
    assert [span.name for span in parse_span_file(lines(SPAN, SPANS))] == ["plain", "I'm a server span"]
    expected = (Deploy(1000, "api", "v2"), Deploy(7, "db", ""))
    assert parse_deploy_file(lines(DEPLOY, {"time": 7, "service": "db"})) == expected
    assert read_deploys([DEPLOY, {"time": 7, "service": "db"}]) == expected


def test_every_problem_is_told_with_its_line_and_path():
    """Whatever kind of document it is in; what is good is read beside it, if somebody listens."""
    bad = json.loads(json.dumps(LOGS))
    bad["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["traceId"] = "zz"
    text = lines(LOG, {"time": "soon"}, bad, [LOG, 3]) + "\n{!\n" + lines(LOG)
    heard = []
    expected = [
        "f:5:2:  not JSON: Expecting property name enclosed in double quotes",
        "f:2:1: body: required, and not there",
        "f:2:1: time: expected ms since the epoch or an RFC 3339 time",
        "f:3:1: resourceLogs[0].scopeLogs[0].logRecords[0].traceId: expected 32 hexadecimal digits",
        "f:4:1: [1]: expected an object, found a number",
    ]

    assert [record.body for record in parse_log_file(text, "f", on_problem=heard.append)] == ["plain"] * 3
    assert [str(problem) for problem in heard] == [each.replace(":  ", ": ") for each in expected]
    with pytest.raises(ConfigError) as caught:
        parse_log_file(text, "f")
    assert list(caught.value.problems) == heard


@settings(deadline=None, max_examples=300)
@given(
    parts=st.lists(
        JSON.map(json.dumps)
        | st.sampled_from([LOG, SPAN, DEPLOY, LOGS, SPANS]).map(json.dumps)
        | st.text(max_size=20)
        | st.sampled_from(["{", "[", '"', "\\u", "1e999", "-"]),
        max_size=5,
    ),
    between=st.sampled_from(["", " ", "\n", "\r\n", "\x00"]),
    tail=st.binary(max_size=3),
    read=st.sampled_from([parse_log_file, parse_span_file, parse_deploy_file]),
)
def test_any_file_is_records_or_problems_with_a_place(parts, between, tail, read):
    """Never anything else; every problem lies within the text."""
    text = between.join(parts).encode("utf-8", "surrogatepass") + tail
    heard = []
    records = read(text, "f", on_problem=heard.append)

    assert all(1 <= each.line <= text.count(b"\n") + 1 and 1 <= each.column <= len(text) + 1 for each in heard)
    if heard:
        with pytest.raises(ConfigError) as caught:
            read(text, "f")
        assert list(caught.value.problems) == heard
    else:
        assert read(text, "f") == records
