"""The states of an alert as stretches of time, put together from its transitions."""

import itertools
from collections.abc import Iterable
from typing import Final

import attrs

from obsflow.model.durations import MINUTE_MS
from obsflow.model.labels import Labels
from obsflow.rules import AlertState, Transition

FLAP_MS: Final = 15 * MINUTE_MS
"""An alert that fires again within this time of its end has flapped."""


@attrs.frozen
class Band:
    """An alert was in `state` from `start` to `end` (ms); None where it still is. `value` is that at the start."""

    state: AlertState
    start: int
    end: int | None
    value: float
    reason: str

    def duration_ms(self, until: int) -> int:
        """How long it lasted, as far as is known at `until` (ms)."""
        return (until if self.end is None else self.end) - self.start


@attrs.frozen(eq=False)
class AlertHistory:
    """One alert of a rule over the time that was replayed; `bands` leave out where it was inactive."""

    group: str
    rule: str
    labels: Labels
    bands: tuple[Band, ...]

    def firings(self) -> tuple[Band, ...]:
        """When it fired, kept firing or not: one band from the first to the last of it."""
        out: list[Band] = []
        for band in self.bands:
            if band.state not in (AlertState.FIRING, AlertState.KEPT):
                continue
            if out and out[-1].end == band.start:
                out[-1] = attrs.evolve(out[-1], end=band.end)
            else:
                out.append(band)
        return tuple(out)

    def flaps(self, within_ms: int = FLAP_MS) -> int:
        """How often it fired again within this time of its last end."""
        return sum(
            before.end is not None and after.start - before.end <= within_ms
            for before, after in itertools.pairwise(self.firings())
        )


def alert_histories(transitions: Iterable[Transition]) -> tuple[AlertHistory, ...]:
    """The history of every alert that ever was active, in order of first appearance."""
    bands: dict[tuple[str, str, Labels], list[Band]] = {}
    for each in transitions:
        own = bands.setdefault((each.group, each.rule, each.labels), [])
        if own and own[-1].end is None:
            own[-1] = attrs.evolve(own[-1], end=each.time)
        if each.to_state is not AlertState.INACTIVE:
            own.append(Band(each.to_state, each.time, None, each.value, each.because))
    return tuple(AlertHistory(*key, tuple(own)) for key, own in bands.items())
