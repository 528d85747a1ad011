"""Which segments of the log of late samples are of use: it is written anew when blocks have taken up samples of it."""

from obsflow.tsdb.log_writer import LogWriter
from obsflow.tsdb.operations import Operation, Remove, Sync


class LateLog:
    """The segments from `first` on are there. Those before the one it was written anew in are of no use."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._from = first
        self._next = first

    def has_segments(self, end: tuple[int, int]) -> bool:
        """Whether there are any, when the log ends at this segment and position."""
        return end != (self._first, 0)

    def start_anew(self, segment: int) -> None:
        """It is being written anew, in this segment."""
        self._next = segment

    def commit(self) -> None:
        """That is done."""
        self._from = max(self._from, self._next)

    def clear(self, log: LogWriter, *, is_written: bool) -> list[Operation]:
        """What removes the segments of no use, the oldest first: those that stay must follow one another.

        The directory goes with the last, as Prometheus takes one without a segment for damaged.
        """
        gone: list[Operation] = [Remove(f"{log.directory}/{number:08d}") for number in range(self._first, self._from)]
        if gone and log.segment == self._from and not is_written:
            gone += [Remove(log.directory), Sync(".")]
        return gone

    def cleared(self) -> None:
        """They are gone."""
        self._first = self._from
