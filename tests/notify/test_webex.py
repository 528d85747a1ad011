"""Messages for Webex."""

import json

from tests.notify.samples import NOON, alert, notification, render

from obsflow.notify import Globals, HttpConfig, WebexConfig
from obsflow.notify.config import Authorization

HTTP = HttpConfig(authorization=Authorization(credentials="B"))


def test_a_message():
    """The text and the room; the token is that of the HTTP options."""
    request = render(WebexConfig(room_id="R{{ .Status }}", message="m", http_config=HTTP))
    assert (request.method, request.url) == ("POST", "https://webexapis.com/v1/messages")
    assert request.headers["Authorization"] == "Bearer B"
    assert request.body == '{"markdown":"m","roomId":"Rfiring"}\n'


def test_the_default_message():
    """Of a resolved group, to the global address."""
    told = notification(alert(resolved_at=NOON))
    request = render(WebexConfig(room_id="R", http_config=HTTP), told, Globals(webex_api_url="http://wx"))
    assert request.url == "http://wx"
    assert json.loads(request.body)["markdown"] == (
        "\n\n\nAlerts Resolved:\nLabels:\n - alertname = HighLoad\nAnnotations:\n"
        "Source: http://prom/graph?a=1&b=2\n\n\n"
    )


def test_a_long_message_is_cut_in_bytes():
    """No character is divided."""
    body = json.loads(render(WebexConfig(room_id="R", message="é" * 4000, http_config=HTTP)).body)
    assert body["markdown"] == "é" * ((7439 - 3) // 2) + "…"
    body = json.loads(render(WebexConfig(room_id="R", message="a" + "é" * 3720, http_config=HTTP)).body)
    assert body["markdown"] == "a" + "é" * ((7436 - 1) // 2) + "…"
    body = json.loads(render(WebexConfig(room_id="R", message="a" * 7439, http_config=HTTP)).body)
    assert body["markdown"] == "a" * 7439
