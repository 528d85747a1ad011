"""Messages for Pushover."""

import urllib.parse

from tests.notify.samples import NOON, alert, notification, render

from obsflow.notify import PushoverConfig
from obsflow.notify.pushover import URL


def parameters(request):
    parts = urllib.parse.urlsplit(request.url)
    return dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))


def test_a_message():
    """Everything stands in the address, in the order of the names, and the body is empty."""
    request = render(PushoverConfig(user_key="U", token="T{{ .Status }}", message="m & m"))
    assert (request.method, request.body, request.headers["Content-Type"]) == ("POST", "", "text/plain")
    assert request.url == (
        f"{URL}?device=&expire=3600&message=m+%26+m&priority=2&retry=60&sound="
        "&title=%5BFIRING%3A1%5D+HighLoad+%28a%29&token=Tfiring"
        "&url=http%3A%2F%2Fam%2F%23%2Falerts%3Freceiver%3Dteam&url_title=&user=U"
    )


def test_a_resolved_message():
    """Is not an emergency."""
    request = render(PushoverConfig(user_key="U", token="T"), notification(alert(resolved_at=NOON)))
    assert parameters(request)["priority"] == "0"


def test_html_and_monospace():
    """Values in HTML are escaped; each has its parameter."""
    config = PushoverConfig(user_key="U", token="T", html=True, message="<b>{{ .CommonAnnotations.summary }}</b>")
    sent = parameters(render(config))
    assert (sent["html"], sent["message"]) == ("1", "<b>load &lt; 9 &amp; rising</b>")
    sent = parameters(render(PushoverConfig(user_key="U", token="T", monospace=True, ttl=90_500)))
    assert (sent["monospace"], sent["ttl"], "html" in sent) == ("1", "90", False)


def test_limits():
    """Of title, message and address; a message that is empty says so."""
    config = PushoverConfig(user_key="U", token="T", title="é" * 251, message="é" * 1025, url="u" * 513)
    sent = parameters(render(config))
    assert sent["title"] == "é" * 249 + "…"
    assert sent["message"] == "é" * 1023 + "…"
    assert sent["url"] == "u" * 511 + "…"
    assert parameters(render(PushoverConfig(user_key="U", token="T", message=" \n")))["message"] == "(no details)"


def test_keys_in_files():
    """Are read from what was supplied."""
    config = PushoverConfig(user_key_file="/u", token_file="/t")
    sent = parameters(render(config, files={"/u": "U\n", "/t": "T\n"}))
    assert (sent["user"], sent["token"]) == ("U", "T")
