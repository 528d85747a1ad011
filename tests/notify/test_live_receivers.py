"""What an Alertmanager 0.25 sends to its other receivers of alerts with awkward texts, and what is rendered here."""

import datetime
import queue

from tests.notify import sinks
from tests.notify.files import load
from tests.notify.recorded import Recorded, rebuild
from tests.notify.test_live import AWKWARD, EXTERNAL_URL, alert

from obsflow.notify import Outcome, Renderer

CONFIG = """
global:
  opsgenie_api_url: HTTP/opsgenie
  opsgenie_api_key: 'og {{ .Status }}'
  victorops_api_url: HTTP/victorops
  victorops_api_key: vo
  wechat_api_url: HTTP/wechat
  wechat_api_secret: 'we & {{ .Status }}'
  wechat_api_corp_id: corp
  telegram_api_url: HTTP/telegram
route: {receiver: 'a.b (c)', group_by: [alertname, path], group_wait: 1s}
receivers:
  - name: 'a.b (c)'
    webhook_configs:
      - url: 'HTTP/webhook'
    opsgenie_configs:
      - update_alerts: true
        message: '{{ range .Alerts }}{{ .Annotations.summary }}{{ .Annotations.long }}{{ end }}'
        details: {extra: '{{ .Alerts | len }} & <b>', job: 'own'}
        responders:
          - {name: 'a, b,{{ .Status }}', type: teams}
          - {id: 'i', username: '{{ .CommonLabels.none }}', type: User}
          - {name: '{{ .CommonLabels.none }}', type: '{{ .CommonLabels.none }}'}
        tags: ' x,{{ .Status }},, y '
        actions: 'a,b'
        note: 'n'
        priority: P3
        entity: '{{ .GroupLabels.path }}'
    victorops_configs:
      - routing_key: 'r/{{ .GroupLabels.path }}!*()%'
        message_type: '{{ .CommonLabels.none }}'
        state_message: '{{ range .Alerts }}{{ .Annotations.summary }}{{ .Annotations.long }}{{ end }}'
        custom_fields: {Zone: '{{ .Status }}', a: '&'}
      - routing_key: 'long'
        state_message: '{{ printf "%21000s" "ä" }}'
      - routing_key: 'default'
    wechat_configs:
      - send_resolved: true
        to_user: '@all'
        agent_id: '{{ .Status }}'
      - message_type: markdown
        message: '# {{ .CommonAnnotations.long }}'
    telegram_configs:
      - bot_token: 'bot'
        chat_id: -12345
        disable_notifications: true
      - bot_token: 'bot2'
        chat_id: 1
        parse_mode: MarkdownV2
        message: '{{ range .Alerts }}{{ .Annotations.summary }}{{ end }}'
      - bot_token: 'long'
        chat_id: 1
        message: '{{ printf "%5000s" "<ä" }}'
      - bot_token: 'long'
        chat_id: 1
        parse_mode: ''
        message: '{{ printf "%5000s" "<ä" }}'
    discord_configs:
      - webhook_url: 'HTTP/discord'
      - webhook_url: 'HTTP/discord/long'
        title: '{{ .CommonAnnotations.long }}'
        message: '{{ printf "%5000s" "ä" }}'
    webex_configs:
      - room_id: 'room'
        api_url: HTTP/webex
        http_config: {authorization: {credentials: wx}}
      - room_id: 'room'
        api_url: HTTP/webex/long
        message: 'a{{ .CommonAnnotations.long }}{{ printf "%7000s" "ä" }}'
        http_config: {authorization: {credentials: wx}}
    sns_configs:
      - topic_arn: 'arn:aws:sns:us-east-2:123456789012:topic.fifo'
        api_url: HTTP/sns
        sigv4: {region: us-east-2, access_key: ak, secret_key: sk}
        attributes: {only: '{{ .Status }} & <b>'}
      - phone_number: '+1555'
        api_url: HTTP/sms
        sigv4: {region: us-east-2, access_key: ak, secret_key: sk}
        message: 'x{{ range .Alerts }}{{ .Annotations.long }}{{ end }}'
"""
ANSWERS = {
    "/wechat/gettoken": '{"errcode":0,"access_token":"to/ken"}',
    "/wechat/message/send": '{"errcode":0}',
    "/telegram/botbot/sendMessage": '{"ok":true,"result":{"chat":{}}}',
    "/telegram/botlong/sendMessage": '{"ok":true,"result":{"chat":{}}}',
    "/telegram/botbot2/sendMessage": '{"ok":true,"result":{"chat":{}}}',
}


def requests_of(step):
    """All requests of a delivery whose requests are answered as the sink does."""
    while not isinstance(step, Outcome):
        yield step.request
        path = "/" + step.request.url.partition("?")[0].split("/", 3)[-1]
        step = step.read(200, ANSWERS.get(path, ""))
    assert step.is_delivered, step


def test_awkward_texts_arrive_as_rendered(tmp_path):
    """Methods, addresses, headers and bodies equal what is rendered, byte for byte; signatures are left out."""
    arrived = queue.Queue()
    with sinks.http_sink(arrived, ANSWERS) as http:
        text = CONFIG.replace("HTTP", http)
        with sinks.alertmanager(tmp_path, text, EXTERNAL_URL) as post:
            now_ms = round(datetime.datetime.now(datetime.UTC).timestamp() * 1000)
            post(
                [
                    alert("one", now_ms, summary=AWKWARD, long="ä" * 1000),
                    alert("two", now_ms, lasts_ms=100, summary="it was\r\n over  ", long="ä" * 1000),
                ]
            )
            recorded = sinks.collect(arrived, 21, 5)
    (webhook,) = (each for each in recorded if each.path == "/webhook")
    notification = rebuild(webhook)
    renderer = Renderer(external_url=EXTERNAL_URL, version="0.25.0")
    rendered = [
        request
        for entries in load(text)["a.b (c)"].values()
        for entry in entries
        for request in requests_of(renderer.begin(notification, entry))
    ]

    expected, sent = group(rendered, http), group(recorded, http)
    assert expected.keys() == sent.keys()
    for address, requests in expected.items():
        assert [each.body for each in requests] == [each.body for each in sent[address]], address
        for ours, theirs in zip(requests, sent[address], strict=True):
            headers = {name: value for name, value in ours.headers.items() if not _is_signature(name, value)}
            assert headers.items() <= theirs.headers.items(), address


def _is_signature(name, value):
    return name == "X-Amz-Date" or value.startswith("AWS4")


def group(requests, http):
    """The requests by method and address, those of one in the order of their bodies."""
    groups = {}
    for each in sorted(requests, key=lambda each: each.body):
        url = each.path if isinstance(each, Recorded) else each.url.removeprefix(http)
        groups.setdefault((each.method, url), []).append(each)
    return groups
