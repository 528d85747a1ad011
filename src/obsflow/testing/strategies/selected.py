"""Series for an expression: those that its selectors find, alike enough for its joins to meet, and some they refuse."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs
from hypothesis import strategies as st

from obsflow.model.floats import render_float
from obsflow.model.labels import BUCKET_LABEL, METRIC_NAME, Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.promql import PROMQLTEST, parse
from obsflow.promql.ast import Aggregation, Binary, Call, Expr, NumberLiteral, VectorSelector
from obsflow.promql.inspect import DEFAULT_INFO_METRIC, walk
from obsflow.testing.strategies.patterns import failing, passing
from obsflow.testing.strategies.series import Series
from obsflow.testing.strategies.signals import (
    BOUNDS,
    TIMES,
    Numbers,
    Times,
    counters,
    counts,
    gauges,
    histograms,
    interrupted,
)

_BUCKET = "_bucket"
_COUNTER_SUFFIXES = ("_total", "_count", "_sum")
_OF_COUNTERS = frozenset(("rate", "irate", "increase", "resets"))
_ANY_METRIC = "metric"
_ENTITY_LABEL = "instance"
_VALUES = 4
_MAX_CONSTANTS = 4
_MAX_BOUND = 1e6
_ABOUT: Final = (1.0, 1.1, 0.9, 2.0, 0.5)
_DEFAULT_INTERVAL_S = 15.0


@st.composite
def series_for(
    draw: st.DrawFn,
    expr: Expr | str,
    *,
    times: Times = TIMES,
    max_entities: int = 2,
    bystanders: bool = True,
    gaps: bool = False,
    increases: Numbers | None = None,
    values: Numbers | None = None,
) -> tuple[Series, ...]:
    """Series of which every selector of an expression finds one, if values are found that its matchers let pass.

    There are up to `max_entities` entities, such as instances; all selectors know the same ones, by the labels that
    the expression joins, groups and filters by. `bystanders` are series that one matcher of one selector refuses.
    With `gaps` scrapes are missed, which may leave nothing of a series.

    What is under `rate` and its like, or is called `_total`, `_count` or `_sum`, is a counter; what is called `_bucket`
    a whole histogram; the rest are gauges. `increases` of counters per scrape and `values` of gauges are, unless they
    are given, `counts()` or 0 to 100, and about the constants of the expression. Raises QuerySyntaxError.
    """
    tree = parse(expr, PROMQLTEST) if isinstance(expr, str) else expr
    found = [_Wanted.of(node, above) for node, above in walk(tree) if isinstance(node, VectorSelector)]
    kinds = _Kinds.of(tree, times, increases, values)
    wanted = draw(_label_sets(tree, found, max_entities, bystanders=bystanders))
    out: dict[Labels, Series] = {}
    for labels in sorted(wanted, key=lambda labels: not labels.name.endswith(_BUCKET)):
        if labels not in out:
            strategy = kinds.of_labels(labels, is_counter=wanted[labels])
            strategy = interrupted(strategy) if gaps else strategy
            out |= {each.labels: each for each in draw(strategy) if each.labels not in out}
    return tuple(series for series in out.values() if series.times)


@st.composite
def _label_sets(
    draw: st.DrawFn, tree: Expr, found: Sequence["_Wanted"], max_entities: int, *, bystanders: bool
) -> dict[Labels, bool]:
    """The labels of all series, in the order of the selectors, each with whether it is a counter."""
    pool = _pool(tree, found)
    removed = _without(node for node, _ in walk(tree))
    count = draw(st.integers(1, max_entities))
    entities = [{name: draw(st.sampled_from(texts)) for name, texts in pool.items()} for _ in range(count)]
    for i, entity in enumerate(entities):
        entity.setdefault(_ENTITY_LABEL, f"{_ENTITY_LABEL}-{i}")
    wanted: dict[Labels, bool] = {}
    for each, entity in itertools.product(found, entities):
        own = {name: text for name, text in entity.items() if name not in removed - each.removed}
        labels = draw(each.label_sets(own))
        if labels is None:
            continue
        wanted[labels] = wanted.get(labels, False) or each.is_counter
        refusals = each.refusals if bystanders else ()
        if bool(refusals) and draw(st.booleans()):
            name, text = draw(st.sampled_from(refusals))
            wanted.setdefault(labels.with_({name: text}), each.is_counter)
    return wanted


@attrs.frozen
class _Wanted:
    """A selector: its matchers by label, whether it is of counters, and the labels that are removed above it."""

    matchers: Mapping[str, tuple[Matcher, ...]]
    is_counter: bool
    removed: frozenset[str]

    @classmethod
    def of(cls, selector: VectorSelector, ancestors: Sequence[Expr]) -> "_Wanted":
        by_label: dict[str, tuple[Matcher, ...]] = {}
        for matcher in selector.matchers:
            by_label[matcher.name] = (*by_label.get(matcher.name, ()), matcher)
        match ancestors:
            case [*_, Call(name="info", args=(_, second))] if second is selector:
                by_label.setdefault(METRIC_NAME, (Matcher(METRIC_NAME, MatchOp.EQUAL, DEFAULT_INFO_METRIC),))
        calls = (node.name for node in reversed(ancestors) if isinstance(node, Call))
        return cls(by_label, next(calls, "") in _OF_COUNTERS, _without(ancestors))

    @property
    def names(self) -> tuple[str, ...]:
        """Metric names that the selector finds; any will do if it does not ask for one."""
        asked = self.matchers.get(METRIC_NAME)
        return (_ANY_METRIC,) if asked is None else tuple(name for name in passing(asked) if name)

    @property
    def refusals(self) -> tuple[tuple[str, str], ...]:
        """Labels with values that a matcher does not let pass."""
        return tuple(
            (name, text)
            for name, matchers in self.matchers.items()
            if name not in (METRIC_NAME, BUCKET_LABEL)
            for matcher in matchers
            for text in failing(matcher)[:_VALUES]
        )

    def label_sets(self, entity: Mapping[str, str]) -> st.SearchStrategy[Labels | None]:
        """Labels of the entity's series that pass, changed where they must be; None if nothing passes."""
        choices = {METRIC_NAME: self.names}
        for name, matchers in self.matchers.items():
            if name != METRIC_NAME and not all(matcher.matches(entity.get(name, "")) for matcher in matchers):
                choices[name] = passing(matchers)
        if not all(choices.values()):
            return st.none()
        drawn = st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in choices.items()})
        return drawn.map(lambda chosen: Labels({**entity, **chosen}))


def _without(nodes: Iterable[Expr]) -> frozenset[str]:
    """The labels that the aggregations among some nodes remove."""
    groups = (node.grouping for node in nodes if isinstance(node, Aggregation) and node.without)
    return frozenset(itertools.chain.from_iterable(groups))


def _pool(tree: Expr, found: Sequence[_Wanted]) -> dict[str, tuple[str, ...]]:
    """Values for each label that the expression joins, groups or filters by."""
    names: dict[str, None] = {}
    for node, _ in walk(tree):
        match node:
            case Aggregation(grouping=grouping):
                names |= dict.fromkeys(grouping)
            case Binary(matching=matching) if matching is not None:
                names |= dict.fromkeys((*matching.labels, *matching.include))
    asked: dict[str, tuple[Matcher, ...]] = {}
    for each in found:
        for name, matchers in each.matchers.items():
            asked[name] = (*asked.get(name, ()), *matchers)
    texts = {name: _asked(asked.get(name, ())) or (f"{name}-0", f"{name}-1") for name in (*asked, *names)}
    return {name: values for name, values in texts.items() if name not in (METRIC_NAME, BUCKET_LABEL)}


def _asked(matchers: tuple[Matcher, ...]) -> tuple[str, ...]:
    """Values that some matcher asks for."""
    return tuple(text for each in matchers if each.op.is_positive for text in passing((each,))[:_VALUES] if text)


@attrs.frozen
class _Kinds:
    """How the series of an expression move."""

    times: Times
    increases: Numbers
    values: Numbers
    bounds: tuple[float, ...]

    @classmethod
    def of(cls, tree: Expr, times: Times, increases: Numbers | None, values: Numbers | None) -> "_Kinds":
        numbers = (abs(node.value) for node, _ in walk(tree) if isinstance(node, NumberLiteral))
        constants = [*dict.fromkeys(number for number in numbers if number and math.isfinite(number))][:_MAX_CONSTANTS]
        about = [constant * factor for constant in constants for factor in _ABOUT]
        interval_s = _interval_s(times)
        if increases is None:
            increases = _either(counts(), [float(round(each * interval_s)) for each in about])
        if values is None:
            values = _either(st.integers(0, 100), about)
        bounds = {*BOUNDS, *(each for each in about if each < _MAX_BOUND)}
        return cls(times, increases, values, tuple(bounds))

    def of_labels(self, labels: Labels, *, is_counter: bool) -> st.SearchStrategy[tuple[Series, ...]]:
        """The series of these labels, or the histogram that it is of."""
        if labels.name.endswith(_BUCKET):
            base = labels.with_({METRIC_NAME: labels.name.removesuffix(_BUCKET), BUCKET_LABEL: ""})
            asked = labels.get(BUCKET_LABEL)
            bounds = [*map(render_float, self.bounds), *([asked] if _is_bound(asked) else [])]
            return histograms(base, times=self.times, bounds=bounds)
        if is_counter or labels.name.endswith(_COUNTER_SUFFIXES):
            return st.tuples(counters(labels, times=self.times, increases=self.increases))
        return st.tuples(gauges(labels, times=self.times, values=self.values))


def _either(usual: st.SearchStrategy[int], about: Sequence[float]) -> Numbers:
    return usual.map(float) | st.sampled_from(about) if about else usual


def _interval_s(times: Times) -> float:
    """The time between scrapes."""
    if isinstance(times, st.SearchStrategy) or len(times) < 2:
        return _DEFAULT_INTERVAL_S
    return (times[1] - times[0]) / 1000


def _is_bound(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False
