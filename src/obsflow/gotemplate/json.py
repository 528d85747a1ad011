"""Values as Go's encoding/json writes them: map keys sorted, characters that mean something to HTML escaped."""

import math
import re
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any

from obsflow.gotemplate.times import Time
from obsflow.gotemplate.values import Kind, go_type, sorted_items
from obsflow.model.floats import render_float, render_float_g

_ESCAPES = tuple((c, f"\\u{ord(c):04x}") for c in "<>&\u2028\u2029")
_SURROGATE = re.compile("[\ud800-\udfff]")
_RFC3339 = "2006-01-02T15:04:05.999999999Z07:00"


def encode_json(value: Any) -> str:
    """The JSON text of a value. Raises ValueError for what JSON does not have.

    A class names its members by `__gojson__`, which leads from the JSON name to the attribute; without it the names
    of its Go fields are taken.
    """
    if isinstance(value, Time):
        return _encode_time(value)
    known = go_type(value)
    match known.kind:
        case Kind.NIL:
            return "null"
        case Kind.BOOL:
            return "true" if value else "false"
        case Kind.INT:
            return str(int(value))
        case Kind.FLOAT:
            return _encode_float(value)
        case Kind.STRING:
            return _encode_string(value)
        case Kind.LIST:
            return f"[{','.join(map(encode_json, value))}]"
        case Kind.MAP:
            return _encode_members(sorted_items(value))
        case Kind.STRUCT:
            members: Mapping[str, str] = getattr(type(value), "__gojson__", known.fields)
            return _encode_members([(name, getattr(value, attribute)) for name, attribute in members.items()])
    raise ValueError(f"json: unsupported type: {known.name}")


def _encode_members(members: list[tuple[Any, Any]]) -> str:
    return f"{{{','.join(f'{_encode_string(str(name))}:{encode_json(value)}' for name, value in members)}}}"


def _encode_time(time: Time) -> str:
    text = time.format(_RFC3339)
    if text[0] == "-" or text[4] != "-":
        problem = "Time.MarshalJSON: year outside of range [0,9999]"
        raise ValueError(f"json: error calling MarshalJSON for type time.Time: {problem}")
    return f'"{text}"'


def _encode_float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"json: unsupported value: {render_float_g(value)}")
    if value and (abs(value) < 1e-6 or abs(value) >= 1e21):
        return render_float_g(value, exponent_from=21).replace("e-0", "e-")
    return render_float(value)


def _encode_string(text: str) -> str:
    return escape_strings(encode_basestring(text))


def escape_strings(document: str) -> str:
    """A JSON text whose strings lack only the escapes that Go adds: outside of strings there is nothing to escape.

    What is no character is U+FFFD.
    """
    if not document.isascii():
        document = _SURROGATE.sub("\ufffd", document)
    for character, escape in _ESCAPES:  # one by one: where there is none, as mostly, that is the fastest
        document = document.replace(character, escape)
    return document
