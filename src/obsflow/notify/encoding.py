"""JSON documents as Alertmanager writes them: members in the order of its structs."""

from collections.abc import Mapping
from typing import Any

from obsflow.gotemplate.json import encode_json


def encode_document(value: Any) -> str:
    """A JSON document on one line, and the newline that Go's stream encoder ends it with.

    A plain dict is a struct, whose members keep their order; any other mapping is a map, whose keys are sorted.
    """
    return _encode(value) + "\n"


def _encode(value: Any) -> str:
    if type(value) is dict:
        return f"{{{','.join(f'{encode_json(name)}:{_encode(item)}' for name, item in value.items())}}}"
    if type(value) is list:
        return f"[{','.join(map(_encode, value))}]"
    return encode_json(value)


def sort_keys(value: Any) -> Any:
    """Plain data with the keys of every dict sorted, so that it is written as a map."""
    if isinstance(value, dict):
        return {name: sort_keys(value[name]) for name in sorted(value)}
    return [sort_keys(item) for item in value] if isinstance(value, list) else value


def omit_empty(members: Mapping[str, Any], *, keep: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The members that are not empty (`""`, False, 0, None, or nothing inside), and those named in `keep`."""
    return {name: value for name, value in members.items() if value or name in keep}
