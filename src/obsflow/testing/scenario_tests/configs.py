"""The configurations that a file of scenarios holds or names, each read once."""

import os
import pathlib
import zoneinfo
from collections.abc import Callable
from typing import Any

import attrs

from obsflow import incident
from obsflow.alertmanager import Compat, Config, load_config
from obsflow.errors import ConfigError, Problem
from obsflow.notify import KINDS, Globals
from obsflow.notify.route_labels import label_problems
from obsflow.schema import MapNode, Node, ScalarNode
from obsflow.testing.files import read_text
from obsflow.testing.scenario_tests.inline import extract

_Load = Callable[[str, str], Any]  # text and the name of its file


@attrs.define
class Configurations:
    """Reads the configurations of a file in `folder`; a broken one is reported once, in `problems`."""

    folder: pathlib.Path
    problems: list[Problem] = attrs.field(factory=list)
    _known: dict[tuple[object, ...], Any] = attrs.field(factory=dict)

    def load_router(self, node: Node, path: str, compat: Compat) -> Config | None:
        """An Alertmanager configuration that stands in a node, or in the file that it names.

        `path` is where the node stands. None where there is something wrong.
        """

        def load(text: str, source: str) -> Config:
            return load_config(
                text, source, KINDS, Globals, compat=compat, zones=zoneinfo.ZoneInfo, check_labels=label_problems
            )

        config: Config | None = self._load(node, path, compat.name, load)
        return config

    def load_incidents(self, node: Node, path: str) -> incident.Config | None:
        """A configuration of incidents, likewise."""

        def load(text: str, source: str) -> incident.Config:
            return incident.load_config(text, source, zones=zoneinfo.ZoneInfo)

        config: incident.Config | None = self._load(node, path, "incidents", load)
        return config

    def _load(self, node: Node, path: str, kind: str, load: _Load) -> Any:
        key = (node.position.line, node.position.column, kind)
        if key not in self._known:
            try:
                self._known[key] = self._read(node, path, load)
            except ConfigError as error:
                self._known[key] = None
                self.problems.extend(each for each in error.problems if each not in self.problems)
        return self._known[key]

    def _read(self, node: Node, path: str, load: _Load) -> Any:
        if isinstance(node, ScalarNode) and node.text:
            file = pathlib.Path(os.path.normpath(self.folder / node.text))
            try:
                text = read_text(file)
            except ConfigError as error:
                (problem,) = error.problems
                raise ConfigError((node.position.problem(path, f"{file} {problem.message}"),)) from None
            return load(text, str(file))
        if not isinstance(node, MapNode):
            raise ConfigError(
                (node.position.problem(path, "expected a configuration, or the name of a file with one"),)
            )
        inline = extract(node)
        try:
            return load(inline.text, node.position.source)
        except ConfigError as error:
            raise ConfigError(tuple(inline.at_home(each, path) for each in error.problems)) from None
