"""The rows beneath a graph: alerts in their states, when they were muted, and when each receiver was told."""

from collections.abc import Iterable, Sequence
from typing import Final

from obsflow.flow.report.activity import RuleActivity
from obsflow.flow.report.bands import AlertHistory, Band
from obsflow.flow.report.curves import Graph
from obsflow.flow.report.figures import (
    count_alerts,
    name_by,
    plural,
    render_labels,
    render_moment,
    render_number,
    telling_names,
)
from obsflow.flow.report.svg import Lane, Mark, Stretch, describe_span
from obsflow.model.notifications import AlertStatus, Notification
from obsflow.rules import AlertState

MAX_ALERTS: Final = 16
"""So many alerts have a lane of their own; the others share one."""
MAX_RECEIVERS: Final = 8
MAX_REASONS: Final = 4
SHOWN: Final = frozenset({AlertState.PENDING, AlertState.FIRING, AlertState.KEPT})


def alert_lanes(activity: RuleActivity, graph: Graph, end: int) -> list[Lane]:
    """A lane for each alert of a rule, with the curve of the series that it came of."""
    curves = {activity.series_key(curve.labels): i for i, curve in enumerate(graph.curves)}
    histories = activity.histories
    ignored = ("__name__", "alertname", *activity.fixed_labels)
    sets = [*(each.labels for each in graph.curves), *(each.labels for each in histories)]
    telling = telling_names(sets, ignored)
    own = histories if len(histories) <= MAX_ALERTS else histories[: MAX_ALERTS - 1]
    lanes = []
    for each in own:
        name = name_by(each.labels.without(*ignored), telling) or activity.rule.alert
        curve = curves.get(activity.series_key(each.labels))
        lanes.append(Lane(name, str(each.labels), _stretches(name, each, end), curve=curve))
    rest = histories[len(own) :]
    if rest:
        name = plural(len(rest), "more alert")
        lanes.append(Lane(name, "Alerts without a lane of their own", combine(name, rest, end)))
    return lanes


def _stretches(name: str, history: AlertHistory, end: int) -> list[Stretch]:
    return [
        Stretch(band.state.value, band.start, end if band.end is None else band.end, _tell(name, band, end))
        for band in history.bands
        if band.state in SHOWN
    ]


def _tell(name: str, band: Band, end: int) -> str:
    when = describe_span(band.start, band.end, end)
    return f"{name}: {band.state.value}\n{when}\n{band.reason}, value {render_number(band.value)}"


def combine(name: str, histories: Iterable[AlertHistory], end: int) -> list[Stretch]:
    """When any of some alerts was pending, then when any fired, which is drawn over it."""
    bands = [band for each in histories for band in each.bands]
    out = []
    for kind, states in (("pending", (AlertState.PENDING,)), ("firing", (AlertState.FIRING, AlertState.KEPT))):
        spans = [(band.start, end if band.end is None else band.end) for band in bands if band.state in states]
        out += [
            Stretch(kind, start, until, f"{name}: {kind}\n{describe_span(start, until, end)}")
            for start, until in _unite(spans)
        ]
    return out


def _unite(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The time that some stretches of time cover together."""
    out: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def mute_lanes(activity: RuleActivity) -> list[Lane]:
    """A lane for each way in which alerts of a rule were muted."""
    lanes = []
    for kind in dict.fromkeys(each.kind for each in activity.mutes):
        own = [each for each in activity.mutes if each.kind == kind]
        stretches = []
        for start, end in _unite((each.start, each.end) for each in own):
            reasons = list(dict.fromkeys(each.because for each in own if start <= each.start <= end))
            more = [f"and {len(reasons) - MAX_REASONS} more"] if len(reasons) > MAX_REASONS else []
            lines = [describe_span(start, end, end), *reasons[:MAX_REASONS], *more]
            stretches.append(Stretch(kind, start, end, "\n".join(lines)))
        lanes.append(Lane(kind, f"Alerts that did not reach a receiver: {kind}", stretches))
    return lanes


def receiver_lanes(notifications: Iterable[Notification], most: int = MAX_RECEIVERS) -> list[Lane]:
    """A lane for each receiver, beyond so many one for the rest; its integrations are told of at one place."""
    by_receiver: dict[str, dict[tuple[int, AlertStatus, str], list[Notification]]] = {}
    for each in notifications:
        own = by_receiver.setdefault(each.receiver, {})
        own.setdefault((each.time, each.status, each.group_key), []).append(each)
    lanes = [
        Lane(
            f"→ {receiver}",
            f"What {receiver} was told",
            marks=[Mark(status.value, time, _tell_all(same)) for (time, status, _), same in own.items()],
        )
        for receiver, own in by_receiver.items()
    ]
    if len(lanes) <= most + 1:
        return lanes
    marks = [mark for lane in lanes[most:] for mark in lane.marks]
    return [*lanes[:most], Lane(f"→ {len(lanes) - most} more", "Other receivers", marks=marks)]


def _tell_all(same: Sequence[Notification]) -> str:
    """Who was told what when, and why, in some lines; the notifications differ in their integration."""
    first = same[0]
    return (
        f"{render_moment(first.time)} to {first.receiver} ({', '.join(each.integration for each in same)})\n"
        f"{count_alerts(first)}: {first.reason.value}\n{render_labels(first.group_labels)}"
    )
