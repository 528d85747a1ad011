"""Files of rule tests as pytest collects them: an item for each entry of `tests`."""

import pathlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from obsflow.errors import ConfigError
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.rule_tests.document import RuleTest
from obsflow.testing.rule_tests.suite import RuleTestSuite


class _TestFailedError(Exception):
    """A test of rules failed; its text is the report."""


class PromtestFile(pytest.File):
    """A file of rule tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each test, called by its name, else by its line."""
        try:
            suite = RuleTestSuite(self.path, warn=self._warn)
        except ConfigError as error:
            raise self.CollectError(str(error)) from None
        seen: Counter[str] = Counter()
        for test in suite.file.tests:
            name = test.name or f"line {test.line}"
            seen[name] += 1
            if seen[name] > 1:
                name = f"{name} (line {test.line})"
            yield RuleTestItem.from_parent(self, name=name, suite=suite, test=test)

    def _warn(self, text: str) -> None:
        self.warn(pytest.PytestWarning(f"{self.path}: {text}"))


class RuleTestItem(pytest.Item):
    """One test of rules."""

    def __init__(self, *, suite: RuleTestSuite, test: RuleTest, **options: Any) -> None:
        super().__init__(**options)
        self._suite = suite
        self._test = test

    def runtest(self) -> None:
        """Run it."""
        outcome = self._suite.run(self._test)
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
        return self.path, self._test.line - 1, self.name
