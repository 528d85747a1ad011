"""Rocket.Chat: one attachment, posted to chat.postMessage."""

from collections.abc import Callable
from typing import Any, Final

import attrs

from obsflow.model.notifications import Notification
from obsflow.notify.config import Globals, HttpConfig, Secret, at_most_one, parse_url, raise_problems, secret_of
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, omit_empty
from obsflow.notify.request import Request
from obsflow.notify.urls import join_path
from obsflow.schema import field

_MAX_TITLE: Final = 1024  # characters


@attrs.frozen
class RocketchatField:
    """A field of the attachment: templates, and whether two may share a line (None: as `short_fields` says)."""

    title: str = field(default="")
    value: str = field(default="")
    short: bool | None = field(default=None)


@attrs.frozen
class RocketchatAction:
    """A button; `text`, `url` and `msg` are templates. What else a file may say is not sent."""

    type: str = field(default="")
    text: str = field(default="")
    url: str = field(default="")
    imageurl: str = field(default="")
    iswebview: bool = field(default=False)
    webviewheightratio: str = field(default="")
    msg: str = field(default="")
    msginchatwindow: bool = field(default=False)
    msgprocessingtype: str = field(default="")


@attrs.frozen
class RocketchatConfig:
    """One entry of `rocketchat_configs`; the texts are templates. `link_names` is accepted and not sent."""

    api_url: str = field(parse=parse_url, default="")
    token: Secret = field(parse=Secret, default=Secret())
    token_file: str = field(default="")
    token_id: Secret = field(parse=Secret, default=Secret())
    token_id_file: str = field(default="")
    channel: str = field(default="")
    color: str = field(default='{{ if eq .Status "firing" }}red{{ else }}green{{ end }}')
    title: str = field(default='{{ template "rocketchat.default.title" . }}')
    title_link: str = field(default='{{ template "rocketchat.default.titlelink" . }}')
    text: str = field(default='{{ template "rocketchat.default.text" . }}')
    message_text: str = field(default="")
    fields: tuple[RocketchatField, ...] = field(default=())
    short_fields: bool = field(default=False)
    emoji: str = field(default='{{ template "rocketchat.default.emoji" . }}')
    icon_url: str = field(default='{{ template "rocketchat.default.iconurl" . }}')
    image_url: str = field(default="")
    thumb_url: str = field(default="")
    link_names: bool = field(default=False)
    actions: tuple[RocketchatAction, ...] = field(default=())
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=False)


def complete(config: RocketchatConfig, globals_: Globals) -> RocketchatConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*at_most_one("token", "token_file")(config), *at_most_one("token_id", "token_id_file")(config)]
    token, token_file = config.token, config.token_file
    if not (token or token_file):
        token, token_file = globals_.rocketchat_token, globals_.rocketchat_token_file
    token_id, token_id_file = config.token_id, config.token_id_file
    if not (token_id or token_id_file):
        token_id, token_id_file = globals_.rocketchat_token_id, globals_.rocketchat_token_id_file
    if not (token_id or token_id_file):
        problems.append("no global Rocketchat TokenID set either inline or in a file")
    if not (token or token_file):
        problems.append("no global Rocketchat Token set either inline or in a file")
    raise_problems(problems)
    return attrs.evolve(
        config,
        api_url=config.api_url or globals_.rocketchat_api_url,
        token=token,
        token_file=token_file,
        token_id=token_id,
        token_id_file=token_id_file,
        http_config=config.http_config or globals_.http_config,
    )


def render(context: Context, notification: Notification, config: RocketchatConfig) -> Request:
    """The message. Raises TemplateError."""
    text = context.texts(context.data(notification))
    attachment = {
        "title": truncate(text(config.title), _MAX_TITLE),
        "title_link": text(config.title_link),
        "text": text(config.text),
        "image_url": text(config.image_url),
        "thumb_url": text(config.thumb_url),
        "color": text(config.color),
        "fields": [_render_field(each, text, short=config.short_fields) for each in config.fields],
        "actions": [_render_action(each, text) for each in config.actions],
    }
    message = {
        "channel": text(config.channel),
        "text": text(config.message_text),
        "emoji": text(config.emoji),
        "avatar": text(config.icon_url),
        "attachments": [omit_empty(attachment)],
    }
    credentials = {
        "X-Auth-Token": secret_of(config.token, config.token_file, context.files),
        "X-User-Id": secret_of(config.token_id, config.token_id_file, context.files),
    }
    url = join_path(config.api_url, "api/v1/chat.postMessage")
    return context.post_json(url, encode_document(omit_empty(message)), config.http_config, credentials)


def _render_field(config: RocketchatField, text: Callable[[str], str], *, short: bool) -> dict[str, Any]:
    is_short = short if config.short is None else config.short
    members = {"short": is_short, "title": text(config.title), "value": text(config.value)}
    return omit_empty(members, keep=frozenset({"short"}))


def _render_action(config: RocketchatAction, text: Callable[[str], str]) -> dict[str, Any]:
    members = {
        "type": "button",
        "text": text(config.text),
        "url": text(config.url),
        "is_webview": False,
        "msg": text(config.msg),
        "msg_in_chat_window": False,
    }
    return omit_empty(members, keep=frozenset({"is_webview", "msg_in_chat_window"}))
