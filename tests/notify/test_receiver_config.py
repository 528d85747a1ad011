"""The configuration of every kind of receiver: what is refused, what a file gives, and that secrets stay secret."""

import pytest
from tests.notify.files import load
from tests.notify.samples import notification

from obsflow.adapters.routes import load_alertmanager
from obsflow.errors import ConfigError, NotFoundError, ObsflowError
from obsflow.notify import (
    KINDS,
    DiscordConfig,
    Globals,
    HttpConfig,
    IncidentioConfig,
    JiraConfig,
    MattermostConfig,
    MsteamsConfig,
    MsteamsV2Config,
    OpsgenieConfig,
    PushoverConfig,
    Renderer,
    RocketchatConfig,
    SnsConfig,
    TelegramConfig,
    VictoropsConfig,
    WebexConfig,
    WechatConfig,
    complete,
    secret_files,
)
from obsflow.notify.config import Authorization
from obsflow.notify.mattermost import MattermostField
from obsflow.notify.opsgenie import OpsgenieResponder

BEARER = HttpConfig(authorization=Authorization(credentials="x"))
NO_URLS = Globals(opsgenie_api_url="", victorops_api_url="", wechat_api_url="", opsgenie_api_key="k")
RESPONDERS = "opsGenieConfig responder"
TYPES = "type does not match valid options ^(team|teams|user|escalation|schedule)$"
TARGETS = "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (OpsgenieConfig(), "no global OpsGenie API Key set either inline or in a file"),
        (OpsgenieConfig(api_key="k", api_key_file="f"), "at most one of api_key & api_key_file must be configured"),
        (
            OpsgenieConfig(api_key="k", responders=(OpsgenieResponder(type="team"),)),
            f"{RESPONDERS} {{   team}} has to have at least one of id, username or name specified",
        ),
        (
            OpsgenieConfig(api_key="k", responders=(OpsgenieResponder(name="{{ .Status }}", type="Squad"),)),
            f"{RESPONDERS} {{ {{{{ .Status }}}}  squad}} {TYPES}",
        ),
        (WechatConfig(corp_id="c"), "no global Wechat Api Secret set either inline or in a file"),
        (WechatConfig(api_secret="s"), "no global Wechat CorpID set"),
        (
            WechatConfig(api_secret="s", api_secret_file="f", corp_id="c"),
            "at most one of api_secret & api_secret_file must be configured",
        ),
        (
            WechatConfig(api_secret="s", corp_id="c", message_type="html"),
            'weChat message type "html" does not match valid options ^(text|markdown)$',
        ),
        (VictoropsConfig(api_key="k"), "missing Routing key in VictorOps config"),
        (VictoropsConfig(routing_key="r"), "no global VictorOps API Key set"),
        (
            VictoropsConfig(routing_key="r", api_key="k", custom_fields={"entity_state": "x"}),
            (
                "victorOps config contains custom field entity_state which cannot be used as it conflicts with the"
                " fixed/static fields"
            ),
        ),
        (PushoverConfig(token="t"), "one of user_key or user_key_file must be configured"),
        (PushoverConfig(user_key="u"), "one of token or token_file must be configured"),
        (
            PushoverConfig(user_key="u", token="t", token_file="f"),
            "at most one of token & token_file must be configured",
        ),
        (
            PushoverConfig(user_key="u", token="t", html=True, monospace=True),
            "at most one of monospace & html must be configured",
        ),
        (SnsConfig(), TARGETS),
        (SnsConfig(topic_arn="t", phone_number="p"), TARGETS),
        (TelegramConfig(bot_token="t"), "missing chat_id or chat_id_file on telegram_config"),
        (
            TelegramConfig(bot_token="t", chat_id=1, chat_id_file="f"),
            "at most one of chat_id & chat_id_file must be configured",
        ),
        (TelegramConfig(chat_id=1), "missing bot_token or bot_token_file on telegram_config"),
        (
            TelegramConfig(bot_token="t", chat_id=1, parse_mode="html"),
            "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string",
        ),
        *(
            (kind(**members), message)
            for kind in (DiscordConfig, MsteamsConfig, MsteamsV2Config)
            for members, message in (
                ({}, "one of webhook_url or webhook_url_file must be configured"),
                (
                    {"webhook_url": "http://x", "webhook_url_file": "f"},
                    "at most one of webhook_url & webhook_url_file must be configured",
                ),
            )
        ),
        (WebexConfig(http_config=BEARER), "missing room_id on webex_config"),
        (WebexConfig(room_id="r"), "missing webex_configs.http_config.authorization"),
        (WebexConfig(room_id="r", http_config=HttpConfig()), "missing webex_configs.http_config.authorization"),
        (JiraConfig(issue_type="i", api_url="http://j"), "missing project in jira_config"),
        (JiraConfig(project="p", api_url="http://j"), "missing issue_type in jira_config"),
        (JiraConfig(project="p", issue_type="i"), "no global Jira Cloud URL set"),
        (
            JiraConfig(project="p", issue_type="i", api_url="http://j", api_type="server"),
            "unknown api_type on jira_config, must be auto, cloud or datacenter",
        ),
        (IncidentioConfig(alert_source_token="t"), "one of url or url_file must be configured"),
        (
            IncidentioConfig(url="http://x", alert_source_token="t", alert_source_token_file="f"),
            "at most one of alert_source_token & alert_source_token_file must be configured",
        ),
        (
            IncidentioConfig(url="http://x", alert_source_token="t", http_config=BEARER),
            "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization",
        ),
        (
            IncidentioConfig(url="http://x", http_config=HttpConfig()),
            (
                "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be"
                " configured"
            ),
        ),
        (RocketchatConfig(token="t"), "no global Rocketchat TokenID set either inline or in a file"),
        (RocketchatConfig(token_id="t"), "no global Rocketchat Token set either inline or in a file"),
        (
            RocketchatConfig(token="t", token_id="i", token_id_file="f"),
            "at most one of token_id & token_id_file must be configured",
        ),
        (MattermostConfig(), "missing webhook_url or webhook_url_file on mattermost_config"),
        (
            MattermostConfig(webhook_url="http://x", fields=(MattermostField(title="t"),)),
            "missing value in Mattermost field configuration",
        ),
    ],
)
def test_what_is_missing_or_contradicts_itself(config, message):
    """An entry that cannot be sent with is refused in Alertmanager's words."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        complete(config, Globals())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (OpsgenieConfig(), "no global OpsGenie URL set"),
        (VictoropsConfig(routing_key="r", api_key="k"), "no global VictorOps URL set"),
        (WechatConfig(api_secret="s", corp_id="c"), "no global Wechat URL set"),
    ],
)
def test_an_address_is_needed(config, message):
    """Where `global` was emptied of its own."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        complete(config, NO_URLS)


ALL = """
global: {opsgenie_api_key: hush-o, wechat_api_secret: hush-w, wechat_api_corp_id: c, victorops_api_key: hush-v,
  telegram_bot_token: hush-t, rocketchat_token: hush-r, rocketchat_token_id: hush-i,
  mattermost_webhook_url: 'http://mm/hush', jira_api_url: 'http://jira/rest/api/2'}
route: {receiver: all}
receivers:
- name: all
  opsgenie_configs: [{update_alerts: true, responders: [{name: a, type: team}], details: {a: b}}]
  wechat_configs: [{message_type: markdown}]
  victorops_configs: [{routing_key: r, custom_fields: {a: b}}]
  pushover_configs: [{user_key: hush-u, token: hush-p, retry: 1m30s, expire: 1h, ttl: 1.5h}]
  sns_configs: [{topic_arn: t, sigv4: {region: x, access_key: hush-a, secret_key: hush-s}, attributes: {a: b}}]
  telegram_configs: [{chat_id: -5}]
  discord_configs: [{webhook_url: 'http://d/hush'}]
  webex_configs: [{room_id: r, http_config: {authorization: {credentials: hush-x}}}]
  msteams_configs: [{webhook_url: 'http://t/hush', summary: s}]
  msteamsv2_configs: [{webhook_url: 'http://t/hush2'}]
  jira_configs: [{project: P, issue_type: Bug, summary: s, description: {template: d, enable_update: false},
    reopen_duration: 1h, fields: {a: {b: [1]}}}]
  incidentio_configs: [{url: 'http://io', alert_source_token: hush-io, timeout: 5s}]
  rocketchat_configs: [{fields: [{title: t, value: v, short: true}], actions: [{text: t, msginchatwindow: true}]}]
  mattermost_configs: [{fields: [{title: t, value: v}], priority: {priority: urgent, requested_ack: true}}]
"""


def test_a_file_with_everything():
    """Loads, in the order in which integrations run, and each of them renders without a secret in sight."""
    receiver = load_alertmanager(ALL).receivers["all"]
    kinds = [kind.name for kind in KINDS if kind.name not in ("webhook", "email", "pagerduty", "slack")]
    assert [each.kind for each in receiver.integrations] == kinds
    renderer = Renderer(external_url="http://am")
    for integration in receiver.integrations:
        step = renderer.begin(notification(), integration.config)
        assert "hush" not in repr(integration.config), integration.kind
        assert "hush" not in repr(step), integration.kind


def test_what_a_file_says_is_decoded():
    """Durations are in ms, and numbers are numbers."""
    configs = load(ALL)["all"]
    pushover = configs["pushover"][0]
    assert (pushover.retry, pushover.expire, pushover.ttl) == (90_000, 3_600_000, 5_400_000)
    assert (configs["telegram"][0].chat_id, configs["incidentio"][0].timeout) == (-5, 5000)
    assert configs["jira"][0].reopen_duration == 3_600_000
    assert configs["jira"][0].description.template == "d"
    assert configs["rocketchat"][0].fields[0].short is True


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_unknown_keys_are_refused(kind):
    """With the place in the file."""
    with pytest.raises(ConfigError) as caught:
        load(f"receivers: [{{name: x, {kind.key}: [{{sent_resolved: true}}]}}]")
    assert f'{kind.key}[0].sent_resolved: unknown field "sent_resolved", did you mean "send_resolved"?' in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("pushover_configs: [{user_key: u, token: t, retry: 1d}]", 'retry: time: unknown unit "d" in duration "1d"'),
        ("telegram_configs: [{chat_id: me}]", "chat_id: "),
        ("discord_configs: [{webhook_url: 'ftp://x'}]", 'webhook_url: unsupported scheme "ftp" for URL'),
        ("sns_configs: [{topic_arn: t, sigv4: {access_key: a}}]", "sigv4: must provide a AWS SigV4 Access key"),
    ],
)
def test_what_a_file_cannot_say(entry, problem):
    """With the place in the file, and without the secret."""
    with pytest.raises(ConfigError) as caught:
        load(f"receivers: [{{name: x, {entry}}}]")
    assert problem in str(caught.value)


FILES = [
    (OpsgenieConfig(api_key_file="/f"), Globals()),
    (WechatConfig(corp_id="c"), Globals(wechat_api_secret_file="/f")),
    (VictoropsConfig(routing_key="r"), Globals(victorops_api_key_file="/f")),
    (PushoverConfig(user_key="u", token_file="/f"), Globals()),
    (TelegramConfig(bot_token="t", chat_id_file="/f"), Globals()),
    (TelegramConfig(bot_token_file="/f", chat_id=1), Globals()),
    (DiscordConfig(webhook_url_file="/f"), Globals()),
    (MsteamsConfig(webhook_url_file="/f"), Globals()),
    (MsteamsV2Config(webhook_url_file="/f"), Globals()),
    (IncidentioConfig(url="http://x", alert_source_token_file="/f"), Globals()),
    (RocketchatConfig(token="t"), Globals(rocketchat_token_id_file="/f")),
    (MattermostConfig(), Globals(mattermost_webhook_url_file="/f")),
]


@pytest.mark.parametrize(("config", "globals_"), FILES, ids=lambda each: type(each).__name__)
def test_secret_files_are_known_and_needed(config, globals_):
    """Their paths are told, and without their contents nothing is rendered."""
    completed = complete(config, globals_)
    assert secret_files(completed) == ("/f",)
    with pytest.raises(NotFoundError, match=r'^the content of "/f" was not supplied$'):
        Renderer(external_url="http://am").render(notification(), completed)
    assert issubclass(NotFoundError, ObsflowError)
