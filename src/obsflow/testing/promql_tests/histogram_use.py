"""Which evaluations of a test script have to do with native histograms, which cannot be evaluated."""

from collections.abc import Collection, Iterator
from typing import Final

from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import Matcher, MatchOp, all_match
from obsflow.promql.ast import Binary, Call, Expr, VectorSelector
from obsflow.promql.inspect import DEFAULT_INFO_METRIC, walk
from obsflow.testing.promql_tests.script import Evaluation

_TRIMMING: Final = frozenset(("</", ">/"))
_INFO_METRIC: Final = Matcher(METRIC_NAME, MatchOp.EQUAL, DEFAULT_INFO_METRIC)
_ANY_INFO_METRIC: Final = Matcher(METRIC_NAME, MatchOp.REGEX, ".+_info")


def histogram_use(command: Evaluation, tree: Expr, histograms: Collection[Labels]) -> str:
    """What in the evaluation needs native histograms; empty if nothing does.

    `histograms` are the series that have a native histogram at any time.
    """
    for series in command.series:
        if series.has_histograms:
            return f"expects native histograms: {series.labels}"
    for node, ancestors in walk(tree):
        if isinstance(node, Binary) and node.op in _TRIMMING:
            return f"trims native histograms: {node.op}"
        for matchers in _selections(node, ancestors):
            for labels in histograms:
                if all_match(matchers, labels):
                    return f"selects native histograms: {labels}"
    return ""


def _selections(node: Expr, ancestors: tuple[Expr, ...]) -> Iterator[tuple[Matcher, ...]]:
    """The matchers by which a node itself selects series."""
    match node:
        case VectorSelector(matchers=matchers):
            parent = ancestors[-1] if ancestors else None
            is_info = isinstance(parent, Call) and parent.name == "info" and parent.args[0] is not node
            yield (*matchers, *_implied(matchers)) if is_info else matchers
        case Call(name="info", args=(_,)):
            yield (_INFO_METRIC,)


def _implied(matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    """What `info` adds to matchers that do not say which metric they are of."""
    names = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
    if any(matcher.op.is_positive for matcher in names):
        return ()
    return (_ANY_INFO_METRIC if names else _INFO_METRIC,)
