"""The incidents of a backtest: who is paged, and the post-incident reports with what an investigation found."""

import argparse
import pathlib
import zoneinfo
from collections.abc import Mapping

import attrs

from obsflow.cli.arguments import duration_argument
from obsflow.cli.backtest_report import render_pages
from obsflow.cli.evidence_files import add_evidence_options, read_judgement, read_observations
from obsflow.cli.table import render_table
from obsflow.flow.backtest import BacktestResult
from obsflow.flow.post_incident import DEFAULT_BASELINE_MS, write_reports
from obsflow.flow.response import page
from obsflow.flow.scenario import Scenario
from obsflow.incident import Config, Report, Review, load_config, load_reviews
from obsflow.incident.evidence import Judgement, Observations


def add_incident_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    path = pathlib.Path
    parser.add_argument(
        "--incidents",
        type=path,
        metavar="FILE",
        help="users, schedules, escalation policies: who would have been paged",
    )
    parser.add_argument(
        "--acknowledged-after",
        type=duration_argument,
        metavar="D",
        help="whoever is paged first acknowledges after D (default: nobody does)",
    )
    parser.add_argument(
        "--reports",
        type=path,
        metavar="DIR",
        help="write a post-incident report of each incident, incident-1.md and incident-1.json, with its likely causes",
    )
    parser.add_argument(
        "--reviews", type=path, metavar="FILE", help="what people say of the incidents: notes, analysis"
    )
    parser.add_argument(
        "--baseline",
        type=duration_argument,
        default=DEFAULT_BASELINE_MS,
        metavar="D",
        help="how long before an incident counts as normal, in its report (default 30m)",
    )
    add_evidence_options(parser)


@attrs.frozen
class Responders:
    """Who is paged, what is known and said of the incidents, and where the reports go: None for none."""

    config: Config
    acknowledged_after_ms: int | None
    reviews: Mapping[int, Review]
    beside: Observations
    judgement: Judgement
    baseline_ms: int
    reports: pathlib.Path | None

    def respond(self, scenario: Scenario, result: BacktestResult) -> str:
        """Write the reports, where they are asked for; returns who was paged, and what the likely causes are."""
        told = [notification for notification, _ in result.notifications]
        notes = [note for review in self.reviews.values() for note in review.notes]
        after_ms = self.acknowledged_after_ms
        paged = page(told, self.config, scenario.end, acknowledged_after_ms=after_ms, notes=notes)
        if self.reports is None:
            return render_pages(paged)
        reports = write_reports(
            paged,
            scenario,
            result,
            reviews=self.reviews,
            beside=self.beside,
            baseline_ms=self.baseline_ms,
            judgement=self.judgement,
        )
        self.reports.mkdir(parents=True, exist_ok=True)
        for report in reports:
            _write(report, self.reports / f"incident-{report.incident}")
        rows = [(f"#{each.incident} {each.title}", _verdict(each)) for each in reports]
        return render_pages(paged) + ("\n\n" + render_table(("INCIDENT", "INVESTIGATED"), rows) if rows else "")


def load_responders(options: argparse.Namespace) -> Responders | None:
    """What the options name; None where they name no incidents. Raises ConfigError."""
    if options.incidents is None:
        if options.reports is not None or options.reviews is not None:
            options.parser.error("--reports and --reviews need --incidents")
        return None
    reviews: Mapping[int, Review] = {}
    if options.reviews is not None:
        reviews = load_reviews(options.reviews.read_text(encoding="utf-8"), str(options.reviews))
    return Responders(
        load_config(options.incidents.read_text(encoding="utf-8"), str(options.incidents), zones=zoneinfo.ZoneInfo),
        options.acknowledged_after,
        reviews,
        read_observations(options),
        read_judgement(options),
        options.baseline,
        options.reports,
    )


def _verdict(report: Report) -> str:
    return "no data before it" if report.investigation is None else report.investigation.diagnosis.verdict


def _write(report: Report, stem: pathlib.Path) -> None:
    stem.with_suffix(".md").write_text(report.render_markdown(), encoding="utf-8")
    stem.with_suffix(".json").write_text(report.render_json(), encoding="utf-8")
