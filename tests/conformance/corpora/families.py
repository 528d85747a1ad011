"""The label sets of the series that an expression selects, so that its joins and groups meet.

All selectors of an expression know the same few entities. An entity has a value for every label that the expression
joins or groups by, and the last has none for any; where a matcher wants another value, the matcher has its way. A
selector has a series per entity, several where they are aggregated or are the "many" of a join, and one more for each
matcher that refuses it.
"""

import itertools

import attrs

from obsflow.model.labels import METRIC_NAME
from obsflow.model.matchers import Matcher
from obsflow.promql.ast import Aggregation, Binary, Cardinality, Expr, VectorSelector
from obsflow.promql.inspect import walk
from tests.conformance.corpora.aims import SET_OPERATORS, Aim, Kind, aims
from tests.conformance.corpora.patterns import failing, named, passing

ENTITIES = 3
VARIANTS = (2, 3)
REFUSED = 2
MISCHIEF = 0.1
"""How often a join is given several series for its "one" side, which is an error."""
USUAL = ("instance", "job")

LabelSet = tuple[tuple[str, str], ...]


@attrs.frozen
class Family:
    """Series that move together: one, or the buckets of a histogram. `bounds` is empty, or has the `le` of each."""

    labels: LabelSet
    aim: Aim
    bounds: tuple[str, ...] = ()


def families(expr: Expr, rng) -> list[Family]:
    """All series of an expression; the first selector that asks much of a series says how it moves."""
    found: dict[LabelSet, Family] = {}
    wanted = {id(selector): aim for selector, aim in aims(expr)}
    pool = _pool(expr, rng)
    elsewhere = _without([node for node, _ in walk(expr)])  # labels that one side has and the other never had
    for node, ancestors in walk(expr):
        if isinstance(node, VectorSelector):
            aim = wanted[id(node)]
            for labels in _label_sets(node, ancestors, pool, elsewhere, rng):
                key, bounds = _bounds(labels, aim)
                family = found.get(key)
                if family is None:
                    found[key] = Family(key, aim, bounds)
                    continue
                chosen = attrs.evolve(
                    aim if family.aim.target.is_nothing else family.aim, sparse=family.aim.sparse or aim.sparse
                )
                found[key] = Family(key, chosen, _sorted_bounds({*family.bounds, *bounds}))
    return list(found.values())


def _without(nodes) -> set[str]:
    """The labels that the aggregations among some nodes remove."""
    return {name for node in nodes if isinstance(node, Aggregation) and node.without for name in node.grouping}


def _pool(expr: Expr, rng) -> dict[str, list[str]]:
    """The values of the entities for each label that the expression joins, groups or filters by."""
    names = dict.fromkeys(USUAL)
    asked: dict[str, Matcher] = {}
    for node, _ in walk(expr):
        match node:
            case Aggregation(grouping=grouping):
                names |= dict.fromkeys(grouping)
            case Binary(matching=matching) if matching is not None:
                names |= dict.fromkeys((*matching.labels, *matching.include))
            case VectorSelector(matchers=matchers):
                names |= {matcher.name: None for matcher in matchers if not matcher.op.is_positive}
                asked |= {matcher.name: matcher for matcher in reversed(matchers) if matcher.op.is_positive}
    pool = {}
    for name in names:
        if name not in ("le", METRIC_NAME):
            texts = [text for text in passing((asked[name],), rng) if text] if name in asked else []
            texts += [f"{name}-{k}" for k in range(ENTITIES)]
            pool[name] = [*texts[:ENTITIES], ""]
    return pool


def _label_sets(selector, ancestors, pool, elsewhere, rng) -> list[dict[str, str]]:
    by_label: dict[str, tuple[Matcher, ...]] = {}
    for matcher in selector.matchers:
        by_label[matcher.name] = (*by_label.get(matcher.name, ()), matcher)
    values = {name: passing(matchers, rng) for name, matchers in by_label.items()}
    if not all(values.values()):
        return []
    removed = elsewhere - _without(ancestors)
    variant = _variant_label(selector, ancestors, by_label, rng)
    out = []
    for k in range(ENTITIES + 1):
        labels = {name: texts[k] for name, texts in pool.items() if name not in removed}
        for name, matchers in by_label.items():
            if not (name in labels and all(m.matches(labels[name]) for m in matchers)):
                texts = named(values[name])
                labels[name] = texts[k % len(texts)]
        out.append(labels)
        if variant:
            out += [labels | {variant: f"{labels.get(variant, variant)}-{v}"} for v in range(1, rng.choice(VARIANTS))]
    refused = 0
    for name, matchers in by_label.items():
        texts = failing(matchers[0], rng) if name != METRIC_NAME else []
        if texts and refused < REFUSED:
            refused += 1
            foreign = {each: f"{each}-refused-{refused}" for each in pool}
            out.append(foreign | {each: texts[0] for each, texts in values.items()} | {name: texts[0]})
    return out


def _variant_label(selector, ancestors, by_label, rng) -> str | None:
    """The label in which several series of one entity differ, if there should be several."""
    path = (*ancestors, selector)
    for parent, child in reversed(list(itertools.pairwise(path))):
        match parent:
            case Aggregation(without=True, grouping=grouping):
                return next((name for name in grouping if name not in by_label and name != "le"), None)
            case Aggregation(grouping=grouping):
                return _many_label(path, grouping) or "replica"
            case Binary(matching=matching) if matching is not None and _is_many(parent, child):
                return "replica" if matching.on else next((n for n in matching.labels if n not in by_label), None)
            case Binary(op=op, matching=matching) if matching is not None and op not in SET_OPERATORS:
                if matching.on or matching.cardinality is not Cardinality.ONE_TO_ONE:
                    return "replica" if rng.random() < MISCHIEF else None
    return None


def _is_many(node: Binary, child) -> bool:
    side = {Cardinality.MANY_TO_ONE: node.left, Cardinality.ONE_TO_MANY: node.right}
    return node.matching is not None and side.get(node.matching.cardinality) is child


def _many_label(path, grouping) -> str | None:
    """A label of the groups by which they are the "many" of a join above."""
    for parent, child in itertools.pairwise(path):
        if isinstance(parent, Binary) and _is_many(parent, child) and parent.matching.on:
            return next((name for name in grouping if name not in (*parent.matching.labels, "le")), None)
    return None


def _bounds(labels: dict[str, str], aim: Aim) -> tuple[LabelSet, tuple[str, ...]]:
    if aim.kind is not Kind.BUCKET:
        return _label_set(labels), ()
    rest = _label_set({name: text for name, text in labels.items() if name != "le"})
    level = abs(aim.target.value) or 1.0
    ladder = {f"{level * factor:.6g}" for factor in (0.25, 0.5, 1, 2, 4)} | {"+Inf"}
    return rest, _sorted_bounds(ladder | ({labels["le"]} if "le" in labels else set()))


def _label_set(labels: dict[str, str]) -> LabelSet:
    """The labels that have a value: an empty one is none."""
    return tuple(sorted((name, text) for name, text in labels.items() if text))


def _sorted_bounds(bounds: set[str]) -> tuple[str, ...]:
    return tuple(sorted(bounds, key=float))
