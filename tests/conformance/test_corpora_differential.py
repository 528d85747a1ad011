"""Every expression of the corpora, asked of obsflow and of a real Prometheus over the same block.

Debian's Prometheus is 2.42, and obsflow follows 3.x. Where their answers are not the same bit for bit, the answer of
2.42 has to be what its own rules for the things in `DIFFERENCES` give, and each of these has to show somewhere.
"""

import concurrent.futures
import contextlib
import math
from typing import Any

import attrs
import numpy as np
import pytest

import obsflow
from obsflow.errors import QueryError
from obsflow.model.floats import STALE_NAN_BITS, float_bits
from obsflow.model.labels import Labels
from tests.conformance.corpora.cases import Case, block_series, make_cases
from tests.conformance.corpora.expressions import CORPORA, corpus_expressions
from tests.conformance.prometheus import Api, serve
from tests.external import tool
from tests.oracles.promql import Oracle
from tests.oracles.promql_2_42 import DIFFERENCES, habits
from tests.tsdb import writer

SEEDS = (3, 7)
CONNECTIONS = 2
ULID = "01M83F0QNYX1PQK4XX8D98TRK6"
ORDER_TOLERANCE = 1e-12
"""Relative; for sums over what operators, functions and aggregations give, whose order 2.42 leaves to chance."""
ERRORS = (
    "found duplicate series for the match group",
    "multiple matches for labels: many-to-one matching must be explicit",
    "multiple matches for labels: grouping labels must ensure unique matches",
    "vector cannot contain metrics with the same labelset",
)
NEVER = {
    'rate(couchdb_httpd_status_codes{code=~"5.."}': "one side has a `code` that the other has not",
    'rate(memcached_commands_total{command="get", status="hit"}[5m]) / (': "hits and misses differ in `status`",
    'mongodb_ss_connections{conn_type="current"} / (': "both sides of a sum differ in `conn_type`",
    'label_replace(count by(__name__) ({__name__=~".+"})': "takes ten thousand series of one name",
    "count(traefik_service_server_up) by (service) == 0": "a count is never zero",
    "integration!~`.*`": "no value passes the matcher",
}
"""Parts of the expressions that give nothing over any data such as these, and why."""

Series = dict[tuple[tuple[str, str], ...], dict[int, float]]
"""Values by time, by labels."""


@attrs.frozen
class Answer:
    """What one query gave: a type and series, or an error's kind."""

    type: str
    series: Series = attrs.field(factory=dict)

    @property
    def times(self) -> set[int]:
        return {time for points in self.series.values() for time in points}

    def at(self, time: int) -> dict[tuple[tuple[str, str], ...], float]:
        """The vector of one step."""
        return {labels: points[time] for labels, points in self.series.items() if time in points}


@attrs.frozen
class Question:
    """A case, asked as a range or at one instant, and both answers."""

    case: Case
    kind: str
    theirs: Answer = attrs.field(repr=False)
    ours: Answer = attrs.field(repr=False)

    def differing(self) -> list[int]:
        """The steps whose vectors are not the same, bit for bit."""
        times = sorted(self.theirs.times | self.ours.times)
        return [time for time in times if not same(self.theirs.at(time), self.ours.at(time))]


def same(a: dict[Any, float], b: dict[Any, float], tolerance: float = 0.0) -> bool:
    """Whether two vectors have the same labels and values; every NaN is the same."""
    return a.keys() == b.keys() and all(_same_value(a[key], b[key], tolerance) for key in a)


def _same_value(a: float, b: float, tolerance: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return float_bits(a) == float_bits(b) or (tolerance > 0 and math.isclose(a, b, rel_tol=tolerance))


def their_answer(answer: dict[str, Any]) -> Answer:
    if answer["status"] != "success":
        return Answer(error_kind(answer["error"]))
    return decoded(answer["data"])


def our_answer(ask) -> Answer:
    try:
        return decoded(ask().to_dict())
    except QueryError as error:
        return Answer(error_kind(str(error)))


def error_kind(text: str) -> str:
    return next((kind for kind in ERRORS if kind in text), text)


def decoded(data: dict[str, Any]) -> Answer:
    result = data["result"]
    if data["resultType"] == "scalar":
        result = [{"metric": {}, "value": result}]
    series: Series = {}
    for each in result:
        labels = tuple(sorted(each["metric"].items()))
        assert labels not in series
        points = each["values"] if "values" in each else [each["value"]]
        series[labels] = {round(seconds * 1000): float(value) for seconds, value in points}
    return Answer(data["resultType"], series)


@pytest.fixture(scope="module")
def expressions():
    """The distinct expressions of the corpora."""
    return list(dict.fromkeys(text for corpus in CORPORA for text in corpus_expressions(corpus)))


@pytest.fixture(scope="module")
def questions(expressions, tmp_path_factory):
    """Both answers to every expression over the data of every seed, as a range and at one of its steps."""
    tool("prometheus")
    return [question for seed in SEEDS for question in ask_both(expressions, seed, tmp_path_factory.mktemp("data"))]


def ask_both(expressions, seed, directory):
    cases = make_cases(expressions, seed)
    instants = [case.times[i % len(case.times)] for i, case in enumerate(cases)]
    data = directory / "data"
    writer.write_block(data, ULID, block_series(cases))
    engine = obsflow.Engine(obsflow.open(data))
    with serve(data, directory) as port:

        def ask(offset):
            part = list(zip(cases, instants, strict=True))[offset::CONNECTIONS]
            with contextlib.closing(Api(port)) as api:
                return [(api.query_range(c.text, c.start, c.end, c.step), api.query(c.text, at)) for c, at in part]

        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as executor:
            answers = list(executor.map(ask, range(CONNECTIONS)))
    for i, (case, at) in enumerate(zip(cases, instants, strict=True)):
        as_range, as_instant = map(their_answer, answers[i % CONNECTIONS][i // CONNECTIONS])
        ours = our_answer(lambda case=case: engine.query_range(case.text, case.start, case.end, case.step))
        yield Question(case, "range", as_range, ours)
        yield Question(case, "instant", as_instant, our_answer(lambda case=case, at=at: engine.query(case.text, at)))


def test_answers_are_those_of_prometheus(questions):
    """Same types, labels, steps and bits, and the same errors; what 2.42 does otherwise has a name, and shows."""
    unseen = set(DIFFERENCES)
    for question in questions:
        assert question.theirs.type == question.ours.type, question
        for time in question.differing():
            unseen -= explanation(question, time, unseen)

    assert not unseen


def explanation(question, time, names):
    """Without which of the named habits 2.42 would answer otherwise at a step.

    All habits have to give its answer, and none of them that of obsflow, which is bit for bit the oracle's.
    """
    theirs, ours = question.theirs.at(time), question.ours.at(time)
    tolerance = ORDER_TOLERANCE if question.case.sums_in_any_order else 0.0
    series = sorted((Labels(labels), *zip(*samples, strict=True)) for labels, samples in question.case.series)

    def with_habits(names):
        vector = Oracle(series, habits=habits(names)).instant(question.case.expr, time)
        return {labels.pairs: value for labels, value in vector}

    assert same(with_habits(()), ours), (question, time, ours, theirs)
    assert same(with_habits(DIFFERENCES), theirs, tolerance), (question, time, ours, theirs)
    return {name for name in names if not same(with_habits(DIFFERENCES.keys() - {name}), theirs, tolerance)}


def test_expressions_have_results(expressions, questions):
    """All but a few give samples somewhere, and of those that cannot it is known why. Some fail."""
    given = {question.case.text for question in questions if question.theirs.series}
    failing = {question.case.text for question in questions if question.theirs.type in ERRORS}
    hopeless = {text for text in expressions if any(part in text for part in NEVER)}

    assert len(given) > 0.95 * len(expressions)
    assert not given & hopeless
    assert len(set(expressions) - given - hopeless - failing) <= 0.01 * len(expressions)
    assert failing


def test_data_have_what_hurts(expressions):
    """Resets, gaps, stale markers, NaN and infinities; and no sample where a window of a query begins or ends."""
    cases = make_cases(expressions[::3], SEEDS[0])
    bits, falls, gaps = [], 0, 0
    for case in cases:
        for _, samples in case.series:
            times, values = map(np.array, zip(*samples, strict=True))
            assert (times % 1000 != 0).all()
            bits.append(values.view(np.uint64))
            with np.errstate(invalid="ignore"):
                falls += int((values[1:] < values[:-1]).sum())
            gaps += int((np.diff(times) > 300_000).sum())
    values = np.concatenate(bits).view(np.float64)
    stale = values.view(np.uint64) == STALE_NAN_BITS

    assert all(time % 1000 == 0 for case in cases for time in case.times)
    assert min(falls, gaps, stale.sum(), np.isnan(values[~stale]).sum(), np.isinf(values).sum()) > 80
