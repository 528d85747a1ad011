"""Files of scenarios: text to frozen objects. Times are ms since the start of the scenario."""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from obsflow.alertmanager import Silence, parse_matchers
from obsflow.errors import ConfigError, MatcherSyntaxError, Problem, UnknownField
from obsflow.model.alerts import Alert
from obsflow.model.durations import DAY_MS
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher
from obsflow.model.notifications import AlertStatus, NotifyReason
from obsflow.model.times import parse_time
from obsflow.schema import Node, Position, ScalarNode, decode, field, positions
from obsflow.testing.expectations import Texts, parse_compat_name, parse_reason, parse_status, set_texts
from obsflow.testing.scenario_tests.flags import Flags
from obsflow.testing.scenario_tests.offsets import parse_length, parse_offset

_NOWHERE: Final = Position("", 0, 0)
_ABSENT: Final[Node] = ScalarNode("", is_plain=True, is_block=False, position=_NOWHERE)
_LONG_MS: Final = 36_500 * DAY_MS  # a silence without an end
_KINDS: Final = ("alerts", "silence", "expire", "reload", "acknowledge")
_DELIVERY_KINDS: Final = ("fails", "latency")


def is_absent(node: Node) -> bool:
    """Whether nothing is given, or null."""
    return isinstance(node, ScalarNode) and node.is_null


@attrs.frozen
class SentAlert:
    """An alert as a sender tells it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = attrs.field(factory=dict)
    starts_at: int | None = field(parse=parse_offset, default=None)
    ends_at: int | None = field(parse=parse_offset, default=None)
    generator_url: str = ""
    places: Mapping[str, Position] = positions()

    def to_alert(self, start: int) -> Alert:
        """The alert in a scenario that begins at `start` (ms)."""
        starts_at, ends_at = (None if each is None else start + each for each in (self.starts_at, self.ends_at))
        annotations = Labels.of_annotations(self.annotations)
        return Alert(Labels(self.labels), annotations, starts_at, ends_at, self.generator_url)


@attrs.frozen
class MatcherEntry:
    """An entry of a list of matchers: one, or some in braces."""

    matchers: tuple[Matcher, ...]


def _parse_matchers(text: str) -> MatcherEntry:
    try:
        return MatcherEntry(parse_matchers(text))
    except MatcherSyntaxError as error:
        raise ValueError(error.message) from None


def _parse_id(text: str) -> str:
    if not text:
        raise ValueError("an id is not empty: leave it out for a silence that nothing else refers to")
    return text


@attrs.frozen
class SentSilence:
    """A silence that is set, or changed if there is one of its id; without an id it is another one.

    Without a start it begins at once, without an end it stays.
    """

    entries: tuple[MatcherEntry, ...] = field(key="matchers", parse=_parse_matchers)
    id: str = field(parse=_parse_id, default="")
    starts_at: int | None = field(parse=parse_offset, default=None)
    ends_at: int | None = field(parse=parse_offset, default=None)
    created_by: str = ""
    comment: str = ""
    annotations: Mapping[str, str] = attrs.field(factory=dict)
    places: Mapping[str, Position] = positions()

    def __attrs_post_init__(self) -> None:
        self.to_silence(1, 0)

    def to_silence(self, start: int, at: int) -> Silence:
        """The silence in a scenario that begins at `start` (ms), set at the offset `at`.

        Raises ValueError for one that Alertmanager refuses.
        """
        starts_at = start + (at if self.starts_at is None else self.starts_at)
        ends_at = starts_at + _LONG_MS if self.ends_at is None else start + self.ends_at
        if self.starts_at is None:
            starts_at = min(starts_at, ends_at)
        matchers = tuple(each for entry in self.entries for each in entry.matchers)
        about = self.created_by, self.comment, self.annotations
        return Silence(self.id or self._own_id, matchers, starts_at, ends_at, start + at, *about)

    @property
    def _own_id(self) -> str:
        place = self.places.get("", _NOWHERE)
        return f"{place.line}:{place.column}"


def _parse_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f'expected a number, got "{text}"')
    return int(text)


def _parse_status_code(text: str) -> int:
    if not (len(text) == 3 and text.isascii() and text.isdigit() and "100" <= text <= "599"):
        raise ValueError(f'expected a status code from 100 to 599, got "{text}"')
    return int(text)


@attrs.frozen
class Failure:
    """Deliveries fail `from` a time on, or that of the event, and before another.

    `status` is what the receiver answers; without one it does not answer. With one of success (2xx) the notification is
    lost and nobody knows. `latency` is how long an attempt takes to fail.
    """

    from_: int | None = field(key="from", parse=parse_offset, default=None)
    until: int | None = field(parse=parse_offset, default=None)
    status: int | None = field(parse=_parse_status_code, default=None)
    latency: int | None = field(parse=parse_length, default=None)

    def __attrs_post_init__(self) -> None:
        if self.until is not None and self.from_ is not None and self.until <= self.from_:
            raise ValueError('"until" must be after "from"')

    def covers(self, at: int) -> bool:
        """Whether an attempt at that time fails."""
        return (self.from_ is None or self.from_ <= at) and (self.until is None or at < self.until)


@attrs.frozen
class Acknowledgement:
    """Somebody takes on all incidents of a receiver that wait for somebody."""

    receiver: str
    by: str = "somebody"
    places: Mapping[str, Position] = positions()


@attrs.frozen
class Event:
    """Something that happens at a time, or how a receiver, or one integration of it, takes deliveries.

    `refused` is what Alertmanager says that does not take it, or a part of that; `true` stands for anything.
    """

    at: int | None = field(parse=parse_offset, default=None)
    alerts: tuple[SentAlert, ...] = ()
    silence: SentSilence | None = None
    expire: str = ""
    reload: Node = attrs.field(default=_ABSENT)
    acknowledge: Acknowledgement | None = None
    receiver: str = ""
    integration: str | None = None
    index: int | None = field(parse=_parse_number, default=None)
    fails: Failure | None = None
    latency: int | None = field(parse=parse_length, default=None)
    refused: str | None = None
    places: Mapping[str, Position] = positions()

    def __attrs_post_init__(self) -> None:
        kinds = [name for name in _KINDS if name in self.places]
        if self.is_delivery:
            self._check_delivery(kinds)
            return
        if len(kinds) != 1:
            raise ValueError(f"an event is one of {', '.join(_KINDS)}, or a receiver that fails or has a latency")
        if "at" not in self.places:
            raise ValueError('"at" is required')
        for name in ("receiver", "integration", "index"):
            if name in self.places:
                raise ConfigError((self.places[name].problem(name, "only with fails or latency"),))

    def _check_delivery(self, kinds: Sequence[str]) -> None:
        if kinds:
            raise ValueError(f"{kinds[0]} is another event than how a receiver takes deliveries")
        if not any(name in self.places for name in _DELIVERY_KINDS):
            raise ValueError("a receiver fails, or has a latency")
        if "receiver" not in self.places:
            raise ValueError('"receiver" is required')
        if "refused" in self.places:
            raise ConfigError((self.places["refused"].problem("refused", "nobody refuses how deliveries go"),))
        if self.at is None or self.fails is None:
            return
        if self.fails.from_ is not None:
            raise ConfigError((self.places["at"].problem("at", 'either this or "from"'),))
        if self.fails.until is not None and self.fails.until <= self.at:
            raise ValueError('"until" must be after "at"')

    @property
    def is_delivery(self) -> bool:
        """Whether it says how deliveries go."""
        return any(name in self.places for name in _DELIVERY_KINDS) or (
            "receiver" in self.places and not any(name in self.places for name in _KINDS)
        )

    @property
    def kind(self) -> str:
        """Which of the things that happen it is; empty for how deliveries go."""
        return next((name for name in _KINDS if name in self.places), "")

    def concerns(self, at: int, receiver: str, integration: str, index: int) -> bool:
        """Whether it is about a delivery of that integration at that time."""
        return (
            self.is_delivery
            and (self.at is None or self.at <= at)
            and self.receiver == receiver
            and self.integration in (None, integration)
            and self.index in (None, index)
        )


@attrs.frozen
class ExpectedAlert:
    """An alert in a notification; what is None is not looked at."""

    exp_labels: Mapping[str, Node] = field(key="labels")
    exp_annotations: Mapping[str, Node] | None = field(key="annotations", default=None)
    status: AlertStatus | None = field(parse=parse_status, default=None)
    starts_at: int | None = field(parse=parse_offset, default=None)
    ends_at: int | None = field(parse=parse_offset, default=None)
    labels: Texts = attrs.field(init=False, factory=dict)
    annotations: Texts | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        set_texts(self, labels=self.exp_labels, annotations=self.exp_annotations)


@attrs.frozen
class ExpectedNotification:
    """A notification that is sent `at` a time, or at most `within` of it; what is None is not looked at."""

    at: int = field(parse=parse_offset)
    receiver: str = field()
    within: int = field(parse=parse_length, default=0)
    integration: str | None = None
    index: int | None = field(parse=_parse_number, default=None)
    status: AlertStatus | None = field(parse=parse_status, default=None)
    reason: NotifyReason | None = field(parse=parse_reason, default=None)
    group_key: str | None = None
    alerts: tuple[ExpectedAlert, ...] | None = None
    places: Mapping[str, Position] = positions()


@attrs.frozen
class ExpectedPage:
    """Somebody who is paged `at` a time, or at most `within` of it; what is None is not looked at.

    `method` is the name of a contact method, `level` that of the escalation policy, from 1.
    """

    at: int = field(parse=parse_offset)
    user: str = field()
    within: int = field(parse=parse_length, default=0)
    method: str | None = None
    level: int | None = field(parse=_parse_number, default=None)
    places: Mapping[str, Position] = positions()


@attrs.frozen
class Scenario:
    """One entry of `scenarios`. `start` (ms) is when it begins, for time intervals; `until` how far it runs.

    `incidents` are the receivers' services, policies and users; `pages` None says that pages are not looked at.
    """

    name: str = ""
    incidents: Node = attrs.field(default=_ABSENT)
    pages: tuple[ExpectedPage, ...] | None = None
    alertmanager: Node = attrs.field(default=_ABSENT)
    compat: str | None = field(parse=parse_compat_name, default=None)
    start: int | None = field(parse=parse_time, default=None)
    flags: Flags | None = None
    events: tuple[Event, ...] = ()
    until: int | None = field(parse=parse_length, default=None)
    expect: tuple[ExpectedNotification, ...] = ()
    places: Mapping[str, Position] = positions()

    @property
    def place(self) -> Position:
        """Where it begins."""
        return self.places.get("", _NOWHERE)

    @property
    def end(self) -> int:
        """How far it runs: `until`, or else the last time that an event or an expectation names."""
        if self.until is not None:
            return self.until
        named = [each.at for each in self.events if each.at is not None]
        sent = [each.at + each.within for each in self.expect]
        paged = [each.at + each.within for each in self.pages or ()]
        return max((*named, *sent, *paged), default=0)


@attrs.frozen
class ScenarioFile:
    """A file of scenarios; what a scenario has of its own counts more."""

    incidents: Node = attrs.field(default=_ABSENT)
    alertmanager: Node = attrs.field(default=_ABSENT)
    compat: str | None = field(parse=parse_compat_name, default=None)
    start: int | None = field(parse=parse_time, default=None)
    flags: Flags | None = None
    scenarios: tuple[Scenario, ...] = ()
    places: Mapping[str, Position] = positions()


# What may stand where, for whoever wrote another word that is like none of these.
KEYS: Final[Mapping[str, str]] = {
    "": "alertmanager, compat, start, flags, incidents, scenarios",
    "scenarios": "name, alertmanager, compat, start, flags, incidents, events, until, expect, pages",
    "events": "at, alerts, silence, expire, reload, acknowledge, refused, receiver, integration, index, fails, latency",
    "events.alerts": "labels, annotations, starts_at, ends_at, generator_url",
    "silence": "id, matchers, starts_at, ends_at, created_by, comment, annotations",
    "fails": "from, until, status, latency",
    "acknowledge": "receiver, by",
    "expect": "at, within, receiver, integration, index, status, reason, group_key, alerts",
    "expect.alerts": "labels, annotations, status, starts_at, ends_at",
    "pages": "at, within, user, method, level",
}


def load_scenarios(text: str, source: str) -> ScenarioFile:
    """Read a file of scenarios. Raises ConfigError with every problem, each with line and column."""
    try:
        return decode(ScenarioFile, text, source)
    except ConfigError as error:
        raise ConfigError(tuple(_with_keys(each) for each in error.problems)) from None


def _with_keys(problem: Problem) -> Problem:
    if not isinstance(problem, UnknownField) or "did you mean" in problem.message:
        return problem
    *outer, _ = (part.partition("[")[0] for part in problem.path.split("."))
    keys = KEYS.get(".".join(outer[-2:])) or KEYS.get(outer[-1] if outer else "")
    return problem if keys is None else attrs.evolve(problem, message=f"{problem.message}; expected one of {keys}")
