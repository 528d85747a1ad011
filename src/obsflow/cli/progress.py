"""A progress bar on a terminal, and nothing elsewhere."""

import time
from types import TracebackType
from typing import Self, TextIO

_WIDTH = 40
_REDRAW_S = 0.1


class ProgressBar:
    """Shows how far virtual time has come, `start` to `end` in ms; gone when its block ends."""

    def __init__(self, stream: TextIO, start: int, end: int) -> None:
        self._stream = stream
        self._start = start
        self._span = max(1, end - start)
        self._drawn_at = 0.0
        self.is_shown = stream.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn_at:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def reach(self, now: int) -> None:
        """Draw, unless it was drawn a moment ago."""
        if (moment := time.monotonic()) - self._drawn_at >= _REDRAW_S:
            self._drawn_at = moment
            share = min(1.0, (now - self._start) / self._span)
            full = round(_WIDTH * share)
            self._stream.write(f"\r[{'#' * full}{' ' * (_WIDTH - full)}] {share:4.0%}")
            self._stream.flush()
