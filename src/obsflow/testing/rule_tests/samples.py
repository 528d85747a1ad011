"""The queries of a test of rules, and what they are expected to answer."""

from collections.abc import Collection, Iterator

from obsflow.errors import ObsflowError
from obsflow.flow.evaluators import vector_of
from obsflow.model.labels import Labels
from obsflow.model.matchers import all_match
from obsflow.promql import Dialect, Expr, parse
from obsflow.promql.inspect import selectors
from obsflow.query.engine import Engine
from obsflow.testing.rule_tests.document import ExpectedSample, ExprTest
from obsflow.testing.rule_tests.report import sample_differences
from obsflow.testing.series_notation import Series, parse_series


def judge_expr(
    test: ExprTest, engine: Engine, start: int, dialect: Dialect, *, fuzzy: bool, nan_equal: bool
) -> list[str]:
    """What a query answers otherwise than expected in a test that begins at `start` (ms); nothing if it does not."""
    try:
        expected = [(_parse_labels(sample), sample.value) for sample in test.exp_samples]
        got = vector_of(engine.query(parse(test.expr, dialect), start + test.eval_time))
    except (ObsflowError, ValueError) as error:
        return str(error).split("\n")
    return sample_differences(sorted(expected), sorted(got), fuzzy=fuzzy, nan_equal=nan_equal)


def _parse_labels(sample: ExpectedSample) -> Labels:
    """The labels of an expected sample, as those of a series are written. Raises ValueError."""
    text = sample.labels.strip()
    if not text:
        return Labels()
    series = parse_series(f"{text} 0")
    if not isinstance(series, Series) or series.values != (0.0,):
        raise ValueError(f"labels of sample {sample.labels}: not the labels of a series")
    return series.labels


def needs_histograms(test: ExprTest, histograms: Collection[Labels], dialect: Dialect) -> str:
    """What in the test needs native histograms; empty if nothing does."""
    if any(sample.histogram for sample in test.exp_samples):
        return f"expects native histograms of {test.expr}"
    try:
        selected = next(selected_histograms(parse(test.expr, dialect), histograms), None)
    except ObsflowError:
        return ""
    return "" if selected is None else f"selects native histograms: {selected}"


def selected_histograms(expr: Expr, histograms: Collection[Labels]) -> Iterator[Labels]:
    """Of the series with native histograms those that a query selects."""
    if histograms:
        for selector in selectors(expr):
            yield from (labels for labels in histograms if all_match(selector.matchers, labels))
