"""The nodes of a YAML document with their positions, typed as Go's decoder types them. The only importer of `yaml`.

PyYAML's own resolver follows YAML 1.1 (`on` is True, `1:30` is 90); a Go decoder asks the *declared* type first, so a
scalar stays text here until a decoder says what it should be.
"""

from typing import Any

import attrs
import yaml

from obsflow.errors import ConfigError, Problem

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"})
_MAX_NODES = 500_000  # aliases make a small file large


@attrs.frozen
class Position:
    """A place in a file; line and column count from 1."""

    source: str
    line: int
    column: int

    def problem(self, path: str, message: str) -> Problem:
        """A problem at this place."""
        return Problem(self.source, self.line, self.column, path, message)


@attrs.frozen
class ScalarNode:
    """A scalar. `is_plain` says that it was written without quotes, so that it may mean something else than text.

    `is_block` says that its text begins on the line after `position` (`|` or `>`).
    """

    text: str
    is_plain: bool
    is_block: bool
    position: Position

    @property
    def is_null(self) -> bool:
        """Whether nothing was written, or null."""
        return self.is_plain and self.text in _NULLS

    def to_bool(self) -> bool:
        """Raises ValueError unless it is written as a YAML boolean."""
        if self.is_plain and self.text in _TRUE:
            return True
        if self.is_plain and self.text in _FALSE:
            return False
        raise ValueError(f'expected a boolean, got "{self.text}"')

    def to_int(self) -> int:
        """Raises ValueError unless it is an integer."""
        try:
            return int(self.text if self.is_plain else "", 0)
        except ValueError:
            raise ValueError(f'expected an integer, got "{self.text}"') from None

    def to_float(self) -> float:
        """Raises ValueError unless it is a number."""
        text = self.text.lower().replace(".inf", "inf").replace(".nan", "nan") if self.is_plain else ""
        try:
            return float(text)
        except ValueError:
            raise ValueError(f'expected a number, got "{self.text}"') from None


@attrs.frozen
class SeqNode:
    """A list of nodes."""

    items: "tuple[Node, ...]"
    position: Position


@attrs.frozen
class MapNode:
    """A mapping, in the order of the file; `keys` has the position of each key."""

    entries: "dict[str, Node]"
    keys: dict[str, Position]
    position: Position


Node = ScalarNode | SeqNode | MapNode


@attrs.frozen
class Document:
    """A composed document: its root (None if it is empty) and what is already wrong with it."""

    source: str
    root: Node | None
    problems: tuple[Problem, ...] = ()


def to_plain(node: Node | None) -> Any:
    """The node as Python data, scalars resolved by how they are written."""
    match node:
        case None:
            return None
        case SeqNode(items=items):
            return [to_plain(item) for item in items]
        case MapNode(entries=entries):
            return {key: to_plain(value) for key, value in entries.items()}
        case ScalarNode(text=text, is_plain=plain):
            if not plain:
                return text
            if node.is_null:
                return None
            for convert in (node.to_bool, node.to_int, node.to_float):
                try:
                    return convert()
                except ValueError:
                    continue
            return text


def compose(text: str, source: str, *, is_loose: bool = False) -> Document:
    """Parse the first document of a YAML (or JSON) text.

    Raises ConfigError where the text is no YAML at all; a key given twice is a problem of the returned document.
    `is_loose` reads a mapping as Go reads one into a map of texts: the last of a key's values counts, and keys that are
    no texts are left out.
    """
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    except (UnicodeEncodeError, yaml.YAMLError) as error:  # half of a surrogate pair, or a control character
        raise ConfigError((Problem(source, 0, 0, "", str(error)),)) from None
    try:
        root = loader.get_node() if loader.check_node() else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError((Problem(source, line, column, "", message),)) from None
    except yaml.YAMLError as error:
        raise ConfigError((Problem(source, 0, 0, "", str(error)),)) from None
    finally:
        loader.dispose()
    if root is None or (isinstance(root, yaml.ScalarNode) and root.value == ""):
        return Document(source, None)
    builder = _Builder(source, is_loose=is_loose)
    return Document(source, builder.build(root), tuple(builder.problems))


class _Builder:
    def __init__(self, source: str, *, is_loose: bool) -> None:
        self.source = source
        self.is_loose = is_loose
        self.problems: list[Problem] = []
        self.count = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node) -> Node:
        position = self.position(node)
        self.count += 1
        if self.count > _MAX_NODES or id(node) in self.open:
            raise ConfigError((position.problem("", "aliases make this document too large"),))
        if isinstance(node, yaml.ScalarNode):
            return ScalarNode(node.value, node.style in (None, ""), node.style in ("|", ">"), position)
        self.open.add(id(node))
        built = (
            SeqNode(tuple(self.build(item) for item in node.value), position)
            if isinstance(node, yaml.SequenceNode)
            else self.build_map(node, position)
        )
        self.open.remove(id(node))
        return built

    def build_map(self, node: yaml.Node, position: Position) -> MapNode:
        entries: dict[str, Node] = {}
        keys: dict[str, Position] = {}
        merged: dict[str, tuple[Node, Position]] = {}
        for key_node, value_node in node.value:
            at = self.position(key_node)
            if self.is_loose and not isinstance(to_plain(self.build(key_node)), str):
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(at.problem("", "a key must be a scalar"))
                continue
            key = key_node.value
            if key == "<<" and key_node.style in (None, ""):
                for each in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    base = self.build(each)
                    if isinstance(base, MapNode):
                        for name, value in base.entries.items():
                            merged.setdefault(name, (value, base.keys[name]))
                continue
            if key in entries and not self.is_loose:
                self.problems.append(at.problem("", f'key "{key}" is already set in line {keys[key].line}'))
                continue
            entries[key], keys[key] = self.build(value_node), at
        for name, (value, at) in merged.items():
            if name not in entries:
                entries[name], keys[name] = value, at
        return MapNode(entries, keys, position)

    def position(self, node: yaml.Node) -> Position:
        return Position(self.source, node.start_mark.line + 1, node.start_mark.column + 1)
