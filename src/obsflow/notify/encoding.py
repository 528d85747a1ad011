"""JSON as Go's encoding/json writes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from obsflow.model.floats import render_float_g

_ESCAPES: dict[int, str] = {code: f"\\u{code:04x}" for code in (*range(0x20), *map(ord, "<>&\u2028\u2029"))}
_ESCAPES |= {ord(c): f"\\{letter}" for c, letter in zip('"\\\n\r\t', '"\\nrt', strict=True)}
_ESCAPES |= dict.fromkeys(range(0xD800, 0xE000), "\\ufffd")  # what was no UTF-8 arrives as a lone surrogate


def encode_json(value: Any) -> str:
    """One line of JSON: keys in the order of the mapping, `<`, `>`, `&` escaped as they may stand in HTML.

    Takes None, bool, int, float, str, and sequences and string-keyed mappings of these. Raises ValueError for NaN and
    the infinities, which JSON cannot say, and TypeError for anything else.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value.translate(_ESCAPES)}"'
        case int():
            return str(int(value))
        case float():
            return _encode_float(value)
        case Mapping():
            members = (f'"{key.translate(_ESCAPES)}":{encode_json(item)}' for key, item in value.items())
            return f"{{{','.join(members)}}}"
        case Sequence():
            return f"[{','.join(map(encode_json, value))}]"
        case _:
            raise TypeError(f"json: unsupported type: {type(value).__name__}")


def encode_document(value: Any) -> str:
    """A JSON document and the newline that Go's stream encoder ends it with."""
    return encode_json(value) + "\n"


def sort_keys(value: Any) -> Any:
    """`value` with the keys of every mapping sorted, as Go encodes maps."""
    match value:
        case Mapping():
            return {key: sort_keys(value[key]) for key in sorted(value)}
        case str():
            return value
        case Sequence():
            return [sort_keys(item) for item in value]
        case _:
            return value


def omit_empty(members: Mapping[str, Any], *, keep: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The members that are not empty (`""`, False, 0, None, or nothing inside), and those named in `keep`."""
    return {name: value for name, value in members.items() if value or name in keep}


def _encode_float(value: float) -> str:
    text = render_float_g(value, exponent_from=21)
    if text.lstrip("+-")[0] in "NI":
        raise ValueError(f"json: unsupported value: {text}")
    if "e-" not in text:
        return text
    # the encoder takes an exponent below 1e-6, where `%v` has it below 1e-4, and writes it without a leading zero
    mantissa, _, digits = text.partition("e-")
    exponent = int(digits)
    if exponent > 6:
        return f"{mantissa}e-{exponent}"
    sign = "-" if mantissa.startswith("-") else ""
    return f"{sign}0.{'0' * (exponent - 1)}{mantissa.lstrip('-').replace('.', '')}"
