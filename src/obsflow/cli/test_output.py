"""What the test commands print and write alike."""

from collections.abc import Mapping

from obsflow.testing.promql_tests.runner import Verdict


def printable(text: str) -> str:
    """The text with a question mark for bytes that were not UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def render_counts(counts: Mapping[Verdict, int]) -> str:
    """How many tests ended how; those that were skipped are named where there are any."""
    shown = [verdict for verdict in Verdict if verdict is not Verdict.SKIPPED or counts.get(verdict)]
    return ", ".join(f"{counts.get(verdict, 0)} {verdict.value}" for verdict in shown)
