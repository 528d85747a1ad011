"""Silences: when one mutes an alert, and how one is set, changed and ended."""

import enum
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import attrs

from obsflow.alertmanager.index import MatcherIndex, Memo
from obsflow.alertmanager.limits import NO_LIMITS, Limits, silence_size
from obsflow.errors import ConfigError, NotFoundError, Problem, StateError
from obsflow.model.labels import Labels, is_label_name, quote
from obsflow.model.matchers import Matcher, MatchOp, all_match
from obsflow.model.times import parse_time
from obsflow.schema import ScalarNode, SeqNode, compose, field
from obsflow.schema.decode import decode_node

_SECOND_MS = 1000


class SilenceState(enum.Enum):
    """Where in its life a silence is."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


Matchers = tuple[Matcher, ...]


@attrs.frozen
class Silence:
    """Mutes, from `starts_at` to `ends_at` inclusive, the alerts that all matchers pass. Times are ms.

    `alternatives` are more sets of matchers; an alert that passes all of any set is muted. Raises ValueError for a
    silence that ends before it starts, and for one that would mute everything: as in Alertmanager, one matcher that
    asks for a difference is enough to not be that.
    """

    id: str
    matchers: Matchers
    starts_at: int
    ends_at: int
    updated_at: int = 0
    created_by: str = ""
    comment: str = ""
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    alternatives: tuple[Matchers, ...] = ()

    def __attrs_post_init__(self) -> None:
        for i, matchers in enumerate(self.matcher_sets):
            _check_set(i, matchers)
        if not self.ends_at:
            raise ValueError("invalid silence: invalid zero end timestamp")
        if self.ends_at < self.starts_at:
            raise ValueError("invalid silence: end time must not be before start time")

    @property
    def matcher_sets(self) -> tuple[Matchers, ...]:
        """All sets of matchers, of which an alert has to pass one."""
        return self.matchers, *self.alternatives

    def state(self, now: int) -> SilenceState:
        """Its state at `now`; both ends are still active."""
        if now < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now <= self.ends_at else SilenceState.EXPIRED

    def shown_state(self, now: int) -> SilenceState:
        """The state that the API names: at its very end a silence still mutes, and is shown as one that has ended."""
        return SilenceState.EXPIRED if now >= self.ends_at and now >= self.starts_at else self.state(now)

    def is_active(self, now: int) -> bool:
        """Whether it mutes at `now`."""
        return self.starts_at <= now <= self.ends_at

    def mutes(self, labels: Labels, now: int) -> bool:
        """Whether it mutes an alert at `now`."""
        return self.is_active(now) and any(all_match(each, labels) for each in self.matcher_sets)


def _check_set(i: int, matchers: Matchers) -> None:
    """Raises ValueError for matchers of which a silence cannot be."""
    if not matchers:
        raise ValueError(f"invalid silence: matcher set {i} is empty: at least one matcher required")
    for j, matcher in enumerate(matchers):
        if not matcher.name:
            raise ValueError(f'invalid silence: invalid label matcher {j} in set {i}: invalid label name ""')
    if all(matcher.op.is_positive and matcher.matches("") for matcher in matchers):
        raise ValueError(f"invalid silence: matcher set {i}: at least one matcher must not match the empty string")


# What each state lets a change do under the same id, and what ending it now makes of it.
MAY_CHANGE: Mapping[SilenceState, Callable[[Silence, Silence, int], bool]] = {
    SilenceState.PENDING: lambda _, new, now: new.starts_at >= now,
    SilenceState.ACTIVE: lambda old, new, now: (
        new.starts_at // _SECOND_MS == old.starts_at // _SECOND_MS and new.ends_at >= now
    ),
    SilenceState.EXPIRED: lambda *_: False,
}
ENDED: Mapping[SilenceState, Callable[[Silence, int], Silence]] = {
    SilenceState.PENDING: lambda old, now: attrs.evolve(old, starts_at=now, ends_at=now, updated_at=now),
    SilenceState.ACTIVE: lambda old, now: attrs.evolve(old, ends_at=now, updated_at=now),
    SilenceState.EXPIRED: lambda old, _: old,
}

# The order in which silences of a state are listed.
_LISTED: Mapping[SilenceState, Callable[[Silence], int]] = {
    SilenceState.ACTIVE: lambda silence: silence.ends_at,
    SilenceState.PENDING: lambda silence: silence.starts_at,
    SilenceState.EXPIRED: lambda silence: -silence.ends_at,
}


def can_update(old: Silence, new: Silence, now: int) -> bool:
    """Whether `new` may take the place of `old` under its id; otherwise the old one ends and a new one begins."""
    return old.matcher_sets == new.matcher_sets and MAY_CHANGE[old.state(now)](old, new, now)


class Silences:
    """The silences of a router, by id. With `classic_names` matchers may only have names of the classic form."""

    def __init__(
        self, silences: tuple[Silence, ...] = (), limits: Limits = NO_LIMITS, *, classic_names: bool = False
    ) -> None:
        self._limits = limits
        self._classic_names = classic_names
        self._silences = {silence.id: silence for silence in silences}
        self._index: MatcherIndex[tuple[str, int]] = MatcherIndex()  # by id and set
        for each in silences:
            self._index_sets(each)
        self._matching = Memo(self._match, None)
        self._collect_at: int | None = 0  # nothing is to be forgotten before; None: there is nothing

    def copy(self) -> "Silences":
        """Silences that go their own way from here."""
        return Silences(tuple(self), self._limits, classic_names=self._classic_names)

    def __iter__(self) -> Iterator[Silence]:
        return iter(tuple(self._silences.values()))

    def get(self, silence_id: str) -> Silence:
        """Raises NotFoundError."""
        if silence_id not in self._silences:
            raise NotFoundError(f'silence "{silence_id}" not found')
        return self._silences[silence_id]

    def find(
        self, now: int, states: Collection[SilenceState] = tuple(SilenceState), having: Collection[Matcher] = ()
    ) -> list[Silence]:
        """Those in certain states of which one set of matchers has all of certain ones.

        Those shown as active come first, those that end first before others; then pending ones by start; then those
        that have ended, the last first.
        """
        found: list[Silence] = []
        asked_for = [each for each in self if each.state(now) in states and _has(each, having)]
        for state, order in _LISTED.items():
            found += sorted((each for each in asked_for if each.shown_state(now) is state), key=order)
        return found

    def set(self, silence: Silence, replacement_id: str, now: int) -> Silence:
        """Create a silence, or change the one of its id; what stands then.

        A new silence starts now at the earliest. A change that the old one cannot take in place ends it, and a new
        one begins under `replacement_id`. Raises StateError without one, for an end in the past, for a name that is not
        classic where it has to be, and where a limit is exceeded.
        """
        old = self._silences.get(silence.id)
        self._check_names(silence)
        if old is not None and can_update(old, silence, now):
            changed = attrs.evolve(silence, updated_at=now)
            self._check_size(changed)
            return self._put(changed)
        if silence.ends_at < now:
            raise StateError(f'silence "{silence.id}": end time can\'t be in the past')
        fresh = attrs.evolve(silence, starts_at=max(silence.starts_at, now), updated_at=now)
        if old is not None:
            if not replacement_id or replacement_id in self._silences:
                raise StateError(
                    f'silence "{silence.id}" cannot be changed in place: a new id is needed for its replacement'
                )
            fresh = attrs.evolve(fresh, id=replacement_id)
        limit = self._limits.silences
        if limit and len(self._silences) >= limit:
            raise StateError(f"exceeded maximum number of silences: {len(self._silences)} (limit: {limit})")
        self._check_size(fresh)
        if old is not None:
            self.expire(old.id, now)
        return self._put(fresh)

    def expire(self, silence_id: str, now: int) -> Silence:
        """End a silence now; one that has ended stays as it is. Raises NotFoundError."""
        silence = self.get(silence_id)
        ended = ENDED[silence.state(now)](silence, now)
        return silence if ended is silence else self._put(ended)

    def collect(self, now: int) -> None:
        """Forget the silences that ended longer ago than they are kept."""
        if self._collect_at is None or now < self._collect_at:
            return
        kept = {each.id: each for each in self if each.ends_at + self._limits.retention_ms > now}
        for silence_id in self._silences.keys() - kept.keys():
            self._forget_sets(self._silences[silence_id])
            self._matching.clear()
        self._silences = kept
        self._collect_at = min((each.ends_at + self._limits.retention_ms for each in self), default=None)

    def forget(self) -> None:
        """Remember no more what matches which label sets: there are others now."""
        self._matching.clear()

    def muting(self, labels: Labels, now: int) -> tuple[str, ...]:
        """The ids of the silences that mute an alert at `now`."""
        if not self._silences:
            return ()
        matching = self._match(labels) if self._index.is_quick(labels) else self._matching[labels]
        return tuple([each for each in matching if self._silences[each].is_active(now)]) if matching else ()

    def _check_names(self, silence: Silence) -> None:
        if not self._classic_names:
            return
        for i, matchers in enumerate(silence.matcher_sets):
            for j, matcher in enumerate(matchers):
                if not is_label_name(matcher.name):
                    where = f"invalid label matcher {j} in set {i}"
                    raise StateError(f"invalid silence: {where}: invalid label name {quote(matcher.name)}")

    def _index_sets(self, silence: Silence) -> None:
        for i, matchers in enumerate(silence.matcher_sets):
            self._index.put((silence.id, i), matchers)

    def _forget_sets(self, silence: Silence) -> None:
        for i in range(len(silence.matcher_sets)):
            self._index.remove((silence.id, i))

    def _check_size(self, silence: Silence) -> None:
        limit = self._limits.silence_bytes
        if limit and (size := silence_size(silence, self._limits.retention_ms)) > limit:
            raise StateError(f"silence exceeded maximum size: {size} bytes (limit: {limit} bytes)")

    def _put(self, silence: Silence) -> Silence:
        old = self._silences.get(silence.id)
        self._silences[silence.id] = silence
        gone_at = silence.ends_at + self._limits.retention_ms
        self._collect_at = gone_at if self._collect_at is None else min(self._collect_at, gone_at)
        if old is None or old.matcher_sets != silence.matcher_sets:
            if old is not None:
                self._forget_sets(old)
            self._index_sets(silence)
            self._matching.clear()
        return silence

    def _match(self, labels: Labels) -> tuple[str, ...]:
        return tuple(dict.fromkeys(silence_id for silence_id, _ in self._index.find(labels)))


def _has(silence: Silence, having: Collection[Matcher]) -> bool:
    wanted = set(having)
    return any(wanted <= set(matchers) for matchers in silence.matcher_sets)


@attrs.frozen
class _MatcherEntry:
    name: str
    value: str
    is_regex: bool = field(key="isRegex", default=False)
    is_equal: bool = field(key="isEqual", default=True)

    def matcher(self) -> Matcher:
        if self.is_regex:
            return Matcher(self.name, MatchOp.REGEX if self.is_equal else MatchOp.NOT_REGEX, self.value, dot_all=False)
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
