"""Files of tests as pytest collects them: an item for each test of rules, or scenario of notifications."""

import functools
import pathlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from obsflow.errors import ConfigError
from obsflow.testing.outcome import CaseOutcome
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.rule_tests.suite import RuleTestSuite
from obsflow.testing.scenario_tests.suite import ScenarioSuite

_Case = tuple[str, int, Callable[[], CaseOutcome]]  # its name, its line, and what runs it


class _TestFailedError(Exception):
    """A test of a file failed; its text is the report."""


class PromtestFile(pytest.File):
    """A file of rule tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each test, called by its name, else by its line."""
        try:
            suite = RuleTestSuite(self.path, warn=self._warn)
        except ConfigError as error:
            raise self.CollectError(str(error)) from None
        cases = ((each.name, each.line, functools.partial(suite.run, each)) for each in suite.file.tests)
        yield from _items(self, cases)

    def _warn(self, text: str) -> None:
        self.warn(pytest.PytestWarning(f"{self.path}: {text}"))


class ScenarioTestFile(pytest.File):
    """A file of scenarios."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each scenario, called by its name, else by its line."""
        try:
            suite = ScenarioSuite(self.path)
        except ConfigError as error:
            raise self.CollectError(str(error)) from None
        scenarios = enumerate(suite.file.scenarios)
        cases = ((each.name, each.place.line, functools.partial(suite.run_one, i)) for i, each in scenarios)
        yield from _items(self, cases)


def _items(parent: pytest.File, cases: Iterable[_Case]) -> Iterator[pytest.Item]:
    seen: Counter[str] = Counter()
    for given, line, run in cases:
        name = given or f"line {line}"
        seen[name] += 1
        if seen[name] > 1:
            name = f"{name} (line {line})"
        yield FileTestItem.from_parent(parent, name=name, line=line, run=run)


class FileTestItem(pytest.Item):
    """One test of a file."""

    def __init__(self, *, line: int, run: Callable[[], CaseOutcome], **options: Any) -> None:
        super().__init__(**options)
        self._line = line
        self._run = run

    def runtest(self) -> None:
        """Run it."""
        outcome = self._run()
        if outcome.verdict is Verdict.SKIPPED:
            pytest.skip(outcome.message)
        if outcome.verdict is Verdict.FAILED:
            raise _TestFailedError(outcome.message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is otherwise than expected, or wrong with a configuration, without a trace."""
        if isinstance(excinfo.value, _TestFailedError | ConfigError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[pathlib.Path, int, str]:
        """Where the test is; lines count from 0 here."""
        return self.path, self._line - 1, self.name
