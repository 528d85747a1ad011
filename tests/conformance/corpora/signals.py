"""Samples of a family of series: times off every grid, values about what is asked, and all that goes wrong in life."""

import itertools
import math

from obsflow.model.floats import STALE_NAN
from tests.conformance.corpora.aims import Kind
from tests.conformance.corpora.families import Family

Samples = list[tuple[int, float]]
LEVELS = (0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 2.0)
ABOUT_ZERO = (0.0, 0.0, 1.0, 3.0, -1.0)


def family_samples(family: Family, scrapes: range, rng, *, ties: bool) -> list[tuple[dict[str, str], Samples]]:
    """The series of a family, sampled at every scrape; without `ties` no two gauges have the same value."""
    aim, interval = family.aim, scrapes.step
    times = scrape_times(scrapes, rng)
    if aim.kind is Kind.BUCKET:
        columns = _buckets(family, times, rng)
        named = [dict(family.labels) | {"le": bound} for bound in family.bounds]
    else:
        columns = [_MOVES[aim.kind](aim.target, times, interval, rng)]
        named = [dict(family.labels)]
    if aim.kind is Kind.GAUGE and not ties and not aim.target.exact:
        columns = [[value * rng.uniform(0.99, 1.01) for value in values] for values in columns]
    out = []
    for labels, values in zip(named, columns, strict=True):
        spoil(values, rng, 0.15 if aim.kind is Kind.GAUGE else 0.04)
        out.append((labels, broken(list(zip(times, values, strict=True)), rng, sparse=aim.sparse)))
    return out


def scrape_times(scrapes: range, rng) -> list[int]:
    """Scrapes, some of them late; never at a whole second, where windows begin and end."""
    phase, jitter = rng.randint(1, scrapes.step), rng.choice((0, 0, 0, 40, 700))
    times = []
    for time in scrapes[:-1]:
        late = time + phase + int(jitter * rng.random())
        times.append(late + (late % 1000 == 0))
    return times


def broken(samples: Samples, rng, *, sparse: bool) -> Samples:
    """The samples with a late start, gaps and an early end, some of them marked as stale.

    What is sparse is absent from the middle on for a quarter of the time: the series of a selector all together.
    """
    count = len(samples)
    if rng.random() < 0.15:
        samples = _gap(samples, rng.randrange(max(2, count // 2), count + 1), count, rng)
    if sparse:
        at = count // 2 + rng.randrange(3)
        samples = _gap(samples, at, at + count // 3, rng)
    if rng.random() < 0.25:
        samples = samples[rng.randrange(1, max(2, count // 2)) :]
    if rng.random() < 0.5:
        at = rng.randrange(max(1, len(samples)))
        samples = _gap(samples, at, at + rng.randint(2, 24), rng)
    return samples


def _gap(samples: Samples, start: int, end: int, rng) -> Samples:
    marker = [(time, float(STALE_NAN)) for time, _ in samples[start : start + 1]] if rng.random() < 0.6 else []
    return samples[:start] + marker + samples[max(end, start + 1) :]


def spoil(values: list[float], rng, probability: float) -> None:
    """Put a few NaN or infinities in."""
    if values and rng.random() < probability:
        at = rng.randrange(len(values))
        for i in range(at, min(len(values), at + rng.randint(1, 3))):
            values[i] = rng.choice((math.nan, math.nan, math.inf))


def regimes(count: int, levels, rng):
    """A level for each sample, which stays for a while."""
    out = []
    while len(out) < count:
        out += [rng.choice(levels)] * rng.randint(3, 14)
    return out[:count]


def _gauge(target, times, _interval, rng):
    levels = regimes(len(times), rng.choice((LEVELS, LEVELS, LEVELS[:3], LEVELS[4:])), rng)
    if target.of_time:
        spread = abs(target.value) or 1e6
        return [
            target.of_time * t / 1000 + target.value + spread * (level - 1)
            for t, level in zip(times, levels, strict=True)
        ]
    if target.exact:
        steps = regimes(len(times), (0.0, 0.0, 0.0, 1.0, -1.0, 2.0), rng)
        return [target.value + step for step in steps]
    if target.value == 0:
        return regimes(len(times), rng.choice((ABOUT_ZERO, ABOUT_ZERO, (0.5, 3.0))), rng)
    if rng.random() < 0.2:
        return [target.value * (2 - 1.8 * i / len(times)) for i in range(len(times))]
    noise = rng.choice((0.0, 0.03))
    return [target.value * level * (1 + rng.uniform(-noise, noise)) for level in levels]


def _counter(target, times, interval, rng):
    slope = abs(target.value)
    few = rng.choice(((0.0, 0.0, 1.0), (0.0,)))
    levels = regimes(len(times), few if slope == 0 or target.exact else (0.0, 0.6, 0.95, 1.2, 3.0), rng)
    growth = [max(slope, 1 / interval) * interval / 1000 * level for level in levels]
    if slope == 0 or rng.random() < 0.5:
        growth = [float(math.ceil(each)) for each in growth]
    value = rng.choice((0.0, 0.0, 3.0, 1e6 + 0.1)) * rng.random()
    out = []
    for each in growth:
        value = each if rng.random() < 0.02 else value + each
        out.append(value)
    return out


def _drift(target, times, interval, rng):
    slope = target.value or 1.0
    value = 1000.0
    out = []
    for level in regimes(len(times), (*LEVELS, -1.0) if target.value else ABOUT_ZERO, rng):
        value += slope * level * interval / 1000
        out.append(value)
    return out


def _flapping(target, times, interval, rng):
    often = min(1.0, (target.value or 1e-3) * interval / 1000)
    return list(
        itertools.accumulate((rng.random() < often * level for level in regimes(len(times), LEVELS, rng)), initial=1.0)
    )[1:]


def _buckets(family, times, rng):
    """Cumulative counts for each bound, of observations that come and shift together, and are lost together."""
    weights = [regimes(len(times), (0.0, 1.0, 1.0, 5.0, 20.0), rng) for _ in family.bounds]
    resets = {i for i in range(len(times)) if rng.random() < 0.015}
    columns, below = [], [0.0] * len(times)
    for weight in weights:
        value, column = rng.choice((0.0, 7.0)), []
        for i, each in enumerate(weight):
            value = each if i in resets else value + each
            column.append(value + below[i])
        columns.append(column)
        below = column
    return [list(column) for column in columns]


_MOVES = {Kind.GAUGE: _gauge, Kind.COUNTER: _counter, Kind.DRIFT: _drift, Kind.FLAPPING: _flapping}
