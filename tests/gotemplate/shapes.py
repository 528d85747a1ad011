"""Data and functions that the recorded cases were executed with, as Go's types look from Python."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import attrs

from obsflow.gotemplate.content import HTML, URL
from obsflow.gotemplate.templates import TemplateSet
from obsflow.gotemplate.times import Duration, Month, Time, parse_time
from obsflow.gotemplate.values import go_type


class Strings(list):
    __gotype__ = "[]string"


class KV(dict):
    __gotype__ = "main.KV"
    __goelem__ = ""
    __gomethods__: ClassVar = {"SortedPairs": "sorted_pairs", "Remove": "remove"}

    def sorted_pairs(self):
        return Pairs(Pair(name, value) for name, value in sorted(self.items()))

    def remove(self, names: list[str]):
        return KV({name: value for name, value in self.items() if name not in names})


@attrs.frozen
class Pair:
    name: str
    value: str

    __gotype__ = "main.Pair"
    __gofields__: ClassVar = {"Name": "name", "Value": "value"}


class Pairs(list):
    __gotype__ = "main.Pairs"
    __gomethods__: ClassVar = {"Names": "names"}

    def names(self):
        return Strings(pair.name for pair in self)


class Alerts(list):
    __gotype__ = "[]main.Alert"


@attrs.frozen
class Alert:
    status: str
    labels: KV
    starts_at: Time
    url: str
    value: float
    count: int
    age: Duration
    anything: object

    __gotype__ = "main.Alert"
    __gofields__: ClassVar = {
        "Status": "status",
        "Labels": "labels",
        "StartsAt": "starts_at",
        "URL": "url",
        "Value": "value",
        "Count": "count",
        "For": "age",
        "Any": "anything",
    }


@attrs.frozen
class Data:
    receiver: str
    alerts: Alerts
    labels: KV
    secret: str = "hidden"

    __gotype__ = "main.Data"
    __gofields__: ClassVar = {"Receiver": "receiver", "Alerts": "alerts", "Labels": "labels"}
    __gomethods__: ClassVar = {"Greet": "greet", "Fail": "fail", "Half": "half"}

    def greet(self, name: str, n: int) -> str:
        return f"{name}-{n}"

    def fail(self) -> str:
        raise ValueError("failed on purpose")

    def half(self, number: float) -> float:
        return number / 2


def sample() -> Data:
    """A notification of two alerts."""
    start = Time(1_767_323_045_123_456_789)
    hour = 3_600_000_000_000
    firing = KV(alertname="A", severity="critical")
    return Data(
        "team",
        Alerts(
            [
                Alert(
                    "firing", firing, start, "http://p/graph?g0.expr=a+b&x=1#t", 1.5e6, 3, Duration(1.5 * hour), None
                ),
                Alert("resolved", KV(alertname="B<b>"), Time(), "javascript:alert(1)", 0.25, 0, Duration(0), "x"),
            ]
        ),
        KV(job="api", q="\"a'&"),
    )


_TAGGED = {
    "$int": int,
    "$dur": Duration,
    "$time": Time,
    "$html": HTML,
    "$url": URL,
    "$strs": Strings,
    "$kv": KV,
}


def from_json(value: Any) -> Any:
    """Recorded data: numbers are floats, other types are tagged."""
    if isinstance(value, dict):
        for tag, build in _TAGGED.items():
            if tag in value:
                return build(value[tag])
        return {key: from_json(element) for key, element in value.items()}
    if isinstance(value, list):
        return [from_json(element) for element in value]
    return float(value) if type(value) is int else value


def to_upper(text: str) -> str:
    return text.upper()


def join(separator: str, texts: list[str]) -> str:
    return separator.join(texts)


def string_slice(*texts: str) -> Strings:
    return Strings(texts)


def safe_html(text: str) -> HTML:
    return HTML(text)


def safe_url(text: str) -> URL:
    return URL(text)


def add_one(number: float) -> float:
    return number + 1


def double(number: int) -> int:
    return 2 * number


def boom() -> str:
    raise ValueError("boom")


def show_bool(flag: bool) -> str:
    return "true" if flag else "false"


def type_name(value: Any) -> str:
    return "<nil>" if value is None else go_type(value).name


FUNCTIONS = {
    "toUpper": to_upper,
    "join": join,
    "stringSlice": string_slice,
    "safeHtml": safe_html,
    "safeUrl": safe_url,
    "add1": add_one,
    "dbl": double,
    "yes": lambda: True,
    "boom": boom,
    "fn": lambda: to_upper,
    "month": lambda: Month(3),
    "fl": show_bool,
    "anyf": type_name,
    "toDate": parse_time,
}


def templates(*, html: bool = False, **options: Any) -> TemplateSet:
    """A set with the functions of the recorded cases."""
    return TemplateSet(FUNCTIONS, html=html, **options)


def read_cases(path) -> Iterator[dict[str, Any]]:
    """The cases of a file, one a line."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
