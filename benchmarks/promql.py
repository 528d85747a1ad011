"""PromQL beside an installed Prometheus on the same blocks: how long each takes, and whether they agree.

Cold is a new engine over a database just opened: the query is parsed and every chunk decoded, from pages that the
system has cached. Warm is the same engine, asked again. Prometheus' time is what its engine says it took
(`execTotalTime`), without parsing, HTTP and JSON; it decodes every chunk anew. The two take turns.
"""

import gc
import math
import pathlib
import re
import statistics
import sys
import time
from collections.abc import Sequence

import attrs
import numpy as np

import obsflow
from benchmarks import Table
from benchmarks.datasets import DATA_SETS, Case, DataSet, default_root
from benchmarks.prometheus import QueryRefused, Server, binary, serve
from obsflow.model.frames import Frame
from obsflow.model.labels import Labels
from obsflow.promql import Dialect

MAX_POINTS = 11_000  # what the API answers at most, for each series
DIALECT = Dialect(experimental_functions=True)  # `double_exponential_smoothing` is one; in 2.42 its old name is not
CHECKED_STEPS = 61
TOLERANCE = 1e-9
SLOW_S = 1.0
CALLS_OF_SHORT = 5  # a case of less than SHORT_S is asked so often in a round
SHORT_S = 0.02


@attrs.frozen
class Measured:
    """Medians in seconds, and the sizes of both results."""

    data_set: str
    case: Case
    cold: float
    warm: float
    theirs: float
    our_size: tuple[int, int]
    their_size: tuple[int, int]
    disagreement: str

    @property
    def cold_ratio(self) -> float:
        return self.theirs / self.cold

    @property
    def warm_ratio(self) -> float:
        return self.theirs / self.warm

    def cells(self) -> tuple[str, ...]:
        ours, theirs = (f"{series:,} / {samples:,}" for series, samples in (self.our_size, self.their_size))
        times = (f"{seconds * 1e3:.3f}" for seconds in (self.theirs, self.cold, self.warm))
        ratios = (f"{ratio:.1f}" for ratio in (self.cold_ratio, self.warm_ratio))
        query = self.case.query.replace("|", "\\|")
        return (f"`{query}`", f"{self.case.steps:,}", *times, *ratios, ours, theirs, self.disagreement or "yes")


COLUMNS = ("query", "steps", "2.42 ms", "cold ms", "warm ms", "cold ×", "warm ×", "ours", "2.42", "agree")


def run(rounds: int, only: str = "", root: pathlib.Path | None = None) -> list[Table]:
    """The cases whose query matches the expression `only`, over blocks that are kept in `root`."""
    if binary() is None:
        print("promql: skipped, there is no `prometheus` to compare with (Debian: apt-get install prometheus)")
        return []
    root = root or default_root()
    root.mkdir(parents=True, exist_ok=True)
    seen: list[Measured] = []
    tables = []
    for data_set in DATA_SETS:
        cases = [case for case in data_set.cases if re.search(only, f"{data_set.name} {case.query}")]
        if not cases:
            continue
        directory = data_set.directory(root)
        _touch(directory)
        with serve(directory) as server:
            bench = Bench(data_set, directory, server, rounds)
            measured = [bench.measure(case) for case in cases]
        tables.append(Table(data_set.name, COLUMNS, tuple(each.cells() for each in measured)))
        seen += measured
    return [*tables, *_summaries(seen)]


def _touch(directory: pathlib.Path) -> None:
    """Read every page once."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            path.read_bytes()


@attrs.frozen(eq=False)
class Bench:
    """One data set, before both."""

    data_set: DataSet
    directory: pathlib.Path
    server: Server
    rounds: int

    def measure(self, case: Case) -> Measured:
        end, step = self.data_set.end, self.data_set.step
        asked = (case.query, end - (case.steps - 1) * step, end, step)
        foreign = (theirs_query(case.query), *asked[1:])
        answer = self.server.query_range(*foreign)
        started = time.perf_counter()
        frame = self._engine().query_range(*asked).value
        slowest = max(answer.seconds, time.perf_counter() - started)
        calls = CALLS_OF_SHORT if slowest < SHORT_S else 1
        theirs, cold, warm = [], [], []
        for _ in range(self.rounds if slowest < SLOW_S else 1):
            theirs += [self.server.query_range(*foreign).seconds for _ in range(calls)]
            gc.collect()
            for _ in range(calls):
                engine = self._engine()
                cold.append(_seconds(engine, asked))
            warm += [_seconds(engine, asked) for _ in range(calls)]
        assert isinstance(frame, Frame)
        measured = Measured(
            self.data_set.name,
            case,
            statistics.median(cold),
            statistics.median(warm),
            statistics.median(theirs),
            (len(frame), int(np.count_nonzero(frame.present))),
            (answer.series, answer.samples),
            self._check(case),
        )
        print(*measured.cells(), sep=" | ", file=sys.stderr, flush=True)
        return measured

    def _engine(self) -> obsflow.Engine:
        return obsflow.Engine(obsflow.open(self.directory), dialect=DIALECT)

    def _check(self, case: Case) -> str:
        """How the answers differ over the same range, at fewer steps, where both mean the same samples."""
        every = max(1, (case.steps - 1) // (CHECKED_STEPS - 1))
        end = self.data_set.end + self.data_set.check_shift
        step = self.data_set.step * every
        asked = (end - (case.steps - 1) // every * step, end, step)
        theirs = {
            Labels(each["metric"]): {round(float(at) * 1000): float(value) for at, value in each["values"]}
            for each in self.server.query_range(theirs_query(case.query), *asked).result()
        }
        ours = {
            labels: dict(zip(times.tolist(), values.tolist(), strict=True))
            for labels, times, values in self._engine().query_range(case.query, *asked).series()
        }
        return difference(ours, theirs)


def theirs_query(query: str) -> str:
    """The query in the words of 2.42."""
    return query.replace("double_exponential_smoothing", "holt_winters")


def difference(ours: dict[Labels, dict[int, float]], theirs: dict[Labels, dict[int, float]]) -> str:
    """The first thing in which two answers differ, or nothing."""
    if ours.keys() != theirs.keys():
        more, less = ours.keys() - theirs.keys(), theirs.keys() - ours.keys()
        return f"series: {len(more)} only ours, {len(less)} only theirs, as {next(iter(more or less))}"
    bad, example = 0, ""
    for labels, series in ours.items():
        other = theirs[labels]
        if series.keys() != other.keys():
            return f"presence of {labels}: {len(series)} and {len(other)} samples"
        for at, value in series.items():
            if not _close(value, other[at]):
                bad += 1
                example = example or f"{labels} at {at}: {value!r} and {other[at]!r}"
    return f"{bad} values, as {example}" if bad else ""


def _close(a: float, b: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=TOLERANCE) or (math.isnan(a) and math.isnan(b))


def _seconds(engine: obsflow.Engine, asked: tuple[str, int, int, int]) -> float:
    start = time.perf_counter()
    result = engine.query_range(*asked)
    seconds = time.perf_counter() - start
    del result
    return seconds


def _summaries(seen: Sequence[Measured]) -> list[Table]:
    groups = {
        name: [each for each in seen if each.data_set == name] for name in dict.fromkeys(s.data_set for s in seen)
    }
    groups["all"] = list(seen)
    rows = []
    for name, group in groups.items():
        means = [statistics.geometric_mean(ratios) for ratios in _ratios(group)]
        slower = [sum(ratio < 1 for ratio in ratios) for ratios in _ratios(group)]
        apart = sum(bool(each.disagreement) for each in group)
        rows.append((name, str(len(group)), *(f"{mean:.2f}" for mean in means), *map(str, slower), str(apart)))
    columns = ("data", "queries", "cold × (geometric mean)", "warm ×", "slower cold", "slower warm", "disagree")
    worst = sorted(seen, key=lambda each: each.cold_ratio)[:3] + sorted(seen, key=lambda each: each.warm_ratio)[:3]
    one_step = [each for each in seen if each.case.steps == 1 and "hundred" in each.case.query]
    return [
        Table("Prometheus' time over ours", columns, tuple(rows)),
        Table("The least ratios, cold and warm", COLUMNS, tuple(each.cells() for each in worst)),
        Table("One step over 100 series", COLUMNS[:5], tuple(each.cells()[:5] for each in one_step)),
    ]


def _ratios(group: Sequence[Measured]) -> tuple[list[float], list[float]]:
    return [each.cold_ratio for each in group], [each.warm_ratio for each in group]


if __name__ == "__main__":
    from benchmarks import render_tables

    print(render_tables(run(3, *sys.argv[1:])))
