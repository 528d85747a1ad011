"""The seam between storage and query: what is asked of a store, and the columns it answers with."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher

ENCODING_RAW = 0
"""A run of `count` int64 times followed by `count` float64 values, in the machine's byte order, 8-aligned."""
ENCODING_XOR = 1
"""A Prometheus XOR float chunk: u16 count, then the bit stream."""
ENCODING_XOR2 = 4
"""A Prometheus XOR2 float chunk: u16 count, a byte for start times, then the bit stream."""
ENCODING_RAW_STARTS = 128
"""As ENCODING_RAW, and after it `count` int64 start times, 0 for none. Prometheus has no chunk of this number."""
WITH_STARTS = (ENCODING_XOR2, ENCODING_RAW_STARTS)
"""The encodings whose samples may have start times."""
FLOAT_CHUNKS = (ENCODING_XOR, ENCODING_XOR2)
"""The encodings of chunks whose samples can be read."""


MAX_SAMPLES_A_BYTE = 4
"""A sample of a chunk takes two bits at least."""


@attrs.frozen(eq=False)
class Runs:
    """The samples of many series, still encoded.

    Series `i` owns the runs `offsets[i]:offsets[i + 1]`, which follow one another in time and do not overlap. Run `r`
    is the bytes `start[r] : start[r] + length[r]` of `buffers[buffer[r]]`. A reader keeps the buffers alive and must
    not change them.
    """

    buffers: tuple[bytes | memoryview, ...]
    offsets: npt.NDArray[np.int64]  # [series + 1]
    buffer: npt.NDArray[np.int32]  # [runs]
    start: npt.NDArray[np.int64]  # [runs] bytes
    length: npt.NDArray[np.int64]  # [runs] bytes
    encoding: npt.NDArray[np.uint8]  # [runs]
    min_time: npt.NDArray[np.int64]  # [runs] ms, closed
    max_time: npt.NDArray[np.int64]  # [runs] ms, closed

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def passed(self) -> native.PassedRuns:
        """The table as kernels take it."""
        return native.PassedRuns(self)

    def take(self, series: npt.NDArray[np.intp]) -> "Runs":
        """The series at these indices, in that order, over the same buffers."""
        counts = np.diff(self.offsets)[series]
        offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
        at = np.repeat(self.offsets[series] - offsets[:-1], counts) + np.arange(offsets[-1])
        columns = (column[at] for column in self._columns())
        return Runs(self.buffers, offsets, *columns)

    def concat(self, other: "Runs") -> "Runs":
        """The series of both, these first."""
        moved = (other.buffer + np.int32(len(self.buffers)), *other._columns()[1:])  # noqa: SLF001 - its own class
        columns = (np.concatenate(pair) for pair in zip(self._columns(), moved, strict=True))
        offsets = np.concatenate((self.offsets, other.offsets[1:] + self.offsets[-1]))
        return Runs(self.buffers + other.buffers, offsets, *columns)

    def unpack(self, start: int, end: int) -> "Runs | None":
        """The samples of the runs that touch `[start, end]` (ms), decoded: a raw run for each series that has any.

        None if some run is damaged, or its samples come with start times.
        """
        if np.isin(self.encoding, WITH_STARTS).any():
            return None
        data, offsets, bad = native.unpack_runs(self, start, end)
        counts = np.diff(offsets)
        some = counts > 0
        first, count = offsets[:-1][some], counts[some]
        return (
            None
            if bad.any()
            else Runs(
                buffers=(data.view(np.uint8).data,),
                offsets=np.concatenate((np.zeros(1, np.int64), np.cumsum(some))),
                buffer=np.zeros(len(first), np.int32),
                start=16 * first,
                length=16 * count,
                encoding=np.full(len(first), ENCODING_RAW, np.uint8),
                min_time=data[2 * first],
                max_time=data[2 * first + count - 1],
            )
        )

    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        return self.buffer, self.start, self.length, self.encoding, self.min_time, self.max_time

    @classmethod
    def from_arrays(
        cls,
        times: npt.NDArray[np.int64],
        values: npt.NDArray[np.float64],
        offsets: npt.NDArray[np.int64],
        starts: npt.NDArray[np.int64] | None = None,
    ) -> "Runs":
        """Raw runs, one a series, of samples in CSR form: series `i` owns the samples `offsets[i]:offsets[i + 1]`.

        `starts` are their start times, 0 for none.
        """
        counts = np.diff(offsets)
        columns = [
            times,
            np.ascontiguousarray(values, np.float64).view(np.int64),
            *([] if starts is None else [starts]),
        ]
        data = np.empty(len(columns) * len(times), np.int64)
        within = np.arange(len(times)) - np.repeat(offsets[:-1], counts)
        at = np.repeat(len(columns) * offsets[:-1], counts) + within
        length = np.repeat(counts, counts)
        for i, column in enumerate(columns):
            data[at + i * length if i else at] = column
        some = counts > 0
        first, last = offsets[:-1][some], offsets[1:][some] - 1
        return cls(
            buffers=(data.view(np.uint8).data,),
            offsets=np.concatenate((np.zeros(1, np.int64), np.cumsum(some))),
            buffer=np.zeros(len(first), np.int32),
            start=8 * len(columns) * first,
            length=8 * len(columns) * counts[some],
            encoding=np.full(len(first), ENCODING_RAW if starts is None else ENCODING_RAW_STARTS, np.uint8),
            min_time=times[first],
            max_time=times[last],
        )


@attrs.frozen(eq=False)
class Selection:
    """The series that a selector matched, with their samples: `labels` and `runs` have a row each for every series."""

    labels: LabelColumns
    runs: Runs

    def __len__(self) -> int:
        return len(self.runs)

    def take(self, series: npt.NDArray[np.intp]) -> "Selection":
        """The series at these indices, in that order."""
        return Selection(self.labels.take(series), self.runs.take(series))

    def concat(self, other: "Selection") -> "Selection":
        """The series of both, these first; both must share their symbols."""
        return Selection(self.labels.concat(other.labels), self.runs.concat(other.runs))


class Queryable(Protocol):
    """A store that PromQL can be evaluated over."""

    @property
    def symbols(self) -> Symbols:
        """The symbols that the label columns of every selection refer to."""

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Selection:
        """The series that pass all matchers, with at least their samples in `[start, end]` (ms, closed).

        Runs that do not touch the interval may be left out, and a series without any run in it too.
        """


class Appender(Protocol):
    """A store that samples can be written to."""

    def append(self, labels: Labels, time: int, value: float) -> None:
        """Add one sample; times of one series must increase."""
