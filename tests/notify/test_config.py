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


AUTHENTICATED = "at most one of basic_auth, oauth2 & authorization must be configured"
TOKENS = "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"
CERT = "exactly one of key or key_file must be configured when a client certificate is configured"
KEY = "exactly one of cert or cert_file must be configured when a client key is configured"
GRANT = "client_id: c, token_url: 'http://t'"
JWT = f"{GRANT}, grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer'"
HEADER = "proxy_connect_header: {x: [y]}"
# what `http_config` holds → what is wrong with it; each mistake by itself
HTTP = [
    ("bearer_token: t, bearer_token_file: f", "at most one of bearer_token & bearer_token_file must be configured"),
    ("basic_auth: {}, bearer_token: t", TOKENS),
    (f"oauth2: {{{GRANT}}}, bearer_token_file: f", TOKENS),
    (f"basic_auth: {{}}, oauth2: {{{GRANT}}}", AUTHENTICATED),
    ("basic_auth: {}, authorization: {}", AUTHENTICATED),
    (f"authorization: {{}}, oauth2: {{{GRANT}}}", AUTHENTICATED),
    ("authorization: {}, bearer_token: t", "authorization is not compatible with bearer_token & bearer_token_file"),
    ("authorization: {type: ' BASIC '}", 'authorization type cannot be set to "basic", use "basic_auth" instead'),
    *(
        (
            f"authorization: {{credentials: a, {form}: b}}",
            "at most one of authorization credentials & credentials_file must be configured",
        )
        for form in ("credentials_file", "credentials_ref")
    ),
    *(
        (
            f"basic_auth: {{{name}{one}: a, {name}{other}: b}}",
            f"at most one of basic_auth {name}, {name}_file & {name}_ref must be configured",
        )
        for name in ("username", "password")
        for one, other in (("", "_file"), ("", "_ref"), ("_file", "_ref"))
    ),
    ("oauth2: {token_url: 'http://t'}", "oauth2 client_id must be configured"),
    ("oauth2: {client_id: c}", "oauth2 token_url must be configured"),
    (
        f"oauth2: {{{GRANT}, client_secret: a, client_secret_file: b}}",
        (
            "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured using"
            " grant-type=client_credentials"
        ),
    ),
    (
        f"oauth2: {{{JWT}, client_certificate_key: a, client_certificate_key_file: b}}",
        (
            "at most one of oauth2 client_certificate_key, client_certificate_key_file & client_certificate_key_ref"
            " must be configured using grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer"
        ),
    ),
    (f"oauth2: {{{JWT}, signature_algorithm: HS256}}", "valid signature algorithms are RS256, RS384 and RS512"),
    (
        f"oauth2: {{{GRANT}, no_proxy: a}}",
        "if no_proxy is configured, proxy_url must also be configured",
    ),
    (f"oauth2: {{{GRANT}, tls_config: {{cert: a}}}}", CERT),
    (HEADER, "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured"),
    (
        "proxy_from_environment: true, proxy_url: 'http://p'",
        "if proxy_from_environment is configured, proxy_url must not be configured",
    ),
    (
        "proxy_from_environment: true, no_proxy: a",
        "if proxy_from_environment is configured, no_proxy must not be configured",
    ),
    ("no_proxy: a", "if no_proxy is configured, proxy_url must also be configured"),
    ("proxy_url: '127.0.0.1:80'", 'parse "127.0.0.1:80": first path segment in URL cannot contain colon'),
    *(
        (f"tls_config: {{{name}: a, {name}_file: b{more}}}", message)
        for name, more, message in (
            ("ca", "", "at most one of ca, ca_file & ca_ref must be configured"),
            ("cert", ", key: k", "at most one of cert, cert_file & cert_ref must be configured"),
            ("key", ", cert: c", "at most one of key and key_file must be configured"),
        )
    ),
    ("tls_config: {cert_file: a}", CERT),
    ("tls_config: {key_ref: a}", KEY),
    ("tls_config: {min_version: TLS14}", "unknown TLS version: TLS14"),
    ("http_headers: {x-amz-date: {values: [a]}}", 'setting header "X-Amz-Date" is not allowed'),
    ("http_headers: {Host: {}}", 'setting header "Host" is not allowed'),
    ("tls_conf: {}", 'unknown field "tls_conf", did you mean "tls_config"?'),
    ("tls_config: {ca_fil: a}", 'unknown field "ca_fil", did you mean "ca_file"?'),
    ("follow_redirects: maybe", 'expected a boolean, got "maybe"'),
]


@pytest.mark.parametrize(("text", "message"), HTTP)
def test_http_options_that_contradict_each_other(text, message):
    """A client authenticates in one way, knows one proxy, and has both halves of a certificate."""
    with pytest.raises(ConfigError) as caught:
        decode(HttpConfig, f"{{{text}}}", "x.yml")
    assert [problem.message for problem in caught.value.problems] == [message]
    assert caught.value.problems[0].line == 1


EVERY_OPTION = """
oauth2: {client_id: c, client_secret: hush-o, token_url: 'http://hush-u@t', scopes: [a, b],
  endpoint_params: {p: hush-p}, tls_config: {insecure_skip_verify: true}, proxy_url: 'http://u:hush-q@proxy',
  claims: {c: hush-c}, iss: i, audience: a, client_certificate_key_id: k, client_certificate_key: hush-k,
  signature_algorithm: RS512}
proxy_url: http://u:hush-r@proxy:3128
no_proxy: a,b
proxy_connect_header: {X: [hush-x, hush-y]}
tls_config: {ca: CA, cert: C, key: hush-t, server_name: s, min_version: TLS12, max_version: TLS13}
follow_redirects: false
enable_http2: false
http_headers: {X-A: {values: [v], secrets: [hush-h], files: [/f]}}
"""


def test_every_http_option_is_read_and_no_secret_shows():
    """Neither in the configuration nor in what holds it."""
    config = decode(HttpConfig, EVERY_OPTION, "x")
    assert (config.oauth2.scopes, config.oauth2.endpoint_params) == (("a", "b"), {"p": "hush-p"})
    assert config.oauth2.tls_config.insecure_skip_verify
    assert (config.proxy_url, config.no_proxy) == ("http://u:hush-r@proxy:3128", "a,b")
    assert config.proxy_connect_header == {"X": ("hush-x", "hush-y")}
    assert (config.tls_config.key, config.tls_config.min_version) == ("hush-t", "TLS12")
    assert (config.follow_redirects, config.enable_http2) == (False, False)
    assert "hush" not in repr(config)
    assert "hush" not in repr(Globals(http_config=config))
    assert secret_files(complete(WebhookConfig(url="http://x", http_config=config), GLOBALS)) == ("/f",)


def test_the_defaults_of_http_options():
    """Redirects are followed, HTTP/2 is spoken, nobody is introduced."""
    config = decode(HttpConfig, "{authorization: {credentials: c}}", "x")
    assert (config.follow_redirects, config.enable_http2, config.proxy_from_environment) == (True, True, False)
    assert (config.tls_config, config.oauth2, config.basic_auth) == (None, None, None)
    assert config.headers({}) == {"Authorization": "Bearer c"}
    for text in ("{proxy_from_environment: true, proxy_connect_header: {x: [y]}}", "{proxy_url: foo}", "{proxy_url: }"):
        decode(HttpConfig, text, "x")


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
    assert parse_url("http://u:p@[::1]:9/") == "http://u:p@[::1]:9/"
    assert parse_host_port("[::1]:25") == "[::1]:25"


def test_a_whole_file_is_read():
    """Every receiver of a public example is decoded and completed."""
    receivers = load(shared("examples", "seed", "alertmanager.yaml").read_text("utf-8"))
    assert receivers["pagerduty-critical"]["pagerduty"][0].is_v1
    assert receivers["slack-critical"]["slack"][0].send_resolved
    assert receivers["default-email"]["email"][0].smarthost == "localhost:25"


def test_a_secret_of_its_own_displaces_the_global_one():
    """In whichever form either is given."""
    globals_ = decode(Globals, "{smtp_smarthost: 'm:25', smtp_from: f@x, smtp_auth_secret: s}", "x")
    config = complete(EmailConfig(to="t@x", auth_secret_file="/own"), globals_)
    assert (config.auth_secret, config.auth_secret_file) == ("", "/own")
