"""Reports of the incidents of a backtest, each with what an investigation of its time found."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from obsflow.flow.backtest import BacktestResult
from obsflow.flow.investigating import investigate_store
from obsflow.flow.scenario import Scenario
from obsflow.incident import AlertsReceived, IncidentOpened, IncidentResolved, Report, Review, write_report
from obsflow.incident.evidence import Investigation, Judgement, Observations, Window
from obsflow.model.alerts import Alert
from obsflow.model.durations import MINUTE_MS
from obsflow.model.notifications import NotifiedAlert
from obsflow.promql.ast import Expr, MatrixSelector, Subquery, VectorSelector
from obsflow.promql.inspect import walk
from obsflow.rules import AlertingRule, AlertState, RecordingRule, Rule

DEFAULT_BASELINE_MS: Final = 30 * MINUTE_MS


def write_reports(
    effects: Sequence[Any],
    scenario: Scenario,
    result: BacktestResult,
    *,
    reviews: Mapping[int, Review] | None = None,
    beside: Observations | None = None,
    baseline_ms: int = DEFAULT_BASELINE_MS,
    judgement: Judgement | None = None,
) -> tuple[Report, ...]:
    """A report of every incident of `flow.response.page`, in order of their numbers.

    An incident is investigated from when the first of its alerts can have begun to be true: from when it was pending,
    less the longest range that its rule reads and an evaluation interval. It ends with the incident, and `baseline_ms`
    before it are what it is compared with, as far as there is data; without any, there is no investigation. Raises
    QueryError.
    """
    reviews = reviews or {}
    rules = _Rules(scenario)
    reports = []
    for opened in (effect for effect in effects if isinstance(effect, IncidentOpened)):
        incident = opened.incident
        alerts = _alerts(effects, incident)
        since = rules.since(alerts, result)
        windows = _windows(opened, effects, scenario, since, baseline_ms)
        found = None
        if windows is not None:
            found = _investigate(windows, alerts, rules, result, beside or Observations(), judgement)
        analysis = reviews[incident].analysis if incident in reviews else None
        reports.append(write_report(effects, incident, analysis, found))
    return tuple(reports)


def _investigate(
    windows: tuple[Window, Window],
    alerts: Iterable[NotifiedAlert],
    rules: "_Rules",
    result: BacktestResult,
    beside: Observations,
    judgement: Judgement | None,
) -> Investigation:
    firing = [Alert(alert.labels, alert.annotations, alert.starts_at) for alert in alerts]
    names = dict.fromkeys(alert.name for alert in firing)
    reads = [rule.expr for name in names for rule in rules.alerting.get(name, ())]
    seen = attrs.evolve(beside, alerts=[*beside.alerts, *firing])
    return investigate_store(result.store, *windows, beside=seen, reads=reads, judgement=judgement)


def _alerts(effects: Iterable[Any], incident: int) -> tuple[NotifiedAlert, ...]:
    """The alerts that an incident heard of, each as it was first told."""
    told = (effect.alerts for effect in effects if isinstance(effect, AlertsReceived) and effect.incident == incident)
    first: dict[tuple[int, int], NotifiedAlert] = {}
    for alert in (alert for alerts in told for alert in alerts):
        first.setdefault((alert.fingerprint, alert.starts_at), alert)
    return tuple(first.values())


def _windows(
    opened: IncidentOpened, effects: Iterable[Any], scenario: Scenario, since: int, baseline_ms: int
) -> tuple[Window, Window] | None:
    resolved = (
        each.time for each in effects if isinstance(each, IncidentResolved) and each.incident == opened.incident
    )
    end = max(next(resolved, scenario.end), opened.time + 1)
    start = max(since - baseline_ms, scenario.database.min_time)
    return None if start >= since else (Window(start, since), Window(since, end))


class _Rules:
    """The rules of a scenario by name, and how far back each looks."""

    def __init__(self, scenario: Scenario) -> None:
        self.alerting: dict[str, list[AlertingRule]] = {}
        self._recording: dict[str, Rule] = {}
        self._interval_ms: dict[str, int] = {}
        default_ms = scenario.prometheus.global_.evaluation_interval_ms
        for group in (group for file in scenario.rule_files for group in file.groups):
            for rule in group.rules:
                interval_ms = group.interval_ms or default_ms
                self._interval_ms[rule.name] = max(interval_ms, self._interval_ms.get(rule.name, 0))
                if isinstance(rule, AlertingRule):
                    self.alerting.setdefault(rule.name, []).append(rule)
                elif isinstance(rule, RecordingRule):
                    self._recording[rule.name] = rule

    def since(self, alerts: Sequence[NotifiedAlert], result: BacktestResult) -> int:
        """When (ms) what made the first of some alerts can have begun."""
        active: dict[tuple[str, int], list[tuple[frozenset[tuple[str, str]], int]]] = {}
        for each in result.transitions:
            if each.to_state is AlertState.FIRING:
                active.setdefault((each.rule, each.time), []).append((frozenset(each.labels.pairs), each.active_at))
        times = []
        for alert in alerts:
            name, pairs = alert.labels.get("alertname"), frozenset(alert.labels.pairs)
            fired = active.get((name, alert.starts_at), ())
            began = min((at for labels, at in fired if labels <= pairs), default=alert.starts_at)
            reach = max((self._reach(rule.expr, ()) for rule in self.alerting.get(name, ())), default=0)
            times.append(began - reach - self._interval_ms.get(name, 0))
        return min(times)

    def _reach(self, expr: Expr, within: tuple[str, ...]) -> int:
        """How far back (ms) an expression looks, through the rules that write what it reads."""
        reaches = [0]
        for node, above in walk(expr):
            if not isinstance(node, VectorSelector):
                continue
            ranges = (each.range for each in above if isinstance(each, MatrixSelector | Subquery))
            own = sum(length for length in ranges if isinstance(length, int))
            rule = self._recording.get(node.name) if node.name not in within else None
            if rule is not None:
                own += self._reach(rule.expr, (*within, node.name)) + self._interval_ms[rule.name]
            reaches.append(own)
        return max(reaches)
