"""HTTP receivers: what the answer's status, body and headers lead to."""

import contextlib
import http.server
import threading

import pytest

from obsflow.adapters.delivery import Sender
from obsflow.notify import FailureClass, Outcome, Request, Step


@contextlib.contextmanager
def server(status, body, headers):
    """Answers every request alike; yields its address and what arrives."""
    arrived = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            content = self.rfile.read(int(self.headers["Content-Length"])).decode()
            arrived.append((self.command, self.path, self.headers["X-Key"], content))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}", arrived
        finally:
            listening.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [200, 429, 503])
def test_an_answer(status):
    """Its reader gets all of it, whatever the status."""
    answers = []
    with server(status, "\u00fc", {"Retry-After": "3"}) as (url, arrived):
        step = Step(
            Request("PUT", f"{url}/x?y=1", {"X-Key": "k"}, "b\u00fc"),
            lambda answer: answers.append(answer) or Outcome(),
        )
        assert Sender(5).send(step) == Outcome()
    assert arrived == [("PUT", "/x?y=1", "k", "b\u00fc")]
    assert [(each.status_code, each.body, each.retry_after_ms) for each in answers] == [(status, "\u00fc", 3_000)]


@pytest.mark.parametrize(
    ("url", "headers", "retry"),
    [
        ("http://127.0.0.1:1/hunter2", {}, True),
        ("http://127.0.0.1:1/a b\x7f hunter2", {}, True),
        ("http://127.0.0.1:hunter2/", {}, True),
        ("http://127.0.0.1:1/", {"X-Key": "hunter2\r\nX: y"}, True),
        ("http://127.0.0.1:1/", {"X-Key": "hunter2 \u2026"}, True),
        ("file:///hunter2", {}, False),
    ],
)
def test_what_cannot_be_sent(url, headers, retry):
    """Is told, not raised, and without the keys that stand in addresses and headers."""
    outcome = Sender(5).send(Step(Request("PUT", url, headers, ""), lambda _: pytest.fail("there is no answer")))
    assert (outcome.retry, outcome.failure) == (retry, FailureClass.OTHER)
    assert outcome.reason
    assert "hunter2" not in outcome.reason
