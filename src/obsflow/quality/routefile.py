"""An Alertmanager configuration under review: its routes, and where everything in it stands."""

from collections.abc import Callable, Iterator
from typing import Self

import attrs

from obsflow.alertmanager import Config, Route
from obsflow.alertmanager.document import FileSection, RouteSection
from obsflow.alertmanager.routing import render_matchers
from obsflow.quality.findings import Finding
from obsflow.quality.reach import Conjunction
from obsflow.quality.rulefiles import ReviewedRule
from obsflow.quality.shapes import AlertShape, alert_shapes
from obsflow.schema import Position, compose, decode_document


@attrs.frozen
class ReviewedRoute:
    """A route in its place.

    `asked` is what an alert must pass on the way to it, its own matchers included. `blockers` are the routes before it
    on that way that take an alert for good.
    """

    route: Route
    section: RouteSection
    asked: Conjunction
    blockers: "tuple[ReviewedRoute, ...]"
    parent: "ReviewedRoute | None"

    @property
    def name(self) -> str:
        """What the route is called: its matchers."""
        return render_matchers(self.route.matchers) if self.route.matchers else ("route" if self.is_root else "{}")

    @property
    def is_root(self) -> bool:
        """Whether every alert begins here."""
        return self.parent is None

    def place(self, key: str = "") -> Position:
        """Where the route, or a key of it, stands."""
        return self.section.at.get(key, self.section.at[""])

    def find(self, code: str, at: Position, message: str, fix: str = "") -> Finding:
        """A finding about this route."""
        return Finding.of(code, at, self.name, message, fix, anchor=self.place().line)


@attrs.frozen
class ReviewedConfig:
    """A configuration, its sections, its routes depth first, and the alerts that are known to come; None if unknown."""

    config: Config
    text: str
    file: FileSection
    routes: tuple[ReviewedRoute, ...]
    shapes: tuple[AlertShape, ...] | None = None

    @classmethod
    def load(
        cls,
        text: str,
        source: str,
        load: Callable[[str, str], Config],
        rules: tuple[ReviewedRule, ...] | None = None,
    ) -> Self:
        """Read a configuration with `load`, which raises ConfigError for one that an Alertmanager would not accept."""
        config = load(text, source)
        file = decode_document(FileSection, compose(text, source), [])
        assert file.route is not None
        routes = tuple(_walk(ReviewedRoute(config.route, file.route, config.route.matchers, (), None)))
        return cls(config, text, file, routes, None if rules is None else _shapes(config, routes, rules))

    @property
    def alerts(self) -> tuple[AlertShape, ...]:
        """The alerts that are known to come."""
        return self.shapes or ()


def _shapes(
    config: Config, routes: tuple[ReviewedRoute, ...], rules: tuple[ReviewedRule, ...]
) -> tuple[AlertShape, ...]:
    matchers = [matcher for each in routes for matcher in each.route.matchers]
    for rule in config.inhibit_rules:
        matchers += (*rule.source, *rule.target)
    grouping = {name for each in routes for name in each.route.group_by}
    equal = {name for rule in config.inhibit_rules for name in rule.equal}
    return alert_shapes(rules, matchers, grouping | equal)


def _walk(node: ReviewedRoute) -> Iterator[ReviewedRoute]:
    yield node
    blockers = node.blockers
    for route, section in zip(node.route.routes, node.section.routes, strict=True):
        child = ReviewedRoute(route, section, (*node.asked, *route.matchers), blockers, node)
        yield from _walk(child)
        if not route.continue_:
            blockers = (*blockers, child)
