"""What `obsflow backtest` prints: who was told, what each alert did, what was kept quiet, and what was really wrong."""

import collections
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from obsflow.cli.table import render_table
from obsflow.flow.backtest import BacktestResult
from obsflow.flow.records import false_firing_record, fault_record, receiver_record, rule_record
from obsflow.flow.report.bands import alert_histories
from obsflow.flow.report.faults import FaultReport, FaultVerdict
from obsflow.flow.report.summary import ReceiverSummary, RuleSummary, summarise_receivers, summarise_rules
from obsflow.flow.scenario import Scenario
from obsflow.flow.sweep import Variation
from obsflow.incident import IncidentOpened, Page, Transition
from obsflow.model.durations import HOUR_MS, MINUTE_MS, render_duration
from obsflow.model.notifications import AlertStatus, Notification
from obsflow.model.times import render_rfc3339

_DAY_MS = 24 * HOUR_MS


@attrs.frozen(eq=False)
class Report:
    """A backtest and the figures that are told of it; `sweeps` has those of each variation."""

    scenario: Scenario
    result: BacktestResult
    rules: tuple[RuleSummary, ...]
    receivers: tuple[ReceiverSummary, ...]
    faults: FaultReport | None
    sweeps: tuple[tuple[Variation, tuple[RuleSummary, ...], int], ...]

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        result: BacktestResult,
        faults: FaultReport | None,
        sweeps: Sequence[tuple[Variation, BacktestResult]],
        act_within_ms: int,
    ) -> "Report":
        """Add it all up."""

        def add_up(of: BacktestResult) -> tuple[RuleSummary, ...]:
            told = [notification for notification, _ in of.notifications]
            return summarise_rules(alert_histories(of.transitions), told, scenario.end, act_within_ms)

        return cls(
            scenario,
            result,
            add_up(result),
            summarise_receivers(notification for notification, _ in result.notifications),
            faults,
            tuple((variation, add_up(each), len(each.notifications)) for variation, each in sweeps),
        )


def summary_records(report: Report) -> Iterator[dict[str, Any]]:
    """The figures as plain data, each saying what `kind` it is."""
    for rule in report.rules:
        yield {"kind": "rule", **rule_record(rule)}
    for receiver in report.receivers:
        yield {"kind": "receiver", **receiver_record(receiver)}
    if report.faults is not None:
        for verdict in report.faults.verdicts:
            yield {"kind": "fault", **fault_record(verdict)}
        for firing in report.faults.false:
            yield {"kind": "false firing", **false_firing_record(firing)}
    for variation, rules, _ in report.sweeps:
        for rule in rules:
            yield {"kind": "variation", "variation": str(variation), **rule_record(rule)}


def render_pages(effects: Sequence[object]) -> str:
    """Who was paged when and why, and how it ended."""
    titles = {effect.incident: effect.title for effect in effects if isinstance(effect, IncidentOpened)}
    rows = []
    for effect in effects:
        match effect:
            case Page(method=method, position=position):
                who, how = effect.user, f"{method.kind}, level {position.level + 1}"
                why = effect.reason.cause.value
            case Transition():
                who, how, why = effect.by or "", effect.to_state.value, effect.reason.value
            case _:
                continue
        rows.append((_render_time(effect.time), f"#{effect.incident} {titles.get(effect.incident, '')}", who, how, why))
    if not rows:
        return "no incident"
    return render_table(("TIME", "INCIDENT", "WHO", "WHAT", "WHY"), rows)


def render_report(report: Report) -> str:
    """The report for people."""
    return "\n\n".join(part for part in _parts(report) if part)


def _parts(report: Report) -> Iterator[str]:
    scenario, result = report.scenario, report.result
    span = f"{_render_time(scenario.start)} to {_render_time(scenario.end)}"
    yield f"{span}, {result.evaluations} evaluations, {len(result.notifications)} notifications"
    if result.notifications:
        header = ("TIME", "TO", "STATUS", "WHAT", "WHY")
        yield render_table(header, [_row(each) for each, _ in result.notifications])
    yield _render_rules(report.rules) if report.rules else "no alert was ever active"
    if report.receivers:
        yield _render_receivers(report)
    yield from _render_quiet(result)
    if report.faults is not None:
        yield from _render_faults(report.faults)
    if report.sweeps:
        yield _render_sweeps(report.sweeps)
    yield from _render_troubles(result)


def _render_time(time_ms: int) -> str:
    """To the second, which is what people read; the files have the milliseconds."""
    return render_rfc3339(time_ms // 1000 * 1000)


def _span(duration_ms: int) -> str:
    return render_duration(duration_ms // 1000 * 1000)


def _row(notification: Notification) -> tuple[str, ...]:
    status = collections.Counter(alert.status for alert in notification.alerts)
    firing, resolved = status[AlertStatus.FIRING], status[AlertStatus.RESOLVED]
    counts = f"{firing} firing" + (f", {resolved} resolved" if resolved else "") if firing else f"{resolved} resolved"
    group = " ".join(f"{name}={value}" for name, value in notification.group_labels.pairs)
    return (
        _render_time(notification.time),
        f"{notification.receiver} ({notification.integration})",
        counts,
        group,
        notification.reason.value,
    )


def _render_rules(rules: Sequence[RuleSummary]) -> str:
    """How often each rule's alerts were pending and firing, for how long, and whether that was worth a word."""
    header = ("ALERT", "PENDING", "FIRED", "TIME FIRING", "LONGEST", "FLAPS", "BRIEF", "PAGES")
    return render_table(
        header,
        [
            (
                each.rule,
                str(each.pending),
                str(each.fired),
                _span(each.firing_ms),
                _span(each.longest_ms),
                str(each.flaps),
                str(each.brief),
                ", ".join(f"{count} to {receiver}" for receiver, count in each.pages) or "none",
            )
            for each in rules
        ],
    )


def _render_receivers(report: Report) -> str:
    days = max(1.0, (report.scenario.end - report.scenario.start) / _DAY_MS)
    rows = [
        (
            f"{each.receiver} ({each.integration})",
            str(each.notifications),
            f"{each.notifications / days:.1f}",
            f"{each.busiest[1]} from {_render_time(each.busiest[0])}",
        )
        for each in report.receivers
    ]
    return render_table(("TO", "NOTIFICATIONS", "A DAY", "BUSIEST HOUR"), rows)


def _render_quiet(result: BacktestResult) -> Iterator[str]:
    """What was kept from somebody."""
    muted = collections.Counter(
        (labels.get("alertname"), type(cause).__name__.lower(), each.receiver)
        for each in result.decisions
        for labels, cause in each.muted
    )
    if muted:
        rows = [(*key, f"{count} times") for key, count in muted.items()]
        yield render_table(("KEPT QUIET", "BECAUSE", "FROM", "LOOKED AT"), rows)


def _render_faults(faults: FaultReport) -> Iterator[str]:
    """What was really wrong, and what was not."""
    header = ("FAULT", "FROM", "VERDICT", "DETECTED AFTER", "TOLD AFTER", "BY")
    yield render_table(header, [_fault(each) for each in faults.verdicts])
    detected = [each for each in faults.verdicts if each.is_detected]
    line = f"{len(detected)} of {len(faults.verdicts)} faults detected, {len(faults.false)} firings with nothing wrong"
    delays = sorted(each.detected_at - each.fault.start for each in detected if each.detected_at is not None)
    if delays:
        line += f"; minutes to detect, median: {delays[len(delays) // 2] / MINUTE_MS:.1f}"
    yield line
    if faults.false:
        rows = [
            (
                each.rule,
                _render_time(each.start),
                "" if each.end is None else _span(each.end - each.start),
                str(each.labels),
            )
            for each in faults.false
        ]
        yield render_table(("FALSE", "FROM", "FOR", "LABELS"), rows)


def _fault(verdict: FaultVerdict) -> tuple[str, ...]:
    fault = verdict.fault
    after = ["" if at is None else _span(at - fault.start) for at in (verdict.detected_at, verdict.told_at)]
    by = ", ".join(name for name, _ in verdict.alerts)
    return fault.name, _render_time(fault.start), "detected" if verdict.is_detected else "missed", *after, by


def _render_sweeps(sweeps: Sequence[tuple[Variation, Sequence[RuleSummary], int]]) -> str:
    """The rules one after the other, each with its variations beneath one another."""
    names = dict.fromkeys((each.group, each.rule) for _, rules, _ in sweeps for each in rules)
    rows = []
    for key in names:
        for variation, rules, _ in sweeps:
            each = next((each for each in rules if (each.group, each.rule) == key), None)
            figures = ("0", "0", "0s", "0", "0", "0")
            if each is not None:
                pages = sum(count for _, count in each.pages)
                figures = (
                    str(each.pending),
                    str(each.fired),
                    _span(each.firing_ms),
                    str(each.flaps),
                    str(each.brief),
                    str(pages),
                )
            rows.append((key[1], str(variation), *figures))
    totals = [("notifications", str(variation), "", "", "", "", "", str(count)) for variation, _, count in sweeps]
    header = ("ALERT", "WITH", "PENDING", "FIRED", "TIME FIRING", "FLAPS", "BRIEF", "PAGES")
    return render_table(header, [*rows, *totals])


def _render_troubles(result: BacktestResult) -> Iterator[str]:
    """What failed, what was lost, and what was slow to replay."""
    if result.failures:
        first = result.failures[0]
        where = f"the first of {first.rule} at {_render_time(first.time)}"
        yield f"{len(result.failures)} evaluations failed, {where}: {first.error}"
    if result.rejected:
        lost = result.rejected[0]
        where = f"the first of {lost.labels} at {_render_time(lost.time)}"
        yield f"{len(result.rejected)} samples lost, {where}: {lost.error}"
    if result.stepped:
        rows = [(each.group, f"{each.rule} {each.reason.value}") for each in result.stepped]
        yield render_table(("LED FROM TICK TO TICK", "BECAUSE"), rows)
