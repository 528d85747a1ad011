"""A file of scenarios with the configurations that it names."""

import pathlib
from collections.abc import Iterator, Mapping, Sequence

import attrs

from obsflow import incident
from obsflow.alertmanager import OBSFLOW, Compat, Config, Limits, parse_compat
from obsflow.errors import ConfigError, Problem
from obsflow.model.regex import Regex
from obsflow.schema import MapNode
from obsflow.testing.files import read_text
from obsflow.testing.outcome import CaseOutcome, findings_of
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.scenario_tests.comparison import judge
from obsflow.testing.scenario_tests.configs import Configurations
from obsflow.testing.scenario_tests.document import Event, Scenario, ScenarioFile, is_absent, load_scenarios
from obsflow.testing.scenario_tests.flags import Flags
from obsflow.testing.scenario_tests.mistakes import find_mistakes
from obsflow.testing.scenario_tests.player import play


@attrs.frozen
class _Prepared:
    """A scenario with its configurations; `reloads` by index of the event."""

    scenario: Scenario
    compat: Compat
    start: int
    config: Config
    reloads: Mapping[int, Config]
    incidents: incident.Config | None
    limits: Limits


class ScenarioSuite:
    """The scenarios of one file. Raises ConfigError, with every problem, if the file cannot be used."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self.file: ScenarioFile = load_scenarios(read_text(path), str(path))
        self._configurations = Configurations(path.parent)
        self._problems: list[Problem] = self._configurations.problems
        if not self.file.scenarios:
            place = self.file.places.get("scenarios", self.file.places[""])
            self._problems.append(place.problem("scenarios", "there is none, and so nothing is tested"))
        prepared = [self._prepare(each, f"scenarios[{i}]") for i, each in enumerate(self.file.scenarios)]
        if self._problems:
            raise ConfigError(tuple(sorted(self._problems, key=lambda each: (each.source, each.line, each.column))))
        self._prepared = [each for each in prepared if each is not None]

    def run(self, only: Regex | None = None) -> Iterator[CaseOutcome]:
        """Run the scenarios in whose name the pattern is found, an outcome each."""
        for each in self._prepared:
            if only is None or only.search(each.scenario.name):
                yield self._run(each)

    def run_one(self, index: int) -> CaseOutcome:
        """Run the scenario of that index in the file."""
        return self._run(self._prepared[index])

    def _run(self, each: _Prepared) -> CaseOutcome:
        scenario = each.scenario
        played = play(scenario, each.config, each.reloads, each.compat, each.start, each.incidents, each.limits)
        findings = tuple(judge(scenario, played))
        verdict = Verdict.FAILED if findings else Verdict.PASSED
        return CaseOutcome(str(self._path), scenario.place.line, scenario.name, verdict, findings)

    def _prepare(self, scenario: Scenario, path: str) -> _Prepared | None:
        """Load the configurations of a scenario, and look up the names that it uses in them."""
        compat = parse_compat(scenario.compat or self.file.compat or OBSFLOW.name)
        node, where = scenario.alertmanager, f"{path}.alertmanager"
        if is_absent(node):
            node, where = self.file.alertmanager, "alertmanager"
        if is_absent(node):
            self._problems.append(
                scenario.place.problem(path, 'no "alertmanager", neither here nor for the whole file')
            )
            return None
        config = self._configurations.load_router(node, where, compat)
        reloads = self._load_reloads(scenario, path, config, compat)
        incidents = self._load_incidents(scenario, path)
        if config is None or reloads is None:
            return None
        self._problems.extend(find_mistakes(scenario, path, (config, *reloads.values()), incidents))
        start = scenario.start if scenario.start is not None else self.file.start or 0
        flags = scenario.flags or self.file.flags or Flags()
        return _Prepared(scenario, compat, start, config, reloads, incidents, flags.limits)

    def _load_reloads(
        self, scenario: Scenario, path: str, config: Config | None, compat: Compat
    ) -> dict[int, Config] | None:
        """The configuration of every reload, by index of the event, in the order of time; None if one is broken."""
        reloads: dict[int, Config] = {}
        is_broken = False
        timed = sorted((event.at, i) for i, event in enumerate(scenario.events) if event.at is not None)
        for _, i in timed:
            event = scenario.events[i]
            if event.kind != "reload" or event.is_delivery:
                continue
            if not _is_same(event):
                config = self._configurations.load_router(event.reload, f"{path}.events[{i}].reload", compat)
            is_broken |= config is None
            if config is not None:
                reloads[i] = config
        return None if is_broken else reloads

    def _load_incidents(self, scenario: Scenario, path: str) -> incident.Config | None:
        node, where = scenario.incidents, f"{path}.incidents"
        if is_absent(node):
            node, where = self.file.incidents, "incidents"
        if not is_absent(node):
            return self._configurations.load_incidents(node, where)
        if scenario.pages:
            message = 'nobody is paged without "incidents", here or for the whole file'
            self._problems.append(scenario.places["pages"].problem(f"{path}.pages", message))
        return None


def _is_same(event: Event) -> bool:
    """Whether a reload is of the configuration that is in force: `{}`, or nothing."""
    node = event.reload
    return is_absent(node) or (isinstance(node, MapNode) and not node.entries)


def run_file(path: pathlib.Path, *, only: Sequence[str] = ()) -> Iterator[CaseOutcome]:
    """Run the scenarios of a file: an outcome each, or one for a file that cannot be used.

    With `only`, those in whose name one of these regular expressions has a match. Raises RegexError.
    """
    wanted = Regex("|".join(only)) if only else None
    try:
        suite = ScenarioSuite(path)
    except ConfigError as error:
        yield CaseOutcome(str(path), 0, "", Verdict.FAILED, findings_of(error, is_exact=True))
        return
    yield from suite.run(wanted)
