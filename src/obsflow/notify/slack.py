"""Slack: one attachment, posted to an incoming webhook or, with an app's token, to chat.postMessage."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from obsflow.model.notifications import Notification
from obsflow.notify.config import (
    Authorization,
    Globals,
    HttpConfig,
    Secret,
    at_most_one,
    parse_secret_url,
    parse_url,
    raise_problems,
    secret_of,
)
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, omit_empty
from obsflow.notify.go_durations import parse_go_duration
from obsflow.notify.request import Request
from obsflow.schema import field

_MAX_TITLE: Final = 1024
_DEFAULT_MARKDOWN: Final = ("fallback", "pretext", "text")
_ALWAYS: Final = frozenset({"text", "fallback", "callback_id", "footer"})


@attrs.frozen
class SlackField:
    """A field of the attachment: templates, and whether two may share a line (None: as `short_fields` says)."""

    title: str = field(default="")
    value: str = field(default="")
    short: bool | None = field(default=None)


@attrs.frozen
class SlackConfirmation:
    """What a button asks before it acts; templates."""

    text: str = field(default="")
    title: str = field(default="")
    ok_text: str = field(default="")
    dismiss_text: str = field(default="")


@attrs.frozen
class SlackAction:
    """A button or a link; templates. With a `url`, `name`, `value` and `confirm` mean nothing."""

    type: str = field(default="")
    text: str = field(default="")
    url: str = field(default="")
    style: str = field(default="")
    name: str = field(default="")
    value: str = field(default="")
    confirm: SlackConfirmation | None = field(default=None)


@attrs.frozen
class SlackConfig:
    """One entry of `slack_configs`; the texts are templates. `timeout` is in ms; 0 is none.

    `update_message` is accepted, and every notification is a new message: what an earlier one was answered with is
    not known here.
    """

    api_url: Secret = field(parse=parse_secret_url, default=Secret())
    api_url_file: str = field(default="")
    app_token: Secret = field(parse=Secret, default=Secret())
    app_token_file: str = field(default="")
    app_url: str = field(parse=parse_url, default="")
    channel: str = field(default="")
    username: str = field(default='{{ template "slack.default.username" . }}')
    color: str = field(default='{{ template "slack.default.color" . }}')
    title: str = field(default='{{ template "slack.default.title" . }}')
    title_link: str = field(default='{{ template "slack.default.titlelink" . }}')
    pretext: str = field(default='{{ template "slack.default.pretext" . }}')
    text: str = field(default='{{ template "slack.default.text" . }}')
    message_text: str = field(default="")
    fields: tuple[SlackField, ...] = field(default=())
    short_fields: bool = field(default=False)
    footer: str = field(default='{{ template "slack.default.footer" . }}')
    fallback: str = field(default='{{ template "slack.default.fallback" . }}')
    callback_id: str = field(default='{{ template "slack.default.callbackid" . }}')
    icon_emoji: str = field(default='{{ template "slack.default.iconemoji" . }}')
    icon_url: str = field(default='{{ template "slack.default.iconurl" . }}')
    image_url: str = field(default="")
    thumb_url: str = field(default="")
    link_names: bool = field(default=False)
    mrkdwn_in: tuple[str, ...] = field(default=())
    actions: tuple[SlackAction, ...] = field(default=())
    update_message: bool = field(default=False)
    timeout: int = field(parse=parse_go_duration, default=0)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=False)


def complete(config: SlackConfig, globals_: Globals) -> SlackConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*_problems(config)]
    app_url = config.app_url or globals_.slack_app_url
    token, token_file = config.app_token, config.app_token_file
    api_url, api_url_file = config.api_url, config.api_url_file
    has_own_authorization = config.http_config is not None and config.http_config.authorization is not None
    if not (token or token_file or has_own_authorization or api_url):
        token, token_file = globals_.slack_app_token, globals_.slack_app_token_file
    if not (api_url or api_url_file):
        api_url, api_url_file = globals_.slack_api_url, globals_.slack_api_url_file
    if not (api_url or api_url_file or token or token_file):
        problems.append("no Slack API URL nor App token set either inline or in a file")
    http_config = config.http_config or globals_.http_config
    if token or token_file:
        if http_config.authorization is not None:
            problems.append("http authorization can't be set when using Slack App tokens")
        else:
            bearer = Authorization(credentials=token, credentials_file=token_file)
            http_config = attrs.evolve(http_config, authorization=bearer)
        api_url, api_url_file = Secret(app_url), ""
    raise_problems(problems)
    return attrs.evolve(
        config,
        api_url=api_url,
        api_url_file=api_url_file,
        app_token=token,
        app_token_file=token_file,
        app_url=app_url,
        http_config=http_config,
        actions=tuple(map(_clear_unused, config.actions)),
    )


def _problems(config: SlackConfig) -> Iterable[str]:
    yield from at_most_one("api_url", "api_url_file")(config)
    yield from at_most_one("app_token", "app_token_file")(config)
    if (config.api_url or config.api_url_file) and (config.app_token or config.app_token_file):
        yield "at most one of api_url/api_url_file & app_token/app_token_file must be configured"
    if config.update_message and config.api_url != "https://slack.com/api/chat.postMessage":
        yield (
            "update_message can only be used with bot tokens."
            " api_url must be set to https://slack.com/api/chat.postMessage"
        )
    for each in config.fields:
        for key in ("title", "value"):
            if not getattr(each, key):
                yield f"missing {key} in Slack field configuration"
    for action in config.actions:
        for key in ("type", "text"):
            if not getattr(action, key):
                yield f"missing {key} in Slack action configuration"
        if not action.url and not action.name:
            yield "missing name or url in Slack action configuration"
        if action.confirm is not None and not action.confirm.text:
            yield "missing text in Slack confirmation configuration"


def _clear_unused(action: SlackAction) -> SlackAction:
    return attrs.evolve(action, name="", value="", confirm=None) if action.url else action


def render(context: Context, notification: Notification, config: SlackConfig) -> Request:
    """The message. Raises TemplateError."""
    text = context.texts(context.data(notification))
    attachment = {
        "title": truncate(text(config.title), _MAX_TITLE),
        "title_link": text(config.title_link),
        "pretext": text(config.pretext),
        "text": text(config.text),
        "fallback": text(config.fallback),
        "callback_id": text(config.callback_id),
        "fields": [_render_field(each, text, short=config.short_fields) for each in config.fields],
        "actions": [_render_action(each, text) for each in config.actions],
        "image_url": text(config.image_url),
        "thumb_url": text(config.thumb_url),
        "footer": text(config.footer),
        "color": text(config.color),
        "mrkdwn_in": list(config.mrkdwn_in or _DEFAULT_MARKDOWN),
    }
    message = {
        "channel": text(config.channel),
        "username": text(config.username),
        "icon_emoji": text(config.icon_emoji),
        "icon_url": text(config.icon_url),
        "link_names": config.link_names,
        "text": text(config.message_text),
        "attachments": [omit_empty(attachment, keep=_ALWAYS)],
    }
    url = secret_of(config.api_url, config.api_url_file, context.files)
    return context.post_json(url, encode_document(omit_empty(message)), config.http_config)


def _render_field(config: SlackField, text: Callable[[str], str], *, short: bool) -> dict[str, Any]:
    is_short = short if config.short is None else config.short
    members = {"title": text(config.title), "value": text(config.value), "short": is_short}
    return omit_empty(members, keep=frozenset({"short"}))


def _render_action(config: SlackAction, text: Callable[[str], str]) -> dict[str, Any]:
    names = ("type", "text", "url", "style", "name", "value")
    members: dict[str, Any] = {name: text(getattr(config, name)) for name in names}
    if config.confirm is not None:
        asked = {name: text(getattr(config.confirm, name)) for name in ("text", "title", "ok_text", "dismiss_text")}
        members["confirm"] = omit_empty(asked)
        return omit_empty(members, keep=frozenset({"confirm"}))
    return omit_empty(members)
