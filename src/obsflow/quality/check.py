"""Runs the checks: the table of them, and the two reviews, of rules and of an Alertmanager configuration."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from obsflow.quality import (
    alerts,
    conditions,
    counters,
    groups,
    inhibitions,
    matching,
    quantiles,
    ratios,
    routes,
    series,
    templates,
)
from obsflow.quality.findings import Finding, settle
from obsflow.quality.routefile import ReviewedConfig
from obsflow.quality.rulefiles import ReviewedFile, ReviewedRule, reviewed_rules
from obsflow.quality.settings import Settings

RULE_CHECKS: Final[tuple[tuple[str, Callable[[ReviewedRule], Iterator[Finding]]], ...]] = (
    ("X101", ratios.check_ratio),
    ("X102", matching.check_sides),
    ("X103", conditions.check_never_true),
    ("X104", conditions.check_always_true),
    ("X105", conditions.check_matchers),
    ("X106", conditions.check_condition),
    ("X111", counters.check_rate_of_gauge),
    ("X112", counters.check_gauge_function),
    ("X113", counters.check_raw_counter),
    ("X114", counters.check_rate_of_aggregate),
    ("X115", counters.check_range),
    ("X116", counters.check_irate),
    ("X121 X122 X123", quantiles.check_buckets),
    ("X124", quantiles.check_quantile),
    ("X125", quantiles.check_aggregated),
    ("A201", templates.check_labels_read),
    ("A202", templates.check_value_in_labels),
    ("A203", templates.check_value_unit),
    ("A211", alerts.check_for),
    ("A212 A213", alerts.check_context),
    ("A214 A215", alerts.check_severity),
    ("G303", groups.check_recording_name),
    ("G305", groups.check_for_and_interval),
    ("G306", groups.check_interval),
    ("D401 D402 D403", series.check_data),
)
"""The checks of one rule, each with the codes of what it may find."""

RULES_CHECKS: Final[tuple[tuple[str, Callable[[Sequence[ReviewedRule]], Iterator[Finding]]], ...]] = (
    ("G301 G302", groups.check_duplicates),
    ("G304", groups.check_order),
)
"""The checks of rules beside one another."""

CONFIG_CHECKS: Final[tuple[tuple[str, Callable[[ReviewedConfig], Iterator[Finding]]], ...]] = (
    ("M501 M502", routes.check_reach),
    ("M503", routes.check_receivers),
    ("M504 M510 M511", inhibitions.check_inhibit_rules),
    ("M505", routes.check_default),
    ("M506", routes.check_critical),
    ("M507", routes.check_timing),
    ("M508", routes.check_grouping),
    ("M509", routes.check_resolved),
    ("M512", routes.check_intervals),
    ("M513", routes.check_idle),
    ("M514", routes.check_old_syntax),
)
"""The checks of an Alertmanager configuration."""


def check_rules(files: Sequence[ReviewedFile], settings: Settings | None = None) -> list[Finding]:
    """What there is to say of rule files, sorted by place; what the settings or the files switch off is left out."""
    settings = settings or Settings()
    rules = reviewed_rules(tuple(files), settings)
    found: list[Finding] = []
    for codes, check in RULE_CHECKS:
        if _is_wanted(codes, settings):
            found.extend(finding for rule in rules for finding in check(rule))
    for codes, check_all in RULES_CHECKS:
        if _is_wanted(codes, settings):
            found.extend(check_all(rules))
    return settle(found, {file.rules.source: file.text for file in files}, settings.disabled)


def check_config(config: ReviewedConfig, disabled: Iterable[str] = ()) -> list[Finding]:
    """What there is to say of an Alertmanager configuration, sorted by place."""
    found = [finding for _, check in CONFIG_CHECKS for finding in check(config)]
    source = config.file.at[""].source
    return settle(found, {source: config.text}, frozenset(disabled))


def _is_wanted(codes: str, settings: Settings) -> bool:
    return not settings.disabled.issuperset(codes.split())
