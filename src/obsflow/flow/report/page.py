"""A backtest as one HTML document that needs nothing else: tables, and a graph of each rule over one axis of time."""

import base64
import collections
import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from obsflow.flow.backtest import BacktestResult
from obsflow.flow.report.activity import RuleActivity, find_activity
from obsflow.flow.report.axes import TimeAxis
from obsflow.flow.report.bands import alert_histories
from obsflow.flow.report.curves import draw_graph, evaluation_times
from obsflow.flow.report.faults import FaultReport
from obsflow.flow.report.figures import plural, render_moment, render_number, render_span
from obsflow.flow.report.lanes import combine, receiver_lanes
from obsflow.flow.report.markup import Child, Content, Markup, cut_off, element, table
from obsflow.flow.report.panels import render_panel, render_silent
from obsflow.flow.report.style import CSS, JS, PATTERNS
from obsflow.flow.report.summary import DEFAULT_ACT_WITHIN_MS, RuleSummary, summarise_receivers, summarise_rules
from obsflow.flow.report.svg import Lane, Stretch, describe_span, draw
from obsflow.flow.report.tables import faults_table, notifications_table, receivers_table, rules_table, sweep_table
from obsflow.flow.scenario import Scenario
from obsflow.flow.sweep import Variation
from obsflow.query.engine import Engine

MAX_PANELS: Final = 100
"""So many rules get a graph: those that paged most, then those that fired and were pending most often."""
MAX_OVERVIEW: Final = 40
_MAX_PROBLEMS: Final = 50


def render_page(
    scenario: Scenario,
    result: BacktestResult,
    *,
    title: str = "Backtest",
    faults: FaultReport | None = None,
    sweeps: Sequence[tuple[Variation, BacktestResult]] = (),
    act_within_ms: int = DEFAULT_ACT_WITHIN_MS,
) -> str:
    """The page of a backtest of `scenario`; equal results give equal pages.

    It loads nothing, works from a file, and says all it has to say without its script. `faults` adds what was detected
    and missed, `sweeps` what other durations and thresholds would have led to. Expressions are evaluated again, at
    every evaluation of the rules that have a graph.
    """
    return _Page(scenario, result, faults, act_within_ms).render(title, sweeps)


class _Page:
    """What all parts of a page are made of."""

    def __init__(
        self, scenario: Scenario, result: BacktestResult, faults: FaultReport | None, act_within_ms: int
    ) -> None:
        self.scenario = scenario
        self.result = result
        self.faults = faults
        self.act_within_ms = act_within_ms
        self.axis = TimeAxis(scenario.start, scenario.end)
        self.told = [notification for notification, _ in result.notifications]
        histories = alert_histories(result.transitions)
        self.summaries = summarise_rules(histories, self.told, scenario.end, act_within_ms)
        self.activity = find_activity(scenario, result)
        self.active = [each for each in self.activity if each.is_active]
        self.with_panel = self._choose(MAX_PANELS)
        self.shades = self._shades()

    def render(self, title: str, sweeps: Sequence[tuple[Variation, BacktestResult]]) -> str:
        """The document."""
        sections = [self._head(title), self._overview(), self._summary(), self._receivers()]
        if self.faults is not None:
            sections.append(_section("Faults", faults_table(self.faults, self.scenario.end)))
        if sweeps:
            sections.append(_section("Variations", sweep_table(sweeps, self.scenario.end, self.act_within_ms)))
        sections += [self._rules(), self._problems()]
        body = element("body", Markup(PATTERNS.strip()), element("main", sections), element("script", Markup(JS)))
        head = element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_policy()),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", title),
            element("style", Markup(CSS)),
        )
        return f"<!DOCTYPE html>\n{element('html', head, body, lang='en').text}\n"

    # -- parts

    def _head(self, title: str) -> Markup:
        scenario, result = self.scenario, self.result
        span = f"{render_moment(scenario.start)} to {render_moment(scenario.end)} UTC"
        groups = sum(len(file.groups) for file in scenario.rule_files)
        rules = sum(len(group.rules) for file in scenario.rule_files for group in file.groups)
        fired = sum(each.fired > 0 for each in self.summaries)
        facts: list[tuple[str, Child, str]] = [
            ("Replayed", render_span(scenario.end - scenario.start), ""),
            ("Evaluations", f"{result.evaluations:,}", f"{plural(rules, 'rule')}, {plural(groups, 'group')}"),
            ("Rules that fired", str(fired), f"of {len(self.activity):,} alerting"),
            ("Notifications", f"{len(self.told):,}", "" if scenario.alertmanager else "no routes were given"),
        ]
        if self.faults is not None:
            detected = len(self.faults.verdicts) - len(self.faults.missed)
            facts.append(
                ("Faults detected", f"{detected} of {len(self.faults.verdicts)}", f"{len(self.faults.false)} false")
            )
        routes = f"Routes as {scenario.info.compat} has them" if scenario.alertmanager else "No routes"
        silences = f", {plural(len(scenario.silences), 'silence')}" if scenario.silences else ""
        sources = ", ".join(file.source.rpartition("/")[2] for file in scenario.rule_files[:8])
        more = f" and {len(scenario.rule_files) - 8} more" if len(scenario.rule_files) > 8 else ""
        return element(
            "header",
            element("h1", title),
            element("p", span),
            element("p", f"{routes}{silences}; rules of {sources or 'no file'}{more}.", class_="note"),
            element(
                "dl",
                [element("div", element("dt", a), element("dd", b, " ", element("small", c))) for a, b, c in facts],
                class_="facts",
            ),
            self._alarm(),
        )

    def _alarm(self) -> Markup | None:
        """What a reader must not miss; the details are at the end."""
        counts = [
            (len(self.result.failures), "failed evaluation"),
            (len(self.result.rejected), "lost sample"),
            (len(self._warnings()), "warning"),
        ]
        told = [plural(count, what) for count, what in counts if count]
        link = element("a", ", ".join(told), href="#problems")
        return element("p", element("span", "⚠ ", class_="bad"), link) if told else None

    def _overview(self) -> Markup | None:
        """All that happened on one drawing: faults, each rule, each receiver."""
        lanes = []
        if self.shades:
            lanes.append(Lane("faults", "What was really wrong", self.shades))
        chosen = self._choose(MAX_OVERVIEW)
        lanes += [
            Lane(each.rule.alert, each.rule.alert, combine(each.rule.alert, each.histories, self.scenario.end))
            for each in chosen
        ]
        lanes += receiver_lanes(self.told, MAX_OVERVIEW)
        if not lanes:
            return None
        drawing = draw(
            self.axis,
            lanes,
            title="Overview",
            description="When alerts of each rule were pending and firing, and when each receiver was told. "
            "The tables below have the same in figures.",
            faults=self.shades,
        )
        rest = cut_off(len(self.active), len(chosen), "rules that had an alert, in the table below")
        return _section("At a glance", element("figure", drawing, _key()), rest)

    def _summary(self) -> Markup:
        if not self.summaries:
            return _section("Rules", element("p", "No alert was ever active."))
        anchors = {
            (each.group.name, each.rule.alert): f"rule-{i}" for i, each in reversed(list(enumerate(self.with_panel)))
        }
        noisy_first = sorted(self.summaries, key=_noise, reverse=True)
        return _section("Rules", rules_table(noisy_first, anchors, self.act_within_ms))

    def _receivers(self) -> Markup | None:
        if not self.told:
            return None
        return _section("Receivers", receivers_table(summarise_receivers(self.told)), notifications_table(self.told))

    def _rules(self) -> Markup:
        step_ms = self.scenario.prometheus.global_.evaluation_interval_ms
        engine = Engine(self.result.store, default_step_ms=step_ms)
        panels = [self._panel(engine, number, each) for number, each in enumerate(self.with_panel)]
        silent = [each for each in self.activity if not each.is_active]
        return _section(
            "Rule by rule",
            _filter() if len(panels) > 5 else None,
            panels,
            cut_off(len(self.active), len(panels), "rules that had an alert, without a graph"),
            render_silent(silent) if silent else None,
            None if self.activity else element("p", "There are no alerting rules."),
        )

    def _panel(self, engine: Engine, number: int, activity: RuleActivity) -> Markup:
        settings, group = self.scenario.prometheus.global_, activity.group
        interval = group.interval_ms or settings.evaluation_interval_ms
        offset = settings.rule_query_offset_ms if group.query_offset_ms is None else group.query_offset_ms
        times = evaluation_times(activity, interval, self.scenario.start, self.scenario.end)
        graph = draw_graph(engine, activity, times, offset, self.axis)
        return render_panel(number, activity, graph, self.axis, self.shades, self.act_within_ms)

    def _problems(self) -> Markup | None:
        """What failed, what was lost, what was slow to replay."""
        parts = list(self._problem_parts())
        return _section("How it was replayed", parts, id="problems") if parts else None

    def _problem_parts(self) -> Iterator[Child]:
        result = self.result
        warnings = self._warnings()
        if warnings:
            yield element("ul", [element("li", each) for each in warnings[:_MAX_PROBLEMS]])
            yield cut_off(len(warnings), _MAX_PROBLEMS, "warnings")
        if result.failures:
            counts = collections.Counter((each.group, each.rule) for each in result.failures)
            first = {(each.group, each.rule): each for each in reversed(result.failures)}
            rows: list[list[Child]] = [
                [
                    rule,
                    group,
                    f"{count:,}",
                    element("span", render_moment(first[group, rule].time), class_="t"),
                    first[group, rule].error,
                ]
                for (group, rule), count in counts.most_common(_MAX_PROBLEMS)
            ]
            head = ("Rule", "Group", "Failures", "First", "Its error")
            yield table(head, rows, caption="Evaluations that failed", numeric=(2,))
            yield cut_off(len(counts), _MAX_PROBLEMS, "rules with failures")
        if result.rejected:
            lost: list[list[Child]] = [
                [
                    str(each.labels),
                    element("span", render_moment(each.time), class_="t"),
                    render_number(each.value),
                    each.error,
                ]
                for each in result.rejected[:_MAX_PROBLEMS]
            ]
            yield table(("Series", "Time", "Value", "Error"), lost, caption="Samples that were lost", numeric=(2,))
            yield cut_off(len(result.rejected), _MAX_PROBLEMS, "lost samples")
        if result.stepped:
            stepped: list[list[Child]] = [[each.group, each.rule, each.reason.value] for each in result.stepped]
            yield table(("Group", "Rule", "Because it"), stepped, caption="Groups that were led from tick to tick")

    # -- what they need

    def _warnings(self) -> list[str]:
        problems = getattr(self.scenario.database, "problems", ())  # an in-memory store has none
        unapplied = (
            f"{each} is not applied: alerts reach the routes with all their labels"
            for each in self.scenario.prometheus.unapplied
        )
        return [*map(str, problems), *unapplied]

    def _choose(self, most: int) -> list[RuleActivity]:
        """At most so many of the rules that had an alert, the noisiest, in the order of the files."""
        known = {(each.group, each.rule): _noise(each) for each in self.summaries}
        noisy_first = sorted(self.active, key=lambda each: known[each.group.name, each.rule.alert], reverse=True)
        kept = {id(each) for each in noisy_first[:most]}
        return [each for each in self.active if id(each) in kept]

    def _shades(self) -> list[Stretch]:
        end = self.scenario.end
        found = [] if self.faults is None else [each.fault for each in self.faults.verdicts]
        return [
            Stretch(
                "fault",
                each.start,
                end if each.end is None else each.end,
                f"{each.name}\n{describe_span(each.start, each.end, end)}",
                each.name,
            )
            for each in found
        ]


def _filter() -> Markup:
    hint = "only rules that mention …"
    return element("p", element("input", type="search", placeholder=hint, aria_label=hint), class_="filter")


def _noise(summary: RuleSummary) -> tuple[int, int, int]:
    """What a rule is ranked by: how often it paged, fired, and was pending."""
    return sum(count for _, count in summary.pages), summary.fired, summary.pending


def _section(heading: str, *parts: Content, id: str | None = None) -> Markup:  # noqa: A002 - HTML's word
    return element("section", element("h2", heading), *parts, id=id)


def _key() -> Markup:
    """What the marks mean."""
    bands = (
        ("pending", "pending (P)"), ("firing", "firing (F)"), ("kept", "kept firing (K)"),
        ("silenced", "silenced (S), inhibited (I), off hours (H)"), ("fault", "fault"),
    )  # fmt: skip
    samples = [
        (element("rect", x="1", y="2", width="28", height="10", class_=f"b {look}"), text) for look, text in bands
    ]
    samples += [
        (element("path", d="M15 2l4.5 9h-9z", class_="mark firing"), "told: firing"),
        (element("path", d="M15 11l4.5-9h-9z", class_="mark resolved"), "told: resolved"),
    ]
    return element(
        "div",
        [
            element("span", element("svg", shape, viewBox="0 0 30 14", aria_hidden="true"), text)
            for shape, text in samples
        ],
        class_="key",
    )


def _policy() -> str:
    """Nothing may be loaded, and no script runs but the page's own."""
    script, style = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (JS, CSS))
    own = f"script-src 'sha256-{script}'; style-src 'sha256-{style}'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
