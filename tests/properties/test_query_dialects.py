"""The engine agrees, bit for bit, with the slow evaluator over the whole language, names dropped early or late."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.promql import Oracle
from tests.properties.test_query import (
    MATCHING,
    MATH_FUNCTIONS,
    OPERATORS,
    TIMES,
    WINDOW_FUNCTIONS,
    databases,
    expected,
    of_result,
    of_step,
    steps,
)
from tests.query.store import ListStore

from obsflow.errors import QueryError
from obsflow.model.labels import Labels
from obsflow.promql import Dialect, parse
from obsflow.query.engine import Engine
from obsflow.query.series import SAME_LABELSET

EARLY, LATE = (
    Dialect(
        experimental_functions=True,
        extended_range_selectors=True,
        binop_fill_modifiers=True,
        delayed_name_removal=late,
    )
    for late in (False, True)
)
SELECTORS = ("a", "b", "c_total", '{i="1"}', '{__name__=~"a|b"}', 'b{j="x"}', '{__name__!=""}', 'missing{i="1"}')
MODIFIERS = (
    *("", "", "", "", " offset 45s", " offset -30s", " @ 200", " @ start()", " @ end() offset 20s"),
    *(" offset (step() * 2)", " offset -(30s)", " offset (10s) * 2", " offset max_of(step(), 7s)"),
)
DURATIONS = ("20s", "75s", "4m", "step() + 1m", "range() + 30s", "max_of(step(), 1m)", "2m % 75s", "-(-1m)", "2s ^ 5")
EXPERIMENTAL = ("mad_over_time", *(f"ts_of_{which}_over_time" for which in ("first", "last", "min", "max")))
EDGED = (" anchored", ("rate", "increase", "delta", "changes", "resets")), (" smoothed", ("rate", "increase", "delta"))
FILLS = ("fill(0)", "fill_left(1)", "fill_right(-2)", "fill_left(NaN) fill_right(3)", "fill(-0)")
SCALARS = (
    *("1", "0.5", "-3", "NaN", "Inf", "-0", "time()", "2m", "step()", "range()", "start()", "end()", "pi()"),
    *("max_of(1, time())", "min_of(NaN, 2)"),
)
RELABELLING = (
    'label_replace({v}, "j", "$1-z", "i", "(.*)")',
    'label_replace({v}, "__name__", "n$1", "j", "(x|y)")',
    'label_replace({v}, "i", "", "j", "x")',
    'label_join({v}, "k", "/", "i", "j")',
    'label_join({v}, "__name__", "_", "__name__", "i")',
)
OTHERS = (
    "histogram_quantile({s}, h_bucket)",
    "histogram_quantile({s}, {v})",
    'histogram_quantiles(h_bucket, "q", 0.5, {s})',
    "histogram_fraction({s}, 1, h_bucket)",
    "quantile_over_time({s}, {m})",
    "predict_linear({m}, {s})",
    "double_exponential_smoothing({m}, 0.5, 0.25)",
    "double_exponential_smoothing({m}, {s}, 0.25)",
    "round({v}, {s})",
    "round({v})",
    "clamp({v}, {s}, 5)",
    "clamp_max({v}, {s})",
    "clamp_min({v}, {s})",
    'sort_by_label({v}, "i")',
    "info({v})",
    'info({v}, {{__name__=~"a|b",i=~".+"}})',
)


class Grammar:
    """Draws expressions, each at most so deep."""

    def __init__(self, draw):
        self._draw = draw

    def pick(self, *choices):
        return self._draw(st.sampled_from(choices))

    def scalar(self, depth):
        kind = self.pick(*range(4)) if depth else 0
        if kind == 1:
            return f"scalar({self.vector(depth - 1)})"
        if kind == 2:
            return f"({self.scalar(0)} {self.pick('+', '-', '*', '/', '%', '> bool')} {self.scalar(0)})"
        return self.pick(*SCALARS)

    def window(self, depth):
        if depth and self.pick(0, 1, 2) == 0:
            steps = self.pick("", "17s", "1m", "step() + 10s")
            return f"({self.vector(depth - 1)})[{self.pick('20s', '75s', '4m')}:{steps}]{self.pick(*MODIFIERS)}"
        return f"{self.pick(*SELECTORS)}[{self.pick(*DURATIONS)}]{self.pick(*MODIFIERS)}"

    def windowed(self, depth):
        if self.pick(0, 1, 2):
            return f"{self.pick(*WINDOW_FUNCTIONS, *EXPERIMENTAL)}({self.window(depth)})"
        mode, functions = self.pick(*EDGED)
        return (
            f"{self.pick(*functions)}({self.pick(*SELECTORS)}[{self.pick('20s', '75s')}]{mode}{self.pick(*MODIFIERS)})"
        )

    def aggregation(self, depth):
        grouping = self.pick("", "by (i)", "by (i, j)", "without (j)", "without ()", "by (__name__)", "by (__type__)")
        parameter = self.pick(self.scalar(0), "1", "2", "0.5", "-0.5")
        head = self.pick(
            *("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"),
            *("topk", "bottomk", "quantile", "limitk", "limit_ratio", "count_values"),
        )
        if head == "count_values":
            parameter = self.pick('"j"', '"v"', '"__name__"')
        takes_one = head in ("topk", "bottomk", "quantile", "limitk", "limit_ratio", "count_values")
        return f"{head} {grouping} ({parameter + ', ' if takes_one else ''}{self.vector(depth - 1)})"

    def binary(self, depth):
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        kind = self.pick(0, 1, 2, 3)
        if kind == 0:
            return f"({left} {self.pick('and', 'or', 'unless')} {self.pick(*MATCHING[:6])} {right})"
        if kind == 1:
            sides = self.pick((left, self.scalar(depth - 1)), (self.scalar(depth - 1), right))
            return f"({sides[0]} {self.pick(*OPERATORS)} {sides[1]})"
        fill = self.pick("", "", *FILLS)
        return f"({left} {self.pick(*OPERATORS)} {self.pick(*MATCHING, 'on(i, __name__)')} {fill} {right})"

    def vector(self, depth):
        if not depth:
            modifier = self.pick(*MODIFIERS)
            text = self.pick(*SELECTORS) + self.pick("", "", "", " smoothed") + modifier
            return f"({text})" if "offset (" in modifier else text
        match self.pick(*range(9)):
            case 0 | 1:
                return self.windowed(depth)
            case 2:
                return f"{self.pick(*MATH_FUNCTIONS)}({self.vector(depth - 1)})"
            case 3 | 4:
                return self.binary(depth)
            case 5:
                return self.aggregation(depth)
            case 6:
                return self.pick(f"-{self.vector(depth - 1)}", f"vector({self.scalar(depth - 1)})")
            case 7:
                return self.pick(*RELABELLING).format(v=self.vector(depth - 1))
        inner = {"v": self.vector(depth - 1), "s": self.scalar(depth - 1), "m": self.window(depth)}
        return self.pick(*OTHERS).format(**inner)


@st.composite
def expressions(draw):
    grammar = Grammar(draw)
    return draw(st.sampled_from((grammar.vector, grammar.vector, grammar.vector, grammar.scalar)))(2)


@st.composite
def typed_databases(draw):
    """Some of whose series say their type, and belong to a target."""
    more = st.sampled_from(({}, {}, {"__type__": "gauge"}, {"__unit__": "s"}, {"instance": "0", "job": "p"}))
    return [(labels.with_(draw(more)), times, values) for labels, times, values in draw(databases())]


def agrees(got, want, text):
    """A subquery, as a range, may also refuse series of one label set that take turns."""
    return got == want or (":" in text and isinstance(got, str) and SAME_LABELSET.startswith(got))


@settings(max_examples=250, deadline=None)
@given(typed_databases(), expressions(), TIMES, st.sampled_from((EARLY, LATE)))
def test_an_instant_query_equals_the_oracle(series, text, time, dialect):
    """Labels, bits and errors, whichever way names go."""
    engine = Engine(ListStore(series), dialect=dialect)
    oracle = Oracle(series, delays_names=dialect is LATE)
    got = of_result(lambda: engine.query(text, time))
    assert agrees(got, expected(oracle, parse(text, dialect), time), text), text


@settings(max_examples=200, deadline=None)
@given(typed_databases(), expressions(), st.lists(TIMES, min_size=1, max_size=5), st.sampled_from((EARLY, LATE)))
def test_a_batch_equals_instant_queries(series, text, times, dialect):
    """Each step is the oracle's answer at that time, or fails as it does."""
    times = np.sort(np.array(times + times[:1]))
    tree = parse(text, dialect)
    oracle = Oracle(series, delays_names=dialect is LATE)
    wanted = [expected(oracle, tree, time) for time in times.tolist()]
    try:
        batch = Engine(ListStore(series), dialect=dialect).query_batch(text, times)
    except QueryError as error:
        assert all(agrees(str(error)[:12], want, text) for want in wanted), text
        return
    for i, want in enumerate(wanted):
        got = str(batch.failures[i])[:12] if i in batch.failures else of_step(batch.frame, i)
        assert agrees(got, want, text), (text, int(times[i]))


@settings(max_examples=200, deadline=None)
@given(typed_databases(), expressions(), steps(), st.sampled_from((EARLY, LATE)))
def test_a_range_equals_instant_queries_with_its_bounds(series, text, grid, dialect):
    """Each step is the oracle's answer with the bounds and the step of the range."""
    tree = parse(text, dialect)
    start, step, count = grid
    times = [start + step * i for i in range(count)]
    oracle = Oracle(series, step_ms=step, delays_names=dialect is LATE)
    answers = [expected(oracle, tree, time, (times[0], times[-1])) for time in times]
    try:
        result = Engine(ListStore(series), dialect=dialect).query_range(text, times[0], times[-1], step)
    except QueryError as error:
        assert any(isinstance(answer, str) for answer in answers) or "same labelset" in str(error), text
        return
    rows = result.value
    assert [of_step(rows, i) if len(rows) else {} for i in range(count)] == answers, text
    assert rows.labels.decode() == sorted(rows.labels.decode())


def test_marks_are_no_labels_of_a_result():
    """What says that a name is to go is gone at the end."""
    series = [(Labels({"__name__": "a", "i": "1"}), [0], [1.0])]
    ((labels, _),) = Engine(ListStore(series), dialect=LATE).query("abs(a) or a", 0).vector()
    assert labels == Labels({"i": "1"})
