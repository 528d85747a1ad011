"""Findings: one thing that a review has to say, where, and what to do about it; and how they are switched off."""

import re
from collections.abc import Iterable
from typing import Final, Self

import attrs

from obsflow.errors import Problem
from obsflow.quality.catalog import CATALOG, Severity
from obsflow.schema import Position

_DIRECTIVE: Final = re.compile(r"#\s*obsflow:\s*(disable|disable-file)\s*=\s*([\w-]+(?:\s*,\s*[\w-]+)*)")
_ALL: Final = "all"


@attrs.frozen
class Finding:
    """What is wrong with `subject` (a rule, group, route, receiver), and how to mend it; line and column from 1.

    `anchor` is the line on which the subject begins.
    """

    code: str
    severity: Severity
    source: str
    line: int
    column: int
    subject: str
    message: str
    fix: str = ""
    anchor: int = attrs.field(default=0, eq=False, repr=False)

    @classmethod
    def of(
        cls,
        code: str,
        at: Position,
        subject: str,
        message: str,
        fix: str = "",
        *,
        severity: Severity | None = None,
        anchor: int = 0,
    ) -> Self:
        """A finding of the catalogue; it is as bad as the catalogue says, unless told otherwise."""
        severity = severity or CATALOG[code].severity
        return cls(code, severity, at.source, at.line, at.column, subject, message, fix, anchor or at.line)

    @classmethod
    def of_problem(cls, problem: Problem) -> Self:
        """What a loader could not accept."""
        message = problem.message[:1].upper() + problem.message[1:].rstrip(".") + "."
        return cls("L001", Severity.ERROR, problem.source, problem.line, problem.column, problem.path, message)

    @property
    def place(self) -> tuple[str, int, int, str, str]:
        """What findings are sorted by."""
        return (self.source, self.line, self.column, self.code, self.subject)

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        subject = f" {self.subject}" if self.subject else ""
        head = f"{where}: {self.severity.value} {self.code}{subject}: {self.message}"
        return "\n".join((head, *(f"    {line}" for line in self.fix.split("\n") if line)))


@attrs.frozen
class Suppressions:
    """The comments of a file that switch findings off.

    `# obsflow: disable=X103,A211` counts for its own line; standing alone, for the line below the comment; at or above
    the first line of a rule or route, for all of it. `# obsflow: disable-file=X103` counts for the file; `all` is every
    code.
    """

    everywhere: frozenset[str]
    lines: dict[int, frozenset[str]]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the comments of a file."""
        everywhere: set[str] = set()
        lines: dict[int, frozenset[str]] = {}
        above: frozenset[str] = frozenset()
        for number, line in enumerate(text.split("\n"), 1):
            own: set[str] = set()
            for kind, codes in _DIRECTIVE.findall(line):
                (everywhere if kind == "disable-file" else own).update(parse_codes(codes))
            is_comment = line.lstrip().startswith("#")
            here = frozenset(own) | above
            if here:
                lines[number] = here
            above = here if is_comment else frozenset()
        return cls(frozenset(everywhere), lines)

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is switched off."""
        off = self.everywhere.union(*(self.lines.get(line, ()) for line in (finding.line, finding.anchor)))
        return finding.code in off or _ALL in off


def parse_codes(text: str) -> frozenset[str]:
    """The codes of a list with commas; names of checks are taken for their codes."""
    names = {check.name: code for code, check in CATALOG.items()}
    found = (part.strip() for part in text.split(","))
    return frozenset(_ALL if part.lower() == _ALL else names.get(part, part.upper()) for part in found if part)


def settle(findings: Iterable[Finding], texts: dict[str, str], disabled: frozenset[str]) -> list[Finding]:
    """The findings that are not switched off, each once, sorted by place. `texts` are the files by name.

    What a loader could not accept is never switched off.
    """
    suppressions = {source: Suppressions.parse(text) for source, text in texts.items()}
    kept = {
        finding
        for finding in findings
        if finding.severity is Severity.ERROR
        or (
            finding.code not in disabled
            and not (finding.source in suppressions and suppressions[finding.source].covers(finding))
        )
    }
    return sorted(kept, key=lambda finding: (*finding.place, finding.message))
