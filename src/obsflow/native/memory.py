"""Arrays and buffers on their way to the kernels and back. The only importer of `obsflow._kernels`."""

from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

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


class Room(Protocol):
    """Memory for each of some workers."""

    workers: int
    capacity: int


R = TypeVar("R", bound=Room)


class Reserve(Generic[R]):
    """Room that was used and will be again: fresh memory costs more than a small query.

    A call takes its room out and gives it back, so that threads share nothing. Room is made for `least` at least, and
    not kept above `most`.
    """

    _MAX_KEPT: Final = 4

    def __init__(self, make: Callable[[int, int], R], *, least: int, most: int) -> None:
        self._make, self._least, self._most = make, least, most
        self._kept: list[R] = []

    def take(self, workers: int, capacity: int) -> R:
        """Room of this capacity, or more, for each of so many workers, or more."""
        while self._kept:
            try:
                room = self._kept.pop()
            except IndexError:
                break  # another thread took it
            if room.workers >= workers and room.capacity >= capacity:
                return room
        return self._make(workers, max(capacity, self._least))

    def give(self, room: R) -> None:
        """Room that is free again."""
        if len(self._kept) < self._MAX_KEPT and room.capacity <= self._most:
            self._kept.append(room)


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
