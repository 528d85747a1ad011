"""VictorOps (Splunk On-Call): an event of the REST endpoint."""

from collections.abc import Mapping
from typing import Final

import attrs

from obsflow.model.notifications import AlertStatus, Notification
from obsflow.notify.config import Globals, HttpConfig, Secret, at_most_one, parse_url, raise_problems, secret_of
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, sort_keys
from obsflow.notify.pagerduty import dedup_key
from obsflow.notify.request import Request
from obsflow.notify.urls import end_with_slash, extend_path
from obsflow.schema import field

_MAX_MESSAGE: Final = 20480  # characters
_TYPES: Final = frozenset({"INFO", "WARNING", "CRITICAL"})
_RESERVED: Final = (
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
)


@attrs.frozen
class VictoropsConfig:
    """One entry of `victorops_configs`; the texts are templates."""

    api_key: Secret = field(parse=Secret, default=Secret())
    api_key_file: str = field(default="")
    api_url: str = field(parse=parse_url, default="")
    routing_key: str = field(default="")
    message_type: str = field(default="CRITICAL")
    state_message: str = field(default='{{ template "victorops.default.state_message" . }}')
    entity_display_name: str = field(default='{{ template "victorops.default.entity_display_name" . }}')
    monitoring_tool: str = field(default='{{ template "victorops.default.monitoring_tool" . }}')
    custom_fields: Mapping[str, str] = field(factory=dict)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: VictoropsConfig, globals_: Globals) -> VictoropsConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [] if config.routing_key else ["missing Routing key in VictorOps config"]
    problems += at_most_one("api_key", "api_key_file")(config)
    problems += (
        f"victorOps config contains custom field {name} which cannot be used as it conflicts with the"
        " fixed/static fields"
        for name in _RESERVED
        if name in config.custom_fields
    )
    key, file = config.api_key, config.api_key_file
    if not (key or file):
        key, file = globals_.victorops_api_key, globals_.victorops_api_key_file
    if not (key or file):
        problems.append("no global VictorOps API Key set")
    url = config.api_url or globals_.victorops_api_url
    if not url:
        problems.append("no global VictorOps URL set")
    raise_problems(problems)
    return attrs.evolve(
        config,
        api_key=key,
        api_key_file=file,
        api_url=end_with_slash(url),
        http_config=config.http_config or globals_.http_config,
    )


def render(context: Context, notification: Notification, config: VictoropsConfig) -> Request:
    """The event. A firing one of an unknown type is critical, a resolved one a recovery. Raises TemplateError."""
    text = context.texts(context.data(notification))
    kind = text(config.message_type)
    if notification.status is AlertStatus.RESOLVED:
        kind = "RECOVERY"
    elif kind not in _TYPES:
        kind = "CRITICAL"
    event = {
        "message_type": kind,
        "entity_id": dedup_key(notification.group_key),
        "entity_display_name": text(config.entity_display_name),
        "state_message": truncate(text(config.state_message), _MAX_MESSAGE),
        "monitoring_tool": text(config.monitoring_tool),
        **{name: text(value) for name, value in config.custom_fields.items()},
    }
    key = secret_of(config.api_key, config.api_key_file, context.files)
    url = extend_path(config.api_url, f"{key}/{text(config.routing_key)}")
    return context.post_json(url, encode_document(sort_keys(event)), config.http_config)
