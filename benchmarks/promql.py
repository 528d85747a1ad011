"""PromQL beside an installed Prometheus 2.42 on the same blocks: how long each takes, and whether they agree.

Ours is measured three times. First: a new engine over a database just opened, so that the text is parsed, the series
are found, and their chunks checked and decoded. Cold: the same question to an engine in use, as Prometheus is; every
chunk is decoded anew, which is what Prometheus does too. Warm: the same, of a database that keeps samples decoded. Pages
are in memory for all. Prometheus' time is what its engine says it took (`execTotalTime`), which leaves out parsing, HTTP
and JSON. Every figure is a median, and the systems take turns.

D1 has its samples where the steps are. A range of 2.42 holds the sample at its start and one of 3.x does not, so the
result sizes may differ there; answers are compared half an interval later, where both mean the same samples.
"""

import gc
import os
import pathlib
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import attrs
import numpy as np

import obsflow
from benchmarks import Table
from benchmarks.agreement import difference
from benchmarks.datasets import DATA_SETS, Case, DataSet, default_root
from benchmarks.prometheus import Answer, Server, binary, serve
from obsflow.model.frames import Frame
from obsflow.promql import Dialect, parse

DIALECT = Dialect(experimental_functions=True)  # `double_exponential_smoothing` is one; in 2.42 its old name is not
CHECKED_STEPS = 61
ENOUGH_S = 1.0  # so long a case is asked again and again, from LEAST_ROUNDS to `rounds` times
LEAST_ROUNDS = 3
SLOW_S = 1.0  # of a case that takes longer one more round tells enough
SHORT_S = 0.02
FIRST_CALLS_OF_SHORT, CALLS_OF_SHORT = 3, 15  # in each round; a database has to be opened for every first one
KEPT_SAMPLES = 1 << 26  # 1 GiB: all of either data set
COLUMNS = (
    "query",
    "steps",
    "2.42 ms",
    "first ms",
    "cold ms",
    "warm ms",
    "2.42 / cold",
    "2.42 / warm",
    "our size",
    "2.42's",
    "equal",
)

Asked = tuple[str, int, int, int]
"""Query, start, end and step in ms."""


@attrs.frozen
class Measured:
    """Medians in seconds, and the sizes of both results: series and samples."""

    data_set: str
    case: Case
    theirs: float
    first: float
    cold: float
    warm: float
    parsing: float
    our_size: tuple[int, int]
    their_size: tuple[int, int]
    disagreement: str

    @property
    def first_ratio(self) -> float:
        return self.theirs / self.first

    @property
    def cold_ratio(self) -> float:
        return self.theirs / self.cold

    @property
    def warm_ratio(self) -> float:
        return self.theirs / self.warm

    @property
    def times(self) -> tuple[str, ...]:
        """Query, steps and milliseconds."""
        query = self.case.query.replace("|", "\\|")
        return (f"`{query}`", f"{self.case.steps:,}", *map(_ms, (self.theirs, self.first, self.cold, self.warm)))

    @property
    def cells(self) -> tuple[str, ...]:
        ratios = (f"{ratio:.2f}" for ratio in (self.cold_ratio, self.warm_ratio))
        sizes = (f"{series:,} / {samples:,}" for series, samples in (self.our_size, self.their_size))
        return (*self.times, *ratios, *sizes, self.disagreement or "yes")


def run(rounds: int, only: str = "", data: pathlib.Path | None = None, *, quick: bool = False) -> list[Table]:
    """The cases whose data set or query matches the expression `only`; the blocks are kept in `data`.

    `quick` asks once, after the first time, and leaves out the slow; it is for a look while working.
    """
    if binary() is None:
        print("promql: skipped, there is no `prometheus` to compare with (Debian: apt-get install prometheus)")
        return []
    root = data or default_root()
    root.mkdir(parents=True, exist_ok=True)
    print(f"promql: load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores", file=sys.stderr)
    seen: list[Measured] = []
    tables = []
    for data_set in DATA_SETS:
        cases = [case for case in data_set.cases if re.search(only, f"{data_set.name} {case.query}")]
        if cases:
            measured = list(_measure_all(data_set, cases, root, 1 if quick else rounds, quick=quick))
            tables.append(Table(data_set.title, COLUMNS, tuple(each.cells for each in measured)))
            seen += measured
    return [*tables, *_summaries(seen)] if seen else []


def _measure_all(
    data_set: DataSet, cases: Sequence[Case], root: pathlib.Path, rounds: int, *, quick: bool
) -> Iterator[Measured]:
    directory = data_set.directory(root)
    for path in directory.rglob("*"):
        if path.is_file():
            path.read_bytes()  # so that its pages are in memory
    with serve(directory) as server:
        bench = Bench(data_set, directory, server, rounds, _engine(directory), _engine(directory, KEPT_SAMPLES))
        for case in cases:
            if quick and case.is_slow:
                continue
            measured = bench.measure(case)
            print(*measured.cells, sep=" | ", file=sys.stderr, flush=True)
            yield measured


@attrs.frozen(eq=False)
class Bench:
    """One data set, before both. `cold` decodes what it is asked for, `warm` has it decoded."""

    data_set: DataSet
    directory: pathlib.Path
    server: Server
    rounds: int
    cold: obsflow.Engine
    warm: obsflow.Engine

    def measure(self, case: Case) -> Measured:
        """Ask both until they are going, then in turns; at last compare."""
        end, step = self.data_set.end, self.data_set.step
        asked = (case.query, end - (case.steps - 1) * step, end, step)
        answer = self._ask(asked)
        slower = max(answer.seconds, *(_answer_seconds(engine, asked) for engine in (self.cold, self.warm, self.warm)))
        first_calls, calls = (FIRST_CALLS_OF_SHORT, CALLS_OF_SHORT) if slower < SHORT_S else (1, 1)
        theirs: list[float] = []
        first: list[float] = []
        cold: list[float] = []
        warm: list[float] = []
        for _ in self._turns(slower):
            theirs += [self._ask(asked).seconds for _ in range(calls)]
            fresh = [_engine(self.directory) for _ in range(first_calls)]
            gc.collect()
            first += [_answer_seconds(engine, asked) for engine in fresh]
            cold += [_answer_seconds(self.cold, asked) for _ in range(calls)]
            warm += [_answer_seconds(self.warm, asked) for _ in range(calls)]
        frame = self.cold.query_range(*asked).value
        assert isinstance(frame, Frame)
        return Measured(
            data_set=self.data_set.name,
            case=case,
            theirs=statistics.median(theirs),
            first=statistics.median(first),
            cold=statistics.median(cold),
            warm=statistics.median(warm),
            parsing=statistics.median(_seconds(lambda: parse(case.query, DIALECT)) for _ in range(3)),
            our_size=(len(frame), int(np.count_nonzero(frame.present))),
            their_size=(answer.series, answer.samples),
            disagreement=self._compare(case),
        )

    def _turns(self, slower_s: float) -> Iterator[int]:
        """As many rounds as are wanted, but few of what takes long."""
        began = time.perf_counter()
        least = 1 if slower_s > SLOW_S else LEAST_ROUNDS
        for turn in range(self.rounds):
            if turn >= least and time.perf_counter() - began > ENOUGH_S:
                return
            yield turn

    def _ask(self, asked: Asked) -> Answer:
        """Ask 2.42, in its own words."""
        query, *times = asked
        return self.server.query_range(query.replace("double_exponential_smoothing", "holt_winters"), *times)

    def _compare(self, case: Case) -> str:
        """How the answers differ over the same range, at some of its steps, where both mean the same samples."""
        every = max(1, (case.steps - 1) // (CHECKED_STEPS - 1))
        step = self.data_set.step * every
        end = self.data_set.end + self.data_set.check_shift
        asked = (case.query, end - (case.steps - 1) // every * step, end, step)
        return difference(self.cold.query_range(*asked), self._ask(asked).result())


def _engine(directory: pathlib.Path, decoded_samples: int = 0) -> obsflow.Engine:
    database = obsflow.open(directory, decoded_samples=decoded_samples)
    return obsflow.Engine(database, dialect=DIALECT, threads=os.cpu_count() or 1)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    del result  # to free it is not part of the answer
    return seconds


def _answer_seconds(engine: obsflow.Engine, asked: Asked) -> float:
    return _seconds(lambda: engine.query_range(*asked))


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


def _summaries(seen: Sequence[Measured]) -> list[Table]:
    groups = {data_set.name: [each for each in seen if each.data_set == data_set.name] for data_set in DATA_SETS}
    rows = [_summary(name, group) for name, group in [*groups.items(), ("all", seen)] if group]
    columns = (
        "data",
        "queries",
        "2.42 / first, geometric mean",
        "2.42 / cold",
        "2.42 / warm",
        "first slower than 2.42",
        "cold slower",
        "warm slower",
        "not equal",
    )
    least = [
        Table(f"The three least of 2.42 / {name}", COLUMNS, tuple(each.cells for each in sorted(seen, key=key)[:3]))
        for name, key in (("cold", lambda each: each.cold_ratio), ("warm", lambda each: each.warm_ratio))
    ]
    of_hundred = [each for each in seen if each.case.steps == 1 and each.case.selects_hundred]
    one_step = tuple((*each.times, _ms(each.parsing)) for each in of_hundred)
    return [
        Table("How often our time goes into Prometheus'", columns, tuple(rows)),
        *least,
        Table("One step over 100 series", (*COLUMNS[:6], "of first, parsing ms"), one_step),
    ]


def _summary(name: str, group: Sequence[Measured]) -> tuple[str, ...]:
    ratios = [[getattr(each, f"{name}_ratio") for each in group] for name in ("first", "cold", "warm")]
    means = (f"{statistics.geometric_mean(each):.2f}" for each in ratios)
    slower = (f"{sum(ratio < 1 for ratio in each)}" for each in ratios)
    return (name, f"{len(group)}", *means, *slower, f"{sum(bool(each.disagreement) for each in group)}")
