"""A file of scenarios with the configurations that it names."""

import pathlib
from collections.abc import Iterator, Mapping, Sequence

import attrs

from obsflow import incident
from obsflow.alertmanager import OBSFLOW, Compat, Config, parse_compat
from obsflow.errors import ConfigError, Problem
from obsflow.model.regex import Regex
from obsflow.schema import MapNode
from obsflow.testing.expectations import suggest
from obsflow.testing.files import read_text
from obsflow.testing.outcome import CaseOutcome, findings_of
from obsflow.testing.promql_tests.runner import Verdict
from obsflow.testing.scenario_tests.comparison import judge
from obsflow.testing.scenario_tests.configs import Configurations
from obsflow.testing.scenario_tests.document import Event, Scenario, ScenarioFile, is_absent, load_scenarios
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


class ScenarioSuite:
    """The scenarios of one file. Raises ConfigError, with every problem, if the file cannot be used."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self.file: ScenarioFile = load_scenarios(read_text(path), str(path))
        self._configurations = Configurations(path.parent)
        self._problems: list[Problem] = self._configurations.problems
        prepared = [self._prepare(each, f"scenarios[{i}]") for i, each in enumerate(self.file.scenarios)]
        if self._problems:
            raise ConfigError(tuple(sorted(self._problems, key=lambda each: (each.source, each.line, each.column))))
        self._prepared = [each for each in prepared if each is not None]

    def run(self, only: Regex | None = None) -> Iterator[CaseOutcome]:
        """Run the scenarios in whose name the pattern is found, an outcome each."""
        for each in self._prepared:
            scenario = each.scenario
            if only is not None and not only.search(scenario.name):
                continue
            played = play(scenario, each.config, each.reloads, each.compat, each.start, each.incidents)
            findings = tuple(judge(scenario, played))
            verdict = Verdict.FAILED if findings else Verdict.PASSED
            yield CaseOutcome(str(self._path), scenario.place.line, scenario.name, verdict, findings)

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
        self._check_names(scenario, path, (config, *reloads.values()), incidents)
        start = scenario.start if scenario.start is not None else self.file.start or 0
        return _Prepared(scenario, compat, start, config, reloads, incidents)

    def _load_reloads(
        self, scenario: Scenario, path: str, config: Config | None, compat: Compat
    ) -> dict[int, Config] | None:
        """The configuration of every reload, by index of the event, in the order of time; None if one is broken."""
        reloads: dict[int, Config] = {}
        is_broken = False
        timed = sorted((event.at, i) for i, event in enumerate(scenario.events) if event.at is not None)
        for _, i in timed:
            event = scenario.events[i]
            if event.kind != "reload":
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

    def _check_names(
        self, scenario: Scenario, path: str, configs: Sequence[Config], incidents: incident.Config | None
    ) -> None:
        """Receivers that no configuration has, silences that are never set, and what cannot be acknowledged."""
        receivers = sorted({name for config in configs for name in config.receivers})
        silences = sorted({each.silence.id for each in scenario.events if each.silence is not None})
        services = () if incidents is None else incidents.services
        for i, event in enumerate(scenario.events):
            where = f"{path}.events[{i}]"
            if event.is_delivery:
                self._check_receiver(event, f"{where}.receiver", receivers)
            elif event.kind == "expire" and event.expire not in silences:
                message = f'no silence has the id "{event.expire}"{suggest(event.expire, silences)}'
                self._problems.append(event.places["expire"].problem(f"{where}.expire", message))
            elif event.acknowledge is not None and event.acknowledge.receiver not in services:
                message = f'receiver "{event.acknowledge.receiver}" has no incidents'
                place = event.acknowledge.places["receiver"]
                self._problems.append(place.problem(f"{where}.acknowledge.receiver", message))
        for i, expected in enumerate(scenario.expect):
            if expected.receiver not in receivers:
                message = f'no receiver is called "{expected.receiver}"{suggest(expected.receiver, receivers)}'
                place = expected.places["receiver"]
                self._problems.append(place.problem(f"{path}.expect[{i}].receiver", message))

    def _check_receiver(self, event: Event, path: str, receivers: Sequence[str]) -> None:
        if event.receiver not in receivers:
            message = f'no receiver is called "{event.receiver}"{suggest(event.receiver, receivers)}'
            self._problems.append(event.places["receiver"].problem(path, message))


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
