"""PagerDuty: events of the Events API v2 (`routing_key`), or of the generic v1 (`service_key`)."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from obsflow.errors import TemplateError
from obsflow.model.notifications import AlertStatus, Notification
from obsflow.notify.config import Globals, HttpConfig, Secret, at_most_one, parse_url, raise_problems, secret_of
from obsflow.notify.context import Context, truncate
from obsflow.notify.data import Api, Data
from obsflow.notify.encoding import encode_document, omit_empty, sort_keys
from obsflow.notify.go_durations import parse_go_duration
from obsflow.notify.request import Request
from obsflow.notify.structure import render_structure
from obsflow.schema import field

V1_URL: Final = "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
"""Where a `service_key` always posts to, whatever address is configured."""

_MAX_EVENT_BYTES: Final = 512_000
_TOO_LARGE: Final = "Custom details have been removed because the original event exceeds the maximum size of 512KB"
_MAX_SUMMARY: Final = 1024  # characters; the API's limit for a v1 description as well

_DEFAULT_DETAILS: Final[Mapping[Api, Mapping[str, str]]] = {
    "0.25": {
        "firing": '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
        "resolved": '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
        "num_firing": "{{ .Alerts.Firing | len }}",
        "num_resolved": "{{ .Alerts.Resolved | len }}",
    },
    "0.34": {
        "firing": "{{ .Alerts.Firing | toJson }}",
        "resolved": "{{ .Alerts.Resolved | toJson }}",
        "num_firing": "{{ .Alerts.Firing | len }}",
        "num_resolved": "{{ .Alerts.Resolved | len }}",
    },
}


@attrs.frozen
class PagerdutyImage:
    """An image of an event; templates."""

    src: str = field(default="")
    alt: str = field(default="")
    href: str = field(default="")


@attrs.frozen
class PagerdutyLink:
    """A link of an event; templates."""

    href: str = field(default="")
    text: str = field(default="")


@attrs.frozen
class PagerdutyConfig:
    """One entry of `pagerduty_configs`; the texts are templates. `timeout` is in ms; 0 is none.

    `details` are joined by default ones. A `source` that is not given is the client.
    """

    routing_key: Secret = field(parse=Secret, default=Secret())
    routing_key_file: str = field(default="")
    service_key: Secret = field(parse=Secret, default=Secret())
    service_key_file: str = field(default="")
    url: str = field(parse=parse_url, default="")
    client: str = field(default='{{ template "pagerduty.default.client" . }}')
    client_url: str = field(default='{{ template "pagerduty.default.clientURL" . }}')
    description: str = field(default='{{ template "pagerduty.default.description" .}}')
    details: Mapping[str, Any] = field(factory=dict)
    images: tuple[PagerdutyImage, ...] = field(default=())
    links: tuple[PagerdutyLink, ...] = field(default=())
    source: str = field(default="")
    severity: str = field(default="error")
    class_: str = field(key="class", default="")
    component: str = field(default="")
    group: str = field(default="")
    timeout: int = field(parse=parse_go_duration, default=0)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)

    @property
    def is_v1(self) -> bool:
        """Whether it speaks the generic events API v1."""
        return bool(self.service_key or self.service_key_file)


def complete(config: PagerdutyConfig, globals_: Globals) -> PagerdutyConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [
        *at_most_one("routing_key", "routing_key_file")(config),
        *at_most_one("service_key", "service_key_file")(config),
    ]
    if not (config.is_v1 or config.routing_key or config.routing_key_file):
        problems.append("missing service or routing key in PagerDuty config")
    if not (config.url or globals_.pagerduty_url):
        problems.append("no global PagerDuty URL set")
    raise_problems(problems)
    return attrs.evolve(
        config,
        url=config.url or globals_.pagerduty_url,
        source=config.source or config.client,
        severity=config.severity or "error",
        http_config=config.http_config or globals_.http_config,
    )


def render(context: Context, notification: Notification, config: PagerdutyConfig) -> Request:
    """The event that triggers the group's incident, or resolves it. Raises TemplateError."""
    data = context.data(notification)
    details = _render_details(context, data, config)
    build, url = (_build_v1, V1_URL) if config.is_v1 else (_build_v2, config.url)
    body = encode_document(build(context, notification, data, config, details))
    if len(body.encode("utf-8", "replace")) > _MAX_EVENT_BYTES:
        body = encode_document(build(context, notification, data, config, {"error": _TOO_LARGE}))
    return context.post_json(url, body, config.http_config)


def dedup_key(group_key: str) -> str:
    """What PagerDuty knows a group by: the SHA-256 of its key, in hexadecimal digits."""
    return hashlib.sha256(group_key.encode("utf-8", "surrogateescape")).hexdigest()


def _render_details(context: Context, data: Data, config: PagerdutyConfig) -> dict[str, Any]:
    text = context.texts(data)
    details = {**_DEFAULT_DETAILS[context.api], **config.details}
    if context.api == "0.25":
        return {name: text(value if isinstance(value, str) else _scalar_text(value)) for name, value in details.items()}
    return {name: render_structure(value, text) for name, value in details.items()}


def _scalar_text(value: Any) -> str:
    """A scalar that was written without quotes where 0.25 knows only texts."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _build_v1(
    context: Context, notification: Notification, data: Data, config: PagerdutyConfig, details: Mapping[str, Any]
) -> dict[str, Any]:
    text = context.texts(data)
    is_trigger = notification.status is AlertStatus.FIRING
    return _message(
        {
            "service_key": _key(text, config.service_key, config.service_key_file, context, "service"),
            "incident_key": dedup_key(notification.group_key),
            "event_type": "trigger" if is_trigger else "resolve",
            "description": truncate(text(config.description), _MAX_SUMMARY),
            "event_action": "",
            "payload": None,
            "client": text(config.client) if is_trigger else "",
            "client_url": text(config.client_url) if is_trigger else "",
            "details": sort_keys(details),
        }
    )


def _build_v2(
    context: Context, notification: Notification, data: Data, config: PagerdutyConfig, details: Mapping[str, Any]
) -> dict[str, Any]:
    text = context.texts(data)
    images = ({"src": text(each.src), "alt": text(each.alt), "href": text(each.href)} for each in config.images)
    links = ({"href": text(each.href), "text": text(each.text)} for each in config.links)
    payload = {
        "summary": truncate(text(config.description), _MAX_SUMMARY),
        "source": text(config.source),
        "severity": text(config.severity),
        "class": text(config.class_),
        "component": text(config.component),
        "group": text(config.group),
        "custom_details": sort_keys(details),
    }
    return _message(
        {
            "routing_key": _key(text, config.routing_key, config.routing_key_file, context, "routing"),
            "dedup_key": dedup_key(notification.group_key),
            "event_action": "trigger" if notification.status is AlertStatus.FIRING else "resolve",
            "payload": omit_empty(payload, keep=frozenset({"summary", "source", "severity"})),
            "client": text(config.client),
            "client_url": text(config.client_url),
            "images": [image for image in images if image["src"]],
            "links": [link for link in links if link["href"]],
        }
    )


def _message(members: Mapping[str, Any]) -> dict[str, Any]:
    return omit_empty(members, keep=frozenset({"event_action", "payload"}))


def _key(text: Callable[[str], str], key: str, file: str, context: Context, name: str) -> str:
    rendered = text(secret_of(key, file, context.files))
    if not rendered:
        raise TemplateError(f"{name} key cannot be empty")
    return rendered
