"""Pushover: a message whose parameters stand in the address."""

from typing import Final

import attrs

from obsflow.model.durations import HOUR_MS, MINUTE_MS
from obsflow.model.notifications import Notification
from obsflow.notify.config import Globals, HttpConfig, Secret, exactly_one, raise_problems, secret_of
from obsflow.notify.context import Context, truncate
from obsflow.notify.go_durations import parse_go_duration
from obsflow.notify.request import Request
from obsflow.notify.urls import encode_query
from obsflow.schema import field

URL: Final = "https://api.pushover.net/1/messages.json"
"""Where messages are posted to."""

_MAX_TITLE: Final = 250
_MAX_MESSAGE: Final = 1024
_MAX_URL: Final = 512


@attrs.frozen
class PushoverConfig:
    """One entry of `pushover_configs`; the texts and keys are templates. `retry`, `expire` and `ttl` are in ms.

    With `html` the message is an HTML template.
    """

    user_key: Secret = field(parse=Secret, default=Secret())
    user_key_file: str = field(default="")
    token: Secret = field(parse=Secret, default=Secret())
    token_file: str = field(default="")
    title: str = field(default='{{ template "pushover.default.title" . }}')
    message: str = field(default='{{ template "pushover.default.message" . }}')
    url: str = field(default='{{ template "pushover.default.url" . }}')
    url_title: str = field(default="")
    device: str = field(default="")
    sound: str = field(default="")
    priority: str = field(default='{{ if eq .Status "firing" }}2{{ else }}0{{ end }}')
    retry: int = field(parse=parse_go_duration, default=MINUTE_MS)
    expire: int = field(parse=parse_go_duration, default=HOUR_MS)
    ttl: int = field(parse=parse_go_duration, default=0)
    html: bool = field(default=False)
    monospace: bool = field(default=False)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: PushoverConfig, globals_: Globals) -> PushoverConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*exactly_one("user_key", "user_key_file")(config), *exactly_one("token", "token_file")(config)]
    if config.html and config.monospace:
        problems.append("at most one of monospace & html must be configured")
    raise_problems(problems)
    return attrs.evolve(config, http_config=config.http_config or globals_.http_config)


def render(context: Context, notification: Notification, config: PushoverConfig) -> Request:
    """The message; one that is empty says so, because it would be refused. Raises TemplateError."""
    data = context.data(notification)
    text = context.texts(data)
    message = context.pages(data)(config.message) if config.html else text(config.message)
    parameters = {
        "token": text(secret_of(config.token, config.token_file, context.files)),
        "user": text(secret_of(config.user_key, config.user_key_file, context.files)),
        "title": truncate(text(config.title), _MAX_TITLE),
        "message": truncate(message, _MAX_MESSAGE).strip() or "(no details)",
        "url": truncate(text(config.url), _MAX_URL),
        "url_title": text(config.url_title),
        "priority": text(config.priority),
        "retry": _seconds(config.retry),
        "expire": _seconds(config.expire),
        "device": text(config.device),
        "sound": text(config.sound),
    }
    optional = {
        "html": "1" if config.html else "",
        "monospace": "1" if config.monospace else "",
        "ttl": _seconds(config.ttl) if config.ttl >= 1000 else "",
    }
    parameters |= {name: value for name, value in optional.items() if value}
    sent = {"User-Agent": context.user_agent, "Content-Type": "text/plain"}
    return context.request("POST", f"{URL}?{encode_query(parameters)}", sent, "", config.http_config)


def _seconds(duration_ms: int) -> str:
    return str(int(duration_ms / 1000))
