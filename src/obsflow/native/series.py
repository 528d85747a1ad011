"""The encoded samples of many series: decoding, selecting and windowing."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import (
    F64,
    I32,
    I64,
    SIZE,
    U8,
    U64,
    BoolArray,
    Float64Array,
    Int64Array,
    UInt8Array,
    as_array,
    check,
    ffi,
    lib,
    pass_memory,
)

_MIN_TIME: Final = -(2**63)


class RunTable(Protocol):
    """The encoded samples of many series: series `i` owns the runs `offsets[i]:offsets[i + 1]`, in order of time.

    Run `r` is the bytes `start[r] : start[r] + length[r]` of `buffers[buffer[r]]`. Encoding 0 is raw: int64 times, then
    float64 values; 128 has int64 start times after them; 1 is an XOR chunk, 4 an XOR2 chunk. `min_time` and `max_time`
    are closed.
    """

    @property
    def buffers(self) -> Sequence[bytes | memoryview]:
        """What the runs lie in."""

    @property
    def offsets(self) -> Int64Array:
        """`[series + 1]`."""

    @property
    def buffer(self) -> npt.NDArray[np.int32]:
        """`[runs]`."""

    @property
    def start(self) -> Int64Array:
        """`[runs]`, bytes."""

    @property
    def length(self) -> Int64Array:
        """`[runs]`, bytes."""

    @property
    def encoding(self) -> UInt8Array:
        """`[runs]`."""

    @property
    def min_time(self) -> Int64Array:
        """`[runs]`, ms."""

    @property
    def max_time(self) -> Int64Array:
        """`[runs]`, ms."""


_RUN_COLUMNS: Final = (
    ("buffer", I32, np.int32), ("start", I64, np.int64), ("length", I64, np.int64),
    ("encoding", U8, np.uint8), ("min_time", I64, np.int64), ("max_time", I64, np.int64),
)  # fmt: skip


class _Runs:
    """A run table as C sees it; keeps alive what the pointers refer to."""

    def __init__(self, runs: RunTable) -> None:
        self.n_runs = len(runs.buffer)
        self.n_series = len(runs.offsets) - 1
        buffers = [pass_memory(U8, each) for each in runs.buffers]
        columns = {
            "offsets": pass_memory(I64, as_array(runs.offsets, np.int64, (max(self.n_series, 0) + 1,), "offsets"))
        }
        for name, ctype, dtype in _RUN_COLUMNS:
            columns[name] = pass_memory(ctype, as_array(getattr(runs, name), dtype, (self.n_runs,), name))
        columns["buffers"] = ffi.new("uint8_t *[]", buffers)
        columns["sizes"] = ffi.new("size_t[]", [len(each) for each in buffers])
        sizes = {"n_buffers": len(buffers), "n_series": self.n_series, "n_runs": self.n_runs}
        self.pointer = ffi.new("obs_runs *", columns | sizes)
        self._alive = buffers, columns

    def measure(self, start: int, end: int) -> tuple[int, int]:
        """Upper bounds for the samples in `[start, end]`: of one series, of all."""
        longest, total = ffi.new(SIZE), ffi.new(SIZE)
        check(lib.obs_runs_measure(self.pointer, start, end, longest, total))
        return longest[0], total[0]


def _scratch(capacity: int) -> tuple[Any, list[Any]]:
    """Room for the samples of one series, and what keeps it alive."""
    kinds = ((I64, np.int64), (F64, np.float64), (I64, np.int64), (U64, np.uint64))
    columns = [pass_memory(ctype, np.empty(capacity, dtype)) for ctype, dtype in kinds]
    return ffi.new("obs_scratch *", [*columns, capacity]), columns


class _Frame:
    """A frame to be filled from runs: what selecting and windowing share."""

    def __init__(self, runs: RunTable, times: Int64Array, span_ms: int, span_name: str) -> None:
        times = as_array(times, np.int64, (times.size,), "times")
        if (times[1:] < times[:-1]).any():
            raise ValueError("times must ascend")
        if span_ms < 0:
            raise ValueError(f"{span_name} must not be negative: {span_ms}")
        table = _Runs(runs)
        self.shape = (table.n_series, len(times))
        self.values, self.present = np.empty(self.shape), np.empty(self.shape, np.bool_)
        self.bad = np.zeros(table.n_runs, np.uint8)
        longest = table.measure(max(_MIN_TIME, int(times[0]) - span_ms), int(times[-1]))[0] if len(times) else 0
        self.scratch, self._columns = _scratch(longest)
        self.inputs = (table.pointer, pass_memory(I64, times), len(times), span_ms)
        self.outputs = (pass_memory(F64, self.values), pass_memory(U8, self.present))
        self._table = table


def decode_runs(runs: RunTable) -> tuple[Int64Array, Float64Array, Int64Array, UInt8Array]:
    """All samples, in CSR form.

    Returns times int64 `[n]` and values float64 `[n]`, of which series `i` owns `offsets[i]:offsets[i + 1]`, these
    offsets, and uint8 `[runs]`: 1 for a run whose bytes are corrupt. Such a run gives the samples before its fault.
    """
    times, values, _, offsets, bad = _decode(runs, want_starts=False)
    return times, values, offsets, bad


def decode_runs_and_starts(
    runs: RunTable,
) -> tuple[Int64Array, Float64Array, Int64Array, Int64Array, UInt8Array]:
    """All samples as `decode_runs` gives them, and after their values their start times: int64 ms `[n]`, 0 for none."""
    return _decode(runs, want_starts=True)


def _decode(
    runs: RunTable, *, want_starts: bool
) -> tuple[Int64Array, Float64Array, Int64Array, Int64Array, UInt8Array]:
    table = _Runs(runs)
    _, total = table.measure(_MIN_TIME, 2**63 - 1)
    times, values = np.empty(total, np.int64), np.empty(total, np.float64)
    starts = np.empty(total if want_starts else 0, np.int64)
    offsets, bad = np.zeros(table.n_series + 1, np.int64), np.zeros(table.n_runs, np.uint8)
    views = [pass_memory(I64, times), pass_memory(F64, values), pass_memory(I64, starts) if want_starts else ffi.NULL]
    ends = pass_memory(I64, offsets[1:])
    check(lib.obs_runs_decode(table.pointer, *views, total, ends, pass_memory(U8, bad)))
    count = offsets[-1]
    return times[:count], values[:count], starts[:count], offsets, bad


def select_instant(
    runs: RunTable, times: Int64Array, lookback_ms: int, *, want_times: bool = False
) -> tuple[Float64Array, BoolArray, Int64Array | None, UInt8Array]:
    """The newest sample in `(time - lookback_ms, time]` of every series at every step; none if it is a stale marker.

    `times` int64 `[steps]` ascends; equal neighbours are allowed. Returns values float64 and present bool, both
    `[series, steps]`, the samples' own times int64 of the same shape if they are wanted, and the corrupt runs as
    `decode_runs` does.
    """
    frame = _Frame(runs, times, lookback_ms, "lookback_ms")
    sample_times = np.empty(frame.shape, np.int64) if want_times else None
    own_times = ffi.NULL if sample_times is None else pass_memory(I64, sample_times)
    status = lib.obs_select_instant(*frame.inputs, frame.scratch, *frame.outputs, own_times, pass_memory(U8, frame.bad))
    check(status)
    return frame.values, frame.present, sample_times, frame.bad


WINDOW_FUNCTIONS: Final[dict[str, int]] = {
    ffi.string(lib.obs_window_name(i)).decode(): i for i in range(lib.obs_window_count())
}
"""The range functions of PromQL that `window` knows, by name."""


def window(
    function: str, runs: RunTable, times: Int64Array, range_ms: int, params: Float64Array | None = None
) -> tuple[Float64Array, BoolArray, UInt8Array]:
    """A range function over the samples in `(time - range_ms, time]`, for every series at every step.

    `times` int64 `[steps]` ascends; equal neighbours are allowed. `params` is float64 `[k, steps]`: the quantile
    (quantile_over_time); smoothing and trend factor, already checked (double_exponential_smoothing); the seconds ahead
    and the time of the step itself in seconds (predict_linear). Returns values float64 and present bool, both
    `[series, steps]`, and the corrupt runs as `decode_runs` does. Raises ValueError for an unknown function.
    """
    index = WINDOW_FUNCTIONS.get(function)
    if index is None:
        raise ValueError(f"no range function is named {function}")
    frame = _Frame(runs, times, range_ms, "range_ms")
    given = np.empty((0, len(times))) if params is None else params
    given = as_array(given, np.float64, (lib.obs_window_params(index), len(times)), f"the params of {function}")
    rows = pass_memory(F64, given)
    check(lib.obs_window_apply(index, *frame.inputs, rows, frame.scratch, *frame.outputs, pass_memory(U8, frame.bad)))
    return frame.values, frame.present, frame.bad
