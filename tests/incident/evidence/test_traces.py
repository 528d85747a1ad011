"""Trees, critical paths, failures and comparisons of traces, worked by hand and against slow twins."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsflow.incident.evidence import (
    Repair,
    Trace,
    Window,
    compare_traces,
    count_origins,
    find_critical_path,
    find_failures,
    find_slow_trace,
    group_traces,
    path_times,
    self_times,
)
from tests.incident.evidence.cases import span
from tests.oracles.evidence import critical_path_owner, self_time


def path_of(*spans):
    return [(s.node.span.span_id, s.start_ns, s.end_ns) for s in find_critical_path(Trace.of(spans).root)]


def shape(trace):
    return [(node.span.span_id, node.depth) for node in trace.nodes()]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([span("a", "", 0, 10)], [("a", 0, 10)]),
        ([span("a", "", 5, 5)], []),
        (  # one after the other
            [span("a", "", 0, 100), span("b", "a", 10, 40), span("c", "a", 50, 90)],
            [("a", 0, 10), ("b", 10, 40), ("a", 40, 50), ("c", 50, 90), ("a", 90, 100)],
        ),
        (  # side by side: only the one that finished last was waited for
            [span("a", "", 0, 100), span("b", "a", 10, 80), span("c", "a", 10, 90)],
            [("a", 0, 10), ("c", 10, 90), ("a", 90, 100)],
        ),
        (  # a child overlaps the last one: what lies before that is the parent's, or an earlier child's
            [span("a", "", 0, 100), span("b", "a", 0, 30), span("c", "a", 20, 60), span("d", "a", 50, 100)],
            [("b", 0, 30), ("a", 30, 50), ("d", 50, 100)],
        ),
        (  # a child goes on after its parent ended
            [span("a", "", 0, 100), span("b", "a", 60, 150)],
            [("a", 0, 60), ("b", 60, 100)],
        ),
        (  # a child begins after its parent ended
            [span("a", "", 0, 100), span("b", "a", 100, 150)],
            [("a", 0, 100)],
        ),
        (  # grandchildren, one of them outside its parent
            [span("a", "", 0, 100), span("b", "a", 20, 80), span("c", "b", 30, 50), span("d", "b", 70, 95)],
            [("a", 0, 20), ("b", 20, 30), ("c", 30, 50), ("b", 50, 70), ("d", 70, 80), ("a", 80, 100)],
        ),
        (  # finished together: the one that began first, then the lower id
            [span("a", "", 0, 9), span("d", "a", 4, 9), span("c", "a", 3, 9), span("b", "a", 3, 9)],
            [("a", 0, 3), ("b", 3, 9)],
        ),
    ],
)
def test_the_critical_path(spans, expected):
    """Backwards through the children that finished last."""
    assert path_of(*spans) == expected


def test_the_slow_checkout():
    """Of 5100 ms the database takes 5000, and the service 50 of its own."""
    spans = [
        span("api", "", 0, 5100, "payment-api", name="POST /checkout"),
        span("auth", "api", 10, 30, "auth"),
        span("inv", "api", 40, 70, "inventory"),
        span("db", "api", 80, 5080, "payment-api", name="SELECT orders", db_system="postgresql"),
    ]
    trace = Trace.of(spans)

    assert self_times(trace) == {
        ("payment-api", "POST /checkout"): 50,
        ("auth", "auth"): 20,
        ("inventory", "inv"): 30,
        ("postgresql", "SELECT orders"): 5000,
    }
    assert path_times(trace) == self_times(trace)
    assert trace.slowest().span.span_id == "db"


def test_the_slowest_trace_in_short():
    """What it waited for, the longest first, and who took most; of the window's traces the longest."""
    spans = [
        span("api", "", 10, 5_100_000_010, "payment-api", name="POST /checkout", trace="b"),
        span("auth", "api", 20, 20_000_020, "auth", name="verify", trace="b"),
        span("db", "api", 80_000_000, 5_080_000_000, "database", name="SELECT orders", trace="b"),
        span("api", "", 0, 5_100_000_000, "late", trace="c"),
        span("api", "", 9 * 10**9, 99 * 10**9, "outside", trace="a"),
        span("api", "", 0, 9, "quick", trace="d"),
    ]
    slow = find_slow_trace(group_traces(spans), Window(0, 9000))
    other = find_slow_trace(group_traces(spans[:3]), Window(0, 9000))

    assert (slow.trace_id, slow.root) == ("c", ("late", "api"))  # as long, and it began before
    assert find_slow_trace(group_traces(spans), Window(1, 9)) is None
    assert other.render() == (
        'The slowest trace, b, took 5100 ms in payment-api "POST /checkout". It waited for 5000 ms database '
        '"SELECT orders", 80 ms payment-api "POST /checkout", 20 ms auth "verify"; most time of its own has database '
        '"SELECT orders", 5000 ms.'
    )
    assert sum(each["duration_ns"] for each in other.to_plain()["critical_path"]) == other.duration_ns
    assert other.to_plain()["slowest_span"] == {
        "component": "database",
        "name": "SELECT orders",
        "duration_ns": 5_000_000_000,
    }


@pytest.mark.parametrize(
    ("spans", "tree", "repairs"),
    [
        ([span("b", "x", 5, 9), span("a", "", 7, 9)], [("a", 0), ("b", 0)], [("b", Repair.PARENT_MISSING)]),
        ([span("a", "", 3, 9), span("b", "", 1, 2), span("c", "", 1, 4)], [("c", 0), ("b", 0), ("a", 0)], []),
        ([span("a", "a", 0, 9)], [("a", 0)], [("a", Repair.CYCLE_CUT)]),
        (
            [span("a", "c", 2, 9), span("b", "a", 1, 9), span("c", "b", 3, 9), span("d", "c", 0, 9)],
            [("b", 0), ("c", 1), ("d", 2), ("a", 2)],
            [("b", Repair.CYCLE_CUT)],
        ),
        ([span("a", "", 0, 5), span("a", "", 0, 9)], [("a", 0)], [("a", Repair.DUPLICATE_DROPPED)]),
    ],
)
def test_a_tree_is_made_of_what_arrived(spans, tree, repairs):
    """Orphans are roots behind the true ones, rings are cut, of two spans with one id the longer counts."""
    for order in (spans, spans[::-1]):
        trace = Trace.of(order)
        assert shape(trace) == tree
        assert list(trace.repairs) == repairs


@pytest.mark.parametrize(
    ("child", "expected"),
    [
        (span("b", "a", 90, 130, "other"), (130, 170)),
        (span("b", "a", 50, 250, "other"), (100, 300)),
        (span("b", "a", 90, 130, "s"), (90, 130)),
        (span("b", "a", 190, 230, "other"), (190, 230)),
        (span("b", "a", 100, 130, "other"), (100, 130)),
    ],
)
def test_another_clock_is_moved_into_the_parent(child, expected):
    """A child of another service cannot begin before its parent; what is below it moves too."""
    trace = Trace.of([span("a", "", 100, 200), child, span("c", "b", child.start_ns + 1, child.start_ns + 2, "third")])
    b, c = (next(node for node in trace.nodes() if node.span.span_id == name) for name in "bc")

    assert (b.start_ns, b.end_ns) == expected
    assert c.start_ns == expected[0] + 1
    assert trace.repairs == ((("b", Repair.CLOCK_SHIFTED),) if expected[0] != child.start_ns else ())


def test_spans_are_grouped_by_trace():
    """In the order in which their roots began."""
    spans = [span("a", "", 5, 6, trace="x"), span("a", "", 1, 2, trace="y"), span("b", "a", 1, 2, trace="y")]

    assert [trace.trace_id for trace in group_traces(spans)] == ["y", "x"]
    with pytest.raises(ValueError, match="found 2 traces"):
        Trace.of(spans)
    with pytest.raises(ValueError, match="found 0 traces"):
        Trace.of([])


def test_a_chain_of_any_depth_is_walked():
    """Depth is no recursion of ours."""
    depth = 20_000
    spans = [span(str(n), str(n - 1) if n else "", n, 2 * depth - n) for n in range(depth)]
    trace = Trace.of(spans)

    assert sum(path_times(trace).values()) == 2 * depth
    assert len(find_critical_path(trace.root)) == 2 * depth - 1


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([span("a", "", 0, 9)], []),
        ([span("a", "", 0, 9, failed=True)], [("a", [], True)]),
        (
            [span("a", "", 0, 9, failed=True), span("b", "a", 1, 8, failed=True), span("c", "b", 2, 3, failed=True)],
            [("c", ["b", "a"], True)],
        ),
        (  # caught on the way: the deeper one never reached the root
            [
                span("a", "", 0, 9, failed=True),
                span("b", "a", 1, 4),
                span("c", "b", 2, 3, failed=True),
                span("d", "a", 5, 6, failed=True),
            ],
            [("d", ["a"], True), ("c", [], False)],
        ),
        (  # the root says that it failed, and only a caught failure is below it
            [span("a", "", 0, 9, failed=True), span("b", "a", 1, 4), span("c", "b", 2, 3, failed=True)],
            [("c", [], False)],
        ),
        (
            [span("a", "", 0, 9, failed=True), span("b", "a", 5, 6, failed=True), span("c", "a", 1, 2, failed=True)],
            [("c", ["a"], True), ("b", ["a"], True)],
        ),
    ],
)
def test_where_a_trace_began_to_fail(spans, expected):
    """The deepest failing spans, and who carried the failure up."""
    found = find_failures(Trace.of(spans))

    assert [
        (f.origin.span.span_id, [node.span.span_id for node in f.carried_by], f.reached_root) for f in found
    ] == expected


def test_origins_are_counted_over_traces():
    """Each failing trace counts once; the message is the most frequent one."""
    traces = group_traces(
        [
            *(span("a", "", n * 10_000_000, n * 10_000_000 + 9, trace=str(n), failed=n < 4) for n in range(5)),
            *(
                span(
                    "b",
                    "a",
                    n * 10_000_000 + 1,
                    n * 10_000_000 + 5,
                    "db",
                    trace=str(n),
                    failed=True,
                    message=f"m{n // 2}",
                )
                for n in range(3)
            ),
        ]
    )

    assert [(o.component, o.name, o.traces, o.failing, o.first_at, o.message) for o in count_origins(traces)] == [
        ("db", "b", 3, 4, 0, "m0"),
        ("s", "a", 1, 4, 30, ""),
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0, 5, [(5, 5, 0.0, 1.0)]),  # G² = 2·5·ln 2 = 6.93
        (0, 4, []),  # 5.55, below 6.635
        (1, 9, [(9, 9, 1.0, 8 / 9)]),  # 2·(1·ln(1/5) + 9·ln(9/5)) = 7.36
        (1, 8, []),  # 2·(1·ln(1/4.5) + 8·ln(8/4.5)) = 6.20
        (8, 2, []),
    ],
)
def test_what_always_failed_is_no_origin(before, after, expected):
    """Beside as many normal traces, of which some failed just so."""
    normal, slow = (
        group_traces(span("a", "", n, n + 1, trace=str(n), failed=n < failing) for n in range(10))
        for failing in (before, after)
    )

    assert [(o.traces, o.failing, o.expected, o.excess) for o in count_origins(slow, normal)] == expected


def test_slow_traces_are_compared_with_normal_ones():
    """Means a trace; the shares of the root's growth add up to 1."""
    normal = group_traces([span("a", "", 0, 100, trace=t) for t in "xy"] + [span("b", "a", 10, 50, "db", trace="x")])
    slow = group_traces([span("a", "", 0, 500, trace="z"), span("b", "a", 20, 440, "db", trace="z")])
    first, second = compare_traces(slow, normal)

    assert (first.component, first.self_before_ns, first.self_after_ns, first.share) == ("db", 20.0, 420.0, 1.0)
    assert (second.component, second.self_before_ns, second.self_after_ns, second.share) == ("s", 80.0, 80.0, 0.0)
    assert [each.share for each in compare_traces(normal, normal)] == [0.0, 0.0]
    assert (first.excess, second.excess, first.path_growth_ns) == (0.8, 0.0, 400.0)
    with pytest.raises(ValueError, match="needs slow traces"):
        compare_traces([], normal)


@st.composite
def span_lists(draw, most=12):
    """Spans of one trace whose parents may be missing, rings, or themselves."""
    count = draw(st.integers(1, most))
    spans = []
    for index in range(count):
        start = draw(st.integers(0, 60))
        parent = draw(st.sampled_from(["", *map(str, range(count)), "gone"])) if index else ""
        end = start + draw(st.integers(0, 60))
        spans.append(span(str(index), parent, start, end, draw(st.sampled_from("st")), failed=draw(st.booleans())))
    return spans


@settings(deadline=None)
@given(spans=span_lists(), seed=st.integers(0, 99), shift=st.integers(0, 10**18))
def test_paths_and_times_of_any_trace(spans, seed, shift):
    """The path fills the root, is the slow twin's, and neither the order of the spans nor the date matters."""
    trace = Trace.of(spans)
    segments = find_critical_path(trace.root)

    assert sum(segment.duration_ns for segment in segments) == trace.root.span.duration_ns
    assert all(before.end_ns == after.start_ns for before, after in itertools.pairwise(segments))
    ticks = {tick: s.node.span.span_id for s in segments for tick in range(s.start_ns, s.end_ns)}
    for segment in segments:  # within its span, and everything above it
        assert segment.duration_ns > 0
        node = segment.node
        while node is not None:
            assert node.start_ns <= segment.start_ns <= segment.end_ns <= node.end_ns
            node = node.parent
    assert ticks == critical_path_owner(trace.root, trace.root.start_ns, trace.root.end_ns)
    assert [node.self_ns for node in trace.nodes()] == [self_time(node) for node in trace.nodes()]
    assert sorted(node.span.span_id for node in trace.nodes()) == sorted(s.span_id for s in spans)

    shuffled = random.Random(seed).sample(spans, len(spans))
    later = Trace.of(
        span(s.span_id, s.parent_id, s.start_ns + shift, s.end_ns + shift, s.service, failed=s.status.value == "error")
        for s in shuffled
    )
    assert shape(later) == shape(trace)
    assert later.repairs == trace.repairs
    assert [(s.node.span.span_id, s.start_ns - shift, s.end_ns - shift) for s in find_critical_path(later.root)] == [
        (s.node.span.span_id, s.start_ns, s.end_ns) for s in segments
    ]
    assert [f.origin.span.span_id for f in find_failures(later)] == [
        f.origin.span.span_id for f in find_failures(trace)
    ]


@settings(deadline=None)
@given(spans=span_lists())
def test_who_is_not_on_the_path_is_not_missed(spans):
    """Without the leaves that were not waited for, the path is the same."""
    trace = Trace.of(spans)
    segments = find_critical_path(trace.root)
    awaited = {segment.node.span.span_id for segment in segments}
    parents = {node.parent.span.span_id for node in trace.nodes() if node.parent}
    missed = {node.span.span_id for node in trace.nodes() if node.depth} - awaited - parents
    rest = Trace.of(s for s in spans if s.span_id not in missed)

    assert [(s.node.span.span_id, s.start_ns, s.end_ns) for s in find_critical_path(rest.root)] == [
        (s.node.span.span_id, s.start_ns, s.end_ns) for s in segments
    ]


@settings(deadline=None)
@given(slow=st.lists(span_lists(5), min_size=1, max_size=3), normal=st.lists(span_lists(5), min_size=1, max_size=3))
def test_shares_of_growth_add_up(slow, normal):
    """To all of the root's growth, or to nothing where it did not grow."""
    sides = [[Trace.of(spans) for spans in side] for side in (slow, normal)]
    means = [sum(trace.root.span.duration_ns for trace in side) / len(side) for side in sides]
    total = sum(each.share for each in compare_traces(*sides))

    assert total == pytest.approx(1.0 if means[0] > means[1] else 0.0)
