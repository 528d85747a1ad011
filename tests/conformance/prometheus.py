"""A Prometheus server over a data directory, asked through its HTTP API."""

import contextlib
import http.client
import json
import pathlib
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from tests.external import tool

_PATIENCE_S = 20


class Api:
    """One connection that is kept; answers are the `data` of the API, or the error's text."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def query_range(self, text: str, start: int, end: int, step: int) -> dict[str, Any]:
        """The answer to a range query; times in ms."""
        return self._ask("query_range", query=text, start=start / 1000, end=end / 1000, step=step / 1000)

    def query(self, text: str, at: int) -> dict[str, Any]:
        """The answer to an instant query."""
        return self._ask("query", query=text, time=at / 1000)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def is_ready(self) -> bool:
        """Whether the server answers queries."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self._connection.request("GET", "/-/ready")
            response = self._connection.getresponse()
            response.read()
            return response.status == http.HTTPStatus.OK
        self._connection.close()
        return False

    def _ask(self, path: str, **parameters: str | float) -> dict[str, Any]:
        body = urllib.parse.urlencode(parameters)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", f"/api/v1/{path}", body, headers)
        answer: dict[str, Any] = json.loads(self._connection.getresponse().read())
        return answer


@contextlib.contextmanager
def serve(data: pathlib.Path, beside: pathlib.Path) -> Iterator[int]:
    """Run a server over a data directory, on loopback; yields its port. It scrapes nothing and forgets nothing."""
    program = tool("prometheus")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = beside / "prometheus.yml"
    config.write_text("{}", "utf-8")
    arguments = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (beside / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
        try:
            _wait(process, port, beside / "log")
            yield port
        finally:
            process.kill()  # nothing of it is kept, and a shutdown takes seconds
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: pathlib.Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    with contextlib.closing(Api(port)) as api:
        while not api.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server does not start:\n{log.read_text('utf-8')}")
            time.sleep(0.05)
