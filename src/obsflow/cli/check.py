"""`obsflow check`: reviews rules and Alertmanager configurations, by themselves and against recorded data."""

import argparse
import collections
import functools
import glob
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from obsflow.adapters.data_directory import open_database
from obsflow.adapters.routes import load_alertmanager
from obsflow.adapters.scenario import ScenarioFiles, load_scenario
from obsflow.alertmanager import OBSFLOW, Compat, parse_compat
from obsflow.cli.arguments import duration_argument
from obsflow.cli.table import render_table
from obsflow.errors import ConfigError, DataDirectoryError, Problem
from obsflow.flow.backtest import run_backtest
from obsflow.flow.config import PrometheusConfig, load_capture_info, load_prometheus
from obsflow.flow.report.bands import FLAP_MS
from obsflow.model.durations import parse_duration
from obsflow.quality import (
    CATALOG,
    CHECKS,
    DEFAULT_SEVERITIES,
    QUESTIONS,
    AnswersFile,
    Evidence,
    Finding,
    Firings,
    Inventory,
    Review,
    ReviewedConfig,
    ReviewedFile,
    ReviewedRule,
    Settings,
    Severity,
    check_config,
    check_rules,
    count_firings,
    load_answers,
    parse_codes,
    review,
    reviewed_rules,
)
from obsflow.schema import ScalarNode

_T = TypeVar("_T")
_LINT = 3
"""The exit code of `promtool check rules` where there is something to say and nothing is broken."""


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command, what it reviews, and their options."""
    parser = commands.add_parser("check", help="review rules and Alertmanager configurations")
    parser.add_argument("--list", action="store_true", help="print what is looked for, and why")
    parser.set_defaults(run=_run_list, parser=parser)
    what = parser.add_subparsers(dest="what", metavar="WHAT")
    path = pathlib.Path

    rules = what.add_parser("rules", help="rule files, or PrometheusRule resources")
    rules.add_argument("files", nargs="+", type=path, metavar="FILE")
    rules.add_argument("--data", type=path, metavar="DIR", help="a data directory: is there what the rules select?")
    rules.add_argument("--alertmanager", type=path, metavar="FILE", help="the configuration that routes the alerts")
    rules.add_argument("--scrape-interval", type=duration_argument, metavar="D", help="how often targets are scraped")
    rules.add_argument("--interval", type=duration_argument, metavar="D", help="how often groups without one run")
    rules.set_defaults(run=_run_rules, parser=rules)

    router = what.add_parser("alertmanager", help="an Alertmanager configuration")
    router.add_argument("alertmanager", type=path, metavar="FILE")
    router.add_argument("--rules", nargs="+", type=path, default=[], metavar="FILE", help="whose alerts it routes")
    router.set_defaults(run=_run_alertmanager, parser=router)

    capture = what.add_parser("capture", help="rules, routes and data of a capture directory, together")
    capture.add_argument("capture", type=path, metavar="DIR")
    capture.set_defaults(run=_run_capture, parser=capture)

    for each in (rules, router, capture):
        each.add_argument("--format", choices=("text", "json"), default="text")
        each.add_argument("--disable", type=_codes, default=frozenset(), metavar="CODE[,CODE]", help="what not to say")
        each.add_argument(
            "--level",
            choices=[severity.value for severity in Severity],
            default=Severity.NOTE.value,
            help="the least severe findings that are said, and count (default: note)",
        )
    for each in (rules, capture):
        each.add_argument(
            "--severities",
            type=_names,
            default=DEFAULT_SEVERITIES,
            metavar="NAME[,NAME]",
            help=f"the severities there are (default: {','.join(DEFAULT_SEVERITIES)})",
        )
        each.add_argument("--quality", action="store_true", help="ask of each alert whether it is a good one")
        each.add_argument("--answers", type=path, metavar="FILE", help="what the alerts' authors say of them")


def _codes(text: str) -> frozenset[str]:
    codes = parse_codes(text)
    unknown = sorted(codes - CATALOG.keys())
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no check {', '.join(unknown)}; --list prints all")
    return codes


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


@attrs.define
class _Reading:
    """Reads files one after the other; what is wrong with any becomes a finding."""

    findings: list[Finding] = attrs.field(factory=list)
    count: int = 0
    compat: Compat = OBSFLOW

    def read(self, path: pathlib.Path, parse: Callable[[str, str], _T]) -> _T | None:
        """The parsed file; None if it has problems."""
        self.count += 1
        try:
            return parse(path.read_text(encoding="utf-8"), str(path))
        except ConfigError as error:
            self.findings += map(Finding.of_problem, error.problems)
        except OSError as error:
            self.fail(path, f"The file cannot be read: {error.strerror}.")
        except UnicodeDecodeError as error:
            self.fail(path, f"The file is not UTF-8 at byte {error.start}.")
        return None

    def fail(self, path: pathlib.Path, message: str) -> None:
        """Say that there is no such file, or none that could be read."""
        self.findings.append(Finding.of_problem(Problem(str(path), 0, 0, "", message)))

    def open_data(self, path: pathlib.Path) -> Inventory | None:
        """What a data directory holds; None if it is none."""
        try:
            database = open_database(path)
        except DataDirectoryError as error:
            self.findings.append(Finding.of_problem(Problem(str(path), 0, 0, "", str(error).removeprefix(f"{path}: "))))
            return None
        return Inventory(database, database.min_time, database.max_time)

    def read_rules(self, paths: Iterable[pathlib.Path]) -> list[ReviewedFile]:
        """The rule files that load; one that is named twice is read once."""
        loaded = (self.read(path, ReviewedFile.load) for path in dict.fromkeys(paths))
        return [file for file in loaded if file is not None]

    def read_config(self, path: pathlib.Path, rules: tuple[ReviewedRule, ...] | None) -> ReviewedConfig | None:
        """The Alertmanager configuration, with the alerts that are known to come."""
        load = functools.partial(load_alertmanager, compat=self.compat)
        return self.read(path, lambda text, source: ReviewedConfig.load(text, source, load, rules))


def _run_list(options: argparse.Namespace) -> int:
    """Print the catalogue."""
    if not options.list:
        options.parser.error("say what to check: rules, alertmanager or capture; or give --list")
    rows = [(check.code, check.name, check.severity.value, check.what) for check in CHECKS]
    print(render_table(("CODE", "NAME", "SEVERITY", "WHAT"), rows))
    return 0


def _run_rules(options: argparse.Namespace) -> int:
    """Review rule files."""
    reading = _Reading()
    files = reading.read_rules(options.files)
    settings = Settings(
        severities=options.severities,
        scrape_interval_ms=options.scrape_interval,
        evaluation_interval_ms=options.interval,
        inventory=None if options.data is None else reading.open_data(options.data),
        disabled=options.disable,
    )
    return _review(options, reading, files, settings, options.alertmanager)


def _run_alertmanager(options: argparse.Namespace) -> int:
    """Review an Alertmanager configuration; of the rules only what is wrong with them is told."""
    reading = _Reading()
    files = reading.read_rules(options.rules)
    rules = reviewed_rules(tuple(files), Settings()) if options.rules else None
    config = reading.read_config(options.alertmanager, rules)
    if config is not None:
        reading.findings += check_config(config, options.disable)
    return _report(options, reading)


def _run_capture(options: argparse.Namespace) -> int:
    """Review everything that a capture holds."""
    reading, directory = _Reading(), options.capture
    prometheus = PrometheusConfig()
    if (path := directory / "prometheus.yml").exists():
        prometheus = reading.read(path, load_prometheus) or prometheus
    if (path := directory / "capture.yml").exists() and (info := reading.read(path, load_capture_info)) is not None:
        reading.compat = parse_compat(info.compat)
    files = reading.read_rules(_rule_paths(directory, prometheus.rule_files))
    data = directory / "data"
    settings = Settings(
        severities=options.severities,
        scrape_interval_ms=_scrape_interval(prometheus),
        evaluation_interval_ms=prometheus.global_.evaluation_interval_ms,
        external_labels=dict(prometheus.external_labels),
        inventory=reading.open_data(data if data.exists() else directory),
        disabled=options.disable,
    )
    router = directory / "alertmanager.yml"
    is_broken = bool(reading.findings)
    firings = None if is_broken or not options.quality else lambda: _replay(directory)
    return _review(options, reading, files, settings, router if router.exists() else None, firings)


def _rule_paths(directory: pathlib.Path, patterns: Sequence[str]) -> Iterator[pathlib.Path]:
    for pattern in patterns:
        matches = sorted(glob.glob(str(directory / pattern)))  # noqa: PTH207 - patterns may be absolute
        if matches or not glob.has_magic(pattern):
            yield from map(pathlib.Path, matches or [str(directory / pattern)])


def _scrape_interval(prometheus: PrometheusConfig) -> int | None:
    node = prometheus.global_.other.get("scrape_interval")
    try:
        return parse_duration(node.text) if isinstance(node, ScalarNode) else None
    except ValueError:
        return None


def _replay(directory: pathlib.Path) -> Mapping[str, Firings]:
    scenario = load_scenario(ScenarioFiles(directory))
    flap_ms = round(FLAP_MS * _time_scale(scenario.info.scale))
    return count_firings(run_backtest(scenario).transitions, flap_ms=flap_ms)


def _time_scale(text: str) -> float:
    """How long the recording takes for a second: 1:15 is a quarter of an hour in a minute."""
    recorded, _, real = text.partition(":")
    try:
        return float(recorded) / float(real)
    except (ValueError, ZeroDivisionError):
        return 1.0


def _review(
    options: argparse.Namespace,
    reading: _Reading,
    files: Sequence[ReviewedFile],
    settings: Settings,
    router: pathlib.Path | None,
    firings: Callable[[], Mapping[str, Firings]] | None = None,
) -> int:
    """Check rules, and the routes of their alerts; ask the questions about each alert, if that is wanted."""
    rules = reviewed_rules(tuple(files), settings)
    config = None if router is None else reading.read_config(router, rules)
    answers = None if options.answers is None else reading.read(options.answers, load_answers)
    reading.findings += check_rules(files, settings)
    if config is not None:
        reading.findings += check_config(config, settings.disabled)
    if not options.quality:
        return _report(options, reading)
    is_broken = any(finding.severity is Severity.ERROR for finding in reading.findings)
    evidence = Evidence(
        reading.findings, config, None if firings is None or is_broken else firings(), answers or AnswersFile()
    )
    return _report(options, reading, [review(rule, evidence) for rule in rules if rule.alert is not None])


def _report(options: argparse.Namespace, reading: _Reading, reviews: Sequence[Review] | None = None) -> int:
    """Print what was found; returns the exit code."""
    said = list(Severity)[: list(Severity).index(Severity(options.level)) + 1]
    findings = sorted((each for each in reading.findings if each.severity in said), key=lambda each: each.place)
    counts = collections.Counter(finding.severity for finding in findings)
    if options.format == "json":
        print(json.dumps(_to_plain(findings, reviews, counts), ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            print(finding)
        if reviews is not None:
            print("\n" + _render_reviews(reviews) + "\n")
        figures = ", ".join(_count(counts[severity], severity.value) for severity in Severity)
        print(f"{_count(reading.count, 'file')}: {figures}")
    if counts[Severity.ERROR]:
        return 1
    return _LINT if findings else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _to_plain(
    findings: Sequence[Finding], reviews: Sequence[Review] | None, counts: Mapping[Severity, int]
) -> dict[str, Any]:
    fields = ("code", "source", "line", "column", "subject", "message", "fix")
    out: dict[str, Any] = {
        "findings": [
            {"severity": each.severity.value, "name": CATALOG[each.code].name}
            | {name: getattr(each, name) for name in fields}
            for each in findings
        ],
        "counts": {severity.value: counts.get(severity, 0) for severity in Severity},
    }
    if reviews is not None:
        out["reviews"] = [_review_to_plain(each) for each in reviews]
    return out


def _review_to_plain(each: Review) -> dict[str, Any]:
    return {
        "alert": each.alert,
        "outcome": None if each.outcome is None else each.outcome.name.lower(),
        "provisional": each.provisional.name.lower(),
        "open": list(each.open),
        "answers": {id_: {"value": answer.value, "reason": answer.reason} for id_, answer in each.answers.items()},
    }


_ANSWERS: Mapping[bool | None, str] = {True: "yes", False: "no", None: "?"}


def _render_reviews(reviews: Sequence[Review]) -> str:
    header = ("ALERT", *(question.id for question in QUESTIONS), "OUTCOME", "WHY")
    rows = [
        (
            each.alert,
            *(_ANSWERS[each.answers[question.id].value] for question in QUESTIONS),
            _outcome(each),
            _reason(each),
        )
        for each in reviews
    ]
    questions = "\n".join(f"{question.id}  {question.text}" for question in QUESTIONS)
    return f"{render_table(header, rows)}\n\n{questions}" if rows else "no alerts"


def _outcome(each: Review) -> str:
    name = each.provisional.name.lower().replace("_", " ")
    return name if each.outcome is not None else f"open, or {name}"


def _reason(each: Review) -> str:
    """What decided."""
    wrong = next((q for q in QUESTIONS if each.answers[q.id].value is (not q.good)), None)
    return "" if wrong is None else each.answers[wrong.id].reason
