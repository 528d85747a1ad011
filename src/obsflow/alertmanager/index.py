"""Lists of matchers by what they ask for: which of many a label set passes, without trying each."""

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

import attrs

from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_REMEMBERED = 1 << 18  # label sets; then all are forgotten, which costs less than to forget the oldest each time


class Memo(dict[Labels, T]):
    """What a function says of label sets, each asked once: alerts are sent and looked at again and again."""

    def __init__(self, find: Callable[[Labels], T]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, labels: Labels) -> T:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[labels] = self._find(labels)
        return found


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

    def find(self, labels: Labels) -> list[K]:
        """The keys of the lists that a label set passes, in the order in which they were added."""
        found = [entry for entry in self._others.values() if entry.passes(labels)]
        by_pair = self._by_pair
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
