"""The pytest plugin: files of rule tests and of scenarios as tests, and fixtures in virtual time.

pytest imports this module in every run of everyone who has obsflow installed, so it imports nothing of obsflow until
something is used.
"""

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from obsflow.testing.virtual_time import VirtualEngine, VirtualRouter, VirtualTimeline

_RULE_TESTS = (".promtest.yml", ".promtest.yaml")
_SCENARIOS = (".scenario.yml", ".scenario.yaml")


def pytest_collect_file(file_path: pathlib.Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect files named `*.promtest.yml` and `*.scenario.yml`."""
    if not file_path.name.endswith((*_RULE_TESTS, *_SCENARIOS)):
        return None
    from obsflow.testing.pytest_items import PromtestFile, ScenarioTestFile  # noqa: PLC0415 - only where there is one

    kind = PromtestFile if file_path.name.endswith(_RULE_TESTS) else ScenarioTestFile
    return kind.from_parent(parent, path=file_path)


@pytest.fixture
def obsflow_engine() -> "VirtualEngine":
    """An engine over an empty store: `load` series in the notation of tests, then `query`."""
    from obsflow.testing.virtual_time import VirtualEngine  # noqa: PLC0415

    return VirtualEngine()


@pytest.fixture
def obsflow_timeline(request: pytest.FixtureRequest) -> "Callable[..., VirtualTimeline]":
    """Makes a timeline of rules and routes, each the text of a file or a path relative to the test's own file.

    `obsflow_timeline(rules, routes=None, *, evaluation_interval="1m", external_labels={}, external_url="", compat=...)`
    raises ConfigError.
    """
    from obsflow.testing.pytest_sources import make_timeline  # noqa: PLC0415

    folder = request.path.parent

    def make(rules: str | pathlib.Path, routes: str | pathlib.Path | None = None, **options: Any) -> "VirtualTimeline":
        return make_timeline(folder, rules, routes, options)

    return make


@pytest.fixture
def obsflow_router(request: pytest.FixtureRequest) -> "Callable[..., VirtualRouter]":
    """Makes an Alertmanager in virtual time of an `alertmanager.yml`: its text, or a path relative to the test's file.

    `obsflow_router(routes, compat="obsflow")` raises ConfigError.
    """
    from obsflow.testing.pytest_sources import make_router  # noqa: PLC0415

    folder = request.path.parent

    def make(routes: str | pathlib.Path, compat: str = "obsflow") -> "VirtualRouter":
        return make_router(folder, routes, compat)

    return make
