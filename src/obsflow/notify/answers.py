"""What a receiver sent back, and the members of its JSON, read as strictly as Go's decoder reads them."""

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import attrs

_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,12}")
_SPACE: Final = " \t\r\n"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)


@attrs.frozen
class Answer:
    """A receiver's answer to one request. For mail `status_code` is the SMTP reply code."""

    status_code: int
    body: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def header(self, name: str) -> str:
        """The value of a header, whatever the case of its name; empty if there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")

    @property
    def retry_after_ms(self) -> int:
        """What its header Retry-After asks for (RFC 9110 10.2.3), in seconds or as a date after that of the answer."""
        value = self.header("Retry-After")
        if _SECONDS.fullmatch(value):
            return max(0, int(value) * 1000)
        try:
            # the date is by the receiver's clock, and so is the one to subtract
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(self.header("Date"))
        except (TypeError, ValueError):
            return 0
        return max(0, round(wait.total_seconds() * 1000))


def parse_json(text: str, *, ignore_rest: bool = False) -> Any:
    """A JSON document, or the first of a stream of them. Raises ValueError."""
    try:
        value, end = _DECODER.raw_decode(text.lstrip(_SPACE))
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    if not ignore_rest and text.lstrip(_SPACE)[end:].strip(_SPACE):
        raise ValueError("invalid character after top-level value")
    return value


def read_members(text: str, kinds: Mapping[str, type], *, ignore_rest: bool = False) -> dict[str, Any] | None:
    """The members of a JSON object that `kinds` names, each of its kind; None where the text is no such object.

    A member that is absent or null is the kind's empty value, and so is each of a null document.
    """
    try:
        value = parse_json(text, ignore_rest=ignore_rest)
    except ValueError:
        return None
    return pick_members({} if value is None else value, kinds)


def pick_members(value: Any, kinds: Mapping[str, type]) -> dict[str, Any] | None:
    """Like `read_members`, of a value that was parsed already."""
    if not isinstance(value, dict):
        return None
    found = {name: kind() for name, kind in kinds.items()}
    by_lower = {name.lower(): name for name in kinds}
    for key, item in value.items():
        name = key if key in kinds else by_lower.get(key.lower(), "")
        if not name or item is None:
            continue
        if type(item) is not kinds[name]:
            return None
        found[name] = item
    return found


def texts_of(items: list[Any]) -> list[str] | None:
    """A list that may hold only texts; null is an empty one."""
    if not all(item is None or isinstance(item, str) for item in items):
        return None
    return [item or "" for item in items]
