"""The critical path of a trace: the spans that, had they been faster, would have made the whole faster."""

from collections.abc import Iterable

import attrs

from obsflow.incident.evidence.traces import Node, Trace

Operation = tuple[str, str]  # component, name of the span


@attrs.frozen
class Segment:
    """A stretch of the critical path, which belongs to one span alone. Nanoseconds by the root's clock."""

    node: Node
    start_ns: int
    end_ns: int

    @property
    def duration_ns(self) -> int:
        """How long it is."""
        return self.end_ns - self.start_ns


def find_critical_path(root: Node) -> tuple[Segment, ...]:
    """The critical path below a span, in order of time; the segments fill the span without a gap.

    From the end of the span one walks back: the child that finished last is what was waited for; before it began, the
    one that finished last by then, and so on. What no such child fills is the span's own. The same holds within each
    child (Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures", USENIX ATC 2022; so
    does Jaeger's page of a trace). A child counts as far as it lies within its parent, as there: what goes on after
    the parent ended was not waited for. Unlike CRISP's, a sibling that overlaps the next one a little is not taken to
    have been before it. Of children that finished together the one that began first counts, then the lower id.
    """
    segments: list[Segment] = []
    pending = [_Walk.of(root, root.start_ns, root.end_ns)]
    while pending:
        walk = pending[-1]
        child = walk.next_child()
        end, walk.at = walk.at, max(child.start_ns, walk.start) if child else walk.start
        finished = min(child.end_ns, walk.end) if child else walk.start
        if end > finished:
            segments.append(Segment(walk.node, finished, end))
        if child is None:
            pending.pop()
        else:
            pending.append(_Walk.of(child, walk.at, finished))
    return tuple(reversed(segments))


@attrs.define
class _Walk:
    """Going back through a span from `end`; `at` is how far, `rest` the children that may come, the next one last."""

    node: Node
    start: int
    end: int
    at: int
    rest: list[Node]

    @classmethod
    def of(cls, node: Node, start: int, end: int) -> "_Walk":
        inside = [c for c in node.children if min(c.end_ns, end) > max(c.start_ns, start)]
        inside.sort(key=lambda c: c.span.span_id, reverse=True)
        inside.sort(key=lambda c: (min(c.end_ns, end), -max(c.start_ns, start)))
        return cls(node, start, end, end, inside)

    def next_child(self) -> Node | None:
        """The child that finished last before `at`."""
        while self.rest:
            child = self.rest.pop()
            if min(child.end_ns, self.end) <= self.at:
                return child
        return None


def operation_of(node: Node) -> Operation:
    """Whose time a span's own time is: the component that answers for it, and the name of the span."""
    return (node.span.component, node.span.name)


def path_times(trace: Trace) -> dict[Operation, int]:
    """Nanoseconds of the critical path by operation; they add up to the duration of the root."""
    times: dict[Operation, int] = {}
    for segment in find_critical_path(trace.root):
        operation = operation_of(segment.node)
        times[operation] = times.get(operation, 0) + segment.duration_ns
    return times


def self_times(trace: Trace) -> dict[Operation, int]:
    """Nanoseconds of their own by operation, over all spans of a trace; spans that run side by side both count."""
    times: dict[Operation, int] = {}
    for node in trace.nodes():
        operation = operation_of(node)
        times[operation] = times.get(operation, 0) + node.self_ns
    return times


def total(times: Iterable[dict[Operation, int]]) -> dict[Operation, int]:
    """The sums over several traces."""
    sums: dict[Operation, int] = {}
    for each in times:
        for operation, time in each.items():
            sums[operation] = sums.get(operation, 0) + time
    return sums
