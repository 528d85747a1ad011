import json

import attrs
import numpy as np
import pytest

from obsflow.errors import LimitExceededError, QueryError, QuerySyntaxError
from obsflow.model.labels import Labels
from obsflow.promql import PROMQLTEST, parse
from obsflow.query.engine import Engine
from obsflow.query.limits import Limits
from obsflow.query.result import render_sample, render_seconds
from obsflow.tsdb.memory import TSDB
from tests.query.cases import MINUTE, ask, engine, store

SAMPLES = {'x{i="1"}': [1, 2, 3], 'x{i="0"}': [4, 5, 6]}


def test_a_vector_has_the_shape_of_the_http_api():
    """`metric` maps and a value of seconds and text."""
    assert engine(SAMPLES).query("x", 1_500).to_dict() == {
        "resultType": "vector",
        "result": [
            {"metric": {"__name__": "x", "i": "1"}, "value": [1.5, "1"]},
            {"metric": {"__name__": "x", "i": "0"}, "value": [1.5, "4"]},
        ],
    }


def test_a_matrix_is_sorted_by_labels():
    """Series of a range come in the order of their labels, whole seconds as whole numbers."""
    result = engine(SAMPLES).query_range("x", 0, MINUTE, MINUTE)
    assert result.to_json() == (
        '{"resultType":"matrix","result":['
        '{"metric":{"__name__":"x","i":"0"},"values":[[0,"4"],[60,"5"]]},'
        '{"metric":{"__name__":"x","i":"1"},"values":[[0,"1"],[60,"2"]]}]}'
    )


def test_bytes_that_are_not_text_stay_json():
    """A label value that is not UTF-8 has U+FFFD in its place, so that the answer can be sent."""
    data = TSDB()
    data.append(Labels({"__name__": "x", "job": b"caf\xc3\xa9 \xff\xfe".decode("utf-8", "surrogateescape")}), 0, 1.0)
    for query in ("x", "x[1m]"):
        answer = json.loads(Engine(data).query(query, 1).to_json().encode("utf-8"))
        assert answer["result"][0]["metric"] == {"__name__": "x", "job": "café \ufffd\ufffd"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("1e30", {"resultType": "scalar", "result": [60, "1" + "0" * 30]}),
        ('"a\\n"', {"resultType": "string", "result": [60, "a\n"]}),
    ],
)
def test_scalars_and_strings_are_answers_too(query, expected):
    """A scalar is written without exponent, however large."""
    assert engine({}).query(query, MINUTE).to_dict() == expected


def test_a_scalar_over_a_range_is_one_series_without_labels():
    """`time()` has a value at every step."""
    (series,) = engine({}).query_range("time()", 0, 2 * MINUTE, MINUTE).series()
    assert (series[0], series[2].tolist()) == (Labels(), [0.0, 60.0, 120.0])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e-7, "-1.5e-07"),
        (1e-6, "0.000001"),
        (1.25e-300, "1.25e-300"),
        (0.0, "0"),
        (float("inf"), "+Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_sample_values_are_written_as_prometheus_writes_them(value, text):
    """With an exponent from 1e21 and below 1e-6."""
    assert render_sample(value) == text


@pytest.mark.parametrize(
    ("time", "seconds"), [(1435781430781, 1435781430.781), (1435781451000, 1435781451), (-1, -0.001)]
)
def test_seconds_are_whole_where_they_can_be(time, seconds):
    """An int without a fraction, a float with one."""
    assert render_seconds(time) == seconds
    assert type(render_seconds(time)) is type(seconds)


def test_a_range_without_steps_is_empty():
    """An end before the start has no steps."""
    assert engine(SAMPLES).query_range("x", MINUTE, 0, MINUTE).series() == []


@pytest.mark.parametrize("query", ["x[5m]", '"text"'])
def test_a_range_is_of_scalars_and_vectors(query):
    """Range vectors and strings have no range."""
    with pytest.raises(QueryError, match="invalid expression type"):
        engine(SAMPLES).query_range(query, 0, 1, 1)
    with pytest.raises(QueryError, match="a batch gives"):
        engine(SAMPLES).query_batch(query, np.array([0]))


def test_the_step_of_a_range_is_positive():
    """A step of zero is a mistake of the caller."""
    with pytest.raises(ValueError, match="must be positive"):
        engine({}).query_range("1", 0, 1, 0)


def test_text_that_does_not_parse_is_a_syntax_error():
    """The error is that of the parser."""
    with pytest.raises(QuerySyntaxError):
        engine({}).query("sum(", 0)


def test_a_tree_is_as_good_as_a_text():
    """The same answer, with annotations that name no place."""
    asked = engine({"x": [1, 2]})
    by_text, by_tree = asked.query("rate(x[5m])", MINUTE), asked.query(parse("rate(x[5m])"), MINUTE)
    assert by_text.vector() == by_tree.vector()
    assert by_text.infos == (by_tree.infos[0] + " (1:6)",)


def test_a_batch_fails_only_at_the_steps_that_fail():
    """Duplicates at one step leave the others their answers, and the failed step has none."""
    samples = {"a": [1, 1, 1, 1], 'b{i="1"}': [1, 1, 1, 1], 'b{i="2"}': [None, 5, None, None]}
    batch = engine(samples, lookback_ms=MINUTE).query_batch("a + on() b", np.arange(4) * MINUTE)
    assert list(batch.failures) == [1]
    assert "found duplicate series" in str(batch.failures[1])
    assert batch.frame.present.tolist() == [[True, False, True, True]]


def test_a_batch_finds_the_steps_at_which_a_subquery_fails():
    """What fails inside a subquery fails for the steps whose windows reach it."""
    samples = {"a": [1] * 12, 'b{i="1"}': [1] * 12, 'b{i="2"}': [None] * 5 + [5] + [None] * 6}
    batch = engine(samples, lookback_ms=MINUTE).query_batch(
        "max_over_time((a + on() b)[2m:1m])", np.arange(12) * MINUTE
    )
    assert list(batch.failures) == [5, 6]
    assert batch.frame.present.sum() == 10


def test_a_batch_takes_steps_of_any_spacing():
    """Equal and uneven times are each answered."""
    times = np.array([0, 0, 61_000, 120_000], np.int64)
    batch = engine({"x": [1, 2, 3]}).query_batch("x", times)
    assert batch.frame.values.tolist() == [[1.0, 1.0, 2.0, 3.0]]
    assert len(engine({}).query_batch("x", np.array([], np.int64)).frame) == 0


def test_the_bounds_of_a_batch_are_each_steps_own_inside_subqueries_too():
    """`@ start()` in a subquery is the time at which the subquery's step was asked."""
    times = np.arange(1, 6) * MINUTE
    asked = engine({"x": list(range(6))})
    batch = asked.query_batch("sum_over_time((x @ start())[2m:1m])", times)
    assert batch.frame.values[0].tolist() == [
        asked.query("sum_over_time((x @ start())[2m:1m])", t).vector()[0][1] for t in times.tolist()
    ]


@pytest.mark.parametrize(
    ("limits", "query", "limit"),
    [
        (Limits(max_series=1), "x", "max_series"),
        (Limits(max_samples=5), "x", "max_samples"),
        (Limits(max_samples=5), "rate(x[1m])", "max_samples"),
        (Limits(max_loaded_samples=5), "x", "max_loaded_samples"),
        (Limits(max_loaded_samples=7), "sum(x) + sum(rate(x[1m]))", "max_loaded_samples"),
        (Limits(max_steps=2), "x", "max_steps"),
        (Limits(max_result_samples=5), "x or y", "max_result_samples"),
        (Limits(max_depth=3), "((((1))))", "max_depth"),
    ],
)
def test_a_limit_that_is_exceeded_is_named(limits, query, limit):
    """Going over a limit is an error with the limit's name."""
    with pytest.raises(LimitExceededError) as caught:
        engine(SAMPLES, limits=limits).query_range(query, 0, 2 * MINUTE, MINUTE)
    assert caught.value.limit == limit


def test_samples_are_counted_and_not_guessed():
    """A query may read as many samples as the limit says, whatever a bound on their bytes would allow."""
    limits = Limits(max_loaded_samples=6)

    assert len(engine(SAMPLES, limits=limits).query_range("x", 0, 2 * MINUTE, MINUTE).series()) == 2


class Clock:
    """Each look takes a second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.mark.parametrize("query", ["x + x * x - x / x", "sum(rate(x[1m]))", "max_over_time(sum(x)[3m:1m])"])
def test_a_query_that_takes_too_long_ends(query):
    """The deadline is looked at between one part of the work and the next, by the clock that was given."""
    asked = engine(SAMPLES, limits=Limits(max_seconds=2.5), clock=Clock())
    for question in (
        lambda: asked.query(query, MINUTE),
        lambda: asked.query_range(query, 0, 2 * MINUTE, MINUTE),
        lambda: asked.query_batch(query, np.arange(3) * MINUTE),
    ):
        with pytest.raises(LimitExceededError, match="timed out") as caught:
            question()
        assert caught.value.limit == "max_seconds"


def test_a_deadline_changes_no_answer():
    """With time enough the answer is the same, though rows are made block by block."""
    database = store({f'x{{i="{i}"}}': list(range(i, i + 40)) for i in range(30)})
    query = "sum by (i) (rate(x[5m])) + avg(x)"
    alone = Engine(database).query_range(query, 0, 39 * MINUTE, 60)
    timed = Engine(database, limits=Limits(max_seconds=1e9), clock=Clock()).query_range(query, 0, 39 * MINUTE, 60)

    assert alone.value.values.view(np.uint64).tolist() == timed.value.values.view(np.uint64).tolist()
    assert np.array_equal(alone.value.present, timed.value.present)


@pytest.mark.parametrize(
    "query",
    [
        "x",
        "rate(x[5m])",
        "sum by (le) (rate(x[5m]))",
        "avg(x)",
        "topk(3, x)",
        "quantile by (le) (0.7, x)",
        "stddev(sum_over_time(x[3m]))",
        "histogram_quantile(0.9, sum by (le, i) (x))",
    ],
)
def test_threads_change_no_answer(query):
    """However many threads take part, the answer has the same bits."""
    rng = np.random.default_rng(3)
    series = {f'x{{i="{i}",le="{le}"}}': np.cumsum(rng.integers(0, 9, 30)).tolist() for i in range(50) for le in (1, 2)}
    database = store(series)
    one, several = (
        Engine(database, threads=threads).query_range(query, 0, 29 * MINUTE, 1_500).value for threads in (1, 3)
    )

    assert len(one)
    assert one.values.view(np.uint64).tolist() == several.values.view(np.uint64).tolist()
    assert np.array_equal(one.present, several.present)


def test_a_batch_that_is_too_large_for_one_pass_is_cut():
    """The limit on samples bounds a pass, not the batch."""
    times = np.arange(3) * MINUTE
    batch = engine(SAMPLES, limits=Limits(max_samples=3)).query_batch("sum(x)", times)
    assert (batch.frame.values.tolist(), batch.failures) == ([[5.0, 7.0, 9.0]], {})


def test_damaged_chunks_are_warned_of():
    """A corrupt run counts up to its fault, and the answer says that there was one."""
    database = store({"x": [1, 2]})

    class Damaged:
        symbols = database.symbols

        def select(self, matchers, start, end):
            selection = database.select(matchers, start, end)
            return attrs.evolve(selection, runs=attrs.evolve(selection.runs, length=selection.runs.length - 8))

    result = Engine(Damaged()).query("x", MINUTE)
    assert result.warnings == ("PromQL warning: 1 damaged chunks were read up to their fault",)


@pytest.mark.parametrize(("query", "named"), [("x </ 2", "</"), ("1 + (x >/ 2)", ">/")])
def test_what_is_not_supported_is_named(query, named):
    """An experimental feature that parses and cannot be evaluated says its name, before anything is read."""
    database = store(SAMPLES)
    with pytest.raises(QueryError, match="not supported") as caught:
        Engine(database, dialect=PROMQLTEST).query(query, 0)
    assert named in str(caught.value)
    assert database.selections == 0


def test_what_no_step_changes_is_evaluated_once():
    """A pinned selector of a range is windowed for one step and repeated."""
    frame = engine(SAMPLES).query_range("sum(x @ 60) + 0 * time()", 0, 9 * MINUTE, MINUTE).value
    assert frame.values.tolist() == [[7.0] * 10]


def test_a_range_takes_the_parameter_of_a_pinned_vector_at_its_first_step():
    """`topk(k, x @ t)` counts as pinned whatever k is; a batch has no first step."""
    asked = engine(SAMPLES)
    query = "count(topk(scalar(sum(x{i='1'})), x @ 0))"
    assert asked.query_range(query, 0, 2 * MINUTE, MINUTE).value.values.tolist() == [[1.0] * 3]
    assert asked.query_batch(query, np.arange(3) * MINUTE).frame.values.tolist() == [[1.0, 2.0, 2.0]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum by (i) (abs(x))", {'{i="0"}': 4.0, '{i="1"}': 1.0}),
        ("sum by (__name__) (abs(x))", {"{}": 5.0}),
        ("sum by (__name__) (x)", {"x": 5.0}),
        ('label_replace(abs(x{i="0"}), "__name__", "${1}_abs", "__name__", "(.*)")', {'x_abs{i="0"}': 4.0}),
        ('label_replace(abs(x{i="0"}), "was", "$1", "__name__", "(.*)")', {'{i="0", was="x"}': 4.0}),
        ('label_join(-x{i="0"}, "__name__", "_", "__name__", "i")', {'x_0{i="0"}': -4.0}),
        ("abs(x) > 2", {'{i="0"}': 4.0}),
        ("x + on(i) abs(x)", {'{i="0"}': 8.0, '{i="1"}': 2.0}),
        ("last_over_time(abs(x)[1m:])", {'{i="0"}': 4.0, '{i="1"}': 1.0}),
        ("topk(1, abs(x))", {'{i="0"}': 4.0}),
    ],
)
def test_names_can_go_at_the_end_of_the_query(query, expected):
    """With delayed name removal what drops the name leaves it to be read until the answer is given."""
    assert ask(SAMPLES, query, dialect=PROMQLTEST) == expected


def test_series_that_are_equal_once_their_names_go_are_refused_at_the_end():
    """Until then they are told apart, so that an aggregation by name still sees both."""
    asked = engine({"x": [1], "y": [2]}, dialect=PROMQLTEST)
    with pytest.raises(QueryError, match="same labelset"):
        asked.query('abs({__name__=~"x|y"})', 0)
    assert [value for _, value in asked.query('sum(abs({__name__=~"x|y"}))', 0).vector()] == [3.0]
    with pytest.raises(QueryError, match="same labelset"):
        asked.query('abs({__name__=~"x|y"})[5m:]', 0)
    assert [str(labels) for labels, *_ in asked.query("abs(x)[5m:]", 0).series()] == ["{}"]
    batch = asked.query_batch('abs({__name__=~"x|y"})', np.array([0, MINUTE]))
    assert list(batch.failures) == [0, 1]


def test_a_long_chain_of_operators_is_evaluated():
    """A chain is as deep as it is long; what the parser takes, the engine takes."""
    assert engine(SAMPLES).query("x" + " + x" * 190, 0).vector()[0][1] == 191.0
