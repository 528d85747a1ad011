"""A router with a hundred thousand alerts, and an Alertmanager that is told the same over HTTP.

Ten thousand groups of ten alerts under a thousand inhibition rules and a thousand silences. The alerts arrive as the
JSON that a Prometheus posts, a thousand at a time; then again, as they do every minute; then every group is due once,
and its webhook's body is rendered. Of the server, seconds are those of its process.
"""

import contextlib
import datetime
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks import Table
from obsflow.alertmanager import (
    Alertmanager,
    AlertReader,
    Delivered,
    Notify,
    ReceiveAlerts,
    Silence,
    load_config,
    parse_matchers,
)
from obsflow.model.times import render_rfc3339
from obsflow.notify import KINDS, Globals, Renderer

SERVICES = 1_000
NAMES = 10
HOSTS = 10
BATCH = 1_000
HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000
GROUP_WAIT_S = 60
_SETTLED_S = 5.0
_LONGEST_S = 240.0
_TICKS = os.sysconf("SC_CLK_TCK")


def config(url: str) -> str:
    """Every service has a rule: its page, if it has one, mutes its warnings."""
    rules = "\n".join(
        f"- {{source_matchers: [severity=page, service=svc-{i}], target_matchers: [severity=warning, service=svc-{i}],"
        " equal: [cluster]}"
        for i in range(SERVICES)
    )
    return f"""
route: {{receiver: hook, group_by: [alertname, cluster, service], group_wait: {GROUP_WAIT_S}s, group_interval: 1h}}
receivers: [{{name: hook, webhook_configs: [{{url: '{url}'}}]}}]
inhibit_rules:
{rules}
"""


def silences() -> list[str]:
    """Every service has a silence for two alerts of one host."""
    return [f'service="svc-{i}",instance="host-9:9100",alertname=~"Alert(1|2)"' for i in range(SERVICES)]


def batches(now_ms: int, ends_ms: int) -> Iterator[bytes]:
    """The alerts as a sender posts them."""
    alerts: list[str] = []  # texts: objects would be there for our garbage collector, and not for that of the server
    for host in range(HOSTS):
        for service in range(SERVICES):
            for name in range(NAMES):
                alerts.append(json.dumps(_alert(host, service, name, now_ms, ends_ms)))
                if len(alerts) == BATCH:
                    yield f"[{', '.join(alerts)}]".encode()
                    alerts.clear()


def _alert(host: int, service: int, name: int, now_ms: int, ends_ms: int) -> dict[str, Any]:
    severity = "page" if name == 0 and service % 20 == 0 else "warning" if name % 2 else "critical"
    return {
        "labels": {
            "alertname": f"Alert{name}",
            "cluster": f"cluster-{service % 10}",
            "instance": f"host-{host}:9100",
            "job": "node",
            "service": f"svc-{service}",
            "severity": severity,
        },
        "annotations": {
            "summary": f"svc-{service} on host-{host} is not well",
            "runbook": f"https://runbooks.example.com/Alert{name}",
        },
        "startsAt": render_rfc3339(now_ms),
        "endsAt": render_rfc3339(ends_ms),
        "generatorURL": f"http://prometheus.example.com/graph?g0.expr=Alert{name}&g0.tab=1",
    }


def run(rounds: int) -> list[Table]:  # noqa: ARG001 - once: each side takes long enough
    ours = json.loads(subprocess.run([sys.executable, "-m", __name__], check=True, capture_output=True).stdout)
    columns = ("", "obsflow", "Alertmanager")
    theirs = _measure_server() if shutil.which("prometheus-alertmanager") else {}
    rows = tuple((name, str(ours[name]), str(theirs.get(name, ""))) for name in ours)
    return [Table("100,000 alerts in 10,000 groups, 1,000 inhibition rules, 1,000 silences", columns, rows)]


# -- obsflow


def measure() -> dict[str, float]:
    """CPU seconds and MB of this process."""
    loaded = load_config(config("http://127.0.0.1:1/"), "alertmanager.yml", KINDS, Globals)
    standing = tuple(
        Silence(str(i), parse_matchers(text), START_MS, START_MS + HOUR_MS) for i, text in enumerate(silences())
    )
    machine = Alertmanager(loaded, started_at=START_MS, silences=standing)
    renderer = Renderer(external_url="http://127.0.0.1:9093")
    reader = AlertReader()
    figures: dict[str, float] = {}
    now = START_MS
    for name, said_at in (("take in, s", START_MS), ("take in again, s", START_MS + 10_000)):
        spent, reading, now = 0.0, 0.0, said_at
        for body in batches(START_MS, said_at + HOUR_MS):
            begin = time.process_time()
            pieces = reader.read_pieces(body)
            reading += time.process_time() - begin
            while True:
                started = time.process_time()
                piece = next(pieces, ())
                reading += time.process_time() - started
                if not piece:
                    break
                machine.receive(ReceiveAlerts(piece), now)
            machine.poll(now)
            spent += time.process_time() - begin
            now += 1
        figures[name] = round(spent, 2)
        figures[f"{name.removesuffix(', s')}: reading JSON, s"] = round(reading, 2)
    rendering, count, size, begin = 0.0, 0, 0, time.process_time()
    end = START_MS + GROUP_WAIT_S * 1000 + HOUR_MS // 2
    while (due := machine.next_timer()) is not None and due < end:
        for effect in machine.poll(due):
            if isinstance(effect, Notify):
                started = time.process_time()
                request = renderer.render(effect.notification, loaded.integration(effect.notification).config)
                rendering += time.process_time() - started
                count += 1
                size += len(request.body)
                machine.receive(Delivered(effect.delivery), due)
    figures["flush every group, s"] = round(time.process_time() - begin, 2)
    figures["flush: rendering, s"] = round(rendering, 2)
    figures["notifications"] = count
    figures["bodies, MB"] = round(size / 1e6)
    status = pathlib.Path("/proc/self/status").read_text("ascii").split()
    figures["peak memory, MB"] = round(int(status[status.index("VmHWM:") + 1]) / 1024)
    return figures


# -- the server


class _Sink:
    """A webhook that counts."""

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def serve(self) -> Iterator[str]:
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = len(self.rfile.read(int(self.headers["Content-Length"])))
                with sink.lock:
                    sink.size += size
                    sink.count += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}/"
            server.shutdown()
            thread.join()


def _measure_server() -> dict[str, float]:
    sink = _Sink()
    with tempfile.TemporaryDirectory() as name, sink.serve() as url, _server(pathlib.Path(name), url) as (pid, port):
        now = datetime.datetime.now(datetime.UTC)
        now_ms = int(now.timestamp() * 1000)
        _post_silences(port, now_ms)
        figures: dict[str, float] = {}
        for what, more_ms in (("take in, s", 0), ("take in again, s", 10_000)):
            bodies = list(batches(now_ms, now_ms + HOUR_MS + more_ms))
            before = _cpu(pid)
            for body in bodies:
                _post(port, "/api/v2/alerts", body)
            figures[what] = round(_cpu(pid) - before, 2)
        before, deadline = _cpu(pid), time.monotonic() + _LONGEST_S
        seen, since = sink.count, time.monotonic()
        while time.monotonic() < deadline and (not sink.count or time.monotonic() - since < _SETTLED_S):
            time.sleep(0.2)
            if sink.count != seen:
                seen, since = sink.count, time.monotonic()
        figures["flush every group, s"] = round(_cpu(pid) - before, 2)
        figures["notifications"] = sink.count
        figures["bodies, MB"] = round(sink.size / 1e6)
        status = pathlib.Path(f"/proc/{pid}/status").read_text("ascii").split()
        figures["peak memory, MB"] = round(int(status[status.index("VmHWM:") + 1]) / 1024)
    return figures


def _post_silences(port: int, now_ms: int) -> None:
    for text in silences():
        matchers = [
            {"name": each.name, "value": each.value, "isRegex": each.op.is_regex, "isEqual": each.op.is_positive}
            for each in parse_matchers(text)
        ]
        times = {"startsAt": render_rfc3339(now_ms), "endsAt": render_rfc3339(now_ms + HOUR_MS)}
        body = {"matchers": matchers, "createdBy": "benchmark", "comment": "benchmark", **times}
        _post(port, "/api/v2/silences", json.dumps(body).encode())


def _post(port: int, path: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{path}: {response.status}: {answer[:500]!r}")


def _cpu(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextlib.contextmanager
def _server(root: pathlib.Path, url: str) -> Iterator[tuple[int, int]]:
    """The process and the port of a server that posts to `url`."""
    (root / "alertmanager.yml").write_text(config(url), "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        "prometheus-alertmanager",
        f"--config.file={root}/alertmanager.yml",
        f"--storage.path={root}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (root / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.1)
            yield process.pid, port
        finally:
            process.terminate()


if __name__ == "__main__":
    print(json.dumps(measure()))
