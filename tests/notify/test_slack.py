"""Messages for Slack."""

import json
import re

import pytest
from tests.notify.samples import NOON, alert, deliver, notification, render

from obsflow.notify import FailureClass, Globals, Outcome, SlackConfig, complete
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


APP = Globals(slack_app_token="xoxb")
TAKEN = (200, '{"ok":true,"ts":"7.1","channel":"C1"}', {"Content-Type": "application/json"})
FIRST = {"threadTs": "7.1", "channelId": "C1"}
POST, UPDATE = "https://slack.com/api/chat.postMessage", "https://slack.com/api/chat.update"


def sent(config, *answers, receiver_data=None):
    """Where each message goes, and to which one it belongs; and the outcome."""
    requests, outcome = deliver(config, *answers, globals_=APP, version="", receiver_data=receiver_data)
    keys = ("channel", "ts", "thread_ts")
    bodies = [json.loads(request.body) for request in requests]
    return [(each.url, *map(body.get, keys)) for each, body in zip(requests, bodies, strict=True)], outcome


@pytest.mark.parametrize("options", [{"update_message": True}, {"post_updates_to_thread": True}])
def test_the_first_message_says_which_it_is(options):
    """So that it can be found again, by a configuration that wants that."""
    first = [(POST, "#ops", None, None)]
    assert sent(SlackConfig(channel="#ops", **options), TAKEN) == (first, Outcome(receiver_data=FIRST))
    assert sent(SlackConfig(channel="#ops"), TAKEN, receiver_data=FIRST) == (first, Outcome())


def test_the_first_message_is_changed_or_answered():
    """Or both, if the change was taken; what is to be found again stays the first one."""
    both = SlackConfig(channel="#ops", update_message=True, post_updates_to_thread=True)
    change, reply = (UPDATE, "C1", "7.1", None), (POST, "C1", None, "7.1")
    other = (200, '{"ok":true,"ts":"9.9","channel":"C1"}', {"Content-Type": "application/json"})
    update, thread = SlackConfig(update_message=True), SlackConfig(post_updates_to_thread=True)
    assert sent(update, other, receiver_data=FIRST) == ([change], Outcome())
    assert sent(thread, other, receiver_data=FIRST) == ([reply], Outcome())
    assert sent(both, other, other, receiver_data=FIRST) == ([change, reply], Outcome())
    requests, outcome = sent(both, (429, "", {"Retry-After": "3"}), receiver_data=FIRST)
    assert requests == [change]
    assert (outcome.retry, outcome.retry_after_ms, outcome.failure) == (True, 3_000, FailureClass.RATE_LIMITED)


@pytest.mark.parametrize("option", ["update_message", "post_updates_to_thread"])
def test_only_the_web_api_finds_messages_again(option):
    """A webhook cannot, nor an address that is in a file."""
    message = f"{option} can only be used with bot tokens. api_url must be set to {POST}"
    with pytest.raises(ValueError, match=re.escape(message)):
        complete(SlackConfig(api_url="http://hook", **{option: True}), Globals())
    with pytest.raises(ValueError, match=f"{option} can't be used with api_url_file"):
        complete(SlackConfig(api_url_file="/f", **{option: True}), Globals())
