"""The functions that every Go template knows. `and` and `or` are the executor's: they do not evaluate all arguments."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from obsflow.gotemplate.printf import sprint, sprintf, sprintln
from obsflow.gotemplate.values import ANYTHING, BASIC, Function, Kind, decode, encode, function_of, go_type, is_true

SHORT_CIRCUIT: Final = frozenset(("and", "or"))


_ORDERED = frozenset((Kind.INT, Kind.FLOAT, Kind.STRING))

_HTML = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


def escape_html(text: str) -> str:
    """Text that can stand in HTML, also in a quoted attribute."""
    return text.translate(_HTML)


def escape_js(text: str) -> str:
    """Text that can stand in a JavaScript string."""
    return "".join(_escape_js_char(c) for c in text)


def _escape_js_char(char: str) -> str:
    if char in _JS:
        return _JS[char]
    if char < " ":
        return f"\\u{ord(char):04X}"
    if char < "\x80" or char.isprintable() or "\udc80" <= char <= "\udcff":  # the last are bytes that were not UTF-8
        return char
    return f"\\u{ord(char):04X}"


def escape_query(text: str) -> str:
    """Text that can stand in the query of a URL; a space is `+`."""
    return quote_plus(encode(text), safe="~")


def _text(values: tuple[object, ...]) -> str:
    """Arguments as one text, a string by itself as it is."""
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return sprint(*("<no value>" if value is None else value for value in values))


def _not(value: object) -> bool:
    return not is_true(value)


def _length(value: Any) -> int:
    known = go_type(value)
    if known.kind is Kind.STRING:
        return len(value) if value.isascii() else len(encode(value))
    if known.kind in (Kind.LIST, Kind.MAP):
        return len(value)
    if value is None:
        raise ValueError("len of nil pointer")
    raise ValueError(f"len of type {known.name}")


def _position(index: Any, limit: int) -> int:
    known = go_type(index)
    if known.kind is Kind.NIL:
        raise ValueError("cannot index slice/array with nil")
    if known.kind is not Kind.INT:
        raise ValueError(f"cannot index slice/array with type {known.name}")
    if not 0 <= index <= limit:
        raise ValueError(f"index out of range: {index}")
    return int(index)


def _index(item: Any, *indexes: Any) -> Any:
    """The element of the element ... of a list, map or string."""
    if item is None:
        raise ValueError("index of untyped nil")
    for index in indexes:
        known = go_type(item)
        if known.kind in (Kind.LIST, Kind.STRING):
            sequence = encode(item) if known.kind is Kind.STRING else item
            position = _position(index, len(sequence))
            if position == len(sequence):
                raise ValueError(f"reflect: {_INDEXED[known.kind]} index out of range")
            item = sequence[position]
        elif known.kind is Kind.MAP:
            item = _element(item, index)
        elif known.kind is Kind.NIL:
            raise ValueError("index of nil pointer")
        else:
            raise ValueError(f"can't index item of type {known.name}")
    return item


_INDEXED = {Kind.LIST: "slice", Kind.STRING: "string"}


def _element(mapping: Mapping[Any, Any], key: Any) -> Any:
    known = go_type(key)
    if known.kind is Kind.NIL:
        raise ValueError("value is nil; should be of type string")
    expected = go_type(next(iter(mapping), ""))
    if known.kind is not expected.kind:
        raise ValueError(f"value has type {known.name}; should be {expected.name}")
    return mapping.get(key, go_type(mapping).zero)


def _slice(item: Any, *indexes: Any) -> Any:
    """Go's `item[i:j]`, of bytes where the item is a string."""
    known = go_type(item)
    if known.kind is Kind.NIL:
        raise ValueError("slice of untyped nil")
    if len(indexes) > 3:
        raise ValueError(f"too many slice indexes: {len(indexes)}")
    if known.kind is Kind.STRING and len(indexes) == 3:
        raise ValueError("cannot 3-index slice a string")
    if known.kind not in (Kind.LIST, Kind.STRING):
        raise ValueError(f"can't slice item of type {known.name}")
    sequence = encode(item) if known.kind is Kind.STRING else item
    bounds = [_position(index, len(sequence)) for index in indexes]
    start, stop = (*bounds, *(0, len(sequence))[len(bounds) :])[:2]
    if start > stop:
        raise ValueError(f"invalid slice index: {start} > {stop}")
    if len(bounds) == 3 and stop > bounds[2]:
        raise ValueError(f"invalid slice index: {stop} > {bounds[2]}")
    part = sequence[start:stop]
    return type(item)(decode(part)) if isinstance(part, bytes) else part


def _equal(first: Any, *others: Any) -> bool:
    """Whether the first equals any of the others."""
    if not others:
        raise ValueError("missing argument for comparison")
    return any(_same(first, other) for other in others)


def _same(a: Any, b: Any) -> bool:
    if type(a) is str and type(b) is str:
        return a == b
    a_type, b_type = go_type(a), go_type(b)
    a_kind = a_type.kind if a_type.kind in BASIC else None
    b_kind = b_type.kind if b_type.kind in BASIC else None
    if a_kind is not b_kind:
        if a is None or b is None:
            return False
        raise ValueError(f"incompatible types for comparison: {a_type.name} and {b_type.name}")
    if a_kind is None:
        if a is None or b is None:
            return a is b
        if a_type.kind is not b_type.kind:
            shown = sprintf("%s", a), sprint(b)
            raise ValueError(f"non-comparable types {shown[0]}: {a_type.name}, {b_type.name}: {shown[1]}")
        if a_type.kind is not Kind.STRUCT:
            raise ValueError(f"non-comparable type {sprintf('%s', b)}: {b_type.name}")
    return bool(a == b)


def _differ(a: Any, b: Any) -> bool:
    return not _equal(a, b)


def _less(a: Any, b: Any) -> bool:
    a_type, b_type = go_type(a), go_type(b)
    if a_type.kind not in BASIC or b_type.kind not in BASIC:
        raise ValueError("invalid type for comparison")
    if a_type.kind is not b_type.kind:
        raise ValueError(f"incompatible types for comparison: {a_type.name} and {b_type.name}")
    if a_type.kind not in _ORDERED:
        raise ValueError("invalid type for comparison")
    return bool(a < b)


def _less_or_equal(a: Any, b: Any) -> bool:
    return _less(a, b) or _same(a, b)


def _call(function: Any, *arguments: Any) -> Any:
    """A function that is a value."""
    if function is None:
        raise ValueError("call of nil")
    known = go_type(function)
    if known.kind is not Kind.FUNC:
        raise ValueError(f"non-function {sprint(function)} of type {known.name}")
    target = function_of(function, getattr(function, "__name__", "function"))
    if target.arity_error(len(arguments)):
        minimum = f"{'at least ' if target.rest else ''}{len(target.parameters)}"
        raise ValueError(f"wrong number of args for {target.name}: got {len(arguments)} want {minimum}")
    for i, argument in enumerate(arguments):
        wanted = target.parameter(i)
        if not wanted.accepts(argument):
            raise ValueError(f"arg {i}: value has type {go_type(argument).name}; should be {wanted.type_name}")
    return target.call(*arguments)


def _never(*_arguments: Any) -> Any:
    raise AssertionError("the executor evaluates and/or itself")


_CALLS: dict[str, Callable[..., Any]] = {
    "not": _not,
    "len": _length,
    "index": _index,
    "slice": _slice,
    "print": sprint,
    "printf": sprintf,
    "println": sprintln,
    "html": lambda *values: escape_html(_text(values)),
    "js": lambda *values: escape_js(_text(values)),
    "urlquery": lambda *values: escape_query(_text(values)),
    "eq": _equal,
    "ne": _differ,
    "lt": _less,
    "le": _less_or_equal,
    "gt": lambda a, b: not _less_or_equal(a, b),
    "ge": lambda a, b: not _less(a, b),
    "call": _call,
}

BUILTINS: Final[Mapping[str, Function]] = {
    **{name: function_of(call, name) for name, call in _CALLS.items()},
    **{name: Function(name, _never, (ANYTHING,), ANYTHING) for name in SHORT_CIRCUIT},
}
