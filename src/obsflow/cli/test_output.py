"""What the test commands read, print and write alike."""

import argparse
from collections.abc import Mapping
from typing import Any

from obsflow.model.regex import Regex, RegexError
from obsflow.testing.outcome import CaseOutcome
from obsflow.testing.promql_tests.runner import Verdict


def pattern_argument(text: str) -> str:
    """A regular expression, as text."""
    try:
        return Regex(text).pattern
    except RegexError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def printable(text: str) -> str:
    """The text with a question mark for bytes that were not UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def render_outcome(outcome: CaseOutcome) -> str:
    """How a test ended that did not pass: a heading, and under it why."""
    place = f"{outcome.source}:{outcome.line}" if outcome.line else outcome.source
    heading = f"{outcome.verdict.value.upper()} {place}" + (f" {outcome.name}" if outcome.name else "")
    return "\n".join((heading, *(f"  {line}" for line in outcome.message.split("\n"))))


def outcome_record(outcome: CaseOutcome) -> Mapping[str, Any]:
    """How a test ended, as plain data."""
    return {
        "file": outcome.source,
        "line": outcome.line,
        "name": outcome.name,
        "outcome": outcome.verdict.value,
        "message": outcome.message,
    }


def render_counts(counts: Mapping[Verdict, int]) -> str:
    """How many tests ended how; those that were skipped are named where there are any."""
    shown = [verdict for verdict in Verdict if verdict is not Verdict.SKIPPED or counts.get(verdict)]
    return ", ".join(f"{counts.get(verdict, 0)} {verdict.value}" for verdict in shown)
