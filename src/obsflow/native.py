"""The compiled kernels, numpy in and numpy out. The only importer of `obsflow._kernels`.

Every function checks dtypes, shapes and lengths once and then makes one C call, with the GIL released: no other thread
may change the arrays meanwhile. Times are int64 milliseconds. Bytes that are not what their format promises raise
`CorruptionError` where one input is one thing, and are marked where many are read at once.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from obsflow._kernels import ffi, lib
from obsflow.errors import CorruptionError

Buffer = bytes | bytearray | memoryview
Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
UInt8Array = npt.NDArray[np.uint8]

_U8 = ffi.typeof("uint8_t[]")
_U32 = ffi.typeof("uint32_t[]")
_U64 = ffi.typeof("uint64_t[]")
_I32 = ffi.typeof("int32_t[]")
_I64 = ffi.typeof("int64_t[]")
_F64 = ffi.typeof("double[]")
_SIZE = ffi.typeof("size_t *")
_CELLS = ffi.typeof("obs_group_cell[]")

_MIN_TIME: Final = -(2**63)
_CELL_DOUBLES: Final = ffi.sizeof("obs_group_cell") // 8

_ERRORS: Final[dict[int, Exception]] = {
    lib.OBS_TRUNCATED: CorruptionError("the data ends inside a value"),
    lib.OBS_CORRUPT: CorruptionError("the data contradicts its format"),
    lib.OBS_INVALID: ValueError("an index or a range lies outside of what it refers to"),
    lib.OBS_NO_SPACE: ValueError("the data holds more than it measured"),
}


class RunTable(Protocol):
    """The encoded samples of many series: series `i` owns the runs `offsets[i]:offsets[i + 1]`, in order of time.

    Run `r` is the bytes `start[r] : start[r] + length[r]` of `buffers[buffer[r]]`. Encoding 0 is raw: int64 times, then
    float64 values; 1 is an XOR chunk, 4 an XOR2 chunk. `min_time` and `max_time` are closed.
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


# ---- passing arrays --------------------------------------------------------------------------------------------------


def _check(status: int) -> None:
    if status != lib.OBS_OK:
        error = _ERRORS[status]
        raise type(error)(*error.args)


_pass = ffi.from_buffer  # (ctype, buffer): the memory itself, kept alive by what is returned


def _bytes(data: Buffer) -> Any:
    return data if type(data) is bytes else _pass(_U8, data)


def _array(array: npt.NDArray[Any], dtype: type[np.generic], shape: tuple[int, ...], name: str) -> npt.NDArray[Any]:
    if array.dtype != dtype:
        raise TypeError(f"{name} must be {np.dtype(dtype)}, not {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, not {array.shape}")
    return np.ascontiguousarray(array)


_RUN_COLUMNS: Final = (
    ("buffer", _I32, np.int32), ("start", _I64, np.int64), ("length", _I64, np.int64),
    ("encoding", _U8, np.uint8), ("min_time", _I64, np.int64), ("max_time", _I64, np.int64),
)  # fmt: skip


class _Runs:
    """A run table as C sees it; keeps alive what the pointers refer to."""

    def __init__(self, runs: RunTable) -> None:
        self.n_runs = len(runs.buffer)
        self.n_series = len(runs.offsets) - 1
        buffers = [_pass(_U8, each) for each in runs.buffers]
        columns = {"offsets": _pass(_I64, _array(runs.offsets, np.int64, (max(self.n_series, 0) + 1,), "offsets"))}
        for name, ctype, dtype in _RUN_COLUMNS:
            columns[name] = _pass(ctype, _array(getattr(runs, name), dtype, (self.n_runs,), name))
        columns["buffers"] = ffi.new("uint8_t *[]", buffers)
        columns["sizes"] = ffi.new("size_t[]", [len(each) for each in buffers])
        sizes = {"n_buffers": len(buffers), "n_series": self.n_series, "n_runs": self.n_runs}
        self.pointer = ffi.new("obs_runs *", columns | sizes)
        self._alive = buffers, columns

    def measure(self, start: int, end: int) -> tuple[int, int]:
        """Upper bounds for the samples in `[start, end]`: of one series, of all."""
        longest, total = ffi.new(_SIZE), ffi.new(_SIZE)
        _check(lib.obs_runs_measure(self.pointer, start, end, longest, total))
        return longest[0], total[0]


def _scratch(capacity: int) -> tuple[Any, list[Any]]:
    """Room for the samples of one series, and what keeps it alive."""
    kinds = ((_I64, np.int64), (_F64, np.float64), (_I64, np.int64), (_U64, np.uint64))
    columns = [_pass(ctype, np.empty(capacity, dtype)) for ctype, dtype in kinds]
    return ffi.new("obs_scratch *", [*columns, capacity]), columns


class _Frame:
    """A frame to be filled from runs: what selecting and windowing share."""

    def __init__(self, runs: RunTable, times: Int64Array, span_ms: int, span_name: str) -> None:
        times = _array(times, np.int64, (times.size,), "times")
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
        self.inputs = (table.pointer, _pass(_I64, times), len(times), span_ms)
        self.outputs = (_pass(_F64, self.values), _pass(_U8, self.present))
        self._table = table


# ---- hashes and compression ------------------------------------------------------------------------------------------


def crc32c(data: Buffer) -> int:
    """CRC-32C (Castagnoli) of the data."""
    return int(lib.obs_hash_crc32c(_bytes(data), len(data)))


def crc32c_many(data: Buffer, starts: Int64Array, lengths: Int64Array) -> npt.NDArray[np.uint32]:
    """CRC-32C of `n` ranges of one buffer. Raises ValueError if a range leaves it."""
    n = len(starts)
    starts, lengths = _array(starts, np.int64, (n,), "starts"), _array(lengths, np.int64, (n,), "lengths")
    sums = np.empty(n, np.uint32)
    views = [_pass(_I64, starts), _pass(_I64, lengths)]
    _check(lib.obs_hash_crc32c_many(_bytes(data), len(data), *views, n, _pass(_U32, sums)))
    return sums


def xxhash64(data: bytes) -> int:
    """XXH64 with seed 0."""
    return int(lib.obs_hash_xxhash64(data, len(data)))


def fnv1a64(data: bytes) -> int:
    """FNV-1a, 64 bits."""
    return int(lib.obs_hash_fnv1a64(data, len(data)))


def snappy_decode(data: Buffer) -> bytes:
    """Decompress one raw Snappy block. Raises CorruptionError."""
    length = ffi.new(_SIZE)
    source = _bytes(data)
    _check(lib.obs_snappy_length(source, len(data), length))
    out = bytearray(length[0])
    with _pass(_U8, out) as target:
        _check(lib.obs_snappy_decode(source, len(data), target, len(out)))
    return bytes(out)


# ---- chunks ----------------------------------------------------------------------------------------------------------


class XorAppender:
    """Writes an XOR chunk, a batch of samples at a time: the bytes are the same however it is split up."""

    __slots__ = ("_chunk", "_state")

    def __init__(self) -> None:
        self._chunk = np.zeros(256, np.uint8)
        self._state = ffi.new("obs_xor_state *")

    @classmethod
    def from_chunk(cls, data: Buffer) -> "XorAppender":
        """Go on where the writer of `data` stood. Raises CorruptionError."""
        self = cls()
        _decode_chunk(data, self._state)
        used = self._used
        self._chunk = np.zeros(max(256, 2 * used), np.uint8)
        self._chunk[:used] = np.frombuffer(data, np.uint8)[:used]
        return self

    def append(self, times: Int64Array, values: Float64Array) -> None:
        """Add samples. Raises ValueError, and adds none, if the chunk would have more than 65535."""
        n = len(times)
        times, values = _array(times, np.int64, (n,), "times"), _array(values, np.float64, (n,), "values")
        if len(self) + n > 0xFFFF:
            raise ValueError(f"a chunk holds 65535 samples, not {len(self) + n}")
        needed = self._used + lib.obs_xor_max_length(n)
        if needed > len(self._chunk):
            grown = np.zeros(2 * needed, np.uint8)
            grown[: self._used] = self._chunk[: self._used]
            self._chunk = grown
        chunk = _pass(_U8, self._chunk)
        views = [_pass(_I64, times), _pass(_F64, values)]
        _check(lib.obs_xor_append(self._state, chunk, len(self._chunk), *views, n))

    def to_bytes(self) -> bytes:
        """The chunk so far."""
        return self._chunk[: self._used].tobytes()

    def __len__(self) -> int:
        return int(self._state.count)

    @property
    def _used(self) -> int:
        return max(2, (int(self._state.position) + 7) // 8)


def xor_encode(times: Int64Array, values: Float64Array) -> bytes:
    """The samples as one XOR chunk, bit for bit as Prometheus writes it. At most 65535 samples."""
    appender = XorAppender()
    appender.append(times, values)
    return appender.to_bytes()


def xor_encode_many(times: Int64Array, values: Float64Array, offsets: Int64Array) -> tuple[bytes, Int64Array]:
    """Many chunks in one call: chunk `i` has the samples `offsets[i]:offsets[i + 1]`.

    Returns the chunks one after another, and int64 `[chunks + 1]`, where each begins and ends.
    """
    n, n_chunks = len(times), len(offsets) - 1
    times, values = _array(times, np.int64, (n,), "times"), _array(values, np.float64, (n,), "values")
    offsets = _array(offsets, np.int64, (n_chunks + 1,), "offsets")
    counts = np.diff(offsets)
    if n_chunks < 0 or offsets[0] < 0 or offsets[-1] > n or (counts < 0).any() or (counts > 0xFFFF).any():
        raise ValueError("offsets must ascend within the samples, by at most 65535")
    out = np.empty(n_chunks * lib.obs_xor_max_length(0) + int(counts.sum()) * _BYTES_PER_SAMPLE, np.uint8)
    ends = np.zeros(n_chunks + 1, np.int64)
    views = [_pass(_I64, times), _pass(_F64, values), _pass(_I64, offsets)]
    target = _pass(_U8, out)
    _check(lib.obs_xor_encode_many(*views, n_chunks, target, len(out), _pass(_I64, ends[1:])))
    return out[: ends[-1]].tobytes(), ends


_BYTES_PER_SAMPLE: Final = lib.obs_xor_max_length(1) - lib.obs_xor_max_length(0)


def xor_decode(data: Buffer) -> tuple[Int64Array, Float64Array]:
    """Times and values of an XOR chunk; the bits of every NaN survive. Raises CorruptionError."""
    return _decode_chunk(data, ffi.new("obs_xor_state *"))


def _decode_chunk(data: Buffer, state: Any) -> tuple[Int64Array, Float64Array]:
    source = _bytes(data)
    capacity = lib.obs_xor_capacity(source, len(data))
    times, values = np.empty(capacity, np.int64), np.empty(capacity, np.float64)
    views = [_pass(_I64, times), _pass(_F64, values)]
    _check(lib.obs_xor_resume(source, len(data), *views, capacity, ffi.new(_SIZE), state))
    return times, values


def xor2_decode(data: Buffer) -> tuple[Int64Array, Float64Array]:
    """Times and values of an XOR2 chunk; the bits of every NaN survive. Raises CorruptionError."""
    source = _bytes(data)
    capacity = lib.obs_xor2_capacity(source, len(data))
    times, values = np.empty(capacity, np.int64), np.empty(capacity, np.float64)
    views = [_pass(_I64, times), _pass(_F64, values)]
    _check(lib.obs_xor2_decode(source, len(data), *views, capacity, ffi.new(_SIZE)))
    return times, values


# ---- series ----------------------------------------------------------------------------------------------------------


def decode_runs(runs: RunTable) -> tuple[Int64Array, Float64Array, Int64Array, UInt8Array]:
    """All samples, in CSR form.

    Returns times int64 `[n]` and values float64 `[n]`, of which series `i` owns `offsets[i]:offsets[i + 1]`, these
    offsets, and uint8 `[runs]`: 1 for a run whose bytes are corrupt. Such a run gives the samples before its fault.
    """
    table = _Runs(runs)
    _, total = table.measure(_MIN_TIME, 2**63 - 1)
    times, values = np.empty(total, np.int64), np.empty(total, np.float64)
    offsets, bad = np.zeros(table.n_series + 1, np.int64), np.zeros(table.n_runs, np.uint8)
    views = [_pass(_I64, times), _pass(_F64, values)]
    ends = _pass(_I64, offsets[1:])
    _check(lib.obs_runs_decode(table.pointer, *views, total, ends, _pass(_U8, bad)))
    return times[: offsets[-1]], values[: offsets[-1]], offsets, bad


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
    own_times = ffi.NULL if sample_times is None else _pass(_I64, sample_times)
    status = lib.obs_select_instant(*frame.inputs, frame.scratch, *frame.outputs, own_times, _pass(_U8, frame.bad))
    _check(status)
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
    given = _array(given, np.float64, (lib.obs_window_params(index), len(times)), f"the params of {function}")
    rows = _pass(_F64, given)
    _check(lib.obs_window_apply(index, *frame.inputs, rows, frame.scratch, *frame.outputs, _pass(_U8, frame.bad)))
    return frame.values, frame.present, frame.bad


# ---- aggregation -----------------------------------------------------------------------------------------------------

GROUP_OPERATORS: Final[dict[str, int]] = {
    ffi.string(lib.obs_group_name(i)).decode(): i for i in range(lib.obs_group_count())
}
"""The aggregation operators of PromQL that `reduce_groups` knows, by name."""


def reduce_groups(
    op: str,
    values: Float64Array,
    present: BoolArray,
    groups: Int64Array,
    n_groups: int,
    params: Float64Array | None = None,
) -> tuple[Float64Array, BoolArray]:
    """Aggregate the series of each group, in row order.

    `values` and `present` are `[series, steps]`; `groups` int64 `[series]` is below `n_groups`; `params` float64
    `[steps]` is the quantile at each step. Returns values and present, `[n_groups, steps]`. Raises ValueError for an
    unknown operator.
    """
    index = GROUP_OPERATORS.get(op)
    if index is None:
        raise ValueError(f"no aggregation operator is named {op}")
    n_rows, n_steps = values.shape
    values = _array(values, np.float64, (n_rows, n_steps), "values")
    present = _array(present, np.bool_, (n_rows, n_steps), "present")
    groups = _array(groups, np.int64, (n_rows,), "groups")
    if lib.obs_group_has_param(index):
        if params is None:
            raise ValueError(f"{op} needs a parameter")
        params = _array(params, np.float64, (n_steps,), "params")
    out, out_present = np.empty((n_groups, n_steps)), np.empty((n_groups, n_steps), np.bool_)
    scratch_views = [
        _pass(_CELLS, np.empty(n_steps * _CELL_DOUBLES)),
        _pass(_U64, np.empty(n_rows, np.uint64)),
        _pass(_I64, np.empty(n_rows, np.int64)),
        _pass(_I64, np.empty(n_groups + 1, np.int64)),
    ]
    status = lib.obs_group_reduce(
        index,
        _pass(_F64, values),
        _pass(_U8, present),
        _pass(_I64, groups),
        n_rows,
        n_steps,
        n_groups,
        ffi.NULL if params is None else _pass(_F64, params),
        ffi.new("obs_group_scratch *", scratch_views),
        _pass(_F64, out),
        _pass(_U8, out_present),
    )
    _check(status)
    return out, out_present


def histogram_quantile(
    q: Float64Array, le: Float64Array, values: Float64Array, present: BoolArray, offsets: Int64Array
) -> tuple[Float64Array, BoolArray, UInt8Array]:
    """Quantiles of classic histograms.

    `q` float64 `[steps]`; `le` float64 `[rows]`, the upper bounds, without NaN; `values` and `present` `[rows, steps]`,
    the cumulative counts. Group `g` has the rows `offsets[g]:offsets[g + 1]`, by ascending bound, equal ones together.
    Returns values, present and uint8 forced, `[groups, steps]`; forced is 1 where counts that fell were raised.
    """
    n_rows, n_steps, n_groups = len(le), len(q), len(offsets) - 1
    q, le = _array(q, np.float64, (n_steps,), "q"), _array(le, np.float64, (n_rows,), "le")
    values = _array(values, np.float64, (n_rows, n_steps), "values")
    present = _array(present, np.bool_, (n_rows, n_steps), "present")
    offsets = _array(offsets, np.int64, (n_groups + 1,), "offsets")
    out, out_present = np.empty((n_groups, n_steps)), np.empty((n_groups, n_steps), np.bool_)
    forced = np.empty((n_groups, n_steps), np.uint8)
    status = lib.obs_histogram_quantile(
        _pass(_F64, q),
        _pass(_F64, le),
        _pass(_F64, values),
        _pass(_U8, present),
        _pass(_I64, offsets),
        n_rows,
        n_steps,
        n_groups,
        _pass(_F64, np.empty(n_rows)),
        _pass(_F64, np.empty(n_rows)),
        _pass(_F64, out),
        _pass(_U8, out_present),
        _pass(_U8, forced),
    )
    _check(status)
    return out, out_present, forced
