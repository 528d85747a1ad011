"""Which labels the result of an expression can have: read off the tree, before there is any data."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Self

import attrs

from obsflow.model.labels import BUCKET_LABEL, METRIC_NAME
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from obsflow.promql.inspect import value_type

_KEEPING: Final = frozenset(("topk", "bottomk", "limitk", "limit_ratio"))
_BUCKETED: Final = frozenset(("histogram_quantile", "histogram_fraction"))
_UNLABELLED: Final = frozenset(("scalar", "vector", "time", "pi"))


@attrs.frozen
class LabelSet:
    """The labels that a sample may have: `names` alone, or, if `is_open`, any but `names`. `__name__` is left out.

    `expected` are those that the text relies on: grouped by, or matched to be there. `values` lists what a label must
    be one of, where that is known; the empty string is an absent label.
    """

    names: frozenset[str] = frozenset()
    is_open: bool = False
    expected: frozenset[str] = frozenset()
    values: Mapping[str, frozenset[str]] = attrs.field(factory=dict, hash=False)

    def may_have(self, name: str) -> bool:
        """Whether there can be a label of that name."""
        return (name in self.names) is not self.is_open

    def only(self, kept: Iterable[str]) -> "LabelSet":
        """Of these labels those called `kept`."""
        names = frozenset(name for name in kept if self.may_have(name))
        return LabelSet(names, False, self.expected & names, _of(self.values, names))

    def without(self, dropped: Iterable[str]) -> "LabelSet":
        """These labels less those called `dropped`."""
        gone = frozenset(dropped)
        names = self.names | gone if self.is_open else self.names - gone
        values = {name: values for name, values in self.values.items() if name not in gone}
        return LabelSet(names, self.is_open, self.expected - gone, values)

    def with_(self, added: Iterable[str], *, expected: bool = False) -> "LabelSet":
        """These labels and maybe those called `added`, with any value."""
        more = frozenset(added)
        bare = self.without(more)
        names = bare.names - more if self.is_open else bare.names | more
        return LabelSet(names, self.is_open, bare.expected | (more if expected else frozenset()), bare.values)

    def union(self, other: "LabelSet") -> "LabelSet":
        """The labels of a sample that comes from either."""
        if self.is_open and other.is_open:
            names, is_open = self.names & other.names, True
        elif self.is_open or other.is_open:
            opened, closed = (self, other) if self.is_open else (other, self)
            names, is_open = opened.names - closed.names, True
        else:
            names, is_open = self.names | other.names, False
        shared = self.values.keys() & other.values.keys()
        values = {name: self.values[name] | other.values[name] for name in shared}
        return LabelSet(names, is_open, self.expected & other.expected, values)

    def matched_with(self, other: "LabelSet", names: "Matched") -> "LabelSet":
        """These labels of a sample with a partner that has those of `other`: all that `names` covers are equal."""
        values = {**self.values}
        for name, theirs in other.values.items():
            if names.covers(name):
                values[name] = values[name] & theirs if name in values else theirs
        return attrs.evolve(
            self, expected=self.expected | frozenset(filter(names.covers, other.expected)), values=values
        )

    @classmethod
    def of_selector(cls, matchers: Iterable[Matcher]) -> Self:
        """The labels that matchers leave open."""
        absent, expected = set(), set()
        values: dict[str, frozenset[str]] = {}
        matchers = tuple(matcher for matcher in matchers if matcher.name != METRIC_NAME)
        for matcher in matchers:
            if not matcher.matches(""):
                expected.add(matcher.name)
            if matcher.literals is not None:
                known = values.get(matcher.name, matcher.literals)
                values[matcher.name] = known & matcher.literals
        for matcher in matchers:
            if matcher.name in values:
                values[matcher.name] = frozenset(filter(matcher.matches, values[matcher.name]))
                if values[matcher.name] == {""}:
                    absent.add(matcher.name)
        return cls(frozenset(absent), True, frozenset(expected - absent), values)


def _of(values: Mapping[str, frozenset[str]], names: frozenset[str]) -> Mapping[str, frozenset[str]]:
    return {name: found for name, found in values.items() if name in names}


@attrs.frozen
class Matched:
    """The labels on which two sides must agree: `labels` alone (`on`), or all but `labels`."""

    on: bool
    labels: frozenset[str]

    def covers(self, name: str) -> bool:
        """Whether the label takes part in the matching."""
        return (name in self.labels) is self.on

    @classmethod
    def of(cls, matching: VectorMatching) -> Self:
        """What the modifiers of an operator say."""
        return cls(matching.on, frozenset(matching.labels))


Selected = Callable[[VectorSelector], LabelSet]


def selected_labels(selector: VectorSelector) -> LabelSet:
    """The labels of what a selector selects, where nothing is known but its matchers."""
    return LabelSet.of_selector(selector.matchers)


def result_labels(expr: Expr, selected: Selected = selected_labels) -> LabelSet:
    """The labels that samples of the result may have. `selected` says it of selectors."""
    match expr:
        case NumberLiteral() | StringLiteral():
            return LabelSet()
        case VectorSelector():
            return selected(expr)
        case MatrixSelector(selector=inner):
            return result_labels(inner, selected)
        case Subquery(expr=inner) | Paren(expr=inner) | Unary(expr=inner):
            return result_labels(inner, selected)
        case Aggregation():
            return _aggregated(expr, result_labels(expr.expr, selected))
        case Call():
            return _called(expr, selected)
        case Binary():
            return _combined(expr, result_labels(expr.left, selected), result_labels(expr.right, selected))


def _aggregated(node: Aggregation, inner: LabelSet) -> LabelSet:
    if node.op in _KEEPING:
        return inner
    if node.without:
        kept = inner.without(node.grouping)
    else:
        kept = inner.only(node.grouping)
        kept = attrs.evolve(kept, expected=kept.names)
    if node.op == "count_values" and isinstance(node.param, StringLiteral):
        kept = kept.with_((node.param.value,), expected=True)
    return kept


def _called(node: Call, selected: Selected) -> LabelSet:
    match node:
        case Call(name="absent" | "absent_over_time", args=(inner,)):
            return _absent(inner)
        case Call(name=name) if name in _UNLABELLED:
            return LabelSet()
        case Call(name="info"):
            return LabelSet(is_open=True)
    vectors = (ValueType.VECTOR, ValueType.MATRIX)
    operands = [argument for argument in node.args if value_type(argument) in vectors]
    labels = result_labels(operands[0], selected) if operands else LabelSet()
    match node:
        case Call(name="label_replace" | "label_join", args=(_, StringLiteral(value=target), *_)):
            return labels.with_((target,))
        case Call(name="histogram_quantiles", args=(_, StringLiteral(value=target), *_)):
            return labels.without((BUCKET_LABEL,)).with_((target,), expected=True)
    if node.name in _BUCKETED:
        return labels.without((BUCKET_LABEL,))
    return labels


def _absent(argument: Expr) -> LabelSet:
    """What `absent` makes up: the labels that a selector names once, to be equal to something."""
    selector = argument.selector if isinstance(argument, MatrixSelector) else argument
    if not isinstance(selector, VectorSelector):
        return LabelSet()
    names = [matcher.name for matcher in selector.matchers]
    values = {
        matcher.name: frozenset((matcher.value,))
        for matcher in selector.matchers
        if matcher.op is MatchOp.EQUAL and matcher.value and names.count(matcher.name) == 1
    }
    values.pop(METRIC_NAME, None)
    return LabelSet(frozenset(values), False, frozenset(values), values)


def _combined(node: Binary, left: LabelSet, right: LabelSet) -> LabelSet:
    if node.matching is None:
        return left if value_type(node.left) is ValueType.VECTOR else right
    matched = Matched.of(node.matching)
    if node.op == "or":
        return left.union(right)
    if node.op == "and":
        return left.matched_with(right, matched)
    if node.op == "unless":
        return left
    filled = node.matching.fill_left is not None or node.matching.fill_right is not None
    if node.matching.cardinality is Cardinality.ONE_TO_ONE:
        return _paired(left, right, matched, is_filled=filled)
    many, one = (left, right) if node.matching.cardinality is Cardinality.MANY_TO_ONE else (right, left)
    kept = many if filled else many.matched_with(one, matched)
    for name in node.matching.include:
        kept = kept.with_((name,), expected=name in one.expected) if one.may_have(name) else kept.without((name,))
    return kept


def _paired(left: LabelSet, right: LabelSet, matched: Matched, *, is_filled: bool) -> LabelSet:
    """What is left of two samples that match one to one: the labels that they agree on."""

    def keep(side: LabelSet) -> LabelSet:
        return side.only(matched.labels) if matched.on else side.without(matched.labels)

    if is_filled:
        return keep(left).union(keep(right))
    pair = keep(left.matched_with(right, matched))
    if right.is_open:
        return pair.without(name for name in right.names if matched.covers(name))
    return pair.only(name for name in right.names if pair.may_have(name))
