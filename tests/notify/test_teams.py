"""Cards for Microsoft Teams, of both kinds."""

import json

import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.notify import MsteamsConfig, MsteamsV2Config

RESOLVED = notification(alert(resolved_at=NOON))
FIRING_TEXT = (
    "\n\n# Alerts Firing:\n\nLabels:\n  - alertname = HighLoad\n  - instance = a\n\nAnnotations:\n"
    "  - summary = load < 9 & rising\n\nSource: http://prom/graph?a=1&b=2\n\n\n\n\n"
)


def test_a_message_card():
    """Title, summary, text and the color of its state."""
    request = render(MsteamsConfig(webhook_url="http://teams/hook", text="t"))
    assert (request.method, request.url) == ("POST", "http://teams/hook")
    assert request.body == (
        '{"@context":"http://schema.org/extensions","type":"MessageCard","title":"[FIRING:1] HighLoad (a)",'
        '"summary":"[FIRING:1] HighLoad (a)","text":"t","themeColor":"8C1A1A"}\n'
    )
    assert json.loads(render(MsteamsConfig(webhook_url="http://t"), RESOLVED).body)["themeColor"] == "2DC72D"


def test_an_adaptive_card():
    """A heading in the color of its state, and the text."""
    request = render(MsteamsV2Config(webhook_url="http://teams/flow", text="t"), RESOLVED)
    assert request.body == (
        '{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,'
        '"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard",'
        '"version":"1.2","body":[{"type":"TextBlock","text":"[RESOLVED] HighLoad ","weight":"Bolder",'
        '"size":"Medium","wrap":true,"style":"heading","color":"Good"},{"type":"TextBlock","text":"t","wrap":true}],'
        '"msteams":{"width":"full"}}}]}\n'
    )
    firing = json.loads(render(MsteamsV2Config(webhook_url="http://t")).body)["attachments"][0]["content"]["body"]
    assert firing[0]["color"] == "Attention"
    assert firing[1]["text"] == FIRING_TEXT


def test_the_text_of_a_message_card():
    """The alerts as Markdown."""
    assert json.loads(render(MsteamsConfig(webhook_url="http://t")).body)["text"] == FIRING_TEXT


@pytest.mark.parametrize("kind", [MsteamsConfig, MsteamsV2Config])
def test_an_address_in_a_file(kind):
    """Is read from what was supplied, without the line break at its end."""
    request = render(kind(webhook_url_file="/u"), files={"/u": "http://secret/\n"})
    assert request.url == "http://secret/"
