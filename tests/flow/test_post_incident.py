"""Reports of the incidents of a backtest: each investigated over its own time."""

import functools
import pathlib

import attrs
import pytest

import obsflow
from obsflow.flow.post_incident import write_reports
from obsflow.flow.response import page
from obsflow.incident import Analysis, Review, TimeSource, load_config
from obsflow.incident.evidence import LogRecord, LogSeverity, Observations
from obsflow.model.durations import MINUTE_MS
from obsflow.model.times import parse_time

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "checkout-incident"
CONFIG = load_config(
    """
users: [{name: ada, contact_methods: [{name: app, kind: push}]}]
policies: [{name: p, levels: [{targets: [{user: ada}]}]}]
services: [{name: on-call, policy: p}]
""",
    "incidents.yml",
)


@functools.cache
def replayed():
    scenario = obsflow.load_scenario(obsflow.ScenarioFiles(EXAMPLE))
    result = obsflow.run_backtest(scenario)
    told = [notification for notification, _ in result.notifications]
    return page(told, CONFIG, scenario.end, acknowledged_after_ms=MINUTE_MS), scenario, result


def reports(**options):
    return write_reports(*replayed(), **options)


def test_every_incident_has_a_report_with_its_cause():
    """A bad release that made /pay fail, then a lost node."""
    deploy, node = reports()

    assert [report.investigation.diagnosis.cause.subject for report in (deploy, node)] == ["checkout", "10.0.0.2"]
    first = deploy.investigation.diagnosis.cause.evidence[0].evidence
    assert first.statement.startswith('endpoint="/pay" explains ')
    assert deploy.times.started_at - parse_time("2026-09-21T09:10:00Z") <= MINUTE_MS
    assert node.times.started_at - parse_time("2026-09-21T10:30:00Z") <= MINUTE_MS
    assert deploy.times.sources["started"] is TimeSource.INVESTIGATION
    assert "alert: " not in deploy.render_markdown().split("## Timeline")[1].split("## Causes")[0]


def test_the_window_begins_when_the_alert_can_have_begun():
    """Pending less the range that the rule reads and an interval; the baseline is before it."""
    report = reports(baseline_ms=10 * MINUTE_MS)[0]
    found, times = report.investigation, report.times

    assert found.baseline.end == found.during.start <= times.started_at < times.detected_at
    assert found.baseline.duration_ms == 10 * MINUTE_MS
    assert found.during.end == times.resolved_at


def test_what_people_and_other_pillars_say_is_in_it():
    """Notes and analysis by the number of the incident, log records by their time."""
    at = parse_time("2026-09-21T09:11:00Z")
    logs = [LogRecord(at + n * 1000, LogSeverity.ERROR, "card declined", service="checkout") for n in range(20)]
    first, second = reports(beside=Observations(logs=logs), reviews={2: Review(analysis=Analysis(why="a fan"))})

    assert first.investigation.diagnosis.cause.is_corroborated
    assert (first.investigation.logs, second.investigation.logs) == (20, 0)
    assert (first.analysis.why, second.analysis.why) == ("", "a fan")


@pytest.mark.parametrize(
    ("starts", "is_investigated"), [("2026-09-21T08:00:00Z", True), ("2026-09-21T09:12:00Z", False)]
)
def test_without_data_before_there_is_no_investigation(starts, is_investigated):
    """Nothing to compare with."""
    effects, scenario, result = replayed()

    class Young:
        min_time = parse_time(starts)

    young = attrs.evolve(scenario, database=Young())
    report = write_reports(effects, young, result)[0]

    assert (report.investigation is not None) == is_investigated
