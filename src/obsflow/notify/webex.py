"""Webex: a message to a room."""

from typing import Final

import attrs

from obsflow.model.notifications import Notification
from obsflow.notify.config import Globals, HttpConfig, parse_url, raise_problems
from obsflow.notify.context import Context, truncate_bytes
from obsflow.notify.encoding import encode_document, omit_empty
from obsflow.notify.request import Request
from obsflow.schema import field

_MAX_MESSAGE: Final = 7439  # bytes


@attrs.frozen
class WebexConfig:
    """One entry of `webex_configs`; the texts are templates. The bot's token is `http_config.authorization`."""

    api_url: str = field(parse=parse_url, default="")
    message: str = field(default='{{ template "webex.default.message" . }}')
    room_id: str = field(default="")
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: WebexConfig, globals_: Globals) -> WebexConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [] if config.room_id else ["missing room_id on webex_config"]
    if config.http_config is None or not config.http_config.has_authorization:
        problems.append("missing webex_configs.http_config.authorization")
    raise_problems(problems)
    return attrs.evolve(config, api_url=config.api_url or globals_.webex_api_url)


def render(context: Context, notification: Notification, config: WebexConfig) -> Request:
    """The message. Raises TemplateError."""
    text = context.texts(context.data(notification))
    message = {"markdown": truncate_bytes(text(config.message), _MAX_MESSAGE), "roomId": text(config.room_id)}
    body = encode_document(omit_empty(message, keep=frozenset({"markdown"})))
    return context.post_json(config.api_url, body, config.http_config)
