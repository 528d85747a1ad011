"""Values that a matcher lets pass, and values that it does not."""

import random
import re
from typing import Any

from obsflow.model.matchers import Matcher, MatchOp

_parse = re._parser.parse  # type: ignore[attr-defined] - the tree of a pattern, which Python keeps to itself
_CHOICES = 8
_UNNAMED = ("other", "")
_CHARACTERS = "0a7_-/ Z"


def passing(matchers: tuple[Matcher, ...], rng: random.Random) -> list[str]:
    """Values that pass all matchers of one label; those that they name come first."""
    named = [matcher.value for matcher in matchers if matcher.op is MatchOp.EQUAL]
    named += [text for matcher in matchers if matcher.op is MatchOp.REGEX for text in samples(matcher.value, rng)]
    return [text for text in (*named, *_UNNAMED) if all(matcher.matches(text) for matcher in matchers)]


def failing(matcher: Matcher, rng: random.Random) -> list[str]:
    """Values that a matcher does not let pass."""
    named = samples(matcher.value, rng) if matcher.op.is_regex else [matcher.value]
    return [text for text in (*named, f"{matcher.value}x", *_UNNAMED) if not matcher.matches(text)]


def named(texts: list[str]) -> list[str]:
    """Those of the passing values that a matcher names, or all."""
    return [text for text in texts if text not in _UNNAMED] or texts


def samples(pattern: str, rng: random.Random) -> list[str]:
    """Texts that a regular expression should match: one for each alternative of each choice in it."""
    tree = _parse(pattern)
    return list(dict.fromkeys(_text(tree, choice, rng) for choice in range(_CHOICES)))


def _text(tree: Any, choice: int, rng: random.Random) -> str:
    """One text; of alternatives, the one that is number `choice`, counted around."""
    out = ""
    for op, argument in tree:
        match str(op):
            case "LITERAL":
                out += chr(argument)
            case "ANY":
                out += rng.choice("0a7")
            case "IN":
                out += _member(argument, rng)
            case "BRANCH":
                alternatives = argument[1]
                out += _text(alternatives[choice % len(alternatives)], choice, rng)
            case "SUBPATTERN":
                out += _text(argument[-1], choice, rng)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = argument
                for _ in range(min(max(least, choice % 3), int(most))):
                    out += _text(inner, choice, rng)
    return out


def _member(members: Any, rng: random.Random) -> str:
    """A character of a set; of those that are known by what they are not, any."""
    kind, value = rng.choice(members)
    match str(kind):
        case "LITERAL":
            return chr(value)
        case "RANGE":
            return chr(rng.randint(*value))
        case _:
            return rng.choice(_CHARACTERS)
