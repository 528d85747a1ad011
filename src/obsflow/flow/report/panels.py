"""What a page shows of one alerting rule: its graph, and beneath it its alerts, its mutes and whom it told."""

from collections.abc import Sequence
from typing import Final

from obsflow.flow.report.activity import RuleActivity
from obsflow.flow.report.axes import TimeAxis
from obsflow.flow.report.bands import Band
from obsflow.flow.report.curves import Graph
from obsflow.flow.report.figures import (
    name_by,
    plural,
    render_labels,
    render_moment,
    render_number,
    render_span,
    render_times,
    telling_names,
)
from obsflow.flow.report.lanes import SHOWN, alert_lanes, mute_lanes, receiver_lanes
from obsflow.flow.report.markup import Child, Markup, cut_off, element, join, table
from obsflow.flow.report.svg import Stretch, draw
from obsflow.promql.formatter import format_query
from obsflow.rules import AlertingRule, AlertState

MAX_ROWS: Final = 60

_LINKS: Final = ("https://", "http://")


def render_panel(
    number: int, activity: RuleActivity, graph: Graph, axis: TimeAxis, faults: Sequence[Stretch], act_within_ms: int
) -> Markup:
    """The section of a rule that had an alert."""
    rule = activity.rule
    counts = _count(activity, axis.end)
    lanes = [
        *alert_lanes(activity, graph, axis.end),
        *mute_lanes(activity),
        *receiver_lanes(activity.notifications),
    ]
    drawing = draw(
        axis,
        lanes,
        title=rule.alert,
        description=f"{_subject(graph)}, its alerts and its notifications over time: {counts}.",
        graph=graph,
        faults=faults,
    )
    return element(
        "section",
        element("h3", rule.alert, element("small", f"{activity.group.name} · {_file(activity.group.source)}")),
        element("p", _settings(rule), class_="meta"),
        element("pre", element("code", format_query(rule.expr))),
        element("figure", drawing, _legend(graph), _notes(graph), element("figcaption", f"{counts}.")),
        _annotations(rule),
        _alerts(activity, axis.end, act_within_ms),
        class_="rule",
        id=f"rule-{number}",
    )


def render_silent(rules: Sequence[RuleActivity]) -> Markup:
    """The rules that never had an alert, folded away."""
    rows: list[list[Child]] = [
        [
            each.rule.alert,
            each.group.name,
            element("code", format_query(each.rule.expr)),
            render_span(each.rule.for_ms) if each.rule.for_ms else "",
        ]
        for each in rules
    ]
    return element(
        "details",
        element("summary", f"{plural(len(rules), 'rule')} never had an alert"),
        table(("Alert", "Group", "Expression", "For"), rows),
    )


def _file(source: str) -> str:
    return source.rpartition("/")[2]


def _subject(graph: Graph) -> str:
    return "The expression" if graph.threshold is None else "The left side of the comparison, with its threshold"


def _settings(rule: AlertingRule) -> Markup:
    durations = [("for", rule.for_ms), ("keep_firing_for", rule.keep_firing_for_ms)]
    texts = [(name, render_span(duration)) for name, duration in durations if duration] + sorted(rule.labels.items())
    return join(element("span", element("b", f"{name} "), element("bdi", text), class_="tag") for name, text in texts)


def _annotations(rule: AlertingRule) -> Markup | None:
    """Texts as they are written; one that is nothing but an address can be followed."""
    if not rule.annotations:
        return None

    def show(text: str) -> Markup:
        is_link = text.startswith(_LINKS) and not any(c.isspace() or c in "{}" for c in text)
        return element("a", text, href=text, rel="noreferrer noopener") if is_link else element("bdi", text)

    pairs = [(element("dt", name), element("dd", show(text))) for name, text in sorted(rule.annotations.items())]
    return element("details", element("summary", "annotations"), element("dl", pairs))


def _count(activity: RuleActivity, end: int) -> str:
    bands = [band for each in activity.histories for band in each.bands]
    firings = [band for each in activity.histories for band in each.firings()]
    pending = sum(band.state is AlertState.PENDING for band in bands)
    fired = "never fired"
    if firings:
        span = render_span(sum(each.duration_ms(end) for each in firings))
        fired = f"fired {render_times(len(firings))}, for {span} in all"
    parts = [plural(len(activity.histories), "alert")]
    parts += [f"pending {render_times(pending)}"] if pending else []
    return ", ".join([*parts, fired, plural(len(activity.notifications), "notification")])


def _notes(graph: Graph) -> Markup | None:
    if graph.problem:
        return element("p", f"The graph cannot be drawn: {graph.problem}", class_="note")
    notes = []
    if graph.series > len(graph.curves):
        notes.append(f"{graph.series - len(graph.curves):,} more series are not drawn.")
    if graph.failures:
        notes.append(f"{plural(graph.failures, 'evaluation')} failed, which leaves gaps.")
    if graph.column_ms:
        width = render_span(graph.column_ms)
        notes.append(f"Drawn are the least and the greatest value within every {width}.")
    return element("p", " ".join(notes), class_="note") if notes else None


def _legend(graph: Graph) -> Markup | None:
    if not graph.curves:
        return None
    telling = telling_names([each.labels for each in graph.curves])
    items = []
    for i, curve in enumerate(graph.curves):
        line = element("path", d="M1 5h20", class_=f"curve c{i}")
        sample = element("svg", line, viewBox="0 0 22 9", aria_hidden="true")
        text = name_by(curve.labels, telling, with_names=True) if telling else str(curve.labels)
        items.append(element("li", sample, element("bdi", text), title=str(curve.labels)))
    return element("ul", items, class_="legend")


# -- the table of alerts


def _alerts(activity: RuleActivity, end: int, act_within_ms: int) -> Markup:
    bands = [(each, band) for each in activity.histories for band in each.bands if band.state in SHOWN]
    bands.sort(key=lambda item: item[1].start)
    rows: list[list[Child]] = [
        [
            element("span", render_moment(band.start), class_="t"),
            band.state.value,
            _lasted(band, end, act_within_ms),
            render_number(band.value),
            band.reason,
            element("bdi", render_labels(history.labels.without("alertname", *activity.fixed_labels))),
        ]
        for history, band in bands[:MAX_ROWS]
    ]
    return element(
        "details",
        element("summary", "alerts"),
        table(("From", "State", "For", "Value", "Because", "Labels"), rows, numeric=(2, 3)),
        cut_off(len(bands), len(rows), "changes"),
    )


def _lasted(band: Band, end: int, act_within_ms: int) -> str:
    text = render_span(band.duration_ms(end))
    is_brief = band.state is AlertState.FIRING and band.end is not None and band.duration_ms(end) < act_within_ms
    return f"{text} until the end" if band.end is None else f"{text}, brief" if is_brief else text
