"""A server that answers each scrape of a path with the next of its bodies, and a Prometheus that scrapes it."""

import contextlib
import http.server
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import attrs

from tests.external import tool

PLAIN = "text/plain; version=0.0.4"
OPEN = "application/openmetrics-text; version=1.0.0"


@attrs.frozen
class Answer:
    """What the server answers; a status other than 200 is a failure. `<n>` becomes the time `n` ms from now."""

    body: bytes
    content_type: str = PLAIN
    status: int = 200

    def now(self) -> "Answer":
        """The answer as it is given now."""
        now = time.time_ns() // 1_000_000
        return attrs.evolve(self, body=re.sub(rb"<(-?\d+)>", lambda match: b"%d" % (now + int(match[1])), self.body))


class Answers:
    """The answers of each path, over and over, and those that were given."""

    def __init__(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        self._answers = answers
        self.given: dict[str, list[Answer]] = {path: [] for path in answers}

    def give(self, path: str) -> Answer:
        """The answer to the next scrape."""
        given, answers = self.given[path], self._answers[path]
        given.append(answers[len(given) % len(answers)].now())
        return given[-1]


@contextlib.contextmanager
def serve(answers: Answers) -> Iterator[str]:
    """Serve them on loopback; yields host and port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.give(self.path.removeprefix("/"))
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def prometheus(directory: pathlib.Path, config: str, *flags: str) -> Iterator[str]:
    """A Prometheus with this configuration, whose data is in `data`; yields its address."""
    program = tool("prometheus")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (directory / "prometheus.yml").write_text(config, "utf-8")
    arguments = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
        *flags,
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
        try:
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(answers: Answers, count: int, seconds: float) -> bool:
    """Wait until each path was scraped so often; False where that takes longer."""
    deadline = time.monotonic() + seconds
    while min(map(len, answers.given.values())) < count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
