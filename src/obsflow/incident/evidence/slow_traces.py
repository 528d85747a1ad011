"""The slowest trace of a time: what it waited for, and which span took most."""

from collections.abc import Iterable
from typing import Any, Final

import attrs

from obsflow.incident.evidence.critical_path import Operation, operation_of, path_times
from obsflow.incident.evidence.records import MS_NS, Window
from obsflow.incident.evidence.traces import Trace
from obsflow.model.labels import quote

_TOLD: Final = 5


@attrs.frozen
class SlowTrace:
    """A trace in short; all durations are nanoseconds.

    `path` are the operations on its critical path, the longest first, which add up to `duration_ns`. `slowest` is the
    span with the most time of its own, `slowest_ns` that time.
    """

    trace_id: str
    root: Operation
    duration_ns: int
    path: tuple[tuple[Operation, int], ...]
    slowest: Operation
    slowest_ns: int

    @classmethod
    def of(cls, trace: Trace) -> "SlowTrace":
        """The trace of a root in short."""
        span = trace.slowest()
        path = sorted(path_times(trace).items(), key=lambda each: (-each[1], each[0]))
        root = trace.root
        return cls(
            trace.trace_id, operation_of(root), root.span.duration_ns, tuple(path), operation_of(span), span.self_ns
        )

    def render(self) -> str:
        """A sentence about it."""
        waited = ", ".join(f"{_ms(length)} {_name(operation)}" for operation, length in self.path[:_TOLD])
        return (
            f"The slowest trace, {self.trace_id}, took {_ms(self.duration_ns)} in {_name(self.root)}. It waited for "
            f"{waited or 'nothing'}; most time of its own has {_name(self.slowest)}, {_ms(self.slowest_ns)}."
        )

    def to_plain(self) -> dict[str, Any]:
        """The trace as plain data."""
        return {
            "trace_id": self.trace_id,
            "root": _plain(self.root, self.duration_ns),
            "critical_path": [_plain(operation, length) for operation, length in self.path],
            "slowest_span": _plain(self.slowest, self.slowest_ns),
        }


def find_slow_trace(traces: Iterable[Trace], during: Window) -> SlowTrace | None:
    """The trace that took longest of those that begin in a window; of equals the first, then the lower id."""
    inside = (trace for trace in traces if trace.root.span.time in during)
    slow = min(inside, key=lambda t: (-t.root.span.duration_ns, t.root.span.start_ns, t.trace_id), default=None)
    return None if slow is None else SlowTrace.of(slow)


def _name(operation: Operation) -> str:
    return f"{operation[0]} {quote(operation[1])}"


def _ms(length_ns: int) -> str:
    return f"{length_ns / MS_NS:.6g} ms"


def _plain(operation: Operation, length_ns: int) -> dict[str, Any]:
    return {"component": operation[0], "name": operation[1], "duration_ns": length_ns}
