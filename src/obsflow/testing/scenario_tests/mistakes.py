"""What cannot be meant in a scenario: names that nothing has, and what is never sent."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from obsflow import incident
from obsflow.alertmanager import Config, Integration
from obsflow.errors import Problem
from obsflow.schema import Position
from obsflow.testing.expectations import suggest
from obsflow.testing.scenario_tests.document import Event, ExpectedNotification, Scenario
from obsflow.testing.scenario_tests.offsets import render_offset

_NOT_EMPTY: Final[Mapping[str, str]] = {
    "silence": "such as {matchers: ['alertname=\"Down\"'], ends_at: 2h}",
    "acknowledge": "such as {receiver: pager, by: alice}",
    "expire": "the id of a silence",
    "fails": "{} if always, or such as {from: 0s, until: 5s, status: 500}",
    "latency": "such as 150ms",
}


def find_mistakes(
    scenario: Scenario, path: str, configs: Sequence[Config], incidents: incident.Config | None
) -> Iterator[Problem]:
    """The problems of a scenario that stands at `path` and runs with these configurations, one after the other."""
    silences = sorted({each.silence.id for each in scenario.events if each.silence is not None} - {""})
    for i, event in enumerate(scenario.events):
        where = f"{path}.events[{i}]"
        empty = [name for name in _NOT_EMPTY if name in event.places and getattr(event, name) in (None, "")]
        for name in empty:
            yield event.places[name].problem(f"{where}.{name}", f"expected {_NOT_EMPTY[name]}, got nothing")
        if empty:
            continue
        if event.is_delivery:
            yield from _no_such_target(event, where, configs)
        elif event.kind == "expire" and event.expire not in silences and event.refused is None:
            message = f'no silence has the id "{event.expire}"{suggest(event.expire, silences)}'
            yield event.places["expire"].problem(f"{where}.expire", message)
        elif event.acknowledge is not None:
            receiver, place = event.acknowledge.receiver, event.acknowledge.places["receiver"]
            if incidents is None:
                yield from _no_such_receiver(receiver, place, f"{where}.acknowledge", configs)
            elif receiver not in incidents.services:
                hint = suggest(receiver, sorted(incidents.services))
                message = f'receiver "{receiver}" has no incidents, as no service is called so{hint}'
                yield place.problem(f"{where}.acknowledge.receiver", message)
    for i, expected in enumerate(scenario.expect):
        where = f"{path}.expect[{i}]"
        yield from _no_such_target(expected, where, configs)
        if expected.at - expected.within > scenario.end:
            message = f'the scenario ends before that, "until" {render_offset(scenario.end)}'
            yield expected.places["at"].problem(f"{where}.at", message)


def _no_such_receiver(receiver: str, place: Position, path: str, configs: Sequence[Config]) -> Iterator[Problem]:
    known = sorted({name for config in configs for name in config.receivers})
    if receiver not in known:
        message = f'no receiver is called "{receiver}"{suggest(receiver, known)}'
        yield place.problem(f"{path}.receiver", message)


def _no_such_target(named: Event | ExpectedNotification, path: str, configs: Sequence[Config]) -> Iterator[Problem]:
    """A receiver, or an integration of it, that no configuration has."""
    unknown = list(_no_such_receiver(named.receiver, named.places["receiver"], path, configs))
    if unknown:
        yield from unknown
        return
    found = [config.receivers[named.receiver] for config in configs if named.receiver in config.receivers]
    integrations = list(dict.fromkeys(_name(each) for receiver in found for each in receiver.integrations))
    if not integrations and isinstance(named, Event):
        return  # nothing is delivered that could go wrong
    if not integrations:
        message = (
            f'receiver "{named.receiver}" has no integration, and is never sent anything; '
            'give it one, such as webhook_configs: [{url: "http://hook.example"}]'
        )
        yield named.places["receiver"].problem(f"{path}.receiver", message)
        return
    if not any(
        named.integration in (None, each.kind) and named.index in (None, each.index)
        for receiver in found
        for each in receiver.integrations
    ):
        key = "integration" if "integration" in named.places else "index"
        message = f'receiver "{named.receiver}" has no such integration, but {", ".join(integrations)}'
        yield named.places[key].problem(f"{path}.{key}", message)


def _name(integration: Integration) -> str:
    return f"{integration.kind}[{integration.index}]"
