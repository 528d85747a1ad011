"""The functions of rule templates, under the names and with the results that Prometheus gives them."""

import ipaddress
import math
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import attrs

from obsflow.gotemplate.builtins import escape_query
from obsflow.gotemplate.times import SECOND, Duration, Time
from obsflow.gotemplate.values import go_type
from obsflow.model.durations import parse_duration
from obsflow.model.floats import parse_go_float, render_float_g
from obsflow.model.labels import Labels, quote
from obsflow.model.regex import Regex
from obsflow.rules import humanize as people

_INT64: Final = float(1 << 63)
_INSIDE_WORDS: Final = "'.:\u00b7\u2019"  # part of a word where another letter follows

Query = Callable[[str, int], Sequence[tuple[Labels, float]]]


@attrs.frozen
class Moment:
    """What a template's functions ask about: the time of the evaluation (ms), the server's address, and its data."""

    time: int
    external_url: str
    query: Query


MOMENT: ContextVar[Moment] = ContextVar("MOMENT")
"""Set while a template is executed."""


@attrs.frozen
class QuerySample:
    """A sample of a query's result as templates see it."""

    __gotype__: ClassVar[str] = "*template.sample"
    __gofields__: ClassVar[Mapping[str, str]] = {"Labels": "labels", "Value": "value"}

    labels: Labels
    value: float


class QueryResult(tuple[QuerySample, ...]):
    """The result of a query as templates see it."""

    __slots__ = ()
    __gotype__ = "template.queryResult"


def _query(text: str) -> QueryResult:
    moment = MOMENT.get()
    return QueryResult(QuerySample(labels, value) for labels, value in moment.query(text, moment.time))


def _first(result: QueryResult) -> QuerySample:
    if not result:
        raise ValueError("first() called on vector with no elements")
    return result[0]


def _label(name: str, sample: QuerySample) -> str:
    return sample.labels.get(name)


def _value(sample: QuerySample) -> Any:
    return sample.value


def _strvalue(sample: QuerySample) -> str:
    return sample.labels.get("__value__")


def _sort_by_label(name: str, result: QueryResult) -> QueryResult:
    return QueryResult(sorted(result, key=lambda sample: sample.labels.get(name)))


def _args(*values: Any) -> Mapping[str, Any]:
    return {f"arg{i}": value for i, value in enumerate(values)}


def _replace_all(pattern: str, replacement: str, text: str) -> str:
    return Regex(pattern).replace_all(replacement, text)


def _match(pattern: str, text: str) -> bool:
    return Regex(pattern).search(text)


def _safe_html(text: str) -> str:
    return text  # nothing is escaped here anyway


def _title(text: str) -> str:
    """The first letter of each word in title case; the rest stays. A digit does not use up the first letter."""
    out = []
    is_titled = False
    for i, c in enumerate(text):
        out.append(c if is_titled else c.title())
        in_word = c.isalnum() or c == "_" or (c in _INSIDE_WORDS and text[i + 1 : i + 2].isalnum())
        is_titled = in_word and (is_titled or c.isalpha())
    return "".join(out)


def _to_upper(text: str) -> str:
    return "".join(_one(c, c.upper(), c.title()) for c in text)


def _to_lower(text: str) -> str:
    return "".join(c.lower()[:1] for c in text)


def _one(char: str, *candidates: str) -> str:
    """Go maps character by character, and leaves one alone that becomes several."""
    return next((each for each in candidates if len(each) == 1), char)


def _split_host_port(text: str) -> tuple[str, str] | None:
    """Host and port, as Go's `net.SplitHostPort` splits; None where it fails."""
    host, colon, port = text.rpartition(":")
    if not colon:
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    return None if any(bracket in host + port for bracket in "[]") else (host, port)


def _strip_port(address: str) -> str:
    split = _split_host_port(address)
    return address if split is None else split[0]


def _strip_domain(address: str) -> str:
    host, port = _split_host_port(address) or (address, "")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        first = host.split(".")[0]
        joined = f"[{first}]" if ":" in first else first
        return f"{joined}:{port}" if port else first
    return address


def _graph_link(expr: str) -> str:
    return f"/graph?g0.expr={escape_query(expr)}&g0.tab=0"


def table_link(expr: str) -> str:
    """The path of the page that shows a query's result as a table."""
    return f"/graph?g0.expr={escape_query(expr)}&g0.tab=1"


def _external_url() -> str:
    return MOMENT.get().external_url


def _path_prefix() -> str:
    return urlsplit(MOMENT.get().external_url).path


def _now() -> float:
    return MOMENT.get().time / 1000


def _parse_duration(text: str) -> float:
    return -parse_duration(text[1:]) / 1000 if text.startswith("-") else parse_duration(text) / 1000


def _to_duration(seconds: float) -> Duration:
    if not math.isfinite(seconds):
        raise ValueError("value is NaN or Inf")
    if abs(seconds * SECOND) >= _INT64:
        raise ValueError(f"{render_float_g(seconds)} cannot be represented as a duration since it overflows int64")
    return Duration(seconds * SECOND)


def _to_time(seconds: float) -> Time:
    return Time.from_ms(people.to_milliseconds(seconds))


def _to_float(value: Any) -> float:
    if isinstance(value, Duration):
        return value.seconds()
    if isinstance(value, str):
        try:
            return parse_go_float(value)
        except ValueError:
            raise ValueError(f"strconv.ParseFloat: parsing {quote(value)}: invalid syntax") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        kind = "<nil>" if value is None else go_type(value).name
        raise TypeError(f"can't convert {kind} to float")
    return float(value)


def _of_number(function: Callable[[float], Any]) -> Callable[[Any], Any]:
    """The function with an argument that may be any number, or the text of one."""

    def call(value: Any) -> Any:
        return function(_to_float(value))

    return call


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "args": _args,
    "externalURL": _external_url,
    "first": _first,
    "graphLink": _graph_link,
    "humanize": _of_number(people.humanize),
    "humanize1024": _of_number(people.humanize_1024),
    "humanizeDuration": _of_number(people.humanize_duration),
    "humanizePercentage": _of_number(people.humanize_percentage),
    "humanizeTimestamp": _of_number(people.humanize_timestamp),
    "label": _label,
    "match": _match,
    "now": _now,
    "parseDuration": _parse_duration,
    "pathPrefix": _path_prefix,
    "query": _query,
    "reReplaceAll": _replace_all,
    "safeHtml": _safe_html,
    "sortByLabel": _sort_by_label,
    "stripDomain": _strip_domain,
    "stripPort": _strip_port,
    "strvalue": _strvalue,
    "tableLink": table_link,
    "title": _title,
    "toDuration": _of_number(_to_duration),
    "toLower": _to_lower,
    "toTime": _of_number(_to_time),
    "toUpper": _to_upper,
    "urlQueryEscape": escape_query,
    "value": _value,
}
"""All functions besides those that every Go template knows."""
