"""A part of a document as a text of its own, for a loader that reads texts, with problems led back to their places."""

import re

import attrs

from obsflow.errors import Problem
from obsflow.schema import MapNode, Node, Position, ScalarNode, SeqNode

_SAFE = re.compile(r"[A-Za-z0-9_.+~][A-Za-z0-9_.+-]*|-[0-9.][A-Za-z0-9_.+-]*", re.ASCII)
"""Plain scalars that mean the same everywhere, and all that may mean something else than text."""


@attrs.frozen
class InlineText:
    """The text, a token a line, and the place of each line in the document that it is from."""

    text: str
    places: tuple[Position, ...]

    def at_home(self, problem: Problem, path: str) -> Problem:
        """A problem with the text as one of the document; `path` is where the part stands in it."""
        inside = f"{path}.{problem.path}" if problem.path else path
        place = self.places[problem.line - 1 if 0 < problem.line <= len(self.places) else 0]
        return attrs.evolve(problem, source=place.source, line=place.line, column=place.column, path=inside)


def extract(node: Node) -> InlineText:
    """The text of a node of a document."""
    lines: list[tuple[str, Position]] = []
    _write(node, lines)
    return InlineText("".join(f"{text}\n" for text, _ in lines), tuple(place for _, place in lines))


def _write(node: Node, lines: list[tuple[str, Position]]) -> None:
    match node:
        case MapNode(entries=entries, keys=keys, position=position):
            lines.append(("{", position))
            for key, value in entries.items():
                lines.append((f"? {_quote(key)}", keys[key]))
                lines.append((":", keys[key]))
                _write(value, lines)
                lines.append((",", value.position))
            lines.append(("}", position))
        case SeqNode(items=items, position=position):
            lines.append(("[", position))
            for item in items:
                _write(item, lines)
                lines.append((",", item.position))
            lines.append(("]", position))
        case ScalarNode(text=text, is_plain=is_plain, position=position):
            if not text and is_plain:
                text = "~"
            lines.append((text if is_plain and _SAFE.fullmatch(text) else _quote(text), position))


def _quote(text: str) -> str:
    """A double-quoted scalar of YAML."""
    return '"' + "".join(_escape(each) for each in text) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
