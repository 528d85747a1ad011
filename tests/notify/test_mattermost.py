"""Messages for Mattermost."""

import json

import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.errors import TemplateError
from obsflow.notify import Globals, MattermostConfig
from obsflow.notify.mattermost import (
    MattermostAttachment,
    MattermostField,
    MattermostPriority,
    MattermostProps,
)

GLOBALS = Globals(mattermost_webhook_url="http://mm/hook")


def test_a_message():
    """The entry is the attachment."""
    config = MattermostConfig(
        channel="c", text="t", fields=(MattermostField("a", "{{ .Status }}"), MattermostField("b", "v", short=False))
    )
    request = render(config, None, GLOBALS)
    assert (request.method, request.url) == ("POST", "http://mm/hook")
    assert request.body == (
        '{"channel":"c","username":"Alertmanager","attachments":[{"fallback":"[FIRING:1] HighLoad (a) |'
        ' http://am/#/alerts?receiver=team","color":"danger","text":"t","title":"[FIRING:1] HighLoad (a)",'
        '"title_link":"http://am/#/alerts?receiver=team","fields":[{"title":"a","value":"firing"},'
        '{"title":"b","value":"v","short":false}]}]}\n'
    )


def test_a_resolved_message_with_attachments():
    """They stand below the text, which is cut at 16383 characters."""
    config = MattermostConfig(
        webhook_url="http://own",
        text="é" * 16384,
        attachments=(MattermostAttachment(title="{{ .Status }}", footer="f"), MattermostAttachment()),
        props=MattermostProps(card="c"),
        type="t",
    )
    request = render(config, notification(alert(resolved_at=NOON)), GLOBALS)
    assert request.url == "http://own"
    body = json.loads(request.body)
    assert body["text"] == "é" * 16382 + "…"
    assert list(body) == ["text", "username", "attachments", "type", "props"]
    assert (body["attachments"], body["props"]) == ([{"title": "resolved", "footer": "f"}, {}], {"card": "c"})


@pytest.mark.parametrize(
    ("config", "sent"),
    [
        (
            MattermostPriority("Urgent", requested_ack=True, persistent_notifications=True),
            {"priority": "urgent", "requested_ack": True, "persistent_notifications": True},
        ),
        (
            MattermostPriority("important", requested_ack=True, persistent_notifications=True),
            {"priority": "important", "requested_ack": True},
        ),
        (MattermostPriority("{{ .Status }}", requested_ack=True), {"priority": "standard"}),
        (MattermostPriority("", requested_ack=True), None),
        (None, None),
    ],
)
def test_priorities(config, sent):
    """Only what Mattermost accepts is said."""
    assert json.loads(render(MattermostConfig(priority=config), None, GLOBALS).body).get("priority") == sent


def test_a_file_without_an_address():
    """Is an error of the delivery."""
    with pytest.raises(TemplateError, match=r"^webhook url missing$"):
        render(MattermostConfig(webhook_url_file="/u"), files={"/u": "\n"})
