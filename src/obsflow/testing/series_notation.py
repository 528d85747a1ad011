"""The notation of series in tests: labels, and values such as `0+10x5 _ stale NaN`."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

import attrs

from obsflow.errors import QuerySyntaxError
from obsflow.model.durations import parse_duration
from obsflow.model.floats import STALE_NAN
from obsflow.model.labels import Labels
from obsflow.model.matchers import MatchOp
from obsflow.promql.cursor import Cursor
from obsflow.promql.dialect import Dialect
from obsflow.promql.literals import parse_duration_seconds, parse_number
from obsflow.promql.selectors import parse_selector

_MAX_VALUES: Final = 1_000_000
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`"
_METRIC = re.compile(rf"(?:{_NAME}\s*)?\{{(?:[^\"'`{{}}]|{_QUOTED})*\}}|{_NAME}")

_DIGITS = r"\d(?:_?\d)*"
_DURATION = r"(?:\d+(?:ms|[smhdwy]))+"
_NUMBER = rf"(?:{_DURATION}|(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?)"
_HISTOGRAM = r"\{\{[^{}]*\}\}"
_SEPARATED = re.compile(rf"(?:{_HISTOGRAM}|[^\s{{}}])+")
_BLANKS = re.compile(r"_(?:x(?P<count>\d+))?", re.ASCII)
_SPECIAL = re.compile(r"[+-]?(?:inf|nan)|stale", re.IGNORECASE)
_NUMBERS = re.compile(rf"(?P<first>[+-]?{_NUMBER})(?:(?P<change>[+-]{_NUMBER})?x(?P<count>\d+))?", re.ASCII)
_HISTOGRAMS = re.compile(rf"{_HISTOGRAM}(?:(?:[+-]{_HISTOGRAM})?x(?P<count>\d+))?", re.ASCII)
_SPAN = r"(?:0|\d+(?:ms|[smhdwy]))"
_OFFSETS = re.compile(rf"(?P<first>[+-]?{_SPAN})(?:(?P<change>[+-][+-]?{_SPAN})?x(?P<count>\d+))?", re.ASCII)

_T = TypeVar("_T")


@attrs.frozen
class Histogram:
    """A native histogram as it was written: it is known to be one, and not read."""

    text: str


Value = float | Histogram | None
"""A sample, or None for none."""


@attrs.frozen
class Series:
    """Labels and one value a step."""

    labels: Labels
    values: tuple[Value, ...]

    @property
    def has_histograms(self) -> bool:
        """Whether any value is a native histogram."""
        return any(isinstance(value, Histogram) for value in self.values)


@attrs.frozen
class StartTimes:
    """How long before each sample of the series its counter started: ms to add to its time, None where unknown."""

    labels: Labels
    offsets: tuple[int | None, ...]


def parse_series(text: str) -> Series | StartTimes:
    """A line such as `up{job="a"} 1x5`, or `up{job="a"}@st -1mx5`. Raises ValueError."""
    metric = _METRIC.match(text)
    if metric is None:
        raise ValueError(f"not a series: {text}")
    labels = _parse_labels(metric[0].strip())
    rest = text[metric.end() :]
    if rest.startswith("@st"):
        return StartTimes(labels, tuple(_expand(rest[3:], _parse_offsets)))
    return Series(labels, tuple(_expand(rest, _parse_values)))


def parse_value(text: str) -> float:
    """One number; a duration counts as its seconds. Raises ValueError."""
    sign, magnitude = (text[:1], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if magnitude == "stale" and not sign:
        return float(STALE_NAN)
    if re.fullmatch(_DURATION, magnitude, re.ASCII):
        value = parse_duration_seconds(magnitude)
    elif re.fullmatch(rf"{_NUMBER}|(?i:inf|nan)", magnitude, re.ASCII):
        value = parse_number(magnitude)
    else:
        raise ValueError(f"not a number: {text}")
    return -value if sign == "-" else value


def _parse_labels(text: str) -> Labels:
    cursor = Cursor(text, Dialect.promqltest)
    try:
        selector = parse_selector(cursor)
    except QuerySyntaxError as error:
        raise ValueError(f"not a series: {error.message}: {text}") from None
    names = [matcher.name for matcher in selector.matchers]
    if not cursor.is_at_end() or any(matcher.op is not MatchOp.EQUAL for matcher in selector.matchers):
        raise ValueError(f"not the labels of a series: {text}")
    if len(set(names)) < len(names):
        raise ValueError(f"a label is there twice: {text}")
    return Labels((matcher.name, matcher.value) for matcher in selector.matchers)


def _expand(text: str, parse_item: Callable[[str, int], Iterable[_T]]) -> Iterator[_T]:
    """What the items of a sequence stand for. An item is told how much room there is."""
    position = total = 0
    for item in _SEPARATED.finditer(text):
        if item.start() == position or text[position : item.start()].strip():
            break
        position = item.end()
        for value in parse_item(item[0], _MAX_VALUES - total):
            total += 1
            yield value
    if text[position:].strip():
        raise ValueError(f"not a value of a series: {text[position:].strip()}")


def _parse_values(item: str, room: int) -> Iterable[Value]:
    if match := _BLANKS.fullmatch(item):
        return (None,) * _count(item, match["count"] or "1", room)
    if _SPECIAL.fullmatch(item):
        return (parse_value(item),)
    if match := _HISTOGRAMS.fullmatch(item):
        return (Histogram(item),) * (1 + _count(item, match["count"] or "0", room))
    if match := _NUMBERS.fullmatch(item):
        count = _count(item, match["count"] or "0", room)
        return _count_up(parse_value(match["first"]), parse_value(match["change"] or "0"), count)
    raise ValueError(f"not a value of a series: {item}")


def _parse_offsets(item: str, room: int) -> Iterable[int | None]:
    if match := _BLANKS.fullmatch(item):
        return (None,) * _count(item, match["count"] or "1", room)
    if match := _OFFSETS.fullmatch(item):
        count = _count(item, match["count"] or "0", room)
        first, change = _parse_span(match["first"]), match["change"] or "+0"
        by = _parse_span(change[1:]) if change[0] == "+" else -_parse_span(change[1:])
        return (first + i * by for i in range(count + 1))
    raise ValueError(f"not a start timestamp: {item}")


def _parse_span(text: str) -> int:
    """A duration with a sign."""
    return -parse_duration(text[1:]) if text[0] == "-" else parse_duration(text.removeprefix("+"))


def _count(item: str, digits: str, room: int) -> int:
    count = int(digits) if len(digits) < 10 else room
    if count >= room:
        raise ValueError(f"a series has more than {_MAX_VALUES} values: {item}")
    return count


def _count_up(value: float, change: float, count: int) -> Iterator[float]:
    """`count` + 1 values. Each is the one before plus the change, so that it is rounded as it is in Prometheus."""
    for _ in range(count + 1):
        yield value
        value += change
