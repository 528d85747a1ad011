"""Samples on their way into a head: what was checked, what became of them, and why some are not taken."""

import attrs
import numpy as np
import numpy.typing as npt

from obsflow import native
from obsflow.errors import DuplicateSampleError, OutOfBoundsError, OutOfOrderError, SampleError, TooOldError
from obsflow.model.labels import Labels
from obsflow.tsdb.encoding import ByteArray, IntArray


@attrs.frozen(eq=False)
class Staged:
    """Samples that were checked and are not in the head yet: all that were given, and what will become of each.

    `codes` are `native`'s HEAD_ numbers, 0 for a sample that is taken.
    """

    rows: IntArray
    times: IntArray
    values: npt.NDArray[np.float64]
    codes: ByteArray
    is_whole: bool
    """Whether all of them are taken, and in order."""

    @classmethod
    def of(cls, rows: IntArray, times: IntArray, values: npt.NDArray[np.float64], codes: ByteArray) -> "Staged":
        """The samples with their codes."""
        return cls(rows, times, values, codes, not codes.any())

    def only(self, code: int) -> tuple[IntArray, IntArray, npt.NDArray[np.float64]]:
        """Rows, times and values of those with this code."""
        if self.is_whole and code == native.HEAD_TAKEN:
            return self.rows, self.times, self.values
        at = np.flatnonzero(self.codes == code)
        return self.rows[at], self.times[at], self.values[at]


@attrs.frozen(eq=False)
class Appended:
    """What became of a column of samples: how many are there now, and a code for each, 0 for one that was added.

    `codes` uint8 `[n]` are `native`'s HEAD_ numbers.
    """

    accepted: int
    codes: ByteArray

    @classmethod
    def of(cls, staged: Staged) -> "Appended":
        """The answer to samples that were committed."""
        codes = staged.codes
        return cls(len(codes) if staged.is_whole else int(np.isin(codes, ACCEPTED).sum()), codes)


ACCEPTED = (native.HEAD_TAKEN, native.HEAD_REPEATED, native.HEAD_LATE)
"""The codes of samples that are not refused."""

_REFUSALS: dict[int, tuple[type[SampleError], str]] = {
    native.HEAD_CONTRADICTS: (DuplicateSampleError, "the series has another value at that time"),
    native.HEAD_OUT_OF_ORDER: (OutOfOrderError, "the series has a later sample"),
    native.HEAD_OUT_OF_BOUNDS: (OutOfBoundsError, "it is older than all that is taken"),
    native.HEAD_TOO_OLD: (TooOldError, "late samples are not taken from so long ago"),
}


def refusal(code: int, labels: Labels, time: int) -> SampleError:
    """The error for a sample that is not taken, by its code."""
    kind, why = _REFUSALS[code]
    return kind(f"sample of {labels} at {time} ms is not taken: {why}")
