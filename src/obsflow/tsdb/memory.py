"""A store in memory, cheap to append to: recorded series and alerts of a backtest, tests, synthetic data."""

import bisect
from array import array
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import NotFoundError, StateError
from obsflow.model.floats import float_bits
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher
from obsflow.model.storage import ENCODING_RAW, ENCODING_RAW_STARTS, Runs, Selection
from obsflow.tsdb.appending import Appended, Ingesting
from obsflow.tsdb.encoding import offsets_of
from obsflow.tsdb.series import SeriesTable

_COLUMN_BYTES = 8
_RUN_SAMPLES = 512
_RUN_BYTES = {columns: columns * _RUN_SAMPLES * _COLUMN_BYTES for columns in (2, 3)}
_ARENA_BYTES = 128 * _RUN_BYTES[2]
_MAX_MATCHED = 256
_BEFORE_ALL = -(1 << 63) - 1

References = Sequence[int] | npt.NDArray[np.integer]
Values = Sequence[float] | npt.NDArray[np.float64]


class _Series:
    """One series: runs of `_RUN_SAMPLES` samples that are closed, in the arenas, and the newest samples, still open.

    The samples have a column of start times from the run on in which the first of them is known.
    """

    __slots__ = ("arenas", "last", "max_times", "min_times", "positions", "sizes", "start_times", "times", "values")

    def __init__(self) -> None:
        self.last = _BEFORE_ALL
        self.times = array("q")
        self.values = array("d")
        self.start_times: array[int] | None = None
        self.arenas = array("q")
        self.positions = array("q")
        self.sizes = array("q")
        self.min_times = array("q")
        self.max_times = array("q")


class _FoundRuns:
    """The runs that are found for a selection: those in the arenas, and behind them copies of what is still open."""

    __slots__ = ("_copies", "_n_arenas", "_position", "_rows", "_with_starts")

    def __init__(self, n_arenas: int) -> None:
        self._n_arenas = n_arenas
        self._rows: list[tuple[int, int, int, int, int]] = []
        self._with_starts: list[int] = []
        self._copies: list[bytes] = []
        self._position = 0

    def add(self, series: _Series, start: int, end: int) -> int:
        """Add the runs of a series that touch `[start, end]` (ms); returns how many there are."""
        before, times = len(self._rows), series.times
        if series.max_times and series.max_times[-1] >= start:
            self._add_closed(series, bisect.bisect_left(series.max_times, start), end)
        if times and times[0] <= end and times[-1] >= start:
            last = len(times) if times[-1] <= end else bisect.bisect_right(times, end)
            self._add_open(series, bisect.bisect_left(times, start), last)
        return len(self._rows) - before

    def _add_closed(self, series: _Series, first: int, end: int) -> None:
        for k in range(first, bisect.bisect_right(series.min_times, end)):
            if series.sizes[k] == _RUN_BYTES[3]:
                self._with_starts.append(len(self._rows))
            place = (series.arenas[k], series.positions[k], series.sizes[k])
            self._rows.append((*place, series.min_times[k], series.max_times[k]))

    def _add_open(self, series: _Series, first: int, last: int) -> None:
        if first == last:
            return
        times = series.times
        self._copies += (times[first:last].tobytes(), series.values[first:last].tobytes())
        size = 2 * _COLUMN_BYTES * (last - first)
        if series.start_times is not None:
            self._copies.append(series.start_times[first:last].tobytes())
            self._with_starts.append(len(self._rows))
            size += _COLUMN_BYTES * (last - first)
        self._rows.append((self._n_arenas, self._position, size, times[first], times[last - 1]))
        self._position += size

    def to_runs(self, arenas: Sequence[memoryview], counts: npt.NDArray[np.int64]) -> Runs:
        """All of them; `counts` (int64) says how many each series has."""
        columns = np.array(self._rows, np.int64).reshape(-1, 5).T
        buffer, start, length, min_time, max_time = np.ascontiguousarray(columns)
        encoding = np.full(len(self._rows), ENCODING_RAW, np.uint8)
        encoding[self._with_starts] = ENCODING_RAW_STARTS
        return Runs(
            buffers=(*arenas, b"".join(self._copies)),
            offsets=offsets_of(counts),
            buffer=buffer.astype(np.int32),
            start=start,
            length=length,
            encoding=encoding,
            min_time=min_time,
            max_time=max_time,
        )


class TSDB(Ingesting):
    """A `Queryable` and an `Appender`. Times of one series must increase; a sample that is there already is ignored.

    `symbols` may be those of another store, so that selections of both can be put together.
    """

    def __init__(self, symbols: Symbols | None = None) -> None:
        self._symbols = Symbols() if symbols is None else symbols
        self._series: list[_Series] = []
        self._references: dict[Labels, int] = {}
        self._offsets = array("q", (0,))
        self._names = array("i")
        self._values = array("i")
        self._table = SeriesTable.from_labels(self._symbols, ())
        self._matched: dict[tuple[Matcher, ...], tuple[list[_Series], LabelColumns]] = {}
        self._arenas: list[bytearray] = []
        self._arena_used = _ARENA_BYTES

    @property
    def symbols(self) -> Symbols:
        """The symbols of all selections."""
        return self._symbols

    @property
    def series_count(self) -> int:
        """How many series there are."""
        return len(self._series)

    def series(self, labels: Labels | Mapping[str, str]) -> int:
        """The reference of a series, made now if there is none. References count up from 0."""
        known = labels if isinstance(labels, Labels) else Labels(labels)
        reference = self._references.get(known)
        if reference is None:
            reference = self._references[known] = len(self._series)
            self._series.append(_Series())
            for name, value in known.pairs:
                self._names.append(self._symbols.intern(name))
                self._values.append(self._symbols.intern(value))
            self._offsets.append(len(self._names))
        return reference

    def append(self, labels: Labels | Mapping[str, str], time: int, value: float, *, start: int = 0) -> None:
        """Add one sample at `time` (ms), of a counter that started at `start` (ms, 0 if it is not known).

        Raises StateError where the series has a later one, or another at `time`.
        """
        series = self._series[self.series(labels)]
        if time > series.last:
            self._add(series, time, value, start)
        else:
            _check_known(series, time, value)

    def append_refs(self, references: References, time: int, values: Values) -> None:
        """Add a sample at `time` (ms) to each of the series, which must be distinct.

        Raises StateError as `append` does, NotFoundError for a reference that `series` did not give, ValueError where
        there is not one value for each; nothing is added then.
        """
        ids: Sequence[int] = references.tolist() if isinstance(references, np.ndarray) else references
        numbers: Sequence[float] = values.tolist() if isinstance(values, np.ndarray) else values
        if len(ids) != len(numbers):
            raise ValueError(f"{len(ids)} series and {len(numbers)} values")
        if len(set(ids)) != len(ids):
            raise StateError("a series cannot have two samples at one time")
        if len(ids) and not 0 <= min(ids) <= max(ids) < len(self._series):
            raise NotFoundError(f"no such series: {min(ids) if min(ids) < 0 else max(ids)}")
        columns = [self._series[i] for i in ids]
        late = [i for i, series in enumerate(columns) if series.last >= time]
        for i in late:
            _check_known(columns[i], time, numbers[i])
        for series, value in zip(columns, numbers, strict=True):
            if series.last < time:
                self._add(series, time, value)

    def append_columns(
        self, references: npt.NDArray[np.int64], times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
    ) -> Appended:
        """Add samples: int64 references that `series` gave, int64 times (ms) and float64 values, one of each.

        Samples that are not taken are told in the result. Raises NotFoundError for a reference that is none; nothing is
        added then.
        """
        n = len(references)
        if n and not 0 <= references.min() <= references.max() < len(self._series):
            raise NotFoundError(
                f"no such series: {references[(references < 0) | (references >= len(self._series))][0]}"
            )
        codes = np.zeros(n, np.uint8)
        rows = zip(references.tolist(), times.tolist(), values.tolist(), strict=True)
        for i, (reference, time, value) in enumerate(rows):
            series = self._series[reference]
            if time > series.last:
                self._add(series, time, value)
            elif time < series.last:
                codes[i] = native.HEAD_OUT_OF_ORDER
            else:
                is_same = float_bits(value) == float_bits(series.values[-1])
                codes[i] = native.HEAD_REPEATED if is_same else native.HEAD_CONTRADICTS
        return Appended(int(np.isin(codes, (native.HEAD_TAKEN, native.HEAD_REPEATED)).sum()), codes)

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """The series that pass all matchers and have samples in `[start, end]` (ms, closed), in order of creation."""
        matched, labels = self._match(tuple(matchers))
        found = _FoundRuns(len(self._arenas))
        per_row = np.array([found.add(series, start, end) for series in matched], np.int64)
        some = np.flatnonzero(per_row)
        runs = found.to_runs([memoryview(arena).toreadonly() for arena in self._arenas], per_row[some])
        return Selection(labels if len(some) == len(labels) else labels.subset(some), runs)

    def _match(self, matchers: tuple[Matcher, ...]) -> tuple[list[_Series], LabelColumns]:
        """The series that pass, and their labels: remembered until there is a new series."""
        if len(self._table) != len(self._series):
            self._table = SeriesTable(
                self._symbols,
                np.array(self._offsets, np.int64),
                np.array(self._names, np.int32),
                np.array(self._values, np.int32),
            )
            self._matched = {}
        known = self._matched.get(matchers)
        if known is None:
            found = self._table.match(matchers)
            if len(self._matched) >= _MAX_MATCHED:
                self._matched.clear()
            known = self._matched[matchers] = [self._series[row] for row in found.rows.tolist()], found.labels()
        return known

    def _add(self, series: _Series, time: int, value: float, start: int = 0) -> None:
        times = series.times
        if len(times) == _RUN_SAMPLES:
            self._close(series)
        if start and series.start_times is None:
            series.start_times = array("q", bytes(_COLUMN_BYTES * len(times)))
        times.append(time)
        series.values.append(value)
        if series.start_times is not None:
            series.start_times.append(start)
        series.last = time

    def _close(self, series: _Series) -> None:
        """Move the open samples, which fill a run, to an arena."""
        columns = [
            column.tobytes() for column in (series.times, series.values, series.start_times) if column is not None
        ]
        size = _RUN_BYTES[len(columns)]
        if self._arena_used + size > _ARENA_BYTES:
            self._arenas.append(bytearray(_ARENA_BYTES))
            self._arena_used = 0
        position = self._arena_used
        self._arenas[-1][position : position + size] = b"".join(columns)
        self._arena_used += size
        series.arenas.append(len(self._arenas) - 1)
        series.positions.append(position)
        series.sizes.append(size)
        series.min_times.append(series.times[0])
        series.max_times.append(series.times[-1])
        del series.times[:], series.values[:]
        if series.start_times is not None:
            del series.start_times[:]


def _check_known(series: _Series, time: int, value: float) -> None:
    """Raise StateError unless the sample is the newest of the series."""
    if time < series.last:
        raise StateError(f"out of order sample: the series already has one at {series.last} ms, after {time} ms")
    if float_bits(value) != float_bits(series.values[-1]):
        raise StateError(f"duplicate sample: the series has another value at {time} ms")
