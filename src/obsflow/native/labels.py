"""Label sets: pairs of symbol ids made into columns."""

from typing import Final

import numpy as np
import numpy.typing as npt

from obsflow.native.memory import I32, I64, SIZE, Int64Array, as_array, check, ffi, lib, pass_memory

_MAX_NAMES: Final = 128
_LABELS: Final = ffi.typeof("obs_labels *")


class LabelPairs:
    """The labels of many series: series `i` has the pairs `offsets[i]:offsets[i + 1]` of int32 `names` and `values`.

    Raises TypeError and ValueError.
    """

    __slots__ = ("_alive", "_pointer")

    def __init__(self, offsets: Int64Array, names: npt.NDArray[np.int32], values: npt.NDArray[np.int32]) -> None:
        n_series, n_pairs = len(offsets) - 1, len(names)
        series = (pass_memory(I64, as_array(offsets, np.int64, (max(n_series, 0) + 1,), "offsets")), n_series)
        pairs = (
            pass_memory(I32, as_array(names, np.int32, (n_pairs,), "names")),
            pass_memory(I32, as_array(values, np.int32, (n_pairs,), "values")),
        )
        self._alive = series, pairs
        self._pointer = ffi.new(_LABELS, (*series, *pairs, n_pairs))

    def names(self, rows: Int64Array) -> npt.NDArray[np.int32] | None:
        """The distinct names of the series at `rows`, in no order; None where there are too many for `columns`.

        Raises ValueError for a row that is not there.
        """
        rows = as_array(rows, np.int64, (len(rows),), "rows")
        names, count = np.empty(_MAX_NAMES, np.int32), ffi.new(SIZE)
        status = lib.obs_labels_names(
            self._pointer, pass_memory(I64, rows), len(rows), pass_memory(I32, names), _MAX_NAMES, count
        )
        if status == lib.OBS_NO_SPACE:
            return None
        check(status)
        return names[: count[0]]

    def columns(self, rows: Int64Array, names: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """int32 `[names, rows]`: the values of each of a few names; 0 where a series lacks it.

        Raises ValueError for a row that is not there.
        """
        rows, names = as_array(rows, np.int64, (len(rows),), "rows"), as_array(names, np.int32, (len(names),), "names")
        columns = np.empty((len(names), len(rows)), np.int32)
        check(
            lib.obs_labels_columns(
                self._pointer,
                pass_memory(I64, rows),
                len(rows),
                pass_memory(I32, names),
                len(names),
                pass_memory(I32, columns),
            )
        )
        return columns
