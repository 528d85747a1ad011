"""A Prometheus server over a data directory, for as long as it is measured."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import attrs

_READY_S = 60.0
_EXEC_TOTAL = re.compile(rb'"execTotalTime":([0-9.eE+-]+)')


class QueryRefusedError(Exception):
    """The server answered with an error."""


@attrs.frozen(eq=False)
class Answer:
    """What the server said, and how long its engine took by itself."""

    body: bytes
    seconds: float

    @property
    def series(self) -> int:
        return self.body.count(b'"metric":{')

    @property
    def samples(self) -> int:
        """Every sample, and nothing else here, ends so."""
        return self.body.count(b'"]')

    def result(self) -> list[dict[str, Any]]:
        data = json.loads(self.body)["data"]
        assert data["resultType"] == "matrix"
        result: list[dict[str, Any]] = data["result"]
        return result


class Server:
    """Asks one server, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def query_range(self, query: str, start: int, end: int, step: int) -> Answer:
        """Times in ms. Raises QueryRefusedError."""
        fields = {"query": query, "start": start / 1000, "end": end / 1000, "step": step / 1000, "stats": "all"}
        self._connection.request("GET", f"/api/v1/query_range?{urllib.parse.urlencode(fields)}")
        response = self._connection.getresponse()
        body = response.read()
        if response.status != http.HTTPStatus.OK:
            raise QueryRefusedError(body.decode())
        found = _EXEC_TOTAL.search(body, max(0, len(body) - 4096))
        assert found, body[-1000:]
        return Answer(body, float(found[1]))

    def is_ready(self) -> bool:
        try:
            self._connection.request("GET", "/-/ready")
            response = self._connection.getresponse()
            response.read()
        except OSError:
            self._connection.close()
            return False
        return response.status == http.HTTPStatus.OK

    def close(self) -> None:
        self._connection.close()


def binary() -> str | None:
    """The installed server, if there is one."""
    return shutil.which("prometheus")


@contextlib.contextmanager
def serve(blocks: pathlib.Path) -> Iterator[Server]:
    """A server on the blocks of a directory. Their files are linked, so both sides read the same pages."""
    program = binary()
    assert program, "no prometheus is installed"
    with tempfile.TemporaryDirectory(dir=blocks.parent, prefix=f"{blocks.name}-serving-") as name:
        root = pathlib.Path(name)
        shutil.copytree(blocks, root / "data", copy_function=os.link)
        (root / "prometheus.yml").write_text("{}\n")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [
            program,
            f"--config.file={root}/prometheus.yml",
            f"--storage.tsdb.path={root}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--storage.tsdb.retention.time=100y",
            "--storage.tsdb.min-block-duration=2h",
            "--storage.tsdb.max-block-duration=2h",
            "--query.timeout=10m",
            "--query.max-samples=1000000000",
        ]
        with (root / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            server = Server(port)
            try:
                _wait(server, process, root / "log")
                yield server
            finally:
                server.close()
                process.terminate()


def _wait(server: Server, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    deadline = time.monotonic() + _READY_S
    while not server.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"prometheus did not start:\n{log.read_text()}")
        time.sleep(0.1)
