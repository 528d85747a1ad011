"""What a configuration says in words that are on their way out, and how to say it now."""

from collections.abc import Iterator, Mapping

import attrs

from obsflow.alertmanager.document import FileSection, InhibitRuleSection, MatcherList, RouteSection
from obsflow.alertmanager.matchers import classic_reading
from obsflow.alertmanager.routing import render_matcher
from obsflow.errors import Problem
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.schema import Position

_EQUAL = MatchOp.EQUAL.value
_REGEX = MatchOp.REGEX.value
_ROUTE_KEYS = (("match", _EQUAL, "matchers"), ("match_re", _REGEX, "matchers"))
_RULE_KEYS = tuple(
    (f"{side}_{key}", operator, f"{side}_{new}") for side in ("source", "target") for key, operator, new in _ROUTE_KEYS
)


@attrs.frozen
class OldSyntax(Problem):
    """Something that still counts, and has a newer form."""


def find_old_syntax(file: FileSection) -> Iterator[OldSyntax]:
    """The deprecated keys of a file."""
    if file.mute_time_intervals:
        message = '"mute_time_intervals" is deprecated: move what it holds to "time_intervals"'
        yield _at(file.at["mute_time_intervals"], "mute_time_intervals", message)
    for route, path in () if file.route is None else _walk(file.route, "route"):
        yield from _of_section(route, path, _ROUTE_KEYS)
    for i, rule in enumerate(file.inhibit_rules):
        yield from _of_section(rule, f"inhibit_rules[{i}]", _RULE_KEYS)


def find_old_matchers(file: FileSection) -> Iterator[OldSyntax]:
    """The matchers that only the classic grammar reads as they are meant."""
    sections = [] if file.route is None else [*_walk(file.route, "route")]
    sections += ((rule, f"inhibit_rules[{i}]") for i, rule in enumerate(file.inhibit_rules))
    for section, path in sections:
        for key in ("matchers",) if isinstance(section, RouteSection) else ("source_matchers", "target_matchers"):
            entries: tuple[MatcherList, ...] = getattr(section, key)
            for i, entry in enumerate(entries):
                if why := classic_reading(entry.text):
                    written = ", ".join(map(render_matcher, entry.matchers))
                    message = f"only the classic grammar reads {entry.text} as it is meant ({why}): say {written}"
                    yield _at(section.at[key], f"{path}.{key}[{i}]", message)


def _walk(route: RouteSection, path: str) -> Iterator[tuple[RouteSection | InhibitRuleSection, str]]:
    yield route, path
    for i, child in enumerate(route.routes):
        yield from _walk(child, f"{path}.routes[{i}]")


def _of_section(
    section: RouteSection | InhibitRuleSection, path: str, keys: tuple[tuple[str, str, str], ...]
) -> Iterator[OldSyntax]:
    for key, operator, new in keys:
        given: Mapping[str, str | None] = getattr(section, key)
        if given:
            matchers = ", ".join(f"'{_entry(name, operator, value or '')}'" for name, value in given.items())
            yield _at(section.at[key], f"{path}.{key}", f'"{key}" is deprecated: say {new}: [{matchers}]')


def _entry(name: str, operator: str, value: str) -> str:
    """A matcher as an element of a list in single quotes."""
    return render_matcher(Matcher(name, MatchOp.EQUAL, value)).replace("=", operator, 1).replace("'", "''")


def _at(position: Position, path: str, message: str) -> OldSyntax:
    return OldSyntax(position.source, position.line, position.column, path, message)
