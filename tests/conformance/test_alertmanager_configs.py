"""Configurations, upstream's own and damaged ones: amtool accepts what is accepted here and refuses the others."""

import pathlib
import random
import re
import subprocess

import pytest

from obsflow.adapters.routes import load_alertmanager
from obsflow.alertmanager import ALERTMANAGER, ALERTMANAGER_0_25
from obsflow.errors import ConfigError
from tests.external import newest_alertmanager, tool

_CHECKED = re.compile(r"^Checking '(.*?)'(?:time=.*\n)*  (SUCCESS|FAILED: (.*))", re.MULTILINE)
VARIANTS = 300
CLASSIC = """\
global:
  resolve_timeout: 5m
  smtp_smarthost: 'localhost:25'
  smtp_from: 'am@example.org'
  smtp_require_tls: false
  slack_api_url: 'https://slack.example/x'
  opsgenie_api_key: k
  http_config:
    proxy_url: http://proxy:3128
    follow_redirects: true
    basic_auth:
      username: u
      password: p
    tls_config:
      ca_file: /c
templates:
  - '*.tmpl'
route:
  receiver: all
  group_by: [alertname, cluster]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 3h
  routes:
    - receiver: other
      match:
        team: a
      match_re:
        service: ^(foo1|foo2|baz)$
      continue: true
      mute_time_intervals: [night]
      routes:
        - matchers:
            - severity="critical"
            - 'x=~"a|b"'
          active_time_intervals:
            - holidays
          group_by: ['...']
    - matchers: [a=b, 'c!=d']
      receiver: other
      group_wait: 1s
inhibit_rules:
  - source_match:
      severity: critical
    source_match_re:
      a: b.*
    source_matchers:
      - c=d
    target_match:
      severity: warning
    target_match_re:
      b: c
    target_matchers: [e=~f]
    equal: [alertname, cluster]
mute_time_intervals:
  - name: night
    time_intervals:
      - times:
          - start_time: '00:00'
            end_time: '09:00'
        weekdays: ['monday:friday', sunday]
        location: Europe/Paris
time_intervals:
  - name: holidays
    time_intervals:
      - days_of_month: ['1:5', '-3:-1']
        months: ['january:march', '5']
        years: ['2020:2022', '2030']
receivers:
  - name: other
    webhook_configs:
      - url: http://hook.example/x
        max_alerts: 3
        send_resolved: true
        http_config:
          authorization:
            type: Bearer
            credentials: x
  - name: all
    email_configs:
      - to: a@b.c
        smarthost: 'mail:25'
        headers:
          Subject: s
        require_tls: true
    pagerduty_configs:
      - routing_key: k
        severity: s
        images:
          - src: a
            alt: b
        links:
          - href: a
            text: b
    slack_configs:
      - channel: '#x'
        fields:
          - title: t
            value: v
            short: true
        actions:
          - type: button
            text: t
            url: u
            confirm:
              text: t
        mrkdwn_in: [text]
    opsgenie_configs:
      - message: m
        responders:
          - name: n
            type: team
    victorops_configs:
      - routing_key: r
        api_key: k
        custom_fields:
          a: b
    pushover_configs:
      - user_key: u
        token: t
        retry: 1m
"""
NEWER = """\
    telegram_configs:
      - bot_token: t
        chat_id: -5
        parse_mode: HTML
    discord_configs:
      - webhook_url: http://d.example
    webex_configs:
      - room_id: r
        http_config:
          authorization:
            credentials: x
    msteams_configs:
      - webhook_url: http://t.example
    msteamsv2_configs:
      - webhook_url: http://t.example
    jira_configs:
      - api_url: https://jira.example/rest/api/2
        project: p
        issue_type: b
        labels: [a]
        reopen_duration: 1h
    incidentio_configs:
      - url: http://i.example
        alert_source_token: t
        max_alerts: 0
    rocketchat_configs:
      - token_file: /t
        token_id_file: /i
        fields:
          - title: t
            value: v
    mattermost_configs:
      - webhook_url: http://m.example
        fields:
          - title: t
            value: v
        priority:
          priority: urgent
"""
MODERN = CLASSIC.replace("route:\n  receiver: all\n", "route:\n  receiver: all\n  labels:\n    team: a\n") + NEWER
VALUES = (
    "", "null", "~", '""', "[]", "{}", "[a]", "{a: b}", "1", "0", "-1", "true", '"true"', "abc", "1.5", "0s", "5m",
    "1h30m", "http://x/y", "ftp://x", '[""]', '["..."]', "a=b", "[a=b]", '["a=~("]', "2026-01-01", "0x10", "yes", '"http://x:port"',
    '"%zz"', "99999999999999999999", "[[a]]", "http://", '"a b"', "localhost:25", '"x:"',
)  # fmt: skip
KEYED = re.compile(r"(\s*(?:- )?)(\w+)(:.*)")
ITEM = re.compile(r"(\s*(?:- )?\w+:|\s*-)(.*)")


def set_value(rng, lines, at):
    """Another value in place of what follows a key or begins an item."""
    if match := ITEM.fullmatch(lines[at]):
        lines[at] = f"{match[1]} {rng.choice(VALUES)}"


def set_key(rng, lines, at):
    """A key that is known elsewhere."""
    keys = [match[2] for line in lines if (match := KEYED.fullmatch(line))]
    if match := KEYED.fullmatch(lines[at]):
        lines[at] = match[1] + rng.choice(keys) + match[3]


def swap(rng, lines, at):
    """Two lines in each other's place."""
    other = rng.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]


def remove(_rng, lines, at):
    """A line less."""
    del lines[at]


def repeat(_rng, lines, at):
    """A line twice."""
    lines.insert(at, lines[at])


def shift(rng, lines, at):
    """A line further in."""
    lines[at] = " " * rng.choice((1, 2, 4)) + lines[at]


DAMAGES = (set_value, set_value, set_value, set_key, swap, remove, remove, repeat, shift)


def damaged(text, seed):
    """A text that was damaged in one or two places."""
    rng = random.Random(seed)
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 2))):
        rng.choice(DAMAGES)(rng, lines, rng.randrange(len(lines)))
    return "\n".join(lines) + "\n"


def check(amtool, texts, folder):
    """What amtool says of each text: nothing if it accepts it."""
    names = [folder / f"{i}.yml" for i in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        name.write_text(text, "utf-8")
    done = subprocess.run([amtool, "check-config", *names], capture_output=True, text=True, check=False)
    said = {pathlib.Path(name): message for name, _, message in _CHECKED.findall(done.stdout)}
    return [said[name] for name in names]


def differences(said, found):
    """Where one accepts what the other refuses."""
    return [(a, b) for a, b in zip(said, found, strict=True) if bool(a) != bool(b)]


def problems(text, compat):
    """What is wrong with a text, if anything."""
    try:
        load_alertmanager(text, compat=compat)
    except ConfigError as error:
        assert error.problems
        return str(error)
    return ""


def test_damaged_files_are_refused_where_the_newest_amtool_refuses_them(tmp_path):
    """And what is refused for its meaning, rather than as YAML, is mostly refused in the same words."""
    texts = [MODERN, *(damaged(MODERN, seed) for seed in range(VARIANTS))]
    said = check(newest_alertmanager("amtool"), texts, tmp_path)
    found = [problems(text, ALERTMANAGER) for text in texts]
    assert differences(said, found) == []
    assert 0.2 * VARIANTS < sum(map(bool, said)) < VARIANTS
    meant = [(a, b) for a, b in zip(said, found, strict=True) if a and not a.startswith("yaml:")]
    assert sum(a in b for a, b in meant) >= 0.8 * len(meant), [(a, b) for a, b in meant if a not in b]


def test_damaged_files_are_refused_where_the_installed_amtool_refuses_them(tmp_path):
    """The one before UTF-8 names."""
    texts = [CLASSIC, *(damaged(CLASSIC, -1 - seed) for seed in range(VARIANTS))]
    said = check(tool("amtool"), texts, tmp_path)
    found = [problems(text, ALERTMANAGER_0_25) for text in texts]
    assert differences(said, found) == []


def test_upstream_files(tmp_path):
    """Each of Alertmanager's own configurations is accepted, or refused in its words."""
    command = ["go", "env", "GOMODCACHE"]
    try:
        cache = pathlib.Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    except (OSError, subprocess.CalledProcessError):
        cache = pathlib.Path.home() / "go" / "pkg" / "mod"
    names = sorted((cache / "github.com" / "prometheus").glob("alertmanager@*/config/testdata/conf.*.yml"))
    if not names:
        pytest.skip(f"the sources of Alertmanager are not here: {cache}")
    texts = [name.read_text("utf-8") for name in names]
    for name, text, said in zip(names, texts, check(newest_alertmanager("amtool"), texts, tmp_path), strict=True):
        found = problems(text, ALERTMANAGER)
        assert bool(said) == bool(found), (name, said, found)
        assert said.startswith("yaml:") or said in found, (name, said, found)
