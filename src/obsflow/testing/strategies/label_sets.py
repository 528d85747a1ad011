"""Names, values, label sets and matchers."""

from collections.abc import Mapping, Sequence
from typing import Final

from hypothesis import strategies as st

from obsflow.model.labels import METRIC_NAME, Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.testing.series_notation import StartTimes, parse_series
from obsflow.testing.strategies.patterns import escape

METRICS: Final = ("queue_length", "requests_total", "request_duration_seconds_bucket")
"""Metrics that strategies draw from unless they are told others: a gauge, a counter, a histogram."""

LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "job": ("api", "web"),
    "instance": ("a:80", "b:80"),
    "status": ("200", "404", "500"),
}
"""Labels with their values that strategies draw from unless they are told others."""

LabelsLike = str | Mapping[str, str] | st.SearchStrategy[Labels]
"""Labels, as `requests_total{status="200"}`, as a mapping, or drawn."""

_FIRST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_REST = _FIRST + "0123456789"
_MAX_SIZE = 12

_unicode_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=_MAX_SIZE)


def _classic(first: str, rest: str) -> st.SearchStrategy[str]:
    head = st.text(first, min_size=1, max_size=1)
    return st.tuples(head, st.text(rest, max_size=_MAX_SIZE - 1)).map("".join)


def label_names(*, utf8: bool = False) -> st.SearchStrategy[str]:
    """Names of labels, `[a-zA-Z_][a-zA-Z0-9_]*`, or with `utf8` any text as well. Never `__name__`."""
    names = _classic(_FIRST, _REST)
    return (names | _unicode_text if utf8 else names).filter(lambda name: name != METRIC_NAME)


def metric_names(*, utf8: bool = False) -> st.SearchStrategy[str]:
    """Names of metrics, `[a-zA-Z_:][a-zA-Z0-9_:]*`, or with `utf8` any text as well."""
    names = _classic(_FIRST + ":", _REST + ":")
    return names | _unicode_text if utf8 else names


def label_values(*, min_size: int = 1) -> st.SearchStrategy[str]:
    """Values of labels: any text. One of size 0 is as good as no label."""
    plain = st.text(_REST, min_size=min_size, max_size=_MAX_SIZE)
    return plain | st.text(st.characters(exclude_categories=["Cs"]), min_size=min_size, max_size=_MAX_SIZE)


def label_sets(
    labels: Mapping[str, Sequence[str]] | None = None,
    *,
    metric: str | st.SearchStrategy[str] | None = None,
    utf8: bool = False,
    max_size: int = 4,
) -> st.SearchStrategy[Labels]:
    """Label sets: of each of `labels` one of its values or none; any names and values if there are no `labels`.

    They are those of series of `metric`, if it is given.
    """
    if labels is None:
        drawn = st.dictionaries(label_names(utf8=utf8), label_values(), max_size=max_size)
    else:
        optional = {name: st.sampled_from(values) for name, values in labels.items() if values}
        drawn = st.fixed_dictionaries({}, optional=optional)
    if metric is None:
        return drawn.map(Labels)
    names = st.just(metric) if isinstance(metric, str) else metric
    return st.builds(lambda name, rest: Labels({**rest, METRIC_NAME: name}), names, drawn)


@st.composite
def matchers(draw: st.DrawFn, labels: Mapping[str, Sequence[str]] = LABELS) -> Matcher:
    """One matcher of one of the labels, about one of its values or several; every operator may come."""
    name = draw(st.sampled_from(sorted(labels)))
    op = draw(st.sampled_from(MatchOp))
    values = st.sampled_from(tuple(labels[name]) or ("",))
    if not op.is_regex:
        return Matcher(name, op, draw(values))
    several = st.lists(values, min_size=1, max_size=3, unique=True).map(lambda texts: "|".join(map(escape, texts)))
    prefixes = values.map(lambda text: f"{escape(text[:1])}.*")
    return Matcher(name, op, draw(several | prefixes))


def drawn_labels(labels: LabelsLike) -> st.SearchStrategy[Labels]:
    """The labels, however they were given. Raises ValueError for a text that is not the labels of a series."""
    if isinstance(labels, st.SearchStrategy):
        return labels
    return st.just(parse_labels(labels) if isinstance(labels, str) else Labels(labels))


def parse_labels(text: str) -> Labels:
    """The labels of a series, written as in queries: `requests_total{status="200"}`. Raises ValueError."""
    series = parse_series(text)
    if isinstance(series, StartTimes) or series.values:
        raise ValueError(f"not the labels of a series: {text}")
    return series.labels
