"""The encoded samples of many series: decoding, selecting and windowing."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from obsflow.native.aggregation import Groups, find_operator, reduction_rows
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
    Reserve,
    UInt8Array,
    as_array,
    check,
    ffi,
    lib,
    pass_memory,
)

_MIN_TIME: Final = -(2**63)
_MAX_TIME: Final = 2**63 - 1
_CELLS_A_PAUSE: Final = 1 << 20
_NO_BYTES: Final = np.empty(0, np.uint8)
_POINTERS: Final = ffi.typeof("uint8_t *[]")
_SIZES: Final = ffi.typeof("size_t[]")
_RUNS: Final = ffi.typeof("obs_runs *")


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

    @property
    def passed(self) -> "PassedRuns":
        """The table as kernels take it, made once."""


class SharedBuffers(tuple[bytes | memoryview, ...]):  # noqa: SLOT001 - a tuple has no room for what is cached
    """Buffers that many run tables lie in, handed to kernels once for all of them."""

    @cached_property
    def passed(self) -> "PassedBuffers":
        """The buffers as kernels take them."""
        return PassedBuffers(self)


class PassedBuffers:
    """Buffers as C sees them; keeps alive what the pointers refer to."""

    __slots__ = ("_alive", "count", "data", "sizes")

    def __init__(self, buffers: Sequence[bytes | memoryview]) -> None:
        # Through an array: a memoryview that is handed out must not be part of a cycle; collecting it crashes CPython.
        passed = [pass_memory(U8, np.frombuffer(each, np.uint8) if len(each) else _NO_BYTES) for each in buffers]
        self._alive = passed
        self.count = len(passed)
        self.data = ffi.new(_POINTERS, passed)
        self.sizes = ffi.new(_SIZES, [len(each) for each in passed])


class PassedRuns:
    """A run table as C sees it; keeps alive what the pointers refer to. Raises TypeError and ValueError."""

    __slots__ = ("_alive", "n_bytes", "n_runs", "n_series", "pointer")

    def __init__(self, runs: RunTable) -> None:
        shared = runs.buffers
        buffers = shared.passed if isinstance(shared, SharedBuffers) else PassedBuffers(shared)
        self.n_runs = n = len(runs.buffer)
        self.n_series = len(runs.offsets) - 1
        offsets = as_array(runs.offsets, np.int64, (max(self.n_series, 0) + 1,), "offsets")
        columns = (
            pass_memory(I32, as_array(runs.buffer, np.int32, (n,), "buffer")),
            pass_memory(I64, as_array(runs.start, np.int64, (n,), "start")),
            pass_memory(I64, as_array(runs.length, np.int64, (n,), "length")),
            pass_memory(U8, as_array(runs.encoding, np.uint8, (n,), "encoding")),
            pass_memory(I64, as_array(runs.min_time, np.int64, (n,), "min_time")),
            pass_memory(I64, as_array(runs.max_time, np.int64, (n,), "max_time")),
        )
        series = (pass_memory(I64, offsets), self.n_series)
        self.pointer = ffi.new(_RUNS, (buffers.data, buffers.sizes, buffers.count, *series, *columns, n))
        self._alive = buffers, series, columns
        self.n_bytes = int(runs.length.sum())

    def part(self, first: int, last: int) -> Any:
        """The series `first:last` as a table of their own, over the same runs."""
        part = ffi.new(_RUNS, self.pointer[0])
        part.offsets += first
        part.n_series = last - first
        return part

    def measure(self, start: int, end: int) -> tuple[int, int]:
        """Upper bounds for the samples in `[start, end]`: of one series, of all."""
        longest, total = ffi.new(SIZE), ffi.new(SIZE)
        check(lib.obs_runs_measure(self.pointer, start, end, longest, total))
        return longest[0], total[0]


class _Scratch:
    """Room for the samples of one series, for each of some workers."""

    __slots__ = ("_alive", "capacity", "pointer", "workers")

    def __init__(self, workers: int, capacity: int) -> None:
        self.workers, self.capacity = workers, capacity
        kinds = ((I64, np.int64), (F64, np.float64), (I64, np.int64), (U64, np.uint64))
        self._alive = [
            [pass_memory(ctype, np.empty(capacity, dtype)) for ctype, dtype in kinds] for _ in range(workers)
        ]
        self.pointer = ffi.new("obs_scratch[]", [[*columns, capacity] for columns in self._alive])


_scratches: Final = Reserve(_Scratch, least=1 << 13, most=1 << 16)


def decode_runs(
    runs: RunTable, start: int = _MIN_TIME, end: int = _MAX_TIME
) -> tuple[Int64Array, Float64Array, Int64Array, UInt8Array]:
    """The samples of all runs that touch `[start, end]` (ms), in CSR form.

    Returns times int64 `[n]` and values float64 `[n]`, of which series `i` owns `offsets[i]:offsets[i + 1]`, these
    offsets, and uint8 `[runs]`: 1 for a run whose bytes are corrupt. Such a run gives the samples before its fault.
    """
    times, values, _, offsets, bad = _decode(runs, start, end, want_starts=False)
    return times, values, offsets, bad


def decode_runs_and_starts(
    runs: RunTable, start: int = _MIN_TIME, end: int = _MAX_TIME
) -> tuple[Int64Array, Float64Array, Int64Array, Int64Array, UInt8Array]:
    """All samples as `decode_runs` gives them, and after their values their start times: int64 ms `[n]`, 0 for none."""
    return _decode(runs, start, end, want_starts=True)


def _decode(
    runs: RunTable, start: int, end: int, *, want_starts: bool
) -> tuple[Int64Array, Float64Array, Int64Array, Int64Array, UInt8Array]:
    table = runs.passed
    _, total = table.measure(start, end)
    times, values = np.empty(total, np.int64), np.empty(total, np.float64)
    starts = np.empty(total if want_starts else 0, np.int64)
    offsets, bad = np.zeros(table.n_series + 1, np.int64), np.zeros(table.n_runs, np.uint8)
    views = [pass_memory(I64, times), pass_memory(F64, values), pass_memory(I64, starts) if want_starts else ffi.NULL]
    ends = pass_memory(I64, offsets[1:])
    check(lib.obs_runs_decode(table.pointer, start, end, *views, total, ends, pass_memory(U8, bad)))
    count = offsets[-1]
    return times[:count], values[:count], starts[:count], offsets, bad


def unpack_runs(runs: RunTable, start: int, end: int) -> tuple[Int64Array, Int64Array, UInt8Array]:
    """The samples of all runs that touch `[start, end]` (ms) as raw runs, one a series.

    Returns int64 `[2n]`, the runs one after another, each its times and then the bits of its values; int64
    `[series + 1]`, the offsets of the series in samples; and the corrupt runs as `decode_runs` does.
    """
    table = runs.passed
    longest, total = table.measure(start, end)
    out, offsets = np.empty(2 * total, np.int64), np.zeros(table.n_series + 1, np.int64)
    bad, scratch = np.zeros(table.n_runs, np.uint8), _Scratch(1, longest)
    views = pass_memory(I64, out), 2 * total, scratch.pointer, pass_memory(I64, offsets[1:]), pass_memory(U8, bad)
    check(lib.obs_runs_unpack(table.pointer, start, end, *views))
    return out[: 2 * offsets[-1]], offsets, bad


WINDOW_FUNCTIONS: Final[dict[str, int]] = {
    ffi.string(lib.obs_window_name(i)).decode(): i for i in range(lib.obs_window_count())
}
"""What `window` knows: the range functions of PromQL, by name; and `select` and `select_seconds`."""

_N_PARAMS: Final = [lib.obs_window_params(i) for i in range(lib.obs_window_count())]


@attrs.frozen(eq=False)
class Windows:
    """A function of the windows `(time - range_ms, time]` of every series at every step.

    `times` int64 `[steps]` ascends; equal neighbours are allowed. `params` is float64 `[k, steps]`: the quantile
    (quantile_over_time); smoothing and trend factor, already checked (double_exponential_smoothing); the seconds ahead
    and the time of the step itself in seconds (predict_linear).

    `select` gives the newest sample of the window, none if it is a stale marker, and `select_seconds` its time.
    """

    function: str
    times: Int64Array
    range_ms: int
    params: Float64Array | None = None

    def check(self) -> int:
        """The index of the function. Raises ValueError for an unknown function, and for what contradicts itself."""
        index = WINDOW_FUNCTIONS.get(self.function)
        if index is None:
            raise ValueError(f"no range function is named {self.function}")
        times, n_times = self.times, len(self.times)
        as_array(times, np.int64, (n_times,), "times")
        if self.range_ms < 0:
            raise ValueError(f"range_ms must not be negative: {self.range_ms}")
        given = (0, n_times) if self.params is None else self.params.shape
        if given != (_N_PARAMS[index], n_times):
            raise ValueError(
                f"the params of {self.function} must have the shape {(_N_PARAMS[index], n_times)}, not {given}"
            )
        return index

    def pass_to(self, call: Any, table: PassedRuns, part: Any, arguments: Sequence[Any], workers: int) -> None:
        """Call a kernel over the windows of (a part of) a table, again with more scratch if it had too little."""
        index = self.check()
        times = pass_memory(I64, np.ascontiguousarray(self.times))
        params = ffi.NULL if self.params is None else pass_memory(F64, np.ascontiguousarray(self.params, np.float64))
        windows = ffi.new("obs_windows *", (index, times, len(self.times), self.range_ms, params))
        scratch = _scratches.take(workers, 0)
        status = call(windows, part, scratch.pointer, workers, *arguments)
        if status == lib.OBS_NO_SPACE:
            start = max(_MIN_TIME, int(self.times[0]) - self.range_ms)
            scratch = _scratches.take(workers, table.measure(start, int(self.times[-1]))[0])
            status = call(windows, part, scratch.pointer, workers, *arguments)
        _scratches.give(scratch)
        if status == lib.OBS_INVALID and (self.times[1:] < self.times[:-1]).any():
            raise ValueError("times must ascend")
        check(status)


class Rows(NamedTuple):
    """A frame's columns: `values` float64 and `present` bool `[rows, steps]`.

    `filled` int64 `[series]` says at how many steps a series is present, and `bad` uint8 `[runs]` is as `decode_runs`
    gives it.
    """

    values: Float64Array
    present: BoolArray
    filled: Int64Array
    bad: UInt8Array

    def pass_memory(self) -> tuple[Any, ...]:
        """The columns as kernels take them."""
        passed = pass_memory(F64, self.values), pass_memory(U8, self.present), pass_memory(I64, self.filled)
        return (*passed, pass_memory(U8, self.bad))


def window(runs: RunTable, windows: Windows, workers: int = 1, *, pause: Callable[[], None] | None = None) -> Rows:
    """A row for every series. Up to `workers` threads take part, if there is enough to do.

    `pause` is called now and then, and may raise.
    """
    table = runs.passed
    n_series, n_steps = shape = (table.n_series, len(windows.times))
    rows = Rows(
        np.empty(shape), np.empty(shape, np.bool_), np.zeros(n_series, np.int64), np.zeros(table.n_runs, np.uint8)
    )
    if pause is None:
        windows.pass_to(lib.obs_window_apply, table, table.pointer, rows.pass_memory(), workers)
        return rows
    stride = max(1, _CELLS_A_PAUSE // max(1, n_steps))
    for first in range(0, n_series, stride):
        last = min(first + stride, n_series)
        part = Rows(rows.values[first:last], rows.present[first:last], rows.filled[first:last], rows.bad)
        windows.pass_to(lib.obs_window_apply, table, table.part(first, last), part.pass_memory(), workers)
        pause()
    return rows


def window_groups(runs: RunTable, windows: Windows, op: str, groups: Groups, workers: int = 1) -> Rows:
    """A row for every group of series: what `reduce_groups` makes of the rows of `window`, in one pass.

    `op` must be one of `FOLDING_OPERATORS`.
    """
    table = runs.passed
    n_steps = len(windows.times)
    if len(groups) != table.n_series:
        raise ValueError(f"{len(groups)} series are in groups, of {table.n_series}")
    index, rows = find_operator(op), reduction_rows.take(workers, n_steps)

    def call(given: Any, pointer: Any, scratch: Any, n_workers: int, *outputs: Any) -> int:
        status: int = lib.obs_window_reduce(
            given, pointer, index, *groups.pass_lists(), scratch, rows.pointer, n_workers, *outputs
        )
        return status

    shape = (groups.count, n_steps)
    filled, bad = np.zeros(table.n_series, np.int64), np.zeros(table.n_runs, np.uint8)
    made = Rows(np.empty(shape), np.empty(shape, np.bool_), filled, bad)
    windows.pass_to(call, table, table.pointer, made.pass_memory(), workers)
    reduction_rows.give(rows)
    return made
