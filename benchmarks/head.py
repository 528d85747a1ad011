"""The live head: a million series that are scraped every 15 s, time a sample and memory a series; and single calls."""

import json
import subprocess
import sys
import time

import numpy as np
import numpy.typing as npt

from benchmarks import Table, median_ns
from obsflow import TSDB, Labels
from obsflow.model.frames import Symbols
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.tsdb.live_head import LiveHead

SERIES, SAMPLES, INTERVAL_MS, START_MS = 1_000_000, 480, 15_000, 1_700_006_400_000
TARGETS, METRICS = 1_000, 1_000
SELECTED = 1_000

CHILD = """
import json, sys
from benchmarks import head
print(json.dumps(head.fill(int(sys.argv[1]), int(sys.argv[2]))))
"""


def run(rounds: int) -> list[Table]:
    return [columns(), calls(rounds)]


def columns() -> Table:
    """Two hours of a million series, in a process of its own."""
    command = [sys.executable, "-c", CHILD, str(SERIES), str(SAMPLES)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    rows = (
        ("check and append, median of the columns", f"{found['append']:.1f} ns a sample"),
        ("... the check", f"{found['check']:.1f} ns"),
        ("... the slowest column", f"{found['worst']:.1f} ns"),
        ("memcpy of the column (24 bytes a sample)", f"{found['memcpy']:.1f} ns"),
        ("bytes a sample, in chunks", f"{found['bytes']:.2f}"),
        ("label sets: memory a series", f"{found['labels']:.0f} B"),
        ("two hours of samples: memory a series", f"{found['samples']:.0f} B"),
        ("together, by the growth of the process", f"{found['resident']:.0f} B"),
        (f"select {SELECTED:,} series of two hours", f"{found['select']:.2f} ms"),
        ("select all", f"{found['select_all']:.0f} ms"),
    )
    title = f"{SERIES:,} series x {SAMPLES} samples at {INTERVAL_MS // 1000} s, a column a scrape"
    return Table(title, ("what", ""), rows)


def fill(n: int, samples: int) -> dict[str, float]:
    """Fill a head; what it took."""
    before = _resident()
    head = LiveHead(Symbols())
    rows = _register(head, n)
    labelled = _resident()
    values = _Values(n)
    times = np.empty(n, np.int64)
    copies = [np.empty_like(each) for each in (rows, times, values.now)]
    spent, checked, copied = [], [], []
    filled_from = _resident()
    for step in range(samples):
        times.fill(START_MS + step * INTERVAL_MS)
        column = values.next()
        begin = time.process_time_ns()
        staged = head.stage(rows, times, column)
        middle = time.process_time_ns()
        head.commit(staged)
        end = time.process_time_ns()
        for target, source in zip(copies, (rows, times, column), strict=True):
            np.copyto(target, source)
        spent.append((end - begin) / n)
        checked.append((middle - begin) / n)
        copied.append((time.process_time_ns() - end) / n)
    del staged
    filled = _resident()
    until = START_MS + samples * INTERVAL_MS
    some = rows[:: max(1, n // SELECTED)]
    found = head.runs(rows, START_MS, until).runs
    return {
        "append": float(np.median(spent)),
        "worst": max(spent),
        "check": float(np.median(checked)),
        "memcpy": float(np.median(copied)),
        "bytes": float(found.length.sum()) / n / samples,
        "labels": (labelled - before) / n,
        "samples": (filled - filled_from) / n,
        "resident": (labelled - before + filled - filled_from) / n,
        "select": median_ns(lambda: head.runs(some, START_MS, until), 5) / 1e6,
        "select_all": median_ns(lambda: head.runs(rows, START_MS, until), 3) / 1e6,
    }


class _Values:
    """The next sample of every series.

    Half never change, four tenths are counters of which a third grow between scrapes, a tenth are gauges of two
    decimals that walk.
    """

    def __init__(self, n: int) -> None:
        self._chance = np.random.default_rng(1)
        self.now = self._chance.integers(0, 10_000, n).astype(np.float64)
        self._walk = self._chance.integers(-300, 300, 1 << 16) / 100.0
        self._grows = np.where(self._chance.random(1 << 16) < 1 / 3, self._chance.integers(1, 100, 1 << 16), 0)
        self._counters, self._gauges = slice(n // 2, n * 9 // 10), slice(n * 9 // 10, n)

    def next(self) -> npt.NDArray[np.float64]:
        for part, steps in ((self._counters, self._grows), (self._gauges, self._walk)):
            size = part.stop - part.start
            self.now[part] += np.resize(np.roll(steps, int(self._chance.integers(1 << 16))), size)
        gauges = self.now[self._gauges]
        gauges.round(2, out=gauges)
        return self.now


def _register(head: LiveHead, n: int) -> npt.NDArray[np.int64]:
    """`n` series of eight labels: metrics of targets, in the order in which they are scraped."""
    symbols = head.registry.symbols
    intern = symbols.intern
    names = sorted(("__name__", "cluster", "instance", "job", "namespace", "pod", "shard", "zone"))
    name_ids = np.array([intern(name) for name in names], np.int32)
    metrics = np.array([intern(f"metric_{i}_total") for i in range(METRICS)], np.int32)
    targets = [np.array([intern(f"{name}-{i % count}") for i in range(TARGETS)], np.int32)
               for name, count in zip(names[1:], (3, TARGETS, 20, 50, TARGETS, 16, 3), strict=True)]  # fmt: skip
    rows = []
    for first in range(0, n, METRICS):
        size = min(METRICS, n - first)
        target = first // METRICS
        values = np.empty((size, len(names)), np.int32)
        values[:, 0] = metrics[:size]
        for k, column in enumerate(targets, 1):
            values[:, k] = column[target % TARGETS]
        offsets = np.arange(size + 1, dtype=np.int64) * len(names)
        rows.append(head.registry.rows_of_ids(offsets, np.tile(name_ids, size), values.ravel()))
    return np.concatenate(rows)


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096


def calls(rounds: int) -> Table:
    """What single calls take."""
    labels = [Labels({"__name__": "up", "instance": str(i), "job": "api"}) for i in range(1_000)]
    rows = []
    for n in (1, 10, 100, 1_000):
        store = TSDB()
        references = np.array([store.series(each) for each in labels[:n]])
        values, clock = np.ones(n), iter(range(0, 1 << 62, INTERVAL_MS))
        column_ns = median_ns(
            lambda s=store, r=references, v=values, c=clock: s.append_refs(r, next(c), v), rounds, 200
        )
        one_ns = median_ns(lambda s=store, c=clock: s.append(labels[0], next(c), 1.0), rounds, 1_000)
        matchers = [Matcher("__name__", MatchOp.EQUAL, "up")]
        select_ns = median_ns(lambda s=store, m=matchers: s.select(m, 0, 1 << 60), rounds, 50)
        rows.append((f"{n:,}", f"{one_ns / 1e3:.2f} µs", f"{column_ns / 1e3:.1f} µs", f"{select_ns / 1e3:.0f} µs"))
    return Table("Calls of a TSDB", ("series", "`append`", "`append_refs` of all", "`select` of all"), tuple(rows))
