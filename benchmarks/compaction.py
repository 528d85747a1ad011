"""Blocks written, merged and opened: bytes and time a sample, an index of a million series, a cold start."""

import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from benchmarks import Table, data, median_ns
from obsflow import native
from obsflow.adapters.data_directory import open_database, read_block
from obsflow.adapters.files import DirectoryFiles
from obsflow.model.floats import STALE_NAN
from obsflow.model.frames import LabelColumns, Symbols
from obsflow.model.labels import Labels
from obsflow.model.matchers import Matcher, MatchOp
from obsflow.tsdb.backfill import BlockBuilder
from obsflow.tsdb.block import Block
from obsflow.tsdb.block_writer import make_ulid, write_block
from obsflow.tsdb.compaction import merge
from obsflow.tsdb.index_writer import write_index
from obsflow.tsdb.recoding import shorten

CAPTURE = pathlib.Path(
    os.environ.get("OBSFLOW_SHARED", pathlib.Path(__file__).resolve().parents[2] / "shared")
).joinpath("captures", "payment-incidents", "data")
SERIES, SAMPLES, INTERVAL_MS = 10_000, 1_000, 15_000
INDEX_SERIES, LABELS = 1_000_000, 8
START = 1_699_999_200_000  # a multiple of two hours

Values = npt.NDArray[np.float64]


def run(rounds: int) -> list[Table]:
    """All tables."""
    return [windows(rounds), blocks(rounds), index(rounds)]


# ---- chunks ----------------------------------------------------------------------------------------------------------


def _kinds(chunks: int) -> Iterator[tuple[str, Values]]:
    """Chunks of 120 samples, float64 `[chunks, 120]`, of what servers and machines count."""
    rng = np.random.default_rng(4)
    shape = (chunks, 120)
    counter = rng.integers(0, 200, shape).cumsum(axis=1).astype(np.float64)
    at = (np.arange(chunks), rng.integers(10, 110, chunks))
    restarted, stale = counter.copy(), counter.copy()
    restarted[np.arange(120) >= at[1][:, None]] -= np.repeat(counter[at], 120 - at[1])
    stale[at] = STALE_NAN
    yield "constant", np.repeat(np.arange(chunks) * 1.0, 120).reshape(shape)
    yield "counter", counter
    yield "counter, 70 % unchanged", (rng.integers(1, 9, shape) * (rng.random(shape) < 0.3)).cumsum(axis=1) * 1.0
    yield "counter with a restart", restarted
    yield "counter with a stale marker", stale
    yield "integer walk", 1000.0 + rng.integers(-1, 2, shape).cumsum(axis=1)
    yield "bytes, in pages", 4096.0 * (50_000 + rng.integers(-3, 4, shape).cumsum(axis=1))
    yield "2-decimal gauge", rng.integers(0, 10_000, shape) / 100


def windows(rounds: int) -> Table:
    """XOR chunks as Prometheus writes them, and with the windows that make them shortest."""
    n_chunks = 200  # in and out fit a cache
    times = np.tile(START + INTERVAL_MS * np.arange(120), n_chunks)
    offsets = np.arange(n_chunks + 1) * 120
    rows = []
    for name, values in _kinds(n_chunks):
        flat = np.ascontiguousarray(values).reshape(-1)
        sizes, costs = [], []
        for encode in (native.xor_encode_many, native.xor_encode_shortest):
            sizes.append(len(encode(times, flat, offsets)[0]) / len(flat))
            costs.append(median_ns(lambda encode=encode, flat=flat: encode(times, flat, offsets), rounds) / len(flat))
        rows.append((name, *_sizes(*sizes), *(f"{cost:.1f}" for cost in costs)))
    if CAPTURE.exists():
        rows.append(_capture(rounds))
    columns = ("series", "Prometheus' B/sample", "B/sample", "", "plain ns/sample", "ns/sample")
    return Table("XOR chunks with chosen windows; the capture: read, chosen and written again", columns, tuple(rows))


def _sizes(plain: float, shortest: float) -> tuple[str, str, str]:
    return f"{plain:.3f}", f"{shortest:.3f}", f"{100 * (shortest / plain - 1):+.1f} %"


def _capture(rounds: int) -> tuple[str, ...]:
    """The chunks of a real server."""
    path = next(path for path in sorted(CAPTURE.iterdir()) if (path / "meta.json").exists())
    runs = Block.open(read_block(path), Symbols()).chunks().runs
    samples = len(native.decode_runs(runs)[0])
    sizes = (int(each.length.sum()) / samples for each in (runs, shorten(runs)))
    return ("the capture", *_sizes(*sizes), "", f"{median_ns(lambda: shorten(runs), rounds) / samples:.1f}")


# ---- blocks ----------------------------------------------------------------------------------------------------------


def _builder(series: range) -> BlockBuilder:
    """Counters of many series, all in one block."""
    builder = BlockBuilder(block_range=SAMPLES * INTERVAL_MS * 10)
    samples = data.counters(len(series), SAMPLES)
    names = [
        builder.series(Labels({"__name__": f"metric_{i % 100}", "instance": f"host-{i // 100}", "job": "node"}))
        for i in series
    ]
    times = START + INTERVAL_MS * np.arange(SAMPLES)
    builder.add_columns(np.repeat(names, SAMPLES), np.tile(times, len(series)), samples.values)
    return builder


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def blocks(rounds: int) -> Table:
    """Arrays to a block, blocks to one, a block to the first answer."""
    total = SERIES * SAMPLES
    rows = []
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        files = DirectoryFiles(root)

        def build() -> None:
            for number, part in enumerate((range(SERIES), range(SERIES // 2, SERIES + SERIES // 2))):
                for new in _builder(part).blocks(lambda _, number=number: make_ulid(number, bytes(10))):
                    files.perform(write_block(new))

        rows.append(("arrays to a block on disk", f"{_seconds(build) / 2 / total * 1e9:.1f}", ""))
        files.close()
        paths = sorted(path for path in root.iterdir() if path.is_dir())
        matcher = (Matcher("__name__", MatchOp.EQUAL, "metric_7"),)
        copied = median_ns(lambda: merge(_opened(paths[:1]), make_ulid(9, bytes(10))), rounds)
        rows.append(("one block copied: opened, checked, merged", f"{copied / total:.1f}", f"{copied / 1e6:.0f}"))
        both = median_ns(lambda: merge(_opened(paths), make_ulid(9, bytes(10))), min(rounds, 3))
        rows.append(("two that overlap by half", f"{both / 2 / total:.1f}", f"{both / 1e6:.0f}"))
        (paths[1]).rename(root / "apart")
        cold = median_ns(lambda: open_database(root).select(matcher, START, START + 3_600_000), rounds)
        rows.append(("cold open to the first answer", "", f"{cold / 1e6:.0f}"))
    return Table(
        f"Blocks of {SERIES:,} series x {SAMPLES:,} samples, {total // 10**6} M", ("", "ns/sample", "ms"), tuple(rows)
    )


def _opened(paths: list[pathlib.Path]) -> list[Block]:
    symbols = Symbols()
    return [Block.open(read_block(path), symbols) for path in paths]


def index(rounds: int) -> Table:
    """The index of a million series with eight labels each."""
    symbols = Symbols()
    number = np.arange(INDEX_SERIES)
    cuts = {
        "__name__": number % 200, "cluster": number % 5, "container": number % 50, "instance": number // 200,
        "job": number // 200 % 40, "namespace": number // 200 % 100, "pod": number // 10, "zone": number // 200 % 3,
    }  # fmt: skip
    columns = np.array(
        [
            symbols.intern_all([f"{name}-{i:06d}" for i in range(int(column.max()) + 1)])[column]
            for name, column in cuts.items()
        ]
    )
    labels, _ = LabelColumns(symbols, tuple(cuts), columns).sort()
    first = np.full(INDEX_SERIES, START)
    chunks = (np.arange(INDEX_SERIES + 1), first, first + 7_000_000)
    place = 8 + 100 * number
    size = sum(map(len, write_index(labels, *chunks, place)))
    ns = median_ns(lambda: sum(map(len, write_index(labels, *chunks, place))), min(rounds, 3))
    row = (f"{INDEX_SERIES:,} x {LABELS} labels", f"{size / 2**20:.0f}", f"{ns / 1e6:.0f}")
    return Table("An index, written", ("series", "MiB", "ms"), (row,))
