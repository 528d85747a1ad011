"""Events of the Events API v2, read strictly."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from obsflow.errors import ConfigError
from obsflow.incident import (
    Change,
    SourceAcknowledge,
    SourceResolve,
    Trigger,
    Urgency,
    dedup_key,
    from_notification,
    parse_change,
    parse_event,
)
from tests.incident.samples import notification

KEYS = {"R1": "pager"}
EVENT = {
    "routing_key": "R1",
    "event_action": "trigger",
    "dedup_key": "k",
    "payload": {
        "summary": "disk full",
        "source": "db1",
        "severity": "critical",
        "timestamp": "2026-01-01T00:00:00Z",
        "component": "postgres",
        "custom_details": {"free": 0},
    },
    "client": "x",
    "links": [{"href": "http://a"}],
}


def test_a_trigger_carries_its_payload():
    """The payload becomes an alert; its severity decides the urgency."""
    event = parse_event(EVENT, KEYS, 7)

    assert (event.service, event.key, event.title, event.urgency) == ("pager", "k", "disk full", Urgency.HIGH)
    (alert,) = event.alerts
    assert dict(alert.labels) == {"source": "db1", "severity": "critical", "component": "postgres"}
    assert alert.starts_at == 1_767_225_600_000


@pytest.mark.parametrize(
    ("severity", "urgency"),
    [("critical", Urgency.HIGH), ("error", Urgency.HIGH), ("warning", Urgency.LOW), ("info", Urgency.LOW)],
)
def test_severity_decides_the_urgency(severity, urgency):
    """Critical and error are high, warning and info low."""
    payload = {**EVENT["payload"], "severity": severity}

    assert parse_event({**EVENT, "payload": payload}, KEYS, 0).urgency is urgency


@pytest.mark.parametrize(("action", "kind"), [("acknowledge", SourceAcknowledge), ("resolve", SourceResolve)])
def test_other_actions_need_only_the_key(action, kind):
    """A payload may be there and is not looked at."""
    assert parse_event({"routing_key": "R1", "event_action": action, "dedup_key": "k"}, KEYS, 0) == kind("pager", "k")


def test_a_trigger_without_a_key_gets_one_of_its_own():
    """The same event at the same time has the same, at another time another."""
    event = {name: value for name, value in EVENT.items() if name != "dedup_key"}
    keys = [parse_event(event, KEYS, now).key for now in (1, 1, 2)]

    assert keys[0] == keys[1] != keys[2]


def test_a_trigger_without_a_key_gets_the_id_that_is_passed_in():
    """Which an answer can then name; a key of its own goes before it."""
    event = {name: value for name, value in EVENT.items() if name != "dedup_key"}

    assert parse_event(event, KEYS, 1, new_id="srv01/1").key == "srv01/1"
    assert parse_event(EVENT, KEYS, 1, new_id="srv01/1").key == "k"


@pytest.mark.parametrize("key", ["k" * 255, "K", "k "])
def test_a_key_is_taken_as_it_is(key):
    """Upper and lower case differ, and 255 characters are not too many."""
    assert parse_event({**EVENT, "dedup_key": key}, KEYS, 0).key == key


def test_details_are_kept_with_the_alert():
    """What the payload has beyond its labels: text as it is, anything else as JSON."""
    (alert,) = parse_event(EVENT, KEYS, 0).alerts

    assert dict(alert.annotations) == {
        "summary": "disk full",
        "client": "x",
        "links": '[{"href": "http://a"}]',
        "custom_details": '{"free": 0}',
    }


CHANGE = {
    "routing_key": "R1",
    "payload": {"summary": "v2 deployed", "source": "ci", "timestamp": "2026-01-01T00:00:00Z", "custom_details": {}},
    "links": [],
}


def test_a_change_event():
    """What was done to the service, and when."""
    assert parse_change(CHANGE, KEYS, 7) == Change("pager", "v2 deployed", 1_767_225_600_000, "ci")
    assert parse_change({"routing_key": "R1", "payload": {"summary": "x"}}, KEYS, 7) == Change("pager", "x", 7)


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"routing_key": "R2"}, ["routing_key"]),
        ({"event_action": "trigger"}, ["event_action"]),
        ({"payload": None}, ["payload"]),
        ({"payload": {"source": 7, "colour": ""}}, ["payload.colour", "payload.summary", "payload.source"]),
        ({"payload": {"summary": "x", "timestamp": "soon"}}, ["payload.timestamp"]),
    ],
)
def test_what_is_wrong_with_a_change_is_told_at_once(changes, paths):
    """Every problem, with the way to the value."""
    with pytest.raises(ConfigError) as caught:
        parse_change({**CHANGE, **changes}, KEYS, 0)
    assert [problem.path for problem in caught.value.problems] == paths


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"routing_key": "R2"}, ["routing_key"]),
        ({"routing_key": ""}, ["routing_key"]),
        ({"event_action": "page"}, ["event_action"]),
        ({"event_action": None, "routing_key": 7}, ["routing_key", "event_action"]),
        ({"event_action": "resolve", "dedup_key": None}, ["dedup_key"]),
        ({"dedup_key": "k" * 256}, ["dedup_key"]),
        ({"payload": None}, ["payload"]),
        ({"payload": {}}, ["payload.summary", "payload.source", "payload.severity"]),
        ({"payload": {**EVENT["payload"], "severity": "fatal"}}, ["payload.severity"]),
        ({"payload": {**EVENT["payload"], "summary": "x" * 1025}}, ["payload.summary"]),
        ({"payload": {**EVENT["payload"], "timestamp": "soon"}}, ["payload.timestamp"]),
        ({"payload": {**EVENT["payload"], "colour": "red"}}, ["payload.colour"]),
        ({"service_key": "R1"}, ["service_key"]),
    ],
)
def test_what_is_wrong_is_told_at_once(changes, paths):
    """Every problem, with the way to the value."""
    with pytest.raises(ConfigError) as caught:
        parse_event({**EVENT, **changes}, KEYS, 0)
    assert [problem.path for problem in caught.value.problems] == paths


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)
MEMBERS = st.sampled_from([*EVENT, *EVENT["payload"], "other"])


@given(changes=st.dictionaries(MEMBERS, PLAIN, max_size=3), payload=st.dictionaries(MEMBERS, PLAIN, max_size=3))
@settings(deadline=None)
def test_any_data_is_read_or_refused(changes, payload):
    """Plain data of any shape gives an event or a ConfigError."""
    try:
        event = parse_event({**EVENT, "payload": {**EVENT["payload"], **payload}, **changes}, KEYS, 0)
    except ConfigError as error:
        assert error.problems
    else:
        assert isinstance(event, Trigger | SourceAcknowledge | SourceResolve)
    try:
        change = parse_change({**CHANGE, "payload": {**CHANGE["payload"], **payload}, **changes}, KEYS, 0)
    except ConfigError as error:
        assert error.problems
    else:
        assert isinstance(change, Change)


def test_a_notification_has_the_key_that_pagerduty_is_told():
    """The SHA-256 of the group key, so that both know the same incident."""
    event = from_notification(notification(("X", "warning", True)))

    assert event.key == dedup_key("{}:{job=x}")
    assert event.urgency is Urgency.LOW
