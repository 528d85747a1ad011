"""On-call schedules: who is on call at an instant, and why; and the shifts of a stretch of time.

A later layer goes before an earlier one where it has somebody, or comes besides; an override goes before all layers.
"""

import datetime
import itertools

import attrs

from obsflow.incident.localtime import candidates, has_changed, to_local, transition
from obsflow.incident.rotation import DAY_MINUTES, Restriction, Rotation, minute_of_week


@attrs.frozen
class Layer:
    """Users who take turns. Without restrictions somebody is always on call, from `since` until `until` (ms).

    With `adds` they are on call besides those of earlier layers, and not instead of them.
    """

    name: str
    users: tuple[str, ...]
    rotation: Rotation
    restrictions: tuple[Restriction, ...] = ()
    since: int | None = None
    until: int | None = None
    adds: bool = False


@attrs.frozen
class Override:
    """From `start` until `end` (ms) `user` is on call: instead of everybody, or of the one it `replaces`, or besides.

    With `replaces` it holds only while that user would be on call. Without a `user` nobody takes the place.
    """

    user: str
    start: int
    end: int
    replaces: str = ""
    adds: bool = False


@attrs.frozen
class ByLayer:
    """On call because of a layer, in a turn of its rotation; the turn's ends in ms."""

    layer: str
    turn: int
    start: int
    end: int


@attrs.frozen
class ByOverride:
    """On call because of an override, which is named by its position; `instead_of` are those who are not."""

    override: int
    instead_of: tuple[str, ...] = ()


@attrs.frozen
class OnCall:
    """Somebody on call, and why."""

    user: str
    cause: ByLayer | ByOverride


@attrs.frozen
class Shift:
    """A stretch of time, ms, the end exclusive, in which the same users are on call for the same reasons."""

    start: int
    end: int
    on_call: tuple[OnCall, ...]


@attrs.frozen
class Schedule:
    """Layers, the later ones on top, and overrides, the later ones on top; clocks on the wall are those of `zone`."""

    name: str
    zone: datetime.tzinfo
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()

    def on_call(self, at: int) -> tuple[OnCall, ...]:
        """Who is on call at an instant; empty where restrictions leave nobody."""
        local = to_local(at, self.zone)
        found = self._of_layers(at, minute_of_week(local))
        for i, override in enumerate(self.overrides):
            if override.start <= at < override.end:
                found = _overridden(found, override, i)
        return found

    def shifts(self, start: int, end: int) -> tuple[Shift, ...]:
        """The shifts between two instants, cut to them; together they cover it all, without overlap.

        A shift with nobody on call is a gap that restrictions leave.
        """
        shifts: list[Shift] = []
        for begin, until in itertools.pairwise(self._breaks(start, end)):
            on_call = self.on_call(begin)
            if shifts and shifts[-1].on_call == on_call:
                shifts[-1] = Shift(shifts[-1].start, until, on_call)
            else:
                shifts.append(Shift(begin, until, on_call))
        return tuple(shifts)

    def _of_layers(self, at: int, minute: int) -> tuple[OnCall, ...]:
        found: tuple[OnCall, ...] = ()
        for layer in self.layers:
            is_within = (layer.since is None or layer.since <= at) and (layer.until is None or at < layer.until)
            is_open = not layer.restrictions or any(each.contains(minute) for each in layer.restrictions)
            if is_within and is_open:
                turn = layer.rotation.turn(at, self.zone)
                user = layer.users[turn.index % len(layer.users)]
                here = OnCall(user, ByLayer(layer.name, turn.index, turn.start, turn.end))
                if not layer.adds:
                    found = (here,)
                elif all(each.user != user for each in found):
                    found = (*found, here)
        return found

    def _breaks(self, start: int, end: int) -> list[int]:
        """Every instant at which somebody else may come on call, with both ends, in order."""
        found = {start, end} if start < end else set()
        for override in self.overrides:
            found |= {override.start, override.end}
        for layer in self.layers:
            found |= {each for each in (layer.since, layer.until) if each is not None}
            at = start
            while at < end:
                at = layer.rotation.turn(at, self.zone).end
                found.add(at)
        if any(layer.restrictions for layer in self.layers):
            found |= self._window_breaks(start, end)
        return sorted(each for each in found if start <= each <= end)

    def _window_breaks(self, start: int, end: int) -> set[int]:
        """Where windows of the week begin and end; each time of day by both offsets, and where the clock changes."""
        minutes = {0} | {
            edge % DAY_MINUTES
            for layer in self.layers
            for restriction in layer.restrictions
            for edge in (restriction.start, restriction.end)
        }
        day = to_local(start, self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        last = to_local(end, self.zone) + datetime.timedelta(days=1)
        found: set[int] = set()
        while day <= last:
            for minute in minutes:
                found.update(candidates(day + datetime.timedelta(minutes=minute), self.zone))
            day += datetime.timedelta(days=1)
        changes = {
            transition(before, after, self.zone)
            for before, after in itertools.pairwise(sorted(found))
            if has_changed(before, after, self.zone)
        }
        return found | changes


def _overridden(found: tuple[OnCall, ...], override: Override, index: int) -> tuple[OnCall, ...]:
    present = tuple(each.user for each in found)
    if override.adds:
        extra = () if override.user in present else (OnCall(override.user, ByOverride(index)),)
        return (*found, *extra)
    if not override.replaces:  # everybody, and then there is a user
        return (OnCall(override.user, ByOverride(index, present)),)
    if override.replaces not in present:
        return found
    others = tuple(each for each in found if each.user not in (override.replaces, override.user))
    if not override.user:
        return others
    return (*others, OnCall(override.user, ByOverride(index, (override.replaces,))))
