"""Messages for Slack."""

import json

import pytest
from tests.notify.samples import NOON, alert, notification, render

from obsflow.notify import Globals, SlackConfig
from obsflow.notify.slack import SlackAction, SlackConfirmation, SlackField


def test_the_default_message():
    """Empty members are left out, but for text, fallback, callback_id and footer."""
    request = render(SlackConfig(channel="#c"))
    assert request.url == "http://slack/hook"
    assert request.body == (
        '{"channel":"#c","username":"Alertmanager","attachments":[{"title":"[FIRING:1] HighLoad (a)",'
        '"title_link":"http://am/#/alerts?receiver=team","text":"",'
        '"fallback":"[FIRING:1] HighLoad (a) | http://am/#/alerts?receiver=team","callback_id":"","footer":"",'
        '"color":"danger","mrkdwn_in":["fallback","pretext","text"]}]}\n'
    )


def test_the_message_of_resolved_alerts():
    """The subject says so, and the color is the good one."""
    attachment = json.loads(render(SlackConfig(), notification(alert(resolved_at=NOON))).body)["attachments"][0]
    assert (attachment["title"], attachment["color"]) == ("[RESOLVED] HighLoad ", "good")


def test_fields_actions_and_what_else_can_be_set():
    """A field is short as it says itself, else as the message says; a link needs nothing that a button does."""
    config = SlackConfig(
        short_fields=True,
        fields=(SlackField(title="T", value="{{ .Status }}"), SlackField(title="U", value="v", short=False)),
        actions=(
            SlackAction(type="button", text="go", url="http://x", name="n", confirm=SlackConfirmation(text="?")),
            SlackAction(type="button", text="do", name="n", style="danger", confirm=SlackConfirmation(text="?")),
        ),
        link_names=True,
        message_text="m",
        icon_emoji=":x:",
        image_url="http://i",
        mrkdwn_in=("text",),
    )
    body = json.loads(render(config).body)
    attachment = body["attachments"][0]
    assert list(body) == ["username", "icon_emoji", "link_names", "text", "attachments"]
    assert attachment["fields"] == [
        {"title": "T", "value": "firing", "short": True},
        {"title": "U", "value": "v", "short": False},
    ]
    assert attachment["actions"] == [
        {"type": "button", "text": "go", "url": "http://x"},
        {"type": "button", "text": "do", "style": "danger", "name": "n", "confirm": {"text": "?"}},
    ]
    assert (attachment["image_url"], attachment["mrkdwn_in"]) == ("http://i", ["text"])


@pytest.mark.parametrize(("length", "kept"), [(1024, "t" * 1024), (1025, "t" * 1023 + "…")])
def test_titles_are_cut_at_1024_characters(length, kept):
    """The mark of the cut is one of them."""
    assert json.loads(render(SlackConfig(title="t" * length)).body)["attachments"][0]["title"] == kept


def test_an_app_posts_with_its_token():
    """With a token the message goes to the app's address, with the token in a header."""
    globals_ = Globals(slack_app_token="xoxb", slack_app_url="https://slack.example/post")
    request = render(SlackConfig(), globals_=globals_)
    assert request.url == "https://slack.example/post"
    assert request.headers["Authorization"] == "Bearer xoxb"


def test_an_address_of_its_own_comes_before_the_global_token():
    """A receiver with its own webhook does not use the app."""
    request = render(SlackConfig(api_url="http://own/"), globals_=Globals(slack_app_token="xoxb"))
    assert request.url == "http://own/"
    assert "Authorization" not in request.headers
