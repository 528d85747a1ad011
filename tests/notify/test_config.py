"""The configuration of integrations: what is decoded, filled in from `global`, and refused."""

import pytest
from tests.external import shared
from tests.notify.files import load
from tests.notify.samples import GLOBALS

from obsflow.alertmanager.config import KNOWN_INTEGRATIONS
from obsflow.errors import ConfigError
from obsflow.notify import (
    KINDS,
    EmailConfig,
    Globals,
    PagerdutyConfig,
    Secret,
    SlackConfig,
    WebhookConfig,
    complete,
    secret_files,
)
from obsflow.notify.config import Authorization, BasicAuth, HttpConfig, HttpHeader, parse_host_port, parse_url
from obsflow.notify.email import ThreadingConfig
from obsflow.notify.slack import SlackAction, SlackConfirmation, SlackField
from obsflow.schema import decode

EMPTY = Globals(pagerduty_url="")
SEND_URL = "https://slack.com/api/chat.postMessage"


def test_kinds_stand_in_the_order_in_which_they_are_built():
    """And each reads the list that is named for it."""
    assert [(kind.name, kind.key) for kind in KINDS] == [(name, f"{name}_configs") for name in KNOWN_INTEGRATIONS]


def test_who_is_told_of_resolved_alerts():
    """All but these four, unless their entry says otherwise."""
    silent = {kind.name for kind in KINDS if not kind.config().send_resolved}
    assert silent == {"email", "slack", "wechat", "rocketchat"}


def test_the_defaults_of_global():
    """What Alertmanager assumes where the section says nothing."""
    globals_ = decode(Globals, "{}", "x")
    assert (globals_.resolve_timeout, globals_.smtp_hello, globals_.smtp_require_tls) == (300_000, "localhost", True)
    assert globals_.pagerduty_url == "https://events.pagerduty.com/v2/enqueue"
    assert globals_.http_config == HttpConfig()


def test_secrets_do_not_show():
    """Neither alone nor inside of a configuration; in a request they stand."""
    globals_ = decode(Globals, "{slack_api_url: 'http://x/hush', smtp_auth_password: hush}", "x")
    assert "hush" not in repr(globals_)
    assert repr(Secret("hush")) == "'<secret>'"
    assert globals_.slack_api_url == "http://x/hush"


def test_an_email_takes_what_global_has():
    """Its own values come first."""
    globals_ = decode(
        Globals,
        "{smtp_smarthost: 'm:25', smtp_from: f@x, smtp_hello: h, smtp_auth_username: u, smtp_auth_password: p,"
        " smtp_auth_secret: s, smtp_auth_identity: i, smtp_require_tls: false, smtp_force_implicit_tls: true}",
        "x",
    )
    config = complete(EmailConfig(to="t@x", hello="own", headers={"subject": "S"}), globals_)
    assert (config.smarthost, config.from_, config.hello, config.auth_username) == ("m:25", "f@x", "own", "u")
    assert (config.auth_password, config.auth_secret, config.auth_identity) == ("p", "s", "i")
    assert (config.require_tls, config.force_implicit_tls) == (False, True)
    assert config.headers == {"Subject": "S", "To": "t@x", "From": "f@x"}
    assert complete(EmailConfig(to="t@x", auth_password_file="/f"), globals_).auth_password == ""


def test_a_pagerduty_source_is_the_client():
    """Unless it is given; the severity is error unless it is given."""
    config = complete(PagerdutyConfig(routing_key="r", client="C", severity=""), GLOBALS)
    assert (config.source, config.severity, config.url) == ("C", "error", "http://pd/v2")


@pytest.mark.parametrize(
    ("config", "globals_", "message"),
    [
        (WebhookConfig(), GLOBALS, "one of url or url_file must be configured"),
        (WebhookConfig(url="http://x", url_file="f"), GLOBALS, "at most one of url & url_file must be configured"),
        (PagerdutyConfig(), GLOBALS, "missing service or routing key in PagerDuty config"),
        (PagerdutyConfig(routing_key="r"), EMPTY, "no global PagerDuty URL set"),
        (
            PagerdutyConfig(service_key="s", service_key_file="f"),
            GLOBALS,
            "at most one of service_key & service_key_file must be configured",
        ),
        (
            PagerdutyConfig(routing_key="s", routing_key_file="f"),
            GLOBALS,
            "at most one of routing_key & routing_key_file must be configured",
        ),
        (SlackConfig(), EMPTY, "no Slack API URL nor App token set either inline or in a file"),
        (
            SlackConfig(api_url="http://x", api_url_file="f"),
            GLOBALS,
            "at most one of api_url & api_url_file must be configured",
        ),
        (
            SlackConfig(api_url="http://x", app_token="t"),
            GLOBALS,
            "at most one of api_url/api_url_file & app_token/app_token_file must be configured",
        ),
        (
            SlackConfig(app_token="t", http_config=HttpConfig(authorization=Authorization())),
            GLOBALS,
            "http authorization can't be set when using Slack App tokens",
        ),
        (
            SlackConfig(update_message=True),
            GLOBALS,
            f"update_message can only be used with bot tokens. api_url must be set to {SEND_URL}",
        ),
        (SlackConfig(fields=(SlackField(value="v"),)), GLOBALS, "missing title in Slack field configuration"),
        (SlackConfig(fields=(SlackField(title="v"),)), GLOBALS, "missing value in Slack field configuration"),
        (
            SlackConfig(actions=(SlackAction(type="b", text="t"),)),
            GLOBALS,
            "missing name or url in Slack action configuration",
        ),
        (
            SlackConfig(actions=(SlackAction(type="b", text="t", name="n", confirm=SlackConfirmation()),)),
            GLOBALS,
            "missing text in Slack confirmation configuration",
        ),
        (EmailConfig(), GLOBALS, "missing to address in email config"),
        (EmailConfig(to="t"), Globals(smtp_from="f"), "no global SMTP smarthost set"),
        (EmailConfig(to="t"), Globals(smtp_smarthost="m:25"), "no global SMTP from set"),
        (
            EmailConfig(to="t", headers={"subject": "", "SUBJECT": ""}),
            GLOBALS,
            'duplicate header "Subject" in email config',
        ),
        (
            EmailConfig(to="t", threading=ThreadingConfig(enabled=True, thread_by_date="weekly")),
            GLOBALS,
            "threading.thread_by_date must be either 'none' or 'daily'",
        ),
        (
            EmailConfig(
                to="t", headers={"references": "x"}, threading=ThreadingConfig(enabled=True, thread_by_date="none")
            ),
            GLOBALS,
            "conflicting configuration: threading.enabled conflicts with custom References header",
        ),
    ],
)
def test_what_is_missing_or_contradicts_itself(config, globals_, message):
    """An entry that cannot be sent with is refused in Alertmanager's words."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        complete(config, globals_)
    assert str(caught.value) == message


def test_all_mistakes_of_an_entry_are_told():
    """What is missing, and every template that does not parse, by its key."""
    config = SlackConfig(title="{{ .Status", fields=(SlackField(title="t", value="{{ nonsense }}"),))
    with pytest.raises(ValueError, match="no Slack API URL") as caught:
        complete(config, EMPTY)
    assert "; title: " in str(caught.value)
    assert '; fields[0].value: 1:4: function "nonsense" not defined' in str(caught.value)


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (WebhookConfig(url="{{"), "url"),
        (WebhookConfig(url="http://x", payload={"a": [{"b": "{{ end }}"}]}), "payload.a[0].b"),
        (PagerdutyConfig(routing_key="k", details={"d": "{{ if }}"}), "details.d"),
        (PagerdutyConfig(routing_key="k", class_="{{ if }}"), "class"),
        (EmailConfig(to="t", headers={"x": "{{ nonsense }}"}), "headers.x"),
        (EmailConfig(to="t", html="{{ range . }}"), "html"),
    ],
)
def test_templates_are_parsed_when_they_are_loaded(config, key):
    """One that does not parse is a mistake of the configuration, not of the first notification."""
    with pytest.raises(ValueError, match="^" + key.replace("[", r"\[") + ": "):
        complete(config, GLOBALS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("slack_api_url: ftp://x", 'slack_api_url: unsupported scheme "ftp" for URL'),
        ("pagerduty_url: 'http:///x'", "pagerduty_url: missing host for URL"),
        ("smtp_smarthost: localhost", "smtp_smarthost: address localhost: missing port in address"),
        ("smtp_smarthost: 'localhost:'", 'smtp_smarthost: address "localhost:": port cannot be empty'),
        ("smtp_smarthost: 'a:b:1'", "smtp_smarthost: address a:b:1: too many colons in address"),
        ("resolve_timeout: '10'", 'resolve_timeout: not a valid duration string: "10"'),
        ("{smtp_auth_secret: s, smtp_auth_secret_file: f}", "at most one of smtp_auth_secret & smtp_auth_secret_file"),
        ("{slack_api_url: 'http://x', slack_app_token: t}", "at most one of slack_app_token/slack_app_token_file & "),
        ("smtp_fron: x", 'smtp_fron: unknown field "smtp_fron", did you mean "smtp_from"?'),
        ("http_config: {basic_auth: {}, bearer_token: t}", "at most one of basic_auth, oauth2, bearer_token & "),
    ],
)
def test_what_global_refuses(text, problem):
    """With the place in the file."""
    with pytest.raises(ConfigError) as caught:
        decode(Globals, text, "x.yml")
    assert problem in str(caught.value)
    assert str(caught.value).startswith("x.yml:1:")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"bearer_token": "t", "bearer_token_file": "f"}, "at most one of bearer_token & bearer_token_file must be"),
        ({"authorization": Authorization(), "bearer_token": "t"}, "authorization is not compatible with bearer_token"),
        ({"authorization": Authorization(type="Basic")}, 'authorization type cannot be set to "basic"'),
        ({"authorization": Authorization(), "oauth2": {}}, "at most one of basic_auth, oauth2 & authorization must"),
        ({"basic_auth": BasicAuth(password="p", password_file="f")}, "at most one of basic_auth password & "),
        ({"authorization": Authorization(credentials="p", credentials_file="f")}, "at most one of authorization cred"),
    ],
)
def test_http_options_that_contradict_each_other(members, message):
    """A client can authenticate in one way only."""
    with pytest.raises(ValueError, match=f"^{message}"):
        HttpConfig(**members)


def test_the_files_that_are_needed_are_known():
    """Of the entry itself, and of its HTTP options; those that `global` supplies as well."""
    http_config = HttpConfig(
        basic_auth=BasicAuth(username_file="/u", password_file="/p"), http_headers={"X": HttpHeader(files=("/x", "/u"))}
    )
    assert secret_files(complete(WebhookConfig(url_file="/w", http_config=http_config), GLOBALS)) == (
        "/p", "/u", "/w", "/x"
    )  # fmt: skip
    globals_ = Globals(slack_api_url_file="/s", http_config=HttpConfig(bearer_token_file="/b"))
    assert secret_files(complete(SlackConfig(), globals_)) == ("/b", "/s")


def test_addresses_are_kept_but_for_what_may_not_stand_in_them():
    """A path is percent-encoded where it must be."""
    assert parse_url("HTTPS://h:1/a%20b/ü c?q=a b#f") == "https://h:1/a%20b/%C3%BC%20c?q=a b#f"
    assert parse_host_port("[::1]:25") == "[::1]:25"


def test_a_whole_file_is_read():
    """Every receiver of a public example is decoded and completed."""
    receivers = load(shared("examples", "seed", "alertmanager.yaml").read_text("utf-8"))
    assert receivers["pagerduty-critical"]["pagerduty"][0].is_v1
    assert receivers["slack-critical"]["slack"][0].send_resolved
    assert receivers["default-email"]["email"][0].smarthost == "localhost:25"
