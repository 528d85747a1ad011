"""Messages for Telegram."""

import json

import pytest
from tests.notify.samples import render

from obsflow.errors import NotFoundError, TemplateError
from obsflow.notify import Globals, TelegramConfig


def test_a_message():
    """All members are texts, in the order of their names; values are escaped for HTML."""
    config = TelegramConfig(
        bot_token="T", chat_id=-7, message_thread_id=3, disable_notifications=True,
        message="<b>{{ .CommonAnnotations.summary }}</b>",
    )  # fmt: skip
    request = render(config)
    assert (request.method, request.url) == ("POST", "https://api.telegram.org/botT/sendMessage")
    assert dict(request.headers) == {"Content-Type": "application/json"}
    assert request.body == (
        '{"chat_id":"-7","disable_notification":"true","disable_web_page_preview":"true","message_thread_id":"3",'
        '"parse_mode":"HTML","text":"\\u003cb\\u003eload \\u0026lt; 9 \\u0026amp; rising\\u003c/b\\u003e"}\n'
    )


def test_a_message_that_is_no_html():
    """Is cut where it is too long, and not escaped."""
    config = TelegramConfig(bot_token="T", chat_id=1, parse_mode="", message="{{ .CommonAnnotations.summary }}")
    assert (
        render(config).body
        == '{"chat_id":"1","disable_web_page_preview":"true","text":"load \\u003c 9 \\u0026 rising"}\n'
    )
    config = TelegramConfig(bot_token="T", chat_id=1, parse_mode="MarkdownV2", message="é" * 4097)
    body = json.loads(render(config).body)
    assert (body["text"], body["parse_mode"]) == ("é" * 4095 + "…", "MarkdownV2")


def test_html_that_is_too_long_is_replaced():
    """A page that is cut would not be one, which 0.25 did not know."""
    body = json.loads(render(TelegramConfig(bot_token="T", chat_id=1, message="é" * 4097)).body)
    assert body["text"] == "é" * 4095 + "…"
    body = json.loads(render(TelegramConfig(bot_token="T", chat_id=1, message="é" * 4097), version="").body)
    assert body["text"].startswith("Alertmanager notification could not be sent: message length exceeds Telegram")
    body = json.loads(render(TelegramConfig(bot_token="T", chat_id=1, message="é" * 4096)).body)
    assert body["text"] == "é" * 4096


def test_what_global_supplies():
    """The address and the bot."""
    globals_ = Globals(telegram_api_url="http://tg/x", telegram_bot_token_file="/t")
    request = render(TelegramConfig(chat_id=1), globals_=globals_, files={"/t": "G\n"})
    assert request.url == "http://tg/x/botG/sendMessage"


def test_a_chat_in_a_file():
    """Is a number, and one that is not is an error that does not show it."""
    config = TelegramConfig(bot_token="T", chat_id_file="/c")
    assert json.loads(render(config, files={"/c": " -100\n"}).body)["chat_id"] == "-100"
    with pytest.raises(TemplateError, match=r'could not parse chat_id from "/c"$'):
        render(config, files={"/c": "hush"})
    with pytest.raises(NotFoundError):
        render(config, files={})
