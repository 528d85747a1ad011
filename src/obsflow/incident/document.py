"""The configuration file as it is written: one class a section, names not looked up yet."""

import calendar
import datetime
import re
from collections.abc import Mapping

import attrs

from obsflow.incident.contacts import Urgency
from obsflow.model.durations import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, parse_duration
from obsflow.model.times import parse_time
from obsflow.schema import Position, field, positions

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEARS = range(1970, 3000)
_WEEKDAYS = {name.lower(): i for i, name in enumerate(calendar.day_name)}
_ROTATIONS_MS = {"daily": DAY_MS, "weekly": WEEK_MS}
MONTHLY = 0
"""The length of a rotation whose turns are months."""
_ACKNOWLEDGE_TIMEOUT_MS = 30 * MINUTE_MS


def _parse_clock(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(f'expected a time of day such as "09:00", got "{text}"')
    hours, minutes = (int(part) for part in match.groups() if part is not None)
    return hours * 60 + minutes


def _parse_weekday(text: str) -> int:
    if text.lower() not in _WEEKDAYS:
        raise ValueError(f'"{text}" is no weekday')
    return _WEEKDAYS[text.lower()]


@attrs.frozen
class WeekdaySpan:
    """An entry of `weekdays`: the days, Monday 0."""

    days: tuple[int, ...]


def _parse_weekdays(text: str) -> WeekdaySpan:
    """One weekday or, as in `monday:friday`, a span of them, which may run over the end of the week."""
    begin, _, end = text.partition(":")
    first = _parse_weekday(begin)
    last = _parse_weekday(end) if end else first
    return WeekdaySpan(tuple((first + i) % 7 for i in range((last - first) % 7 + 1)))


def _parse_date(text: str) -> datetime.date:
    if _DATE.fullmatch(text) is None:
        raise ValueError(f'expected a date such as "2026-01-31", got "{text}"')
    date = datetime.date.fromisoformat(text)
    if date.year not in _YEARS:
        raise ValueError(f"expected a year from {_YEARS[0]} to {_YEARS[-1]}, got {date.year}")
    return date


def _parse_instant(text: str) -> int:
    try:
        return parse_time(text)
    except OverflowError:
        raise ValueError(f'"{text}" is out of range') from None


def _parse_rotation(text: str) -> int:
    if text == "monthly":
        return MONTHLY
    length = _ROTATIONS_MS.get(text)
    if length is None:
        try:
            length = parse_duration(text)
        except ValueError:
            raise ValueError(f'expected "daily", "weekly", "monthly" or a duration, got "{text}"') from None
    if length < MINUTE_MS:
        raise ValueError("a turn lasts at least a minute")
    return length


def _parse_urgency(text: str) -> Urgency | None:
    """The urgency, or None for that of the alerts."""
    if text == "severity":
        return None
    try:
        return Urgency(text)
    except ValueError:
        raise ValueError(f'expected "high", "low" or "severity", got "{text}"') from None


def _parse_acknowledgements(text: str) -> int | None:
    """How many people have to acknowledge, None for all."""
    if text == "all":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= len(text) <= 3 or int(text) < 1:
        raise ValueError(f'expected "all" or how many people, from 1 to 999, got "{text}"')
    return int(text)


def _parse_user_urgency(text: str) -> Urgency:
    urgency = _parse_urgency(text)
    if urgency is None:
        raise ValueError('expected "high" or "low", got "severity"')
    return urgency


@attrs.frozen
class MethodSection:
    """An entry of `contact_methods`."""

    name: str = field()
    kind: str = field()
    address: str = ""


@attrs.frozen
class RuleSection:
    """An entry of `notification_rules`."""

    method: str = field()
    urgency: Urgency = field(parse=_parse_user_urgency, default=Urgency.HIGH)
    after: int = field(parse=parse_duration, default=0)
    at: Mapping[str, Position] = positions()


@attrs.frozen
class UserSection:
    """An entry of `users`."""

    name: str = field()
    contact_methods: tuple[MethodSection, ...] = ()
    notification_rules: tuple[RuleSection, ...] = ()
    at: Mapping[str, Position] = positions()


@attrs.frozen
class RestrictionSection:
    """Hours of days, or with `start_day` and `end_day` one window of the week."""

    start_time: int = field(parse=_parse_clock)
    end_time: int = field(parse=_parse_clock)
    weekdays: tuple[WeekdaySpan, ...] | None = field(parse=_parse_weekdays, default=None)
    start_day: int | None = field(parse=_parse_weekday, default=None)
    end_day: int | None = field(parse=_parse_weekday, default=None)

    def __attrs_post_init__(self) -> None:
        if (self.start_day is None) != (self.end_day is None):
            raise ValueError("start_day and end_day belong together")
        if self.start_day is not None and self.weekdays is not None:
            raise ValueError("either weekdays, or start_day and end_day")


@attrs.frozen
class LayerSection:
    """An entry of `layers`."""

    name: str = field()
    users: tuple[str, ...] = field()
    rotation: int = field(parse=_parse_rotation, default=WEEK_MS)
    hand_off: int = field(parse=_parse_clock, default=0)
    hand_off_day: int | None = field(parse=_parse_weekday, default=None)
    start: datetime.date | None = field(parse=_parse_date, default=None)
    since: int | None = field(parse=_parse_instant, default=None)
    until: int | None = field(parse=_parse_instant, default=None)
    restrictions: tuple[RestrictionSection, ...] = ()
    adds: bool = False
    at: Mapping[str, Position] = positions()


@attrs.frozen
class OverrideSection:
    """An entry of `overrides`."""

    start: int = field(parse=_parse_instant)
    end: int = field(parse=_parse_instant)
    user: str = ""
    replaces: str = ""
    removes: str = ""
    adds: bool = False
    at: Mapping[str, Position] = positions()

    def __attrs_post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("an override ends after it starts")
        if self.removes and (self.user or self.replaces or self.adds):
            raise ValueError("an override that removes somebody does nothing else")
        if not self.removes and not self.user:
            raise ValueError('an override needs "user", or "removes"')
        if self.adds and self.replaces:
            raise ValueError("an override either adds or replaces")


@attrs.frozen
class ScheduleSection:
    """An entry of `schedules`."""

    name: str = field()
    time_zone: str = "UTC"
    layers: tuple[LayerSection, ...] = ()
    overrides: tuple[OverrideSection, ...] = ()
    at: Mapping[str, Position] = positions()


@attrs.frozen
class TargetSection:
    """An entry of `targets`: one of the three."""

    user: str = ""
    schedule: str = ""
    channel: str = ""
    at: Mapping[str, Position] = positions()

    def __attrs_post_init__(self) -> None:
        if sum(map(bool, (self.user, self.schedule, self.channel))) != 1:
            raise ValueError("a target is one of: user, schedule, channel")


@attrs.frozen
class LevelSection:
    """An entry of `levels`."""

    targets: tuple[TargetSection, ...] = ()
    escalate_after: int | None = field(parse=parse_duration, default=5 * MINUTE_MS)
    round_robin: bool = False
    acknowledgements: int | None = field(parse=_parse_acknowledgements, default=1)
    skips_nobody: bool = True
    at: Mapping[str, Position] = positions()


@attrs.frozen
class PolicySection:
    """An entry of `policies`."""

    name: str = field()
    levels: tuple[LevelSection, ...] = ()
    repeat: int = 0
    then: str | None = None
    resumes_at_first: bool = False
    at: Mapping[str, Position] = positions()


@attrs.frozen
class HoursSection:
    """`support_hours`: the hours, and the urgency inside and outside of them."""

    restrictions: tuple[RestrictionSection, ...] = ()
    time_zone: str = "UTC"
    inside: Urgency | None = field(parse=_parse_urgency, default=Urgency.HIGH)
    outside: Urgency | None = field(parse=_parse_urgency, default=Urgency.LOW)
    raises: bool = False
    at: Mapping[str, Position] = positions()


@attrs.frozen
class HeartbeatSection:
    """An entry of `heartbeats`."""

    name: str = field()
    timeout: int = field(parse=parse_duration)
    severity: str = "critical"
    at: Mapping[str, Position] = positions()


@attrs.frozen
class MaintenanceSection:
    """An entry of `maintenance`."""

    start: int = field(parse=_parse_instant)
    end: int = field(parse=_parse_instant)

    def __attrs_post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("a maintenance ends after it starts")


@attrs.frozen
class ServiceSection:
    """An entry of `services`; its name is that of a receiver."""

    name: str = field()
    policy: str = field()
    routing_key: str = ""
    urgency: Urgency | None = field(parse=_parse_urgency, default=None)
    low_urgency_escalates: bool = False
    support_hours: HoursSection | None = None
    acknowledge_timeout: int | None = field(parse=parse_duration, default=_ACKNOWLEDGE_TIMEOUT_MS)
    acknowledge_reminder: int | None = field(parse=parse_duration, default=None)
    auto_resolve: int | None = field(parse=parse_duration, default=None)
    auto_resolves_acknowledged: bool = False
    group_within: int | None = field(parse=parse_duration, default=None)
    changes_within: int | None = field(parse=parse_duration, default=HOUR_MS)
    heartbeats: tuple[HeartbeatSection, ...] = ()
    maintenance: tuple[MaintenanceSection, ...] = ()
    channel: str = ""
    status_page: str = ""
    at: Mapping[str, Position] = positions()


@attrs.frozen
class FileSection:
    """The whole file."""

    users: tuple[UserSection, ...] = ()
    schedules: tuple[ScheduleSection, ...] = ()
    policies: tuple[PolicySection, ...] = ()
    services: tuple[ServiceSection, ...] = ()
    at: Mapping[str, Position] = positions()
