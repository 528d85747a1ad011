"""How much of a message in Telegram's HTML is seen: the limit on its length counts neither tags nor addresses."""

import re
from typing import Final

_ENTITY: Final = re.compile(r"&(?:([a-zA-Z]+)|#(?:x([0-9a-fA-F]*)|([0-9]*)))(;?)")
_NAMED: Final = frozenset({"lt", "gt", "amp", "quot"})
_LAST_CHARACTER: Final = 0x10FFFF
_LONGEST_NUMBER: Final = 9  # characters of an entity without its semicolon
_OPENING: Final = re.compile("<[a-zA-Z/!?]")
_SPACE: Final = " \n\r\t\f"
_NAME: Final = re.compile(r"</?([a-zA-Z][^ \n\r\t\f/>]*)")
_RAW: Final = frozenset(
    ("iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp")
)
"""Elements whose content is text, whatever it looks like."""


def count_visible(message: str) -> int:
    """The characters that are seen; of a message that is not well-formed all of them.

    Only the entities that Telegram knows count as one character.
    """
    seen = at = 0
    while at < len(message):
        opening = _OPENING.search(message, at)
        if opening is None or message[opening.start() :] == "</":
            return seen + _count_text(message[at:])
        seen += _count_text(message[at : opening.start()])
        name = _NAME.match(message, opening.start())
        end = None if name is None else _end_of_tag(message, name.end())
        if name is None or end is None:  # a comment, or a tag that does not end
            return len(message)
        at = end
        if message[opening.start() + 1] != "/" and (raw := name[1].lower()) in _RAW:
            at = _end_of_raw(message, at, raw)
            seen += _count_text(message[end:at])
    return seen


def _end_of_tag(message: str, at: int) -> int | None:
    """Where a tag ends whose attributes begin at `at`: after a `>` that is not inside of quotes."""
    while at < len(message):
        c = message[at]
        at += 1
        if c == ">":
            return at
        if c != "=":
            continue
        while at < len(message) and message[at] in _SPACE:
            at += 1
        if at < len(message) and message[at] in "\"'":
            at = message.find(message[at], at + 1) + 1
            if not at:
                return None
    return None


def _end_of_raw(message: str, at: int, name: str) -> int:
    """Where the content of an element ends that is text."""
    if name == "plaintext":
        return len(message)
    closing = re.compile(f"</{name}[ \n\r\t\f/>]", re.IGNORECASE).search(message, at)
    return len(message) if closing is None else closing.start()


def _count_text(text: str) -> int:
    return len(text) - sum(len(each[0]) - 1 for each in _ENTITY.finditer(text) if _is_entity(each))


def _is_entity(found: re.Match[str]) -> bool:
    name, hexadecimal, decimal, semicolon = found.groups()
    if name is not None:
        return name in _NAMED
    digits, base = (hexadecimal, 16) if hexadecimal is not None else (decimal, 10)
    if not digits or len(found[0]) - len(semicolon) > _LONGEST_NUMBER:
        return False
    return 0 < int(digits, base) < _LAST_CHARACTER
