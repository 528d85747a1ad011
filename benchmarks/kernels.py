"""The kernels alone: codecs per sample, windows per query."""

import numpy as np

from benchmarks import Table, data, median_ns
from benchmarks.floors import floors
from obsflow import native

SERIES, SAMPLES, STEPS, RANGE_MS = 3_000, 960, 721, 300_000
WINDOWS = (
    "rate", "increase", "delta", "irate", "changes", "sum_over_time", "avg_over_time", "max_over_time",
    "stddev_over_time", "quantile_over_time", "deriv", "last_over_time",
)  # fmt: skip


def codecs(rounds: int) -> Table:
    """XOR chunks of 120 samples, many in one call."""
    rows = []
    for name, make in data.KINDS.items():
        samples = make(50, 960)  # in and out fit a cache, so that the codec is measured
        runs = data.chunked(samples)
        n = len(samples.times)

        def encode(samples=samples):
            return native.xor_encode_many(samples.times, samples.values, samples.chunk_offsets)

        decode_ns = median_ns(lambda runs=runs: native.decode_runs(runs), rounds, 10) / n
        size = int(runs.length.sum()) / n
        rows.append((name, f"{size:.2f}", f"{median_ns(encode, rounds, 10) / n:.2f}", f"{decode_ns:.2f}"))
    return Table(
        "XOR chunks of 120 samples", ("series", "B/sample", "encode ns/sample", "decode ns/sample"), tuple(rows)
    )


def windows(rounds: int) -> Table:
    """Range functions from chunks to a frame, single-threaded."""
    samples = data.counters(SERIES, SAMPLES)
    runs = data.chunked(samples)
    steps = samples.times[SAMPLES - STEPS : SAMPLES] + 1
    params = {"quantile_over_time": np.full((1, STEPS), 0.9)}
    rows = []
    for name in (*WINDOWS, "select"):
        cut = native.Windows(name, steps, RANGE_MS, params.get(name))
        ns = median_ns(lambda cut=cut: native.window(runs, cut), rounds)
        rows.append(("x" if name == "select" else f"{name}(x[5m])", f"{ns / 1e6:.1f}", f"{ns / (SERIES * STEPS):.1f}"))
    title = f"{SERIES:,} series x {SAMPLES} samples at 15 s, {STEPS} steps at 15 s, chunks in, frame out"
    return Table(title, ("expression", "ms", "ns/point"), tuple(rows))


def groups(rounds: int) -> Table:
    """Aggregation of a frame into 100 groups, and quantiles of 300 histograms."""
    values = np.random.default_rng(3).random((SERIES, STEPS))
    present = np.ones(values.shape, np.bool_)
    groups = native.Groups(np.arange(SERIES) % 100, 100)
    q = np.full(STEPS, 0.9)
    rows = []
    for op in native.GROUP_OPERATORS:
        ns = median_ns(lambda op=op: native.reduce_groups(op, values, present, groups, q), rounds)
        rows.append((f"{op} by (g) (x)", f"{ns / 1e6:.1f}", f"{ns / values.size:.1f}"))
    le = np.tile([*range(1, 10), np.inf], SERIES // 10)
    offsets = np.arange(0, SERIES + 1, 10)
    counts = np.cumsum(values.reshape(-1, 10, STEPS), axis=1).reshape(values.shape)
    ns = median_ns(lambda: native.histogram_quantile(q, le, np.arange(SERIES), counts, present, offsets), rounds)
    rows.append(("histogram_quantile(0.9, x)", f"{ns / 1e6:.1f}", f"{ns / values.size:.1f}"))
    return Table(f"{SERIES:,} series x {STEPS} steps", ("expression", "ms", "ns/value"), tuple(rows))


def checksums(rounds: int) -> Table:
    """CRC-32C of whole buffers."""
    whole, chunk = bytes(1 << 20), bytes(256)
    rows = (
        ("1 MiB", f"{(1 << 20) / median_ns(lambda: native.crc32c(whole), rounds, 20):.1f}"),
        ("256 B", f"{256 / median_ns(lambda: native.crc32c(chunk), rounds, 20_000):.1f}"),
    )
    return Table("CRC-32C", ("buffer", "GB/s, call included"), rows)


def run(rounds: int) -> list[Table]:
    """All tables."""
    return [floors(rounds), codecs(rounds), windows(rounds), groups(rounds), checksums(rounds)]
