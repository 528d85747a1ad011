"""The tree of a trace, of whatever spans arrived: parents may be missing, clocks differ, roots be several."""

import enum
from collections.abc import Iterable
from typing import Self

import attrs

from obsflow.incident.evidence.records import Span, SpanStatus


class Repair(enum.Enum):
    """What had to be assumed of a span to make a tree."""

    PARENT_MISSING = "parent missing"
    CYCLE_CUT = "cycle cut"
    DUPLICATE_DROPPED = "duplicate dropped"
    CLOCK_SHIFTED = "clock shifted"


@attrs.frozen(eq=False)
class Node:
    """A span in its tree. `start_ns` and `end_ns` are the span's by its parent's clock; `depth` is 0 for a root.

    Children are in order of (start, end, id).
    """

    span: Span
    start_ns: int
    end_ns: int
    depth: int
    parent: "Node | None" = attrs.field(repr=False)
    children: list["Node"] = attrs.field(factory=list, repr=False)

    @property
    def failed(self) -> bool:
        """Whether the span says that it failed."""
        return self.span.status is SpanStatus.ERROR

    @property
    def self_ns(self) -> int:
        """The span's duration less the time in which at least one child ran."""
        covered, until = 0, self.start_ns
        for child in self.children:
            start, end = max(child.start_ns, until), min(child.end_ns, self.end_ns)
            if end > start:
                covered += end - start
                until = end
        return self.end_ns - self.start_ns - covered


@attrs.frozen(eq=False)
class Trace:
    """A trace: its roots, the best first, and what was repaired.

    A true root, one without a parent, is better than a span whose parent did not arrive; then the one that begins
    first, and of those the longest.
    """

    trace_id: str
    roots: tuple[Node, ...]
    repairs: tuple[tuple[str, Repair], ...]

    @classmethod
    def of(cls, spans: Iterable[Span]) -> Self:
        """The tree of the spans of one trace, in any order. ValueError if there are none, or of several traces.

        Of spans with one id the longest counts. A child of another service that begins before its parent has another
        clock: it is moved, with all below it, to the middle of its parent, as Jaeger does, or to its start where it is
        longer. A ring of parents is cut above the span that begins first.
        """
        ordered = sorted(spans, key=_order)
        identities = {span.trace_id for span in ordered}
        if len(identities) != 1:
            raise ValueError(f"expected the spans of one trace, found {len(identities)} traces")
        repairs: list[tuple[str, Repair]] = []
        known = _unique(ordered, repairs)
        children: dict[str, list[Span]] = {}
        tops = []
        for span in known.values():
            if span.parent_id and span.parent_id in known:
                children.setdefault(span.parent_id, []).append(span)
            else:
                tops.append(span)
                if span.parent_id:
                    repairs.append((span.span_id, Repair.PARENT_MISSING))
        tops.extend(_cut_cycles(known, children, tops, repairs))
        tops.sort(key=lambda span: (span.parent_id != "", span.start_ns, -span.end_ns, span.span_id))
        roots = tuple(_grow(top, children, repairs) for top in tops)
        return cls(identities.pop(), roots, tuple(sorted(repairs, key=lambda each: (each[1].value, each[0]))))

    @property
    def root(self) -> Node:
        """The best root."""
        return self.roots[0]

    def nodes(self) -> Iterable[Node]:
        """Every span, parents before their children."""
        pending = list(reversed(self.roots))
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children))

    def slowest(self) -> Node:
        """The span with the most time of its own; of equals the one nearest to the root, then the first."""
        return min(self.nodes(), key=lambda node: (-node.self_ns, node.depth, *_order(node.span)))


def group_traces(spans: Iterable[Span]) -> tuple[Trace, ...]:
    """The traces that spans belong to, by the time of their root, then by id."""
    groups: dict[str, list[Span]] = {}
    for span in spans:
        groups.setdefault(span.trace_id, []).append(span)
    traces = (Trace.of(group) for group in groups.values())
    return tuple(sorted(traces, key=lambda trace: (trace.root.start_ns, trace.trace_id)))


def _order(span: Span) -> tuple[int, int, str]:
    return (span.start_ns, span.end_ns, span.span_id)


def _unique(ordered: list[Span], repairs: list[tuple[str, Repair]]) -> dict[str, Span]:
    """The spans by id, in their order; of several with one id the longest, of equal ones the first by content."""
    known: dict[str, Span] = {}
    for span in sorted(
        ordered, key=lambda span: (-span.duration_ns, span.start_ns, span.parent_id, span.name, str(span))
    ):
        if span.span_id in known:
            repairs.append((span.span_id, Repair.DUPLICATE_DROPPED))
        else:
            known[span.span_id] = span
    return {span.span_id: span for span in sorted(known.values(), key=_order)}


def _cut_cycles(
    known: dict[str, Span], children: dict[str, list[Span]], tops: list[Span], repairs: list[tuple[str, Repair]]
) -> list[Span]:
    """The spans at which rings are cut: no root leads to them."""
    reached: set[str] = set()
    _reach(tops, children, reached)
    cut = []
    for span in known.values():
        if span.span_id not in reached:
            top = _first_of_ring(span, known)
            children[top.parent_id].remove(top)
            repairs.append((top.span_id, Repair.CYCLE_CUT))
            cut.append(top)
            _reach([top], children, reached)
    return cut


def _reach(tops: list[Span], children: dict[str, list[Span]], reached: set[str]) -> None:
    pending = list(tops)
    while pending:
        span = pending.pop()
        reached.add(span.span_id)
        pending.extend(children.get(span.span_id, ()))


def _first_of_ring(span: Span, known: dict[str, Span]) -> Span:
    """Of the ring that lies above a span the one that begins first."""
    seen: dict[str, None] = {}
    while span.span_id not in seen:
        seen[span.span_id] = None
        span = known[span.parent_id]
    way = list(seen)
    return min((known[each] for each in way[way.index(span.span_id) :]), key=_order)


def _grow(top: Span, children: dict[str, list[Span]], repairs: list[tuple[str, Repair]]) -> Node:
    """The tree under a span, by its clock."""
    root = Node(top, top.start_ns, top.end_ns, 0, None)
    pending = [(root, 0)]
    while pending:
        node, shift = pending.pop()
        for span in children.get(node.span.span_id, ()):
            further = _skew(node, span, shift)
            if further:
                repairs.append((span.span_id, Repair.CLOCK_SHIFTED))
            moved = shift + further
            child = Node(span, span.start_ns + moved, span.end_ns + moved, node.depth + 1, node)
            node.children.append(child)
            pending.append((child, moved))
        node.children.sort(key=lambda child: (child.start_ns, child.end_ns, child.span.span_id))
    return root


def _skew(parent: Node, span: Span, shift: int) -> int:
    """By how much the clock of a child is behind its parent's, as far as one can see."""
    start = span.start_ns + shift
    if start >= parent.start_ns or span.service == parent.span.service:
        return 0
    room = parent.end_ns - parent.start_ns - span.duration_ns
    return parent.start_ns - start + (room // 2 if room > 0 else 0)
