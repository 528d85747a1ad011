"""What a real Alertmanager sent, rendered again from the notification behind it."""

import functools

import attrs
import pytest
from tests.external import shared
from tests.notify.files import load
from tests.notify.mails import assert_same_mail
from tests.notify.recorded import rebuild, requests, webhooks

from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from obsflow.notify import Renderer

WATCHDOG = Labels(alertname="Watchdog", severity="none", cluster="eu1")


@pytest.fixture(scope="module")
def renderer():
    return Renderer(external_url="http://vm:9393", version="0.25.0", hostname="vm")


@functools.cache
def configurations():
    """The capture's configuration: the completed configurations of each receiver by kind."""
    return load(shared("captures", "payment-incidents", "alertmanager.yml").read_text("utf-8"))


@functools.cache
def notifications():
    """The notification behind each recorded webhook, and when it was sent, by receiver."""
    by_receiver = {}
    for recorded in webhooks():
        notification = rebuild(recorded)
        by_receiver.setdefault(notification.receiver, []).append((recorded.time, notification))
    return by_receiver


def told(renderer, kind):
    """What the integrations of a kind are told of the flushes that webhooks were sent in: times and requests."""
    out = []
    for receiver, flushes in notifications().items():
        for config in configurations()[receiver][kind]:
            for time, notification in flushes:
                told = notification if config.send_resolved else firing_only(notification)
                if told.alerts:
                    out.append((time, renderer.render(told, config)))
    return out


def firing_only(notification):
    """What an integration without send_resolved is told."""
    alerts = tuple(alert for alert in notification.alerts if alert.status is AlertStatus.FIRING)
    return attrs.evolve(notification, alerts=alerts)


def assert_same_requests(rendered, path):
    """Each recorded request was rendered, for a flush less than half a second away, and nothing else was."""
    recorded_requests = [recorded for recorded in requests() if recorded.path == path]
    left = list(rendered)
    for recorded in recorded_requests:
        near = [each for each in left if each[1].body == recorded.body and abs(each[0] - recorded.time) < 0.5]
        assert near, f"not rendered: {recorded.body}"
        request = near[0][1]
        assert_same_request(request, recorded)
        left.remove(near[0])
    assert left == []
    return len(recorded_requests)


def assert_same_request(request, recorded):
    assert request.body == recorded.body
    assert request.url == f"http://127.0.0.1:9300{recorded.path}"
    assert dict(request.headers).items() <= recorded.headers.items()


def test_every_webhook(renderer):
    """A notification rebuilt from a recorded webhook renders to the same request, byte for byte."""
    found = webhooks()
    for recorded in found:
        notification = rebuild(recorded)
        (config,) = configurations()[notification.receiver]["webhook"]
        assert_same_request(renderer.render(notification, config), recorded)
    assert len(found) == 222


def test_every_pagerduty_event(renderer):
    """The events of the flushes that webhooks were sent in are the recorded events, byte for byte."""
    assert assert_same_requests(told(renderer, "pagerduty"), "/pagerduty") == 106


def test_every_slack_message(renderer):
    """The messages of the flushes that webhooks were sent in are the recorded messages, byte for byte."""
    assert assert_same_requests(told(renderer, "slack"), "/slack") == 113


def test_every_mail(renderer):
    """The mails of the alert that always fires: the same header fields, and the same body line by line."""
    (config,) = configurations()["default-email"]["email"]
    found = [recorded for recorded in requests() if recorded.path.startswith("smtp:")]
    for recorded in found:
        alert = NotifiedAlert(
            labels=WATCHDOG,
            annotations=Labels(summary="always firing"),
            status=AlertStatus.FIRING,
            starts_at=0,
            ends_at=None,
            generator_url="http://vm:9390/graph?g0.expr=vector%281%29&g0.tab=1",
        )
        notification = Notification(
            time=round(recorded.time * 1000),
            receiver="default-email",
            integration="email",
            index=0,
            group_key='{}:{alertname="Watchdog", cluster="eu1"}',
            group_labels=WATCHDOG.only(("alertname", "cluster")),
            alerts=(alert,),
            reason=NotifyReason.FIRST_NOTIFICATION,
        )
        request = renderer.render(notification, config)
        assert request.url == "smtp://127.0.0.1:9325"
        assert (request.sender, request.recipients) == ("alerts@example.com", ("oncall@example.com",))
        assert_same_mail(request.body, recorded.body)
    assert len(found) == 2
