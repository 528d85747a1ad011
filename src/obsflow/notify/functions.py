"""The functions that Alertmanager gives its templates."""

import math
import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from obsflow.gotemplate.content import HTML, URL
from obsflow.gotemplate.json import encode_json
from obsflow.gotemplate.printf import sprint, sprintf
from obsflow.gotemplate.times import Duration, Time, parse_time
from obsflow.model.floats import parse_go_float
from obsflow.model.labels import quote
from obsflow.model.regex import Regex
from obsflow.notify.go_base64 import decode_url_base64, encode_url_base64
from obsflow.notify.go_durations import parse_go_nanoseconds

_WORD = re.compile(r"\w+(?:['.:\u00b7\u2019]\w+)*")
_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

ROUTE_LABELS = "routeLabels"


def build_functions(now: Callable[[], Time], route_label: Callable[[str], str]) -> Mapping[str, Callable[..., Any]]:
    """The functions by name.

    `now` supplies the time of the notification that is being rendered, `route_label` a label of its route by name.
    """

    def since(time: Time) -> Duration:
        return now().sub(time)

    def find_route_label(name: str) -> str:
        return route_label(name)

    return {**_FUNCTIONS, "now": now, "since": since, ROUTE_LABELS: find_route_label}


def _to_upper(text: str) -> str:
    return "".join(map(_upper, text))


def _to_lower(text: str) -> str:
    return "".join(c.lower()[0] for c in text)


def _upper(c: str) -> str:
    """The character's simple mapping: where the full one has several characters, its title case or itself."""
    return next((mapped for mapped in (c.upper(), c.title()) if len(mapped) == 1), c)


def _title(text: str) -> str:
    return _WORD.sub(lambda match: _title_word(match[0]), text)


def _title_word(word: str) -> str:
    """The word with its first cased character in title case, and what follows it in lower case."""
    first = next((i for i, c in enumerate(word) if c.lower() != c.upper()), len(word))
    head, tail = word[first : first + 1], word[first:]
    # lowered as a whole, because a sigma at the end of a word is another letter
    return word[:first] + head.title() + tail.lower()[len(head.lower()) :]


def _trim_space(text: str) -> str:
    return text.strip(_SPACES)


def _join(separator: str, items: Any) -> str:
    if items is None:
        return ""
    if not isinstance(items, (list, tuple)):
        raise TypeError(f"join expects a slice or array, got {sprintf('%T', items)}")
    return separator.join([sprint(item) for item in items])


def _match(pattern: str, text: str) -> bool:
    return Regex(pattern).search(text)


def _replace_all(pattern: str, replacement: str, text: str) -> str:
    return Regex(pattern).replace_all(replacement, text)


class _StringSlice(tuple[str, ...]):
    """A list of texts."""

    __slots__ = ()
    __gotype__: ClassVar[str] = "[]string"


def _string_slice(*texts: str) -> _StringSlice:
    return _StringSlice(texts)


def _safe_html(text: str) -> HTML:
    return HTML(text)


def _safe_url(text: str) -> URL:
    return URL(text)


def _url_unescape(text: str) -> str:
    if bad := _BAD_ESCAPE.search(text):
        raise ValueError(f'invalid URL escape "{text[bad.start() : bad.start() + 3]}"')
    return unquote_plus(text, errors="surrogateescape")


def _date(layout: str, time: Time) -> str:
    return time.format(layout)


def _tz(name: str, time: Time) -> Time:
    if name in ("", "UTC", "Local"):
        return time.utc()
    try:
        return time.in_zone(zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name}") from None


def _to_date(layout: str, text: str) -> Time:
    try:
        return parse_time(layout, text)
    except ValueError:
        return Time()


def _add_duration(duration: str, time: Time) -> int:
    return time.add(Duration(parse_go_nanoseconds(duration))).unix_milli()


def _base64_encode(text: str) -> str:
    return encode_url_base64(text.encode("utf-8", "surrogateescape"))


def _base64_decode(text: str) -> str:
    return decode_url_base64(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _list(*items: Any) -> list[Any]:
    return list(items)


def _append(items: Sequence[Any], *more: Any) -> list[Any]:
    return [*items, *more]


def _dict(*values: Any) -> dict[str, Any]:
    if len(values) % 2:
        raise ValueError("dict requires an even number of arguments")
    if not all(isinstance(key, str) for key in values[::2]):
        raise ValueError("dict keys must be strings")
    return dict(zip(values[::2], values[1::2], strict=True))


def humanize_duration(value: Any) -> str:
    """Seconds (a number, a numeric text or a duration) as `1d 2h 3m 4s`, or with four digits below a minute."""
    seconds = value.seconds() if isinstance(value, Duration) else _to_float(value)
    if not math.isfinite(seconds):
        return "NaN" if math.isnan(seconds) else "+Inf" if seconds > 0 else "-Inf"
    if abs(seconds) >= 1:
        return _humanize_long(seconds)
    prefix = ""
    for prefix in ("", "m", "u", "n", "p", "f", "a", "z", "y"):
        if abs(seconds) >= 1 or not seconds or prefix == "y":
            break
        seconds *= 1000
    return f"{seconds:.4g}{prefix}s"


def _humanize_long(seconds: float) -> str:
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    minutes, whole = divmod(int(seconds), 60)
    if not minutes:
        return f"{sign}{seconds:.4g}s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (whole, "s"))
    first = next(i for i, (count, _) in enumerate(parts) if count)
    return sign + " ".join(f"{count}{unit}" for count, unit in parts[first:])


def _to_float(value: Any) -> float:
    if isinstance(value, (bool, HTML, URL)) or not isinstance(value, (int, float, str)):
        raise TypeError(f"can't convert {sprintf('%T', value)} to float")
    if not isinstance(value, str):
        return float(value)
    try:
        return parse_go_float(value)
    except ValueError:
        raise ValueError(f"strconv.ParseFloat: parsing {quote(value)}: invalid syntax") from None


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "toUpper": _to_upper,
    "toLower": _to_lower,
    "title": _title,
    "trimSpace": _trim_space,
    "join": _join,
    "match": _match,
    "reReplaceAll": _replace_all,
    "stringSlice": _string_slice,
    "safeHtml": _safe_html,
    "safeUrl": _safe_url,
    "urlUnescape": _url_unescape,
    "date": _date,
    "tz": _tz,
    "humanizeDuration": humanize_duration,
    "toDate": _to_date,
    "mustToDate": parse_time,
    "addDuration": _add_duration,
    "toJson": encode_json,
    "base64encode": _base64_encode,
    "base64decode": _base64_decode,
    "list": _list,
    "append": _append,
    "dict": _dict,
}
