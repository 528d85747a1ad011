"""Whether some label set passes some matchers and is kept by others: exact for lists of values, careful elsewhere.

The values of a label are told apart only as far as the matchers do: each value that they name, the empty one, and "any
other". What a pattern says of any other value is not known, so both are tried. Where the answer would take too long it
is yes.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Self

import attrs

from obsflow.model.matchers import Matcher

_MAX_PATTERNS: Final = 10  # of one label, whose answers are tried in all combinations; with more nothing is known
_MAX_STEPS: Final = 20_000
_OPENING: Final = "^(?:"
_CLOSING: Final = ")$"
_ANYTHING: Final = (".*", "^(?:.*)$", ".*?", "^.*$")
_SOMETHING: Final = (".+", "^(?:.+)$", ".+?", "^.+$")

Conjunction = tuple[Matcher, ...]
_Point = frozenset[Matcher]
"""A value of a label, as the set of the matchers that it passes."""


def literals_of(matcher: Matcher) -> frozenset[str] | None:
    """The values that the matcher's text lists, whether it asks for them or against them."""
    if not matcher.op.is_regex:
        return frozenset((matcher.value,))
    pattern = matcher.value
    if pattern.startswith(_OPENING) and pattern.endswith(_CLOSING):  # as `match_re` of a configuration is kept
        pattern = pattern[len(_OPENING) : -len(_CLOSING)]
    return None if any(c in "\\.+*?()[]{}^$" for c in pattern) else frozenset(pattern.split("|"))


@attrs.frozen
class Domains:
    """For each label the points that its values come down to; of a label that is missing nothing is known."""

    points: Mapping[str, frozenset[_Point]]

    @classmethod
    def of(cls, matchers: Iterable[Matcher], given: Mapping[str, frozenset[str] | None] | None = None) -> Self:
        """The points that the matchers tell apart. `given` lists the values of labels where they are known."""
        by_label: dict[str, set[Matcher]] = {}
        for matcher in matchers:
            by_label.setdefault(matcher.name, set()).add(matcher)
        known = given or {}
        points = {name: _points(own, known.get(name)) for name, own in by_label.items()}
        return cls({name: frozenset(some) for name, some in points.items() if some is not None})

    def can_pass(self, asked: Iterable[Matcher], blockers: Sequence[Conjunction]) -> bool:
        """Whether a label set can pass all that is asked and none of the blockers."""
        left = dict(self.points)
        for matcher in asked:
            if matcher.name not in left:
                continue
            left[matcher.name] = frozenset(point for point in left[matcher.name] if matcher in point)
            if not left[matcher.name]:
                return False
        return _Search(blockers).run(left, 0)


def _points(matchers: set[Matcher], given: frozenset[str] | None) -> list[_Point] | None:
    ordered = sorted(matchers, key=str)
    if given is not None:
        return [frozenset(m for m in ordered if m.matches(value)) for value in given]
    named = frozenset(("",)).union(*(literals_of(matcher) or () for matcher in ordered))
    points = [frozenset(m for m in ordered if m.matches(value)) for value in sorted(named)]
    opaque = sorted({m.value for m in ordered if literals_of(m) is None and m.value not in (*_ANYTHING, *_SOMETHING)})
    if len(opaque) > _MAX_PATTERNS:
        return None
    for answers in itertools.product((False, True), repeat=len(opaque)):
        hits = dict(zip(opaque, answers, strict=True))
        points.append(frozenset(m for m in ordered if _passes_other(m, hits)))
    return points


def _passes_other(matcher: Matcher, hits: Mapping[str, bool]) -> bool:
    """Whether a value that no matcher names passes, given what the patterns say of it."""
    is_hit = matcher.op.is_regex and (matcher.value in (*_ANYTHING, *_SOMETHING) or hits.get(matcher.value, False))
    return is_hit is matcher.op.is_positive


class _Search:
    """Chooses, blocker by blocker, a matcher that does not pass."""

    def __init__(self, blockers: Sequence[Conjunction]) -> None:
        self._blockers = sorted(set(blockers), key=len)
        self._steps = 0

    def run(self, left: Mapping[str, frozenset[_Point]], index: int) -> bool:
        self._steps += 1
        if index == len(self._blockers) or self._steps > _MAX_STEPS:
            return True
        for matcher in self._blockers[index]:
            if matcher.name not in left:
                return self.run(left, index + 1)
            points = frozenset(point for point in left[matcher.name] if matcher not in point)
            if points and self.run({**left, matcher.name: points}, index + 1):
                return True
        return False


def can_pass(
    asked: Conjunction,
    blockers: Sequence[Conjunction] = (),
    given: Mapping[str, frozenset[str] | None] | None = None,
) -> bool:
    """Whether some label set passes all that is asked and does not pass any of the blockers as a whole.

    `given` lists the values that labels may have; a label that it lacks may have any.
    """
    every = itertools.chain(asked, *blockers)
    return Domains.of(every, given).can_pass(asked, blockers)
