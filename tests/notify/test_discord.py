"""Messages for Discord."""

import json

import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.notify import DiscordConfig


def test_a_message():
    """One embed; a content that is empty is said, a name that is empty is not."""
    request = render(DiscordConfig(webhook_url="http://discord/hook", message="m"))
    assert (request.method, request.url) == ("POST", "http://discord/hook")
    assert request.body == (
        '{"content":"","embeds":[{"title":"[FIRING:1] HighLoad (a)","description":"m","color":10038562}]}\n'
    )


def test_a_resolved_message_with_everything():
    """Green; the name is no template."""
    config = DiscordConfig(
        webhook_url="http://d", content="{{ .Status }}", title="t", message="m", username="{{ .Status }}",
        avatar_url="http://a/b.png",
    )  # fmt: skip
    assert render(config, notification(alert(resolved_at=NOON))).body == (
        '{"content":"resolved","embeds":[{"title":"t","description":"m","color":3066993}],'
        '"username":"{{ .Status }}","avatar_url":"http://a/b.png"}\n'
    )


@pytest.mark.parametrize("url", ["http://a/%zz", "http://[", "http://a/\x01"])
def test_an_avatar_whose_address_is_none_is_left_out(url):
    """The message is sent without it."""
    assert "avatar_url" not in json.loads(render(DiscordConfig(webhook_url="http://d", avatar_url=url)).body)


def test_limits():
    """Of title, description and content, each in characters; 0.25 has none."""
    config = DiscordConfig(webhook_url="http://d", title="é" * 257, message="é" * 4097, content="é" * 2001)
    body = json.loads(render(config).body)
    assert [len(text) for text in (body["content"], *list(body["embeds"][0].values())[:2])] == [2001, 257, 4097]
    body = json.loads(render(config, version="").body)
    assert body["embeds"][0]["title"] == "é" * 255 + "…"
    assert body["embeds"][0]["description"] == "é" * 4095 + "…"
    assert body["content"] == "é" * 1999 + "…"


def test_the_default_message():
    """The alerts, without their annotations in common."""
    body = json.loads(render(DiscordConfig(webhook_url="http://d")).body)
    assert body["embeds"][0]["description"] == (
        "\n\nAlerts Firing:\nLabels:\n - alertname = HighLoad\n - instance = a\nAnnotations:\n"
        " - summary = load < 9 & rising\nSource: http://prom/graph?a=1&b=2\n\n\n\n"
    )


@pytest.mark.parametrize(("url", "is_sent"), [("http://a/x.png", True), ("::x", False), ("a b", True), ("%zz", False)])
def test_an_avatar_that_is_no_address_is_left_out(url, is_sent):
    """As Go's parser judges it."""
    body = json.loads(render(DiscordConfig(webhook_url="http://discord/hook", avatar_url=url)).body)
    assert ("avatar_url" in body) == is_sent
