"""The generic webhook: the template data as JSON, protocol version 4."""

from typing import Any

import attrs

from obsflow.errors import TemplateError
from obsflow.model.notifications import Notification
from obsflow.notify.config import (
    Globals,
    HttpConfig,
    Secret,
    at_most_one,
    parse_template_url,
    raise_problems,
    secret_of,
)
from obsflow.notify.context import Context
from obsflow.notify.encoding import encode_document, sort_keys
from obsflow.notify.go_durations import parse_go_duration
from obsflow.notify.request import Request
from obsflow.notify.structure import render_structure
from obsflow.notify.webhook_document import render_webhook_document
from obsflow.schema import field

_PROTOCOL = "4"


@attrs.frozen
class WebhookConfig:
    """One entry of `webhook_configs`. `timeout` is in ms; 0 leaves it to the group's interval.

    `max_alerts` 0 sends them all. `payload` replaces the document: any YAML, whose texts are templates.
    """

    url: Secret = field(parse=parse_template_url, default=Secret())
    url_file: str = field(default="")
    max_alerts: int = field(default=0)
    timeout: int = field(parse=parse_go_duration, default=0)
    payload: Any = field(default=None)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: WebhookConfig, globals_: Globals) -> WebhookConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*at_most_one("url", "url_file")(config)]
    if not config.url and not config.url_file:
        problems.append("one of url or url_file must be configured")
    if config.max_alerts < 0:
        problems.append("max_alerts must not be negative")
    raise_problems(problems)
    return attrs.evolve(config, http_config=config.http_config or globals_.http_config)


def render(context: Context, notification: Notification, config: WebhookConfig) -> Request:
    """The request that tells a webhook. Raises TemplateError where a template of the configuration fails."""
    shown = notification.alerts[: config.max_alerts or None]
    url = secret_of(config.url, config.url_file, context.files)
    is_plain = config.payload is None and ("{{" not in url or context.api == "0.25")
    if is_plain and (not notification.route_labels or context.api == "0.25"):  # no template has anything to say
        document = render_webhook_document(notification, shown, _PROTOCOL, context.external_url, context.api)
        return _post(context, url, document, config)
    data = context.data(attrs.evolve(notification, alerts=shown))
    text = context.texts(data)
    if config.payload is None:
        message: Any = {
            **data.json_members(),
            "version": _PROTOCOL,
            "groupKey": notification.group_key,
            "truncatedAlerts": len(notification.alerts) - len(shown),
        }
    else:
        message = sort_keys(render_structure(config.payload, text))
    return _post(context, url if context.api == "0.25" else text(url), encode_document(message), config)


def _post(context: Context, url: str, document: str, config: WebhookConfig) -> Request:
    if not url:
        raise TemplateError("webhook URL is empty after templating")
    return context.post_json(url, document, config.http_config)
