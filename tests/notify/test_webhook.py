"""The document and the request of a webhook."""

import json

import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.errors import NotFoundError, TemplateError
from obsflow.notify import HttpConfig, WebhookConfig
from obsflow.notify.config import Authorization, BasicAuth, HttpHeader

CONFIG = WebhookConfig(url="http://hook/")


def test_the_document_is_written_as_alertmanager_writes_it():
    """Members, their order, the escapes, the zero time and the final newline are those of protocol version 4."""
    assert render(CONFIG).body == (
        '{"receiver":"team","status":"firing","alerts":[{"status":"firing",'
        '"labels":{"alertname":"HighLoad","instance":"a"},'
        '"annotations":{"summary":"load \\u003c 9 \\u0026 rising"},'
        '"startsAt":"2023-11-14T22:12:20Z","endsAt":"0001-01-01T00:00:00Z",'
        '"generatorURL":"http://prom/graph?a=1\\u0026b=2","fingerprint":"99d1da855826e58c"}],'
        '"groupLabels":{"alertname":"HighLoad"},"commonLabels":{"alertname":"HighLoad","instance":"a"},'
        '"commonAnnotations":{"summary":"load \\u003c 9 \\u0026 rising"},"externalURL":"http://am",'
        '"version":"4","groupKey":"{}:{alertname=\\"HighLoad\\"}","truncatedAlerts":0}\n'
    )


def test_newer_versions_say_why_they_notify():
    """Since 0.32 the document has the reason, and labels of the route."""
    keys = list(json.loads(render(CONFIG, version="0.34.0").body))
    assert keys[3:8] == ["notification_reason", "groupLabels", "commonLabels", "commonAnnotations", "routeLabels"]
    assert json.loads(render(CONFIG, version="0.34.0").body)["notification_reason"] == "new alerts added"


@pytest.mark.parametrize(
    ("version", "api", "agent", "has_reason"),
    [
        ("0.25.0", None, "Alertmanager/0.25.0", False),
        ("0.31.1", None, "Alertmanager/0.31.1", False),
        ("0.32.0", None, "Alertmanager/0.32.0", True),
        ("0.34.0", "0.25", "Alertmanager/0.34.0", False),
        ("", None, "obsflow", True),
    ],
)
def test_the_api_follows_from_the_version_unless_it_is_named(version, api, agent, has_reason):
    """The User-Agent says the version; the members of the document are those of the API."""
    request = render(CONFIG, version=version, api=api)
    assert request.headers == {"User-Agent": agent, "Content-Type": "application/json"}
    assert ("notification_reason" in json.loads(request.body)) is has_reason


@pytest.mark.parametrize(
    ("max_alerts", "shown", "truncated", "status"),
    [(0, 3, 0, "firing"), (1, 1, 2, "resolved"), (2, 2, 1, "firing"), (3, 3, 0, "firing"), (9, 3, 0, "firing")],
)
def test_max_alerts_keeps_the_first(max_alerts, shown, truncated, status):
    """What is cut off is counted, and status and common labels are those of what is shown."""
    told = notification(alert("A", resolved_at=NOON, x="1"), alert("B", x="1"), alert("C", x="2"))
    body = json.loads(render(WebhookConfig(url="http://hook", max_alerts=max_alerts), told).body)
    assert (len(body["alerts"]), body["truncatedAlerts"], body["status"]) == (shown, truncated, status)


def test_the_receiver_is_quoted_as_a_regular_expression():
    """The name of a receiver has a backslash before what means something in a regular expression."""
    body = json.loads(render(CONFIG, notification(receiver=r"a.b (c)|[d]{e}^f$*+?\g")).body)
    assert body["receiver"] == r"a\.b \(c\)\|\[d\]\{e\}\^f\$\*\+\?\\g"


def test_common_labels_are_those_of_all_alerts():
    """A pair that one of the alerts lacks or has otherwise is not common; resolved alerts count too."""
    told = notification(
        alert("A", a="1", b="1", annotations={"s": "x", "t": "y"}),
        alert("A", resolved_at=NOON, a="1", b="2", annotations={"s": "x"}),
    )
    body = json.loads(render(CONFIG, told).body)
    assert body["commonLabels"] == {"alertname": "A", "a": "1"}
    assert body["commonAnnotations"] == {"s": "x"}


def test_a_payload_replaces_the_document():
    """Texts of the payload are templates; one that comes out as a document becomes what the document says."""
    payload = {
        "text": "{{ .Status }} {{ len .Alerts }}",
        "{{ .Receiver }}": ["{{ .CommonLabels | toJson }}", 7, True, None, "{{ len .Alerts }}", ""],
        "note": '{{ dict "k" "v: w" | toJson }}',
    }
    request = render(WebhookConfig(url="http://hook", payload=payload), version="0.34.0")
    assert request.body == (
        '{"note":{"k":"v: w"},"team":[{"alertname":"HighLoad","instance":"a"},7,true,null,1,null],"text":"firing 1"}\n'
    )


def test_an_address_may_be_a_template_in_newer_versions():
    """It is filled in from the notification; an empty one is an error of the template."""
    config = WebhookConfig(url="http://hook/{{ .GroupLabels.alertname }}")
    assert render(config, version="0.34.0").url == "http://hook/HighLoad"
    with pytest.raises(TemplateError, match="webhook URL is empty after templating"):
        render(WebhookConfig(url="{{ .GroupLabels.nothing }}"), version="0.34.0")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (HttpConfig(basic_auth=BasicAuth(username="u", password="p:w")), {"Authorization": "Basic dTpwOnc="}),
        (
            HttpConfig(basic_auth=BasicAuth(username="u", password_file="/f")),
            {"Authorization": "Basic dTpzZWNyZXQ="},
        ),
        (HttpConfig(authorization=Authorization(credentials="c")), {"Authorization": "Bearer c"}),
        (
            HttpConfig(authorization=Authorization(type="Key", credentials_file="/f")),
            {"Authorization": "Key secret"},
        ),
        (HttpConfig(bearer_token="t"), {"Authorization": "Bearer t"}),
        (HttpConfig(http_headers={"X-A": HttpHeader(values=("1",), secrets=("2",))}), {"X-A": "1, 2"}),
    ],
)
def test_http_options_become_headers(options, expected):
    """What the options add to a request, with secrets from the files that were supplied."""
    request = render(WebhookConfig(url_file="/u", http_config=options), files={"/f": "secret\n", "/u": " http://x \n"})
    assert expected.items() <= request.headers.items()
    assert request.url == "http://x"


def test_a_secret_file_that_was_not_supplied_is_named():
    """Nothing is read here, so whoever renders must bring the contents of the files."""
    with pytest.raises(NotFoundError, match='the content of "/u" was not supplied'):
        render(WebhookConfig(url_file="/u"))
