"""The kinds of integration that a receiver can have, in the order in which Alertmanager builds and runs them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import attrs

from obsflow.errors import TemplateSyntaxError
from obsflow.model.notifications import IntegrationKind
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
from obsflow.notify.config import Globals, HttpConfig, HttpHeader, OAuth2, TlsConfig, raise_problems
from obsflow.notify.templates import check_template


def check_templates(config: Any) -> list[tuple[str, TemplateSyntaxError]]:
    """The inline templates of a configuration that do not parse: the key of each, such as `fields[0].value`."""
    return [(key, error) for key, text in _texts(config, "") if (error := check_template(text)) is not None]


def _texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Every text of a configuration that could be a template, with its key."""
    if isinstance(value, str):
        if "{{" in value:
            yield key, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{key}.{name}")
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _texts(item, f"{key}[{i}]")
    elif attrs.has(type(value)) and not isinstance(value, HttpConfig | TlsConfig):
        for attribute in attrs.fields(type(value)):
            name = attribute.name.rstrip("_")
            yield from _texts(getattr(value, attribute.name), f"{key}.{name}" if key else name)


def secret_files(config: Any) -> tuple[str, ...]:
    """The paths whose contents a `Renderer` needs for a completed configuration, sorted."""
    return tuple(sorted(set(_secret_files(config))))


def _secret_files(value: Any) -> Iterator[str]:
    if isinstance(value, HttpHeader):
        yield from value.files
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secret_files(item)
    elif attrs.has(type(value)) and not isinstance(value, OAuth2 | TlsConfig):  # which are for the connection
        for attribute in attrs.fields(type(value)):
            item = getattr(value, attribute.name)
            if attribute.name.endswith("_file") and item:
                yield item
            else:
                yield from _secret_files(item)


def _template_problems(config: Any) -> Iterable[str]:
    for key, error in check_templates(config):
        line, column = error.position
        yield f"{key}: {line}:{column}: {error.message}"


def _checked(complete: Callable[[Any, Globals], Any]) -> Callable[[Any, Any], Any]:
    """`complete`, and a template that does not parse is a mistake of the configuration as well."""

    def complete_and_check(entry: Any, globals_: Any) -> Any:
        problems = [*_template_problems(entry)]
        try:
            completed = complete(entry, globals_)
        except ValueError as error:
            raise_problems((str(error), *problems))
            raise
        raise_problems(problems)
        return completed

    return complete_and_check


def _kind(name: str, config: type, complete: Callable[[Any, Globals], Any]) -> IntegrationKind:
    return IntegrationKind(name, f"{name}_configs", config, _checked(complete))


KINDS: Final = (
    _kind("webhook", webhook.WebhookConfig, webhook.complete),
    _kind("email", email.EmailConfig, email.complete),
    _kind("pagerduty", pagerduty.PagerdutyConfig, pagerduty.complete),
    _kind("opsgenie", opsgenie.OpsgenieConfig, opsgenie.complete),
    _kind("wechat", wechat.WechatConfig, wechat.complete),
    _kind("slack", slack.SlackConfig, slack.complete),
    _kind("victorops", victorops.VictoropsConfig, victorops.complete),
    _kind("pushover", pushover.PushoverConfig, pushover.complete),
    _kind("sns", sns.SnsConfig, sns.complete),
    _kind("telegram", telegram.TelegramConfig, telegram.complete),
    _kind("discord", discord.DiscordConfig, discord.complete),
    _kind("webex", webex.WebexConfig, webex.complete),
    _kind("msteams", teams.MsteamsConfig, teams.complete),
    _kind("msteamsv2", teams.MsteamsV2Config, teams.complete),
    _kind("jira", jira.JiraConfig, jira.complete),
    _kind("incidentio", incidentio.IncidentioConfig, incidentio.complete),
    _kind("rocketchat", rocketchat.RocketchatConfig, rocketchat.complete),
    _kind("mattermost", mattermost.MattermostConfig, mattermost.complete),
)
"""What `webhook_configs` and its like hold, and how an entry becomes complete. Raises ValueError, naming the key."""

_BY_CLASS: Final = {kind.config: kind for kind in KINDS}


def receiver_api(config: Any) -> str:
    """The name under which `interpret` knows the API that a configuration speaks to."""
    if isinstance(config, pagerduty.PagerdutyConfig) and config.is_v1:
        return "pagerduty-v1"
    return _BY_CLASS[type(config)].name


def complete(config: Any, globals_: Globals) -> Any:
    """A configuration of any kind with what `global` supplies. Raises ValueError."""
    return _BY_CLASS[type(config)].complete(config, globals_)
