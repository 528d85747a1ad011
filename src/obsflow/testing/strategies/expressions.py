"""PromQL expressions that type-check, of a vocabulary of metrics and labels."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import attrs
from hypothesis import strategies as st

from obsflow.errors import NotFoundError
from obsflow.model.labels import is_metric_name, quote
from obsflow.promql import PROMETHEUS, Dialect, parse, render
from obsflow.promql.ast import Aggregation, Call, Expr, Paren, ValueType, children, with_children
from obsflow.promql.lexer import KEYWORDS
from obsflow.promql.parser import parse_syntax
from obsflow.promql.signatures import AGGREGATIONS, COMPARISONS, FUNCTIONS, SET_OPERATORS
from obsflow.testing.strategies.label_sets import LABELS, METRICS, matchers

_COUNTER_SUFFIXES = ("_total", "_count", "_sum", "_bucket")
_OF_COUNTERS = frozenset(("rate", "increase", "irate", "resets"))
_OF_BUCKETS = frozenset(("histogram_quantile", "histogram_quantiles", "histogram_fraction"))
_OF_ENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("anchored", "smoothed"),
    "rate": ("anchored", "smoothed"),
    "increase": ("anchored", "smoothed"),
    "delta": ("anchored", "smoothed"),
    "changes": ("anchored",),
    "resets": ("anchored",),
}

_USUAL = ("rate", "increase", "histogram_quantile", "avg_over_time", "max_over_time", "absent", "delta", "clamp_min")
"""What most rules call comes as often as all functions together."""

_NUMBERS = ("1", "0", "2", "0.5", "100", "0.05", "-1", "5m", "1e9", "Inf", "NaN")
_QUANTILES = ("0.5", "0.95", "0", "1", "0.999", "-1")
_COUNTS = ("1", "2", "3", "0")
_NARROW: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("quantile", "quantile_over_time", "histogram_quantile", "histogram_quantiles"), _QUANTILES),
    **dict.fromkeys(("topk", "bottomk", "limitk"), _COUNTS),
    "limit_ratio": ("0.5", "1", "-0.5"),
    "double_exponential_smoothing": ("0.5", "0.1"),
}
"""The numbers that some functions and aggregations ask for; the others take any."""

_DURATIONS = ("5m", "1m", "30s", "10m", "1h")
_STEPS = ("", "30s", "1m")
_ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
_NOT_METRICS = KEYWORDS | {"inf", "nan"}


def expressions(
    wanted: ValueType = ValueType.VECTOR,
    *,
    metrics: Sequence[str] = METRICS,
    labels: Mapping[str, Sequence[str]] = LABELS,
    depth: int = 2,
    functions: Collection[str] | None = None,
    dialect: Dialect = PROMETHEUS,
) -> st.SearchStrategy[Expr]:
    """Trees of the type `wanted` that were parsed in a dialect, types checked, and equal what their text parses to.

    `metrics` are the names that they select, and `labels` the labels, with values, that their matchers, groupings and
    joins are about. `depth` bounds how many operators, functions and aggregations stand above one another. `functions`
    are the functions and aggregations that may come, None for all of the dialect. Raises NotFoundError for one that
    there is not. `info` never comes.
    """
    texts = queries(wanted, metrics=metrics, labels=labels, depth=depth, functions=functions, dialect=dialect)
    return texts.map(lambda text: parse(text, dialect))


def queries(
    wanted: ValueType = ValueType.VECTOR,
    *,
    metrics: Sequence[str] = METRICS,
    labels: Mapping[str, Sequence[str]] = LABELS,
    depth: int = 2,
    functions: Collection[str] | None = None,
    dialect: Dialect = PROMETHEUS,
) -> st.SearchStrategy[str]:
    """The texts of `expressions`, which take the same arguments: in the form in which Prometheus prints them."""
    asked = frozenset(FUNCTIONS.keys() | AGGREGATIONS.keys() if functions is None else functions)
    if unknown := asked - FUNCTIONS.keys() - AGGREGATIONS.keys():
        raise NotFoundError(f"no such function or aggregation: {', '.join(sorted(unknown))}")
    grammar = _Grammar(tuple(metrics), labels, _callable(asked, dialect), dialect)
    return grammar.text(wanted, depth).map(lambda text: _tidied(text, dialect))


def _callable(asked: frozenset[str], dialect: Dialect) -> tuple[str, ...]:
    """Those of the functions and aggregations that a dialect has, in the order of the tables."""
    known = {
        **{name: f.experimental for name, f in FUNCTIONS.items()},
        **{n: a.experimental for n, a in AGGREGATIONS.items()},
    }
    return tuple(
        name
        for name, experimental in known.items()
        if name in asked and name != "info" and (dialect.experimental_functions or not experimental)
    )


def _tidied(text: str, dialect: Dialect) -> str:
    """The canonical text, without parentheses around the whole and around an argument."""
    return render(_bare(_tidy(parse_syntax(text, dialect))))


def _tidy(node: Expr) -> Expr:
    inner = tuple(map(_tidy, children(node)))
    if isinstance(node, Call | Aggregation):
        inner = tuple(map(_bare, inner))
    return with_children(node, inner)


def _bare(node: Expr) -> Expr:
    return node.expr if isinstance(node, Paren) else node


@attrs.frozen
class _Grammar:
    """What an expression may be made of. A text that is drawn can stand anywhere: operators are in parentheses."""

    metrics: tuple[str, ...]
    labels: Mapping[str, Sequence[str]]
    names: tuple[str, ...]
    dialect: Dialect

    def text(self, wanted: ValueType, depth: int) -> st.SearchStrategy[str]:
        return {
            ValueType.VECTOR: _vectors,
            ValueType.SCALAR: _scalars,
            ValueType.MATRIX: _matrices,
            ValueType.STRING: _strings,
        }[wanted](self, depth)

    def calls(self, returns: ValueType) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in FUNCTIONS and FUNCTIONS[name].returns is returns)

    @property
    def aggregations(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name in AGGREGATIONS)

    def metrics_for(self, function: str) -> tuple[str, ...]:
        """The metrics that a function is meant for, or all if there are none."""
        if function in _OF_BUCKETS:
            suited = tuple(name for name in self.metrics if name.endswith("_bucket"))
        elif function in _OF_COUNTERS:
            suited = tuple(name for name in self.metrics if name.endswith(_COUNTER_SUFFIXES))
        else:
            suited = ()
        return suited or self.metrics

    def label_lists(self) -> st.SearchStrategy[str]:
        if not self.labels:
            return st.just("")
        return st.lists(st.sampled_from(sorted(self.labels)), max_size=2, unique=True).map(
            lambda names: ", ".join(map(quote, names))
        )


@st.composite
def _vectors(draw: st.DrawFn, grammar: _Grammar, depth: int) -> str:
    kinds: list[Callable[[_Grammar, int], st.SearchStrategy[str]]] = [_instant_selectors]
    if grammar.calls(ValueType.VECTOR):
        kinds += [_vector_calls] * 3
    if grammar.aggregations:
        kinds += [_aggregations]
    kinds += [_scalar_operations, _vector_operations, _negations]
    kind = draw(
        st.sampled_from(kinds)
    )  # also where the depth leaves no choice: so a part can take the place of the whole
    return draw((kind if depth > 0 else _instant_selectors)(grammar, depth))


def _instant_selectors(grammar: _Grammar, _depth: int) -> st.SearchStrategy[str]:
    return _selectors(grammar)


@st.composite
def _selectors(draw: st.DrawFn, grammar: _Grammar, function: str = "", window: str = "") -> str:
    """A selector with its modifiers; `window` is the range behind it in brackets, and `function` what it is for."""
    name = draw(st.sampled_from(grammar.metrics_for(function)))
    tests = draw(st.lists(matchers(grammar.labels), max_size=2)) if grammar.labels else []
    inner = list(map(str, tests))
    if not is_metric_name(name) or name.lower() in _NOT_METRICS:
        inner, name = [f"__name__={quote(name)}", *inner], ""
    text = f"{name}{{{','.join(inner)}}}" if inner else name
    modes = _OF_ENDS.get(function, ()) if window else ("smoothed",)
    if grammar.dialect.extended_range_selectors and modes and draw(st.integers(0, 4)) == 4:
        window += f" {draw(st.sampled_from(modes))}"
    return f"{text}{window}{draw(_shifts())}"


def _shifts() -> st.SearchStrategy[str]:
    """Mostly none: `offset` and `@`."""
    offsets = st.sampled_from(_DURATIONS).flatmap(lambda text: st.sampled_from((f" offset {text}", f" offset -{text}")))
    return st.one_of(
        st.just(""), st.just(""), st.just(""), offsets, st.sampled_from((" @ start()", " @ end()", " @ 300"))
    )


@st.composite
def _windows(draw: st.DrawFn, grammar: _Grammar) -> str:
    """What stands in the brackets of a range."""
    text = draw(st.sampled_from(_DURATIONS))
    if grammar.dialect.duration_expressions and draw(st.integers(0, 9)) == 9:
        return draw(st.sampled_from((f"{text} + step()", f"2 * {text}", f"max_of({text}, step())")))
    return text


@st.composite
def _matrices(draw: st.DrawFn, grammar: _Grammar, depth: int, function: str = "") -> str:
    window = draw(_windows(grammar))
    if depth < 1 or draw(st.integers(0, 3)) < 3:
        return draw(_selectors(grammar, function, f"[{window}]"))
    inner = draw(_vectors(grammar, depth - 1))
    return f"({inner})[{window}:{draw(st.sampled_from(_STEPS))}]{draw(_shifts())}"


@st.composite
def _strings(draw: st.DrawFn, _grammar: _Grammar, _depth: int) -> str:
    return quote(draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=8)))


@st.composite
def _scalars(draw: st.DrawFn, grammar: _Grammar, depth: int, numbers: Sequence[str] = _NUMBERS) -> str:
    kind = draw(st.integers(0, 6)) if depth > 0 else 0
    called = grammar.calls(ValueType.SCALAR)
    if kind in (4, 5) and called:
        return draw(_calls(grammar, draw(st.sampled_from(called)), depth))
    if kind == 6:
        left, right = (draw(_scalars(grammar, depth - 1)) for _ in range(2))
        operators = (*_ARITHMETIC, *(f"{op} bool" for op in sorted(COMPARISONS)))
        return f"({left} {draw(st.sampled_from(operators))} {right})"
    return draw(st.sampled_from(numbers))


def _vector_calls(grammar: _Grammar, depth: int) -> st.SearchStrategy[str]:
    names = grammar.calls(ValueType.VECTOR)
    usual = tuple(name for name in _USUAL if name in names)
    drawn = st.sampled_from(usual) | st.sampled_from(names) if usual else st.sampled_from(names)
    return drawn.flatmap(lambda name: _calls(grammar, name, depth))


@st.composite
def _calls(draw: st.DrawFn, grammar: _Grammar, name: str, depth: int) -> str:
    signature = FUNCTIONS[name]
    if name in ("label_replace", "label_join", "sort_by_label", "sort_by_label_desc", "histogram_quantiles"):
        return draw(_calls_with_texts(grammar, name, depth))
    most = signature.least + 1 if signature.most is None else signature.most
    arguments = []
    for i in range(draw(st.integers(signature.least, most))):
        match signature.argument(i):
            case ValueType.MATRIX:
                arguments.append(draw(_matrices(grammar, depth - 1, name)))
            case ValueType.SCALAR:
                arguments.append(draw(_scalars(grammar, depth - 1, _NARROW.get(name, _NUMBERS))))
            case ValueType.VECTOR if name in _OF_BUCKETS:
                arguments.append(draw(_bucket_vectors(grammar, depth - 1)))
            case _:
                arguments.append(draw(_vectors(grammar, depth - 1)))
    return f"{name}({', '.join(arguments)})"


@st.composite
def _bucket_vectors(draw: st.DrawFn, grammar: _Grammar, depth: int) -> str:
    """Buckets of a histogram, or their rate."""
    if depth < 1 or "rate" not in grammar.names or draw(st.booleans()):
        return draw(_selectors(grammar, "histogram_quantile"))
    return f"rate({draw(_selectors(grammar, 'histogram_quantile', f'[{draw(_windows(grammar))}]'))})"


@st.composite
def _calls_with_texts(draw: st.DrawFn, grammar: _Grammar, name: str, depth: int) -> str:
    """The functions that take texts, with texts that they accept."""
    label = st.sampled_from(sorted(grammar.labels) or ["label"]).map(quote)
    vector = draw(_bucket_vectors(grammar, depth - 1) if name in _OF_BUCKETS else _vectors(grammar, depth - 1))
    if name == "histogram_quantiles":
        quantiles = draw(st.lists(st.sampled_from(_QUANTILES), min_size=1, max_size=2, unique=True))
        return f'{name}({vector}, "quantile", {", ".join(quantiles)})'
    if name == "label_join":
        sources = draw(st.lists(label, min_size=1, max_size=2))
        return f'{name}({vector}, {draw(label)}, "-", {", ".join(sources)})'
    if name == "label_replace":
        replacement, pattern = draw(st.sampled_from((("$1", "(.*)"), ("x", ".*"), ("$1-$1", "(.).*"), ("", ".+"))))
        return f"{name}({vector}, {draw(label)}, {quote(replacement)}, {draw(label)}, {quote(pattern)})"
    return f"{name}({vector}, {draw(label)})"


@st.composite
def _aggregations(draw: st.DrawFn, grammar: _Grammar, depth: int) -> str:
    op = draw(st.sampled_from(grammar.aggregations))
    grouping = draw(st.sampled_from(("", "by", "without")))
    head = f"{op} {grouping} ({draw(grammar.label_lists())}) " if grouping else op
    inner = draw(_vectors(grammar, depth - 1))
    match AGGREGATIONS[op].parameter:
        case ValueType.SCALAR:
            return f"{head}({draw(_scalars(grammar, depth - 1, _NARROW[op]))}, {inner})"
        case ValueType.STRING:
            return f'{head}("value", {inner})'
        case _:
            return f"{head}({inner})"


@st.composite
def _scalar_operations(draw: st.DrawFn, grammar: _Grammar, depth: int) -> str:
    sides = [draw(_vectors(grammar, depth - 1)), draw(_scalars(grammar, depth - 1))]
    op = draw(_operators())
    left, right = sides[::-1] if draw(st.booleans()) else sides
    return f"({left} {op} {right})"


@st.composite
def _vector_operations(draw: st.DrawFn, grammar: _Grammar, depth: int) -> str:
    left, right = (draw(_vectors(grammar, depth - 1)) for _ in range(2))
    if draw(st.integers(0, 3)) == 3:
        op = draw(st.sampled_from(sorted(SET_OPERATORS)))
        return f"({left} {op}{draw(_matchings(grammar, grouped=False))} {right})"
    op = draw(_operators()) + draw(_matchings(grammar, grouped=True))
    if grammar.dialect.binop_fill_modifiers and draw(st.integers(0, 4)) == 4:
        op += draw(st.sampled_from((" fill(0)", " fill_left(0)", " fill_right(1)", " fill_left(0) fill_right(1)")))
    return f"({left} {op} {right})"


@st.composite
def _matchings(draw: st.DrawFn, grammar: _Grammar, *, grouped: bool) -> str:
    """`on` or `ignoring` some labels, and what is taken over from the side that has one series of several."""
    kind = draw(st.sampled_from(("", "on", "ignoring")))
    if not kind or not grammar.labels:
        return ""
    names = draw(st.permutations(sorted(grammar.labels)))
    matched = names[: draw(st.integers(0, 2))]
    text = f" {kind} ({', '.join(map(quote, matched))})"
    side = draw(st.sampled_from(("", "group_left", "group_right"))) if grouped else ""
    included = names[len(matched) : len(matched) + draw(st.integers(0, 1))] if side else []
    return f"{text} {side} ({', '.join(map(quote, included))})" if side else text


def _operators() -> st.SearchStrategy[str]:
    comparisons = sorted(COMPARISONS)
    return st.sampled_from((*_ARITHMETIC, *comparisons, *(f"{op} bool" for op in comparisons)))


def _negations(grammar: _Grammar, depth: int) -> st.SearchStrategy[str]:
    return _vectors(grammar, depth - 1).map(lambda text: f"(-{text})")
