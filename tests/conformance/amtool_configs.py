"""Random configurations that use what there is, and the same with something in them replaced, renamed or taken out."""

import copy
import random
from typing import Any

MATCHERS = (
    "team=a",
    'severity=~"warning|info"',
    "{foo=bar, baz!~qux.*}",
    '"größe"="x y"',
    "größe=~x",
    "foo!=",
    'a="\\\\d"',
    "x=~[a-z]+",
    '{"a b"="c",d=e,}',
)
GROUP_BY = (["..."], ["alertname", "cluster"], [], ["größe"], ["job"])
DURATIONS = ("30s", "5m", "1h30m", "4h", "1w2d", "250ms")
TIMES = (
    {"times": [{"start_time": "09:00", "end_time": "17:00"}, {"start_time": "23:00", "end_time": "24:00"}]},
    {"weekdays": ["monday:friday", "sunday"], "location": "Europe/Paris"},
    {"weekdays": ["friday:monday"]},
    {"days_of_month": ["1:5", "-3:-1", "15"], "months": ["january:march", "5"], "years": ["2025:2030", "2040"]},
    {"times": []},
    {"days_of_month": ["1:-1"], "months": ["12"]},
)
HTTP = (
    {"basic_auth": {"username": "u", "password": "p"}},
    {"authorization": {"type": "Bearer", "credentials": "c"}, "follow_redirects": False},
    {"bearer_token": "t", "enable_http2": False},
    {"proxy_url": "http://proxy:3128", "no_proxy": "localhost", "tls_config": {"insecure_skip_verify": True}},
    {"proxy_from_environment": True, "tls_config": {"min_version": "TLS12", "server_name": "x"}},
    {"oauth2": {"client_id": "i", "client_secret": "s", "token_url": "http://x/t", "scopes": ["a"]}},
    {"http_headers": {"X-A": {"values": ["a"], "secrets": ["b"]}}},
)
FIELDS = [{"title": "t", "value": "{{ .Status }}", "short": True}]
INTEGRATIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "webhook_configs": (
        {"url": "http://x/", "max_alerts": 3, "timeout": "5s"},
        {"url_file": "f", "send_resolved": False},
        {"url": "https://x", "payload": {"a": ["{{ .Status }}", 1]}},
    ),
    "slack_configs": (
        {"channel": "#c", "fields": FIELDS, "actions": [{"type": "button", "text": "t", "url": "http://x"}]},
        {"api_url": "https://s/x", "title": "t", "short_fields": True, "mrkdwn_in": ["text"], "link_names": True},
        {"app_token": "t", "app_url": "https://s/y", "channel": "c", "http_config": HTTP[3]},
        {
            "app_token": "t",
            "app_url": "https://slack.com/api/chat.postMessage",
            "update_message": True,
            "http_config": {},
        },
        {"api_url_file": "f", "color": "good", "message_text": "m"},
    ),
    "pagerduty_configs": (
        {"routing_key": "r", "details": {"a": "b"}, "images": [{"src": "s"}], "links": [{"href": "h"}]},
        {"service_key": "s", "url": "http://p", "severity": "critical", "timeout": "1s"},
        {"routing_key_file": "f", "class": "c", "component": "c", "group": "g"},
    ),
    "email_configs": (
        {"to": "a@b", "headers": {"Subject": "s"}, "require_tls": False},
        {"to": "a@b", "from": "c@d", "smarthost": "h:25", "auth_username": "u", "auth_password": "p", "text": "t"},
        {"to": "a@b", "threading": {"enabled": True, "thread_by_date": "daily"}, "tls_config": {"server_name": "x"}},
    ),
    "opsgenie_configs": (
        {"api_key": "k", "responders": [{"name": "n", "type": "team"}], "priority": "P1", "update_alerts": True},
        {
            "api_key_file": "f",
            "api_url": "http://o/",
            "details": {"a": "b"},
            "responders": [{"id": "i", "type": "user"}],
        },
    ),
    "victorops_configs": (
        {"api_key": "k", "routing_key": "r", "custom_fields": {"a": "b"}},
        {"api_key_file": "f", "routing_key": "r", "message_type": "CRITICAL"},
    ),
    "pushover_configs": (
        {"user_key": "u", "token": "t", "retry": "30s", "expire": "1h", "ttl": "1h", "html": True},
        {"user_key_file": "f", "token_file": "f", "monospace": True, "priority": "2"},
    ),
    "wechat_configs": (
        {"api_secret": "s", "corp_id": "c", "message_type": "markdown"},
        {"to_user": "u", "agent_id": "1"},
    ),
    "sns_configs": (
        {"topic_arn": "arn:x", "sigv4": {"region": "r", "access_key": "a", "secret_key": "s"}},
        {"phone_number": "1", "attributes": {"a": "b"}},
        {"target_arn": "t", "subject": "s"},
    ),
    "telegram_configs": (
        {"bot_token": "t", "chat_id": -1, "parse_mode": "MarkdownV2", "message_thread_id": 3},
        {"bot_token_file": "f", "chat_id": 5, "disable_notifications": True, "parse_mode": ""},
    ),
    "discord_configs": (
        {"webhook_url": "http://d", "content": "c", "avatar_url": "http://a"},
        {"webhook_url_file": "f"},
    ),
    "webex_configs": ({"room_id": "r", "http_config": {"authorization": {"credentials": "c"}}},),
    "msteams_configs": ({"webhook_url": "http://t", "summary": "s"}, {"webhook_url_file": "f", "title": "t"}),
    "msteamsv2_configs": ({"webhook_url": "http://t", "text": "x"}, {"webhook_url_file": "f"}),
    "jira_configs": (
        {
            "api_url": "http://j/",
            "project": "P",
            "issue_type": "Bug",
            "labels": ["a"],
            "fields": {"c": {"v": [1]}},
            "http_config": HTTP[0],
        },
        {
            "project": "P",
            "issue_type": "Bug",
            "reopen_duration": "1h",
            "summary": {"template": "t", "enable_update": False},
        },
    ),
    "rocketchat_configs": (
        {"token": "t", "token_id": "i", "channel": "c", "fields": FIELDS, "actions": [{"type": "button", "text": "t"}]},
        {"token_file": "f", "token_id_file": "f", "channel": "c", "emoji": ":x:"},
    ),
    "mattermost_configs": (
        {"webhook_url": "http://m", "channel": "c", "attachments": [{"text": "t", "fields": FIELDS}]},
        {"webhook_url_file": "f", "priority": {"priority": "urgent"}, "props": {"card": "c"}},
    ),
    "incidentio_configs": (
        {"url": "http://i", "alert_source_token": "t", "max_alerts": 2, "timeout": "3s", "http_config": HTTP[3]},
        {"url_file": "f", "http_config": HTTP[1]},
    ),
}
GLOBALS = {
    "resolve_timeout": "5m",
    "smtp_from": "a@b",
    "smtp_smarthost": "h:587",
    "smtp_hello": "x",
    "smtp_require_tls": True,
    "slack_api_url": "https://s/z",
    "opsgenie_api_url": "https://o/",
    "opsgenie_api_key": "k",
    "wechat_api_secret": "s",
    "wechat_api_corp_id": "c",
    "victorops_api_key": "k",
    "telegram_bot_token": "t",
    "jira_api_url": "http://j/",
    "pagerduty_url": "http://p/",
    "webex_api_url": "http://w/",
    "rocketchat_api_url": "http://r/",
    "rocketchat_token": "t",
    "rocketchat_token_id": "i",
    "mattermost_webhook_url": "http://m",
}
ODD = (
    None,
    "",
    "x",
    "-x-",
    "0",
    "1h",
    "0s",
    "5",
    "10:00",
    "http://",
    "ftp://x",
    "http://x",
    "a=b",
    "a=~(",
    "...",
    0,
    -1,
    True,
    [],
    {},
    ["x"],
    ["x", "x"],
    ["a=b"],
    {"a": "b"},
    {"name": "x"},
    "{{ .Status }}",
)


def make_config(chance: random.Random) -> dict[str, Any]:
    """A configuration in which nothing is wrong."""
    receivers = [_receiver(chance, i) for i in range(chance.randint(1, 3))]
    names = [each["name"] for each in receivers]
    intervals = [{"name": f"t{i}", "time_intervals": chance.sample(TIMES, 2)} for i in range(2)]
    return {
        "global": dict(chance.sample(sorted(GLOBALS.items()), chance.randint(14, len(GLOBALS)))) | _needed(receivers),
        "route": {"receiver": names[0], **_options(chance), "routes": [_route(chance, names, 0) for _ in range(2)]},
        "receivers": receivers,
        "time_intervals": intervals[:1],
        "mute_time_intervals": intervals[1:],
        "inhibit_rules": [_inhibition(chance) for _ in range(chance.randint(0, 2))],
        "templates": chance.choice(([], ["none*.tmpl"])),
    }


def _needed(receivers: list[dict[str, Any]]) -> dict[str, Any]:
    """What some integration leaves to the globals."""
    return GLOBALS if any(len(each) > 1 for each in receivers) else {}


def _receiver(chance: random.Random, number: int) -> dict[str, Any]:
    receiver: dict[str, Any] = {"name": f"r{number}"}
    for key in chance.sample(sorted(INTEGRATIONS), chance.randint(0, 3)):
        entry = copy.deepcopy(chance.choice(INTEGRATIONS[key]))
        if "http_config" not in entry and key != "email_configs" and chance.random() < 0.4 and key != "webex_configs":
            entry["http_config"] = copy.deepcopy(chance.choice(HTTP))
        receiver[key] = [entry]
    return receiver


def _options(chance: random.Random) -> dict[str, Any]:
    options = {"group_by": chance.choice(GROUP_BY), "labels": {"tier": "{{ .Status }}"}}
    options |= {key: chance.choice(DURATIONS) for key in ("group_wait", "group_interval", "repeat_interval")}
    return dict(chance.sample(sorted(options.items()), chance.randint(0, len(options))))


def _route(chance: random.Random, names: list[str], depth: int) -> dict[str, Any]:
    matching = chance.choice(
        (
            {"matchers": chance.sample(MATCHERS, 2)},
            {"match": {"a": "b"}, "match_re": {"c": "d.*"}},
            {"match": {"a": None}, "matchers": ["x=y"]},
            {},
        )
    )
    route = {"receiver": chance.choice(names), **matching, **_options(chance), "continue": chance.choice((True, False))}
    if chance.random() < 0.5:
        route |= {"mute_time_intervals": ["t0"], "active_time_intervals": ["t1"]}
    if depth < 2 and chance.random() < 0.5:
        route["routes"] = [_route(chance, names, depth + 1)]
    return route


def _inhibition(chance: random.Random) -> dict[str, Any]:
    return chance.choice(
        (
            {"source_matchers": ["a=b"], "target_matchers": ['"größe"=~"x|y"'], "equal": ["größe", "c"], "name": "n"},
            {"source_match": {"a": "b"}, "target_match_re": {"c": "d|e"}, "equal": ["x"]},
            {},
        )
    )


def damage(chance: random.Random, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with one thing in it changed."""
    config = copy.deepcopy(config)
    holder, key = chance.choice([place for place in _places(config) if place[1] != "templates"])
    change = chance.choice(("take out", "rename", "replace", "replace", "replace", "double"))
    if change == "replace":
        # amtool takes nothing as an element for the first weekday, or the year 0.
        holder[key] = copy.deepcopy(chance.choice(ODD[1:] if isinstance(holder, list) else ODD))
    elif change == "take out":
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(0, copy.deepcopy(holder[key]))
    else:
        holder[f"{key}_x"] = holder.pop(key) if change == "rename" else holder[key]
    return config


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every member of every mapping and list: what holds it, and its key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *_places(value[key]))]
