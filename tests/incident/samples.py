"""What the tests of incidents share: a configuration, events, and a machine that is led through time."""

import datetime
import zoneinfo

from obsflow.incident import Incidents, Page, Trigger, Urgency, load_config
from obsflow.model.labels import EMPTY, Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason

MINUTE = 60_000
HOUR = 60 * MINUTE

CONFIG = """
users:
- name: ada
  contact_methods:
  - {name: app, kind: push}
  - {name: mobile, kind: phone, address: "+1"}
  - {name: mail, kind: email, address: ada@example.com}
  notification_rules:
  - {method: app}
  - {method: mobile, after: 2m}
  - {method: mail, urgency: low}
- {name: bob, contact_methods: [{name: app, kind: push}]}
- {name: eve, contact_methods: [{name: app, kind: push}]}
schedules:
- name: office
  time_zone: UTC
  layers:
  - name: hours
    users: [bob]
    restrictions: [{weekdays: ["monday:friday"], start_time: "09:00", end_time: "17:00"}]
policies:
- name: backend
  levels:
  - {targets: [{user: ada}, {channel: "#backend"}], escalate_after: 5m}
  - {targets: [{user: bob}], escalate_after: 10m}
  repeat: 1
  then: managers
- name: managers
  levels: [{targets: [{user: eve}]}]
- name: office
  levels:
  - {targets: [{schedule: office}]}
  - {targets: [{user: eve}]}
- name: empty
  levels: [{targets: [{schedule: office}]}]
  repeat: 1
services:
- {name: pager, policy: backend, routing_key: R1, acknowledge_timeout: 30m, auto_resolve: 4h, status_page: Shop}
- {name: office, policy: office, acknowledge_timeout: null, channel: "#office"}
- {name: empty, policy: empty}
"""


def load(text=CONFIG):
    return load_config(text, "incidents.yml", zones=zoneinfo.ZoneInfo)


def machine(text=CONFIG):
    return Incidents(load(text))


def trigger(key="k", service="pager", urgency=Urgency.HIGH, title="it broke"):
    return Trigger(service, key, title, urgency)


def run(incidents, until):
    """The effects of every timer until an instant, each polled at its own time."""
    effects = incidents.poll(incidents.snapshot().now or 0)
    while (due := incidents.next_timer()) is not None and due <= until:
        effects += incidents.poll(due)
    return effects + incidents.poll(until)


def of_kind(effects, kind):
    return [effect for effect in effects if isinstance(effect, kind)]


def pages(effects):
    return [(page.time, page.user, page.method.kind) for page in of_kind(effects, Page)]


def instant(text, zone="UTC"):
    local = datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return int(local.timestamp() * 1000)


def notification(*alerts, time=0, receiver="pager", key="{}:{job=x}"):
    """Alerts are (name, severity, firing)."""
    notified = tuple(
        NotifiedAlert(
            Labels(alertname=name, severity=severity),
            EMPTY,
            AlertStatus.FIRING if firing else AlertStatus.RESOLVED,
            time,
            None if firing else time,
            "",
        )
        for name, severity, firing in alerts
    )
    labels = Labels(alertname=alerts[0][0], job="x")
    return Notification(time, receiver, "pagerduty", 0, key, labels, notified, NotifyReason.FIRST_NOTIFICATION)
