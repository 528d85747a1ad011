"""The webhook's document straight from the notification: the text that its template data would come to as JSON.

Most documents are written without a template having asked for anything, ten thousand of them in a bad hour. Each label
is escaped once for all alerts that have it, and what only the whole shows, such as what means something to HTML, is
escaped in the whole: none of it stands outside of a JSON string.
"""

import functools
from collections.abc import Sequence
from json.encoder import encode_basestring

from obsflow.gotemplate.json import encode_json, escape_strings
from obsflow.gotemplate.times import Time
from obsflow.gotemplate.values import encode
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert
from obsflow.notify.data import Api, quote_meta

_REMEMBERED = 1 << 10  # of the group that is written, not of all

_ZERO_TIME = encode_json(Time())


def render_webhook_document(
    notification: Notification, shown: Sequence[NotifiedAlert], protocol: str, external_url: str, api: Api
) -> str:
    """The document of a notification that shows some of its alerts, on one line. It has no labels of a route."""
    is_firing = any(alert.status is AlertStatus.FIRING for alert in shown)
    status = AlertStatus.FIRING if is_firing else AlertStatus.RESOLVED
    members = [
        f'{{"receiver":{encode_basestring(quote_meta(notification.receiver))}',
        f'"status":"{status.value}"',
        f'"alerts":[{",".join(map(_alert, shown))}]',
        f'"groupLabels":{_object(notification.group_labels.pairs)}',
        f'"commonLabels":{_object(_common([alert.labels for alert in shown]))}',
        f'"commonAnnotations":{_object(_common([alert.annotations for alert in shown]))}',
        f'"externalURL":{encode_basestring(external_url)}',
        f'"version":{encode_basestring(protocol)}',
        f'"groupKey":{encode_basestring(notification.group_key)}',
        f'"truncatedAlerts":{len(notification.alerts) - len(shown)}}}\n',
    ]
    if api != "0.25":
        members.insert(6, '"routeLabels":{}')
        members.insert(3, f'"notification_reason":{encode_basestring(notification.reason.value)}')
    return escape_strings(",".join(members))


def _alert(alert: NotifiedAlert) -> str:
    return (
        f'{{"status":"{alert.status.value}","labels":{_object(alert.labels.pairs)},'
        f'"annotations":{_object(alert.annotations.pairs)},"startsAt":{_time(alert.starts_at)},'
        f'"endsAt":{_ZERO_TIME if alert.ends_at is None else _time(alert.ends_at)},'
        f'"generatorURL":{_text(alert.generator_url)},"fingerprint":"{alert.labels.fingerprint:016x}"}}'
    )


def _object(pairs: Sequence[tuple[str, str]]) -> str:
    """Pairs, sorted by code points, as a map, which is sorted by the bytes of its keys."""
    text = ",".join(map(_member, pairs))
    if not text.isascii():
        text = ",".join(map(_member, sorted(pairs, key=lambda pair: encode(pair[0]))))
    return f"{{{text}}}"


@functools.lru_cache(_REMEMBERED)
def _member(pair: tuple[str, str]) -> str:
    return f"{encode_basestring(pair[0])}:{encode_basestring(pair[1])}"


_text = functools.lru_cache(_REMEMBERED)(encode_basestring)


@functools.lru_cache(_REMEMBERED)
def _time(time_ms: int) -> str:
    return encode_json(Time.from_ms(time_ms))


def _common(sets: Sequence[Labels]) -> list[tuple[str, str]]:
    """The pairs that all of the sets have."""
    if not sets:
        return []
    common = set(sets[0].pairs)
    for labels in sets[1:]:
        if not common:
            break
        common.intersection_update(labels.pairs)
    return sorted(common)
