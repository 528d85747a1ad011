"""What became of a test that a file describes."""

import attrs

from obsflow.errors import ConfigError
from obsflow.schema import Position
from obsflow.testing.promql_tests.runner import Verdict


@attrs.frozen
class Finding:
    """Something that is otherwise than a test expects: where it is expected, what it is about, and the details.

    `is_exact` says that the column is worth telling.
    """

    position: Position
    title: str
    details: tuple[str, ...] = ()
    is_exact: bool = False

    def __str__(self) -> str:
        at = self.position
        where = f"{at.source}:{at.line}" if at.line else at.source
        where += f":{at.column}" if at.line and self.is_exact else ""
        return "\n".join((f"{where}: {self.title}", *(f"    {line}" for line in self.details)))


def findings_of(error: ConfigError, *, is_exact: bool = False) -> tuple[Finding, ...]:
    """The problems of a file, each at its place."""
    return tuple(
        Finding(
            Position(each.source, each.line, each.column),
            f"{each.path}: {each.message}" if each.path else each.message,
            is_exact=is_exact,
        )
        for each in error.problems
    )


@attrs.frozen
class CaseOutcome:
    """How one test ended. `findings` say why it failed, `skipped` what could not be tried, and what that needs."""

    source: str
    line: int
    name: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name of the test, or where it stands if it has none; what cannot be read is called so."""
        if not self.line:
            return "unreadable"
        return self.name or f"line {self.line}"

    @property
    def message(self) -> str:
        """Why it did not pass, for a person; may have many lines."""
        return "\n".join((*map(str, self.findings), *self.skipped))
