"""A real Alertmanager on loopback that a plan is played to, and what its webhooks get meanwhile."""

import contextlib
import http.client
import http.server
import json
import re
import socket
import subprocess
import threading
import time

import attrs

from obsflow.model.times import parse_time, render_rfc3339
from tests.conformance.alertmanager_plans import QUARTER, SECONDS, SLOW_MS, Expiring, Saying, Silencing

LATE_MS = 200  # by which the machine may be late before it has spoiled a run
_READY_S = 30
_LOADED = re.compile(r'(?:ts|time)=(\S+) .*msg="(?:Completed loading of configuration file|Listening on)"')


@attrs.define
class Receivers:
    """Webhooks that keep what they get, by the path; `/refused` refuses it for good, `/slow` takes its time."""

    arrived: list[tuple[int, str, dict]] = attrs.field(factory=list)  # ms, path, body

    @contextlib.contextmanager
    def serve(self):
        """Yields their address."""
        arrived = self.arrived

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                now = round(time.time() * 1000)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                arrived.append((now, self.path, body))
                if self.path == "/slow":
                    time.sleep(SLOW_MS / 1000)
                self.send_response(400 if self.path == "/refused" else 200)
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()


@contextlib.contextmanager
def alertmanager(program, directory, config):
    """A server; yields its port and when it had loaded the configuration (ms)."""
    directory.mkdir()
    (directory / "alertmanager.yml").write_text(config, "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [
        program,
        f"--config.file={directory / 'alertmanager.yml'}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    log = directory / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(arguments, stdout=file, stderr=file)
        try:
            deadline = time.monotonic() + _READY_S
            while not _is_ready(port):
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < deadline, log.read_text("utf-8")
                time.sleep(0.05)
            yield port, parse_time(_LOADED.search(log.read_text("utf-8"))[1])
        finally:
            process.terminate()
            process.wait()


def _is_ready(port):
    try:
        return request(port, "GET", "/-/ready")[0] == http.HTTPStatus.OK
    except OSError:
        return False


def request(port, method, path, document=None):
    """The status and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        body = None if document is None else json.dumps(document)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()


@attrs.define
class Player:
    """Does what a plan says at its time, on a server; `late_ms` is by how much that was late at worst."""

    plan: object
    port: int
    base: int  # ms
    late_ms: int = 0
    _silences: dict = attrs.field(factory=dict)

    def play(self):
        """Everything, until nothing more is expected."""
        for at in sorted({*self.plan.steps, *range(SECONDS)}):
            if at < SECONDS:
                self._wait(at)
                self._step(self.plan.steps.get(at, []))
                self.late_ms = max(self.late_ms, round(time.time() * 1000 - self._ms(at)))
        self._wait(SECONDS + QUARTER)

    def _ms(self, at):
        return self.base + round(at * 1000)

    def _wait(self, at):
        time.sleep(max(0.0, self._ms(at) / 1000 - time.time()))

    def _step(self, entries):
        alerts = [self._alert(each) for each in entries if isinstance(each, Saying)]
        if alerts:
            self._ask("POST", "/api/v2/alerts", alerts)
        else:
            self._ask("GET", "/-/healthy")  # also to see whether the server gets to run
        for each in entries:
            if isinstance(each, Silencing):
                answer = self._ask("POST", "/api/v2/silences", self._silence(each))
                self._silences[each.number] = json.loads(answer)["silenceID"]
            elif isinstance(each, Expiring):
                self._ask("DELETE", f"/api/v2/silence/{self._silences[each.number]}")

    def _ask(self, method, path, document=None):
        status, answer = request(self.port, method, path, document)
        assert status == http.HTTPStatus.OK, answer
        return answer

    def _alert(self, saying):
        times = {"startsAt": saying.start, "endsAt": saying.end}
        said = {key: render_rfc3339(self._ms(at)) for key, at in times.items() if at is not None}
        return {"labels": saying.labels, "annotations": {"note": saying.note} if saying.note else {}, **said}

    def _silence(self, silencing):
        matchers = [
            {"name": name, "value": value, "isRegex": is_pattern, "isEqual": True}
            for name, value, is_pattern in silencing.matchers
        ]
        times = {
            "startsAt": render_rfc3339(self._ms(silencing.start)),
            "endsAt": render_rfc3339(self._ms(silencing.end)),
        }
        return {"matchers": matchers, "createdBy": "somebody", "comment": "why not", **times}
