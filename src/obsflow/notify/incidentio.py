"""incident.io: the template data as JSON, to an alert source."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from obsflow.model.notifications import Notification
from obsflow.notify.config import (
    Authorization,
    Globals,
    HttpConfig,
    Secret,
    at_most_one,
    exactly_one,
    parse_url,
    raise_problems,
    secret_of,
)
from obsflow.notify.context import Context
from obsflow.notify.data import Alerts
from obsflow.notify.encoding import encode_document, sort_keys
from obsflow.notify.go_durations import parse_go_duration
from obsflow.notify.request import Request
from obsflow.schema import field

_PROTOCOL: Final = "1"
_MAX_BYTES: Final = 512 * 1024


@attrs.frozen
class IncidentioConfig:
    """One entry of `incidentio_configs`. `timeout` is in ms, 0 is none; `max_alerts` 0 sends them all.

    The values of `metadata` are templates.

    The token takes the place of whatever `global.http_config` authenticates with.
    """

    url: str = field(parse=parse_url, default="")
    url_file: str = field(default="")
    alert_source_token: Secret = field(parse=Secret, default=Secret())
    alert_source_token_file: str = field(default="")
    max_alerts: int = field(default=0)
    timeout: int = field(parse=parse_go_duration, default=0)
    metadata: Mapping[str, str] = field(factory=dict)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: IncidentioConfig, globals_: Globals) -> IncidentioConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*exactly_one("url", "url_file")(config)]
    problems += at_most_one("alert_source_token", "alert_source_token_file")(config)
    has_token = bool(config.alert_source_token or config.alert_source_token_file)
    if config.http_config is not None and config.http_config.has_authorization == has_token:
        problems.append(
            "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization"
            if has_token
            else "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be"
            " configured"
        )
    if config.max_alerts < 0:
        problems.append("max_alerts must not be negative")
    raise_problems(problems)
    http_config = config.http_config or globals_.http_config
    if has_token:
        http_config = attrs.evolve(
            http_config,
            basic_auth=None,
            oauth2=None,
            bearer_token=Secret(),
            bearer_token_file="",
            authorization=Authorization(
                credentials=config.alert_source_token, credentials_file=config.alert_source_token_file
            ),
        )
    return attrs.evolve(config, http_config=http_config)


def render(context: Context, notification: Notification, config: IncidentioConfig) -> Request:
    """The message; of one that is too large only the first alert is sent. Raises TemplateError."""
    shown = notification.alerts[: config.max_alerts or None]
    data = context.data(attrs.evolve(notification, alerts=shown))
    message: dict[str, Any] = {
        **data.json_members(),
        "version": _PROTOCOL,
        "groupKey": notification.group_key,
        "truncatedAlerts": len(notification.alerts) - len(shown),
    }
    text = context.texts(data)
    if metadata := {name: text(value) for name, value in config.metadata.items()}:
        message["metadata"] = sort_keys(metadata)
    body = encode_document(message)
    if len(body.encode("utf-8", "replace")) > _MAX_BYTES:
        body = encode_document(message | {"alerts": Alerts(data.alerts[:1])})
    return context.post_json(secret_of(config.url, config.url_file, context.files), body, config.http_config)
