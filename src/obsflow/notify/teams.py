"""Microsoft Teams: a message card for the old connectors, an adaptive card for workflows."""

from typing import Final

import attrs

from obsflow.model.notifications import AlertStatus, Notification
from obsflow.notify.config import Globals, HttpConfig, Secret, exactly_one, parse_secret_url, raise_problems, secret_of
from obsflow.notify.context import Context
from obsflow.notify.encoding import encode_document
from obsflow.notify.request import Request
from obsflow.schema import field

_THEMES: Final = {AlertStatus.FIRING: "8C1A1A", AlertStatus.RESOLVED: "2DC72D"}
_COLORS: Final = {AlertStatus.FIRING: "Attention", AlertStatus.RESOLVED: "Good"}


@attrs.frozen
class MsteamsConfig:
    """One entry of `msteams_configs`; the texts are templates."""

    webhook_url: Secret = field(parse=parse_secret_url, default=Secret())
    webhook_url_file: str = field(default="")
    title: str = field(default='{{ template "msteams.default.title" . }}')
    summary: str = field(default='{{ template "msteams.default.summary" . }}')
    text: str = field(default='{{ template "msteams.default.text" . }}')
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


@attrs.frozen
class MsteamsV2Config:
    """One entry of `msteamsv2_configs`; the texts are templates."""

    webhook_url: Secret = field(parse=parse_secret_url, default=Secret())
    webhook_url_file: str = field(default="")
    title: str = field(default='{{ template "msteamsv2.default.title" . }}')
    text: str = field(default='{{ template "msteamsv2.default.text" . }}')
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: MsteamsConfig | MsteamsV2Config, globals_: Globals) -> MsteamsConfig | MsteamsV2Config:
    """The configuration, of either kind, with what `global` supplies. Raises ValueError."""
    raise_problems(exactly_one("webhook_url", "webhook_url_file")(config))
    return attrs.evolve(config, http_config=config.http_config or globals_.http_config)


def render(context: Context, notification: Notification, config: MsteamsConfig) -> Request:
    """The message card. Raises TemplateError."""
    text = context.texts(context.data(notification))
    message = {
        "@context": "http://schema.org/extensions",
        "type": "MessageCard",
        "title": text(config.title),
        "summary": text(config.summary),
        "text": text(config.text),
        "themeColor": _THEMES[notification.status],
    }
    url = secret_of(config.webhook_url, config.webhook_url_file, context.files)
    return context.post_json(url, encode_document(message), config.http_config)


def render_v2(context: Context, notification: Notification, config: MsteamsV2Config) -> Request:
    """The adaptive card. Raises TemplateError."""
    text = context.texts(context.data(notification))
    heading = {
        "type": "TextBlock",
        "text": text(config.title),
        "weight": "Bolder",
        "size": "Medium",
        "wrap": True,
        "style": "heading",
        "color": _COLORS[notification.status],
    }
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": [heading, {"type": "TextBlock", "text": text(config.text), "wrap": True}],
        "msteams": {"width": "full"},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    url = secret_of(config.webhook_url, config.webhook_url_file, context.files)
    body = encode_document({"type": "message", "attachments": [attachment]})
    return context.post_json(url, body, config.http_config)
