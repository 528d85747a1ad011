"""Opsgenie: alerts that are created, closed and, if wished, updated under the hash of the group's key."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from obsflow.model.notifications import AlertStatus, Notification
from obsflow.notify.answers import Answer
from obsflow.notify.config import Globals, HttpConfig, Secret, at_most_one, parse_url, raise_problems, secret_of
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, omit_empty, sort_keys
from obsflow.notify.outcome import interpret_answer
from obsflow.notify.pagerduty import dedup_key
from obsflow.notify.request import Request
from obsflow.notify.steps import Next, Step
from obsflow.notify.urls import end_with_slash, extend_path
from obsflow.schema import field

_MAX_MESSAGE: Final = 130  # characters
_TYPES: Final = ("team", "teams", "user", "escalation", "schedule")
_ALWAYS: Final = frozenset({"alias", "message", "details", "source"})


@attrs.frozen
class OpsgenieResponder:
    """Who is to respond; templates. `teams` is a list of team names, separated by commas, in `name`."""

    id: str = field(default="")
    name: str = field(default="")
    username: str = field(default="")
    type: str = field(default="")


@attrs.frozen
class OpsgenieConfig:
    """One entry of `opsgenie_configs`; the texts are templates. `tags` and `actions` are separated by commas.

    With `update_alerts` the message and the description of an alert that exists are replaced as well.
    """

    api_key: Secret = field(parse=Secret, default=Secret())
    api_key_file: str = field(default="")
    api_url: str = field(parse=parse_url, default="")
    message: str = field(default='{{ template "opsgenie.default.message" . }}')
    description: str = field(default='{{ template "opsgenie.default.description" . }}')
    source: str = field(default='{{ template "opsgenie.default.source" . }}')
    details: Mapping[str, str] = field(factory=dict)
    entity: str = field(default="")
    responders: tuple[OpsgenieResponder, ...] = field(default=())
    actions: str = field(default="")
    tags: str = field(default="")
    note: str = field(default="")
    priority: str = field(default="")
    update_alerts: bool = field(default=False)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: OpsgenieConfig, globals_: Globals) -> OpsgenieConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [*at_most_one("api_key", "api_key_file")(config), *_responder_problems(config.responders)]
    own = bool(config.api_key or config.api_key_file)
    key, file = (
        (config.api_key, config.api_key_file) if own else (globals_.opsgenie_api_key, globals_.opsgenie_api_key_file)
    )
    url = config.api_url or globals_.opsgenie_api_url
    if not url:
        problems.append("no global OpsGenie URL set")
    if not (key or file):
        problems.append("no global OpsGenie API Key set either inline or in a file")
    raise_problems(problems)
    return attrs.evolve(
        config,
        api_key=key,
        api_key_file=file,
        api_url=end_with_slash(url),
        http_config=config.http_config or globals_.http_config,
    )


def _responder_problems(responders: Sequence[OpsgenieResponder]) -> Iterable[str]:
    for each in responders:
        kind = each.type if "{{" in each.type else each.type.lower()
        if not (each.id or each.name or each.username):
            yield f"{_shown(each, each.type)} has to have at least one of id, username or name specified"
        elif kind not in _TYPES and "{{" not in kind:
            yield f"{_shown(each, kind)} type does not match valid options ^({'|'.join(_TYPES)})$"


def _shown(responder: OpsgenieResponder, kind: str) -> str:
    return f"opsGenieConfig responder {{{responder.id} {responder.name} {responder.username} {kind}}}"


def requests(context: Context, notification: Notification, config: OpsgenieConfig) -> tuple[Request, ...]:
    """The requests, in their order: create and perhaps update, or close. Raises TemplateError."""
    text = context.texts(context.data(notification))
    alerts = f"v2/alerts/{dedup_key(notification.group_key)}"
    by_alias = {"identifierType": "alias"}
    key = text(secret_of(config.api_key, config.api_key_file, context.files))
    if not config.api_key:
        key = key.strip()
    sent = {"User-Agent": context.user_agent, "Content-Type": "application/json"}

    def request(method: str, url: str, members: Mapping[str, Any]) -> Request:
        body = encode_document(members)
        return context.request(method, url, sent, body, config.http_config, {"Authorization": f"GenieKey {key}"})

    details = {name: text(value) for name, value in config.details.items()}  # which may fail, sent or not
    if notification.status is AlertStatus.RESOLVED:
        url = extend_path(config.api_url, f"{alerts}/close", by_alias)
        return (request("POST", url, {"source": text(config.source)}),)
    alert = _alert(context, notification, config, details)
    out = [request("POST", extend_path(config.api_url, "v2/alerts"), omit_empty(alert, keep=_ALWAYS))]
    if config.update_alerts:
        for name in ("message", "description"):
            url = extend_path(config.api_url, f"{alerts}/{name}", by_alias)
            out.append(request("PUT", url, omit_empty({name: alert[name]})))
    return tuple(out)


def begin(context: Context, notification: Notification, config: OpsgenieConfig) -> Step:
    """The first request; each that is taken leads to the next. Raises TemplateError."""
    return _step(requests(context, notification, config))


def _step(left: Sequence[Request]) -> Step:
    def read(answer: Answer) -> Next:
        outcome = interpret_answer("opsgenie", answer)
        return _step(left[1:]) if outcome.is_delivered and len(left) > 1 else outcome

    return Step(left[0], read)


def _alert(
    context: Context, notification: Notification, config: OpsgenieConfig, details: Mapping[str, str]
) -> dict[str, Any]:
    data = context.data(notification)
    text = context.texts(data)
    return {
        "alias": dedup_key(notification.group_key),
        "message": truncate(text(config.message), _MAX_MESSAGE),
        "description": text(config.description),
        "details": sort_keys({**data.common_labels, **details}),
        "source": text(config.source),
        "responders": [*_responders(config.responders, text)],
        "tags": _split(text(config.tags)),
        "note": text(config.note),
        "priority": text(config.priority),
        "entity": text(config.entity),
        "actions": _split(text(config.actions)),
    }


def _responders(responders: Sequence[OpsgenieResponder], text: Callable[[str], str]) -> Iterable[dict[str, Any]]:
    for each in responders:
        members = {name: text(getattr(each, name)) for name in ("id", "name", "username", "type")}
        if members["type"] == "teams":
            for team in _split(members["name"]):
                yield {"name": text(team), "type": "team"}
        elif any(members.values()):
            yield omit_empty(members, keep=frozenset({"type"}))


def _split(text: str) -> list[str]:
    return [each for each in text.strip().split(",") if each]
