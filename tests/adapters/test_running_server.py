"""A data directory that a real server is writing to at the same time."""

import contextlib
import json
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.external import tool

from obsflow import Engine
from obsflow.adapters.data_directory import open_database

CONFIG = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: itself
    static_configs: [{targets: ['%s']}]
"""
QUERIES = (
    'count({__name__=~".+"})',
    "count by (__name__) ({job='itself'})",
    "prometheus_tsdb_head_samples_appended_total",
    "sum(prometheus_http_requests_total) by (handler)",
    'up{job="itself"}[1m]',
    '{__name__=~"go_mem.*|process_.*"}[1m]',
    "rate(process_cpu_seconds_total[1m])",
)
SETTLE_MS = 300
"""What a scrape may take from its timestamp until the log has it."""


@contextlib.contextmanager
def prometheus(directory: pathlib.Path) -> Iterator[str]:
    """A Prometheus that scrapes itself every second; yields the address of its API."""
    program = tool("prometheus")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (directory / "prometheus.yml").write_text(CONFIG % address, "utf-8")
    arguments = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
        try:
            yield f"http://{address}/api/v1/query"
        finally:
            process.kill()  # nothing of it is kept, and a shutdown takes seconds
            process.wait()


def ask(api: str, expr: str, at: int) -> dict[str, Any]:
    query = urllib.parse.urlencode({"query": expr, "time": at / 1000})
    with urllib.request.urlopen(f"{api}?{query}", timeout=5) as answer:
        data: dict[str, Any] = json.load(answer)["data"]
    return data


def scrapes(api: str) -> int:
    """How many scrapes the server can tell of."""
    with contextlib.suppress(urllib.error.URLError, ConnectionError):
        found = ask(api, "count_over_time(up[1m])", int(time.time() * 1000))["result"]
        return int(found[0]["value"][1]) if found else 0
    return 0


def wait_for_scrapes(api: str, count: int) -> None:
    deadline = time.monotonic() + 15
    while scrapes(api) < count:
        if time.monotonic() > deadline:
            pytest.fail("the server does not scrape itself")
        time.sleep(0.1)


def by_labels(data: dict[str, Any]) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in data["result"])


def test_opening_while_a_server_runs(tmp_path):
    """Opened twice while a server scrapes, a directory gives what the server's own API gives for the same instants."""
    with prometheus(tmp_path) as api:
        seen = []
        for count in (2, 3):
            wait_for_scrapes(api, count)
            at = int(time.time() * 1000) - SETTLE_MS
            expected = {expr: ask(api, expr, at) for expr in QUERIES}
            database = open_database(tmp_path / "data")
            engine = Engine(database)
            for expr, answer in expected.items():
                found = engine.query(expr, at).to_dict()
                assert found["resultType"] == answer["resultType"]
                assert by_labels(found) == by_labels(answer), expr
            assert database.problems == ()
            assert database.series_count > 300
            seen.append(database.max_time)
        assert seen[0] < seen[1]
