"""Samples whose start times are known: few series have them, and XOR chunks cannot hold them."""

import bisect
from array import array
from collections.abc import Iterator

import numpy as np

from obsflow.model.storage import ENCODING_RAW_STARTS
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import File
from obsflow.tsdb.runs import RunTable


class _Series:
    __slots__ = ("starts", "times", "values")

    def __init__(self) -> None:
        self.times = array("q")
        self.values = array("d")
        self.starts = array("q")


class StartedSamples:
    """The samples of series from the first on that has a start time, by row, in order of time."""

    __slots__ = ("series",)

    def __init__(self) -> None:
        self.series: dict[int, _Series] = {}

    def __bool__(self) -> bool:
        return bool(self.series)

    @property
    def rows(self) -> IntArray:
        """The rows that have any."""
        return np.array(list(self.series), np.int64)

    def append(self, row: int, time: int, value: float, start: int) -> None:
        """Add a sample at `time`, newer than those of its series, of what started at `start` (ms), 0 for not known."""
        series = self.series.get(row)
        if series is None:
            series = self.series[row] = _Series()
        series.times.append(time)
        series.values.append(value)
        series.starts.append(start)

    def forget(self, before: int) -> None:
        """Drop the samples before a time."""
        for row, series in list(self.series.items()):
            old = bisect.bisect_left(series.times, before)
            del series.times[:old], series.values[:old], series.starts[:old]
            if not series.times:
                del self.series[row]

    def table(self, rows: IntArray, start: int, end: int) -> RunTable:
        """The samples in `[start, end]` of the series at `rows`, a run each; numbered as they stand in `rows`."""
        data: list[bytes] = []
        found: list[tuple[int, int, int, int]] = []
        for number, times, columns in self._within(rows, start, end):
            data += columns
            found.append((number, sum(map(len, columns)), times[0], times[-1]))
        series, length, first_times, last_times = np.ascontiguousarray(np.array(found, np.int64).reshape(-1, 4).T)
        return RunTable(
            files=(File("start times", b"".join(data)),),
            series=series,
            file=np.zeros(len(found), np.int64),
            start=np.cumsum(length) - length,
            length=length,
            encoding=np.full(len(found), ENCODING_RAW_STARTS, np.uint8),
            min_time=first_times,
            max_time=last_times,
        )

    def _within(self, rows: IntArray, start: int, end: int) -> "Iterator[tuple[int, array[int], list[bytes]]]":
        for number, row in enumerate(rows.tolist()):
            series = self.series.get(row)
            if series is None:
                continue
            part = slice(bisect.bisect_left(series.times, start), bisect.bisect_right(series.times, end))
            if part.start < part.stop:
                times = series.times[part]
                yield number, times, [each.tobytes() for each in (times, series.values[part], series.starts[part])]
