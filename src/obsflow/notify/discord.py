"""Discord: one embed, posted to a webhook."""

import re
from typing import Final

import attrs

from obsflow.model.notifications import AlertStatus, Notification
from obsflow.notify.config import (
    Globals,
    HttpConfig,
    Secret,
    exactly_one,
    parse_secret_url,
    raise_problems,
    secret_of,
)
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, omit_empty
from obsflow.notify.request import Request
from obsflow.notify.urls import parse_reference
from obsflow.schema import field

_MAX_TITLE: Final = 256
_MAX_DESCRIPTION: Final = 4096
_MAX_CONTENT: Final = 2000
_COLORS: Final = {AlertStatus.FIRING: 0x992D22, AlertStatus.RESOLVED: 0x2ECC71}
_NOT_IN_URLS: Final = re.compile(r"[\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})")


@attrs.frozen
class DiscordConfig:
    """One entry of `discord_configs`; `content`, `title` and `message` are templates."""

    webhook_url: Secret = field(parse=parse_secret_url, default=Secret())
    webhook_url_file: str = field(default="")
    content: str = field(default="")
    title: str = field(default='{{ template "discord.default.title" . }}')
    message: str = field(default='{{ template "discord.default.message" . }}')
    username: str = field(default="")
    avatar_url: str = field(default="")
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: DiscordConfig, globals_: Globals) -> DiscordConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    raise_problems(exactly_one("webhook_url", "webhook_url_file")(config))
    return attrs.evolve(config, http_config=config.http_config or globals_.http_config)


def render(context: Context, notification: Notification, config: DiscordConfig) -> Request:
    """The message; an avatar whose address is none is left out. Raises TemplateError."""
    text = context.texts(context.data(notification))
    embed = {
        "title": _cut(context, text(config.title), _MAX_TITLE),
        "description": _cut(context, text(config.message), _MAX_DESCRIPTION),
        "color": _COLORS[notification.status],
    }
    message = {
        "content": _cut(context, text(config.content), _MAX_CONTENT),
        "embeds": [embed],
        "username": config.username,
        "avatar_url": config.avatar_url if _is_url(config.avatar_url) else "",
    }
    url = secret_of(config.webhook_url, config.webhook_url_file, context.files)
    body = encode_document(omit_empty(message, keep=frozenset({"content"})))
    return context.post_json(url, body, config.http_config)


def _cut(context: Context, text: str, limit: int) -> str:
    return text if context.api == "0.25" else truncate(text, limit)  # 0.25 knew no limits


def _is_url(text: str) -> bool:
    try:
        parse_reference(text)
    except ValueError:
        return False
    return not _NOT_IN_URLS.search(text)
