"""Events for PagerDuty, v2 and v1."""

import json

import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.errors import TemplateError
from obsflow.notify import PagerdutyConfig
from obsflow.notify.pagerduty import V1_URL, PagerdutyImage, PagerdutyLink

FIRING = (
    "Labels:\\n - alertname = HighLoad\\n - instance = a\\nAnnotations:\\n - summary = load \\u003c 9 \\u0026 rising\\n"
)


def test_a_trigger_event_of_v2():
    """The event as Alertmanager 0.25 writes it, posted to the configured address."""
    request = render(PagerdutyConfig(routing_key="R{{ .GroupLabels.alertname }}"))
    key = json.loads(request.body)["dedup_key"]
    assert request.url == "http://pd/v2"
    assert request.body == (
        f'{{"routing_key":"RHighLoad","dedup_key":"{key}","event_action":"trigger","payload":{{'
        '"summary":"[FIRING:1] HighLoad (a)","source":"Alertmanager","severity":"error",'
        f'"custom_details":{{"firing":"{FIRING}Source: http://prom/graph?a=1\\u0026b=2\\n",'
        '"num_firing":"1","num_resolved":"0","resolved":""}},"client":"Alertmanager",'
        '"client_url":"http://am/#/alerts?receiver=team"}\n'
    )


def test_the_key_of_an_incident_is_the_hash_of_the_group_key():
    """SHA-256 in hexadecimal digits."""
    told = notification(group_key="1")
    body = json.loads(render(PagerdutyConfig(routing_key="r"), told).body)
    assert body["dedup_key"] == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


def test_events_of_v1_always_go_to_the_generic_address():
    """A service key posts to one address whatever is configured; a resolve event names no client."""
    config = PagerdutyConfig(service_key="S", url="http://elsewhere/", details={"firing": "f"})
    request = render(config, notification(group_key="1"))
    assert request.url == V1_URL
    assert request.body == (
        '{"service_key":"S","incident_key":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",'
        '"event_type":"trigger","description":"[FIRING:1] HighLoad (a)","event_action":"","payload":null,'
        '"client":"Alertmanager","client_url":"http://am/#/alerts?receiver=team",'
        '"details":{"firing":"f","num_firing":"1","num_resolved":"0","resolved":""}}\n'
    )
    resolved = json.loads(render(config, notification(alert(resolved_at=NOON))).body)
    assert resolved["event_type"] == "resolve"
    assert "client" not in resolved


@pytest.mark.parametrize(
    ("alerts", "action"),
    [
        ([alert()], "trigger"),
        ([alert(), alert(resolved_at=NOON)], "trigger"),
        ([alert(resolved_at=NOON)], "resolve"),
    ],
)
def test_an_incident_is_resolved_when_all_alerts_are(alerts, action):
    """While one alert of the group fires, the event triggers."""
    body = json.loads(render(PagerdutyConfig(routing_key="r"), notification(*alerts)).body)
    assert body["event_action"] == action


@pytest.mark.parametrize(("length", "kept"), [(1024, "🚨" * 1024), (1025, "🚨" * 1023 + "…")])
def test_summaries_are_cut_at_1024_characters(length, kept):
    """Characters count, not bytes, and the mark of the cut is one of them."""
    config = PagerdutyConfig(routing_key="r", description="🚨" * length)
    assert json.loads(render(config).body)["payload"]["summary"] == kept
    v1 = PagerdutyConfig(service_key="r", description="🚨" * length)
    assert json.loads(render(v1).body)["description"] == kept


@pytest.mark.parametrize("key", ["routing_key", "service_key"])
def test_details_are_dropped_from_an_event_that_is_too_large(key):
    """Above 512,000 bytes the details give way to a note."""
    body = json.loads(render(PagerdutyConfig(**{key: "k"}, details={"big": "x" * 512_000})).body)
    details = body["details"] if key == "service_key" else body["payload"]["custom_details"]
    assert details == {
        "error": "Custom details have been removed because the original event exceeds the maximum size of 512KB"
    }


def test_newer_versions_send_structured_details():
    """Lists of alerts arrive as lists, and details of any depth are rendered."""
    config = PagerdutyConfig(routing_key="r", details={"deep": {"n": ["{{ len .Alerts }}", "{{ .Status }}"]}})
    details = json.loads(render(config, version="0.34.0").body)["payload"]["custom_details"]
    assert details["firing"][0]["labels"] == {"alertname": "HighLoad", "instance": "a"}
    assert (details["num_firing"], details["resolved"], details["deep"]) == (1, [], {"n": [1, "firing"]})


def test_images_and_links_without_an_address_are_left_out():
    """And so is the member that would hold none."""
    config = PagerdutyConfig(
        routing_key="r",
        images=(PagerdutyImage(src="{{ .Status }}", alt="a"), PagerdutyImage(alt="none")),
        links=(PagerdutyLink(text="none"),),
    )
    body = json.loads(render(config).body)
    assert body["images"] == [{"src": "firing", "alt": "a", "href": ""}]
    assert "links" not in body


@pytest.mark.parametrize("key", ["routing", "service"])
def test_a_key_that_renders_to_nothing_is_an_error(key):
    """No event can be sent without it."""
    with pytest.raises(TemplateError, match=f"{key} key cannot be empty"):
        render(PagerdutyConfig(**{f"{key}_key": "{{ .GroupLabels.nothing }}"}))
