"""The series that a test of rules is given, and how they get into a store: no sample before its time has come."""

from collections.abc import Iterable, Iterator, Sequence

import attrs

from obsflow.errors import ConfigError, Problem
from obsflow.model.labels import Labels
from obsflow.testing.rule_tests.document import InputSeries
from obsflow.testing.series_notation import Series, StartTimes, parse_series
from obsflow.tsdb.memory import TSDB


@attrs.frozen
class _Column:
    """The samples of one time, each with the index of its series."""

    series: tuple[int, ...]
    values: tuple[float, ...]
    starts: tuple[int, ...] = ()  # ms, 0 where unknown; empty if all are


@attrs.frozen
class InputData:
    """The series of a test by the times of their samples, which are `start`, `start + interval`, ... (ms).

    `labels` are those of the series with floats, `histograms` those that have native histograms at any time.
    """

    start: int
    interval: int
    labels: tuple[Labels, ...]
    columns: tuple[_Column, ...]
    histograms: tuple[Labels, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The metric names of the series."""
        return frozenset(labels.name for labels in self.labels)


def read_input(given: Sequence[InputSeries], start: int, interval: int) -> InputData:
    """Parse the series of a test. Raises ConfigError with every problem."""
    reader = _Reader()
    problems: list[Problem] = []
    for each in given:
        try:
            reader.read(f"{each.series} {each.values}")
        except ValueError as error:
            problems.append(each.at.get("series", each.at[""]).problem("input_series", str(error)))
    if problems:
        raise ConfigError(tuple(problems))
    return reader.finish(start, interval)


def input_of(lines: Iterable[str], start: int, interval: int) -> InputData:
    """The same of lines such as `up{job="a"} 1x5`. Raises ValueError."""
    reader = _Reader()
    for line in lines:
        reader.read(line)
    return reader.finish(start, interval)


class _Reader:
    """The series of lines that are read one after the other; of two with equal labels the last counts."""

    def __init__(self) -> None:
        self._found: dict[Labels, tuple[Series, StartTimes | None]] = {}
        self._starts: StartTimes | None = None

    def read(self, line: str) -> None:
        """Take a line in. Raises ValueError."""
        one = parse_series(line)
        starts = self._starts
        if isinstance(one, StartTimes):
            self._starts = one
            return
        if starts is not None and (starts.labels != one.labels or len(starts.offsets) != len(one.values)):
            raise ValueError(f"the start timestamps of {starts.labels} are followed by other samples: {one.labels}")
        self._found[one.labels] = (one, starts)
        self._starts = None

    def finish(self, start: int, interval: int) -> InputData:
        """All that was read."""
        histograms = tuple(labels for labels, (series, _) in self._found.items() if series.has_histograms)
        columns = tuple(_columns(list(self._found.values()), start, interval))
        return InputData(start, interval, tuple(self._found), columns, histograms)


def _columns(series: Sequence[tuple[Series, StartTimes | None]], start: int, interval: int) -> Iterator[_Column]:
    for i in range(max((len(one.values) for one, _ in series), default=0)):
        there = [
            (k, value, 0 if starts is None or starts.offsets[i] is None else _started(start + i * interval, starts, i))
            for k, (one, starts) in enumerate(series)
            if i < len(one.values) and isinstance(value := one.values[i], float)
        ]
        indices, values, started = zip(*there, strict=True) if there else ((), (), ())
        yield _Column(indices, values, started if any(started) else ())


def _started(time: int, starts: StartTimes, i: int) -> int:
    return time + (starts.offsets[i] or 0)


class Loader:
    """Appends the samples of a test to a store as far as time has come."""

    def __init__(self, data: InputData, store: TSDB) -> None:
        self._data = data
        self._store = store
        self._references = [store.series(labels) for labels in data.labels]
        self._next = 0

    def load_until(self, time: int) -> None:
        """Append all samples up to and including `time` (ms) that are not there yet."""
        data = self._data
        while self._next < len(data.columns) and (at := data.start + self._next * data.interval) <= time:
            column = data.columns[self._next]
            self._next += 1
            if column.starts:
                for k, value, started in zip(column.series, column.values, column.starts, strict=True):
                    self._store.append(data.labels[k], at, value, start=started)
            else:
                self._store.append_refs([self._references[k] for k in column.series], at, column.values)

    def load_all(self) -> None:
        """Append what is left."""
        self.load_until(self._data.start + len(self._data.columns) * self._data.interval)
