"""Small notifications to render."""

import functools

from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert, NotifyReason
from obsflow.notify import Globals, Outcome, Renderer, complete

NOON = 1_700_000_000_000  # 2023-11-14T22:13:20Z
GLOBALS = Globals(
    slack_api_url="http://slack/hook",
    smtp_smarthost="mail:25",
    smtp_from="from@example.com",
    pagerduty_url="http://pd/v2",
)


def alert(name="HighLoad", resolved_at=None, annotations=(), **labels):
    return NotifiedAlert(
        labels=Labels({"alertname": name, **labels}),
        annotations=Labels(annotations),
        status=AlertStatus.FIRING if resolved_at is None else AlertStatus.RESOLVED,
        starts_at=NOON - 60_000,
        ends_at=resolved_at,
        generator_url="http://prom/graph?a=1&b=2",
    )


def notification(*alerts, receiver="team", time=NOON, group_key='{}:{alertname="HighLoad"}', **changes):
    told = alerts or (alert(instance="a", annotations={"summary": "load < 9 & rising"}),)
    members = {
        "integration": "webhook",
        "index": 0,
        "group_labels": Labels(alertname="HighLoad"),
        "reason": NotifyReason.NEW_ALERTS,
        **changes,
    }
    return Notification(time=time, receiver=receiver, group_key=group_key, alerts=told, **members)


def render(config, told=None, globals_=GLOBALS, **options):
    """The request of a configuration that is completed first."""
    return renderer(**options).render(told or notification(), complete(config, globals_))


def deliver(config, *answers, told=None, globals_=GLOBALS, receiver_data=None, **options):
    """The requests of a delivery with these answers (status code, body, perhaps headers), and its outcome or None."""
    step = renderer(**options).begin(told or notification(), complete(config, globals_), receiver_data)
    requests = [step.request]
    for answer in answers:
        step = step.read(*answer)
        if isinstance(step, Outcome):
            return requests, step
        requests.append(step.request)
    return requests, None


def renderer(files=None, **options):
    options = {"external_url": "http://am/", "version": "0.25.0", **options}
    return _renderer(**options) if files is None else Renderer(files=files, **options)


_renderer = functools.cache(Renderer)
