"""A notification and the configuration of an integration → the requests that the receiver gets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from obsflow.model.notifications import Notification
from obsflow.notify import (
    discord,
    email,
    incidentio,
    jira,
    mattermost,
    opsgenie,
    pagerduty,
    pushover,
    rocketchat,
    slack,
    sns,
    teams,
    telegram,
    victorops,
    webex,
    webhook,
    wechat,
)
from obsflow.notify.catalog import receiver_api
from obsflow.notify.context import Context
from obsflow.notify.data import Api
from obsflow.notify.outcome import interpret_answer
from obsflow.notify.request import Request
from obsflow.notify.secrecy import guard_step
from obsflow.notify.steps import Next, Step
from obsflow.notify.templates import Templates

_RENDERERS: Final[Mapping[type, Callable[[Context, Notification, Any], Request]]] = {
    webhook.WebhookConfig: webhook.render,
    email.EmailConfig: email.render,
    pagerduty.PagerdutyConfig: pagerduty.render,
    victorops.VictoropsConfig: victorops.render,
    pushover.PushoverConfig: pushover.render,
    sns.SnsConfig: sns.render,
    telegram.TelegramConfig: telegram.render,
    discord.DiscordConfig: discord.render,
    webex.WebexConfig: webex.render,
    teams.MsteamsConfig: teams.render,
    teams.MsteamsV2Config: teams.render_v2,
    incidentio.IncidentioConfig: incidentio.render,
    rocketchat.RocketchatConfig: rocketchat.render,
    mattermost.MattermostConfig: mattermost.render,
}
_BEGINNINGS: Final[Mapping[type, Callable[[Context, Notification, Any], Step]]] = {
    opsgenie.OpsgenieConfig: opsgenie.begin,
    wechat.WechatConfig: wechat.begin,
    jira.JiraConfig: jira.begin,
}
"""Those whose delivery can take several requests."""

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
        """The request that tells a receiver of the notification, or the first of several (see `begin`).

        Raises as `begin` does.
        """
        return self.begin(notification, config).request

    def render_all(self, notification: Notification, config: object) -> tuple[Request, ...]:
        """All requests of a delivery that goes as usual: each is taken, and the group is new to the receiver.

        What a receiver makes up, such as a token, is replaced by a word. Raises as `begin` does.
        """
        requests: list[Request] = []
        step: Next = self.begin(notification, config)
        while isinstance(step, Step):
            requests.append(step.request)
            step = step.read(*step.usual)
        return tuple(requests)

    def begin(self, notification: Notification, config: object, receiver_data: Mapping[str, str] | None = None) -> Step:
        """The first step of a delivery: its answer leads to the next, or to what came of it.

        `config` must have been completed. What templates give is settled here, whatever the answers will be.
        `receiver_data` is what earlier deliveries to the same group through the same integration brought
        (`Outcome.receiver_data`), as Slack needs it to change a message instead of sending another.

        Raises TemplateSyntaxError or TemplateError where a template fails, NotFoundError for a secret file that was
        not supplied, and TypeError for a configuration of no known kind.
        """
        kind = type(config)
        self._context.templates.at(notification.time)
        if isinstance(config, slack.SlackConfig):
            step = slack.begin(self._context, notification, config, receiver_data or {})
        elif kind in _BEGINNINGS:
            step = _BEGINNINGS[kind](self._context, notification, config)
        elif kind in _RENDERERS:
            api = receiver_api(config)
            request = _RENDERERS[kind](self._context, notification, config)
            step = Step(request, lambda answer: interpret_answer(api, answer))
        else:
            raise TypeError(f"{kind.__name__} is no configuration of an integration")
        return guard_step(step, config, self._context.files)


def _api_of(version: str) -> Api:
    """0.32 brought the reason of a notification and what follows it; without a version, the newest."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    return "0.25" if numbers and numbers < _FIRST_WITH_REASONS else "0.34"
