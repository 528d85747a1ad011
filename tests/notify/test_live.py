"""What an Alertmanager 0.25 sends of alerts with awkward texts, and what is rendered of them here."""

import datetime
import email.utils
import json
import queue
import re

import attrs
from tests.notify import sinks
from tests.notify.files import load
from tests.notify.mails import assert_same_mail
from tests.notify.recorded import rebuild

from obsflow.model.times import render_rfc3339
from obsflow.notify import Renderer

EXTERNAL_URL = "http://alerts.example:9093/am"

CONFIG = """
global:
  pagerduty_url: HTTP/pagerduty
  slack_api_url: HTTP/slack
  smtp_smarthost: 'MAIL'
  smtp_from: 'Alerts <alerts@example.com>'
  smtp_require_tls: false
route: {receiver: 'a.b (c)', group_by: [alertname, path], group_wait: 1s}
receivers:
  - name: 'a.b (c)'
    webhook_configs:
      - url: 'HTTP/webhook/all'
      - url: 'HTTP/webhook/one'
        max_alerts: 1
        http_config: {authorization: {credentials: 'to"ken'}}
    email_configs:
      - to: 'On Call <oncall@example.com>, second@example.com'
        send_resolved: true
        text: '{{ range .Alerts }}{{ .Annotations.summary }} = {{ .Labels }} since {{ .StartsAt }}{{ end }} '
        headers:
          subject: '{{ .Status | toUpper }} {{ .CommonAnnotations.long }} 🚨 {{ .GroupLabels.path }}'
          x-plain: 'a_b=c?'
    pagerduty_configs:
      - routing_key: key-{{ .GroupLabels.alertname }}
        description: '{{ range .Alerts }}{{ .Annotations.summary }}{{ .Annotations.long }}{{ end }}'
        class: '{{ .CommonLabels }}'
        component: '{{ (index .Alerts 0).StartsAt.Format "Mon Jan _2 15:04:05.000 MST 2006" }}'
        group: ''
        details: {num_firing: 'none', extra: '{{ .Alerts | len }} & <b>', number: 3, flag: true}
        images: [{src: 'http://x/{{ .Status }}', alt: 'an "image"'}, {href: 'dropped'}]
        links: [{href: 'http://x/?a=1&b=2', text: '<x>'}, {text: 'dropped'}]
    slack_configs:
      - channel: '#{{ .GroupLabels.alertname | toLower }}'
        send_resolved: true
        title: '{{ range .Alerts }}{{ .Annotations.long }}{{ end }}'
        text: |
          {{ range $i, $alert := .Alerts }}{{ $i }}: {{ .Annotations.summary | title }}
          {{ end }}{{ .CommonLabels.Remove (stringSlice "path") }}
          {{ .GroupLabels.SortedPairs }} {{ .GroupLabels.Names }}
        pretext: '{{ reReplaceAll "[aeiou](.)" "<$1>" .CommonLabels.job }} {{ match "^(?i)A" "abc" }}'
        short_fields: true
        fields: [{title: 'T', value: '{{ .Status }}'}, {title: 'U', value: '&', short: false}]
        actions:
          - {type: button, text: 'Go', url: 'http://x', name: dropped}
          - {type: button, text: 'Do', name: n, value: v, style: danger, confirm: {text: 'Sure?', ok_text: 'Yes'}}
        link_names: true
        mrkdwn_in: [text]
        image_url: 'http://x/i.png'
        footer: 'foot'
        icon_emoji: ':fire:'
"""

AWKWARD = "quote \" apostrophe ' less < more > and & back\\slash\ttab\nline\u2028sep 🚨 \U0001d4b3 ü \x7f \x1b end"


def alert(name, now_ms, lasts_ms=None, **annotations):
    times = {"startsAt": render_rfc3339(now_ms)}
    if lasts_ms is not None:
        times["endsAt"] = render_rfc3339(now_ms + lasts_ms)
    return {
        "labels": {"alertname": "Awkward", "path": "/a b/<c>?d=e&f='g'", "job": 'api "v2"', "instance": name},
        "annotations": annotations,
        "generatorURL": "http://prom:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
        **times,
    }


def test_awkward_texts_arrive_as_rendered(tmp_path):
    """Webhook, Slack, PagerDuty and mail of a firing and a resolved alert equal what is rendered, byte for byte."""
    arrived = queue.Queue()
    with sinks.http_sink(arrived) as http, sinks.smtp_sink(arrived) as smtp:
        text = CONFIG.replace("HTTP", http).replace("MAIL", smtp)
        with sinks.alertmanager(tmp_path, text, EXTERNAL_URL) as post:
            now_ms = round(datetime.datetime.now(datetime.UTC).timestamp() * 1000)
            post(
                [
                    alert("one", now_ms, summary=AWKWARD, long="ä" * 700),
                    alert("two", now_ms, lasts_ms=100, summary="it was\r\n over  ", long="ä" * 700),
                ]
            )
            requests = {request.path: request for request in sinks.collect(arrived, 5, 5)}
    by_kind = load(text)["a.b (c)"]
    assert set(requests) == {
        "/webhook/all", "/webhook/one", "/slack", "/pagerduty", "smtp:oncall@example.com,second@example.com"
    }  # fmt: skip
    notification = rebuild(requests["/webhook/all"])
    assert [each.status.value for each in notification.alerts] == ["firing", "resolved"]
    renderer = Renderer(external_url=EXTERNAL_URL, version="0.25.0", hostname="vm")

    for path, config in (
        ("/webhook/all", by_kind["webhook"][0]),
        ("/webhook/one", by_kind["webhook"][1]),
        ("/slack", by_kind["slack"][0]),
        ("/pagerduty", by_kind["pagerduty"][0]),
    ):
        rendered = renderer.render(notification, config)
        assert rendered.body == requests[path].body
        assert rendered.url == http + path
        assert dict(rendered.headers).items() <= requests[path].headers.items()
    assert json.loads(requests["/webhook/one"].body)["truncatedAlerts"] == 1

    mail = requests["smtp:oncall@example.com,second@example.com"]
    sent = email.utils.parsedate_to_datetime(re.search(r"Date: (.*)", mail.body)[1])
    at_sending = attrs.evolve(notification, time=round(sent.timestamp() * 1000))
    rendered = renderer.render(at_sending, by_kind["email"][0])
    assert_same_mail(rendered.body, mail.body)
    assert rendered.sender == "alerts@example.com"
    assert rendered.recipients == ("oncall@example.com", "second@example.com")
