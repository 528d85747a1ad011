"""Arrays and buffers on their way to the kernels and back. The only importer of `obsflow._kernels`."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obsflow._kernels import ffi, lib
from obsflow.errors import CorruptionError

__all__ = ["ffi", "lib"]

Buffer = bytes | bytearray | memoryview
Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
UInt8Array = npt.NDArray[np.uint8]
UInt64Array = npt.NDArray[np.uint64]

U8 = ffi.typeof("uint8_t[]")
U32 = ffi.typeof("uint32_t[]")
U64 = ffi.typeof("uint64_t[]")
I32 = ffi.typeof("int32_t[]")
I64 = ffi.typeof("int64_t[]")
F64 = ffi.typeof("double[]")
SIZE = ffi.typeof("size_t *")
RANKED = ffi.typeof("obs_rank_entry[]")

_ERRORS: Final[dict[int, Exception]] = {
    lib.OBS_TRUNCATED: CorruptionError("the data ends inside a value"),
    lib.OBS_CORRUPT: CorruptionError("the data contradicts its format"),
    lib.OBS_INVALID: ValueError("an index or a range lies outside of what it refers to"),
    lib.OBS_NO_SPACE: ValueError("the data holds more than it measured"),
}


def check(status: int) -> None:
    """Raise what a kernel's status stands for: CorruptionError or ValueError."""
    if status != lib.OBS_OK:
        error = _ERRORS[status]
        raise type(error)(*error.args)


pass_memory = ffi.from_buffer  # (ctype, buffer): the memory itself, kept alive by what is returned


def pass_bytes(data: Buffer) -> Any:
    """Bytes as a kernel reads them, which are not copied."""
    return data if type(data) is bytes else pass_memory(U8, data)


def as_array(array: npt.NDArray[Any], dtype: type[np.generic], shape: tuple[int, ...], name: str) -> npt.NDArray[Any]:
    """The array in one piece. Raises TypeError and ValueError, by `name`, for another dtype or shape."""
    if array.dtype != dtype:
        raise TypeError(f"{name} must be {np.dtype(dtype)}, not {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, not {array.shape}")
    return np.ascontiguousarray(array)
