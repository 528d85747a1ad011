"""A scrape from its body to a store: the scrape loop alone, into a database with its log or without; and Prometheus."""

import contextlib
import http.server
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator

from benchmarks import Table, median_ns
from benchmarks.text import FAMILIES, SERIES, exposed
from obsflow import Labels
from obsflow.adapters.files import DirectoryFiles
from obsflow.adapters.opening import open_writable
from obsflow.exposition import ScrapeLoop, Target, TextFormat, content_type
from obsflow.tsdb.store import Options

LINES = FAMILIES * SERIES
BODIES = 4
PLAIN = content_type(TextFormat.PLAIN)
PEER_SCRAPES = 40
TARGET = Target(Labels(job="bench"), interval_ms=1000, timeout_ms=1000, aligns=False)


class Numbers:
    """Numbers series as they come."""

    def __init__(self) -> None:
        self._numbers: dict[Labels, int] = {}

    def series(self, labels: Labels) -> int:
        return self._numbers.setdefault(labels, len(self._numbers))


class Nowhere(DirectoryFiles):
    """Files that nothing is written to."""

    def perform(self, operations: object) -> None:
        pass


def scrapes(call: Callable[[bytes, int], object]) -> Callable[[], object]:
    """Scrapes one body after another, a second apart."""
    bodies, count = [exposed(seed) for seed in range(BODIES)], iter(range(1 << 60))

    def scrape() -> object:
        i = next(count)
        return call(bodies[i % BODIES], 1_700_000_000_000 + 1000 * i)

    scrape()
    return scrape


def ours(rounds: int) -> Table:
    """A scrape of 10,000 known series."""
    rows = []

    def add(name: str, call: Callable[[bytes, int], object]) -> None:
        scrape = scrapes(call)
        wall, before, count = median_ns(scrape, rounds, 10), time.process_time_ns(), 10 * rounds
        for _ in range(count):
            scrape()
        cpu = (time.process_time_ns() - before) / count
        rows.append((name, f"{wall / LINES:.0f}", f"{cpu / LINES:.0f}"))

    loop = ScrapeLoop(TARGET, Numbers())
    add("columns", lambda body, at: loop.scraped(body, PLAIN, at))
    for name, options, writes in (
        ("into the head, without a log", Options(compress_log=False), False),
        ("with the log", Options(compress_log=False), True),
        ("with the log compressed", Options(), True),
    ):
        directory = pathlib.Path(tempfile.mkdtemp())
        with open_writable(directory, options=options) as store:
            if not writes:
                store._files = Nowhere(directory)  # noqa: SLF001 - only the disk is left out
            add(name, lambda body, at, store=store: store.ingest(body, at, target=TARGET))
        shutil.rmtree(directory)
    return Table(f"A scrape of {LINES:,} known series, from text to", ("what", "ns/line", "CPU"), tuple(rows))


@contextlib.contextmanager
def exposing() -> Iterator[tuple[str, list[int]]]:
    """A server of the bodies; its address, and how often each was asked for."""
    bodies, given = [exposed(seed) for seed in range(BODIES)], [0]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given[0] += 1
            self.send_response(200)
            self.send_header("Content-Type", PLAIN)
            self.end_headers()
            self.wfile.write(bodies[given[0] % BODIES])

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", given
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def cpu_seconds(address: str) -> float:
    """The CPU that a server has used."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("process_cpu_seconds_total ")))


def peer() -> Table:
    """What a Prometheus uses for a scrape of the same bodies, its own idle time taken off."""
    program = shutil.which("prometheus")
    if program is None:
        return Table("Prometheus is not installed", ("what",), ())
    used = []
    for scrapes_it in (True, False):
        directory = pathlib.Path(tempfile.mkdtemp())
        with exposing() as (target, given):
            jobs = (
                f"scrape_configs: [{{job_name: bench, static_configs: [{{targets: ['{target}']}}]}}]"
                if scrapes_it
                else ""
            )
            config = directory / "prometheus.yml"
            config.write_text(f"global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\n{jobs}\n", "utf-8")
            address = f"127.0.0.1:{free_port()}"
            flags = [
                f"--config.file={config}",
                f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address={address}",
            ]
            process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                time.sleep(5)  # started, and all series known
                before, first = cpu_seconds(address), given[0]
                time.sleep(PEER_SCRAPES / 2)
                used.append((cpu_seconds(address) - before, given[0] - first))
            finally:
                process.kill()
                process.wait()
        shutil.rmtree(directory)
    (busy, count), (idle, _) = used
    ns = (busy - idle) / max(count, 1) / LINES * 1e9
    return Table(f"Prometheus, {count} scrapes of the same", ("what", "ns/line"), (("CPU of a scrape", f"{ns:.0f}"),))


def run(rounds: int) -> list[Table]:
    """All tables."""
    return [ours(rounds), peer()]
