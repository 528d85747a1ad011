"""`python -m benchmarks.kill [CYCLES]`: a writer killed at random points, again and again, and what it left behind.

The writer tells of each change when the call has returned. After the kill all that it told of must be there, in order
and with its values, and besides at most the one change that it was about to tell of.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import numpy as np

import obsflow
from obsflow import native
from obsflow.adapters.disk import DiskTSDB
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.model.storage import Queryable

_ROOT = pathlib.Path(__file__).resolve().parents[1]

SERIES = 8
STEP_MS = 1000
BASE_MS = 1_700_000_000_000
CHUNK_RANGE_MS = 100 * STEP_MS
LATE_MS = 30_500
LATE_EVERY, FIRST_LATE = 7, 3
MAINTAIN_EVERY = 10


def labels(kind: str, number: int) -> Labels:
    return Labels({"__name__": kind, "i": str(number)})


def open_to_write(root: pathlib.Path, durability: str) -> DiskTSDB:
    return obsflow.open(
        root, mode="a", durability=durability, chunk_range=CHUNK_RANGE_MS, out_of_order_window=CHUNK_RANGE_MS
    )


def write(root: pathlib.Path, durability: str, first: int) -> None:
    """Change after change, from number `first` on, until killed; the number of each that is done goes to stdout."""
    store = open_to_write(root, durability)
    in_order = [store.series(labels("m", number)) for number in range(SERIES)]
    late = store.series(labels("late", 0))
    k = first
    while True:
        now = BASE_MS + STEP_MS * k
        rows, times = [*in_order, late], [now] * (SERIES + 1)
        if k % LATE_EVERY == FIRST_LATE:
            rows.append(late)
            times.append(now - LATE_MS)
        codes = store.append_columns(np.array(rows), np.array(times), value(np.array(rows), np.array(times))).codes
        if codes[: SERIES + 1].any():
            raise SystemExit(f"change {k}: {codes}")
        sys.stdout.write(f"{k}\n")
        sys.stdout.flush()
        if k % MAINTAIN_EVERY == 0:
            store.maintain(now)
        k += 1


def value(rows: np.ndarray, times: np.ndarray) -> np.ndarray:
    return (times - BASE_MS) * 16.0 + rows


def check(store: Queryable, acknowledged: int) -> int:
    """How many changes the store holds. Raises AssertionError where that is not what must be there."""
    counts = set()
    for number in range(SERIES):
        times, values = samples(store, "m", number)
        assert np.array_equal(times, BASE_MS + STEP_MS * np.arange(len(times))), "a sample is missing"
        assert np.array_equal(values, value(np.int64(number), times)), "a sample has another value"
        counts.add(len(times))
    assert len(counts) == 1, f"a change is there in part: {counts}"
    (count,) = counts
    assert acknowledged < count <= acknowledged + 2, f"{acknowledged} was acknowledged, {count - 1} is the last"
    times, values = samples(store, "late", 0)
    every = np.arange(FIRST_LATE, count, LATE_EVERY)
    in_order, late = BASE_MS + STEP_MS * np.arange(count), BASE_MS + STEP_MS * every - LATE_MS
    # of a change that nobody was told of, what came late may not have reached its own log
    missing = np.setdiff1d(np.union1d(in_order, late[every <= acknowledged]), times)
    more = np.setdiff1d(times, np.union1d(in_order, late))
    assert not len(missing), f"{len(missing)} late samples are missing: {missing[:5]}"
    assert not len(more), f"samples that nobody added: {more[:5]}"
    assert np.array_equal(values, value(np.int64(SERIES), times)), "a late sample has another value"
    return count


def samples(store: Queryable, kind: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    matchers = [Matcher("__name__", MatchOp.EQUAL, kind), Matcher("i", MatchOp.EQUAL, str(number))]
    times, values, _, bad = native.decode_runs(store.select(matchers, -(1 << 62), 1 << 62).runs)
    assert not bad.any()
    return times, values


def run_once(root: pathlib.Path, durability: str, first: int, chance: random.Random, seconds: float) -> int:
    """Start a writer at change `first`, kill it within so many seconds; returns the last change that it told of."""
    command = [sys.executable, "-m", "benchmarks.kill", "--write", str(root), durability, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, cwd=_ROOT) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        deadline = time.monotonic() + seconds * chance.random()
        while time.monotonic() < deadline:
            told += process.stdout.read(1 << 16)
        process.kill()
        told += process.stdout.read()
    lines = told.decode().split("\n")[:-1]  # the last one may be cut short
    return int(lines[-1]) if lines else first - 1


def run_cycles(root: pathlib.Path, durability: str, cycles: int, seed: int, seconds: float = 0.15) -> tuple[int, int]:
    """Kill a writer so many times over one directory. Returns how many changes were told of, and found too."""
    chance = random.Random(seed)
    count = told = 0
    for cycle in range(cycles):
        last = run_once(root, durability, count, chance, seconds)
        told += last - count + 1
        count = check(obsflow.open(root), last)
        if cycle % 3 == 2:  # a writer that was killed at once, before it wrote, must leave no harm either
            with open_to_write(root, durability) as store:
                assert check(store, last) == count
                assert store.problems == ()
    return told, count


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description=__doc__)
    parser.add_argument("cycles", nargs="?", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--write", nargs=3, metavar=("DIR", "DURABILITY", "FIRST"), help="be the writer")
    options = parser.parse_args()
    if options.write:
        root, durability, first = options.write
        write(pathlib.Path(root), durability, int(first))
    for number in range(-(-options.cycles // 10)):
        for durability in ("process", "commit"):
            with tempfile.TemporaryDirectory() as directory:
                root = pathlib.Path(directory)
                told, count = run_cycles(root, durability, 5, options.seed + number)
                blocks = len(list(root.glob("*/meta.json")))
                print(f"{durability}: 5 kills, {told} changes told of, {count} found, {blocks} blocks", flush=True)


if __name__ == "__main__":
    main()
