"""Series as targets expose them: counters, gauges and histograms, and what scraping does to them."""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Literal, TypeVar, cast

import attrs
from hypothesis import strategies as st

from obsflow.model.durations import SECOND_MS
from obsflow.model.floats import render_float
from obsflow.model.labels import BUCKET_LABEL, METRIC_NAME, Labels
from obsflow.testing.strategies.label_sets import LABELS, LabelsLike, drawn_labels
from obsflow.testing.strategies.series import STALE, Series, is_stale_marker

TIMES: Final = range(0, 600 * SECOND_MS, 15 * SECOND_MS)
"""Ten minutes of scrapes, every 15 s from time 0 on: what strategies take unless they are told others."""

BOUNDS: Final = (0.1, 0.5, 1.0, 2.5)

Times = Sequence[int] | st.SearchStrategy[Sequence[int]]
"""The times (ms) of the scrapes, or a strategy for them."""

Numbers = st.SearchStrategy[int] | st.SearchStrategy[float]

Shape = Literal["constant", "levels", "walk"]

Scraped = TypeVar("Scraped", bound=Series | tuple[Series, ...])

_Level = TypeVar("_Level")
_MAX_RUNS = 4
_MAX_RESETS = 2
_MAX_GAPS = 2
_WALK = 0.125
_MAGNITUDES = (1, 10, 100, 1_000)
_SPECIAL = (float("nan"), float("inf"), float("-inf"))


@st.composite
def scrape_times(
    draw: st.DrawFn, *, start: int = 0, interval_ms: int = 15_000, min_size: int = 1, max_size: int = 40
) -> Sequence[int]:
    """Times (ms) of scrapes that are `interval_ms` apart, the first at `start`; `min_size` to `max_size` of them."""
    return range(start, start + interval_ms * draw(st.integers(min_size, max_size)), interval_ms)


def counts() -> st.SearchStrategy[int]:
    """What may be counted from one scrape to the next: 0 to 1000, one magnitude as often as another."""
    return st.sampled_from(_MAGNITUDES).flatmap(lambda most: st.integers(0, most))


@st.composite
def counters(
    draw: st.DrawFn,
    labels: LabelsLike,
    *,
    times: Times = TIMES,
    increases: Numbers | None = None,
    first: Numbers | float = 0.0,
    resets: bool = True,
) -> Series:
    """A counter. It grows by one of `increases` from one scrape to the next, for a while, then by another.

    `increases` (of 0 or more; `counts()` by default) are per scrape, `first` is the value of the first sample. With
    `resets` it may begin again from 0 up to twice, and then has what was counted since.
    """
    own, at = draw(drawn_labels(labels)), draw(_drawn(times))
    growth = draw(_runs(len(at), counts() if increases is None else increases))
    value = float(draw(first) if isinstance(first, st.SearchStrategy) else first)
    restarts = draw(_places(len(at), _MAX_RESETS)) if resets else frozenset()
    values = []
    for i, each in enumerate(growth):
        value = float(each) if i in restarts else value + float(each) * (i > 0)
        values.append(value)
    return Series(own, tuple(at), tuple(values))


@st.composite
def gauges(
    draw: st.DrawFn,
    labels: LabelsLike,
    *,
    times: Times = TIMES,
    min_value: float = 0.0,
    max_value: float = 100.0,
    values: Numbers | None = None,
    shapes: Sequence[Shape] = ("constant", "levels", "walk"),
    special: bool = False,
) -> Series:
    """A gauge within bounds: constant, on one level after another, or on its way to one after another.

    `values` are the levels, any within the bounds by default. With `special` some samples may be NaN or infinite.
    """
    own, at = draw(drawn_labels(labels)), draw(_drawn(times))
    shape = draw(st.sampled_from(shapes))
    levels = _floats_between(min_value, max_value) if values is None else values.map(float)
    if shape == "constant":
        out = [draw(levels)] * len(at)
    elif shape == "levels":
        out = draw(_runs(len(at), levels))
    else:
        value = draw(levels)
        out = [value := value + (goal - value) * _WALK for goal in draw(_runs(len(at), levels))]
    for i in draw(_places(len(at), 3, least=0)) if special else ():
        out[i] = draw(st.sampled_from(_SPECIAL))
    return Series(own, tuple(at), tuple(out))


@st.composite
def histograms(
    draw: st.DrawFn,
    labels: LabelsLike,
    *,
    times: Times = TIMES,
    bounds: Sequence[float | str] = BOUNDS,
    increases: Numbers | None = None,
    resets: bool = True,
) -> tuple[Series, ...]:
    """A classic histogram: its `_bucket` series from the least bound to `+Inf`, then `_count` and `_sum`.

    `labels` have the name without suffix. Bounds are numbers, or texts as they stand in `le`. Each bucket counts what
    is below its bound, so that no bucket has less than the one before and the last has as much as `_count`.
    `increases` are the observations between two bounds from one scrape to the next; resets are those of all series.
    """
    own, at = draw(drawn_labels(labels)), draw(_drawn(times))
    texts = [each if isinstance(each, str) else render_float(each) for each in bounds]
    texts = [*sorted({text for text in texts if float(text) < float("inf")}, key=float), "+Inf"]
    each_bucket = counts() if increases is None else increases
    growth = draw(_runs(len(at), st.lists(each_bucket, min_size=len(texts), max_size=len(texts))))
    restarts = draw(_places(len(at), _MAX_RESETS)) if resets else frozenset()
    # Every observation lies on the upper bound of its bucket, those of the last beyond the one before.
    observed = [float(text) for text in texts[:-1]]
    observed.append(2 * abs(observed[-1]) if observed else 1.0)
    rows, now = [], [0.0] * len(texts)
    for i, each in enumerate(growth):
        now = [float(more) + (0.0 if i in restarts else before) for before, more in zip(now, each, strict=True)]
        rows.append((*itertools.accumulate(now), sum(n * x for n, x in zip(now, observed, strict=True))))
    columns = list(zip(*rows, strict=True)) or [()] * (len(texts) + 1)
    buckets = [
        Series(_suffixed(own, "_bucket", {BUCKET_LABEL: text}), tuple(at), column)
        for text, column in zip(texts, columns, strict=False)
    ]
    count = Series(_suffixed(own, "_count"), tuple(at), columns[-2])
    return (*buckets, count, Series(_suffixed(own, "_sum"), tuple(at), columns[-1]))


@st.composite
def family(
    draw: st.DrawFn,
    kind: Callable[[Labels], st.SearchStrategy[Series]],
    metric: str,
    labels: Mapping[str, Sequence[str]] = LABELS,
    *,
    min_size: int = 1,
    max_size: int = 4,
) -> tuple[Series, ...]:
    """Several series of one metric, no two with the same labels: of each of `labels` they have one of its values.

    `kind` makes a strategy of labels: `counters`, `gauges`, or a function that calls them with more arguments.
    """
    sets = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in labels.items()})
    keys = sets.map(lambda drawn: Labels({**drawn, METRIC_NAME: metric}))
    return tuple(draw(kind(own)) for own in draw(st.lists(keys, min_size=min_size, max_size=max_size, unique=True)))


@st.composite
def interrupted(draw: st.DrawFn, strategy: st.SearchStrategy[Scraped], *, stale: bool = True) -> Scraped:
    """A series, or the series of one target, as it is when scrapes are missed: a late start, gaps, an early end.

    With `stale` a gap may begin with a stale marker, as it does when the target, or the series in it, is gone.
    """
    drawn = draw(strategy)
    times = _all_times(drawn)
    if not times:
        return drawn
    slot = st.integers(0, len(times) - 1)
    marker = st.booleans() if stale else st.just(False)
    gone: set[int] = set()
    marked: set[int] = set()
    for one, other, is_marked in draw(st.lists(st.tuples(slot, slot, marker), max_size=_MAX_GAPS)):
        first, last = min(one, other), max(one, other)
        if is_marked and first > 0 and times[first - 1] not in gone:  # else nothing was there that could end
            marked.add(times[first])
        gone |= set(times[first : last + 1])
    return _each(drawn, lambda series: _interrupt(series, gone, marked))


@st.composite
def jittered(draw: st.DrawFn, strategy: st.SearchStrategy[Scraped], *, max_ms: int = 1_000) -> Scraped:
    """A series, or the series of one target, whose scrapes are all a bit late: each by up to `max_ms`."""
    drawn = draw(strategy)
    times = _all_times(drawn)
    late = draw(st.lists(st.integers(0, max_ms), min_size=len(times), max_size=len(times)))
    moved: dict[int, int] = {}
    before: int | None = None
    for time, delay in zip(times, late, strict=True):
        before = moved[time] = time + delay if before is None else max(time + delay, before + 1)
    return _each(drawn, lambda series: attrs.evolve(series, times=tuple(moved[time] for time in series.times)))


@st.composite
def _runs(draw: st.DrawFn, count: int, levels: st.SearchStrategy[_Level]) -> list[_Level]:
    """`count` levels, each of which stays for a while; the last one to the end."""
    lengths = st.integers(1, max(1, count // 2))
    out: list[_Level] = []
    for level, length in draw(st.lists(st.tuples(levels, lengths), min_size=1, max_size=_MAX_RUNS)):
        out += [level] * length
    return (out + out[-1:] * count)[:count]


def _places(count: int, most: int, least: int = 1) -> st.SearchStrategy[frozenset[int]]:
    """Up to `most` of the indices from `least` to `count`."""
    return st.frozensets(st.integers(least, count - 1), max_size=most) if count > least else st.just(frozenset())


def _floats_between(least: float, most: float) -> st.SearchStrategy[float]:
    """Whole numbers, which are read with ease, and others."""
    floats = st.floats(least, most, allow_subnormal=False)
    return st.integers(int(least), int(most)).map(float).filter(lambda x: least <= x <= most) | floats


def _drawn(times: Times) -> st.SearchStrategy[Sequence[int]]:
    return times if isinstance(times, st.SearchStrategy) else st.just(times)


def _suffixed(labels: Labels, suffix: str, more: Mapping[str, str] = Labels()) -> Labels:
    return labels.with_({METRIC_NAME: labels.name + suffix, **more})


def _all_times(drawn: Series | tuple[Series, ...]) -> list[int]:
    every = (drawn,) if isinstance(drawn, Series) else drawn
    return sorted({time for series in every for time in series.times})


def _each(drawn: Scraped, change: Callable[[Series], Series]) -> Scraped:
    return cast(Scraped, change(drawn) if isinstance(drawn, Series) else tuple(map(change, drawn)))


def _interrupt(series: Series, gone: Collection[int], marked: Collection[int]) -> Series:
    """The series without the samples at the times that are gone, with a stale marker at those that are marked."""
    kept: list[tuple[int, float]] = []
    for time, value in series.samples:
        if time not in gone:
            kept.append((time, value))
        elif time in marked and kept and not is_stale_marker(kept[-1][1]):
            kept.append((time, STALE))
    return Series(series.labels, tuple(time for time, _ in kept), tuple(value for _, value in kept))
