"""What many log messages have in common: numbers, ids, addresses and paths masked, then words that vary."""

import operator
import re
from collections.abc import Mapping
from typing import Final

WILDCARD: Final = "<*>"
SIMILARITY: Final = 0.8
MAX_TOKENS: Final = 200
MAX_TEMPLATES: Final = 200
MAX_LENGTH: Final = 8_000

_HEX: Final = "[0-9a-fA-F]"
_PARTS: Final = {
    "uuid": rf"(?<![\w-]){_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}(?![\w-])",
    "url": r"(?<!\w)[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s\"'<>)\],;]+",
    "ip": r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])",
    "time": r"(?<!\w)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?(?!\w)",
    "hex": rf"(?<!\w)(?:0x{_HEX}+|(?=[a-fA-F]{{0,63}}\d)(?=\d{{0,63}}[a-fA-F]){_HEX}{{8,}})(?!\w)",
    "path": r"(?<![\w/.])(?:[A-Za-z]:)?(?:[/\\][\w.@%+~-]+){2,}[/\\]?",
    "num": r"(?<![\w.])\d+(?:[.,]\d+){0,8}(?:[a-zA-Zµ]{1,3}|%)?(?!\w)",
}
_VARIABLE: Final = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PARTS.items()), re.ASCII)


def mask(message: str) -> str:
    """The first line of a message with every part that is a value replaced by its kind, words parted by one space.

    `<uuid>`, `<url>`, `<ip>`, `<time>`, `<hex>` (`0x...`, or eight digits and more of which some are letters),
    `<path>` (two parts and more), `<num>` (with a unit, such as `12ms`). Of a long message the first 8000 characters
    and 200 words count.
    """
    first = next((line for line in message[:MAX_LENGTH].splitlines() if line.strip()), "")
    masked = _VARIABLE.sub(lambda found: f"<{found.lastgroup}>", first)
    return " ".join(masked.split()[:MAX_TOKENS])


def merge(messages: Mapping[str, int], similarity: float = SIMILARITY) -> dict[str, str]:
    """The template of each masked message; `messages` says how often each was seen.

    As Drain does it (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017): messages of
    as many words and the same first word are compared word by word with the templates so far; at the one that has most
    in common with it, and at least `similarity` of the words, the words that differ become `<*>`. Unlike there the
    messages come in the order of how frequent they are, then of their text, so that the result does not depend on the
    order of the records. Beside 200 templates of as many words and one first word, all that is like none is one.
    """
    leaves: dict[tuple[int, str], list[list[str]]] = {}
    home: dict[str, list[str]] = {}
    for message in sorted(messages, key=lambda message: (-messages[message], message)):
        words = message.split(" ")
        templates = leaves.setdefault((len(words), words[0]), [])
        scored = [(_matches(template, words), -index) for index, template in enumerate(templates)]
        score, negated = max(scored, default=(0, 0))  # of equals the earliest
        if templates and score >= similarity * len(words):
            template = templates[-negated]
            template[:] = [a if a == b else WILDCARD for a, b in zip(template, words, strict=True)]
        elif len(templates) < MAX_TEMPLATES:
            template = words
            templates.append(template)
        else:
            template = [words[0], *[WILDCARD] * (len(words) - 1)]
        home[message] = template
    return {message: " ".join(template) for message, template in home.items()}


def _matches(template: list[str], words: list[str]) -> int:
    return sum(map(operator.eq, template, words))
