"""Messages for Rocket.Chat."""

import json

from tests.notify.samples import NOON, alert, notification, render

from obsflow.notify import Globals, RocketchatConfig
from obsflow.notify.rocketchat import RocketchatAction, RocketchatField

GLOBALS = Globals(rocketchat_token="T", rocketchat_token_id_file="/i", rocketchat_api_url="http://rc/base/")
FILES = {"/i": "I\n"}


def test_a_message():
    """One attachment, with the credentials in headers."""
    config = RocketchatConfig(
        channel="#{{ .Status }}",
        emoji=":e:",
        fields=(RocketchatField(title="t", value="{{ .Status }}"), RocketchatField(title="u", value="v", short=False)),
        short_fields=True,
        actions=(RocketchatAction(type="x", text="b", url="http://u", msg="m"),),
    )
    request = render(config, None, GLOBALS, files=FILES)
    assert (request.method, request.url) == ("POST", "http://rc/base/api/v1/chat.postMessage")
    assert (request.headers["X-Auth-Token"], request.headers["X-User-Id"]) == ("T", "I")
    assert request.body == (
        '{"channel":"#firing","emoji":":e:","attachments":[{"title":"[FIRING:1] HighLoad (a)",'
        '"title_link":"http://am/#/alerts?receiver=team","color":"red","fields":[{"short":true,"title":"t",'
        '"value":"firing"},{"short":false,"title":"u","value":"v"}],"actions":[{"type":"button","text":"b",'
        '"url":"http://u","is_webview":false,"msg":"m","msg_in_chat_window":false}]}]}\n'
    )


def test_a_resolved_message():
    """Is green; its address is the public server's unless another is given."""
    config = RocketchatConfig(token="own", token_id="id", title="é" * 1025)
    request = render(config, notification(alert(resolved_at=NOON)), Globals())
    attachment = json.loads(request.body)["attachments"][0]
    assert request.url == "https://open.rocket.chat/api/v1/chat.postMessage"
    assert (attachment["color"], attachment["title"]) == ("green", "é" * 1023 + "…")
    assert (request.headers["X-Auth-Token"], request.headers["X-User-Id"]) == ("own", "id")


def test_the_text_of_the_message():
    """What a phone shows, above the attachment."""
    request = render(RocketchatConfig(channel="c", message_text="{{ .Status }}!"), globals_=GLOBALS, files=FILES)
    assert json.loads(request.body)["text"] == "firing!"
