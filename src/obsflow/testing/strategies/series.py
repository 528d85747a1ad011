"""A series as data that a property can look at, put into a store, and print as a test would have it."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from obsflow.model.durations import render_duration
from obsflow.model.floats import STALE_NAN, STALE_NAN_BITS, float_bits, render_float
from obsflow.model.labels import METRIC_NAME, Labels, is_label_name, is_metric_name, quote
from obsflow.testing.series_notation import Histogram, StartTimes, parse_series
from obsflow.tsdb.memory import TSDB

STALE = float(STALE_NAN)
"""The marker of a series that ended; its bits tell it from other NaN."""

_LEAST_REPEATED = 2
_MOST_BLANKS = 4
_NO_VALUE = None


def is_stale_marker(value: float) -> bool:
    """Whether a sample says that the series ended."""
    return float_bits(value) == STALE_NAN_BITS


def _bits(values: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(map(float_bits, values))


@attrs.frozen(repr=False)
class Series:
    """Labels, and samples: `times` (ms) that increase, and as many `values`. Two are equal if their bits are.

    Raises ValueError for times and values that are not like that.
    """

    labels: Labels
    times: tuple[int, ...]
    values: tuple[float, ...] = attrs.field(eq=_bits)

    def __attrs_post_init__(self) -> None:
        if len(self.times) != len(self.values):
            raise ValueError(f"{len(self.times)} times and {len(self.values)} values")
        if any(later <= earlier for earlier, later in itertools.pairwise(self.times)):
            raise ValueError("the times of a series must increase")

    @property
    def samples(self) -> tuple[tuple[int, float], ...]:
        """Times (ms) and values in pairs, stale markers and all."""
        return tuple(zip(self.times, self.values, strict=True))

    def between(self, start: int, end: int) -> tuple[float, ...]:
        """The values after `start` up to and including `end` (ms), as a range selects them: without stale markers."""
        return tuple(value for time, value in self.samples if start < time <= end and not is_stale_marker(value))

    def increase(self, start: int, end: int) -> float:
        """How much a counter grew from the first to the last sample after `start` up to and including `end` (ms).

        A value that is less than the one before is what was counted since a reset. Unlike PromQL's `increase` this
        adds nothing for the time before the first and after the last sample.
        """
        pairs = itertools.pairwise(self.between(start, end))
        return sum((later if later < earlier else later - earlier for earlier, later in pairs), 0.0)

    def notation(self, times: Iterable[int]) -> str:
        """The series in the notation of tests, one value for each of `times` (ms): `up{job="api"} 1x4 _ 0`.

        Raises ValueError if there is a sample at another time.
        """
        known = dict(self.samples)
        values = [known.pop(time, _NO_VALUE) for time in times]
        if known:
            raise ValueError(f"there is a sample at {min(known)} ms, which is none of the times")
        return " ".join((_notation_of_labels(self.labels), *_items(values)))

    def __repr__(self) -> str:
        times = _grid(self.times)
        return f"series({self.notation(times)!r}, {times!r})"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """What Hypothesis and notebooks show."""
        printer.text(repr(self))


def series(text: str, times: Sequence[int]) -> Series:
    """The series of a text such as `requests_total{status="200"} 0+10x5 _ stale 3`, one value for each of `times` (ms).

    `_` is a time without a sample. Raises ValueError.
    """
    parsed = parse_series(text)
    if isinstance(parsed, StartTimes) or any(isinstance(value, Histogram) for value in parsed.values):
        raise ValueError(f"not a series of floats: {text}")
    pairs = zip(times, parsed.values, strict=True)
    samples = [(time, value) for time, value in pairs if isinstance(value, float)]
    return Series(parsed.labels, tuple(time for time, _ in samples), tuple(value for _, value in samples))


def store(*given: Series | Iterable[Series]) -> TSDB:
    """A new store that holds these series.

    Raises StateError where two of them have the same labels and disagree.
    """
    out = TSDB()
    for each in flatten(given):
        for time, value in each.samples:
            out.append(each.labels, time, value)
    return out


def flatten(given: Iterable[Series | Iterable[Series]]) -> Iterator[Series]:
    """Each series of a list of series and of lists of them."""
    for each in given:
        if isinstance(each, Series):
            yield each
        else:
            yield from each


def render_load(given: Iterable[Series], interval_ms: int) -> str:
    """The series as the `load` command of a PromQL test script, which has a sample every `interval_ms` from time 0.

    Raises ValueError if there is a sample at another time.
    """
    every = list(given)
    end = max((each.times[-1] for each in every if each.times), default=0)
    lines = [f"  {each.notation(range(0, end + 1, interval_ms))}" for each in every]
    return "\n".join((f"load {render_duration(interval_ms)}", *lines)) + "\n"


def _grid(times: tuple[int, ...]) -> Sequence[int]:
    """A range that has all the times and few others, if there is one, else the times themselves."""
    if not times:
        return range(0)
    step = math.gcd(*(later - earlier for earlier, later in itertools.pairwise(times))) or 1
    grid = range(times[0], times[-1] + step, step)
    return grid if len(grid) <= _MOST_BLANKS * len(times) else times


def _notation_of_labels(labels: Labels) -> str:
    name = labels.name if is_metric_name(labels.name) else ""
    pairs = [
        f"{each if is_label_name(each) else quote(each)}={quote(value)}"
        for each, value in labels.pairs
        if each != METRIC_NAME or not name
    ]
    return f"{name}{{{','.join(pairs)}}}" if pairs or not name else name


def _items(values: Sequence[float | None]) -> Iterator[str]:
    """The values one after the other, with `x` for those that repeat or go up in steps."""
    at = 0
    while at < len(values):
        first = values[at]
        if first is None:
            count = next((i for i, value in enumerate(values[at:]) if value is not None), len(values) - at)
            yield "_" if count == 1 else f"_x{count}"
            at += count
            continue
        change, count = _run(values[at:])
        yield _render(first) if not count else f"{_render(first)}{_render_change(change)}x{count}"
        at += count + 1


def _run(values: Sequence[float | None]) -> tuple[float, int]:
    """The step in which the values go up or down from the first on, and how many do; 0 if it is not worth saying."""
    first, second = values[0], values[1] if len(values) > 1 else None
    if first is None or second is None or not (math.isfinite(first) and math.isfinite(second)):
        return 0.0, 0
    change = second - first
    expected, count = first, 0
    for value in values[1:]:
        expected += change
        if value is None or float_bits(value) != float_bits(expected):
            break
        count += 1
    return (change, count) if count >= _LEAST_REPEATED else (0.0, 0)


def _render(value: float) -> str:
    return "stale" if is_stale_marker(value) else render_float(value)


def _render_change(change: float) -> str:
    return "" if change == 0 else f"{'-' if change < 0 else '+'}{render_float(abs(change))}"
