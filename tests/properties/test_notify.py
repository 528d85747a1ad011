"""Properties of requests: they say what the notification says, and they are the same every time."""

import base64
import email
import email.header
import email.policy
import json
import quopri

from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.errors import ObsflowError
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from obsflow.notify import (
    KINDS,
    DiscordConfig,
    EmailConfig,
    Globals,
    HttpConfig,
    IncidentioConfig,
    JiraConfig,
    MattermostConfig,
    MsteamsConfig,
    MsteamsV2Config,
    OpsgenieConfig,
    Outcome,
    PagerdutyConfig,
    PushoverConfig,
    Renderer,
    RocketchatConfig,
    SlackConfig,
    SnsConfig,
    TelegramConfig,
    VictoropsConfig,
    WebexConfig,
    WebhookConfig,
    WechatConfig,
    complete,
)
from obsflow.notify.config import Authorization, Secret
from obsflow.notify.mime import encode_header, encode_quoted_printable
from obsflow.notify.sigv4 import SigV4Config

GLOBALS = Globals(slack_api_url=Secret("http://s"), smtp_smarthost="m:25", smtp_from="f@x")
CONFIGS = [
    complete(config, GLOBALS)
    for config in (
        WebhookConfig(url=Secret("http://w")),
        SlackConfig(text='{{ range .Alerts }}{{ .Annotations.summary }}{{ .StartsAt.Format "15:04" }}{{ end }}'),
        PagerdutyConfig(routing_key=Secret("r")),
        EmailConfig(to="t@x", text="{{ .CommonAnnotations.summary }}"),
        OpsgenieConfig(api_key="k", update_alerts=True),
        WechatConfig(api_secret="s", corp_id="c"),
        VictoropsConfig(api_key="k", routing_key="{{ .CommonLabels.a }}"),
        PushoverConfig(user_key="u", token="t", html=True),
        SnsConfig(topic_arn="t", sigv4=SigV4Config(region="x", access_key="a", secret_key="s")),
        TelegramConfig(bot_token="t", chat_id=1),
        DiscordConfig(webhook_url="http://d"),
        WebexConfig(room_id="r", http_config=HttpConfig(authorization=Authorization(credentials="b"))),
        MsteamsConfig(webhook_url="http://t"),
        MsteamsV2Config(webhook_url="http://t"),
        JiraConfig(api_url="http://j", project="{{ .CommonLabels.job }}", issue_type="i", resolve_transition="t"),
        IncidentioConfig(url="http://i", alert_source_token="t"),
        RocketchatConfig(token="t", token_id="i"),
        MattermostConfig(webhook_url="http://m"),
    )
]
RENDERERS = [Renderer(external_url="http://am", version=version) for version in ("0.25.0", "")]

texts = st.text(max_size=80)
labels = st.dictionaries(st.sampled_from(["alertname", "a", "b", "job"]), texts, max_size=4).map(Labels)
times = st.integers(0, 4_000_000_000_000)


@st.composite
def alerts(draw):
    ends_at = draw(st.none() | times)
    status = AlertStatus.FIRING if ends_at is None else AlertStatus.RESOLVED
    annotations = Labels(summary=draw(texts))
    return NotifiedAlert(draw(labels), annotations, status, draw(times), ends_at, draw(texts))


notifications = st.builds(
    Notification,
    time=times,
    receiver=st.text(min_size=1, max_size=10),
    integration=st.just("webhook"),
    index=st.integers(0, 3),
    group_key=texts,
    group_labels=labels,
    alerts=st.lists(alerts(), max_size=3).map(tuple),
    reason=st.sampled_from(NotifyReason),
)

answers = texts | st.sampled_from(
    [
        "ok",
        "[]",
        '{"issues":[]}',
        '{"issues":[{"key":"K-1","fields":{"status":{"statusCategory":{"key":"new"}}}}]}',
        '{"issues":[{"key":"K-1","fields":[]}]}',
        '{"issues":7}',
        '{"transitions":[{"id":"1","name":"t"}]}',
        '{"access_token":"t"}',
        '{"errcode":42001}',
        '{"ok":true,"success":true}',
    ]
)


@given(notifications, st.sampled_from(CONFIGS), st.sampled_from(RENDERERS))
@settings(max_examples=150, deadline=None)
def test_requests_are_the_same_every_time(notification, config, renderer):
    """Rendering twice gives equal requests, or the same error of this library."""
    try:
        first = renderer.render(notification, config)
    except ObsflowError:
        return
    assert renderer.render(notification, config) == first
    first.body.encode()


@given(notifications, st.sampled_from(RENDERERS), st.lists(st.tuples(st.integers(100, 599), answers), max_size=5))
@settings(max_examples=100, deadline=None)
def test_every_notification_is_delivered_by_every_kind(notification, renderer, answered):
    """Whatever the texts hold it renders, and whatever is answered leads to another request or to an outcome."""
    assert {type(config) for config in CONFIGS} == {kind.config for kind in KINDS}
    for config in CONFIGS:
        step = renderer.begin(notification, config)
        for status_code, body in answered:
            step.request.url.encode("ascii")
            step.request.body.encode()
            step = step.read(status_code, body)
            if isinstance(step, Outcome):
                assert step.is_delivered is not bool(step.reason or step.failure)
                break


@given(notifications, st.sampled_from(RENDERERS))
@settings(max_examples=100, deadline=None)
def test_a_webhook_says_what_the_notification_says(notification, renderer):
    """Whatever the texts hold, the document reads back to them."""
    body = json.loads(renderer.render(notification, CONFIGS[0]).body)
    assert [alert["labels"] for alert in body["alerts"]] == [dict(alert.labels) for alert in notification.alerts]
    assert [alert["generatorURL"] for alert in body["alerts"]] == [each.generator_url for each in notification.alerts]
    assert (body["groupKey"], body["groupLabels"]) == (notification.group_key, dict(notification.group_labels))
    for alert in body["alerts"]:
        assert body["commonLabels"].items() <= alert["labels"].items()


@given(texts.map(lambda text: text * 3))
@settings(max_examples=200, deadline=None)
def test_quoted_printable_reads_back(text):
    """Decoding gives the text with its line breaks as CRLF, and no line is longer than 76."""
    encoded = encode_quoted_printable(text)
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert quopri.decodestring(encoded.encode("ascii")).decode() == expected
    assert all(len(line) <= 76 for line in encoded.split("\r\n"))


@given(texts)
@settings(max_examples=200, deadline=None)
def test_encoded_words_read_back(text):
    """A mail program shows the text of a header again."""
    encoded = encode_header(text)
    decoded = str(email.header.make_header(email.header.decode_header(encoded)))
    assert text in (decoded, encoded)
    assert all(len(word) <= 75 for word in encoded.split(" ")) or encoded == text


@given(notifications)
@settings(max_examples=50, deadline=None)
def test_a_mail_is_a_valid_message(notification):
    """Python's own parser finds no defect in it, and reads the summary that all alerts share."""
    request = RENDERERS[0].render(notification, CONFIGS[3])
    message = email.message_from_string(request.body, policy=email.policy.SMTP)
    assert message.defects == []
    parts = list(message.iter_parts())
    assert len(parts) == 2
    shared = {alert.annotations.get("summary") for alert in notification.alerts}
    if len(shared) == 1:
        encoded = parts[0].get_payload()
        text = shared.pop().replace("\r\n", "\n").replace("\r", "\n")
        assert quopri.decodestring(encoded.encode()).decode().replace("\r\n", "\n") == text


@given(st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_base64_in_templates_reads_back(data):
    """What is encoded for an address is decoded from it, bytes that are no UTF-8 included."""
    text = data.decode("utf-8", "surrogateescape")
    templates = RENDERERS[1]._context.templates
    encoded = templates.render_text("{{ base64encode . }}", text)
    assert encoded == base64.urlsafe_b64encode(data).decode()
    assert templates.render_text("{{ base64decode . }}", encoded) == text
