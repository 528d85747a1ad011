"""The configuration: loads a file into users, schedules, policies and services, every problem at once."""

import datetime
import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from obsflow.errors import ConfigError, Problem
from obsflow.incident.contacts import ContactMethod, NotificationRule, Urgency, User
from obsflow.incident.document import (
    MONTHLY,
    FileSection,
    HeartbeatSection,
    HoursSection,
    LayerSection,
    LevelSection,
    PolicySection,
    RestrictionSection,
    ScheduleSection,
    ServiceSection,
    TargetSection,
    UserSection,
)
from obsflow.incident.escalation import Level, Policy, Target, TargetKind
from obsflow.incident.heartbeats import Heartbeat
from obsflow.incident.hours import SupportHours
from obsflow.incident.maintenance import Window
from obsflow.incident.rotation import (
    DAY_MINUTES,
    FIRST_DAY,
    FIRST_MONDAY,
    WEEK_MINUTES,
    Restriction,
    Rotation,
    restrict_days,
)
from obsflow.incident.schedule import Layer, Override, Schedule
from obsflow.model.durations import WEEK_MS
from obsflow.schema import Position, compose, decode_document

Zones = Callable[[str], datetime.tzinfo]  # a zone by its IANA name; raises KeyError for one that it does not know

MAX_REPEAT = 9

_TIMES = ("acknowledge_timeout", "acknowledge_reminder", "auto_resolve", "group_within", "changes_within")

S = TypeVar("S")
T = TypeVar("T")


def utc_only(name: str) -> datetime.tzinfo:
    """The zones that need no database. Raises KeyError for any other."""
    if name in ("", "UTC"):
        return datetime.UTC
    raise KeyError(name)


@attrs.frozen
class Service:
    """What incidents belong to: the receiver of that name, or the routing key. Times are ms, None is never.

    `urgency` None takes that of the alerts, unless `hours` say something else. `acknowledge_reminder_ms` is how often
    whoever acknowledged is remembered. `auto_resolve_ms` runs while nobody has acknowledged, and with
    `auto_resolves_acknowledged` also after that. What is triggered within `group_ms` from when an open incident began
    is part of it; a change within `changes_ms` before an incident is noted there. `channel` is told of everything, one
    for each incident if it is empty; `status_page` names the component that a status page shows.
    """

    name: str
    policy: str
    routing_key: str = ""
    urgency: Urgency | None = None
    low_urgency_escalates: bool = False
    hours: SupportHours | None = None
    acknowledge_timeout_ms: int | None = None
    acknowledge_reminder_ms: int | None = None
    auto_resolve_ms: int | None = None
    auto_resolves_acknowledged: bool = False
    group_ms: int | None = None
    changes_ms: int | None = None
    heartbeats: tuple[Heartbeat, ...] = ()
    maintenance: tuple[Window, ...] = ()
    channel: str = ""
    status_page: str = ""

    def urgency_at(self, at: int, of_alerts: Urgency) -> Urgency:
        """The urgency of what is triggered at an instant, ms, by alerts of an urgency."""
        return self.hours.urgency(at, of_alerts) if self.hours is not None else self.urgency or of_alerts


@attrs.frozen
class Config:
    """A checked configuration, everything by its name."""

    users: Mapping[str, User]
    schedules: Mapping[str, Schedule]
    policies: Mapping[str, Policy]
    services: Mapping[str, Service]

    @property
    def routing_keys(self) -> Mapping[str, str]:
        """The services by their routing keys, for `parse_event`."""
        return {service.routing_key: name for name, service in self.services.items() if service.routing_key}


def load_config(text: str, source: str, *, zones: Zones = utc_only) -> Config:
    """Load a configuration of incidents; `zones` looks up the time zones of schedules.

    Raises ConfigError with every problem.
    """
    problems: list[Problem] = []
    document = compose(text, source)
    file = decode_document(FileSection, document, problems)
    config = _Builder(zones, problems).build(file)
    if problems:
        raise ConfigError(tuple(sorted(problems, key=lambda problem: (problem.line, problem.column))))
    return config


@attrs.define
class _Builder:
    """Resolves the sections of a file against each other; notes what is wrong and goes on."""

    zones: Zones
    problems: list[Problem]
    users: set[str] = attrs.field(factory=set)
    schedules: set[str] = attrs.field(factory=set)
    policies: set[str] = attrs.field(factory=set)

    def build(self, file: FileSection) -> Config:
        self.users = {each.name for each in file.users}
        self.schedules = {each.name for each in file.schedules}
        self.policies = {each.name for each in file.policies}
        if "services" not in file.at:
            self.note(file.at[""], "", "no services: nothing can have an incident")
        config = Config(
            self.named(file.users, "users", "user", self.user),
            self.named(file.schedules, "schedules", "schedule", self.schedule),
            self.named(file.policies, "policies", "policy", self.policy),
            self.named(file.services, "services", "service", self.service),
        )
        self.check_cycles(file.policies)
        self.check_routing_keys(file.services)
        return config

    def note(self, position: Position, path: str, message: str) -> None:
        self.problems.append(position.problem(path, message))

    def is_sound(self, path: str) -> bool:
        """Whether nothing below a path is wrong yet: what could not be read is not missed a second time."""
        return not any(problem.path.startswith(path) for problem in self.problems)

    def named(self, sections: Iterable[S], path: str, what: str, build: Callable[[S, str], T]) -> dict[str, T]:
        """What sections say, by name; a name that is empty or given twice is a problem."""
        found: dict[str, T] = {}
        for i, section in enumerate(sections):
            each: Any = section
            where = f"{path}[{i}]"
            if not each.name:
                self.note(each.at["name"], f"{where}.name", f"a {what} needs a name")
            elif each.name in found:
                self.note(each.at["name"], f"{where}.name", f'{what} "{each.name}" is defined twice')
            built = build(section, where)
            found.setdefault(each.name, built)
        return found

    def known(self, name: str, names: Iterable[str], what: str, at: Position, path: str) -> None:
        """Note a name that nothing has, with the one that was perhaps meant."""
        known = sorted(names)
        if name in known:
            return
        close = difflib.get_close_matches(name, known, n=1)
        hint = f', did you mean "{close[0]}"?' if close else ""
        self.note(at, path, f'unknown {what} "{name}"{hint}')

    # -- people

    def user(self, section: UserSection, path: str) -> User:
        methods = {each.name: ContactMethod(each.name, each.kind, each.address) for each in section.contact_methods}
        if not methods and self.is_sound(f"{path}.contact_methods"):
            self.note(section.at[""], path, f'user "{section.name}" cannot be reached: no contact_methods')
        if len(methods) < len(section.contact_methods):
            self.note(section.at["contact_methods"], f"{path}.contact_methods", "names are not unique")
        rules = []
        for i, rule in enumerate(section.notification_rules):
            where = f"{path}.notification_rules[{i}].method"
            self.known(rule.method, methods, "contact method", rule.at["method"], where)
            if rule.method in methods:
                rules.append(NotificationRule(methods[rule.method], rule.urgency, rule.after))
        return User(section.name, tuple(methods.values()), tuple(rules))

    def schedule(self, section: ScheduleSection, path: str) -> Schedule:
        if not section.layers and self.is_sound(f"{path}.layers"):
            self.note(section.at[""], path, f'schedule "{section.name}" has no layers')
        zone = self.zone(section, path)
        layers = tuple(self.layer(each, f"{path}.layers[{i}]") for i, each in enumerate(section.layers))
        overrides = []
        for i, each in enumerate(section.overrides):
            for key in ("user", "replaces", "removes"):
                if name := getattr(each, key):
                    self.known(name, self.users, "user", each.at[key], f"{path}.overrides[{i}].{key}")
            overrides.append(Override(each.user, each.start, each.end, each.replaces or each.removes, each.adds))
        return Schedule(section.name, zone, layers, tuple(overrides))

    def zone(self, section: ScheduleSection | HoursSection, path: str) -> datetime.tzinfo:
        try:
            return self.zones(section.time_zone)
        except (KeyError, ValueError, OSError):  # what zoneinfo raises for names of no zone
            at = section.at.get("time_zone", section.at[""])
            self.note(at, f"{path}.time_zone", f'unknown time zone "{section.time_zone}"')
            return datetime.UTC

    def layer(self, section: LayerSection, path: str) -> Layer:
        if not section.users and self.is_sound(f"{path}.users"):
            self.note(section.at["users"], f"{path}.users", "a layer needs somebody")
        for i, user in enumerate(section.users):
            self.known(user, self.users, "user", section.at["users"], f"{path}.users[{i}]")
        if section.since is not None and section.until is not None and section.since >= section.until:
            self.note(section.at["until"], f"{path}.until", "a layer ends after it begins")
        start = section.start or FIRST_MONDAY
        if section.rotation == WEEK_MS:
            weekday = start.weekday() if section.hand_off_day is None else section.hand_off_day
            rotation = Rotation.weekly(section.hand_off, weekday, start)
        else:
            if section.hand_off_day is not None:
                self.note(section.at["hand_off_day"], f"{path}.hand_off_day", "only a weekly rotation has one")
            is_monthly = section.rotation == MONTHLY
            rotation = (
                Rotation.monthly(section.hand_off, section.start or FIRST_DAY)
                if is_monthly
                else Rotation.every(section.rotation, section.hand_off, start)
            )
        restrictions = tuple(window for each in section.restrictions for window in _windows(each))
        return Layer(section.name, section.users, rotation, restrictions, section.since, section.until, section.adds)

    # -- escalation

    def policy(self, section: PolicySection, path: str) -> Policy:
        if not section.levels and self.is_sound(f"{path}.levels"):
            self.note(section.at[""], path, f'policy "{section.name}" has no levels')
        if not 0 <= section.repeat <= MAX_REPEAT:
            self.note(section.at["repeat"], f"{path}.repeat", f"expected 0 to {MAX_REPEAT}, got {section.repeat}")
        if section.then is not None:
            self.known(section.then, self.policies, "policy", section.at["then"], f"{path}.then")
        levels = tuple(self.level(each, f"{path}.levels[{i}]") for i, each in enumerate(section.levels))
        for i, each in enumerate(section.levels):
            is_last = i == len(section.levels) - 1 and not section.repeat and section.then is None
            if each.escalate_after is None and not is_last:
                message = "without escalate_after what comes after this level is never reached"
                self.note(each.at["escalate_after"], f"{path}.levels[{i}].escalate_after", message)
            elif each.escalate_after == 0:
                self.note(each.at["escalate_after"], f"{path}.levels[{i}].escalate_after", "nobody can answer in 0s")
        return Policy(section.name, levels, section.repeat, section.then, section.resumes_at_first)

    def level(self, section: LevelSection, path: str) -> Level:
        if not section.targets and self.is_sound(f"{path}.targets"):
            self.note(section.at[""], path, "a level needs a target")
        targets = tuple(self.target(each, f"{path}.targets[{i}]") for i, each in enumerate(section.targets))
        if section.round_robin and not any(each.user or each.schedule for each in section.targets):
            self.note(section.at["round_robin"], f"{path}.round_robin", "nobody whose turn it could be: only channels")
        return Level(
            targets, section.escalate_after, section.round_robin, section.acknowledgements, section.skips_nobody
        )

    def target(self, section: TargetSection, path: str) -> Target:
        if section.user:
            self.known(section.user, self.users, "user", section.at["user"], f"{path}.user")
            return Target(TargetKind.USER, section.user)
        if section.schedule:
            self.known(section.schedule, self.schedules, "schedule", section.at["schedule"], f"{path}.schedule")
            return Target(TargetKind.SCHEDULE, section.schedule)
        return Target(TargetKind.CHANNEL, section.channel)

    def check_cycles(self, sections: tuple[PolicySection, ...]) -> None:
        """A policy that hands over to itself, in however many steps, would page for ever; noted once a cycle."""
        then = {each.name: each.then for each in sections}
        noted: set[str] = set()
        for i, section in enumerate(sections):
            way = [section.name]
            while (after := then.get(way[-1])) is not None and after not in way:
                way.append(after)
            if after == section.name and section.name not in noted:
                noted.update(way)
                chain = " → ".join((*way, after))
                self.note(section.at["then"], f"policies[{i}].then", f"policies hand over in a circle: {chain}")

    # -- services

    def service(self, section: ServiceSection, path: str) -> Service:
        self.known(section.policy, self.policies, "policy", section.at["policy"], f"{path}.policy")
        for key in _TIMES:
            if getattr(section, key) == 0:
                self.note(section.at[key], f"{path}.{key}", "expected a duration, or null for never")
        return Service(
            name=section.name,
            policy=section.policy,
            routing_key=section.routing_key,
            urgency=section.urgency,
            low_urgency_escalates=section.low_urgency_escalates,
            hours=self.hours(section, path),
            acknowledge_timeout_ms=section.acknowledge_timeout,
            acknowledge_reminder_ms=section.acknowledge_reminder,
            auto_resolve_ms=section.auto_resolve,
            auto_resolves_acknowledged=section.auto_resolves_acknowledged,
            group_ms=section.group_within,
            changes_ms=section.changes_within,
            heartbeats=self.heartbeats(section.heartbeats, path),
            maintenance=tuple(Window(each.start, each.end) for each in section.maintenance),
            channel=section.channel,
            status_page=section.status_page,
        )

    def hours(self, section: ServiceSection, path: str) -> SupportHours | None:
        hours, where = section.support_hours, f"{path}.support_hours"
        if hours is None:
            return None
        if "urgency" in section.at:
            self.note(section.at["urgency"], f"{path}.urgency", "support_hours say it already")
        if not hours.restrictions and self.is_sound(where):
            self.note(hours.at[""], where, "support hours need restrictions")
        windows = tuple(window for each in hours.restrictions for window in _windows(each))
        return SupportHours(self.zone(hours, where), windows, hours.inside, hours.outside, hours.raises)

    def heartbeats(self, sections: tuple[HeartbeatSection, ...], path: str) -> tuple[Heartbeat, ...]:
        found: dict[str, Heartbeat] = {}
        for i, each in enumerate(sections):
            where = f"{path}.heartbeats[{i}]"
            if not each.name:
                self.note(each.at["name"], f"{where}.name", "a heartbeat needs a name")
            elif each.name in found:
                self.note(each.at["name"], f"{where}.name", f'heartbeat "{each.name}" is defined twice')
            if each.timeout == 0:
                self.note(each.at["timeout"], f"{where}.timeout", "expected a duration")
            found.setdefault(each.name, Heartbeat(each.name, each.timeout, each.severity))
        return tuple(found.values())

    def check_routing_keys(self, sections: tuple[ServiceSection, ...]) -> None:
        seen: dict[str, str] = {}
        for i, each in enumerate(sections):
            if each.routing_key and seen.setdefault(each.routing_key, each.name) != each.name:
                message = f'service "{seen[each.routing_key]}" has the same routing key'
                self.note(each.at["routing_key"], f"services[{i}].routing_key", message)


def _windows(section: RestrictionSection) -> tuple[Restriction, ...]:
    if section.start_day is not None and section.end_day is not None:
        start, end = (
            (day * DAY_MINUTES + minute) % WEEK_MINUTES
            for day, minute in ((section.start_day, section.start_time), (section.end_day, section.end_time))
        )
        return (Restriction(start, end),)
    if section.weekdays is None:
        return restrict_days(section.start_time, section.end_time)
    days = sorted({day for each in section.weekdays for day in each.days})
    return restrict_days(section.start_time, section.end_time, tuple(days))
