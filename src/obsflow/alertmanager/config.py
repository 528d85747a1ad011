"""The configuration: loads a file into a tree of routes, receivers, rules and intervals, every problem at once."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from obsflow.alertmanager.compat import OBSFLOW, Compat
from obsflow.alertmanager.document import (
    FileSection,
    InhibitRuleSection,
    MatcherList,
    ReceiverSection,
    RouteSection,
    TimeIntervalSection,
)
from obsflow.alertmanager.inhibition import InhibitRule
from obsflow.alertmanager.intervals import NamedIntervals, TimeInterval, Zones, utc_only
from obsflow.alertmanager.limits import RETENTION_MS
from obsflow.alertmanager.matchers import make_matcher, parse_matchers
from obsflow.alertmanager.old_syntax import find_old_matchers, find_old_syntax
from obsflow.alertmanager.routing import GROUP_BY_ALL, Route, render_matchers
from obsflow.errors import ConfigError, MatcherSyntaxError, Problem
from obsflow.model.durations import render_duration
from obsflow.model.labels import Labels, is_label_name, quote
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.notifications import IntegrationKind, Notification
from obsflow.schema import MapNode, Node, Position, ScalarNode, SeqNode, compose, decode_document
from obsflow.schema.decode import decode_node

# Every integration that Alertmanager knows, in the order in which it builds those of a receiver.
KNOWN_INTEGRATIONS = (
    "webhook", "email", "pagerduty", "opsgenie", "wechat", "slack", "victorops", "pushover", "sns", "telegram",
    "discord", "webex", "msteams", "msteamsv2", "jira", "incidentio", "rocketchat", "mattermost",
)  # fmt: skip

CheckLabels = Callable[[Mapping[str, str]], Iterable[tuple[str, str]]]
"""What is wrong with the labels of a route, which are templates: problems, each with the name of its label."""

_OPS = list(MatchOp)


@attrs.frozen
class Integration:
    """One way to tell a receiver; `index` counts within those of its kind, `config` is the kind's own."""

    kind: str
    index: int
    config: Any
    send_resolved: bool


@attrs.frozen
class Receiver:
    """A name that routes use, and the integrations behind it; none is a black hole. The name is a label as well."""

    name: str
    integrations: tuple[Integration, ...] = ()
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen
class Config:
    """A checked configuration. `templates` are the paths and globs as written, for the edge to resolve.

    `warnings` are about what loads and does not do what it says.
    """

    route: Route
    receivers: Mapping[str, Receiver]
    globals_: Any
    inhibit_rules: tuple[InhibitRule, ...] = ()
    time_intervals: Mapping[str, NamedIntervals] = attrs.field(factory=dict)
    templates: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def resolve_timeout_ms(self) -> int:
        """After which an alert whose sender named no end counts as resolved."""
        return int(self.globals_.resolve_timeout)

    def integration(self, notification: Notification) -> Integration:
        """The integration that a notification leaves through."""
        wanted = notification.integration, notification.index
        integrations = self.receivers[notification.receiver].integrations
        return next(each for each in integrations if (each.kind, each.index) == wanted)


def load_config(
    text: str,
    source: str,
    kinds: Sequence[IntegrationKind],
    globals_class: type,
    *,
    compat: Compat = OBSFLOW,
    zones: Zones = utc_only,
    check_labels: CheckLabels = lambda _: (),
) -> Config:
    """Load an Alertmanager configuration.

    `globals_class` decodes the `global` section and has `resolve_timeout` in ms; `kinds` are the integrations that
    receivers may have; `zones` looks up the locations of time intervals; `check_labels` tells of labels of routes that
    are no templates. Raises ConfigError with every problem.
    """
    problems: list[Problem] = []
    document = compose(text, source)
    if document.root is None:
        raise ConfigError((Problem(source, 0, 0, "", "no route provided in config"),))
    file = decode_document(FileSection, document, problems)
    config = _Builder(compat, zones, kinds, globals_class, check_labels, problems).build(file)
    if problems or config is None:
        raise ConfigError(tuple(sorted(problems, key=lambda problem: (problem.line, problem.column))))
    return config


@attrs.define
class _Builder:
    """Resolves the sections of a file against each other; notes what is wrong and goes on."""

    compat: Compat
    zones: Zones
    kinds: Sequence[IntegrationKind]
    globals_class: type
    check_labels: CheckLabels
    problems: list[Problem]
    warnings: list[Problem] = attrs.field(factory=list)

    def build(self, file: FileSection) -> Config | None:
        globals_ = self.globals_of(file)
        receivers: dict[str, Receiver] = {}
        for i, section in enumerate(file.receivers):
            path = f"receivers[{i}]"
            if not section.name:
                self.note(section.at[""], path, "missing name in receiver")
            elif section.name in receivers:
                self.note(section.at["name"], path, f"notification config name {quote(section.name)} is not unique")
            if section.labels.get("name", section.name) != section.name:
                given = section.labels["name"]
                message = f'receiver label "name" must match receiver name {quote(section.name)}, got {quote(given)}'
                self.note(section.at["labels"], f"{path}.labels", message)
            receivers.setdefault(section.name, self.receiver(section, path, globals_))
        intervals: dict[str, NamedIntervals] = {}
        self.intervals_of(file.time_intervals, "time_intervals", "time interval", intervals)
        self.intervals_of(file.mute_time_intervals, "mute_time_intervals", "mute time interval", intervals)
        rules = tuple(self.rule(section, f"inhibit_rules[{i}]") for i, section in enumerate(file.inhibit_rules))
        if file.route is None:
            # A route that could not be decoded has been reported where it is.
            if not any(problem.path.startswith("route") for problem in self.problems):
                self.note(file.at.get("route", file.at[""]), "", "no routes provided")
            return None
        self.check_root(file.route)
        root = self.route(file.route, "route", None, 0)
        self.check_names(file.route, "route", receivers, intervals)
        if globals_ is None:
            return None
        self.warnings.extend(find_old_syntax(file))
        if not self.compat.classic_matchers:
            self.warnings.extend(find_old_matchers(file))
        warnings = sorted(self.warnings, key=lambda problem: (problem.line, problem.column))
        return Config(root, receivers, globals_, rules, intervals, file.templates, tuple(warnings))

    def note(self, position: Position, path: str, message: str) -> None:
        self.problems.append(position.problem(path, message))

    def globals_of(self, file: FileSection) -> Any:
        others = dict(file.others)
        node = others.pop("global", MapNode({}, {}, file.at[""]))
        for key in others:
            self.note(file.at[key], key, f'unknown field "{key}"')
        value = decode_node(self.globals_class, node, "global", self.problems)
        return value if isinstance(value, self.globals_class) else None

    # -- receivers

    def receiver(self, section: ReceiverSection, path: str, globals_: Any) -> Receiver:
        supported = {kind.key: kind for kind in self.kinds}
        integrations: list[Integration] = []
        for key in section.integrations:
            if key not in supported:
                name = key.removesuffix("_configs")
                known = name in KNOWN_INTEGRATIONS and key != name
                message = f"{key} is not supported" if known else f'unknown field "{key}"'
                self.note(section.at[key], f"{path}.{key}", message)
        for kind in sorted(self.kinds, key=_build_order):
            node = section.integrations.get(kind.key)
            if node is not None:
                integrations.extend(self.integrations(kind, node, f"{path}.{kind.key}", globals_))
        return Receiver(section.name, tuple(integrations), {**section.labels, "name": section.name})

    def integrations(self, kind: IntegrationKind, node: Node, path: str, globals_: Any) -> list[Integration]:
        if isinstance(node, ScalarNode) and node.is_null:
            return []
        if not isinstance(node, SeqNode):
            self.note(node.position, path, "expected a list")
            return []
        out: list[Integration] = []
        for i, item in enumerate(node.items):
            if isinstance(item, ScalarNode) and item.is_null:
                self.note(item.position, f"{path}[{i}]", f"missing {kind.name} config")
                continue
            entry = decode_node(kind.config, item, f"{path}[{i}]", self.problems)
            if globals_ is None or not isinstance(entry, kind.config):
                continue
            try:
                config = kind.complete(entry, globals_)
            except ConfigError as error:
                self.problems.extend(error.problems)
            except ValueError as error:
                self.note(item.position, f"{path}[{i}]", str(error))
            else:
                out.append(Integration(kind.name, i, config, bool(config.send_resolved)))
        return out

    # -- matchers

    def matchers(
        self,
        section: RouteSection | InhibitRuleSection,
        path: str,
        keys: tuple[str, str, str],
    ) -> tuple[Matcher, ...]:
        """The matchers of the equality, regex and list keys, in the order in which they stand in a route's key."""
        equal, regex, lists = keys
        found: list[Matcher] = []
        for key, op in ((equal, MatchOp.EQUAL), (regex, MatchOp.REGEX)):
            for name, value in getattr(section, key).items():
                where = f"{path}.{key}.{name}"
                if not is_label_name(name):
                    self.note(section.at[key], where, f"invalid label name {quote(name)}")
                elif value is None and op.is_regex:
                    self.note(section.at[key], where, f"invalid regexp value for {quote(name)}")
                else:
                    try:
                        found.append(make_matcher(name, op, value or "", anchored=op.is_regex))
                    except ValueError as error:
                        self.note(section.at[key], where, str(error))
        for entry in getattr(section, lists):
            found.extend(self.matcher_list(entry, section.at[lists], f"{path}.{lists}"))
        return tuple(sorted(found, key=lambda each: (each.name, each.value, _OPS.index(each.op))))

    def matcher_list(self, entry: MatcherList, position: Position, path: str) -> tuple[Matcher, ...]:
        classic, utf8 = self.compat.classic_matchers, self.compat.utf8_matchers
        if classic or utf8:
            try:
                return parse_matchers(entry.text, classic=classic, utf8=utf8)
            except MatcherSyntaxError as error:
                self.note(position, path, error.message)
        return entry.matchers

    def rule(self, section: InhibitRuleSection, path: str) -> InhibitRule:
        for name in section.equal:
            self.check_label(name, section.at["equal"], path, "equal")
        return InhibitRule(
            section.name,
            self.matchers(section, path, ("source_match", "source_match_re", "source_matchers")),
            self.matchers(section, path, ("target_match", "target_match_re", "target_matchers")),
            section.equal,
        )

    def check_label(self, name: str, position: Position, path: str, what: str) -> None:
        if not name or (self.compat.classic_matchers and not is_label_name(name)):
            self.note(position, path, f"invalid label name {quote(name)} in {what} list")

    # -- time intervals

    def intervals_of(
        self, sections: tuple[TimeIntervalSection, ...], key: str, what: str, into: dict[str, NamedIntervals]
    ) -> None:
        for i, section in enumerate(sections):
            path = f"{key}[{i}]"
            if not section.name:
                self.note(section.at[""], path, f"missing name in {what}")
            elif section.name in into:
                self.note(section.at["name"], path, f"{what} {quote(section.name)} is not unique")
            zoned = tuple((each, self.zone(each, section, path)) for each in section.time_intervals)
            if not self.compat.weekdays_wrap and any(span.wraps for each, _ in zoned for span in each.weekdays or ()):
                message = (
                    "start day cannot be before end day: weeks begin on Sunday, and only Alertmanager 0.35 reads on"
                )
                self.note(section.at["time_intervals"], path, message)
            into[section.name] = NamedIntervals(section.name, zoned)

    def zone(self, interval: TimeInterval, section: TimeIntervalSection, path: str) -> datetime.tzinfo:
        try:
            return self.zones(interval.location or "UTC")
        except (KeyError, ValueError, OSError):  # a directory of the database is no zone either
            self.note(section.at["time_intervals"], path, f"unknown time zone {interval.location}")
            return datetime.UTC

    # -- routes

    def check_root(self, root: RouteSection) -> None:
        checks = (
            (not root.receiver, "", "root route must specify a default receiver"),
            (bool(root.match), "match", "root route must not have any matchers"),
            (bool(root.match_re), "match_re", "root route must not have any matchers"),
            (bool(root.matchers), "matchers", "root route must not have any matchers"),
            (bool(root.mute_time_intervals), "mute_time_intervals", "root route must not have any mute time intervals"),
            (
                bool(root.active_time_intervals),
                "active_time_intervals",
                "root route must not have any active time intervals",
            ),
            (root.continue_, "continue", "cannot have continue in root route"),
        )
        for wrong, key, message in checks:
            if wrong:
                self.note(root.at[key], "route", message)

    def route(self, section: RouteSection, path: str, parent: Route | None, index: int) -> Route:
        matchers = self.matchers(section, path, ("match", "match_re", "matchers"))
        base = Route(receiver="") if parent is None else parent
        step = render_matchers(matchers)
        group_by, group_by_all = self.group_by(section, path, base)
        for key in ("group_interval", "repeat_interval"):
            if getattr(section, key) == 0:
                self.note(section.at[key], f"{path}.{key}", f"{key} cannot be zero")
        labels = self.labels(section, path, base)
        inherited = base if self.compat.time_intervals_inherited else Route(receiver="")
        node = Route(
            receiver=section.receiver or base.receiver,
            key=step if parent is None else f"{parent.key}/{step}",
            id=step if parent is None else f"{parent.id}/{step}/{index}",
            matchers=matchers,
            group_by=group_by,
            group_by_all=group_by_all,
            group_wait_ms=_given(section.group_wait, base.group_wait_ms),
            group_interval_ms=_given(section.group_interval, base.group_interval_ms),
            repeat_interval_ms=_given(section.repeat_interval, base.repeat_interval_ms),
            mute_time_intervals=section.mute_time_intervals or inherited.mute_time_intervals,
            active_time_intervals=section.active_time_intervals or inherited.active_time_intervals,
            continue_=section.continue_,
            labels=labels,
        )
        self.check_repeats(node, section, path)
        children = tuple(self.route(child, f"{path}.routes[{i}]", node, i) for i, child in enumerate(section.routes))
        return attrs.evolve(node, routes=children)

    def labels(self, section: RouteSection, path: str, parent: Route) -> Labels:
        """The labels in effect; those of the parent are its own business, unless they refer to one that is given."""
        for name in section.labels:
            if not name or (self.compat.classic_matchers and not is_label_name(name)):
                self.note(section.at["labels"], f"{path}.labels", f"invalid label name {quote(name)} in route labels")
        labels = parent.labels.with_(section.labels)
        known = set(self.check_labels(parent.labels)) if section.labels else ()
        for problem in self.check_labels(labels) if section.labels else ():
            if problem not in known:
                self.note(section.at["labels"], f"{path}.labels.{problem[0]}", problem[1])
        return labels

    def check_repeats(self, node: Route, section: RouteSection, path: str) -> None:
        """Warn where a repeat interval is not what happens."""
        position = section.at.get("repeat_interval", section.at[""])
        repeat, group = render_duration(node.repeat_interval_ms), render_duration(node.group_interval_ms)
        if node.repeat_interval_ms < node.group_interval_ms:
            message = f"repeat_interval {repeat} is less than group_interval {group}: nothing is repeated before that"
            self.warnings.append(position.problem(path, message))
        if node.repeat_interval_ms > RETENTION_MS:
            kept = render_duration(RETENTION_MS)
            message = f"repeat_interval {repeat} is greater than the {kept} for which it is known: it may repeat sooner"
            self.warnings.append(position.problem(path, message))

    def group_by(self, section: RouteSection, path: str, parent: Route) -> tuple[frozenset[str], bool]:
        names = section.group_by
        if names is None or (not names and self.compat.empty_group_by_inherits):
            return parent.group_by, parent.group_by_all
        position = section.at["group_by"]
        if GROUP_BY_ALL in names:
            if set(names) != {GROUP_BY_ALL}:
                message = "cannot have wildcard group_by (`...`) and other labels at the same time"
                self.note(position, path, message)
            return frozenset(), True
        for i, name in enumerate(names):
            self.check_label(name, position, path, "group_by")
            if name in names[:i]:
                self.note(position, path, f"duplicated label {quote(name)} in group_by")
        return frozenset(names), False

    def check_names(
        self,
        section: RouteSection,
        path: str,
        receivers: Mapping[str, Receiver],
        intervals: Mapping[str, NamedIntervals],
    ) -> None:
        if section.receiver and section.receiver not in receivers:
            self.note(section.at["receiver"], path, f"undefined receiver {quote(section.receiver)} used in route")
        for key in ("mute_time_intervals", "active_time_intervals"):
            for name in getattr(section, key):
                if name not in intervals:
                    self.note(section.at[key], f"{path}.{key}", f"undefined time interval {quote(name)} used in route")
        for i, child in enumerate(section.routes):
            self.check_names(child, f"{path}.routes[{i}]", receivers, intervals)


def _given(value: int | None, inherited: int) -> int:
    return inherited if value is None else value


def _build_order(kind: IntegrationKind) -> int:
    return KNOWN_INTEGRATIONS.index(kind.name) if kind.name in KNOWN_INTEGRATIONS else len(KNOWN_INTEGRATIONS)
