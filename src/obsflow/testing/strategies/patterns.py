"""Texts that label matchers let pass, and texts that they refuse: what a value must be for a selector to find it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from hypothesis import strategies as st

from obsflow.model.matchers import Matcher, MatchOp

_CHOICES = 24
_MAX_TEXTS = 8
_OTHERS = ("other", "")
_META = frozenset("\\.+*?()|[]{}^$")
_ALPHABET = "a0b1z9AZ-_/. :"
_ANYTHING = "0a7"

_Ranges = tuple[tuple[str, str], ...]
_Text = Callable[[int], str]
"""What a part of a pattern becomes at the choice of that number."""

_DIGITS: _Ranges = (("0", "9"),)
_WORDS: _Ranges = (("a", "z"), ("0", "9"), ("A", "Z"), ("_", "_"))
_SPACES: _Ranges = ((" ", " "), ("\t", "\t"))
_CLASSES: Final[dict[str, _Ranges]] = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
_NAMED: Final[dict[str, _Ranges]] = {
    "alpha": (("a", "z"), ("A", "Z")),
    "alnum": (("a", "z"), ("0", "9"), ("A", "Z")),
    "digit": _DIGITS,
    "lower": (("a", "z"),),
    "upper": (("A", "Z"),),
    "space": _SPACES,
    "word": _WORDS,
    "xdigit": (("0", "9"), ("a", "f"), ("A", "F")),
}
_CONTROLS: Final = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NOTHING_WIDE = frozenset("bBAz")


def texts_matching(pattern: str) -> st.SearchStrategy[str]:
    """A few texts that the whole of a label pattern (RE2) matches: one for each way through its alternatives.

    Raises ValueError for a pattern that RE2 does not accept, or for which no text is found.
    """
    texts = passing((Matcher("", MatchOp.REGEX, pattern),))
    if not texts:
        raise ValueError(f"found no text that the pattern matches: {pattern}")
    return st.sampled_from(texts)


def passing(matchers: Iterable[Matcher]) -> tuple[str, ...]:
    """Values that pass all matchers of one label, those that the matchers name first. They may be none."""
    asked = tuple(matchers)
    named = [text for matcher in asked if matcher.op.is_positive for text in _named(matcher)]
    texts = [text for text in (*named, *_OTHERS) if all(matcher.matches(text) for matcher in asked)]
    return tuple(dict.fromkeys(texts))[:_MAX_TEXTS]


def failing(matcher: Matcher) -> tuple[str, ...]:
    """Values that a matcher refuses. They may be none."""
    texts = (*_named(matcher), *_OTHERS, f"{matcher.value}x", "x")
    return tuple(dict.fromkeys(text for text in texts if not matcher.matches(text)))[:_MAX_TEXTS]


def escape(text: str) -> str:
    """A pattern that matches the text alone."""
    return "".join(f"\\{c}" if c in _META else c for c in text)


def _named(matcher: Matcher) -> tuple[str, ...]:
    """The texts that a matcher is about, whether it asks for them or refuses them."""
    if not matcher.op.is_regex:
        return (matcher.value,)
    try:
        text = _Reader(matcher.value).read()
    except _UnreadableError:
        return ()
    return tuple(dict.fromkeys(text(choice) for choice in range(_CHOICES)))


class _UnreadableError(ValueError):
    """A pattern with something in it that is not read here, such as a class of Unicode."""


class _Reader:
    """Recursive descent over a pattern that RE2 accepts."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def read(self) -> _Text:
        """The whole pattern."""
        text = self._alternatives()
        if self._at < len(self._pattern):
            raise _UnreadableError
        return text

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _accept(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def _until(self, end: str) -> str:
        stop = self._pattern.find(end, self._at)
        if stop < 0:
            raise _UnreadableError
        text = self._pattern[self._at : stop]
        self._at = stop + len(end)
        return text

    def _alternatives(self) -> _Text:
        parts = [self._sequence()]
        while self._accept("|"):
            parts.append(self._sequence())
        return lambda choice: parts[choice % len(parts)](choice // len(parts))

    def _sequence(self) -> _Text:
        parts: list[_Text] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return lambda choice: "".join(part(choice) for part in parts)

    def _repeated(self, inner: _Text) -> _Text:
        while (bounds := self._bounds()) is not None:
            self._accept("?")
            inner = _repeat(inner, *bounds)
        return inner

    def _bounds(self) -> tuple[int, int] | None:
        """How often at least and at most what was read may come, if the pattern says so."""
        for sign, bounds in (("*", (0, 2)), ("+", (1, 3)), ("?", (0, 1))):
            if self._accept(sign):
                return bounds
        end = self._pattern.find("}", self._at)
        least, comma, most = self._pattern[self._at + 1 : end].partition(",")
        if self._peek() != "{" or end < 0 or not least.isdecimal() or not (most.isdecimal() or not most):
            return None
        self._at = end + 1
        return int(least), int(most) if most else int(least) + 2 * bool(comma)

    def _atom(self) -> _Text:
        if self._accept("("):
            return self._group()
        if self._accept("["):
            return self._set()
        if self._accept("\\"):
            return self._escaped()
        character = self._peek()
        self._at += 1
        if character in "^$":
            return lambda _: ""
        return _one_of(_ANYTHING) if character == "." else _one_of(character)

    def _group(self) -> _Text:
        if self._accept("?P<") or self._accept("?<"):
            self._until(">")
        elif self._accept("?"):
            while (flag := self._peek()) not in (":", ")"):
                self._at += 1
                if not flag:
                    raise _UnreadableError
            if self._accept(")"):
                return lambda _: ""
            self._at += 1
        inner = self._alternatives()
        if not self._accept(")"):
            raise _UnreadableError
        return inner

    def _escaped(self) -> _Text:
        if self._accept("Q"):
            quoted = self._until("\\E")
            return lambda _: quoted
        if self._peek() in _NOTHING_WIDE:
            self._at += 1
            return lambda _: ""
        return _one_of(_members(*self._escape()))

    def _escape(self) -> tuple[_Ranges, bool]:
        """The characters behind a backslash, and whether they are those that it does not stand for."""
        character = self._peek()
        self._at += 1
        if character.lower() in _CLASSES:
            return _CLASSES[character.lower()], character.isupper()
        if character == "x":
            code = self._until("}") if self._accept("{") else self._pattern[self._at : self._at + 2]
            self._at += 0 if self._pattern[self._at - 1] == "}" else 2
            return ((chr(int(code, 16)),) * 2,), False
        if character.isalnum() and character not in _CONTROLS:
            raise _UnreadableError
        return ((_CONTROLS.get(character, character),) * 2,), False

    def _set(self) -> _Text:
        negated = self._accept("^")
        ranges: list[tuple[str, str]] = []
        while not ranges or not self._accept("]"):
            if self._accept("[:"):
                ranges += _NAMED.get(self._until(":]"), ())
                continue
            first, inverted = self._set_member()
            if inverted:
                raise _UnreadableError
            if len(first) == 1 and self._peek() == "-" and not self._pattern.startswith("-]", self._at):
                self._at += 1
                last, _ = self._set_member()
                first = ((first[0][0], last[0][1]),)
            ranges += first
        return _one_of(_members(tuple(ranges), negated))

    def _set_member(self) -> tuple[_Ranges, bool]:
        if self._accept("\\"):
            return self._escape()
        character = self._peek()
        self._at += 1
        if not character:
            raise _UnreadableError
        return ((character,) * 2,), False


def _repeat(inner: _Text, least: int, most: int) -> _Text:
    return lambda choice: "".join(inner(choice + i) for i in range(least + choice % (most - least + 1)))


def _one_of(characters: str) -> _Text:
    return lambda choice: characters[choice % len(characters)] if characters else ""


def _members(ranges: _Ranges, negated: bool) -> str:
    """Some characters of the ranges, or some that are in none of them."""
    if negated:
        return "".join(c for c in _ALPHABET if not any(first <= c <= last for first, last in ranges))
    return "".join(dict.fromkeys(_ends(ranges)))


def _ends(ranges: _Ranges) -> Iterator[str]:
    yield from (first for first, _ in ranges)
    yield from (last for _, last in ranges)
