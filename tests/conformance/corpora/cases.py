"""Every expression with a stretch of time of its own, and data in it.

All expressions share one block and are asked as they are written. They do not disturb one another, because each looks
only at its own stretch, as far back as its longest range, offset and the lookback reach.
"""

import random

import attrs

from obsflow.promql import parse
from obsflow.promql.ast import Aggregation, Binary, Expr, MatrixSelector, Subquery, VectorSelector, children
from obsflow.promql.inspect import walk
from tests.conformance.corpora.families import families
from tests.conformance.corpora.signals import Samples, family_samples

BEGIN = 1_700_000_040_000
STEPS = 24
MINUTE = 60_000
LOOKBACK = 5 * MINUTE
OFF_THE_MINUTE = 7_000
CHUNK = 120


@attrs.frozen
class Case:
    """An expression, the range in which it is asked, and the series of its stretch of time."""

    text: str
    expr: Expr
    start: int
    end: int
    step: int
    series: list[tuple[dict[str, str], Samples]] = attrs.field(repr=False)

    @property
    def times(self) -> range:
        """The steps of the range query."""
        return range(self.start, self.end + 1, self.step)

    @property
    def sums_in_any_order(self) -> bool:
        """Whether something is summed that need not come in the order of stored series."""
        return _sums_in_any_order(self.expr)


def make_cases(texts: list[str], seed: int) -> list[Case]:
    """A case for each expression, one stretch after the other."""
    cases, at = [], BEGIN
    for text in texts:
        case = _make_case(text, at, random.Random(f"{seed} {text}"))
        cases.append(case)
        at = case.end // MINUTE * MINUTE + 2 * MINUTE
    return cases


def _make_case(text: str, begin: int, rng: random.Random) -> Case:
    expr = parse(text)
    longest = max((_reach(node, above) for node, above in walk(expr) if isinstance(node, VectorSelector)), default=0)
    interval = next(each for most, each in _INTERVALS if longest <= most)
    step = max(1, longest // (20 * MINUTE)) * MINUTE
    start = begin + -(-(longest + LOOKBACK) // MINUTE) * MINUTE + OFF_THE_MINUTE
    end = start + (STEPS - 1) * step
    ties = not _sums_in_any_order(expr)  # or a rounding could decide a comparison
    series = [
        each
        for family in families(expr, rng)
        for each in family_samples(family, range(begin, end + MINUTE, interval), rng, ties=ties)
        if each[1]
    ]
    return Case(text, expr, start, end, step, series)


_INTERVALS = (
    (MINUTE, 10_000),
    (2 * MINUTE, 15_000),
    (60 * MINUTE, 30_000),
    (720 * MINUTE, 60_000),
    (1440 * MINUTE, 120_000),
    (1 << 60, 240_000),
)
"""How often a series is scraped, by the longest reach of its expression."""


def _reach(selector: VectorSelector, ancestors) -> int:
    """How far before its steps an expression looks through this selector, but for the lookback."""
    reach = selector.offset
    for node in ancestors:
        match node:
            case MatrixSelector(range=range_ms):
                reach += range_ms
            case Subquery(range=range_ms, offset=offset):
                reach += range_ms + offset
    return reach


def _sums_in_any_order(expr: Expr) -> bool:
    return any(
        isinstance(node, Aggregation) and node.op in ("sum", "avg") and not _is_stored_order(node.expr)
        for node, _ in walk(expr)
    )


def _is_stored_order(node: Expr) -> bool:
    """Whether a vector has the order of stored series: it is a selector, or a function of one."""
    while not isinstance(node, VectorSelector | MatrixSelector):
        inner = children(node)
        if isinstance(node, Aggregation | Binary) or len(inner) != 1:
            return False
        (node,) = inner
    return True


def block_series(cases: list[Case]) -> list[tuple[dict[str, str], list[Samples]]]:
    """The series of all cases, in chunks."""
    joined: dict[tuple[tuple[str, str], ...], list[Samples]] = {}
    for case in cases:
        for labels, samples in case.series:
            key = tuple(sorted(labels.items()))
            chunks = joined.setdefault(key, [])
            chunks += [samples[i : i + CHUNK] for i in range(0, len(samples), CHUNK)]
    return [(dict(key), chunks) for key, chunks in joined.items()]
