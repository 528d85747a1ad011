"""Secrets show nowhere: not in a repr, an error, a reason or a line of a log, wherever they stand."""

import logging

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notify.files import load
from tests.notify.samples import notification

from obsflow.errors import ObsflowError
from obsflow.notify import KINDS, FailureClass, Outcome, PagerdutyConfig, Renderer, Request, Secret, Step, secret_files
from obsflow.notify.config import MASK
from obsflow.notify.outcome import interpret_answer
from obsflow.notify.secrecy import guard, secrets_of

MARK = "hunter2-hunter2"
URL = f"http://receiver.test/{MARK}"
FILE = "/run/secret"
PLAIN = """
  slack_api_url: http://s.test/x
  smtp_smarthost: m.test:25
  smtp_from: me@x.test
  opsgenie_api_key: none
  wechat_api_secret: none
  wechat_api_corp_id: none
  victorops_api_key: none
  telegram_bot_token: none
  jira_api_url: http://jira.test/rest/api/2
  rocketchat_token: none
  rocketchat_token_id: none
  mattermost_webhook_url: http://mm.test/x
"""
HTTP = {
    "basic_auth": f"{{username: u, password: {MARK}}}",
    "basic_auth, from a file": f"{{username: u, password_file: {FILE}}}",
    "authorization": f"{{credentials: {MARK}}}",
    "authorization, from a file": f"{{credentials_file: {FILE}}}",
    "bearer_token": MARK,
    "bearer_token_file": FILE,
    "http_headers": f"{{X-Key: {{secrets: [{MARK}]}}}}",
    "http_headers, from a file": f"{{X-Key: {{files: [{FILE}]}}}}",
    "oauth2": f"{{client_id: c, client_secret: {MARK}, token_url: 'http://t.test'}}",
    "proxy_url": f"http://u:{MARK}@proxy.test",
    "tls_config": f"{{cert: c, key: {MARK}}}",
}
ENTRIES = [
    ("webhook", f"url: {URL}"),
    ("webhook", f"url: '{URL}/{{{{ .Status }}}}'"),
    ("webhook", f"url_file: {FILE}"),
    ("email", f"{{to: a@x.test, auth_username: u, auth_password: {MARK}}}"),
    ("email", f"{{to: a@x.test, auth_password_file: {FILE}}}"),
    ("email", f"{{to: a@x.test, auth_secret: {MARK}, tls_config: {{cert: c, key: {MARK}}}}}"),
    ("email", f"{{to: a@x.test, auth_secret_file: {FILE}}}"),
    ("pagerduty", f"routing_key: {MARK}"),
    ("pagerduty", f"routing_key_file: {FILE}"),
    ("pagerduty", f"service_key: {MARK}"),
    ("pagerduty", f"service_key_file: {FILE}"),
    ("opsgenie", f"api_key: {MARK}"),
    ("opsgenie", f"{{api_key_file: {FILE}, update_alerts: true}}"),
    ("wechat", f"api_secret: {MARK}"),
    ("wechat", f"api_secret_file: {FILE}"),
    ("slack", f"api_url: {URL}"),
    ("slack", f"api_url_file: {FILE}"),
    ("slack", f"{{app_token: {MARK}, update_message: true}}"),
    ("slack", f"app_token_file: {FILE}"),
    ("victorops", f"{{api_key: {MARK}, routing_key: r}}"),
    ("victorops", f"{{api_key_file: {FILE}, routing_key: r}}"),
    ("pushover", f"{{user_key: {MARK}, token: {MARK}}}"),
    ("pushover", f"{{user_key_file: {FILE}, token_file: {FILE}}}"),
    ("sns", f"{{topic_arn: a, sigv4: {{region: r, access_key: k, secret_key: {MARK}}}}}"),
    ("telegram", f"{{bot_token: {MARK}, chat_id: 1}}"),
    ("telegram", f"{{bot_token_file: {FILE}, chat_id: 1}}"),
    ("telegram", f"{{chat_id_file: {FILE}}}"),
    ("discord", f"webhook_url: {URL}"),
    ("discord", f"webhook_url_file: {FILE}"),
    ("webex", f"{{room_id: r, http_config: {{authorization: {{credentials: {MARK}}}}}}}"),
    ("msteams", f"webhook_url: {URL}"),
    ("msteams", f"webhook_url_file: {FILE}"),
    ("msteamsv2", f"webhook_url: {URL}"),
    ("msteamsv2", f"webhook_url_file: {FILE}"),
    ("jira", f"{{project: p, issue_type: t, http_config: {{basic_auth: {{username: u, password: {MARK}}}}}}}"),
    ("incidentio", f"{{url: 'http://i.test', alert_source_token: {MARK}}}"),
    ("incidentio", f"{{url: 'http://i.test', alert_source_token_file: {FILE}}}"),
    ("incidentio", f"{{url_file: {FILE}, alert_source_token: {MARK}}}"),
    ("rocketchat", f"{{token: {MARK}, token_id: {MARK}}}"),
    ("rocketchat", f"{{token_file: {FILE}, token_id_file: {FILE}}}"),
    ("mattermost", f"webhook_url: {URL}"),
    ("mattermost", f"webhook_url_file: {FILE}"),
    *(
        ("webhook", f"{{url: 'http://h.test', http_config: {{{key.partition(',')[0]}: {value}}}}}")
        for key, value in HTTP.items()
    ),
]


def text_of(kind, entry):
    """A configuration file with one entry."""
    body = entry if entry.startswith("{") else f"{{{entry.replace(': ', ': ', 1)}}}"
    return f"global:{PLAIN}receivers:\n- name: team\n  {kind}_configs:\n  - {body}\n"


def lines(things):
    """How things look when they are shown, formatted or logged."""
    records = [logging.LogRecord("x", logging.INFO, "f", 1, "%s %r", (thing, thing), None) for thing in things]
    return "\n".join([*map(repr, things), *map(str, things), *(record.getMessage() for record in records)])


def every_step(step, answers):
    """The steps and outcomes of a delivery that is answered like this."""
    following = step
    while isinstance(following, Step):
        yield following
        yield following.request
        following = following.read(*(next(answers, None) or following.usual))
    yield following


def test_the_entries_name_every_secret():
    """No kind has a secret, inline or in a file, that is not tried here."""
    for kind in KINDS:
        tried = " ".join(entry for name, entry in ENTRIES if name == kind.name)
        for field in attrs.fields(kind.config):
            if field.type is Secret or isinstance(field.default, Secret) or field.name.endswith("_file"):
                assert f"{field.name}:" in tried, (kind.name, field.name)


@pytest.mark.parametrize(("kind", "entry"), ENTRIES)
def test_what_is_shown_of_a_delivery(kind, entry):
    """The configuration, each step and request, the outcome, and what a receiver says back of it."""
    config = load(text_of(kind, entry))["team"][kind][0]
    content = "1234567" if "chat_id_file" in entry else URL if "url_file" in entry else MARK
    files = dict.fromkeys(secret_files(config), f" {content}\n")
    mark = content if "chat_id_file" in entry else MARK
    secrets = secrets_of(config, files)
    renderer = Renderer(external_url="http://am.test", files=files)
    refused = (400, f"invalid {MARK}: {content}")
    for answers in ((), (refused,), ((200, '{"access_token":"t"}'), refused), (None, refused), (None, None, refused)):
        shown = [config, renderer, *every_step(renderer.begin(notification(), config), iter(answers))]
        assert isinstance(shown[-1], Outcome)
        if mark in "".join(secrets):
            assert mark not in lines(shown)
    assert any(mark in secret for secret in secrets) or "auth" in entry or "oauth2" in entry or "proxy" in entry


DAMAGED = ("[MARK]", "{a: MARK}", "'MARK://%zz'", "'http://h/MARK \\x7f%zz'", '"http://h:MARK/"', "'{{ MARK'")


@pytest.mark.parametrize("value", DAMAGED)
def test_what_is_said_of_a_mistake(value):
    """Where a secret of any kind stands that is none, the errors do not repeat it."""
    for kind in KINDS:
        for field in attrs.fields(kind.config):
            if field.type is not Secret:
                continue
            text = text_of(kind.name, f"{{{field.name}: {value.replace('MARK', MARK)}}}")
            try:
                loaded = load(text)
            except ValueError as error:
                assert MARK not in lines([error, *getattr(error, "problems", ())]), (kind.name, field.name)
            else:
                assert MARK not in repr(loaded), (kind.name, field.name)


@pytest.mark.parametrize(("kind", "entry"), ENTRIES)
def test_what_is_said_of_a_template_that_fails(kind, entry):
    """Neither the text around the failing action nor what is in the file."""
    config = load(text_of(kind, entry))["team"][kind][0]
    files = dict.fromkeys(secret_files(config), f"{MARK} {{{{ .Nope }}}}")
    with_template = {
        field.name: Secret(f"{MARK} {{{{ .Nope }}}}")
        for field in attrs.fields(type(config))
        if isinstance(getattr(config, field.name), Secret) and getattr(config, field.name)
    }
    renderer = Renderer(external_url="http://am.test", files=files)
    try:
        shown = [*every_step(renderer.begin(notification(), attrs.evolve(config, **with_template)), iter(()))]
    except ObsflowError as error:
        shown = [error]
    assert MARK not in lines(shown)


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
@settings(deadline=None)
def test_a_reason_never_repeats_a_secret(secret, before, after):
    """Whatever the secret is, and whatever the receiver says around it."""
    config = PagerdutyConfig(routing_key=secret)
    step = Step(Request("POST", "http://x.test", {}, ""), lambda answer: interpret_answer("webhook", answer))
    guarded = guard(step, config, {})
    outcome = guarded.read(400, before + secret + after)
    assert outcome.failure is FailureClass.CLIENT_ERROR
    for each in secrets_of(config, {}):
        assert each not in outcome.reason or each in f"unexpected status code 400: {before}{after} {MASK}"
