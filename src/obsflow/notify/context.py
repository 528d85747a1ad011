"""What rendering a request needs besides the notification and the configuration of its integration."""

from collections.abc import Callable, Mapping

import attrs

from obsflow.model.notifications import Notification
from obsflow.notify.config import HttpConfig
from obsflow.notify.data import Api, Data, build_data
from obsflow.notify.request import Request
from obsflow.notify.templates import Templates

_ELLIPSIS = "…"


@attrs.frozen
class Context:
    """What all requests of a renderer share. `files` holds the contents of secret files by path."""

    templates: Templates
    external_url: str
    api: Api
    user_agent: str
    hostname: str
    files: Mapping[str, str] = attrs.field(repr=False)

    def data(self, notification: Notification) -> Data:
        """What the notification's templates see."""
        data = build_data(notification, self.external_url, self.api)
        if not notification.route_labels or self.api == "0.25":  # which knows no labels of routes
            return data
        group = attrs.evolve(notification, alerts=notification.route_alerts or notification.alerts)
        seen = build_data(group, self.external_url, self.api)
        labels = self.templates.render_route_labels(notification.route_labels, seen)
        return attrs.evolve(data, route_labels=labels)

    def texts(self, data: Data) -> Callable[[str], str]:
        """A function that executes an inline template against the data; raises TemplateError."""
        return lambda text: self.templates.render_text(text, data)

    def pages(self, data: Data) -> Callable[[str], str]:
        """Like `texts`, for templates that give HTML: values are escaped."""
        return lambda text: self.templates.render_html(text, data)

    def post_json(
        self, url: str, body: str, http_config: HttpConfig | None, headers: Mapping[str, str] | None = None
    ) -> Request:
        """The request that posts a document; `headers` come before those of `http_config`."""
        sent = {"User-Agent": self.user_agent, "Content-Type": "application/json"}
        return self.request("POST", url, sent, body, http_config, headers)

    def request(
        self,
        method: str,
        url: str,
        defaults: Mapping[str, str],
        body: str,
        http_config: HttpConfig | None,
        headers: Mapping[str, str] | None = None,
    ) -> Request:
        """A request with `defaults` as its headers, then those of `http_config`, then `headers`."""
        configured = {} if http_config is None else http_config.headers(self.files)
        return Request(method, url, {**defaults, **configured, **(headers or {})}, body)


def truncate(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, with an ellipsis for what was cut off."""
    return text if len(text) <= limit else text[: limit - 1] + _ELLIPSIS


def truncate_bytes(text: str, limit: int) -> str:
    """`text` in at most `limit` bytes of UTF-8, with an ellipsis for what was cut off; no character is divided."""
    data = text.encode("utf-8", "surrogateescape")
    if len(data) <= limit:
        return text
    end = limit - len(_ELLIPSIS.encode())
    while end and data[end] & 0xC0 == 0x80:  # inside of a character
        end -= 1
    return data[:end].decode("utf-8", "surrogateescape") + _ELLIPSIS
