"""Alerts for Opsgenie: created, updated, closed."""

import json

import pytest
from tests.notify.samples import NOON, alert, deliver, notification, render

from obsflow.notify import Globals, OpsgenieConfig
from obsflow.notify.opsgenie import OpsgenieResponder

ALIAS = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
FIRING = notification(group_key="1")
RESOLVED = notification(alert(resolved_at=NOON, instance="a"), group_key="1")
API = "https://api.opsgenie.com/v2/alerts"


def test_an_alert_that_is_created():
    """The document as Alertmanager writes it: own details join the common labels, empty members are left out."""
    config = OpsgenieConfig(
        api_key="K{{ .Status }}",
        description="d",
        source="s",
        details={"x": "{{ .Status }}", "instance": "own"},
        tags=" a,,b ",
        priority="P1",
    )
    request = render(config, FIRING)
    assert (request.method, request.url) == ("POST", API)
    assert request.headers["Authorization"] == "GenieKey Kfiring"
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == (
        f'{{"alias":"{ALIAS}","message":"[FIRING:1] HighLoad (a)","description":"d",'
        '"details":{"alertname":"HighLoad","instance":"own","x":"firing"},"source":"s","tags":["a","b"],'
        '"priority":"P1"}\n'
    )


def test_what_an_alert_says_by_default():
    """Subject, annotations and alerts, and where to look."""
    body = json.loads(render(OpsgenieConfig(api_key="k"), FIRING).body)
    assert body["description"] == (
        "load < 9 & rising\nAlerts Firing:\nLabels:\n - alertname = HighLoad\n - instance = a\n"
        "Annotations:\n - summary = load < 9 & rising\nSource: http://prom/graph?a=1&b=2\n\n"
    )
    assert body["source"] == "http://am/#/alerts?receiver=team"


def test_a_resolved_group_closes_its_alert():
    """By its alias; only the source is said."""
    requests, outcome = deliver(OpsgenieConfig(api_key="k", source="s"), (202, ""), told=RESOLVED)
    assert [(each.method, each.url) for each in requests] == [("POST", f"{API}/{ALIAS}/close?identifierType=alias")]
    assert requests[0].body == '{"source":"s"}\n'
    assert outcome.is_delivered


def test_updates_follow_the_creation():
    """The message and then the description are put, each once the one before was taken."""
    config = OpsgenieConfig(api_key="k", message="m", description="d", update_alerts=True)
    requests, outcome = deliver(config, (202, ""), (202, ""), (200, ""), told=FIRING)
    assert [(each.method, each.url) for each in requests] == [
        ("POST", API),
        ("PUT", f"{API}/{ALIAS}/message?identifierType=alias"),
        ("PUT", f"{API}/{ALIAS}/description?identifierType=alias"),
    ]
    assert [each.body for each in requests[1:]] == ['{"message":"m"}\n', '{"description":"d"}\n']
    assert all(each.headers["Authorization"] == "GenieKey k" for each in requests)
    assert outcome.is_delivered


@pytest.mark.parametrize(("code", "retry"), [(429, True), (503, True), (422, False), (403, False)])
def test_a_refusal_ends_the_delivery(code, retry):
    """No update is sent for an alert that was not created."""
    requests, outcome = deliver(OpsgenieConfig(api_key="k", update_alerts=True), (code, "no"), told=FIRING)
    assert len(requests) == 1
    assert (outcome.retry, outcome.reason) == (retry, f"unexpected status code {code}: no")


def test_responders():
    """Teams are listed one by one, and those that come out empty are left out."""
    config = OpsgenieConfig(
        api_key="k",
        responders=(
            OpsgenieResponder(name="a,b,", type="teams"),
            OpsgenieResponder(id="{{ .CommonLabels.none }}", type="{{ .CommonLabels.none }}"),
            OpsgenieResponder(username="{{ .CommonLabels.instance }}", type="user"),
        ),
    )
    assert json.loads(render(config, FIRING).body)["responders"] == [
        {"name": "a", "type": "team"},
        {"name": "b", "type": "team"},
        {"username": "a", "type": "user"},
    ]


def test_a_long_message_is_cut():
    """At 130 characters."""
    body = json.loads(render(OpsgenieConfig(api_key="k", message="é" * 131), FIRING).body)
    assert body["message"] == "é" * 129 + "…"
    body = json.loads(render(OpsgenieConfig(api_key="k", message="é" * 130), FIRING).body)
    assert body["message"] == "é" * 130


def test_what_global_supplies():
    """Key and address; a key of its own, in a file too, comes before the global one."""
    globals_ = Globals(opsgenie_api_key="G", opsgenie_api_url="http://og/base?x=1")
    request = render(OpsgenieConfig(), FIRING, globals_)
    assert request.headers["Authorization"] == "GenieKey G"
    assert request.url == "http://og/base/v2/alerts?x=1"
    request = render(OpsgenieConfig(api_key_file="/k"), RESOLVED, globals_, files={"/k": "own\n"})
    assert request.headers["Authorization"] == "GenieKey own"
    assert request.url == f"http://og/base/v2/alerts/{ALIAS}/close?identifierType=alias&x=1"
