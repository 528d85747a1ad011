"""Maintenance: stretches of time in which a service pages nobody by itself, and when what was due in them happens."""

from collections.abc import Iterable

import attrs


@attrs.frozen(order=True)
class Window:
    """A stretch of time in ms, the end exclusive."""

    start: int
    end: int

    def covers(self, at: int) -> bool:
        """Whether an instant is within."""
        return self.start <= at < self.end


def free_at(windows: Iterable[Window], at: int) -> int:
    """The first instant, from `at` on, that no window covers."""
    for window in sorted(windows):
        if window.covers(at):
            at = window.end
    return at
