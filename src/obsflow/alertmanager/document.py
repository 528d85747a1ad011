"""The configuration file as it is written: one class a section, old keys beside the new, nothing resolved yet."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from obsflow.alertmanager.intervals import TimeInterval
from obsflow.alertmanager.matchers import parse_matchers
from obsflow.errors import MatcherSyntaxError
from obsflow.model.durations import parse_duration
from obsflow.model.matchers import Matcher
from obsflow.schema import Node, Position, field, positions, rest


@attrs.frozen
class MatcherList:
    """An entry of `matchers`: its text, which the classic grammar may be asked to read again, and what it says."""

    text: str
    matchers: tuple[Matcher, ...]


def _parse_entry(text: str) -> MatcherList:
    try:
        return MatcherList(text, parse_matchers(text))
    except MatcherSyntaxError as error:
        raise ValueError(error.message) from None


def _one_of(expected: str, *words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"{expected}, but got {text}")
        return text

    return parse


def _matcher_lists() -> Any:
    return field(parse=_parse_entry, factory=tuple)


@attrs.frozen
class RouteSection:
    """An entry of `routes`, or the root. What is None is inherited."""

    receiver: str = ""
    group_by: tuple[str, ...] | None = None
    match: Mapping[str, str | None] = attrs.field(factory=dict)
    match_re: Mapping[str, str | None] = attrs.field(factory=dict)
    matchers: tuple[MatcherList, ...] = _matcher_lists()
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    continue_: bool = field(key="continue", default=False)
    group_wait: int | None = field(parse=parse_duration, default=None)
    group_interval: int | None = field(parse=parse_duration, default=None)
    repeat_interval: int | None = field(parse=parse_duration, default=None)
    labels: Mapping[str, str] = attrs.field(factory=dict)
    routes: "tuple[RouteSection, ...]" = ()
    at: Mapping[str, Position] = positions()


@attrs.frozen
class InhibitRuleSection:
    """An entry of `inhibit_rules`."""

    name: str = ""
    source_match: Mapping[str, str | None] = attrs.field(factory=dict)
    source_match_re: Mapping[str, str | None] = attrs.field(factory=dict)
    source_matchers: tuple[MatcherList, ...] = _matcher_lists()
    target_match: Mapping[str, str | None] = attrs.field(factory=dict)
    target_match_re: Mapping[str, str | None] = attrs.field(factory=dict)
    target_matchers: tuple[MatcherList, ...] = _matcher_lists()
    equal: tuple[str, ...] = ()
    at: Mapping[str, Position] = positions()


@attrs.frozen
class TimeIntervalSection:
    """An entry of `time_intervals` or `mute_time_intervals`."""

    name: str = ""
    time_intervals: tuple[TimeInterval, ...] = ()
    at: Mapping[str, Position] = positions()


@attrs.frozen
class ReceiverSection:
    """An entry of `receivers`; `integrations` holds its `*_configs`."""

    name: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict)
    integrations: Mapping[str, Node] = rest()
    at: Mapping[str, Position] = positions()


@attrs.frozen
class TracingSection:
    """`tracing`, which is checked and not used: there is no server to trace."""

    client_type: str = field(
        parse=_one_of("expected tracing client type to be http or grpc", "http", "grpc"), default="grpc"
    )
    endpoint: str = ""
    sampling_fraction: float = 0.0
    insecure: bool = False
    tls_config: Any = None
    headers: Any = None
    compression: str = field(parse=_one_of("valid options: gzip", "gzip", ""), default="")
    timeout: int = field(parse=parse_duration, default=0)

    def __attrs_post_init__(self) -> None:
        if not self.endpoint:
            raise ValueError("tracing endpoint must be set")


@attrs.frozen
class FileSection:
    """The whole file; `others` holds `global`, and what no Alertmanager knows."""

    route: RouteSection | None = None
    inhibit_rules: tuple[InhibitRuleSection, ...] = ()
    receivers: tuple[ReceiverSection, ...] = ()
    templates: tuple[str, ...] = ()
    time_intervals: tuple[TimeIntervalSection, ...] = ()
    mute_time_intervals: tuple[TimeIntervalSection, ...] = ()
    tracing: TracingSection | None = None
    event_recorder: Any = None
    others: Mapping[str, Node] = rest()
    at: Mapping[str, Position] = positions()
