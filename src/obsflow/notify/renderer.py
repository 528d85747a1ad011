"""A notification and the configuration of an integration → the request that the receiver gets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from obsflow.model.notifications import Notification
from obsflow.notify import email, pagerduty, slack, webhook
from obsflow.notify.context import Context
from obsflow.notify.data import Api
from obsflow.notify.email import EmailConfig
from obsflow.notify.pagerduty import PagerdutyConfig
from obsflow.notify.request import Request
from obsflow.notify.slack import SlackConfig
from obsflow.notify.templates import Templates
from obsflow.notify.webhook import WebhookConfig

_RENDERERS: Final[Mapping[type, Callable[[Context, Notification, Any], Request]]] = {
    WebhookConfig: webhook.render,
    EmailConfig: email.render,
    PagerdutyConfig: pagerduty.render,
    SlackConfig: slack.render,
}
_FIRST_WITH_REASONS: Final = (0, 32)


class Renderer:
    """Renders the requests of one configuration. The same arguments give the same bytes.

    `config_templates` are the contents of the configuration's template files, `external_url` is where links lead to,
    `hostname` ends the ids of mails, and `files` holds the contents of secret files by path. `version` is the
    Alertmanager to appear as; without it, requests carry the name of this library. `api` says whose payloads to
    send; it follows from `version` unless given. Raises TemplateSyntaxError.
    """

    def __init__(
        self,
        config_templates: Sequence[str] = (),
        *,
        external_url: str,
        version: str = "",
        api: Api | None = None,
        hostname: str = "localhost.localdomain",
        files: Mapping[str, str] | None = None,
    ) -> None:
        chosen: Api = api or _api_of(version)
        self._context = Context(
            templates=Templates(config_templates, api=chosen),
            external_url=external_url.rstrip("/"),
            api=chosen,
            user_agent=f"Alertmanager/{version}" if version else "obsflow",
            hostname=hostname,
            files=files or {},
        )

    def render(self, notification: Notification, config: object) -> Request:
        """The request that tells a receiver of the notification; `config` must have been completed.

        Raises TemplateSyntaxError or TemplateError where a template fails, NotFoundError for a secret file that was
        not supplied, and TypeError for a configuration of no known kind.
        """
        render = _RENDERERS.get(type(config))
        if render is None:
            raise TypeError(f"{type(config).__name__} is no configuration of an integration")
        self._context.templates.at(notification.time)
        return render(self._context, notification, config)


def _api_of(version: str) -> Api:
    """0.32 brought the reason of a notification and what follows it; without a version, the newest."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return "0.25" if numbers and numbers < _FIRST_WITH_REASONS else "0.34"
