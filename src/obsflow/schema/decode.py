"""Decodes nodes into attrs classes by their declared types.

The annotation of a field says what is expected: `str`, `int`, `float`, `bool`, an attrs class, `tuple[T, ...]`,
`Mapping[str, T]`, `T | None`, or `Any` for plain data. `field(parse=...)` turns a scalar's text into anything else.
A scalar that is left empty, or null, is as if its key were not there; in a list it is the empty text. Every problem of
a document is collected; what cannot be decoded keeps its default.
"""

import collections.abc
import difflib
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Union

import attrs

from obsflow.errors import ConfigError, Problem, UnknownField
from obsflow.schema.nodes import Document, MapNode, Node, Position, ScalarNode, SeqNode, compose, to_plain

T = TypeVar("T")

_FAILED: Any = object()
_META = "obsflow.schema"
_SCALARS: dict[type, Callable[[ScalarNode], Any]] = {
    str: lambda node: "" if node.is_null else node.text,
    int: ScalarNode.to_int,
    float: ScalarNode.to_float,
    bool: ScalarNode.to_bool,
}
_WORDS = {str: "a string", int: "an integer", float: "a number", bool: "a boolean"}


@attrs.frozen
class _Field:
    key: str | None = None
    parse: Callable[[str], Any] | None = None
    role: str = "value"  # or "positions", "rest"


def field(
    *,
    key: str | None = None,
    parse: Callable[[str], Any] | None = None,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    repr: bool = True,  # noqa: A002
) -> Any:
    """An attrs field that is read from `key` (its own name unless given).

    `parse` turns the text of a scalar into the value and raises ValueError; for `tuple[...]` and `Mapping[...]` it is
    applied to every element. A field without a default must be given.
    """
    meta = {_META: _Field(key, parse)}
    if factory is not None:
        return attrs.field(factory=factory, metadata=meta, repr=repr)
    return attrs.field(default=default, metadata=meta, repr=repr)


def positions() -> Any:
    """A `Mapping[str, Position]` field that receives where each key of the object was, and under "" the object."""
    meta = {_META: _Field(role="positions")}
    return attrs.field(factory=dict, metadata=meta, eq=False, repr=False, hash=False)


def rest() -> Any:
    """A `Mapping[str, Node]` field that receives the nodes of the keys that no other field reads."""
    meta = {_META: _Field(role="rest")}
    return attrs.field(factory=dict, metadata=meta, eq=False, repr=False, hash=False)


def decode(cls: type[T], text: str, source: str) -> T:
    """Decode a text into an attrs class. Raises ConfigError with every problem of the document."""
    problems: list[Problem] = []
    value = decode_document(cls, compose(text, source), problems)
    if problems:
        raise ConfigError(tuple(sorted(problems, key=lambda problem: (problem.line, problem.column))))
    return value


def decode_document(cls: type[T], document: Document, problems: list[Problem]) -> T:
    """Decode a composed document, appending what is wrong to `problems`; what is returned then is incomplete."""
    problems.extend(document.problems)
    root = document.root or MapNode({}, {}, Position(document.source, 1, 1))
    value = decode_node(cls, root, "", problems)
    if value is _FAILED:
        raise ConfigError(tuple(problems))
    return typing.cast("T", value)


def decode_node(
    kind: Any, node: Node, path: str, problems: list[Problem], parse: Callable[[str], Any] | None = None
) -> Any:
    """The node as `kind`; a marker that is no value where that is impossible, with the problem appended."""
    if kind == Node:
        return node
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        if _is_null(node):
            return None
        return decode_node(next(each for each in arguments if each is not type(None)), node, path, problems, parse)
    if origin in (tuple, list):
        return _decode_sequence(arguments[0], node, path, problems, parse)
    if origin in (dict, collections.abc.Mapping):
        return _decode_mapping(arguments[1], node, path, problems, parse)
    if parse is not None:
        return _decode_scalar(
            lambda scalar: parse("" if scalar.is_null else scalar.text), "a scalar", node, path, problems
        )
    if attrs.has(kind):
        return _decode_object(kind, node, path, problems)
    if kind in _SCALARS:
        return _decode_scalar(_SCALARS[kind], _WORDS[kind], node, path, problems)
    return to_plain(node)


def _decode_scalar(
    convert: Callable[[ScalarNode], Any], expected: str, node: Node, path: str, problems: list[Problem]
) -> Any:
    if not isinstance(node, ScalarNode):
        problems.append(node.position.problem(path, f"expected {expected}, got {_describe(node)}"))
        return _FAILED
    try:
        return convert(node)
    except ValueError as error:
        problems.append(node.position.problem(path, str(error)))
        return _FAILED


def _decode_sequence(
    kind: Any, node: Node, path: str, problems: list[Problem], parse: Callable[[str], Any] | None
) -> Any:
    if _is_null(node):
        return ()
    if not isinstance(node, SeqNode):
        problems.append(node.position.problem(path, f"expected a list, got {_describe(node)}"))
        return _FAILED
    items = [decode_node(kind, item, f"{path}[{i}]", problems, parse) for i, item in enumerate(node.items)]
    return tuple(item for item in items if item is not _FAILED)


def _decode_mapping(
    kind: Any, node: Node, path: str, problems: list[Problem], parse: Callable[[str], Any] | None
) -> Any:
    if _is_null(node):
        return {}
    if not isinstance(node, MapNode):
        problems.append(node.position.problem(path, f"expected a mapping, got {_describe(node)}"))
        return _FAILED
    out = {}
    for key, value in node.entries.items():
        decoded = decode_node(kind, value, _join(path, key), problems, parse)
        if decoded is not _FAILED:
            out[key] = decoded
    return out


@functools.cache
def _fields(cls: type) -> "tuple[tuple[attrs.Attribute[Any], Any, _Field], ...]":
    hints = typing.get_type_hints(cls)
    return tuple(
        (attribute, hints[attribute.name], attribute.metadata.get(_META, _Field()))
        for attribute in attrs.fields(cls)
        if attribute.init
    )


def _decode_object(cls: type, node: Node, path: str, problems: list[Problem]) -> Any:
    if _is_null(node):
        node = MapNode({}, {}, node.position)
    if not isinstance(node, MapNode):
        problems.append(node.position.problem(path, f"expected a mapping, got {_describe(node)}"))
        return _FAILED
    values: dict[str, Any] = {}
    read: set[str] = set()
    failed = False
    for attribute, kind, meta in _fields(cls):
        name = attribute.alias or attribute.name
        key = meta.key or attribute.name
        if meta.role == "positions":
            values[name] = {**node.keys, "": node.position}
        if meta.role != "value":
            continue
        read.add(key)
        if key in node.entries and not (_is_scalar(kind, meta) and _is_null(node.entries[key])):
            value = decode_node(kind, node.entries[key], _join(path, key), problems, meta.parse)
            if value is not _FAILED:
                values[name] = value
                continue
        elif attribute.default is attrs.NOTHING:
            problems.append(node.position.problem(path, f'"{key}" is required'))
        failed |= attribute.default is attrs.NOTHING
    unread = {key: value for key, value in node.entries.items() if key not in read}
    rest_field = next((attribute for attribute, _, meta in _fields(cls) if meta.role == "rest"), None)
    if rest_field is not None:
        values[rest_field.alias or rest_field.name] = unread
    else:
        problems.extend(_unknown(key, read, node.keys[key], path) for key in unread)
    return _FAILED if failed else _construct(cls, values, node, path, problems)


def _is_scalar(kind: Any, meta: _Field) -> bool:
    """Whether a field holds one scalar and nothing would not do; without a value it is as if it were not there."""
    return kind in _SCALARS or (meta.parse is not None and typing.get_origin(kind) is None)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_null


def _construct(cls: type, values: Mapping[str, Any], node: MapNode, path: str, problems: list[Problem]) -> Any:
    try:
        return cls(**values)
    except ConfigError as error:
        problems.extend(error.problems)
    except ValueError as error:
        problems.append(node.position.problem(path, str(error)))
    return _FAILED


def _unknown(key: str, known: set[str], position: Position, path: str) -> Problem:
    close = difflib.get_close_matches(key, sorted(known), n=1)
    hint = f', did you mean "{close[0]}"?' if close else ""
    message = f'unknown field "{key}"{hint}'
    return UnknownField(position.source, position.line, position.column, _join(path, key), message)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _describe(node: Node) -> str:
    match node:
        case SeqNode():
            return "a list"
        case MapNode():
            return "a mapping"
        case ScalarNode():
            return "nothing" if node.is_null else f'"{node.text}"'
