"""Evidence: one thing that speaks for a component being the cause, how strongly, and when it was seen."""

import collections
import enum
import re
from collections.abc import Iterable
from typing import Final

import attrs

from obsflow.incident.evidence.change_points import ChangePoint
from obsflow.incident.evidence.comparison import FailureOrigin, OperationGrowth
from obsflow.incident.evidence.logs import LogSpike
from obsflow.incident.evidence.records import MS_NS
from obsflow.incident.evidence.shares import LabelShare, common_labels
from obsflow.incident.evidence.templates import MAX_LENGTH
from obsflow.model.alerts import Alert
from obsflow.model.labels import Labels, quote

COMPONENT_LABELS: Final = ("service", "service_name", "app", "container", "pod", "node", "job")
OBJECT_LABELS: Final = frozenset(
    {"cluster", "node", "namespace", "deployment", "statefulset", "daemonset", "replicaset", "cronjob", "pod"}
    | {"container", "service", "app", "database", "queue", "topic"}
)
"""What an exporter tells of others: a metric that has one of these in its name is about what the label names."""

_WORD: Final = re.compile(r"\w+(?:[-.]\w+)*")
_METRIC: Final = re.compile(r"[{\[]")
_READ: Final = 100


class EvidenceKind(enum.Enum):
    """Where evidence comes from. The first three are the pillars: what is broken, why, where."""

    METRICS = "metrics"
    LOGS = "logs"
    TRACES = "traces"
    HEALTH_CHECK = "health check"
    DEPLOY_EVENT = "deploy event"
    ALERT = "alert"
    USER_REPORT = "user report"


def _within_one(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"expected a {attribute.name} from 0 to 1")


@attrs.frozen
class Evidence:
    """One item. `subject` is the component that it blames, empty where not known; `time` is ms, None where not known.

    `strength` is from 0 to 1. `facts` are the values behind the statement; `words` those of a log message, which may
    name other components.
    """

    kind: EvidenceKind
    subject: str
    time: int | None
    strength: float = attrs.field(validator=_within_one)
    statement: str
    facts: tuple[tuple[str, str], ...] = ()
    words: frozenset[str] = frozenset()


@attrs.frozen
class Deploy:
    """A version of a service that was rolled out; `time` is ms, None where not known."""

    time: int | None
    service: str
    version: str = ""

    @property
    def name(self) -> str:
        """The service with its version."""
        return f"{self.service} {self.version}" if self.version else self.service


def of_share(
    share: LabelShare, metric: str, point: ChangePoint | None, component_labels: tuple[str, ...] = COMPONENT_LABELS
) -> Evidence:
    """A label that explains a change of `metric`: as strong as excess x coherence x severity.

    The component is in what its series have in common; `point` is when their sum changed its level.
    """
    name, value = share.pair
    return Evidence(
        kind=EvidenceKind.METRICS,
        subject=component_of(metric, share.common, component_labels),
        time=point.time if point else None,
        strength=_unit(min(share.excess, 1.0) * share.coherence * share.severity),
        statement=f"{name}={quote(value)} explains {_percent(share.share)} of the change of {metric} "
        f"with {_percent(share.expected_share)} of it before",
        facts=(("before", f"{share.before:.6g}"), ("during", f"{share.during:.6g}"), ("labels", str(share.common))),
    )


def of_change_point(
    metric: str, labels: Labels, point: ChangePoint, component_labels: tuple[str, ...] = COMPONENT_LABELS
) -> Evidence:
    """A series that changed its level: as strong as the part that the greater level has more."""
    return Evidence(
        kind=EvidenceKind.METRICS,
        subject=component_of(metric, labels, component_labels),
        time=point.time,
        strength=_unit(abs(point.after - point.before) / (max(abs(point.after), abs(point.before)) or 1.0)),
        statement=f"{metric} went from {point.before:.6g} to {point.after:.6g}",
        facts=(("before", f"{point.before:.6g}"), ("after", f"{point.after:.6g}"), ("labels", str(labels))),
    )


def of_spike(spike: LogSpike) -> Evidence:
    """Messages that are new or more frequent: as strong as the part of them that is more than before."""
    template = spike.cluster.template
    service = spike.cluster.services[0][0]
    more = "new" if spike.is_new else f"expected {spike.expected:.6g}"
    return Evidence(
        kind=EvidenceKind.LOGS,
        subject=service,
        time=spike.first_at,
        strength=_unit(spike.excess),
        statement=f"{service or 'somebody'} says {quote(template)} {_times(spike.observed)} ({more})",
        facts=(("count", str(spike.observed)), ("significance", f"{spike.significance:.6g}")),
        words=_usual_words([record.body for record in spike.records[:_READ]]),
    )


def of_growth(growth: OperationGrowth, time: int | None) -> Evidence:
    """An operation that became slower: as strong as the part of the traces' duration that its growth is."""
    before, after = growth.self_before_ns / MS_NS, growth.self_after_ns / MS_NS
    return Evidence(
        kind=EvidenceKind.TRACES,
        subject=growth.component,
        time=time,
        strength=_unit(growth.excess),
        statement=f"{growth.component} {quote(growth.name)} takes {after:.6g} ms of its own instead of {before:.6g} ms"
        f", {_percent(growth.share)} of what the traces became slower by",
        facts=(("before_ms", f"{before:.6g}"), ("after_ms", f"{after:.6g}")),
    )


def of_origin(origin: FailureOrigin) -> Evidence:
    """An operation at which traces began to fail: as strong as its part of the failing traces beyond what is normal."""
    said = f": {origin.message}" if origin.message else ""
    return Evidence(
        kind=EvidenceKind.TRACES,
        subject=origin.component,
        time=origin.first_at,
        strength=_unit(origin.excess),
        statement=f"{origin.traces} of {origin.failing} failing traces began to fail "
        f"in {origin.component} {quote(origin.name)}{said}",
        facts=(("traces", str(origin.traces)), ("failing", str(origin.failing))),
    )


def of_deploy(deploy: Deploy) -> Evidence:
    """A deploy: all that it says is when."""
    return Evidence(EvidenceKind.DEPLOY_EVENT, deploy.service, deploy.time, 1.0, f"{deploy.name} was deployed")


def of_alert(alert: Alert, component_labels: tuple[str, ...] = COMPONENT_LABELS) -> Evidence:
    """A firing alert: a symptom of the component in its labels."""
    return of_alerts([alert], component_labels)[0]


def of_alerts(alerts: Iterable[Alert], component_labels: tuple[str, ...] = COMPONENT_LABELS) -> tuple[Evidence, ...]:
    """Firing alerts: those of one name and one component are one symptom, as old as the first of them."""
    groups: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        groups.setdefault((alert.name, component_in(alert.labels, component_labels)), []).append(alert)
    found = []
    for (name, subject), group in sorted(groups.items()):
        since = min((alert.starts_at for alert in group if alert.starts_at is not None), default=None)
        several = f" ({len(group)} alerts)" if len(group) > 1 else ""
        facts = (("labels", str(common_labels([alert.labels for alert in group]))),)
        found.append(Evidence(EvidenceKind.ALERT, subject, since, 1.0, f"{name} fires{several}", facts))
    return tuple(found)


def component_in(labels: Labels, component_labels: tuple[str, ...]) -> str:
    """The value of the first of these labels that is there, or the empty string."""
    return next((labels.get(name) for name in component_labels if labels.get(name)), "")


def component_of(metric: str, labels: Labels, component_labels: tuple[str, ...] = COMPONENT_LABELS) -> str:
    """Whom a metric, or a query of one, is about.

    Exporters speak of others: `kube_pod_status_phase{pod="a"}` is about the pod, whatever its `job`. So the first word
    of the metric's name that is one of `OBJECT_LABELS`, and a label here, says who; else the first of the component
    labels.
    """
    name = _METRIC.split(metric, maxsplit=1)[0].rpartition("(")[2]
    about = next((word for word in re.split("[_:]", name) if word in OBJECT_LABELS and labels.get(word)), "")
    return labels.get(about) if about else component_in(labels, component_labels)


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case; of a compound such as `orders-db` the whole and its parts."""
    compounds = [found.lower() for found in _WORD.findall(text)]
    return frozenset(compounds).union(*(re.split("[-._]", compound) for compound in compounds)) - {""}


def _usual_words(messages: list[str]) -> frozenset[str]:
    """The words that more than half of the messages have."""
    counted = collections.Counter(word for message in messages for word in words_of(message[:MAX_LENGTH]))
    return frozenset(word for word, count in counted.items() if 2 * count > len(messages))


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value))


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
