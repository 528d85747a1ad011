"""Where a character of a YAML scalar stands in the file, so that an error inside an expression is shown in its line."""

import re

from obsflow.schema import Position, ScalarNode

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor, a tag
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\r?\n?")


def locate(text: str, node: ScalarNode, offset: int) -> Position:
    """The position in the file `text` of character `offset` of the scalar.

    The value and its source are walked side by side: indentation, folded lines and escapes make the source longer than
    the value. Where they cannot be matched up, the position is that of the scalar.
    """
    start = _offset_of(text, node.position)
    properties = _PROPERTIES.match(text, start)
    start = properties.end() if properties else start
    header = _BLOCK_HEADER.match(text, start) if node.is_block else None
    at = header.end() if header else start + (not node.is_plain)
    found = _walk(text, at, node, offset)
    if found is None:
        return node.position
    line_start = text.rfind("\n", 0, found) + 1
    return Position(node.position.source, text.count("\n", 0, found) + 1, found - line_start + 1)


def _walk(text: str, at: int, node: ScalarNode, offset: int) -> int | None:
    """The index in `text` that `offset` of the scalar's value comes from; None if they part ways."""
    quote = "" if node.is_plain or node.is_block else text[at - 1]
    for i, c in enumerate(node.text[: offset + 1]):
        if not c.isspace():
            at = _skip_space(text, at)
        last = i == offset
        if text.startswith(c, at) and not (quote == "'" and c == "'"):
            at += not last
        elif (quote == '"' and text.startswith("\\", at)) or (quote == "'" and text.startswith("''", at)):
            at += 0 if last else 2
        elif c.isspace():
            at = at if last else _skip_space(text, at)
        else:
            return None
    return at


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _offset_of(text: str, position: Position) -> int:
    start = 0
    for _ in range(position.line - 1):
        start = text.find("\n", start) + 1
    return start + position.column - 1
