"""Posts of alerts: what a sender may write, and what is made of it."""

import json

import pytest

from obsflow.alertmanager.posted import AlertReader, read_any
from obsflow.errors import ParseError
from obsflow.model.alerts import Alert
from obsflow.model.labels import EMPTY, Labels

NOON = 1_700_000_000_000
SENT = {
    "labels": {"job": "node", "alertname": "A"},
    "annotations": {"summary": "load < 9", "empty": ""},
    "startsAt": "2023-11-14T22:13:20Z",
    "endsAt": "2023-11-14T23:13:20.5+01:00",
    "generatorURL": "http://prom/graph?a=1&b=2",
}
READ = Alert(
    Labels(alertname="A", job="node"),
    Labels.of_annotations({"empty": "", "summary": "load < 9"}),
    NOON,
    NOON + 500,
    "http://prom/graph?a=1&b=2",
)


def read(body):
    """By the reader twice, and by its slow twin."""
    reader, data = AlertReader(), body if isinstance(body, bytes) else json.dumps(body).encode()
    first = reader.read(data)
    assert first == reader.read(data) == read_any(data)
    return first


def test_a_post_as_prometheus_writes_it():
    """All members, in any order, with and without spaces."""
    assert read([SENT]) == (READ,)
    assert read([SENT, dict(reversed(SENT.items()))]) == (READ, READ)
    assert read(json.dumps([SENT], separators=(",", ":")).encode()) == (READ,)
    assert read(b" [ ] \n") == ()


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ({"annotations": None}, EMPTY),
        ({"annotations": {}}, EMPTY),
        ({"generatorURL": None, "annotations": {}}, EMPTY),
        ({"fingerprint": 7, "status": {"state": ["active"]}, "annotations": {}}, EMPTY),
        ({}, READ.annotations),
    ],
)
def test_members_that_may_be_missing(member, expected):
    """Null is as good as absent, and what is not known is ignored."""
    assert read([{**SENT, **member}])[0].annotations == expected


@pytest.mark.parametrize("time", [None, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"])
def test_times_that_are_none(time):
    """Null, and Go's zero time."""
    (alert,) = read([{**SENT, "startsAt": time, "endsAt": time}])
    assert (alert.starts_at, alert.ends_at) == (None, None)
    (alert,) = read([{"labels": {"a": "b"}}])
    assert alert == Alert(Labels(a="b"))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (rb'{"a":"1","a":"2"}', {"a": "2"}),
        (rb'{"a":"1","a":""}', {}),
        (rb'{"a":"","b":"1"}', {"b": "1"}),
        (rb'{"a":"\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}', {"a": 'é😀"\\/\b\f\n\r\t'}),
        ('{"é":"ü","\U0001f600":"1","z\uffff":"2"}'.encode(), {"é": "ü", "\U0001f600": "1", "z\uffff": "2"}),
        (rb'{"a":"\ud83d","b":"\ude00\ud83d"}', {"a": "\ufffd", "b": "\ufffd\ufffd"}),
        (b'{"a":"\xe2\x82","b":"\xff","c":"\xed\xa0\x80"}', {"a": "\ufffd" * 2, "b": "\ufffd", "c": "\ufffd" * 3}),
        (b"{}", {}),
        (json.dumps({f"l{i:03d}": str(i) for i in range(200)}).encode(), {f"l{i:03d}": str(i) for i in range(200)}),
    ],
)
def test_labels(labels, expected):
    """The last of a name counts, an empty one is none, and what is no character is U+FFFD."""
    assert read(b'[{"labels":%b}]' % labels) == (Alert(Labels(expected)),)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Expecting value"),
        (b"[", "Expecting value"),
        (b'[{"labels":{"a":"b"}}', "Expecting ',' delimiter"),
        (b'[{"labels":{"a":"b"}}] x', "Extra data"),
        (b'[{"labels":{"a":"b\n"}}]', "Invalid control character"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{}", "expected an array, found an object"),
        (b"[7]", "[0]: expected an object, found a number"),
        (b"[{}]", "[0].labels: expected an object, found null"),
        (b'[{"labels":{"a":1}}]', "[0].labels.a: expected a text, found a number"),
        (b'[{"labels":{"a":"b"},"startsAt":7}]', "[0].startsAt: expected a text, found a number"),
        (b'[{"labels":{"a":"b"},"endsAt":"noon"}]', '[0].endsAt: cannot parse "noon" as a time'),
        (b'[{"labels":{"a":"b"},"endsAt":"2023-13-14T22:13:20Z"}]', "[0].endsAt: cannot parse"),
        (b'[{"labels":{"a":"b"},"generatorURL":[]}]', "[0].generatorURL: expected a text, found an array"),
        (b'[{"labels":{"a":"b"}},{"labels":{"a":"b"},"annotations":true}]', "[1].annotations: expected an object"),
    ],
)
def test_what_is_no_post(body, message):
    """It is said what is wrong, and where; what comes after is read as if nothing had been."""
    reader = AlertReader()
    with pytest.raises(ParseError) as raised:
        reader.read(body)
    assert message in raised.value.message
    assert reader.read(json.dumps([SENT]).encode()) == (READ,)


def test_what_is_said_again_is_the_same_object():
    """Labels, annotations and addresses, whatever the times are and in whichever order the labels come."""
    reader = AlertReader()
    (one,) = reader.read(json.dumps([SENT]).encode())
    again = {**SENT, "labels": dict(reversed(SENT["labels"].items())), "endsAt": "2024-11-14T23:13:20Z"}
    (other,) = reader.read(json.dumps([again]).encode())
    assert other.ends_at != one.ends_at
    assert (other.labels, other.annotations) == (one.labels, one.annotations)
    assert other.labels is one.labels
    assert other.annotations.pairs is one.annotations.pairs
    assert other.generator_url is one.generator_url
