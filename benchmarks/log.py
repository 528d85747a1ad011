"""The write-ahead log: written, replayed, shortened; and a head opened again from its chunks and its log."""

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks import Table
from obsflow import native
from obsflow.errors import CorruptionError
from obsflow.model.frames import Symbols
from obsflow.model.labels import Labels
from obsflow.tsdb import records
from obsflow.tsdb.checkpoint import Checkpointing
from obsflow.tsdb.files import File, HeadFiles
from obsflow.tsdb.log_writer import Encoded, LogWriter
from obsflow.tsdb.operations import Append
from obsflow.tsdb.replay import Replay
from obsflow.tsdb.store import Options, Store

SERIES, SCRAPES, INTERVAL_MS, FIRST_MS = 20_000, 1_000, 15_000, 1_700_006_400_000
RECORD_SAMPLES, RECORD_SERIES = 2048, 1000


def no_zstd(_: bytes) -> bytes:
    """There is none here."""
    raise CorruptionError("zstd")


class _Log:
    """A log of 20 million samples of counters: its files, and how long writing took."""

    def __init__(self, *, compress: bool) -> None:
        self.compress = compress
        self.seconds = 0.0
        self._writer = LogWriter("wal", 0, compress=compress)
        self._parts: dict[str, list[bytes]] = {}
        references = np.arange(1, SERIES + 1, dtype=np.uint64)
        for i in range(0, SERIES, RECORD_SERIES):
            named = [(int(each), _labels(int(each))) for each in references[i : i + RECORD_SERIES]]
            self._write(Encoded.of([records.encode_series(named)]))
        rng, values = np.random.default_rng(1), np.zeros(SERIES)
        for scrape in range(SCRAPES):
            values += rng.integers(0, 100, SERIES)
            times = np.full(SERIES, FIRST_MS + INTERVAL_MS * scrape)
            begun = time.process_time()
            encoded = Encoded(*native.encode_log_samples(references, times, values, RECORD_SAMPLES))
            self._write(encoded)
            self.seconds += time.process_time() - begun
        self.files = {int(path[-8:]): File(path, b"".join(parts)) for path, parts in self._parts.items()}

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(len(file.data) for file in self.files.values())

    def _write(self, encoded: Encoded) -> None:
        for operation in self._writer.write(encoded):
            if isinstance(operation, Append):
                self._parts.setdefault(operation.path, []).append(operation.data)


def _labels(number: int) -> Labels:
    return Labels(
        __name__=f"metric_{number % 200}",
        instance=f"host-{number // 200}:9090",
        job="api",
        path=f"/p/{number % 17}",
    )


def _seconds(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Of the processor, and on the clock; medians."""
    found = []
    for _ in range(rounds):
        begun = time.process_time(), time.perf_counter()
        work()
        found.append((time.process_time() - begun[0], time.perf_counter() - begun[1]))
    return statistics.median(each[0] for each in found), statistics.median(each[1] for each in found)


def _replay(files: HeadFiles) -> None:
    replay = Replay(Symbols(), no_zstd)
    replay.read(files)
    count = sum(len(part.rows) for part in replay.parts())
    if count != SERIES * SCRAPES or replay.problems:
        raise AssertionError(f"{count} samples: {replay.problems}")


def _restore(files: HeadFiles) -> Store:
    return Store.replay(files, Symbols(), no_zstd, Options())


def _with_chunks(files: HeadFiles) -> HeadFiles:
    """The same log, when the chunks that the head had closed were in files."""
    move = _restore(files).stage_chunks()
    if move is None:
        raise AssertionError("no chunk was closed")
    chunks: dict[str, bytes] = {}
    for operation in move.operations:
        if isinstance(operation, Append):
            chunks[operation.path] = chunks.get(operation.path, b"") + operation.data
    return HeadFiles(chunks={int(path[-6:]): File(path, data) for path, data in chunks.items()}, wal=files.wal)


def _checkpoint(files: HeadFiles) -> int:
    """Of the whole log, where a half of the samples is still of use."""
    half = FIRST_MS + INTERVAL_MS * SCRAPES // 2
    kept = np.arange(1, SERIES + 1, dtype=np.uint64)
    operations = Checkpointing(files, max(files.wal), kept, half, no_zstd)
    return sum(len(each.data) for each in operations if isinstance(each, Append))


def run(rounds: int) -> list[Table]:
    """Nanoseconds of the processor for each sample of the log, and millions of samples a second on the clock."""
    n, rows = SERIES * SCRAPES, []

    def add(name: str, cpu: float, wall: float) -> None:
        rows.append((name, f"{log.size / n:.2f}", f"{cpu / n * 1e9:.1f}", f"{n / wall / 1e6:.1f}"))

    for compress in (True, False):
        log = _Log(compress=compress)
        files = HeadFiles(wal=log.files)
        kind = "Snappy" if compress else "plain"
        rounds = min(rounds, 3)
        add(f"write, {kind}", log.seconds, log.seconds)
        add(f"read and decode, {kind}", *_seconds(lambda files=files: _replay(files), rounds))
        add(f"open a head, {kind}", *_seconds(lambda files=files: _restore(files), rounds))
        chunks = _with_chunks(files)
        add(f"open a head with chunks, {kind}", *_seconds(lambda chunks=chunks: _restore(chunks), rounds))
        add(f"checkpoint, {kind}", *_seconds(lambda files=files: _checkpoint(files), rounds))
    title = f"A log of {SERIES:,} series x {SCRAPES:,} samples"
    return [Table(title, ("", "B/sample", "CPU ns/sample", "million samples/s"), tuple(rows))]
