"""The tables of a page: each rule, each receiver, each fault, each variation, each notification."""

from collections.abc import Mapping, Sequence
from typing import Final

from obsflow.flow.backtest import BacktestResult
from obsflow.flow.report.bands import alert_histories
from obsflow.flow.report.faults import FaultReport, FaultVerdict
from obsflow.flow.report.figures import count_alerts, plural, render_count, render_labels, render_moment, render_span
from obsflow.flow.report.markup import Child, Markup, cut_off, element, join, table
from obsflow.flow.report.summary import ReceiverSummary, RuleSummary, summarise_rules
from obsflow.flow.report.svg import draw_hours
from obsflow.flow.sweep import Variation
from obsflow.model.notifications import Notification

MAX_ROWS: Final = 300
_RULE_COLUMNS: Final = ("Alerts", "Pending", "Fired", "Time firing", "Longest", "Flaps", "Brief", "Unfired")


def rules_table(summaries: Sequence[RuleSummary], anchors: Mapping[tuple[str, str], str], act_within_ms: int) -> Markup:
    """The figures of each rule; `anchors` are the places of the page where there is more, by group and rule."""
    rows = [[_name(each, anchors), *_figures(each), _pages(each)] for each in summaries]
    note = (
        "Flaps are firings that began again less than 15 minutes after the last had ended. Brief are firings that were "
        f"over within {render_span(act_within_ms)}, before anyone could act. Unfired counts how often an alert was "
        "pending and never fired. Pages are notifications that spoke of a firing alert."
    )
    body = table(("Alert", *_RULE_COLUMNS, "Pages"), rows, numeric=range(1, 9))
    return join(body, element("p", note, class_="note"))


def _name(summary: RuleSummary, anchors: Mapping[tuple[str, str], str]) -> Child:
    anchor = anchors.get((summary.group, summary.rule))
    return element("a", summary.rule, href=f"#{anchor}") if anchor else summary.rule


def _figures(summary: RuleSummary) -> list[Child]:
    spans = [render_span(each) if each else "·" for each in (summary.firing_ms, summary.longest_ms)]
    counts = [render_count(each) for each in (summary.flaps, summary.brief, summary.unfired)]
    return [render_count(summary.alerts), render_count(summary.pending), render_count(summary.fired), *spans, *counts]


def _pages(summary: RuleSummary) -> Child:
    told = sorted(summary.pages, key=lambda page: -page[1])
    return join(
        element("span", element("bdi", receiver), f" {count:,}", class_="tag") for receiver, count in told
    ) if told else element("span", "nobody", class_="quiet")  # fmt: skip


def receivers_table(summaries: Sequence[ReceiverSummary]) -> Markup:
    """What each receiver was told, and at which hours of the day."""
    rows: list[list[Child]] = []
    for each in summaries:
        start, most = each.busiest
        rows.append(
            [
                f"{each.receiver} ({each.integration})",
                render_count(each.notifications),
                render_count(each.firing),
                element("span", f"{render_moment(start, '%Y-%m-%d %H:%M')} ({most:,})", class_="t"),
                draw_hours(each.by_hour, f"Notifications of {each.receiver} by hour of the day"),
            ]
        )
    head = ("Receiver", "Notifications", "of firing alerts", "Busiest hour", "0 h to 24 h UTC")
    return table(head, rows, numeric=(1, 2))


def faults_table(report: FaultReport, end: int) -> Markup:
    """What was wrong and what was said of it, then what fired while nothing was wrong."""
    missed = len(report.missed)
    verdict = f"{len(report.verdicts) - missed} of {plural(len(report.verdicts), 'fault')} detected"
    parts: list[Child] = [element("p", f"{verdict}, {plural(len(report.false), 'false firing')}.")]
    if report.verdicts:
        head = ("Fault", "From", "Lasted", "Verdict", "Detected after", "Told after", "Alerts")
        parts.append(table(head, [_verdict(each, end) for each in report.verdicts[:MAX_ROWS]], numeric=(2, 4, 5)))
        parts.append(cut_off(len(report.verdicts), MAX_ROWS, "faults"))
    if report.false:
        rows: list[list[Child]] = [
            [
                each.rule,
                element("span", render_moment(each.start), class_="t"),
                render_span((end if each.end is None else each.end) - each.start),
                element("bdi", render_labels(each.labels.without("alertname"))),
            ]
            for each in report.false[:MAX_ROWS]
        ]
        caption = "Firings while nothing was wrong"
        parts.append(table(("Alert", "From", "Fired for", "Labels"), rows, caption=caption, numeric=(2,)))
        parts.append(cut_off(len(report.false), MAX_ROWS, "false firings"))
    return join(parts)


def _verdict(verdict: FaultVerdict, end: int) -> list[Child]:
    fault = verdict.fault
    until = end if fault.end is None else fault.end

    def after(time: int | None) -> str:
        return "·" if time is None else f"{(time - fault.start) / 60_000:.1f} min"

    return [
        fault.name or "unnamed",
        element("span", render_moment(fault.start), class_="t"),
        render_span(until - fault.start),
        element("span", "✓ detected", class_="good t")
        if verdict.is_detected
        else element("span", "✗ missed", class_="bad t"),
        after(verdict.detected_at),
        after(verdict.told_at),
        join(element("span", element("bdi", name), f" {after(time)}", class_="tag") for name, time in verdict.alerts),
    ]


def sweep_table(sweeps: Sequence[tuple[Variation, BacktestResult]], end: int, act_within_ms: int) -> Markup:
    """The figures of each rule in each variation; a rule for which none differs has one line."""
    of_variations = [
        {(each.group, each.rule): each for each in summarise_rules(
            alert_histories(result.transitions), [told for told, _ in result.notifications], end, act_within_ms
        )}
        for _, result in sweeps
    ]  # fmt: skip
    names = [str(variation) for variation, _ in sweeps]
    rows: list[Markup] = []
    for group, rule in dict.fromkeys(key for own in of_variations for key in own):
        found = [own.get((group, rule)) for own in of_variations]
        lines = [_sweep_cells(each, found[0]) for each in found]
        if all(each == found[0] for each in found):
            lines, labels = lines[:1], ["all variations"]
        else:
            labels = names
        for i, (label, cells) in enumerate(zip(labels, lines, strict=True)):
            head = element("th", rule, scope="rowgroup", rowspan=len(lines) if len(lines) > 1 else None)
            rows.append(element("tr", None if i else head, element("td", label, class_="t"), cells))
    if not rows:
        return element("p", "No alert was ever active, whatever the variation.")
    columns = ("Alert", "Variation", *_RULE_COLUMNS, "Pages")
    numeric = range(2, 11)
    top = [element("th", each, scope="col", class_="n" if i in numeric else None) for i, each in enumerate(columns)]
    body = element("table", element("thead", element("tr", top)), element("tbody", rows))
    return element("div", body, class_="scroll", tabindex="0")


def _sweep_cells(summary: RuleSummary | None, first: RuleSummary | None) -> Markup:
    """The figures of one variation; what differs from the first one stands out."""
    cells, beside = _sweep_figures(summary), _sweep_figures(first)
    return join(
        element("td", each if each == other else element("strong", each), class_="n")
        for each, other in zip(cells, beside, strict=True)
    )


def _sweep_figures(summary: RuleSummary | None) -> list[Child]:
    if summary is None:
        return ["·"] * (len(_RULE_COLUMNS) + 1)
    return [*_figures(summary), render_count(sum(count for _, count in summary.pages))]


def notifications_table(notifications: Sequence[Notification]) -> Markup:
    """Who was told what, when and why, folded away."""
    rows: list[list[Child]] = [
        [
            element("span", render_moment(each.time), class_="t"),
            f"{each.receiver} ({each.integration})",
            count_alerts(each),
            element("bdi", render_labels(each.group_labels)),
            each.reason.value,
        ]
        for each in notifications[:MAX_ROWS]
    ]
    return element(
        "details",
        element(
            "summary",
            f"all {plural(len(notifications), 'notification')}" if len(notifications) > 1 else "the notification",
        ),
        table(("Time", "To", "Status", "What", "Why"), rows),
        cut_off(len(notifications), MAX_ROWS, "notifications"),
    )
