"""What a notification's templates see, and what its webhook says: `template.Data` of Alertmanager."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

import attrs

from obsflow.gotemplate.times import Time
from obsflow.model.labels import Labels
from obsflow.model.notifications import AlertStatus, Notification, NotifiedAlert

Api = Literal["0.25", "0.34"]
"""Whose payloads to send: those of Alertmanager 0.25, or those of 0.34."""

_FIRST = "alertname"
_NEWER = ("notification_reason", "route_labels")
_META = frozenset("\\.+*?()|[]{}^$")


class Strings(tuple[str, ...]):
    """A list of texts."""

    __slots__ = ()
    __gotype__ = "template.Strings"
    __gomethods__: ClassVar[Mapping[str, str]] = {"Join": "join"}

    def join(self, separator: str) -> str:
        """The texts with `separator` between them."""
        return separator.join(self)


@attrs.frozen
class Pair:
    """A name and its value."""

    __gotype__ = "template.Pair"
    __gofields__: ClassVar[Mapping[str, str]] = {"Name": "name", "Value": "value"}

    name: str
    value: str


class Pairs(tuple[Pair, ...]):
    """Names and values in order."""

    __slots__ = ()
    __gotype__ = "template.Pairs"
    __gomethods__: ClassVar[Mapping[str, str]] = {"Names": "names", "Values": "values", "String": "render"}

    def names(self) -> Sequence[str]:
        """The names."""
        return Strings(pair.name for pair in self)

    def values(self) -> Sequence[str]:
        """The values."""
        return Strings(pair.value for pair in self)

    def render(self) -> str:
        """The pairs as `a=b, c=d`."""
        return ", ".join(f"{pair.name}={pair.value}" for pair in self)


class KV(dict[str, str]):
    """Labels or annotations. Their order is that of SortedPairs: `alertname`, then the others by name."""

    __gotype__ = "template.KV"
    __gomethods__: ClassVar[Mapping[str, str]] = {
        "SortedPairs": "sorted_pairs",
        "Remove": "remove",
        "Names": "names",
        "Values": "value_list",
        "String": "render",
    }
    __goelem__ = ""

    def sorted_pairs(self) -> Pairs:
        """The pairs, `alertname` first, then by name."""
        ordered = sorted(self, key=lambda name: (name != _FIRST, name))
        return Pairs(Pair(name, self[name]) for name in ordered)

    def remove(self, names: Sequence[str]) -> "KV":
        """A copy without `names`."""
        return type(self)((name, value) for name, value in self.items() if name not in names)

    def names(self) -> Sequence[str]:
        """The names in the order of the pairs."""
        return self.sorted_pairs().names()

    def value_list(self) -> Sequence[str]:
        """The values in the order of the pairs."""
        return self.sorted_pairs().values()

    def render(self) -> str:
        """The pairs as `a=b, c=d`."""
        return self.sorted_pairs().render()


class PlainPairs(Pairs):
    """Pairs of Alertmanager 0.25, which print as Go prints a list of structs."""

    __slots__ = ()
    __gomethods__: ClassVar[Mapping[str, str]] = {"Names": "names", "Values": "values"}

    def names(self) -> Sequence[str]:
        """The names."""
        return [pair.name for pair in self]

    def values(self) -> Sequence[str]:
        """The values."""
        return [pair.value for pair in self]


class PlainKV(KV):
    """A KV of Alertmanager 0.25, which prints as Go prints a map."""

    __gomethods__: ClassVar[Mapping[str, str]] = {go: name for go, name in KV.__gomethods__.items() if go != "String"}

    def sorted_pairs(self) -> Pairs:
        """The pairs, `alertname` first, then by name."""
        return PlainPairs(super().sorted_pairs())


@attrs.frozen
class Alert:
    """One alert of a notification."""

    __gotype__ = "template.Alert"
    __gofields__: ClassVar[Mapping[str, str]] = {
        "Status": "status",
        "Labels": "labels",
        "Annotations": "annotations",
        "StartsAt": "starts_at",
        "EndsAt": "ends_at",
        "GeneratorURL": "generator_url",
        "Fingerprint": "fingerprint",
    }
    __gojson__: ClassVar[Mapping[str, str]] = {
        "status": "status",
        "labels": "labels",
        "annotations": "annotations",
        "startsAt": "starts_at",
        "endsAt": "ends_at",
        "generatorURL": "generator_url",
        "fingerprint": "fingerprint",
    }

    status: str
    labels: KV
    annotations: KV
    starts_at: Time
    ends_at: Time
    generator_url: str
    fingerprint: str


class Selection(tuple[Alert, ...]):
    """Some of the alerts."""

    __slots__ = ()
    __gotype__ = "[]template.Alert"


class Alerts(tuple[Alert, ...]):
    """The alerts of a notification."""

    __slots__ = ()
    __gotype__ = "template.Alerts"
    __gomethods__: ClassVar[Mapping[str, str]] = {"Firing": "firing", "Resolved": "resolved"}

    def firing(self) -> Sequence[Alert]:
        """Those that fire."""
        return Selection([alert for alert in self if alert.status == AlertStatus.FIRING.value])

    def resolved(self) -> Sequence[Alert]:
        """Those that do not."""
        return Selection([alert for alert in self if alert.status == AlertStatus.RESOLVED.value])


@attrs.frozen
class Data:
    """A notification as templates see it. `receiver` is quoted as a regular expression."""

    __gotype__ = "*template.Data"
    __gofields__: ClassVar[Mapping[str, str]] = {
        "Receiver": "receiver",
        "Status": "status",
        "Alerts": "alerts",
        "NotificationReason": "notification_reason",
        "GroupLabels": "group_labels",
        "CommonLabels": "common_labels",
        "CommonAnnotations": "common_annotations",
        "RouteLabels": "route_labels",
        "ExternalURL": "external_url",
    }
    __gojson__: ClassVar[Mapping[str, str]] = {
        "receiver": "receiver",
        "status": "status",
        "alerts": "alerts",
        "notification_reason": "notification_reason",
        "groupLabels": "group_labels",
        "commonLabels": "common_labels",
        "commonAnnotations": "common_annotations",
        "routeLabels": "route_labels",
        "externalURL": "external_url",
    }

    receiver: str
    status: str
    alerts: Alerts
    notification_reason: str
    group_labels: KV
    common_labels: KV
    common_annotations: KV
    route_labels: KV
    external_url: str

    def json_members(self) -> dict[str, Any]:
        """What its JSON object holds."""
        return {key: getattr(self, name) for key, name in self.__gojson__.items()}


class PlainData(Data):
    """Data of Alertmanager 0.25, which knows neither the reason nor labels of routes."""

    __gofields__: ClassVar[Mapping[str, str]] = {
        go: name for go, name in Data.__gofields__.items() if name not in _NEWER
    }
    __gojson__: ClassVar[Mapping[str, str]] = {key: name for key, name in Data.__gojson__.items() if name not in _NEWER}


_CLASSES: Final[Mapping[Api, tuple[type[Data], type[KV]]]] = {"0.25": (PlainData, PlainKV), "0.34": (Data, KV)}


def build_data(notification: Notification, external_url: str, api: Api) -> Data:
    """What the templates of a notification see under an API; labels of its route are rendered after that."""
    data_class, kv = _CLASSES[api]
    return data_class(
        receiver=quote_meta(notification.receiver),
        status=notification.status.value,
        alerts=Alerts(_build_alert(alert, kv) for alert in notification.alerts),
        notification_reason=notification.reason.value,
        group_labels=kv(notification.group_labels),
        common_labels=kv(_common(alert.labels for alert in notification.alerts)),
        common_annotations=kv(_common(alert.annotations for alert in notification.alerts)),
        route_labels=kv(),
        external_url=external_url,
    )


def _build_alert(alert: NotifiedAlert, kv: type[KV]) -> Alert:
    return Alert(
        status=alert.status.value,
        labels=kv(alert.labels),
        annotations=kv(alert.annotations),
        starts_at=Time.from_ms(alert.starts_at),
        ends_at=Time() if alert.ends_at is None else Time.from_ms(alert.ends_at),
        generator_url=alert.generator_url,
        fingerprint=f"{alert.fingerprint:016x}",
    )


def _common(label_sets: Iterable[Labels]) -> list[tuple[str, str]]:
    """The pairs that all of the sets have."""
    sets = [frozenset(labels.pairs) for labels in label_sets]
    return sorted(frozenset.intersection(*sets)) if sets else []


def quote_meta(text: str) -> str:
    """`text` as a regular expression that matches just it."""
    return "".join(f"\\{c}" if c in _META else c for c in text)
