"""Slack: one attachment, posted to an incoming webhook or, with an app's token, to chat.postMessage."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from obsflow.model.notifications import Notification
from obsflow.notify.answers import Answer
from obsflow.notify.config import (
    Authorization,
    Globals,
    HttpConfig,
    Secret,
    at_most_one,
    parse_secret_url,
    parse_url,
    raise_problems,
    secret_of,
)
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, omit_empty
from obsflow.notify.go_durations import parse_go_duration
from obsflow.notify.outcome import Outcome, interpret_answer
from obsflow.notify.request import Request
from obsflow.notify.steps import Next, Step
from obsflow.schema import field

_MAX_TITLE: Final = 1024
_POST_URL: Final = "https://slack.com/api/chat.postMessage"
_UPDATE_URL: Final = "https://slack.com/api/chat.update"
_USUAL: Final = (200, "ok")
_DEFAULT_MARKDOWN: Final = ("fallback", "pretext", "text")
_ALWAYS: Final = frozenset({"text", "fallback", "callback_id", "footer"})


@attrs.frozen
class SlackField:
    """A field of the attachment: templates, and whether two may share a line (None: as `short_fields` says)."""

    title: str = field(default="")
    value: str = field(default="")
    short: bool | None = field(default=None)


@attrs.frozen
class SlackConfirmation:
    """What a button asks before it acts; templates."""

    text: str = field(default="")
    title: str = field(default="")
    ok_text: str = field(default="")
    dismiss_text: str = field(default="")


@attrs.frozen
class SlackAction:
    """A button or a link; templates. With a `url`, `name`, `value` and `confirm` mean nothing."""

    type: str = field(default="")
    text: str = field(default="")
    url: str = field(default="")
    style: str = field(default="")
    name: str = field(default="")
    value: str = field(default="")
    confirm: SlackConfirmation | None = field(default=None)


@attrs.frozen
class SlackConfig:
    """One entry of `slack_configs`; the texts are templates. `timeout` is in ms; 0 is none.

    `update_message` changes the group's first message, `post_updates_to_thread` answers in its thread; both need the
    web API, which says which message that is (see `begin`).
    """

    api_url: Secret = field(parse=parse_secret_url, default=Secret())
    api_url_file: str = field(default="")
    app_token: Secret = field(parse=Secret, default=Secret())
    app_token_file: str = field(default="")
    app_url: str = field(parse=parse_url, default="")
    channel: str = field(default="")
    username: str = field(default='{{ template "slack.default.username" . }}')
    color: str = field(default='{{ template "slack.default.color" . }}')
    title: str = field(default='{{ template "slack.default.title" . }}')
    title_link: str = field(default='{{ template "slack.default.titlelink" . }}')
    pretext: str = field(default='{{ template "slack.default.pretext" . }}')
    text: str = field(default='{{ template "slack.default.text" . }}')
    message_text: str = field(default="")
    fields: tuple[SlackField, ...] = field(default=())
    short_fields: bool = field(default=False)
    footer: str = field(default='{{ template "slack.default.footer" . }}')
    fallback: str = field(default='{{ template "slack.default.fallback" . }}')
    callback_id: str = field(default='{{ template "slack.default.callbackid" . }}')
    icon_emoji: str = field(default='{{ template "slack.default.iconemoji" . }}')
    icon_url: str = field(default='{{ template "slack.default.iconurl" . }}')
    image_url: str = field(default="")
    thumb_url: str = field(default="")
    link_names: bool = field(default=False)
    mrkdwn_in: tuple[str, ...] = field(default=())
    actions: tuple[SlackAction, ...] = field(default=())
    update_message: bool = field(default=False)
    post_updates_to_thread: bool = field(default=False)
    timeout: int = field(parse=parse_go_duration, default=0)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=False)


def complete(config: SlackConfig, globals_: Globals) -> SlackConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*_problems(config)]
    app_url = config.app_url or globals_.slack_app_url
    token, token_file = config.app_token, config.app_token_file
    api_url, api_url_file = config.api_url, config.api_url_file
    has_own_authorization = config.http_config is not None and config.http_config.authorization is not None
    if not (token or token_file or has_own_authorization or api_url):
        token, token_file = globals_.slack_app_token, globals_.slack_app_token_file
    if not (api_url or api_url_file):
        api_url, api_url_file = globals_.slack_api_url, globals_.slack_api_url_file
    if not (api_url or api_url_file or token or token_file):
        problems.append("no Slack API URL nor App token set either inline or in a file")
    http_config = config.http_config or globals_.http_config
    if token or token_file:
        if http_config.authorization is not None:
            problems.append("http authorization can't be set when using Slack App tokens")
        else:
            bearer = Authorization(credentials=token, credentials_file=token_file)
            http_config = attrs.evolve(http_config, authorization=bearer)
        api_url, api_url_file = Secret(app_url), ""
    problems += _web_api_problems(config, api_url, api_url_file)
    raise_problems(problems)
    return attrs.evolve(
        config,
        api_url=api_url,
        api_url_file=api_url_file,
        app_token=token,
        app_token_file=token_file,
        app_url=app_url,
        http_config=http_config,
        actions=tuple(map(_clear_unused, config.actions)),
    )


def _problems(config: SlackConfig) -> Iterable[str]:
    yield from at_most_one("api_url", "api_url_file")(config)
    yield from at_most_one("app_token", "app_token_file")(config)
    if (config.api_url or config.api_url_file) and (config.app_token or config.app_token_file):
        yield "at most one of api_url/api_url_file & app_token/app_token_file must be configured"
    for each in config.fields:
        for key in ("title", "value"):
            if not getattr(each, key):
                yield f"missing {key} in Slack field configuration"
    for action in config.actions:
        for key in ("type", "text"):
            if not getattr(action, key):
                yield f"missing {key} in Slack action configuration"
        if not action.url and not action.name:
            yield "missing name or url in Slack action configuration"
        if action.confirm is not None and not action.confirm.text:
            yield "missing text in Slack confirmation configuration"


def _web_api_problems(config: SlackConfig, api_url: str, api_url_file: str) -> Iterable[str]:
    for option in ("update_message", "post_updates_to_thread"):
        if not getattr(config, option):
            continue
        if api_url_file and not api_url:
            yield f"{option} can't be used with api_url_file"
        elif api_url and api_url != _POST_URL:
            yield f"{option} can only be used with bot tokens. api_url must be set to {_POST_URL}"


def _clear_unused(action: SlackAction) -> SlackAction:
    return attrs.evolve(action, name="", value="", confirm=None) if action.url else action


def begin(context: Context, notification: Notification, config: SlackConfig, receiver_data: Mapping[str, str]) -> Step:
    """The message, or what is to become of the group's first one. Raises TemplateError.

    Which that is, `receiver_data` says in `threadTs` and `channelId`.
    """
    text = context.texts(context.data(notification))
    message = _message(config, text)
    url = secret_of(config.api_url, config.api_url_file, context.files)
    thread, channel = receiver_data.get("threadTs", ""), receiver_data.get("channelId", "")
    follows_up = config.update_message or config.post_updates_to_thread

    def post(url: str, to: Mapping[str, str]) -> Request:
        first = context.api == "0.25"  # where the channel stands
        body = omit_empty({**to, **message} if first else {**message, **to})
        return context.post_json(url, encode_document(body), config.http_config)

    if not (follows_up and thread and channel):
        return _last(post(url, {"channel": text(config.channel)}), keeps_data=follows_up)
    reply = _last(post(url, {"channel": channel, "thread_ts": thread}))
    if not config.update_message:
        return reply

    def read(answer: Answer) -> Next:
        outcome = _outcome(answer)
        return reply if outcome.is_delivered and config.post_updates_to_thread else outcome

    return Step(post(_UPDATE_URL, {"channel": channel, "ts": thread}), read, _USUAL)


def _last(request: Request, *, keeps_data: bool = False) -> Step:
    return Step(request, lambda answer: _outcome(answer, keeps_data=keeps_data), _USUAL)


def _outcome(answer: Answer, *, keeps_data: bool = False) -> Outcome:
    """Only the first message of a group is to be found again."""
    outcome = interpret_answer("slack", answer)
    return outcome if keeps_data else attrs.evolve(outcome, receiver_data={})


def _message(config: SlackConfig, text: Callable[[str], str]) -> dict[str, Any]:
    attachment = {
        "title": truncate(text(config.title), _MAX_TITLE),
        "title_link": text(config.title_link),
        "pretext": text(config.pretext),
        "text": text(config.text),
        "fallback": text(config.fallback),
        "callback_id": text(config.callback_id),
        "fields": [_render_field(each, text, short=config.short_fields) for each in config.fields],
        "actions": [_render_action(each, text) for each in config.actions],
        "image_url": text(config.image_url),
        "thumb_url": text(config.thumb_url),
        "footer": text(config.footer),
        "color": text(config.color),
        "mrkdwn_in": list(config.mrkdwn_in or _DEFAULT_MARKDOWN),
    }
    return {
        "username": text(config.username),
        "icon_emoji": text(config.icon_emoji),
        "icon_url": text(config.icon_url),
        "link_names": config.link_names,
        "text": text(config.message_text),
        "attachments": [omit_empty(attachment, keep=_ALWAYS)],
    }


def _render_field(config: SlackField, text: Callable[[str], str], *, short: bool) -> dict[str, Any]:
    is_short = short if config.short is None else config.short
    members = {"title": text(config.title), "value": text(config.value), "short": is_short}
    return omit_empty(members, keep=frozenset({"short"}))


def _render_action(config: SlackAction, text: Callable[[str], str]) -> dict[str, Any]:
    names = ("type", "text", "url", "style", "name", "value")
    members: dict[str, Any] = {name: text(getattr(config, name)) for name in names}
    if config.confirm is not None:
        asked = {name: text(getattr(config.confirm, name)) for name in ("text", "title", "ok_text", "dismiss_text")}
        members["confirm"] = omit_empty(asked)
        return omit_empty(members, keep=frozenset({"confirm"}))
    return omit_empty(members)
