"""Structures whose texts are templates: a webhook's payload, the details of a PagerDuty event."""

import json
from collections.abc import Callable
from typing import Any

from obsflow.errors import ConfigError
from obsflow.schema import compose
from obsflow.schema.nodes import to_plain


def render_structure(value: Any, text: Callable[[str], str]) -> Any:
    """A copy of plain data in which every text, keys too, was executed as a template.

    A text that comes out as a JSON document, or as one of YAML other than a text, becomes what the document says, and
    is not looked into again.
    """
    match value:
        case str():
            return _parse_rendered(text(value))
        case list() | tuple():
            return [render_structure(item, text) for item in value]
        case dict():
            return {text(key): render_structure(item, text) for key, item in value.items()}
        case _:
            return value


def _parse_rendered(rendered: str) -> Any:
    try:
        document = compose(rendered, "", is_loose=True)
    except ConfigError:
        return rendered
    if document.problems:
        return rendered
    plain = to_plain(document.root)
    # YAML would take a comment or a line break out of a text that has no quotes
    return rendered if isinstance(plain, str) and not _is_json(rendered) else plain


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
