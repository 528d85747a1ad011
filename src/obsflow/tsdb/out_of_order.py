"""Samples that came late: older than what their series had already."""

import bisect
from array import array
from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.storage import ENCODING_RAW, ENCODING_XOR
from obsflow.tsdb.encoding import IntArray
from obsflow.tsdb.files import File
from obsflow.tsdb.runs import RunTable

_CHUNK_SAMPLES = 32


@attrs.frozen
class LateChunk:
    """An XOR chunk of late samples. Times are ms, closed."""

    min_time: int
    max_time: int
    data: bytes


class _Series:
    __slots__ = ("chunks", "times", "values")

    def __init__(self) -> None:
        self.times = array("q")
        self.values = array("d")
        self.chunks: list[LateChunk] = []


class OutOfOrder:
    """Late samples by row: sorted, and made into a chunk when there are 32 of a series, as Prometheus does."""

    __slots__ = ("_series",)

    def __init__(self) -> None:
        self._series: dict[int, _Series] = {}

    def __bool__(self) -> bool:
        return bool(self._series)

    def __contains__(self, row: int) -> bool:
        return row in self._series

    @property
    def rows(self) -> IntArray:
        """The rows that have any."""
        return np.array(list(self._series), np.int64)

    def insert(self, row: int, time: int, value: float) -> bool:
        """Add a sample; False if there is one at that time among those not yet in a chunk, which then stays."""
        series = self._series.setdefault(row, _Series())
        at = bisect.bisect_left(series.times, time)
        if at < len(series.times) and series.times[at] == time:
            return False
        if len(series.times) == _CHUNK_SAMPLES:
            series.chunks.append(_encode(series))
            del series.times[:], series.values[:]
            at = 0
        series.times.insert(at, time)
        series.values.insert(at, value)
        return True

    def delete(self, row: int, start: int, end: int) -> None:
        """Drop the samples of a series in `[start, end]`."""
        series = self._series.get(row)
        if series is None:
            return
        part = slice(bisect.bisect_left(series.times, start), bisect.bisect_right(series.times, end))
        del series.times[part], series.values[part]
        series.chunks = [kept for chunk in series.chunks for kept in _without(chunk, start, end)]
        if not series.times and not series.chunks:
            del self._series[row]

    def forget(self, before: int) -> None:
        """Drop the samples before a time; a chunk stays until all of it is older."""
        for row, series in list(self._series.items()):
            series.chunks = [chunk for chunk in series.chunks if chunk.max_time >= before]
            old = bisect.bisect_left(series.times, before)
            del series.times[:old], series.values[:old]
            if not series.times and not series.chunks:
                del self._series[row]

    def samples(self) -> tuple[IntArray, IntArray, npt.NDArray[np.float64]]:
        """Rows, times and values of all, those of a row in the order of its pieces."""
        rows, times, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
        for row, series in self._series.items():
            for chunk in series.chunks:
                decoded = native.xor_decode(chunk.data)
                times.append(decoded[0])
                values.append(decoded[1])
            times.append(np.array(series.times, np.int64))
            values.append(np.array(series.values))
            rows.append(np.full(sum(map(len, times)) - sum(map(len, rows)), row, np.int64))
        return np.concatenate(rows), np.concatenate(times), np.concatenate(values)

    def min_time(self) -> int | None:
        """The time of the earliest, ms; None where there is none."""
        return min((first for row in self._series for first, _, _, _ in self._pieces(row)), default=None)

    def table(self, rows: IntArray, start: int, end: int) -> RunTable:
        """The runs of the series at `rows` that touch `[start, end]`; series are numbered as they stand in `rows`."""
        found: list[tuple[int, int, int, int, int, int]] = []
        data = bytearray()
        for number, row in enumerate(rows.tolist()):
            if row not in self._series:
                continue
            for first, last, encoding, piece in self._pieces(row):
                if first <= end and last >= start:
                    data += bytes(-len(data) % 8)  # raw runs are aligned
                    found.append((number, len(data), len(piece), encoding, first, last))
                    data += piece
        columns = np.array(found, np.int64).reshape(-1, 6).T
        series, at, length, encodings, first_times, last_times = np.ascontiguousarray(columns)
        return RunTable(
            files=(File("late samples", bytes(data)),),
            series=series,
            file=np.zeros(len(found), np.int64),
            start=at,
            length=length,
            encoding=encodings.astype(np.uint8),
            min_time=first_times,
            max_time=last_times,
        )

    def _pieces(self, row: int) -> Iterator[tuple[int, int, int, bytes]]:
        series = self._series[row]
        for chunk in series.chunks:
            yield chunk.min_time, chunk.max_time, ENCODING_XOR, chunk.data
        if series.times:
            raw = series.times.tobytes() + series.values.tobytes()
            yield series.times[0], series.times[-1], ENCODING_RAW, raw


def _encode(series: _Series) -> LateChunk:
    return _chunk(np.array(series.times, np.int64), np.array(series.values))


def _chunk(times: IntArray, values: npt.NDArray[np.float64]) -> LateChunk:
    return LateChunk(int(times[0]), int(times[-1]), native.xor_encode(times, values))


def _without(chunk: LateChunk, start: int, end: int) -> list[LateChunk]:
    """The chunk without the samples in `[start, end]`; none if nothing is left."""
    if chunk.max_time < start or end < chunk.min_time:
        return [chunk]
    times, values = native.xor_decode(chunk.data)
    kept = (times < start) | (times > end)
    return [_chunk(times[kept], values[kept])] if kept.any() else []
