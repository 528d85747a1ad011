"""Lists of matchers by what they ask for: which of many a label set passes, without trying each."""

from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Generic, TypeVar

import attrs

from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_FEW = 4
_REMEMBERED = 1 << 18  # answers; then all are forgotten, which costs less than to forget the oldest each time

_Key = tuple[tuple[str, str], ...]


class Memo(Generic[T]):
    """What a function says of label sets, asked once for all that have the same of certain labels.

    `names` are the labels that the answer can depend on, which are few, so that a hundred thousand alerts have a few
    thousand answers; None stands for all.
    """

    def __init__(self, find: Callable[[Labels], T], names: Collection[str] | None) -> None:
        self._find = find
        self._names = None if names is None else frozenset(names)
        self._found: dict[_Key, T] = {}

    def __getitem__(self, labels: Labels) -> T:
        names = self._names
        key = labels.pairs if names is None else tuple([pair for pair in labels.pairs if pair[0] in names])
        try:
            return self._found[key]
        except KeyError:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[key] = self._find(labels)
            return found

    def clear(self) -> None:
        """Remember nothing."""
        self._found.clear()


@attrs.frozen(eq=False)
class _Entry(Generic[K]):
    number: int
    key: K
    chosen: Matcher | None  # by whose values it is looked up; None is with those that are always tried
    others: tuple[Matcher, ...]

    def passes(self, labels: Labels) -> bool:
        """Whether a label set passes what the look-up has not settled."""
        for matcher in self.others:  # noqa: SIM110 - a generator costs more than what it runs over
            if not matcher.matches(labels.get(matcher.name)):
                return False
        return True


class MatcherIndex(Generic[K]):
    """Lists of matchers, each under a key of its own.

    A list that asks for certain values of a label is tried only on label sets with one of these; of several such labels
    the one counts that fewest other lists ask for. A list that asks for none is always tried.
    """

    def __init__(self, lists: Iterable[tuple[K, tuple[Matcher, ...]]] = ()) -> None:
        self._entries: dict[K, _Entry[K]] = {}
        self._by_pair: dict[tuple[str, str], dict[K, _Entry[K]]] = {}
        self._others: dict[K, _Entry[K]] = {}
        self._number = 0
        for key, matchers in lists:
            self.put(key, matchers)

    def put(self, key: K, matchers: tuple[Matcher, ...]) -> None:
        """Add a list, or put another in its place in the order."""
        old = self._entries.get(key)
        number = self._number
        if old is not None:
            number = old.number
            self.remove(key)
        else:
            self._number += 1
        chosen = self._choose(matchers)
        others = tuple(matcher for matcher in matchers if matcher is not chosen)
        entry = self._entries[key] = _Entry(number, key, chosen, others)
        if chosen is None:
            self._others[key] = entry
        else:
            for pair in _pairs(chosen):
                self._by_pair.setdefault(pair, {})[key] = entry

    def remove(self, key: K) -> None:
        """Forget the list of a key that has one."""
        entry = self._entries.pop(key)
        if entry.chosen is None:
            del self._others[key]
            return
        for pair in _pairs(entry.chosen):
            bucket = self._by_pair[pair]
            del bucket[key]
            if not bucket:
                del self._by_pair[pair]

    def is_quick(self, labels: Labels) -> bool:
        """Whether so few lists are to be tried on a label set that what is found is not worth to be remembered."""
        by_pair = self._by_pair
        tried = len(self._others)
        for pair in labels.pairs:
            if pair in by_pair:
                tried += len(by_pair[pair])
        return tried <= _FEW

    def find(self, labels: Labels) -> list[K]:
        """The keys of the lists that a label set passes, in the order in which they were added."""
        by_pair = self._by_pair
        found = [entry for entry in self._others.values() if entry.passes(labels)] if self._others else []
        for pair in labels.pairs:
            if pair in by_pair:
                found += [entry for entry in by_pair[pair].values() if entry.passes(labels)]
        if len(found) > 1:
            found.sort(key=lambda entry: entry.number)
        return [entry.key for entry in found]

    def _choose(self, matchers: tuple[Matcher, ...]) -> Matcher | None:
        """The matcher whose values are asked for least; a label that may be absent cannot be looked up."""
        best: tuple[int, Matcher | None] = 0, None
        for matcher in matchers:
            if matcher.literals is not None and "" not in matcher.literals:
                crowd = sum(len(self._by_pair.get(pair, ())) for pair in _pairs(matcher))
                if best[1] is None or crowd < best[0]:
                    best = crowd, matcher
        return best[1]


def _pairs(matcher: Matcher) -> list[tuple[str, str]]:
    """What a label set has one of if it passes a matcher that asks for certain values."""
    return [(matcher.name, value) for value in sorted(matcher.literals or ())]
