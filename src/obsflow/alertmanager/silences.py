"""Silences: when one mutes an alert, and how one is set, changed and ended."""

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from obsflow.errors import ConfigError, NotFoundError, Problem, StateError
from obsflow.model.durations import HOUR_MS
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp, all_match
from obsflow.model.times import parse_time
from obsflow.schema import ScalarNode, SeqNode, compose, field
from obsflow.schema.decode import decode_node

RETENTION_MS = 120 * HOUR_MS  # of silences that have ended
_REMEMBERED = 1 << 16  # label sets whose silences are remembered
_SECOND_MS = 1000


@attrs.frozen
class Silence:
    """Mutes, from `starts_at` to `ends_at` inclusive, the alerts that all matchers pass. Times are ms.

    Raises ValueError for a silence that ends before it starts, and for one that would mute everything: as in
    Alertmanager, one matcher that asks for a difference is enough to not be that.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: int
    ends_at: int
    updated_at: int = 0
    created_by: str = ""
    comment: str = ""
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)

    def __attrs_post_init__(self) -> None:
        if not self.matchers:
            raise ValueError("invalid silence: at least one matcher required")
        if all(matcher.op.is_positive and matcher.matches("") for matcher in self.matchers):
            raise ValueError("invalid silence: at least one matcher must not match the empty string")
        if not self.ends_at:
            raise ValueError("invalid silence: invalid zero end timestamp")
        if self.ends_at < self.starts_at:
            raise ValueError("invalid silence: end time must not be before start time")

    def is_active(self, now: int) -> bool:
        """Whether it mutes at `now`."""
        return self.starts_at <= now <= self.ends_at

    def mutes(self, labels: Labels, now: int) -> bool:
        """Whether it mutes an alert at `now`."""
        return self.is_active(now) and all_match(self.matchers, labels)


def can_update(old: Silence, new: Silence, now: int) -> bool:
    """Whether `new` may take the place of `old` under its id; otherwise the old one ends and a new one begins."""
    if old.matchers != new.matchers or old.ends_at < now:
        return False
    if old.starts_at > now:
        return new.starts_at >= now
    return new.starts_at // _SECOND_MS == old.starts_at // _SECOND_MS and new.ends_at >= now


class Silences:
    """The silences of a router, by id."""

    def __init__(self, silences: tuple[Silence, ...] = ()) -> None:
        self._silences = {silence.id: silence for silence in silences}
        self._matching = functools.lru_cache(_REMEMBERED)(self._match)

    def copy(self) -> "Silences":
        """Silences that go their own way from here."""
        return Silences(tuple(self))

    def __iter__(self) -> Iterator[Silence]:
        return iter(tuple(self._silences.values()))

    def get(self, silence_id: str) -> Silence:
        """Raises NotFoundError."""
        if silence_id not in self._silences:
            raise NotFoundError(f'silence "{silence_id}" not found')
        return self._silences[silence_id]

    def set(self, silence: Silence, replacement_id: str, now: int) -> Silence:
        """Create a silence, or change the one of its id; what stands then.

        A new silence starts now at the earliest. A change that the old one cannot take in place ends it, and a new
        one begins under `replacement_id`. Raises StateError without one, and for an end in the past.
        """
        old = self._silences.get(silence.id)
        if old is not None and can_update(old, silence, now):
            return self._put(attrs.evolve(silence, updated_at=now))
        if silence.ends_at < now:
            raise StateError(f'silence "{silence.id}": end time can\'t be in the past')
        fresh = attrs.evolve(silence, starts_at=max(silence.starts_at, now), updated_at=now)
        if old is None:
            return self._put(fresh)
        if not replacement_id or replacement_id in self._silences:
            raise StateError(
                f'silence "{silence.id}" cannot be changed in place: a new id is needed for its replacement'
            )
        self.expire(old.id, now)
        return self._put(attrs.evolve(fresh, id=replacement_id))

    def expire(self, silence_id: str, now: int) -> Silence:
        """End a silence now; one that has ended stays as it is. Raises NotFoundError."""
        silence = self.get(silence_id)
        if silence.ends_at < now:
            return silence
        return self._put(attrs.evolve(silence, starts_at=min(silence.starts_at, now), ends_at=now, updated_at=now))

    def collect(self, now: int) -> None:
        """Forget the silences that ended longer ago than they are kept."""
        gone = [each.id for each in self if each.ends_at + RETENTION_MS <= now]
        for silence_id in gone:
            del self._silences[silence_id]
        if gone:
            self._matching.cache_clear()

    def muting(self, labels: Labels, now: int) -> tuple[str, ...]:
        """The ids of the silences that mute an alert at `now`."""
        return tuple(each for each in self._matching(labels) if self._silences[each].is_active(now))

    def _put(self, silence: Silence) -> Silence:
        self._silences[silence.id] = silence
        self._matching.cache_clear()
        return silence

    def _match(self, labels: Labels) -> tuple[str, ...]:
        return tuple(each.id for each in self._silences.values() if all_match(each.matchers, labels))


@attrs.frozen
class _MatcherEntry:
    name: str
    value: str
    is_regex: bool = field(key="isRegex", default=False)
    is_equal: bool = field(key="isEqual", default=True)

    def matcher(self) -> Matcher:
        if self.is_regex:
            return Matcher(self.name, MatchOp.REGEX if self.is_equal else MatchOp.NOT_REGEX, self.value)
        return Matcher(self.name, MatchOp.EQUAL if self.is_equal else MatchOp.NOT_EQUAL, self.value)


@attrs.frozen
class _SilenceEntry:
    id: str
    matchers: tuple[_MatcherEntry, ...]
    starts_at: int = field(key="startsAt", parse=parse_time)
    ends_at: int = field(key="endsAt", parse=parse_time)
    updated_at: int = field(key="updatedAt", parse=parse_time, default=0)
    created_by: str = field(key="createdBy", default="")
    comment: str = ""
    annotations: Mapping[str, str] = attrs.field(factory=dict)
    status: Any = None  # said anew at every reading

    def silence(self) -> Silence:
        return Silence(
            self.id,
            tuple(each.matcher() for each in self.matchers),
            self.starts_at,
            self.ends_at,
            self.updated_at,
            self.created_by,
            self.comment,
            self.annotations,
        )


def parse_silences(text: str, source: str) -> tuple[Silence, ...]:
    """The silences of `GET /api/v2/silences` or `amtool silence query -o json`.

    Raises ConfigError with every problem.
    """
    document = compose(text, source)
    problems: list[Problem] = list(document.problems)
    root = document.root
    if root is None or (isinstance(root, ScalarNode) and root.is_null):
        return ()
    silences: list[Silence] = []
    nodes = root.items if isinstance(root, SeqNode) else (root,)
    for i, node in enumerate(nodes):
        entry = decode_node(_SilenceEntry, node, f"[{i}]", problems)
        if not isinstance(entry, _SilenceEntry):
            continue
        try:
            silences.append(entry.silence())
        except ValueError as error:
            problems.append(node.position.problem(f"[{i}]", str(error)))
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(silences)
