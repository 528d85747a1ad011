"""Messages for incident.io."""

import json

from tests.notify.samples import NOON, alert, notification, render

from obsflow.notify import Globals, HttpConfig, IncidentioConfig
from obsflow.notify.config import Authorization, BasicAuth

TWO = notification(alert(instance="a"), alert(instance="b", resolved_at=NOON), group_key="k")


def test_a_message():
    """That of a webhook, in a version of its own; the token is a bearer's."""
    request = render(IncidentioConfig(url="http://io/x", alert_source_token="T", max_alerts=1), TWO)
    assert (request.method, request.url) == ("POST", "http://io/x")
    assert request.headers["Authorization"] == "Bearer T"
    fingerprint = json.loads(request.body)["alerts"][0]["fingerprint"]
    assert request.body == (
        '{"receiver":"team","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"HighLoad",'
        '"instance":"a"},"annotations":{},"startsAt":"2023-11-14T22:12:20Z","endsAt":"0001-01-01T00:00:00Z",'
        f'"generatorURL":"http://prom/graph?a=1\\u0026b=2","fingerprint":"{fingerprint}"}}],'
        '"groupLabels":{"alertname":"HighLoad"},"commonLabels":{"alertname":"HighLoad","instance":"a"},'
        '"commonAnnotations":{},"externalURL":"http://am","version":"1","groupKey":"k","truncatedAlerts":1}\n'
    )


def test_a_resolved_message():
    """By a token in a file, whatever the global options authenticate with."""
    globals_ = Globals(http_config=HttpConfig(basic_auth=BasicAuth(username="u")))
    config = IncidentioConfig(url_file="/u", alert_source_token_file="/t")
    told = notification(alert(resolved_at=NOON))
    request = render(config, told, globals_, files={"/u": "http://io\n", "/t": "T\n"})
    assert (request.url, request.headers["Authorization"]) == ("http://io", "Bearer T")
    assert json.loads(request.body)["status"] == "resolved"


def test_of_a_message_that_is_too_large_the_first_alert_is_sent():
    """What was left out is not counted."""
    large = {"a": "é" * 200_000}
    told = notification(alert(instance="a", annotations=large), alert(instance="b", annotations=large))
    http = HttpConfig(authorization=Authorization(credentials="A"))
    body = json.loads(render(IncidentioConfig(url="http://io", http_config=http), told).body)
    assert [each["labels"]["instance"] for each in body["alerts"]] == ["a"]
    assert (body["truncatedAlerts"], "instance" in body["commonLabels"]) == (0, False)


def test_metadata():
    """Rendered, by name; none is not said."""
    config = IncidentioConfig(url="http://io/x", alert_source_token="T", metadata={"b": "{{ .Status }}", "a": "x"})
    assert render(config, TWO).body.endswith(',"truncatedAlerts":0,"metadata":{"a":"x","b":"firing"}}\n')
    assert "metadata" not in render(IncidentioConfig(url="http://io/x", alert_source_token="T"), TWO).body
