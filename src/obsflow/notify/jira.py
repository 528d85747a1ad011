"""Jira: an issue for each group, found again by a label; created, updated, reopened and resolved in steps."""

import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from obsflow.errors import TemplateError
from obsflow.model.durations import MINUTE_MS, parse_duration
from obsflow.model.labels import quote
from obsflow.model.notifications import AlertStatus, Notification
from obsflow.notify.answers import Answer, parse_json, pick_members, read_members
from obsflow.notify.config import Globals, HttpConfig, parse_url, raise_problems
from obsflow.notify.context import Context, truncate
from obsflow.notify.encoding import encode_document, omit_empty, sort_keys
from obsflow.notify.outcome import DELIVERED, FailureClass, Outcome, interpret_answer
from obsflow.notify.pagerduty import dedup_key
from obsflow.notify.request import Request
from obsflow.notify.steps import Next, Step
from obsflow.notify.structure import render_structure
from obsflow.notify.urls import join_path
from obsflow.schema import field

_MAX_SUMMARY: Final = 255
_MAX_DESCRIPTION: Final = 32767
_API_TYPES: Final = ("auto", "cloud", "datacenter")
_HEADERS: Final = {"Content-Type": "application/json", "Accept-Language": "en"}
_DONE: Final = "done"


@attrs.frozen
class JiraText:
    """A text of the issue: its template, and whether an issue that exists gets it anew."""

    template: str = field(default="")
    enable_update: bool | None = field(default=None)

    @property
    def is_updated(self) -> bool:
        """Unless it was forbidden."""
        return self.enable_update is not False


_SUMMARY: Final = JiraText('{{ template "jira.default.summary" . }}')
_DESCRIPTION: Final = JiraText('{{ template "jira.default.description" . }}')


@attrs.frozen
class JiraConfig:
    """One entry of `jira_configs`; the texts are templates. `reopen_duration` is in ms.

    `summary` and `description` are a template or a mapping with `template` and `enable_update`; completed, a
    `JiraText`. `fields` is any YAML, whose texts are templates.
    """

    api_url: str = field(parse=parse_url, default="")
    api_type: str = field(default="auto")
    project: str = field(default="")
    summary: Any = field(default=_SUMMARY)
    description: Any = field(default=_DESCRIPTION)
    labels: tuple[str, ...] = field(default=())
    priority: str = field(default='{{ template "jira.default.priority" . }}')
    issue_type: str = field(default="")
    reopen_transition: str = field(default="")
    resolve_transition: str = field(default="")
    wont_fix_resolution: str = field(default="")
    reopen_duration: int = field(parse=parse_duration, default=0)
    fields: Mapping[str, Any] = field(factory=dict)
    http_config: HttpConfig | None = field(default=None)
    send_resolved: bool = field(default=True)


def complete(config: JiraConfig, globals_: Globals) -> JiraConfig:
    """The configuration with what `global` supplies. Raises ValueError."""
    problems = [f"missing {key} in jira_config" for key in ("project", "issue_type") if not getattr(config, key)]
    if config.api_type not in _API_TYPES:
        problems.append("unknown api_type on jira_config, must be auto, cloud or datacenter")
    if not (config.api_url or globals_.jira_api_url):
        problems.append("no global Jira Cloud URL set")
    texts: dict[str, Any] = {}
    for key, default in (("summary", _SUMMARY), ("description", _DESCRIPTION)):
        try:
            texts[key] = _text(getattr(config, key), key, default)
        except ValueError as error:
            problems.append(str(error))
    raise_problems(problems)
    return attrs.evolve(
        config,
        api_url=config.api_url or globals_.jira_api_url,
        http_config=config.http_config or globals_.http_config,
        **texts,
    )


def _text(value: Any, key: str, default: JiraText) -> JiraText:
    if isinstance(value, JiraText):
        return value
    if value is None or isinstance(value, (str, int, float)):
        return JiraText("" if value is None else str(value))
    if not isinstance(value, Mapping):
        raise ValueError(f"{key}: expected a string or a mapping")  # noqa: TRY004 - a mistake of the configuration
    if unknown := sorted(set(value) - {"template", "enable_update"}):
        raise ValueError(f'{key}.{unknown[0]}: unknown field "{unknown[0]}"')
    template, enable_update = value.get("template", default.template), value.get("enable_update")
    if not isinstance(template, str):
        raise ValueError(f"{key}.template: expected a string")  # noqa: TRY004
    if enable_update is not None and not isinstance(enable_update, bool):
        raise ValueError(f"{key}.enable_update: expected a boolean")
    return JiraText(template, enable_update)


def begin(context: Context, notification: Notification, config: JiraConfig) -> Step:
    """The search for the group's issue, which leads to what is to be done with it. Raises TemplateError."""
    return _Delivery(
        context, config, notification.status is AlertStatus.FIRING, _issue(context, notification, config)
    ).search(_query(context, notification, config))


@attrs.frozen
class _Delivery:
    """What the answers decide upon: `fields` are those of the issue."""

    context: Context
    config: JiraConfig
    is_firing: bool
    fields: Mapping[str, Any]

    def search(self, query: str) -> Step:
        body = {"fields": ["status"], "jql": query, "maxResults": 2}
        return Step(self._request("POST", _search_url(self.config), body), self._found, (200, '{"issues":[]}'))

    def _found(self, answer: Answer) -> Next:
        outcome = interpret_answer("jira", answer)
        if not outcome.is_delivered:
            reason = f"failed to look up existing issues: HTTP request to JIRA API: {outcome.reason}"
            return attrs.evolve(outcome, reason=reason)
        issues = _read_issues(answer.body)
        if issues is None:
            return _failed("failed to look up existing issues: the answer is no search result")
        if issues:
            return self._update(issues[0])
        # an issue is not made in order to be resolved
        return self._write("POST", "issue", self.fields, None) if self.is_firing else DELIVERED

    def _update(self, found: "_Found") -> Step:
        kept = {key for key in ("summary", "description") if not getattr(self.config, key).is_updated}
        kept -= set(self.config.fields)
        fields = {name: value for name, value in self.fields.items() if name not in kept}
        return self._write("PUT", f"issue/{found.key}", fields, found)

    def _write(self, method: str, path: str, fields: Mapping[str, Any], found: "_Found | None") -> Step:
        def read(answer: Answer) -> Next:
            outcome = interpret_answer("jira", answer)
            if outcome.is_delivered:
                return self._transition(found)
            return attrs.evolve(outcome, reason=f"failed to {method} request to {quote(path)}: {outcome.reason}")

        return Step(self._request(method, join_path(self.config.api_url, path), {"fields": {**fields}}), read)

    def _transition(self, found: "_Found | None") -> Next:
        """The way to the transition that the issue needs, if it needs one and it is configured."""
        wanted = self.config.reopen_transition if self.is_firing else self.config.resolve_transition
        if found is None or not found.key or found.category is None:
            return DELIVERED
        if not wanted or (found.category == _DONE) != self.is_firing:
            return DELIVERED
        key = found.key
        url = join_path(self.config.api_url, f"issue/{key}/transitions")

        def read(answer: Answer) -> Next:
            outcome = interpret_answer("jira", answer)
            if not outcome.is_delivered:
                return outcome
            known = _read_transitions(answer.body)
            if known is None:
                return _failed("the answer is no list of transitions")
            for name, number in known:
                if name == wanted:
                    transition = {"transition": omit_empty({"id": number})}
                    return Step(self._request("POST", url, transition), lambda last: interpret_answer("jira", last))
            return _failed(f"can't find transition {wanted} for issue {key}")

        return Step(self._request("GET", url, None), read)

    def _request(self, method: str, url: str, body: Mapping[str, Any] | None) -> Request:
        document = "" if body is None else encode_document(body)
        return self.context.request(method, url, _HEADERS, document, self.config.http_config)


def _failed(reason: str) -> Outcome:
    return Outcome(reason=reason, failure=FailureClass.OTHER)


@attrs.frozen
class _Found:
    """An issue that exists; `category` is that of its status, None if the answer did not say."""

    key: str
    category: str | None


def _read_issues(body: str) -> list[_Found] | None:
    """The issues of a search result, or None for another answer."""
    answer = read_members(body, {"issues": list})
    if answer is None:
        return None
    found = [_read_issue({} if each is None else each) for each in answer["issues"]]
    return None if None in found else [each for each in found if each is not None]


def _read_issue(value: Any) -> _Found | None:
    issue = pick_members(value, {"key": str, "fields": dict})
    fields = None if issue is None else pick_members(issue["fields"], {"status": dict})
    if issue is None or fields is None:
        return None
    if not any(name.lower() == "status" and value is not None for name, value in issue["fields"].items()):
        return _Found(issue["key"], None)
    status = pick_members(fields["status"], {"name": str, "statusCategory": dict})
    category = None if status is None else pick_members(status["statusCategory"], {"key": str})
    return None if category is None else _Found(issue["key"], category["key"])


def _read_transitions(body: str) -> list[tuple[str, str]] | None:
    """The name and the id of each transition, or None for another answer."""
    answer = read_members(body, {"transitions": list})
    if answer is None:
        return None
    found = [pick_members({} if each is None else each, {"id": str, "name": str}) for each in answer["transitions"]]
    return None if None in found else [(each["name"], each["id"]) for each in found if each is not None]


def _search_url(config: JiraConfig) -> str:
    host = urllib.parse.urlsplit(config.api_url).netloc.rpartition("@")[2]
    if config.api_type == "cloud" or (config.api_type == "auto" and host.endswith("atlassian.net")):
        return join_path(config.api_url, "search/jql").replace("/rest/api/2/", "/rest/api/3/", 1)
    return join_path(config.api_url, "search")


def _label(notification: Notification) -> str:
    return f"ALERT{{{dedup_key(notification.group_key)}}}"


def _query(context: Context, notification: Notification, config: JiraConfig) -> str:
    """The search: open issues of the group, or those closed not long ago where one of them could be reopened."""
    project = context.texts(context.data(notification))(config.project)
    return " and ".join((*_conditions(notification, config), f"project={quote(project)}", "")) + (
        f"labels={quote(_label(notification))} order by status ASC,resolutiondate DESC"
    )


def _conditions(notification: Notification, config: JiraConfig) -> Iterable[str]:
    if config.wont_fix_resolution:
        yield f"(resolution is EMPTY or resolution != {quote(config.wont_fix_resolution)})"
    minutes = config.reopen_duration // MINUTE_MS
    if notification.status is AlertStatus.FIRING and config.reopen_transition and minutes > 0:
        yield f"(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m)"
    else:
        yield "statusCategory != Done"


def _issue(context: Context, notification: Notification, config: JiraConfig) -> dict[str, Any]:
    """The fields of the issue, sorted; those of the configuration come before the others."""
    text = context.texts(context.data(notification))
    fields: dict[str, Any] = {
        "issuetype": _named(text(config.issue_type)),
        "labels": sorted([*map(text, config.labels), _label(notification)]),
        "project": {"key": text(config.project)},
        "summary": truncate(text(config.summary.template), _MAX_SUMMARY),
    }
    description = _description(truncate(text(config.description.template), _MAX_DESCRIPTION), config.api_url)
    if description not in ("", None):
        fields["description"] = description
    if priority := text(config.priority):
        fields["priority"] = _named(priority)
    fields |= {name: sort_keys(render_structure(value, text)) for name, value in config.fields.items()}
    return {name: fields[name] for name in sorted(fields)}


def _named(name: str) -> dict[str, str]:
    return {"name": name} if name else {}


def _description(text: str, api_url: str) -> Any:
    """The text, or for version 3 of the API the document that it is."""
    if not urllib.parse.urlsplit(api_url).path.rstrip("/").endswith("/3"):
        return text
    if not text.strip():
        return None
    try:
        return parse_json(text)
    except ValueError:
        raise TemplateError("description template: invalid JSON for API v3") from None
