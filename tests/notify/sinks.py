"""Receivers on loopback that keep what they get, and a real Alertmanager that sends to them."""

import contextlib
import http.server
import json
import queue
import socket
import socketserver
import subprocess
import threading
import time
import urllib.error
import urllib.request

from tests.external import tool
from tests.notify.recorded import Recorded


@contextlib.contextmanager
def http_sink(arrived, answers=None):
    """An HTTP server that puts each request into the queue; yields its address.

    It answers 200 with the text that `answers` has for the path, or with nothing.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            arrived.put(Recorded(time.time(), self.path, body, dict(self.headers), self.command))
            self.send_response(200)
            self.end_headers()
            self.wfile.write((answers or {}).get(self.path.partition("?")[0], "").encode())

        def do_GET(self):
            self.do_POST()

        def do_PUT(self):
            self.do_POST()

        def log_message(self, *args):
            pass

    with _serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def smtp_sink(arrived):
    """A mail server that takes everything and puts each message into the queue; yields its host:port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.reply("220 sink")
            recipients = []
            while line := self.rfile.readline().decode().strip():
                verb = line.upper()
                if verb.startswith("RCPT TO:"):
                    recipients.append(line[8:].strip(" <>"))
                if verb == "DATA":
                    self.reply("354 go on")
                    body = self.read_message()
                    arrived.put(Recorded(time.time(), "smtp:" + ",".join(recipients), body, {}))
                self.reply("250 ok" if verb != "QUIT" else "221 bye")
                if verb == "QUIT":
                    return

        def reply(self, line):
            self.wfile.write(line.encode() + b"\r\n")

        def read_message(self):
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line[1:] if line.startswith(b".") else line)
            return b"".join(lines).decode()

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def _serving(server):
    server.daemon_threads = True
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def alertmanager(directory, config, external_url):
    """A real Alertmanager; yields a function that posts alerts to it."""
    program = tool("prometheus-alertmanager")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    file = directory / "alertmanager.yml"
    file.write_text(config, "utf-8")
    arguments = [
        program,
        f"--config.file={file}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address={address}",
        f"--web.external-url={external_url}",
        "--web.route-prefix=/",
        "--cluster.listen-address=",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
        try:
            _wait_until_ready(address, process, directory / "log")
            yield lambda alerts: _post(f"http://{address}/api/v2/alerts", alerts)
        finally:
            process.terminate()
            process.wait()


def _wait_until_ready(address, process, log):
    for _ in range(100):
        assert process.poll() is None, log.read_text("utf-8")
        try:
            with urllib.request.urlopen(f"http://{address}/-/ready"):
                return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8"))


def _post(url, alerts):
    request = urllib.request.Request(url, json.dumps(alerts).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request):
        pass


def collect(arrived, count, seconds):
    """The first `count` things that arrive within so many seconds."""
    out = []
    deadline = time.monotonic() + seconds
    with contextlib.suppress(queue.Empty):
        while len(out) < count:
            out.append(arrived.get(timeout=max(0.0, deadline - time.monotonic())))
    return out
