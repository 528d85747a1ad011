"""Is this a good alert, a sound route: review of rules and configuration, and what a backtest says of them."""

from obsflow.quality.catalog import CATALOG, CHECKS, Check, Severity
from obsflow.quality.check import check_config, check_rules
from obsflow.quality.findings import Finding, Suppressions, parse_codes
from obsflow.quality.inventory import Inventory
from obsflow.quality.review import (
    QUESTIONS,
    Answer,
    AnswersFile,
    Evidence,
    Firings,
    Outcome,
    Question,
    Review,
    count_firings,
    decide,
    load_answers,
    review,
)
from obsflow.quality.routefile import ReviewedConfig
from obsflow.quality.rulefiles import ReviewedFile, ReviewedRule, reviewed_rules
from obsflow.quality.settings import DEFAULT_SEVERITIES, Settings

__all__ = [
    "CATALOG",
    "CHECKS",
    "DEFAULT_SEVERITIES",
    "QUESTIONS",
    "Answer",
    "AnswersFile",
    "Check",
    "Evidence",
    "Finding",
    "Firings",
    "Inventory",
    "Outcome",
    "Question",
    "Review",
    "ReviewedConfig",
    "ReviewedFile",
    "ReviewedRule",
    "Settings",
    "Severity",
    "Suppressions",
    "check_config",
    "check_rules",
    "count_firings",
    "decide",
    "load_answers",
    "parse_codes",
    "review",
    "reviewed_rules",
]
