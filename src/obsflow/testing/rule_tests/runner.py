"""Runs one test of rules: its series in virtual time, its rules at their ticks, and its expectations held against them.

By default everything is as in promtool. Rules are evaluated at the start of the test and every evaluation interval
after it, whatever interval their group has, up to the largest time that an expectation names; only the samples until
then exist for a rule, and only those until the last evaluation for a query. A rule that fails ends the test.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import attrs

from obsflow.alertmanager import OBSFLOW, Alertmanager, Compat, Config, Decision, Delivered, Notify, parse_compat
from obsflow.errors import ConfigError
from obsflow.flow.loop import Flow, SampleRejected
from obsflow.model.durations import render_duration
from obsflow.model.notifications import Notification
from obsflow.promql import PROMETHEUS, Dialect
from obsflow.query.context import MAX_TIME
from obsflow.rules import AlertState, EvaluationFailed, RuleGroup, Transition
from obsflow.testing.outcome import CaseOutcome, Finding
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.rule_tests.coverage import Coverage
from obsflow.testing.rule_tests.data import InputData, read_input
from obsflow.testing.rule_tests.document import AlertTest, RuleTest, RuleTestFile
from obsflow.testing.rule_tests.external_urls import UntrimmedUrl, without_url
from obsflow.testing.rule_tests.notifications import judge_notifications
from obsflow.testing.rule_tests.replay import RuleReplay, Surroundings
from obsflow.testing.rule_tests.report import ALERT_NAME, History, alert_differences
from obsflow.testing.rule_tests.samples import judge_expr, needs_histograms, selected_histograms

_STATES: Mapping[str, frozenset[AlertState]] = {
    "firing": frozenset((AlertState.FIRING, AlertState.KEPT)),
    "pending": frozenset((AlertState.PENDING,)),
}
_MAX_TICKS = 10_000_000
_REST_OF_SECOND_MS = 999
"""Notifications are expected to the second, and may leave some milliseconds into it."""


def run_rule_test(
    file: RuleTestFile,
    test: RuleTest,
    groups: Sequence[RuleGroup],
    *,
    routes: Config | None = None,
    dialect: Dialect = PROMETHEUS,
    coverage: Coverage | None = None,
) -> CaseOutcome:
    """Run one of the tests of a file over the groups of its rule files, which are evaluated in this order.

    `routes` is the Alertmanager configuration that the test's options name.
    """
    place = test.at[""]
    try:
        data = read_input(test.input_series, test.start, test.interval or file.evaluation_interval)
        _check(file, test, routes)
    except ConfigError as error:
        findings = tuple(
            Finding(attrs.evolve(place, line=each.line, column=each.column), each.message) for each in error.problems
        )
        return CaseOutcome(place.source, place.line, test.name, Verdict.FAILED, findings)
    exprs = (rule.expr for group in groups for rule in group.rules)
    selected = next((each for expr in exprs for each in selected_histograms(expr, data.histograms)), None)
    if selected is not None:
        skipped = (f"a rule selects native histograms, which are not evaluated: {selected}",)
        return CaseOutcome(place.source, place.line, test.name, Verdict.SKIPPED, (), skipped)
    run = _Run(file, test, groups, data, routes, dialect)
    findings = tuple(run.findings())
    if coverage is not None:
        run.count(coverage)
    verdict = Verdict.FAILED if findings else Verdict.SKIPPED if run.skipped else Verdict.PASSED
    return CaseOutcome(place.source, place.line, test.name, verdict, findings, tuple(run.skipped))


def _check(file: RuleTestFile, test: RuleTest, routes: Config | None) -> None:
    """Raise ConfigError for what is wrong with a test by itself."""
    problems = [
        each.at[""].problem(
            "", f"an alert_rule_test needs an alertname (at eval_time {render_duration(each.eval_time)})"
        )
        for each in test.alert_rule_test
        if not each.alertname
    ]
    end = test.start + max(test.last_time, file.options_of(test).until or 0)
    if not -MAX_TIME <= test.start <= end <= MAX_TIME:
        problems.append(test.at[""].problem("", "the test is too far from the epoch"))
    if (end - test.start) // file.evaluation_interval > _MAX_TICKS:
        problems.append(test.at[""].problem("", f"the test asks for more than {_MAX_TICKS} evaluations"))
    if test.notification_test is not None and routes is None:
        at = test.at["notification_test"]
        problems.append(at.problem("", 'a notification_test needs "alertmanager" under "obsflow"'))
    if problems:
        raise ConfigError(tuple(problems))


class _Run:
    """The machines of one test, and what came out of them."""

    def __init__(
        self,
        file: RuleTestFile,
        test: RuleTest,
        groups: Sequence[RuleGroup],
        data: InputData,
        routes: Config | None,
        dialect: Dialect,
    ) -> None:
        self.file, self.test, self.data, self.routes, self.dialect = file, test, data, routes, dialect
        self.options = file.options_of(test)
        self.groups = groups if self.options.external_url_functions else [without_url(group) for group in groups]
        self.end = test.start + max(test.last_time, self.options.until or 0)
        around = Surroundings(
            start=test.start,
            end=self.end,
            interval=file.evaluation_interval,
            dialect=dialect,
            external_labels=test.labels,
            external_url=self._external_url(),
            uses_group_intervals=bool(self.options.group_intervals),
            has_router=routes is not None,
        )
        self.replay = RuleReplay(self.groups, data, around)
        self.transitions: list[Transition] = []
        self.failures: list[EvaluationFailed | SampleRejected] = []
        self.notifications: list[Notification] = []
        self.decisions: list[Decision] = []
        self.skipped: list[str] = []

    def _external_url(self) -> str:
        """The address as a server has it, or as promtool has."""
        url = self.test.external_url
        return url.rstrip("/") if self.options.external_url_functions else UntrimmedUrl(url)

    def findings(self) -> Iterator[Finding]:
        """Run, and yield what is otherwise than expected."""
        yield from self._run_rules()
        if self.failures:
            return
        self.replay.loader.load_until(self.replay.last_tick)
        if self.options.load_all:
            self.replay.loader.load_all()
        for test in self.test.promql_expr_test:
            if reason := needs_histograms(test, self.data.histograms, self.dialect):
                self.skipped.append(f"{test.at[''].source}:{test.at[''].line}: {reason}, which are not evaluated")
                continue
            lines = judge_expr(
                test,
                self.replay.engine,
                self.test.start,
                self.dialect,
                fuzzy=self.file.fuzzy_compare,
                nan_equal=bool(self.options.nan_equal),
            )
            if lines:
                title = f"{test.expr.strip()} at {render_duration(test.eval_time)}"
                yield Finding(test.at[""], title, tuple(lines))
        if self.test.notification_test is not None:
            assert self.routes is not None
            yield from judge_notifications(
                self.test.notification_test,
                self.notifications,
                self.decisions,
                self.test.at["notification_test"],
                self.test.start,
                list(self.routes.receivers),
                partial=self.options.is_partial,
            )

    def _run_rules(self) -> Iterator[Finding]:
        """Let time pass, and look at alerts between one evaluation and the next."""
        last_tick = self.replay.last_tick
        flow = Flow(self.replay.machines, self._router(), self.replay.written, sending_ms=self._compat.sending_ms)
        waiting = deque(sorted(self.test.alert_rule_test, key=lambda test: test.eval_time))
        end = self.end + (_REST_OF_SECOND_MS if self.routes is not None else 0)
        while (now := flow.next_timer()) is not None and now <= end:
            while waiting and self.test.start + waiting[0].eval_time < now:
                yield from self._judge_alerts(waiting.popleft())
            self.replay.loader.load_until(min(now, last_tick))
            for effect in flow.poll(now):
                self._take(effect, now, flow)
            if self.failures:
                yield from map(self._failure, self.failures)
                return
        while waiting:
            yield from self._judge_alerts(waiting.popleft())

    @property
    def _compat(self) -> Compat:
        return OBSFLOW if self.options.compat is None else parse_compat(self.options.compat)

    def _router(self) -> Alertmanager | None:
        if self.routes is None:
            return None
        silences = (each.to_silence(f"#{i}", self.test.start, self.end) for i, each in enumerate(self.test.silences))
        return Alertmanager(
            self.routes, compat=self._compat, started_at=self.test.start, silences=tuple(silences), explains=True
        )

    def _take(self, effect: object, now: int, flow: Flow) -> None:
        match effect:
            case Transition():
                self.transitions.append(effect)
            case EvaluationFailed() | SampleRejected():
                self.failures.append(effect)
            case Notify(notification=notification, delivery=delivery):
                self.notifications.append(notification)
                flow.schedule(Delivered(delivery), now)
            case Decision():
                self.decisions.append(effect)

    def _failure(self, failure: EvaluationFailed | SampleRejected) -> Finding:
        at = render_duration(failure.time - self.test.start)
        if isinstance(failure, EvaluationFailed):
            return Finding(self.test.at[""], f"rule {failure.rule} failed at {at}", tuple(failure.error.split("\n")))
        rule = failure.labels.get(ALERT_NAME) if failure.labels.name.startswith("ALERTS") else failure.labels.name
        title = f"rule {rule} could not be stored at {at}"
        return Finding(self.test.at[""], title, (f"{failure.labels}: {failure.error}",))

    def _judge_alerts(self, test: AlertTest) -> Iterator[Finding]:
        alerts = self.replay.alerts(test.alertname, self.test.start + test.eval_time)
        for name, expected in test.states:
            views = [view for view in alerts if view.state in _STATES[name]]
            lines = alert_differences(
                expected,
                views,
                test.alertname,
                lambda labels: self._history(test).explain(labels),
                partial=self.options.is_partial,
            )
            if lines:
                at = render_duration(test.eval_time)
                title = f"{test.alertname} at {at}: expected {len(expected)} {name}, got {len(views)}"
                yield Finding(test.at[""], title, tuple(lines))

    def _history(self, test: AlertTest) -> History:
        return History(
            self.replay.rules(test.alertname),
            [each for each in self.transitions if each.rule == test.alertname],
            self.replay.queryable,
            start=self.test.start,
            now=self.test.start + test.eval_time,
            known=self.replay.alert_names,
        )

    def count(self, coverage: Coverage) -> None:
        """Add what the rules did to what is known of them."""
        failed = [each for each in self.failures if isinstance(each, EvaluationFailed)]
        coverage.add_run(self.groups, self.replay.had_samples, self.transitions, failed)
