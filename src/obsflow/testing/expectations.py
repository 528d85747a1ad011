"""What a test expects of labels and annotations: exact texts, or regular expressions, of all names or of some.

Where a text is expected, a mapping `{regex: PATTERN}` may stand instead: the whole value has to match.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from obsflow.alertmanager import parse_compat
from obsflow.errors import ConfigError, Problem
from obsflow.model.labels import quote
from obsflow.model.notifications import AlertStatus, NotifyReason
from obsflow.model.regex import LabelRegex, RegexError
from obsflow.schema import MapNode, Node, ScalarNode

E = TypeVar("E")
G = TypeVar("G")

Text = str | LabelRegex
"""A value as it is expected."""

Texts = Mapping[str, Text]
"""Expected labels, or annotations, by name."""

_REGEX = "regex"


def read_texts(nodes: Mapping[str, Node], path: str) -> Texts:
    """The expected values of a mapping. Raises ConfigError with every problem; `path` is where the mapping stands."""
    problems: list[Problem] = []
    texts: dict[str, Text] = {}
    for name, node in nodes.items():
        try:
            texts[name] = _read_text(node)
        except ValueError as error:
            problems.append(node.position.problem(f"{path}.{name}", str(error)))
    if problems:
        raise ConfigError(tuple(problems))
    return texts


def _read_text(node: Node) -> Text:
    match node:
        case ScalarNode(text=text):
            return "" if node.is_null else text
        case MapNode(entries={"regex": ScalarNode(text=pattern)} as entries) if len(entries) == 1:
            try:
                return LabelRegex(pattern)
            except RegexError as error:
                raise ValueError(f"not a regular expression: {pattern}: {error}") from None
    raise ValueError(f"expected a string, or a mapping with the one key {quote(_REGEX)}")


def set_texts(owner: Any, **nodes: Mapping[str, Node] | None) -> None:
    """Set the expected values that are made of nodes on a frozen object, under their names.

    Raises ConfigError with the problems of all of them.
    """
    problems: list[Problem] = []
    for name, mapping in nodes.items():
        try:
            texts = None if mapping is None else read_texts(mapping, name)
        except ConfigError as error:
            problems.extend(error.problems)
        else:
            object.__setattr__(owner, name, texts)
    if problems:
        raise ConfigError(tuple(problems))


def one_of(known: Sequence[str], text: str) -> str:
    """The text, if it is a known word. Raises ValueError."""
    if text not in known:
        raise ValueError(f"expected one of {', '.join(known)}, got {text}{suggest(text, known)}")
    return text


def parse_status(text: str) -> AlertStatus:
    """What is expected to be said of an alert. Raises ValueError."""
    return AlertStatus(one_of([status.value for status in AlertStatus], text))


def parse_reason(text: str) -> NotifyReason:
    """Why a notification is expected to be sent. Raises ValueError."""
    return NotifyReason(one_of([reason.value for reason in NotifyReason if reason.sends], text))


def parse_compat_name(text: str) -> str:
    """The name of a set of habits that a router may have. Raises ValueError."""
    return parse_compat(text).name


def accepts(expected: Text, value: str) -> bool:
    """Whether a value is as expected."""
    return expected == value if isinstance(expected, str) else expected.matches(value)


def difference(expected: Texts, got: Mapping[str, str], kind: str, *, partial: bool) -> Iterator[str]:
    """What differs, a line for each name. `kind` is what the names are of; with `partial`, more names may be there."""
    for name, text in expected.items():
        if name not in got:
            yield f"{kind} {name}: expected {render_text(text)}, there is none"
        elif not accepts(text, got[name]):
            yield from _unequal(f"{kind} {name}", text, got[name])
    if not partial:
        for name in got:
            if name not in expected:
                yield f"{kind} {name}: not expected, got {quote(got[name])}"


def _unequal(what: str, expected: Text, value: str) -> Iterator[str]:
    """One line for short values, two of the same indentation for those that are easier compared one above the other."""
    text, found = render_text(expected), quote(value)
    if len(text) + len(found) < 60:
        yield f"{what}: expected {text}, got {found}"
        return
    yield f"{what}:"
    yield f"  expected {text}"
    yield f"  got      {found}"


def render_text(text: Text) -> str:
    """A value as it is expected, for a person."""
    return quote(text) if isinstance(text, str) else f"=~{quote(text.pattern)}"


def render_texts(texts: Texts) -> str:
    """Expected labels, in the form of a label set."""
    rendered = (f"{name}={render_text(text)}".replace("==~", "=~") for name, text in sorted(texts.items()))
    return "{" + ", ".join(rendered) + "}"


def suggest(word: str, known: Sequence[str]) -> str:
    """A question for a word that may be a known one misspelt, with a comma before it; else nothing."""
    close = difflib.get_close_matches(word, sorted(set(known)), n=1)
    return f', did you mean "{close[0]}"?' if close else ""


@attrs.frozen
class Pairing:
    """How expectations and what there is were paired: indices of those left over on either side."""

    missing: tuple[int, ...]
    unexpected: tuple[int, ...]


def pair_up(expected: Sequence[E], got: Sequence[G], fits: Callable[[E, G], bool]) -> Pairing:
    """Pair as many as possible, each with one of the other side that fits it: a maximum bipartite matching."""
    choices = [[j for j, each in enumerate(got) if fits(one, each)] for one in expected]
    taken: dict[int, int] = {}  # by index of what there is
    missing = [i for i in range(len(expected)) if not _place(i, choices, taken)]
    return Pairing(tuple(missing), tuple(j for j in range(len(got)) if j not in taken))


def _place(start: int, choices: Sequence[Sequence[int]], taken: dict[int, int]) -> bool:
    """Find a partner for one more expectation, moving others to other partners where that helps."""
    came_from: dict[int, int] = {}  # what there is, and the expectation that asked for it
    pending = [start]
    while pending:
        i = pending.pop()
        for j in choices[i]:
            if j in came_from:
                continue
            came_from[j] = i
            if j not in taken:
                _shift(j, start, came_from, taken)
                return True
            pending.append(taken[j])
    return False


def _shift(free: int, start: int, came_from: Mapping[int, int], taken: dict[int, int]) -> None:
    """Hand partners on along the way that led to a free one."""
    partner_of = {i: j for j, i in taken.items()}
    while True:
        i = came_from[free]
        given_up = partner_of.get(i)
        taken[free] = i
        if i == start or given_up is None:
            return
        free = given_up


def closest(expected: Texts, candidates: Sequence[Mapping[str, str]]) -> int | None:
    """The index of the candidate that has the most in common with what is expected; None if none has anything."""
    scores = [sum(name in got and accepts(text, got[name]) for name, text in expected.items()) for got in candidates]
    best = max(range(len(scores)), key=lambda i: scores[i], default=None)
    return best if best is not None and scores[best] else None
