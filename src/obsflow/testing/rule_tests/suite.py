"""A file of rule tests with what it names: rule files and Alertmanager configurations, read when a test needs them."""

import functools
import glob
import os
import pathlib
import zoneinfo
from collections.abc import Callable, Iterator, Sequence

import attrs

from obsflow.alertmanager import OBSFLOW, Config, load_config, parse_compat
from obsflow.errors import ConfigError, Problem
from obsflow.model.regex import Regex
from obsflow.notify import KINDS, Globals
from obsflow.notify.route_labels import label_problems
from obsflow.promql import PROMETHEUS, Dialect
from obsflow.rules import RuleGroup, load_rules
from obsflow.testing.files import read_text
from obsflow.testing.outcome import CaseOutcome, findings_of
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.rule_tests.coverage import Coverage
from obsflow.testing.rule_tests.document import RuleTest, RuleTestFile, load_rule_tests
from obsflow.testing.rule_tests.runner import run_rule_test

Path = pathlib.Path


@attrs.frozen
class SuiteSettings:
    """How files of tests are run. `ignore_unknown_fields` is about rule files, as in promtool."""

    dialect: Dialect = PROMETHEUS
    ignore_unknown_fields: bool = False
    coverage: Coverage | None = None


class RuleTestSuite:
    """The tests of one file. Raises ConfigError, with every problem, if the file cannot be read.

    `warn` is told of what is odd and no error: globs without a file.
    """

    def __init__(
        self,
        path: Path,
        settings: SuiteSettings = SuiteSettings(),
        warn: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._path = path
        self._settings = settings
        self._warn = warn
        self._routers: dict[tuple[str, str], Config] = {}
        self.file: RuleTestFile = load_rule_tests(read_text(path), str(path))

    @functools.cached_property
    def groups(self) -> tuple[RuleGroup, ...]:
        """The groups of all rule files in the order in which they are evaluated. Raises ConfigError."""
        problems: list[Problem] = []
        groups: list[RuleGroup] = []
        for path in self._rule_files():
            try:
                groups += self._load_rules(path)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(tuple(problems))
        rank = {name: i for i, name in enumerate(self.file.group_eval_order)}
        groups.sort(key=lambda group: rank.get(group.name, 0))
        if self._settings.coverage is not None:
            self._settings.coverage.add_rules(groups)
        return tuple(groups)

    def run(self, test: RuleTest) -> CaseOutcome:
        """Run one of the tests. Raises ConfigError if the rules cannot be read."""
        groups, settings = self.groups, self._settings
        try:
            routes = self._router(test)
        except ConfigError as error:
            return CaseOutcome(str(self._path), test.line, test.name, Verdict.FAILED, findings_of(error))
        return run_rule_test(
            self.file, test, groups, routes=routes, dialect=settings.dialect, coverage=settings.coverage
        )

    def _rule_files(self) -> Iterator[Path]:
        """The files that the globs match, each once."""
        seen: set[str] = set()
        for pattern in self.file.rule_files:
            whole = os.path.normpath(self._path.parent / pattern) if pattern else ""
            matches = sorted(glob.glob(whole.replace("[^", "[!"), include_hidden=True))  # noqa: PTH207 - may be absolute
            if not matches:
                self._warn(f"no file matches {whole}")
            for match in matches:
                if match not in seen:
                    seen.add(match)
                    yield Path(match)

    def _load_rules(self, path: Path) -> Sequence[RuleGroup]:
        text, dialect = read_text(path), self._settings.dialect
        ignores_unknown_fields = self._settings.ignore_unknown_fields
        return load_rules(text, str(path), dialect=dialect, ignores_unknown_fields=ignores_unknown_fields).groups

    def _router(self, test: RuleTest) -> Config | None:
        options = self.file.options_of(test)
        if options.alertmanager is None or test.notification_test is None:
            return None
        key = options.alertmanager, options.compat or OBSFLOW.name
        if key not in self._routers:
            path = Path(os.path.normpath(self._path.parent / options.alertmanager))
            compat = parse_compat(key[1])
            self._routers[key] = load_config(
                read_text(path),
                str(path),
                KINDS,
                Globals,
                compat=compat,
                zones=zoneinfo.ZoneInfo,
                check_labels=label_problems,
            )
        return self._routers[key]


def run_file(
    path: Path,
    settings: SuiteSettings = SuiteSettings(),
    *,
    only: Sequence[str] = (),
    warn: Callable[[str], None] = lambda _text: None,
) -> Iterator[CaseOutcome]:
    """Run the tests of a file: one outcome a test, and one for a file that cannot be read or whose rules cannot.

    With `only`, tests whose name has a match of one of these regular expressions. Raises RegexError.
    """
    wanted = Regex("|".join(only)) if only else None
    try:
        suite = RuleTestSuite(path, settings, warn)
        for test in suite.file.tests:
            if wanted is None or wanted.search(test.name):
                yield suite.run(test)
    except ConfigError as error:
        yield CaseOutcome(str(path), 0, "", Verdict.FAILED, findings_of(error))
