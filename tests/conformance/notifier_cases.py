"""Random configurations of every integration, random notifications for them, and answers of receivers."""

import json
import pathlib

import attrs

from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from tests.conformance.notifier_entries import ENTRIES
from tests.conformance.notifier_values import flag

MAIL = "mail"  # stands for the address of the mail server
REASONS = [reason for reason in NotifyReason if reason.sends]

# Lengths at which some text is cut or refused.
LIMITS = {
    "discord": (256, 2000, 4096),
    "email": (75, 76, 998),
    "incidentio": (20, 200, 200_000),
    "jira": (255, 255, 255, 32767),
    "mattermost": (16383,),
    "opsgenie": (130,),
    "pagerduty": (1024, 1024, 150_000),
    "pushover": (250, 512, 1024),
    "rocketchat": (1024,),
    "slack": (1024,),
    "sns": (1600, 1600, 1600, 256 * 1024),
    "telegram": (4096, 32768),
    "victorops": (20480,),
    "webex": (100, 100, 100, 7439),
}
UNITS = ("x", "ü", "🙂", "a🙂", "<&>", "\n y", "e\u0301")


@attrs.frozen
class Answer:
    """What a receiver answers to one request."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = attrs.field(factory=dict)


HTTP_CONFIGS = (
    {"authorization": {"type": "Own", "credentials": "c"}},
    {"authorization": {"credentials_file": "FILE/token"}},
    {"basic_auth": {"username": "u", "password": "p:ü"}},
    {"bearer_token": "b"},
    {"http_headers": {"X-One": {"values": ["a", "b"], "secrets": ["s"], "files": ["FILE/token"]}}},
    {"follow_redirects": False},
)
NO_HTTP_CONFIG = frozenset({"email", "webex", "incidentio"})
GLOBAL = {
    "smtp_smarthost": MAIL,
    "smtp_from": "am@x.test",
    "smtp_require_tls": False,
    "slack_api_url": "https://hooks.slack.test/services/T",
    "opsgenie_api_key": "global-key",
    "wechat_api_secret": "global-secret",
    "wechat_api_corp_id": "corp",
    "victorops_api_key": "global-key",
    "telegram_bot_token": "1:global",
    "jira_api_url": "https://jira.test/rest/api/2",
    "rocketchat_token": "global-token",
    "rocketchat_token_id": "global-id",
    "mattermost_webhook_url": "http://mm.test/hooks/global",
}
FILES = {"url": "https://hook.test/from-file?z=1\n", "token": " token-of-file \n", "chat": "-1001\n"}


@attrs.frozen
class Case:
    """An entry of a receiver, a notification, and what the receiver will answer."""

    kind: str
    entry: dict
    notification: Notification
    answers: tuple[Answer, ...]
    stored: dict[str, str]
    refused: dict[str, str] = attrs.field(factory=dict)

    def config(self, smarthost, directory):
        """The configuration file, as JSON, which YAML can read."""
        receiver = {"name": self.notification.receiver, f"{self.kind}_configs": [self.entry]}
        file = {"global": GLOBAL, "route": {"receiver": self.notification.receiver}, "receivers": [receiver]}
        written = json.dumps(file, ensure_ascii=False)
        return written.replace('"FILE/', f'"{directory}/').replace(f'"{MAIL}"', f'"{smarthost}"')


def write_files(directory):
    """The files that entries name; gives their contents by path."""
    contents = {}
    for name, content in FILES.items():
        path = pathlib.Path(directory) / name
        path.write_text(content, "utf-8")
        contents[str(path)] = content
    return contents


def make_case(kind, rng, now, answers):
    """A random case; `answers(kind, rng)` gives those of the receiver."""
    required, optional = ENTRIES[kind]
    entry = {name: make(rng) for name, make in optional.items() if rng.random() < 0.45}
    if kind not in NO_HTTP_CONFIG and rng.random() < 0.2:
        entry["http_config"] = rng.choice(HTTP_CONFIGS)
    entry |= rng.choice(required)
    if flag(rng):
        entry["send_resolved"] = flag(rng)
    if kind == "slack" and "app_token" in "".join(entry):
        entry.pop("http_config", None)
    stored = {"threadTs": "17.4", "channelId": "C9"} if kind == "slack" and flag(rng) else {}
    return Case(kind, entry, make_notification(kind, rng, now), answers(kind, rng), stored)


def make_notification(kind, rng, now):
    """One to four alerts, some of them resolved, with texts of every kind and, often, a long one in common."""
    values = ("a", "ü🙂", "<b>&", 'q"\\', "two\nlines", "critical", "x y", "=?utf-8?q?")
    long = ""
    if kind in LIMITS:
        unit = rng.choice(UNITS)
        size = rng.choice(LIMITS[kind]) + rng.randint(-1, 1)
        if flag(rng):  # in bytes
            size //= len(unit.encode()) // len(unit)
        long = (unit * (size // len(unit) + 1))[:size]
    alerts = []
    for number in range(rng.choice((1, 1, 2, 3, 4))):
        labels = {"alertname": rng.choice(("HighLoad", "Ü <&>")), "team": "ops", "n": str(number)}
        labels |= {name: rng.choice(values) for name in rng.sample(("severity", "job", "été", "zone"), 2)}
        annotations = {"summary": rng.choice(values), "empty": ""} if flag(rng) else {}
        if long and rng.random() < 0.9:
            annotations["long"] = long
        starts_at = now - rng.randint(10, 10_000_000)
        is_resolved = rng.random() < 0.4
        alerts.append(
            NotifiedAlert(
                labels=Labels(labels),
                annotations=Labels(annotations),
                status=AlertStatus.RESOLVED if is_resolved else AlertStatus.FIRING,
                starts_at=starts_at,
                ends_at=rng.randint(starts_at, now - 5) if is_resolved else None,
                generator_url=rng.choice(("", "http://prom.test/graph?g0.expr=a%3E1&x=<y>")),
            )
        )
    return Notification(
        time=now,
        receiver=rng.choice(("team", "tëam.a+b")),
        integration=kind,
        index=0,
        group_key=rng.choice(('{}:{alertname="HighLoad"}', '{}/{a="ü"}:{}')),
        group_labels=Labels(rng.choice(({}, {"team": "ops"}, {"team": "ops", "severity": "x<y"}))),
        alerts=tuple(alerts),
        reason=rng.choice(REASONS),
        route_labels=Labels(rng.choice(({}, {"owner": "sre ü"}))),
    )
