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
    files: Mapping[str, str]

    def data(self, notification: Notification) -> Data:
        """What the notification's templates see."""
        return build_data(notification, self.external_url, self.api)

    def texts(self, data: Data) -> Callable[[str], str]:
        """A function that executes an inline template against the data; raises TemplateError."""
        return lambda text: self.templates.render_text(text, data)

    def post_json(self, url: str, body: str, http_config: HttpConfig | None) -> Request:
        """The request that posts a document."""
        headers = {"User-Agent": self.user_agent, "Content-Type": "application/json"}
        if http_config is not None:
            headers |= http_config.headers(self.files)
        return Request("POST", url, headers, body)


def truncate(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, with an ellipsis for what was cut off."""
    return text if len(text) <= limit else text[: limit - 1] + _ELLIPSIS
