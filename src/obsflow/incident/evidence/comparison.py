"""What differs between slow traces and normal ones, and where failing traces began to fail."""

import collections
from collections.abc import Sequence
from fractions import Fraction

import attrs

from obsflow.incident.evidence.critical_path import Operation, operation_of, path_times, self_times, total
from obsflow.incident.evidence.rates import ONE_IN_A_HUNDRED, likelihood_ratio, rose
from obsflow.incident.evidence.traces import Node, Trace


@attrs.frozen
class OperationGrowth:
    """How much slower an operation is. All are means a trace in nanoseconds; a trace without the operation counts as 0.

    `share` is the part of the root's growth that lies in the operation: the growth on the critical path by the growth
    of the root's duration. The shares of all operations add up to 1. It is 0 where the root did not grow. `excess`
    is the part of the slow roots' duration that is growth in the operation.
    """

    component: str
    name: str
    self_before_ns: float
    self_after_ns: float
    path_growth_ns: float
    share: float
    excess: float

    @property
    def growth_ns(self) -> float:
        """By how much the operation's own time grew."""
        return self.self_after_ns - self.self_before_ns


def compare_traces(slow: Sequence[Trace], normal: Sequence[Trace]) -> tuple[OperationGrowth, ...]:
    """The operations by the growth of their own time, the one that grew most first. ValueError if a side is empty."""
    if not slow or not normal:
        raise ValueError("a comparison needs slow traces and normal ones")
    own = [total(self_times(trace) for trace in side) for side in (normal, slow)]
    path = [total(path_times(trace) for trace in side) for side in (normal, slow)]
    counts = (len(normal), len(slow))
    roots = (sum(path[0].values()), sum(path[1].values()))
    root_growth = _growth(roots, counts)
    grown = []
    for operation in sorted({*own[0], *own[1]}):
        before, after = (side.get(operation, 0) for side in own)
        growth = _growth((path[0].get(operation, 0), path[1].get(operation, 0)), counts)
        grown.append(
            OperationGrowth(
                *operation,
                self_before_ns=before / counts[0],
                self_after_ns=after / counts[1],
                path_growth_ns=float(growth),
                share=float(growth / root_growth) if root_growth > 0 else 0.0,
                excess=float(growth * counts[1] / roots[1]) if root_growth > 0 else 0.0,
            )
        )
    return tuple(sorted(grown, key=lambda each: (-each.growth_ns, each.component, each.name)))


def _growth(sums: tuple[int, int], counts: tuple[int, int]) -> Fraction:
    return Fraction(sums[1], counts[1]) - Fraction(sums[0], counts[0])


@attrs.frozen
class Failure:
    """A span that failed though nothing below it did, and the failing spans above it, the nearest first."""

    origin: Node
    carried_by: tuple[Node, ...]

    @property
    def reached_root(self) -> bool:
        """Whether the failure came up to the root."""
        top = self.carried_by[-1] if self.carried_by else self.origin
        return top.parent is None


def find_failures(trace: Trace) -> tuple[Failure, ...]:
    """The places where a trace began to fail: those that reached the root first, then the deepest, then the first."""
    nodes = list(trace.nodes())
    failing_below: set[Node] = set()
    for node in reversed(nodes):
        if node.parent is not None and (node.failed or node in failing_below):
            failing_below.add(node.parent)
    failures = [Failure(node, _carriers(node)) for node in nodes if node.failed and node not in failing_below]
    return tuple(sorted(failures, key=_rank))


def _rank(failure: Failure) -> tuple[bool, int, int, str]:
    origin = failure.origin
    return (not failure.reached_root, -origin.depth, origin.start_ns, origin.span.span_id)


def _carriers(node: Node) -> tuple[Node, ...]:
    carriers = []
    above = node.parent
    while above is not None and above.failed:
        carriers.append(above)
        above = above.parent
    return tuple(carriers)


@attrs.frozen
class FailureOrigin:
    """An operation at which traces began to fail: `traces` of the `failing` ones; `first_at` is ms.

    `expected` is how many there would be at the rate of the normal traces. `message` is the most frequent one of its
    spans.
    """

    component: str
    name: str
    traces: int
    failing: int
    expected: float
    first_at: int
    message: str

    @property
    def excess(self) -> float:
        """The part of the failing traces that began to fail here, beyond what is normal."""
        return (self.traces - self.expected) / self.failing


def count_origins(
    traces: Sequence[Trace], normal: Sequence[Trace] = (), *, significant: float = ONE_IN_A_HUNDRED
) -> tuple[FailureOrigin, ...]:
    """Where the failing traces began to fail, the most frequent first: of each trace its first failure.

    Beside `normal` traces only the operations count that begin to fail more often than in these: where
    `rates.likelihood_ratio` is at least `significant`, by default what chance alone reaches once in a hundred.
    """
    found, before = _origins(traces), _origins(normal)
    failing = sum(map(len, found.values()))
    sizes = (len(normal), len(traces))
    origins = []
    for operation, nodes in found.items():
        counts = (len(before.get(operation, ())), len(nodes))
        if normal and not (rose(counts, sizes) and likelihood_ratio(counts, sizes) >= significant):
            continue
        expected = counts[0] * sizes[1] / sizes[0] if normal else 0.0
        first_at = min(node.span.time for node in nodes)
        origins.append(FailureOrigin(*operation, len(nodes), failing, expected, first_at, _most_frequent(nodes)))
    return tuple(sorted(origins, key=lambda o: (-o.traces, o.component, o.name)))


def _origins(traces: Sequence[Trace]) -> dict[Operation, list[Node]]:
    """The first failure of each failing trace, by operation."""
    found: dict[Operation, list[Node]] = {}
    for trace in traces:
        failures = find_failures(trace)
        if failures:
            found.setdefault(operation_of(failures[0].origin), []).append(failures[0].origin)
    return found


def _most_frequent(nodes: list[Node]) -> str:
    messages = collections.Counter(node.span.message for node in nodes if node.span.message)
    return min(messages, key=lambda message: (-messages[message], message), default="")
