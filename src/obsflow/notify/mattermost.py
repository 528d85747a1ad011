"""Mattermost: attachments, posted to an incoming webhook."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from obsflow.errors import TemplateError
from obsflow.model.notifications import Notification
from obsflow.notify.config import Globals, HttpConfig, Secret, at_most_one, parse_secret_url, raise_problems, secret_of
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, omit_empty
from obsflow.notify.request import Request
from obsflow.schema import field

_MAX_TEXT: Final = 16383  # characters
_PRIORITIES: Final = ("urgent", "important", "standard")
_BEFORE_FIELDS: Final = (
    "fallback", "color", "pretext", "text", "author_name", "author_link", "author_icon", "title", "title_link",
)  # fmt: skip
_AFTER_FIELDS: Final = ("thumb_url", "footer", "footer_icon", "image_url")


@attrs.frozen
class MattermostField:
    """A field of an attachment: templates, and whether two may share a line."""

    title: str = field(default="")
    value: str = field(default="")
    short: bool | None = field(default=None)


@attrs.frozen
class MattermostAttachment:
    """One of several attachments; templates."""

    fallback: str = field(default="")
    color: str = field(default="")
    pretext: str = field(default="")
    text: str = field(default="")
    author_name: str = field(default="")
    author_link: str = field(default="")
    author_icon: str = field(default="")
    title: str = field(default="")
    title_link: str = field(default="")
    fields: tuple[MattermostField, ...] = field(default=())
    thumb_url: str = field(default="")
    footer: str = field(default="")
    footer_icon: str = field(default="")
    image_url: str = field(default="")


@attrs.frozen
class MattermostProps:
    """Properties of the message; `card` is a template."""

    card: str = field(default="")


@attrs.frozen
class MattermostPriority:
    """How urgent the message is: `priority` is a template that gives `urgent`, `important` or `standard`."""

    priority: str = field(default="")
    requested_ack: bool = field(default=False)
    persistent_notifications: bool = field(default=False)


@attrs.frozen
class MattermostConfig:
    """One entry of `mattermost_configs`; the texts are templates.

    Without `attachments` the entry itself describes the one that is sent; with them, `text` stands above them.
    """

    webhook_url: Secret = field(parse=parse_secret_url, default=Secret())
    webhook_url_file: str = field(default="")
    channel: str = field(default="")
    username: str = field(default='{{ template "mattermost.default.username" . }}')
    text: str = field(default='{{ template "mattermost.default.text" . }}')
    fallback: str = field(default='{{ template "mattermost.default.fallback" . }}')
    color: str = field(default='{{ template "mattermost.default.color" . }}')
    pretext: str = field(default="")
    author_name: str = field(default="")
    author_link: str = field(default="")
    author_icon: str = field(default="")
    title: str = field(default='{{ template "mattermost.default.title" . }}')
    title_link: str = field(default='{{ template "mattermost.default.titlelink" . }}')
    fields: tuple[MattermostField, ...] = field(default=())
    thumb_url: str = field(default="")
    footer: str = field(default="")
    footer_icon: str = field(default="")
    image_url: str = field(default="")
    icon_url: str = field(default="")
    icon_emoji: str = field(default="")
    attachments: tuple[MattermostAttachment, ...] = field(default=())
    type: str = field(default="")
    props: MattermostProps | None = field(default=None)
    priority: MattermostPriority | None = field(default=None)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: MattermostConfig, globals_: Globals) -> MattermostConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*at_most_one("webhook_url", "webhook_url_file")(config), *_field_problems(config)]
    url, file = config.webhook_url, config.webhook_url_file
    if not (url or file):
        url, file = globals_.mattermost_webhook_url, globals_.mattermost_webhook_url_file
    if not (url or file):
        problems.append("missing webhook_url or webhook_url_file on mattermost_config")
    raise_problems(problems)
    return attrs.evolve(
        config, webhook_url=url, webhook_url_file=file, http_config=config.http_config or globals_.http_config
    )


def _field_problems(config: MattermostConfig) -> Iterable[str]:
    nested = (each for attachment in config.attachments for each in attachment.fields)
    for each in (*config.fields, *nested):
        for key in ("title", "value"):
            if not getattr(each, key):
                yield f"missing {key} in Mattermost field configuration"


def render(context: Context, notification: Notification, config: MattermostConfig) -> Request:
    """The message. Raises TemplateError, also where a file holds no address."""
    text = context.texts(context.data(notification))
    message = {
        "text": truncate(text(config.text), _MAX_TEXT) if config.attachments else "",
        "channel": text(config.channel),
        "username": text(config.username),
        "icon_url": text(config.icon_url),
        "icon_emoji": text(config.icon_emoji),
        "attachments": [_attachment(each, text) for each in config.attachments or (config,)],
        "type": text(config.type),
        "props": _props(config.props, text),
        "priority": _priority(config.priority, text),
    }
    url = secret_of(config.webhook_url, config.webhook_url_file, context.files)
    if not url:
        raise TemplateError("webhook url missing")
    keep = frozenset() if message["props"] is None else frozenset({"props"})
    return context.post_json(url, encode_document(omit_empty(message, keep=keep)), config.http_config)


def _attachment(config: MattermostConfig | MattermostAttachment, text: Callable[[str], str]) -> Mapping[str, Any]:
    members: dict[str, Any] = {name: text(getattr(config, name)) for name in _BEFORE_FIELDS}
    members["fields"] = [_field(each, text) for each in config.fields]
    return omit_empty(members | {name: text(getattr(config, name)) for name in _AFTER_FIELDS})


def _field(config: MattermostField, text: Callable[[str], str]) -> dict[str, Any]:
    members = {"title": text(config.title), "value": text(config.value), "short": config.short}
    return omit_empty(members, keep=frozenset() if config.short is None else frozenset({"short"}))


def _props(config: MattermostProps | None, text: Callable[[str], str]) -> dict[str, Any] | None:
    return omit_empty({"card": text(config.card)}) if config is not None and config.card else None


def _priority(config: MattermostPriority | None, text: Callable[[str], str]) -> dict[str, Any] | None:
    """What Mattermost accepts: an unknown priority is standard, which asks for nothing, and only urgent persists."""
    if config is None or not config.priority:
        return None
    rendered = text(config.priority).lower()
    priority = rendered if rendered in _PRIORITIES else "standard"
    return omit_empty(
        {
            "priority": priority,
            "requested_ack": config.requested_ack and priority != "standard",
            "persistent_notifications": config.persistent_notifications and priority == "urgent",
        }
    )
