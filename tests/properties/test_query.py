"""The engine agrees, bit for bit, with a slow obvious evaluator, however it is asked."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.promql import Oracle
from tests.query.store import ListStore

from obsflow.errors import ObsflowError, QueryError
from obsflow.model.floats import STALE_NAN, float_bits
from obsflow.model.frames import Frame
from obsflow.model.labels import Labels
from obsflow.promql import PROMQLTEST, Dialect, parse
from obsflow.query.engine import Engine
from obsflow.query.limits import Limits
from obsflow.query.result import Scalar

NAMES = ("a", "b", "c_total")
SELECTORS = ("a", "b", "c_total", '{i="1"}', 'a{i!="0"}', '{__name__=~"a|b"}', 'b{j="x"}', 'missing{i="1",j!="x"}')
MODIFIERS = ("", "", "", " offset 45s", " offset -30s", " @ 200", " @ start()", " @ end() offset 20s")
DURATIONS = ("20s", "75s", "4m")

VALUES = st.one_of(
    st.integers(-3, 20).map(float),
    st.floats(width=32),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e100, -1e100, 1e308, -0.0, 0.1, STALE_NAN]),
)


@st.composite
def series_values(draw, count, *, counter):
    if not counter:
        return draw(st.lists(VALUES, min_size=count, max_size=count))
    steps = draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 1e9, -1.0, math.nan]), min_size=count, max_size=count))
    values, now = [], 0.0
    for step in steps:
        now = 0.0 if step < 0 else now + (0 if math.isnan(step) else step)
        values.append(STALE_NAN if math.isnan(step) else now)
    return values


@st.composite
def databases(draw):
    """Some series with gaps; the samples of a series lie on a grid of 15 s, a little off."""
    series = []
    identities = st.tuples(
        st.sampled_from((*NAMES, "h_bucket")), st.sampled_from("01"), st.sampled_from(("", "x", "y"))
    )
    for name, i, j in draw(st.lists(identities, min_size=4, max_size=9, unique=True)):
        first, length = draw(st.integers(0, 20)), draw(st.integers(3, 20))
        gaps = draw(st.sets(st.integers(0, 20), max_size=5))
        slots = [first + slot for slot in range(length) if slot not in gaps] or [first]
        jitter = draw(st.integers(0, 14_999))
        times = [15_000 * slot + jitter for slot in slots]
        bounds = draw(
            st.lists(st.sampled_from(("0.1", "1", "1.0", "-2", "+Inf", "x")), min_size=1, max_size=4, unique=True)
        )
        for bound in bounds if name == "h_bucket" else ("",):
            values = draw(series_values(len(times), counter=name not in ("a", "b")))
            series.append((Labels({"__name__": name, "i": i, "j": j, "le": bound}), times, values))
    return series


def scalars(depth):
    plain = st.sampled_from(("1", "0.5", "-3", "NaN", "Inf", "time()", "2m"))
    if not depth:
        return plain
    return st.one_of(
        plain,
        vectors(depth - 1).map(lambda v: f"scalar({v})"),
        st.builds("({} {} {})".format, plain, st.sampled_from(("+", "-", "*", "/", "%", "> bool")), plain),
    )


@st.composite
def selectors(draw):
    return draw(st.sampled_from(SELECTORS)) + draw(st.sampled_from(MODIFIERS))


@st.composite
def ranges(draw, depth):
    duration = draw(st.sampled_from(DURATIONS))
    if depth and draw(st.integers(0, 3)) == 0:
        inner = draw(vectors(depth - 1))
        return f"({inner})[{duration}:{draw(st.sampled_from(('', '17s', '1m')))}]{draw(st.sampled_from(MODIFIERS))}"
    return f"{draw(st.sampled_from(SELECTORS))}[{duration}]{draw(st.sampled_from(MODIFIERS))}"


WINDOW_FUNCTIONS = (
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "deriv",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "first_over_time",
    "present_over_time",
    "absent_over_time",
    "stdvar_over_time",
    "stddev_over_time",
)
MATH_FUNCTIONS = ["abs", "ceil", "floor", "sqrt", "sgn", "timestamp", "sort", "sort_desc", "absent"]
MATCHING = (
    "",
    "",
    "on(i)",
    "ignoring(j)",
    "on(i,j)",
    "on()",
    "on(i) group_left(j)",
    "ignoring(j) group_right()",
    "on(i) group_right(k)",
)
OPERATORS = ("+", "-", "*", "/", "%", "==", "!=", "<", ">=", "> bool", "== bool")


@st.composite
def vectors(draw, depth):
    """An expression of type instant vector, at most so deep."""
    if not depth:
        return draw(selectors())
    inner, number = vectors(depth - 1), scalars(depth - 1)
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(selectors())
    if kind == 1:
        return f"{draw(st.sampled_from(WINDOW_FUNCTIONS))}({draw(ranges(depth))})"
    if kind == 2:
        return f"{draw(st.sampled_from(MATH_FUNCTIONS))}({draw(inner)})"
    if kind == 3:
        sides = [draw(inner), draw(number)]
        sides = sides[::-1] if draw(st.booleans()) else sides
        return f"({sides[0]} {draw(st.sampled_from(OPERATORS))} {sides[1]})"
    if kind == 4:
        return f"({draw(inner)} {draw(st.sampled_from(OPERATORS))} {draw(st.sampled_from(MATCHING))} {draw(inner)})"
    if kind == 5:
        operator = draw(st.sampled_from(("and", "or", "unless")))
        return f"({draw(inner)} {operator} {draw(st.sampled_from(MATCHING[:6]))} {draw(inner)})"
    if kind == 6:
        return draw(aggregations(depth))
    if kind == 7:
        return f"-{draw(inner)}" if draw(st.booleans()) else f"vector({draw(number)})"
    if kind == 8:
        return draw(
            st.sampled_from(
                (
                    'label_replace({v}, "j", "$1-z", "i", "(.*)")',
                    'label_replace({v}, "i", "", "j", "x")',
                    'label_join({v}, "k", "/", "i", "j")',
                    "clamp({v}, {s}, 5)",
                    "clamp_max({v}, {s})",
                    "clamp_min({v}, {s})",
                )
            )
        ).format(v=draw(inner), s=draw(number))
    return draw(
        st.sampled_from(
            (
                "histogram_quantile({s}, h_bucket)",
                "histogram_quantile({s}, rate(h_bucket[2m]))",
                "histogram_fraction({s}, 1, h_bucket)",
                "quantile_over_time({s}, {m})",
                "predict_linear({m}, {s})",
            )
        )
    ).format(s=draw(number), m=draw(ranges(depth)))


@st.composite
def aggregations(draw, depth):
    grouping = draw(st.sampled_from(("", "by (i)", "by (i, j)", "without (j)", "without ()", "by (__name__)")))
    inner = draw(vectors(depth - 1))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        operator = draw(st.sampled_from(("topk", "bottomk", "quantile")))
        return f"{operator} {grouping} ({draw(scalars(0))}, {inner})"
    if kind == 1:
        return f'count_values {grouping} ("j", {inner})'
    operator = draw(st.sampled_from(("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")))
    return f"{operator} {grouping} ({inner})"


@st.composite
def ordered(draw):
    """A reduction that depends on the order of rows, over something that puts rows into an order."""
    outer = draw(
        st.sampled_from(("sum(", "avg(", "max(", "min by (j) (", "stdvar by (i) (", "topk(1, ", "bottomk(2, "))
    )
    inner = draw(
        st.sampled_from(
            (
                "topk by (j) (2, {v})",
                "sort_desc({v})",
                "sum by (i) ({v})",
                "max by (j) (min by (i, j) ({v}))",
                "count_values by (i) ('k', {v})",
                "abs({v})",
                "{v} or {w}",
                "{v} * on(i) group_left() {w}",
                "label_replace({v}, 'j', 'z', 'i', '1')",
                "last_over_time((sum by (i) ({v}))[2m:20s])",
                "histogram_quantile(0.5, h_bucket)",
            )
        )
    )
    return outer + inner.format(v=draw(selectors()), w=draw(selectors())) + ")"


def bits(value):
    return "NaN" if math.isnan(value) else float_bits(value)


def expected(oracle, tree, time, bounds=(None, None)):
    """{labels: bits} or the first words of the error."""
    try:
        value = oracle.instant(tree, time, *bounds)
    except QueryError as error:
        return str(error)[:12]
    if isinstance(value, float):
        return {Labels(): bits(value)}
    return {labels: bits(each) for labels, each in value}


def of_result(ask):
    try:
        result = ask()
    except QueryError as error:
        return str(error)[:12]
    if isinstance(result.value, Scalar):
        return {Labels(): bits(result.value.value)}
    return {labels: bits(value) for labels, value in result.vector()}


def of_step(frame: Frame, step):
    return {
        labels: bits(value)
        for labels, value, there in zip(
            frame.labels.decode(), frame.values[:, step], frame.present[:, step], strict=True
        )
        if there
    }


TIMES = st.integers(150_000, 600_000)


@settings(max_examples=200, deadline=None)
@given(databases(), st.one_of(vectors(2), scalars(2)), TIMES)
def test_an_instant_query_equals_the_oracle(series, text, time):
    """Every vector and scalar has the oracle's labels and bits, and every error its words."""
    engine = Engine(ListStore(series))
    assert of_result(lambda: engine.query(text, time)) == expected(Oracle(series), parse(text), time), text


@st.composite
def steps(draw):
    """Start, step and count of a range."""
    return draw(TIMES), draw(st.sampled_from((1_000, 15_000, 47_321, 120_000))), draw(st.integers(1, 5))


@settings(max_examples=150, deadline=None)
@given(databases(), st.one_of(vectors(2), scalars(2), ordered()), st.lists(TIMES, min_size=1, max_size=6))
def test_a_batch_equals_instant_queries(series, text, times):
    """Each step of a batch, at whatever times, is the oracle's answer at that time, or fails with its error."""
    tree = parse(text)
    times = np.sort(np.array(times + times[:1]))
    batch = Engine(ListStore(series)).query_batch(text, times)
    for i, time in enumerate(times.tolist()):
        got = str(batch.failures[i])[:12] if i in batch.failures else of_step(batch.frame, i)
        assert got == expected(Oracle(series), tree, time), (text, time)


@settings(max_examples=150, deadline=None)
@given(databases(), st.one_of(vectors(2), scalars(2), ordered()), steps())
def test_a_range_query_equals_instant_queries_with_its_bounds(series, text, grid):
    """Each step of a range is the oracle's answer with `start()` and `end()` those of the range."""
    tree = parse(text)
    start, step, count = grid
    times = [start + step * i for i in range(count)]
    answers = [expected(Oracle(series), tree, time, (times[0], times[-1])) for time in times]
    try:
        result = Engine(ListStore(series)).query_range(text, times[0], times[-1], step)
    except QueryError as error:
        # A range may also refuse series of one label set that take turns, and parameters that no step needs.
        assert any(isinstance(answer, str) for answer in answers) or "same labelset" in str(error), text
        return
    rows = result.value
    assert [of_step(rows, i) if len(rows) else {} for i in range(count)] == answers, text
    assert rows.labels.decode() == sorted(rows.labels.decode())


@st.composite
def with_ends(draw):
    """Selectors that are anchored or smoothed, as instants and under the functions that take them."""
    if draw(st.integers(0, 3)) == 0:
        text = f"{draw(st.sampled_from(SELECTORS))} smoothed{draw(st.sampled_from(MODIFIERS))}"
        return draw(st.sampled_from(("{}", "sum({})"))).format(text)
    mode, functions = draw(
        st.sampled_from(
            (
                ("anchored", ("rate", "increase", "delta", "changes", "resets")),
                ("smoothed", ("rate", "increase", "delta")),
            )
        )
    )
    matrix = f"{draw(st.sampled_from(SELECTORS))}[{draw(st.sampled_from(DURATIONS))}] {mode}"
    return f"{draw(st.sampled_from(functions))}({matrix}{draw(st.sampled_from(MODIFIERS))})"


@settings(max_examples=200, deadline=None)
@given(databases(), with_ends(), st.lists(TIMES, min_size=1, max_size=4))
def test_windows_with_ends_equal_the_oracle(series, text, times):
    """`anchored` and `smoothed` have the oracle's labels and bits at every step."""
    dialect = Dialect(extended_range_selectors=True)
    times = np.sort(np.array(times))
    engine = Engine(ListStore(series), dialect=dialect, lookback_ms=100_000)
    batch = engine.query_batch(text, times)
    oracle = Oracle(series, lookback_ms=100_000)
    for i, time in enumerate(times.tolist()):
        got = str(batch.failures[i])[:12] if i in batch.failures else of_step(batch.frame, i)
        assert got == expected(oracle, parse(text, dialect), time) == of_result(lambda t=time: engine.query(text, t))


EXTREMES = st.sampled_from((0, 1, -1, 2**60, -(2**61), 2**61, 2**61 + 1, -(2**63), 2**70, 1_700_000_000_000))
FAR = (
    "a offset 292y",
    "a offset -292y",
    "a @ 9e15",
    "a @ -9e15 offset 292y",
    "rate(a[292y])",
    "sum_over_time(a[292y:1ms])",
    "sum_over_time(a[1y:] @ 9e15)",
    "rate(a[step()])",
    "sum_over_time(a[1m:range()])",
    "predict_linear(a[5m], 1e300)",
    "year(a * 1e300)",
    "vector(time()) ^ 1e9",
    'count_values("", a)',
    'label_replace(a, "\\xff", "x", "", "")',
    'histogram_quantiles(a, "", 1)',
    "topk(-1e300, a)",
    "round(a, 0)",
    "rate(a[292y] smoothed)",
    "a[100y] anchored",
    "a smoothed offset -292y",
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.sampled_from(FAR), vectors(2)), EXTREMES, EXTREMES, st.integers(1, 2**62))
def test_a_query_has_a_value_or_an_obsflow_error(text, start, end, step):
    """However far away in time, whatever is asked."""
    series = [(Labels({"__name__": "a", "i": "1"}), [0, 15_000, 1_700_000_000_000], [1.0, math.inf, math.nan])]
    engine = Engine(ListStore(series), dialect=PROMQLTEST, limits=Limits(max_steps=1000))
    for ask in (
        lambda: engine.query(text, start),
        lambda: engine.query_range(text, start, end, step),
        lambda: engine.query_batch(text, np.array(sorted(min(max(t, -(2**63)), 2**63 - 1) for t in (start, end)))),
    ):
        try:
            ask()
        except ObsflowError:
            continue
